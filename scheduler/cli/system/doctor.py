"""`scheduler doctor`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler import keys, own_files, schema
from scheduler.app import App
from scheduler.base.config import TABLE
from scheduler.base.errors import SchedulerError
from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import print_json, print_table
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _
from scheduler.services import health
from scheduler.services.health import CheckResult, HealthFinding
from scheduler.services.operations import workers
from scheduler.services.operations.job_records import read_records
from scheduler.storage.types import Base

DATABASE = N_("database")
MIN_SECRET_LENGTH = 32  # characters
MAX_FILES = 3  # named in one finding
MAX_DIFFERENCES_LENGTH = 200  # characters


@click.command(help=N_("Show each setting and its source, what does not work and how to correct it."))
@as_json
@pass_context
@click.pass_context
def doctor(ctx: click.Context, context: CommandContext, as_json: bool) -> None:
    findings = list(_findings(context))
    settings = [
        {"key": row.key, "value": context.settings.shown(row.key), "source": context.settings.sources[row.key]}
        for row in TABLE
    ]
    if as_json:
        records = [_record(finding) for finding in findings]
        print_json({"settings": settings, "findings": records, **_activity(context, findings)})
    else:
        print_table(
            (N_("Setting"), N_("Value"), N_("From"), N_("Meaning")),
            (
                [one["key"], one["value"], _(one["source"]), _(row.help)]
                for one, row in zip(settings, TABLE, strict=True)
            ),
        )
        print_table(
            (N_("Check"), N_("State"), N_("Found"), N_("Remedy")),
            ([_(one.what), _(one.state), one.found, one.remedy] for one in findings),
        )
    if any(finding.state is CheckResult.FAILURE for finding in findings):
        ctx.exit(1)


def _record(finding: HealthFinding) -> dict[str, Any]:
    return {"what": finding.what, "state": finding.state, "found": finding.found, "remedy": finding.remedy}


def _activity(context: CommandContext, findings: Sequence[HealthFinding]) -> dict[str, Any]:
    """Return the workers of the last day and the last run of each job, if the tables are in order."""
    if not any(finding.what == DATABASE and finding.state is CheckResult.OK for finding in findings):
        return {}
    with context.read() as session:
        return {
            "workers": [_columns(row) for row in workers.find_workers(session, within=workers.KEPT_FOR)],
            "jobs": [_columns(row) for row in read_records(session).values()],
        }


def _columns(row: Base) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in row.__table__.columns}


def _findings(context: CommandContext) -> Iterator[HealthFinding]:
    """Check everything and change nothing, not even tables that are out of date."""
    app = App(context.settings, context.clock)
    yield health.check_time_zones(_)
    to_mend = N_("give every process the same long random text: SCHEDULER_SECRET, or SCHEDULER_SECRET_FILE")
    yield _finding(N_("secret"), lambda: _check_secret(app), to_mend)
    yield _check_files(app)
    yield _finding(N_("mail"), lambda: _check_mail(app), N_("check mail_url, and whether the server answers"))
    if app.settings.mail_in_url:
        mend_mailbox = N_("check mail_in_url, and whether the server answers")
        yield _finding(N_("mailbox of answers"), lambda: _check_mailbox(app), mend_mailbox)
    mend = N_("correct the file, or remove it")
    yield _finding(N_("forms of address"), lambda: ", ".join(app.address_forms.languages), mend)
    tables = _finding(DATABASE, lambda: _check_tables(app), N_("check database_url"))
    yield tables
    if tables.state is CheckResult.OK:
        with app.db.read() as session:
            yield from health.check_database(
                session, read_clock=context.clock.now, gettext=_, keep=context.settings.retention
            )
            yield from _check_senders(app, session, context.now())
            mode, most = context.settings.waiting_room, context.settings.waiting_room_inside
            yield health.check_waiting_room(session, mode=mode, most=most, gettext=_)
    app.close()


def _finding(what: str, check: Callable[[], str | HealthFinding], remedy: str) -> HealthFinding:
    """Return what a check finds; an error of ours is a failure, with this remedy."""
    try:
        found = check()
    except SchedulerError as error:
        return HealthFinding(what, CheckResult.FAILURE, error.text(_), _(remedy))
    return found if isinstance(found, HealthFinding) else HealthFinding(what, CheckResult.OK, found)


def _check_secret(app: App) -> str | HealthFinding:
    key = keys.find_secret(app.settings)
    if key is None:
        return _will_be_made(N_("secret")) if app.db.embedded else app.secret
    if len(key.value) < MIN_SECRET_LENGTH:
        raise SchedulerError("the secret is shorter than 32 characters")
    return _("set; source: {source}").format(source=key.source)


def _will_be_made(what: str) -> HealthFinding:
    return HealthFinding(what, CheckResult.NOTE, _("will be created at first use"))


def _check_files(app: App) -> HealthFinding:
    """Look for files of the program, and files with keys, that other users of this machine can open."""
    found = [*own_files.find_open(app.settings, app.db), *own_files.find_open_keys(app.settings)]
    if not found:
        return HealthFinding(N_("files"), CheckResult.OK, _("only their owner can open them"))
    some = [str(path) for path in found[:MAX_FILES]]
    said = _("other users of this machine can open {count}: {files}").format(count=len(found), files=", ".join(some))
    return HealthFinding(N_("files"), CheckResult.WARNING, said, f"chmod go= {' '.join(map(shlex.quote, some))}")


def _check_mail(app: App) -> str:
    app.channel.check()
    return app.settings.shown("mail_url")


def _check_mailbox(app: App) -> str:
    from scheduler.channels.imap_mailbox import check_mailbox

    check_mailbox(app.settings.mail_in_url)
    return app.settings.shown("mail_in_url")


def _check_tables(app: App) -> str | HealthFinding:
    name = DATABASE
    if app.db.embedded and app.db.url.database and not _exists(app):
        return _will_be_made(name)
    state = schema.read_state(app.db)
    if state.newer:
        return HealthFinding(name, CheckResult.FAILURE, _("made by a newer version"), _("upgrade the program"))
    if not state.up_to_date:
        found = _("tables are at {current}, the program expects {head}").format(
            current=state.current, head=state.head
        )
        return HealthFinding(name, CheckResult.FAILURE, found, "scheduler db upgrade")
    differences = schema.find_differences(app.db)
    if differences:
        return HealthFinding(
            name,
            CheckResult.FAILURE,
            "; ".join(differences)[:MAX_DIFFERENCES_LENGTH],
            _("restore a backup, or report this"),
        )
    return f"{app.settings.shown('database_url')} ({state.current})"


def _check_senders(app: App, session: Session, now: datetime) -> Iterator[HealthFinding]:
    """Check who sent forms, if there is a secret by which that is known; none is made for it."""
    if app.settings.secret or (app.settings.data_dir / "secret").exists():
        proxies, base_url = int(app.settings.trusted_proxies), app.settings.base_url
        yield health.check_senders(session, secret=app.secret, proxies=proxies, base_url=base_url, now=now, gettext=_)


def _exists(app: App) -> bool:
    from pathlib import Path

    return Path(str(app.db.url.database)).exists()

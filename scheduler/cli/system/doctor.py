"""`scheduler doctor`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler import schema
from scheduler.app import App
from scheduler.base.config import TABLE
from scheduler.base.errors import SchedulerError
from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import print_json, print_table
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _
from scheduler.services import health
from scheduler.services.health import CheckResult, HealthFinding

MIN_SECRET_LENGTH = 32  # characters
MAX_DIFFERENCES_LENGTH = 200  # characters


@click.command(help=N_("Say what is in force, where it comes from, what is out of order and how to mend it."))
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
        print_json({"settings": settings, "findings": [_record(finding) for finding in findings]})
    else:
        print_table(
            (N_("Setting"), N_("Value"), N_("From"), N_("Meaning")),
            (
                [one["key"], one["value"], _(one["source"]), _(row.help)]
                for one, row in zip(settings, TABLE, strict=True)
            ),
        )
        print_table(
            (N_("Check"), N_("State"), N_("Found"), N_("To mend it")),
            ([_(one.what), _(one.state), one.found, one.remedy] for one in findings),
        )
    if any(finding.state is CheckResult.FAILURE for finding in findings):
        ctx.exit(1)


def _record(finding: HealthFinding) -> dict[str, Any]:
    return {"what": finding.what, "state": finding.state, "found": finding.found, "remedy": finding.remedy}


def _findings(context: CommandContext) -> Iterator[HealthFinding]:
    """Check everything and change nothing, not even tables that are out of date."""
    app = App(context.settings, context.clock)
    yield health.check_time_zones(_)
    to_mend = N_("set SCHEDULER_SECRET to the same long random text everywhere")
    yield _finding(N_("secret"), lambda: _check_secret(app), to_mend)
    yield _finding(N_("mail"), lambda: _check_mail(app), N_("check mail_url, and that the server answers"))
    tables = _finding(N_("database"), lambda: _check_tables(app), N_("check database_url"))
    yield tables
    if tables.state is CheckResult.OK:
        with app.db.read() as session:
            yield from health.check_database(session, now=context.now(), gettext=_, keep=context.settings.retention)
            yield from _check_senders(app, session, context.now())
    app.close()


def _finding(what: str, check: Callable[[], str | HealthFinding], remedy: str) -> HealthFinding:
    """Return what a check finds; an error of ours is a failure, with this remedy."""
    try:
        found = check()
    except SchedulerError as error:
        return HealthFinding(what, CheckResult.FAILURE, error.text(_), _(remedy))
    return found if isinstance(found, HealthFinding) else HealthFinding(what, CheckResult.OK, found)


def _check_secret(app: App) -> str:
    kept = app.settings.data_dir / "secret"
    if app.settings.secret or kept.exists():
        length = len(app.secret)
        if length >= MIN_SECRET_LENGTH:
            return _("set")
        raise SchedulerError("the secret is shorter than 32 characters")
    if app.db.embedded:
        return _("will be made at first use")
    return app.secret


def _check_mail(app: App) -> str:
    app.channel.check()
    return app.settings.shown("mail_url")


def _check_tables(app: App) -> str | HealthFinding:
    name = N_("database")
    if app.db.embedded and app.db.url.database and not _exists(app):
        return HealthFinding(name, CheckResult.WARNING, _("will be made at first use"))
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

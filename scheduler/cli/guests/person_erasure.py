"""`scheduler person erase` and `retention`."""

from __future__ import annotations

from typing import Any

import click

from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import Columns, print_json, show
from scheduler.cli.kit.context import CommandContext, as_json, ask, pass_context, without_asking
from scheduler.cli.kit.language import _, language
from scheduler.cli.kit.records import format_instant
from scheduler.letter_files import find_naming, remove_forgotten
from scheduler.model.attendance import Answer
from scheduler.services.common.lookup import get_person as person_of
from scheduler.services.privacy import access_log, erasure
from scheduler.services.privacy import retention as schedule

MAX_COPIES = 50  # named in one go


@click.command(help=N_("Erase the personal data of a person; the totals stay the same."))
@click.argument("person")
@click.option(
    "--by",
    type=click.Choice([str(way) for way in Answer]),
    default=str(Answer.DESK),
    help=N_("Way in which the person asked."),
)
@click.option("--dry-run", is_flag=True, help=N_("Show what would change and stop."))
@without_asking
@pass_context
def erase(context: CommandContext, person: str, by: str, dry_run: bool, yes: bool) -> None:
    with context.read() as session:
        who = person_of(session, person)
        number = who.id
        click.echo(_("To be erased: {person}").format(person=f"#{number} {who.called(language())}"))
        for row in erasure.list_coming(session, who, now=context.now()):
            click.echo(_("Withdrawn from: {event}").format(event=row.event.key))
    if dry_run:
        return
    ask(_("This cannot be undone. Erase the data?"), yes=yes)
    with context.write() as session:
        found = person_of(session, f"#{number}")
        traces = erasure.find_traces(session, found)
        erasure.erase(session, found, by=Answer(by), now=context.now())
    click.echo(_("Erased: {person}").format(person=f"#{number}"))
    _follow(context, traces)


def _follow(context: CommandContext, traces: erasure.Traces) -> None:
    """Remove the letters kept as files, and name the copies that nobody but a person can reach."""
    removed = remove_forgotten(context.app)
    if removed:
        click.echo(_("E-mails kept as files, removed: {count}").format(count=removed))
    with context.read() as session:
        copies = access_log.list_copies(session, traces.events, since=traces.since)
    left = [*map(_describe_copy, copies), *map(str, find_naming(context.app, traces.addresses))]
    if left:
        click.echo(_("The data remain in these files; delete them, or remove this person from them:"))
    for line in left[:MAX_COPIES]:
        click.echo(f"  {line}")
    if len(left) > MAX_COPIES:
        click.echo("  " + _("… and {count} more").format(count=len(left) - MAX_COPIES))


def _describe_copy(copy: access_log.CopiedData) -> str:
    if copy.what == "backup":
        text = _("{file}: backup of {day}, made by {who}; contains the data until it is deleted")
    else:
        text = _("{file}: list of {event} of {day}, made by {who}")
    return text.format(file=copy.file, event=copy.what, day=f"{copy.at:%Y-%m-%d}", who=copy.by)


@click.command(help=N_("Show which visitors will be erased and when, by the setting retention_days."))
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help=N_("At most this many."))
@click.option("--run", is_flag=True, help=N_("Erase now what is due; the worker does this every night."))
@without_asking
@as_json
@pass_context
def retention(context: CommandContext, limit: int, run: bool, yes: bool, as_json: bool) -> None:
    if run:
        _run(context, yes=yes, as_json=as_json)
        return
    with context.read() as session:
        rows = schedule.list_schedule(session, keep=context.settings.retention, limit=limit)
    show([_record(row, context) for row in rows], COLUMNS, as_json=as_json, nothing=_("No visitors are recorded."))


def _run(context: CommandContext, *, yes: bool, as_json: bool) -> None:
    """Forget what is due, as the worker does. Raise Invalid if by the settings nothing is ever due."""
    from scheduler.worker.jobs import run_retention

    if context.settings.retention is None:
        raise Invalid("retention_days: is 0, so nothing is due; set it to a number of days")
    with context.read() as session:
        due = schedule.count_due(session, keep=context.settings.retention, now=context.now())
    question = _(
        "Visitors to be erased: {count}. This cannot be undone. Erase their data, and the notes of past events?"
    )
    ask(question.format(count=due), yes=yes)
    done = run_retention(context.app)
    if as_json:
        print_json(done)
        return
    sentence = _("Erased: people {people}, notes {notes}, addresses of e-mails {addresses}")
    click.echo(sentence.format(**done))


COLUMNS: Columns = {
    N_("Person"): "person",
    N_("Full name"): "name",
    N_("Events"): "events",
    N_("Last event"): "last",
    N_("To be erased"): lambda record: record["forgotten"] or _("not while an event has no end"),
}


def _record(row: schedule.KeptVisitor, context: CommandContext) -> dict[str, Any]:
    tzid = context.settings.timezone
    return {
        "person": f"#{row.number}",
        "name": row.name.to(language()),
        "events": row.events,
        "last_end": row.last_end,
        "last": format_instant(row.last_end, tzid),
        "forgotten_at": row.forgotten_at,
        "forgotten": format_instant(row.forgotten_at, tzid),
    }

"""`scheduler reminder kind ...`: the reminders that new events of a kind begin with."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.i18n import N_
from scheduler.cli.events.reminder_listing import read_reminder, with_audience, with_time_of_day
from scheduler.cli.kit.answers import Columns, Record, print_json, show
from scheduler.cli.kit.consent import carry_out, with_consent
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _
from scheduler.model.events import Kind, KindReminder
from scheduler.services.outbox import kind_reminders

KIND = click.Choice([str(kind) for kind in Kind])


@click.group(help=N_("Set the reminders that new events of a kind begin with."))
def kind() -> None:
    pass


@kind.command("list", help=N_("List the reminders that new events begin with."))
@click.argument("kind", type=KIND, required=False)
@as_json
@pass_context
def list_reminders(context: CommandContext, kind: str | None, as_json: bool) -> None:
    with context.read() as session:
        records = _read_records(session, Kind(kind) if kind else None)
    _show(records, as_json=as_json)


@kind.command(
    "add", help=N_('Let new events of a kind begin with a reminder, like: reminder kind add exhibition "1 day"')
)
@click.argument("kind", type=KIND)
@click.argument("before")
@with_time_of_day
@with_audience
@with_consent
@as_json
@pass_context
def add(
    context: CommandContext,
    /,
    kind: str,
    before: str,
    at_time: str | None,
    audience: str,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    draft = read_reminder(before, at_time, audience)

    def act(session: Session) -> list[Record]:
        given = {"at": draft.at, "audience": draft.audience}
        kind_reminders.add(session, Kind(kind), draft.before, **given, now=context.now())  # type: ignore[arg-type]
        return _read_records(session, Kind(kind))

    carry_out(
        context,
        act,
        lambda left: _show(left, as_json=as_json),
        yes=yes,
        dry_run=dry_run,
        as_json=as_json,
        needless=lambda _left: True,
    )


@kind.command("remove", help=N_("Let new events of a kind begin without a reminder."))
@click.argument("kind", type=KIND)
@click.argument("before")
@with_audience
@with_consent
@as_json
@pass_context
def remove(
    context: CommandContext, kind: str, before: str, audience: str, yes: bool, dry_run: bool, as_json: bool
) -> None:
    draft = read_reminder(before, None, audience)

    def act(session: Session) -> list[Record]:
        kind_reminders.remove(session, Kind(kind), draft.before, draft.audience, now=context.now())
        return _read_records(session, Kind(kind))

    carry_out(context, act, lambda left: _show(left, as_json=as_json), yes=yes, dry_run=dry_run, as_json=as_json)


COLUMNS: Columns = {
    N_("Kind"): lambda record: _(record["kind"]),
    N_("Before"): "before",
    N_("Time"): lambda record: record["at"] or "",
    N_("For"): lambda record: _(record["audience"]),
}


def _read_records(session: Session, kind: Kind | None) -> list[Record]:
    return [_make_record(row) for row in kind_reminders.list_reminders(session, kind)]


def _make_record(row: KindReminder) -> dict[str, Any]:
    return {"kind": row.kind, "before": str(row.before), "at": row.at, "audience": row.audience}


def _show(records: list[Record], *, as_json: bool) -> None:
    if as_json:
        print_json(records)
        return
    show(records, COLUMNS, as_json=False, nothing=_("New events begin without reminders."))

"""`scheduler reminder add`, `change` and `remove`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click
from sqlalchemy.orm import Session

from scheduler.base.i18n import N_
from scheduler.cli.events.reminder_listing import (
    COLUMNS,
    read_reminder,
    reminder_record,
    with_audience,
    with_time_of_day,
)
from scheduler.cli.kit.answers import Record, print_json, show
from scheduler.cli.kit.consent import carry_out, with_consent
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _
from scheduler.model.events import Event
from scheduler.services.common.lookup import get_for_update
from scheduler.services.events.programme.event_drafts import ReminderDraft
from scheduler.services.events.replanning import event_reminders

Planned = tuple[list[Record], bool]  # the reminders of the event then, and whether this one leaves


@click.command(help=N_('Remind before an event, like: reminder add opening "1 day" --at 09:00'))
@click.argument("event")
@click.argument("before")
@with_time_of_day
@with_audience
@with_consent
@as_json
@pass_context
def add(
    context: CommandContext,
    /,
    event: str,
    before: str,
    at_time: str | None,
    audience: str,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    draft = read_reminder(before, at_time, audience)

    def act(session: Session, found: Event) -> bool:
        return event_reminders.add(session, found, draft, now=context.now())

    _plan(context, event, act, yes=yes, dry_run=dry_run, as_json=as_json)


@click.command(help=N_("Change the time of a reminder."))
@click.argument("event")
@click.argument("before")
@with_time_of_day
@click.option("--to", help=N_('Other length of time before the event, like "2 days".'))
@with_audience
@with_consent
@as_json
@pass_context
def change(
    context: CommandContext,
    /,
    event: str,
    before: str,
    at_time: str | None,
    to: str | None,
    audience: str,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    was, draft = read_reminder(before, None, audience), read_reminder(to or before, at_time, audience)

    def act(session: Session, found: Event) -> bool:
        return event_reminders.replace(session, found, (was.before, was.audience), draft, now=context.now())

    _plan(context, event, act, yes=yes, dry_run=dry_run, as_json=as_json)


def _plan(
    context: CommandContext,
    event: str,
    plan: Callable[[Session, Event], bool],
    *,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Plan a reminder; ask first if its time has passed, so that it would not leave."""

    def act(session: Session) -> Planned:
        found = get_for_update(session, Event, event)
        leaves = plan(session, found)
        return _read_records(context, found), leaves

    def report(done: Planned) -> None:
        _show_left(done[0], as_json=as_json)
        if not done[1]:
            click.echo(
                _("! The time of this reminder has passed: it is sent only if the event is moved to a later date."),
                err=as_json,
            )

    carry_out(context, act, report, yes=yes, dry_run=dry_run, as_json=as_json, needless=lambda done: done[1])


@click.command(help=N_("Remove a reminder."))
@click.argument("event")
@click.argument("before")
@with_audience
@with_consent
@as_json
@pass_context
def remove(
    context: CommandContext, event: str, before: str, audience: str, yes: bool, dry_run: bool, as_json: bool
) -> None:
    draft: ReminderDraft = read_reminder(before, None, audience)

    def act(session: Session) -> list[Record]:
        found = get_for_update(session, Event, event)
        event_reminders.remove(session, found, (draft.before, draft.audience), now=context.now())
        return _read_records(context, found)

    def report(left: list[Record]) -> None:
        if not as_json:
            click.echo(_("Removed: {noun} {key}").format(noun=_("reminder"), key=f"{event} {before}"))
        _show_left(left, as_json=as_json)

    carry_out(context, act, report, yes=yes, dry_run=dry_run, as_json=as_json)


def _read_records(context: CommandContext, event: Event) -> list[Record]:
    return [reminder_record(row, now=context.now()) for row in event.reminders]


def _show_left(records: Sequence[Record], *, as_json: bool) -> None:
    if as_json:
        print_json(records)
        return
    show(records, COLUMNS, as_json=False, nothing=_("The event has no more reminders."))

"""`scheduler reminder add`, `change` and `remove`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, NotFound
from scheduler.base.i18n import N_
from scheduler.cli.events.reminder_listing import COLUMNS, read_reminder, reminder_record, with_audience
from scheduler.cli.kit.answers import Record, show
from scheduler.cli.kit.consent import carry_out, with_consent
from scheduler.cli.kit.context import CommandContext, pass_context
from scheduler.cli.kit.language import _
from scheduler.model.events import Event
from scheduler.services.common.lookup import get_for_update
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.event_drafts import ReminderDraft
from scheduler.services.events.programme.event_mapping import read_draft
from scheduler.services.outbox import reminders

Reminders = tuple[ReminderDraft, ...]


@click.command(help=N_('Remind before an event, like: reminder add opening "1 day" --at 09:00'))
@click.argument("event")
@click.argument("before")
@click.option("--at", "at_time", help=N_("Time of day in the event's time zone."))
@with_audience
@with_consent
@pass_context
def add(
    context: CommandContext, event: str, before: str, at_time: str | None, audience: str, yes: bool, dry_run: bool
) -> None:
    draft = read_reminder(before, at_time, audience)

    def with_added(planned: Reminders) -> Reminders:
        if any(_is_same(one, draft) for one in planned):
            raise Conflict("this reminder exists already; use: scheduler reminder change")
        return (*planned, draft)

    _plan(context, event, with_added, draft, yes=yes, dry_run=dry_run)


@click.command(help=N_("Change the time of day of a reminder."))
@click.argument("event")
@click.argument("before")
@click.option("--at", "at_time", help=N_("Time of day in the event's time zone."))
@with_audience
@with_consent
@pass_context
def change(
    context: CommandContext, event: str, before: str, at_time: str | None, audience: str, yes: bool, dry_run: bool
) -> None:
    draft = read_reminder(before, at_time, audience)
    _plan(context, event, lambda planned: (*_without(planned, draft), draft), draft, yes=yes, dry_run=dry_run)


def _plan(
    context: CommandContext,
    event: str,
    replace: Callable[[Reminders], Reminders],
    draft: ReminderDraft,
    *,
    yes: bool,
    dry_run: bool,
) -> None:
    """Plan a reminder; ask first if its time has passed, so that it would not leave."""

    def act(session: Session) -> tuple[list[Record], bool]:
        left = _replace_reminders(context, session, event, replace)
        found = get_for_update(session, Event, event)
        missed = reminders.find_missed(found, now=context.now())
        return left, any((one.before, one.audience) == (draft.before, draft.audience) for one, _due in missed)

    def report(done: tuple[list[Record], bool]) -> None:
        _show_left(done[0])
        if done[1]:
            click.echo(
                _("! The time of this reminder has passed: it is sent only if the event is moved to a later date.")
            )

    carry_out(context, act, report, yes=yes, dry_run=dry_run, needless=lambda done: not done[1])


@click.command(help=N_("Remove a reminder."))
@click.argument("event")
@click.argument("before")
@with_audience
@with_consent
@pass_context
def remove(context: CommandContext, event: str, before: str, audience: str, yes: bool, dry_run: bool) -> None:
    draft = read_reminder(before, None, audience)

    def act(session: Session) -> list[Record]:
        return _replace_reminders(context, session, event, lambda planned: _without(planned, draft))

    def report(left: list[Record]) -> None:
        click.echo(_("Removed: {noun} {key}").format(noun=_("reminder"), key=f"{event} {before}"))
        _show_left(left)

    carry_out(context, act, report, yes=yes, dry_run=dry_run)


def _is_same(one: ReminderDraft, other: ReminderDraft) -> bool:
    return (one.before, one.audience) == (other.before, other.audience)


def _without(planned: Reminders, draft: ReminderDraft) -> Reminders:
    """Return all reminders but this one. Raise NotFound if it is not among them."""
    rest = tuple(one for one in planned if not _is_same(one, draft))
    if len(rest) == len(planned):
        raise NotFound("there is no such reminder; see: scheduler reminder list")
    return rest


def _replace_reminders(
    context: CommandContext, session: Session, event: str, replace: Callable[[Reminders], Reminders]
) -> list[Record]:
    """Plan an event with other reminders than it has, and return those it has then."""
    found = get_for_update(session, Event, event)
    planned = read_draft(found).reminders or ()
    planning.change_event(session, found, now=context.now(), reminders=replace(planned))
    return [reminder_record(row, now=context.now()) for row in found.reminders]


def _show_left(records: Sequence[Record]) -> None:
    show(records, COLUMNS, as_json=False, nothing=_("The event has no more reminders."))

"""`scheduler reminder ...`"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click

from scheduler.base.date_parsing import format_duration, parse_duration
from scheduler.base.errors import Conflict, NotFound
from scheduler.base.i18n import N_
from scheduler.cli.kit.context import Columns, CommandContext, as_json, at, pass_context, show, show_one
from scheduler.cli.kit.language import _, language
from scheduler.model import Event, Reminder, ReminderAudience
from scheduler.services.common.drafts import check
from scheduler.services.common.lookup import get, get_for_update
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.event_drafts import ReminderDraft
from scheduler.services.events.programme.event_mapping import draft_of
from scheduler.services.letters.reminder_preview import all_reminders, preview

audience = click.option(
    "--audience",
    type=click.Choice([str(one) for one in ReminderAudience]),
    default=str(ReminderAudience.EVERYONE),
    help=N_("Whom it is for."),
)


@click.group(help=N_("Reminders before events, and who will get them."))
def reminder() -> None:
    pass


@reminder.command(help=N_('Remind before an event, like: reminder add opening "1 day" --at 09:00'))
@click.argument("event")
@click.argument("before")
@click.option("--at", "at_time", help=N_("Time of day in the event's zone."))
@audience
@pass_context
def add(context: CommandContext, event: str, before: str, at_time: str | None, audience: str) -> None:
    draft = _draft(before, at_time, audience)

    def added(there: tuple[ReminderDraft, ...]) -> tuple[ReminderDraft, ...]:
        if any(_same(one, draft) for one in there):
            raise Conflict("this reminder is there already; use: scheduler reminder change")
        return (*there, draft)

    _put(context, event, added)


@reminder.command(help=N_("Change the time of day of a reminder."))
@click.argument("event")
@click.argument("before")
@click.option("--at", "at_time", help=N_("Time of day in the event's zone."))
@audience
@pass_context
def change(context: CommandContext, event: str, before: str, at_time: str | None, audience: str) -> None:
    draft = _draft(before, at_time, audience)
    _put(context, event, lambda there: (*_without(there, draft), draft))


@reminder.command(help=N_("Take a reminder away."))
@click.argument("event")
@click.argument("before")
@audience
@pass_context
def remove(context: CommandContext, event: str, before: str, audience: str) -> None:
    draft = _draft(before, None, audience)
    _put(context, event, lambda there: _without(there, draft))


def _draft(before: str, at_time: str | None, audience: str) -> ReminderDraft:
    said = {"before": parse_duration(before), "audience": audience}
    return check(ReminderDraft, {**said, "at": at_time} if at_time else said)


def _same(one: ReminderDraft, other: ReminderDraft) -> bool:
    return (one.before, one.audience) == (other.before, other.audience)


def _without(there: tuple[ReminderDraft, ...], draft: ReminderDraft) -> tuple[ReminderDraft, ...]:
    rest = tuple(one for one in there if not _same(one, draft))
    if len(rest) == len(there):
        raise NotFound("there is no such reminder; see: scheduler reminder list")
    return rest


def _put(
    context: CommandContext, event: str, to: Callable[[tuple[ReminderDraft, ...]], tuple[ReminderDraft, ...]]
) -> None:
    with context.write() as session:
        found = get_for_update(session, Event, event)
        there = draft_of(found).reminders or ()
        planning.change_event(session, found, now=context.now(), reminders=to(there))
        records = [_record(one) for one in found.reminders]
    show(records, COLUMNS, as_json=False, nothing=_("No reminder is left."))


@reminder.command("list", help=N_("Every reminder that is still to leave; or all of one event."))
@click.argument("event", required=False)
@as_json
@pass_context
def list_reminders(context: CommandContext, event: str | None, as_json: bool) -> None:
    with context.read() as session:
        rows = get(session, Event, event).reminders if event else all_reminders(session)
        records = [_record(row) for row in rows]
    show(records, COLUMNS, as_json=as_json, nothing=_("No reminder is still to leave."))


@reminder.command("show", help=N_("One reminder of an event."))
@click.argument("event")
@click.argument("before")
@audience
@as_json
@pass_context
def show_reminder(context: CommandContext, event: str, before: str, audience: str, as_json: bool) -> None:
    draft = _draft(before, None, audience)
    with context.read() as session:
        for row in get(session, Event, event).reminders:
            if (row.offset, row.audience) == (draft.before, draft.audience):
                show_one(_record(row), as_json=as_json)
                return
    raise NotFound("there is no such reminder; see: scheduler reminder list")


COLUMNS: Columns = {
    N_("Leaves"): "leaves",
    N_("Before"): "before",
    N_("For"): lambda record: _(record["audience"]),
    N_("Event"): "event",
}


def _record(row: Reminder) -> dict[str, Any]:
    return {
        "event": row.event.key,
        "before": format_duration(row.offset),
        "at": row.at,
        "audience": row.audience,
        "next_due_at": row.next_due_at,
        "leaves": at(row.next_due_at, row.event.tzid),
        "fired_for": row.fired_for,
    }


@reminder.command("preview", help=N_("Who will get what, when, if nothing changes."))
@click.option("--days", type=click.IntRange(1, 366), default=7, show_default=True, help=N_("How far to look."))
@click.option("--event", help=N_("Only of this event."))
@as_json
@pass_context
def preview_reminders(context: CommandContext, days: int, event: str | None, as_json: bool) -> None:
    now = context.now()
    with context.read() as session:
        if event:
            get(session, Event, event)
        records = preview(session, now=now, until=now + timedelta(days=days), event=event, language=language())
    for record in records:
        record["leaves"] = at(record["due_at"], record["tzid"])
    show(records, PREVIEW, as_json=as_json, nothing=_("No reminder leaves in this time."))


PREVIEW: Columns = {
    N_("Leaves"): "leaves",
    N_("Event"): "title",
    N_("Before"): lambda record: format_duration(record["before"]),
    N_("To"): "name",
    N_("E-mail"): lambda record: record["address"] or _("no e-mail address"),
    N_("Language"): "language",
    N_("Own zone"): "own_tzid",
}

"""`scheduler reminder list`, `show` and `preview`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from scheduler.base.durations import parse_nominal
from scheduler.base.errors import NotFound
from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import Columns, show, show_one
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _, language
from scheduler.cli.kit.records import format_instant
from scheduler.model.events import Event, Reminder, ReminderAudience
from scheduler.services.common.lookup import get
from scheduler.services.events.programme.event_reading import pending_reminders
from scheduler.services.outbox.asking import counts_from_reply
from scheduler.services.outbox.reminders import explain_silence

if TYPE_CHECKING:
    from scheduler.services.events.programme.event_drafts import ReminderDraft

with_audience = click.option(
    "--audience",
    type=click.Choice([str(one) for one in ReminderAudience]),
    default=str(ReminderAudience.EVERYONE),
    help=N_("People who get the reminder."),
)
with_time_of_day = click.option("--at", "at_time", help=N_("Time of day in the event's time zone."))


@click.command("list", help=N_("List the reminders still to be sent, or all reminders of one event."))
@click.argument("event", required=False)
@as_json
@pass_context
def list_reminders(context: CommandContext, event: str | None, as_json: bool) -> None:
    with context.read() as session:
        rows = get(session, Event, event).reminders if event else pending_reminders(session)
        records = [reminder_record(row, now=context.now()) for row in rows]
    show(records, COLUMNS, as_json=as_json, nothing=_("No reminder is still to be sent."))


@click.command("show", help=N_("Show one reminder of an event."))
@click.argument("event")
@click.argument("before")
@with_audience
@as_json
@pass_context
def show_reminder(context: CommandContext, event: str, before: str, audience: str, as_json: bool) -> None:
    lead = parse_nominal(before)
    with context.read() as session:
        rows = get(session, Event, event).reminders if audience != ReminderAudience.CHOSEN else ()
        row = next((row for row in rows if (row.before, row.audience) == (lead, audience)), None)
        if row is None:
            raise _absent(before, audience)
        show_one(reminder_record(row, now=context.now()), as_json=as_json)


def _absent(before: str, audience: str) -> NotFound:
    """Return the error for a reminder that an event does not have. Raise Invalid for one that no event can have."""
    read_reminder(before, None, audience)
    return NotFound("there is no such reminder; see: scheduler reminder list")


def read_reminder(before: str, at_time: str | None, audience: str) -> ReminderDraft:
    """Return the reminder that was typed. Raise Invalid or Problems for one that no event can have."""
    # Here, because a list of reminders needs no drafts, and their library takes as long as its query.
    from scheduler.services.common.drafts import check
    from scheduler.services.events.programme.event_drafts import ReminderDraft

    values = {"before": parse_nominal(before), "audience": audience}
    return check(ReminderDraft, {**values, "at": at_time} if at_time else values)


COLUMNS: Columns = {
    N_("To be sent"): "leaves",
    N_("Before"): "before",
    N_("For"): lambda record: _(record["audience"]),
    N_("Event"): "event",
}


def reminder_record(row: Reminder, *, now: datetime) -> dict[str, Any]:
    """Return a reminder of an event; ``leaves`` is in words if it does not leave."""
    return {
        "event": row.event.key,
        "before": str(row.before),
        "at": row.at,
        "audience": row.audience,
        "counts_from": "reply by" if counts_from_reply(row.audience, row.event) else "start",
        "next_due_at": row.next_due_at,
        "leaves": format_instant(row.next_due_at, row.event.tzid) or _why_not(row, now),
        "fired_for": row.fired_for,
    }


def _why_not(row: Reminder, now: datetime) -> str:
    """Return why a reminder has no time at which it leaves."""
    said, due = explain_silence(row, row.event, now=now)
    return _(said).format(time=format_instant(due, row.event.tzid))


@click.command("preview", help=N_("Show who will get which reminder and when, if nothing changes."))
@click.option(
    "--days", type=click.IntRange(1, 366), default=7, show_default=True, help=N_("Number of days to look ahead.")
)
@click.option("--event", help=N_("Only of this event."))
@as_json
@pass_context
def preview_reminders(context: CommandContext, days: int, event: str | None, as_json: bool) -> None:
    from scheduler.services.outbox.reminder_preview import preview_letters

    now = context.now()
    with context.read() as session:
        if event:
            get(session, Event, event)
        records = preview_letters(
            session, now=now, until=now + timedelta(days=days), event=event, language=language()
        )
    for record in records:
        record["leaves"] = format_instant(record["due_at"], record["tzid"])
    show(records, PREVIEW, as_json=as_json, nothing=_("No reminder will be sent in this period."))


PREVIEW: Columns = {
    N_("To be sent"): "leaves",
    N_("Event"): "title",
    N_("Before"): lambda record: str(record["before"]),
    N_("To"): "name",
    N_("E-mail"): lambda record: record["address"] or _("no e-mail address"),
    N_("Language"): "language",
    N_("Own time zone"): "own_tzid",
}

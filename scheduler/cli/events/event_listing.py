"""`scheduler event list` and `show`."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import instant, wall
from scheduler.base.date_format import format_day
from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_, NC_
from scheduler.cli.kit.answers import Columns, show, show_one
from scheduler.cli.kit.context import CommandContext, as_json, in_zone, pass_context
from scheduler.cli.kit.language import _, language
from scheduler.cli.kit.records import format_instant
from scheduler.model.attendance import Standing
from scheduler.model.events import Event, Kind, Mode, Status, Visibility
from scheduler.model.places import City, Person, Venue
from scheduler.services.common.lookup import get
from scheduler.services.common.plain_values import drop_defaults, write_fields
from scheduler.services.events.programme import event_reading
from scheduler.services.events.programme.event_reading import EVENT_DEFAULTS, read_event
from scheduler.services.events.programme.event_times import format_time
from scheduler.services.events.programme.rendering.event_texts import format_location
from scheduler.services.events.programme.rendering.kind_names import KIND_NAMES
from scheduler.services.outbox.event_starts import upcoming_start

if TYPE_CHECKING:
    from scheduler.services.desk.calendar.calendar_view import CalendarEntry
    from scheduler.services.desk.calendar.days_off import DayOff


@click.command("list", help=N_("List the planned events, by start."))
@click.option("--since", help=N_("From this day on (default: today)."))
@click.option("--until", help=N_("Up to this day, not including it."))
@click.option("--all", "everything", is_flag=True, help=N_("Also events that are over."))
@click.option("--kind", type=click.Choice([str(kind) for kind in Kind]), help=N_("Only this kind."))
@click.option("--status", type=click.Choice([str(status) for status in Status]), help=N_("Only this status."))
@click.option("--city", help=N_("Only in this city."))
@click.option("--programme", "named", help=N_("Only events of this programme file."))
@in_zone
@as_json
@pass_context
def list_events(
    context: CommandContext,
    /,
    since: str | None,
    until: str | None,
    everything: bool,
    tz: str | None,
    as_json: bool,
    **only: Any,
) -> None:
    tzid = context.choose_zone(tz)
    only["programme"] = only.pop("named")
    with context.read() as session:
        if only["city"]:
            get(session, City, only["city"])
        events = event_reading.list_events(
            session,
            since=None if everything and not since else _midnight(context, since, tzid),
            until=_midnight(context, until, tzid) if until else None,
            **only,
        )
        now = context.now()
        records = [_record(event, now) for event in sorted(events, key=lambda event: _place_in_list(event, now))]
    show(records, COLUMNS, as_json=as_json, nothing=_("No events are planned."))


def _place_in_list(event: Event, now: datetime) -> tuple[bool, datetime, str]:
    """Return the sort key of an event: anniversaries stand at their next return, what has no date stands last."""
    start = upcoming_start(event, now=now) if event.kind is Kind.ANNIVERSARY else event.starts_at
    return start is None, start or now, event.key


def _midnight(context: CommandContext, typed: str | None, tzid: str) -> datetime:
    """Return the instant at which a day that was typed begins in a zone, or today without one."""
    from scheduler.base.date_parsing import parse_day  # reads four languages, for the few who name a day

    day = parse_day(typed, now=context.now(), tzid=tzid) if typed else wall(context.now(), tzid).date()
    return instant(datetime.combine(day, time()), tzid, gap="shift")


@click.command(
    "calendar",
    help=N_(
        "Show what is planned on some days as the calendar of the desk does: who comes, and what stands against it."
    ),
)
@click.option("--from", "first", help=N_("From this day on (default: today)."))
@click.option("--to", "last", help=N_("Up to this day, including it (default: 30 days later)."))
@click.option("--kind", type=click.Choice([str(kind) for kind in Kind]), help=N_("Only this kind."))
@click.option("--city", help=N_("Only in this city."))
@click.option("--venue", help=N_("Only at this venue."))
@click.option("--person", help=N_("Only what this person is expected at."))
@click.option("--days-off/--no-days-off", default=True, help=N_("Also public holidays and closing days of posts."))
@as_json
@pass_context
def show_calendar(
    context: CommandContext, /, first: str | None, last: str | None, days_off: bool, as_json: bool, **chosen: Any
) -> None:
    from scheduler.services.desk.calendar import calendar_events, calendar_view  # the list does not need all this
    from scheduler.services.desk.calendar.days_off import list_days_off

    now, tzid = context.now(), context.choose_zone(None)
    since = wall(_midnight(context, first, tzid), tzid).date()
    until = wall(_midnight(context, last, tzid), tzid).date() if last else since + timedelta(days=30)
    if not since <= until <= since + MOST_DAYS:
        raise Invalid("the last day must be at most {most} days after the first", most=MOST_DAYS.days)
    kind = Kind(chosen.pop("kind")) if chosen["kind"] else chosen.pop("kind")
    with context.read() as session:
        if chosen["city"]:
            get(session, City, chosen["city"])
        if chosen["venue"]:
            get(session, Venue, chosen["venue"])
        if chosen["person"]:
            get(session, Person, chosen["person"])
        wanted = calendar_events.CalendarFilter(kind=kind, **chosen)
        entries = calendar_view.list_between(session, wanted, since, until, visibilities=list(Visibility), now=now)
        today = wall(now, tzid).date()
        off = list_days_off(session, since, until, visibilities=list(Visibility), today=today) if days_off else {}
        records = [_record_entry(entry, now) for entry in entries]
        records += [_record_day_off(day, one) for day, one in off.items()]
    records.sort(key=lambda record: record["first_day"])
    show(records, CALENDAR_COLUMNS, as_json=as_json, nothing=_("No events are planned."))


MOST_DAYS = timedelta(days=400)
CALENDAR_COLUMNS: Columns = {
    N_("When"): "when",
    N_("Kind"): lambda record: _(KIND_NAMES[record["kind"]]) if record["kind"] else "",
    N_("Event"): "said",
    N_("Where"): "where",
    NC_("guests", "Coming"): "coming",
    N_("No reply"): "unanswered",
    N_("Contradictions"): lambda record: "; ".join(record["contradictions"]),
    N_("Key"): "key",
}


def _record_entry(entry: CalendarEntry, now: datetime) -> dict[str, Any]:
    event = entry.event
    return {
        "first_day": entry.first_on,
        "last_day": entry.last_on,
        "when": format_when(event, now),
        "key": event.key,
        "kind": event.kind,
        "said": event.title.to(language()),
        "where": format_location(event, language()),
        "status": event.status,
        "coming": entry.counts.of(Standing.CONFIRMED),
        "unanswered": entry.counts.unanswered,
        "appointments": entry.booked,
        "came_back": entry.came_back,
        "contradictions": [clash.error.text(_) for clash in entry.clashes],
    }


def _record_day_off(day: date, off: DayOff) -> dict[str, Any]:
    names = [f"{holiday.state} {holiday.to(language())}" for holiday in off.holidays]
    closed = [one.post.key for one in off.closed]
    said = [*names, *([_("closed: {posts}").format(posts=", ".join(closed))] if closed else [])]
    blank = dict.fromkeys(("key", "kind", "status", "coming", "unanswered", "appointments", "came_back"))
    return {
        **blank,
        "first_day": day,
        "last_day": day,
        "when": format_day(day, language()),
        "said": "; ".join(said),
        "where": "",
        "contradictions": [],
        "closed_posts": closed,
    }


COLUMNS: Columns = {
    N_("When"): lambda record: record["when"],
    N_("Kind"): lambda record: _(KIND_NAMES[record["kind"]]),
    N_("Event"): lambda record: record["said"],
    N_("Where"): lambda record: record["where"],
    N_("Status"): lambda record: _(record["status"]),
    N_("Places"): lambda record: record["places"],
    N_("Key"): "key",
}


def _record(event: Event, now: datetime) -> dict[str, Any]:
    return {
        "key": event.key,
        "uid": event.uid,
        "kind": event.kind,
        "title": dict(event.title),
        "said": event.title.to(language()),
        "when": format_when(event, now),
        "timing": event.timing,
        "dtstart": event.dtstart,
        "dtend": event.dtend,
        "tzid": event.tzid,
        "starts_at": event.starts_at,
        "ends_at": event.ends_at,
        "status": event.status,
        "visibility": event.visibility,
        "where": format_location(event, language()),
        "parent": event.parent.key if event.parent else None,
        "sequence": event.sequence,
        "places": _format_places(event),
    }


def format_when(event: Event, now: datetime | None = None) -> str:
    """Return the time of an event in the desk's language; of an anniversary, its next return after ``now``."""
    yearly = event.kind is Kind.ANNIVERSARY
    start = upcoming_start(event, now=now) if now and yearly else None
    lines = format_time(event, language(), None, start=start.isoformat() if start else None)
    if not lines:
        return _("date to be announced")
    day = f"{lines[0].time} ({lines[0].zone})" if lines[0].zone else lines[0].time
    return _("{day}, every year").format(day=day) if yearly else day


def _format_places(event: Event) -> str:
    """Return how many places are taken in the hall and by video, and of how many where there is a limit."""
    parts = []
    for mode, word in ((Mode.IN_PERSON, N_("hall")), (Mode.REMOTE, N_("video"))):
        capacity = next(one for one in event.capacities if one.mode is mode)
        if capacity.taken or capacity.capacity is not None:
            limit = "" if capacity.capacity is None else f"/{capacity.capacity}"
            parts.append(f"{_(word)} {capacity.taken}{limit}")
    return ", ".join(parts)


@click.command("show", help=N_("Show everything about one event."))
@click.argument("key")
@as_json
@pass_context
def show_event(context: CommandContext, key: str, as_json: bool) -> None:
    from scheduler.model.imports import Origin  # the list does not need it

    with context.read() as session:
        event = get(session, Event, key)
        origin = session.get(Origin, event.id)
        known = {**_record(event, context.now()), **_draft_fields(event), **_list_fields(session, event)}
        record = {**known, "imported_from": origin.source if origin else None}
    show_one(record, as_json=as_json)


def _draft_fields(event: Event) -> dict[str, Any]:
    """Return what was planned; the times of a file stand in ``dtstart`` and ``dtend`` already."""
    planned = write_fields(drop_defaults(read_event(event), EVENT_DEFAULTS))
    return {name: value for name, value in planned.items() if name not in ("dtstart", "dtend")}


def _list_fields(session: Session, event: Event) -> dict[str, Any]:
    return {
        "reminders": [
            {
                "before": str(reminder.before),
                "audience": reminder.audience,
                "next_due": format_instant(reminder.next_due_at, event.tzid),
            }
            for reminder in event.reminders
        ],
        "parts": [child.key for child in event.children],
        "presided_by": _people(session, event, "presides"),
        "guests_of_honour": _people(session, event, "guest of honour"),
        "revised": format_instant(event.revised_at, event.tzid),
    }


def _people(session: Session, event: Event, role: str) -> list[str]:
    """Return the names of those in this role by precedence, without those who declined, and who represents them."""
    from scheduler.model.attendance import ON_LIST, Attendee

    rows = sa.select(Attendee).where(
        Attendee.event_id == event.id, Attendee.role == role, Attendee.standing.in_(ON_LIST)
    )
    ordered = sorted(session.scalars(rows), key=lambda row: (row.person.precedence or 10_000, row.id))
    return [_name_with_deputy(row.person, row.represented_by) for row in ordered]


def _name_with_deputy(guest: Person, deputy: Person | None) -> str:
    name = guest.called(language())
    if deputy is None:
        return name
    return _("{person}, represented by {deputy}").format(person=name, deputy=deputy.called(language()))

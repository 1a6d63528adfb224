"""Hints beside the fields of the form of an event: the weekday, the reader's clock, the free hours of a venue.

Hints only tell; what is wrong is said when the form is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time

from flask import g
from sqlalchemy.orm import Session

from scheduler.base.clock import format_offset, instant, wall
from scheduler.base.date_format import format_day, format_day_short, format_lead, format_weekday, zone_city
from scheduler.base.durations import NominalDuration, parse_nominal
from scheduler.base.errors import SchedulerError
from scheduler.base.vocabulary import key_of_word
from scheduler.model.events import Kind, ReminderAudience, Timing
from scheduler.services.accounts import rights
from scheduler.services.desk.plan_moments import preview_reminders
from scheduler.services.desk.venue_days import read_venue_day
from scheduler.services.events.programme.rendering.opening_hours import list_holidays
from scheduler.web.kit.language import _
from scheduler.web.officers.kit.guard import officer
from scheduler.web.officers.planning.kind_forms import DAYS, FORMS, HOUR, HOUR_UNKNOWN
from scheduler.web.officers.planning.plan_reading import REMIND, PlanReader, name_reminder, split_reminder

USUAL = tuple(name_reminder(parse_nominal(lead), None, ReminderAudience.EVERYONE) for lead in ("1w", "1d", "2h"))


def list_ticks(typed: Iterable[str], kind: Kind) -> list[tuple[str, str]]:
    """Return the ticks for reminders, each with its words: those that are usual, then those that the form has."""
    usual = USUAL[:2] if FORMS[kind].known[:1] == (DAYS,) else USUAL
    others = sorted(name for name in typed if name.startswith(REMIND) and name not in usual)
    return [(name, _describe_tick(name)) for name in (*usual, *others)]


def _describe_tick(name: str) -> str:
    fields = dict(split_reminder(name))
    try:
        before = parse_nominal(fields["before"])
    except SchedulerError:
        return fields["before"]
    words = format_lead(before.length, g.language)
    at = f", {fields['at']}" if "at" in fields else ""
    whom = "" if fields["audience"] == ReminderAudience.EVERYONE else f" ({_(key_of_word(fields['audience']))})"
    return f"{words}{at}{whom}"


def make_hints(session: Session, reader: PlanReader, ticks: Iterable[str]) -> dict[str, str]:
    """Return what is said beside the fields, by their names; a field of which nothing is known has nothing."""
    hints = {
        "day": _describe_day(reader),
        "from": _describe_reader_clock(reader),
        "to": _describe_end(reader),
        "venue": _describe_venue(session, reader),
        "capacity": _describe_room(reader),
        "opens": _describe_moment(reader, "registration_opens"),
        "closes": _describe_moment(reader, "registration_closes"),
        "zone": _describe_zone(reader),
        **dict(_describe_reminders(reader, ticks)),
    }
    return {name: words for name, words in hints.items() if words}


def _describe_zone(reader: PlanReader) -> str:
    return f"{zone_city(reader.tzid, g.language)}, {format_offset(_get_start(reader) or reader.now, reader.tzid)}"


def _get_start(reader: PlanReader) -> datetime | None:
    return instant(reader.start, reader.tzid, gap="shift") if reader.start else None


def _describe_day(reader: PlanReader) -> str:
    day = reader.first_day
    if day is None:
        return ""
    state = reader.venue.country if reader.venue else ""
    holiday = bool(state and list_holidays(state, day, day))
    words = format_day(day, g.language)
    return " · ".join((words, _("public holiday"))) if holiday else words


def _describe_reader_clock(reader: PlanReader) -> str:
    """Return the hour on the reader's clock, or on that of the house, where it is another one than at the place."""
    start, own = _get_start(reader), g.tzid or reader.house_tz
    if start is None or reader.start is None:
        return ""
    theirs = wall(start, own)
    if theirs == reader.start:
        return ""
    shown = f"{theirs:%H:%M} {zone_city(own, g.language)}"
    return (
        shown if theirs.date() == reader.start.date() else f"{format_day_short(theirs.date(), g.language)}, {shown}"
    )


def _describe_end(reader: PlanReader) -> str:
    """Return when it ends, if that is a length of time that was typed, or on another day."""
    length, ends = reader.fields.get("duration"), reader.fields.get("dtend")
    if reader.start is None:
        return ""
    if isinstance(length, NominalDuration):
        ends = length.count_on(reader.start, reader.tzid)
        if ends.date() == reader.start.date():
            return f"{ends:%H:%M}"
    if ends is None or ends.date() <= reader.start.date():
        return ""
    return f"{format_day_short(ends.date(), g.language)}, {ends:%H:%M}"


def _describe_venue(session: Session, reader: PlanReader) -> str:
    if reader.venue is None or reader.first_day is None:
        return ""
    visible = rights.list_visibilities(officer())
    found = read_venue_day(session, reader.venue.key, reader.first_day, visibilities=visible, but=reader.event)
    day = format_day_short(reader.first_day, g.language)
    if found.closed:
        return _("Closed on {day}", day=day)
    if not found.free:
        return _("No free hours on {day}", day=day)
    hours = ", ".join(f"{start:%H:%M}–{end:%H:%M}" for start, end in found.free)
    return _("Free on {day}: {hours}", day=day, hours=hours)


def _describe_room(reader: PlanReader) -> str:
    """Return how many people the venue holds."""
    holds = reader.venue.capacity if reader.venue else None
    return "" if holds is None else _("The venue holds at most {count}.", count=holds)


def _describe_moment(reader: PlanReader, name: str) -> str:
    """Return a moment in full, which may have been typed as so long before the start."""
    at = reader.fields.get(name)
    return f"{format_day(at.date(), g.language, year=False)}, {at:%H:%M}" if at else ""


def _describe_reminders(reader: PlanReader, ticks: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the moment at which each reminder would leave, and that of another one that is typed."""
    known = reader.form["known"]
    timing = _TIMINGS.get(known)
    start = reader.start if known == HOUR else _midnight(reader.first_day)
    if timing is None or start is None:
        return
    for name in ticks:
        try:
            row: dict[str, object] = dict(split_reminder(name))
            (at,) = preview_reminders(start, reader.tzid, timing, [row], reply_by=reader.fields.get("reply_by"))
        except SchedulerError:
            continue
        yield name, _describe_instant(at, reader.tzid)


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time()) if day else None


def _describe_instant(at: datetime, tzid: str) -> str:
    local = wall(at, tzid)
    weekday = format_weekday(local.date(), g.language, short=True)
    return f"{weekday} {format_day_short(local.date(), g.language)}, {local:%H:%M}"


_TIMINGS = {HOUR: Timing.HOURS, HOUR_UNKNOWN: Timing.HOUR_TO_BE_ANNOUNCED, DAYS: Timing.DAYS}

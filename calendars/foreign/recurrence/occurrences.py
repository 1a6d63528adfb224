"""Which occurrence of a series a time means."""

from datetime import datetime

from calendars.foreign.events.event import ForeignEvent
from calendars.foreign.events.spans import Span, same_clock
from calendars.foreign.syntax.date_times import WrittenTime, day_of
from calendars.foreign.zones.tz_database import moved
from calendars.foreign.zones.tzid_resolution import TzidResolver, UnknownZone
from calendars.vevent import DateOrDateTime


def occurrence(written: WrittenTime, span: Span | ForeignEvent, zones: TzidResolver) -> DateOrDateTime:
    """Which occurrence of a series is meant, on the clock of its DTSTART.

    Exchange names those of an all-day series by a midnight in its zone: only the local date counts.
    """
    value, start = written.value, span.start if isinstance(span, Span) else span.dtstart
    if not isinstance(start, datetime):
        return zones.local_date(value) if isinstance(value, datetime) and written.tzid == "UTC" else day_of(value)
    if not isinstance(value, datetime):
        return datetime.combine(value, start.time())
    if same_clock(written, span):
        return value
    try:
        placed = zones.place(written.tzid, value)
    except UnknownZone:
        return value
    return moved(placed.wall, placed.tzid, span.tzid)

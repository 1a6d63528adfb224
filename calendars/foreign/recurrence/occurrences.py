"""The occurrence of a series that a written time refers to (RFC 5545 section 3.8.4.4)."""

from datetime import datetime

from calendars.foreign.events.event import ForeignEvent
from calendars.foreign.events.spans import Span, is_in_zone_of
from calendars.foreign.syntax.date_times import WrittenTime, to_date
from calendars.foreign.zones.tz_database import convert_wall_time
from calendars.foreign.zones.tzid_resolution import TzidResolver, UnknownZone
from calendars.vevent import DateOrDateTime


def find_occurrence(written: WrittenTime, span: Span | ForeignEvent, zones: TzidResolver) -> DateOrDateTime:
    """Find the occurrence of a series that a time refers to: return its start in the zone of DTSTART.

    Exchange refers to those of an all-day series by a midnight in its zone: only the local date counts.
    """
    value, start = written.value, span.start if isinstance(span, Span) else span.dtstart
    if not isinstance(start, datetime):
        if isinstance(value, datetime) and written.tzid == "UTC":
            return zones.find_local_date(value)
        return to_date(value)
    if not isinstance(value, datetime):
        return datetime.combine(value, start.time())
    if is_in_zone_of(written, span):
        return value
    try:
        placed = zones.place(written.tzid, value)
    except UnknownZone:
        return value
    return convert_wall_time(placed.wall, placed.tzid, span.tzid)

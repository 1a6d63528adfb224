"""Calendar files of other programs (RFC 5545), read into values; faults are mended where that is safe, and noted.

Pure: nothing that a file refers to is fetched. The lines are not read by icalendar, which keeps the time zones
that one file defines for the next file, reads a DATE with TZID as a midnight, and takes ten times as long.
"""

from calendars.foreign.events.event import ForeignEvent
from calendars.foreign.reading import Reading, read_calendar
from calendars.foreign.recurrence.series_expansion import apply_to_later, expand_series
from calendars.foreign.report.errors import ReadError
from calendars.foreign.report.notes import Note, Notes
from calendars.foreign.syntax.limits import Limits
from calendars.foreign.vcalendar import CalendarProperties
from calendars.foreign.zones.tzid_resolution import ZoneSource

__all__ = [
    "CalendarProperties",
    "ForeignEvent",
    "Limits",
    "Note",
    "Notes",
    "ReadError",
    "Reading",
    "ZoneSource",
    "apply_to_later",
    "expand_series",
    "read_calendar",
]

"""The calendars of others (RFC 5545), read into values: mended where that is safe, and every mend told.

Pure, and nothing is fetched that a file names. The lines are read here rather than by icalendar, which keeps
home-made time zones of one file for the next, reads a DATE with TZID as a midnight, and takes ten times as long.
"""

from calendars.foreign.events.event import ForeignEvent
from calendars.foreign.reading import Reading, read_calendar
from calendars.foreign.recurrence.series_expansion import expand_series
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
    "expand_series",
    "read_calendar",
]

"""An event of another program, as it was read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from calendars.foreign.zones.tzid_resolution import How
from calendars.vevent import Status, Transp, When

Class = Literal["PUBLIC", "PRIVATE", "CONFIDENTIAL"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """A VEVENT of another program (RFC 5545 section 3.6.1).

    All its times are on one clock: naive wall times in `tzid`, a zone of the tz database or "UTC"; or dates,
    with `tzid` empty and `dtend` the day after the last. `dtend` equals `dtstart` where no end is told.
    `written` is the TZID in the file, `how` the step that resolved it. `rrule` is checked, its UNTIL in UTC for
    times and a date for dates. `recurrence_id` is on the clock of the series, as are the keys of `overrides`.
    """

    line: int
    uid: str
    dtstart: When
    dtend: When
    tzid: str
    how: How
    written: str
    sequence: int = 0
    dtstamp: datetime | None = None
    last_modified: datetime | None = None
    summary: str = ""
    description: str = ""
    location: str = ""
    url: str = ""
    geo: tuple[float, float] | None = None
    status: Status = "CONFIRMED"
    transp: Transp = "OPAQUE"
    categories: tuple[str, ...] = ()
    classification: Class = "PUBLIC"
    organizer: str = ""  # the name only: never an address
    conference: str = ""
    rrule: str = ""
    rdates: tuple[When, ...] = ()
    exdates: tuple[When, ...] = ()
    recurrence_id: When | None = None
    overrides: tuple["Foreign", ...] = ()

    @property
    def all_day(self) -> bool:
        return not isinstance(self.dtstart, datetime)

    @property
    def recurring(self) -> bool:
        return bool(self.rrule or self.rdates)

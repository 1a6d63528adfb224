"""An event of another program, as it was read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from calendars.foreign.zones.tzid_resolution import ZoneSource
from calendars.vevent import DateOrDateTime, EventStatus, Transparency

Classification = Literal["PUBLIC", "PRIVATE", "CONFIDENTIAL"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignEvent:
    """A VEVENT of another program (RFC 5545 section 3.6.1).

    Its times are all in one zone: naive wall times in `tzid`, which is a zone of the tz database or "UTC"; or all
    are dates, with `tzid` empty and `dtend` the day after the last. `dtend` equals `dtstart` if the file gives no
    end. `written_tzid` is the TZID in the file, and `zone_source` tells how it was resolved. `rrule` is checked; its
    UNTIL is in UTC for times and a date for dates. `recurrence_id` is a time in the zone of the series. An override
    with `this_and_future` changes all later occurrences, too. `expanded` tells that the file has the whole series of
    an occurrence. `period_ends` has the ends of those occurrences that RDATE gives as a period, by their starts. Of
    an hour that comes twice, `fold` tells the second (PEP 495). Of a `cancellation` nothing counts but which event
    it names: its times may be made up.
    """

    line: int
    uid: str
    dtstart: DateOrDateTime
    dtend: DateOrDateTime
    tzid: str
    zone_source: ZoneSource
    written_tzid: str
    sequence: int = 0
    dtstamp: datetime | None = None
    last_modified: datetime | None = None
    summary: str = ""
    description: str = ""
    location: str = ""
    url: str = ""
    geo: tuple[float, float] | None = None
    status: EventStatus = "CONFIRMED"
    transp: Transparency = "OPAQUE"
    categories: tuple[str, ...] = ()
    classification: Classification = "PUBLIC"
    organizer: str = ""  # only the name, never an address
    conference: str = ""
    rrule: str = ""
    rdates: tuple[DateOrDateTime, ...] = ()
    exdates: tuple[DateOrDateTime, ...] = ()
    period_ends: Mapping[DateOrDateTime, DateOrDateTime] = field(default_factory=dict)
    recurrence_id: DateOrDateTime | None = None
    this_and_future: bool = False
    expanded: bool = False
    cancellation: bool = False
    overrides: tuple["ForeignEvent", ...] = ()

    @property
    def all_day(self) -> bool:
        return not isinstance(self.dtstart, datetime)

    @property
    def recurring(self) -> bool:
        return bool(self.rrule or self.rdates)

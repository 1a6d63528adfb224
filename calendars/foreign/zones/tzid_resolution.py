"""The resolution of a TZID to a zone of the tz database (RFC 5545 sections 3.2.19 and 3.6.5).

Programs name zones in their own ways, and a VTIMEZONE may define a custom zone. A TZID is resolved in steps, and
each event tells which step it was. Nothing is kept from one file to the next: a cache by name, such as that of
icalendar, would let the "Customized Time Zone" of one file shift the events of another.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from calendars.foreign.zones.clocks import Onset, ZoneClock
from calendars.foreign.zones.observances import ObservanceFields, read_clock
from calendars.foreign.zones.tz_database import convert_wall_time, find_iana_name, get_zone
from calendars.foreign.zones.vendor_names import (
    AMBIGUOUS,
    UTC_NAMES,
    parse_offset_name,
    resolve_displayed_name,
    resolve_suffix,
    resolve_windows_name,
)
from calendars.foreign.zones.zone_matching import find_zone

_COMPARED_YEARS = (1970, 2037)  # the tz database knows these in full
_MAX_SERIES_YEARS = 5  # of a series are compared
_MAX_COMPARISONS = 500  # of a custom zone in a range of years, per file


class ZoneSource(StrEnum):
    """The step that resolved the zone of an event."""

    DATE = "date"  # whole days have no zone
    UTC = "utc"
    IANA = "iana"
    VTIMEZONE = "vtimezone"  # the definition in the file, compared with the tz database
    WINDOWS = "windows"  # a Windows name, or the name that Outlook displays
    SUFFIX = "suffix"  # an IANA name behind a vendor's prefix
    OFFSET = "offset"  # a name such as GMT+0500
    CALENDAR = "calendar"  # unknown: the zone of its calendar was taken
    FLOATING = "floating"  # no TZID: the zone of its calendar or the default was taken
    ASKED = "asked"  # a person has chosen it
    GUESSED = "guessed"  # a person should be asked


class UnknownZone(ValueError):
    """No step resolves the zone, and there is no default."""


class ZoneDefinition(NamedTuple):
    """A VTIMEZONE, not yet interpreted: its observances, and the IANA name that libical adds."""

    observances: Sequence[ObservanceFields]
    location: str = ""


class PlacedTime(NamedTuple):
    """A naive wall time in a zone of the tz database."""

    wall: datetime
    tzid: str
    zone_source: ZoneSource


@dataclass(slots=True)
class TzidResolver:
    """Resolves the TZIDs of one VCALENDAR, or of a file before its calendars are known.

    `defined` has each VTIMEZONE by its TZID. `home` is the zone that the calendar names as its own, `default` the
    reader's zone, `floating` the one that a person has chosen for floating times, and `answers` those that a person
    has chosen for TZIDs. `comparisons` limits how often one file can cause a comparison with the tz database.
    """

    defined: Mapping[str, ZoneDefinition] = field(default_factory=dict)
    home: str = ""
    default: str = ""
    floating: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    comparisons: Iterator[int] = field(default_factory=lambda: iter(range(_MAX_COMPARISONS)))
    uncertain_tzids: set[str] = field(default_factory=set)
    _resolved: dict[tuple[str, int, int], "_Resolution"] = field(default_factory=dict)

    def make_for_calendar(self, defined: Mapping[str, ZoneDefinition], home: str) -> "TzidResolver":
        """Make the resolver of one calendar; it shares the limit and the uncertain TZIDs of the file."""
        return replace(self, defined=defined, home=home, _resolved={})

    def place(self, written: str | None, wall: datetime, last_year: int | None = None) -> PlacedTime:
        """Place a wall time in a zone of the tz database; without a TZID (None) it is floating time.

        `last_year` is given for a series, whose zone must fit for years. A single time that fits no zone keeps its
        instant and becomes UTC. Raise UnknownZone if the TZID cannot be resolved.
        """
        if written is None:
            return self._place_floating(wall, last_year)
        first = _clamp_year(wall.year)
        last = first if last_year is None else min(_clamp_year(max(last_year, wall.year)), first + _MAX_SERIES_YEARS)
        resolution = self._resolved.get((written, first, last))
        if resolution is None:
            resolution = self._resolved[written, first, last] = self._resolve(written, first, last)
        if resolution.clock is None:
            return _place_by_name(resolution, wall)
        placed = _place_by_clock(resolution, resolution.clock, wall, series=last_year is not None)
        if placed is None:
            self.uncertain_tzids.add(written)
            raise UnknownZone
        return placed

    def find_local_date(self, wall: datetime) -> date:
        """Find the date of a time in UTC in the zone of the calendar: Exchange writes whole days as such times."""
        if not (self.home or self.default):
            return wall.date()
        try:
            return convert_wall_time(wall, "UTC", self.place(self.home or self.default, wall).tzid).date()
        except UnknownZone:
            return wall.date()

    def _place_floating(self, wall: datetime, last_year: int | None) -> PlacedTime:
        """Place floating time (RFC 5545 section 3.3.5): as chosen, or in the calendar's own zone, or the reader's."""
        tzid = self.floating or self.home or self.default
        if not tzid:
            raise UnknownZone
        return self.place(tzid, wall, last_year)._replace(zone_source=ZoneSource.FLOATING)

    def _resolve(self, written: str, first: int, last: int) -> "_Resolution":
        """Resolve a TZID by the first step that can; the definition in the file ranks behind the tz database."""
        name = written.strip().strip('"')
        if (answer := self.answers.get(written)) is not None:
            return _Resolution(answer, ZoneSource.ASKED)
        if name.lower() in UTC_NAMES:
            return _Resolution("UTC", ZoneSource.UTC)
        if iana := find_iana_name(name):
            return _Resolution(iana, ZoneSource.IANA)
        return self._resolve_definition(written, name, first, last) or self._resolve_name(written, name, first, last)

    def _resolve_definition(self, written: str, name: str, first: int, last: int) -> "_Resolution | None":
        """Find a zone with the clock that the file defines; return None if it defines none that can be read."""
        definition = self.defined.get(written) or self.defined.get(name)
        if not definition or next(self.comparisons, None) is None:
            return None
        try:
            clock = read_clock(definition.observances, first, last)
        except (ValueError, OverflowError):
            return None
        if name.lower() == AMBIGUOUS or not name:
            self.uncertain_tzids.add(written)
        named = [
            find_iana_name(definition.location),
            resolve_windows_name(name, self.default),
            resolve_suffix(name),
            resolve_displayed_name(name, first),
        ]
        likely = next(filter(None, named), "")
        return _Resolution(find_zone(clock, [*named, *self._list_own_zones()]), ZoneSource.VTIMEZONE, clock, likely)

    def _list_own_zones(self) -> list[str]:
        """List the zones to try before all others: the calendar's and the reader's."""
        return [find_iana_name(self.home), self.default]

    def _resolve_name(self, written: str, name: str, first: int, last: int) -> "_Resolution":
        """Resolve a name outside the tz database without a definition."""
        if windows := resolve_windows_name(name, self.default):
            if name.lower() == AMBIGUOUS:
                return self._guess(written, windows)
            return _Resolution(windows, ZoneSource.WINDOWS)
        if suffix := resolve_suffix(name):
            return _Resolution(suffix, ZoneSource.SUFFIX)
        if displayed := resolve_displayed_name(name, first):
            return _Resolution(displayed, ZoneSource.WINDOWS)
        return self._resolve_offset(name, first, last) or self._fall_back(written, name, first, last)

    def _resolve_offset(self, name: str, first: int, last: int) -> "_Resolution | None":
        """Resolve a name such as GMT+0500: the own zones if they have that offset, else one that always has it."""
        offset = parse_offset_name(name)
        if offset is None:
            return None
        clock = ZoneClock((Onset(datetime(first - 1, 1, 1), offset, offset),), first, last)  # noqa: DTZ001
        return _Resolution(find_zone(clock, self._list_own_zones()), ZoneSource.OFFSET, clock)

    def _fall_back(self, written: str, name: str, first: int, last: int) -> "_Resolution":
        """Take the zone of the calendar, or else guess the reader's; either is uncertain."""
        if self.home and self.home not in (written, name):
            self.uncertain_tzids.add(written)
            home = self._resolve(self.home, first, last)
            guessed = home.zone_source is ZoneSource.GUESSED
            return home._replace(zone_source=ZoneSource.GUESSED if guessed else ZoneSource.CALENDAR)
        return self._guess(written, self.default)

    def _guess(self, written: str, tzid: str) -> "_Resolution":
        self.uncertain_tzids.add(written)
        return _Resolution(tzid, ZoneSource.GUESSED)


def _clamp_year(year: int) -> int:
    first, last = _COMPARED_YEARS
    return min(max(year, first), last)


class _Resolution(NamedTuple):
    """The zone that a TZID stands for; if the file defines a `clock` for it, each time is compared with that.

    `tzid` is "" if no zone keeps that clock; `likely` is the zone that the name suggests all the same.
    """

    tzid: str
    zone_source: ZoneSource
    clock: ZoneClock | None = None
    likely: str = ""


def _place_by_name(resolution: _Resolution, wall: datetime) -> PlacedTime:
    if not resolution.tzid:
        raise UnknownZone
    return PlacedTime(wall, resolution.tzid, resolution.zone_source)


def _place_by_clock(resolution: _Resolution, clock: ZoneClock, wall: datetime, *, series: bool) -> PlacedTime | None:
    """Place a time in the zone with that clock, or in the likely one if it has the offset then; else in UTC.

    A series is not placed in UTC, where its hours would shift with summer time and its weekdays might change:
    return None.
    """
    offset = clock.find_offset(wall)
    for tzid in (resolution.tzid, resolution.likely):
        if tzid and wall.replace(tzinfo=get_zone(tzid)).utcoffset() == offset:
            return PlacedTime(wall, tzid, resolution.zone_source)
    return None if series else PlacedTime(wall - offset, "UTC", resolution.zone_source)

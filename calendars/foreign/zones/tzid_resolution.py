"""Which zone of the tz database a foreign calendar means by a TZID (RFC 5545 sections 3.2.19 and 3.6.5).

Every program names zones its own way, and a VTIMEZONE may be made at home. A name is resolved in steps, and
the step is told. Nothing is kept from one file to the next: a cache by name, as icalendar has it, lets the
"Customized Time Zone" of one file shift the events of another.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from calendars.foreign.zones.clocks import Onset, ZoneClock
from calendars.foreign.zones.observances import ObservanceFields, clock_of
from calendars.foreign.zones.tz_database import iana_name, moved, zone
from calendars.foreign.zones.vendor_names import (
    DOUBTFUL,
    UTC_NAMES,
    shown_name,
    suffix_name,
    told_distance,
    windows_name,
)
from calendars.foreign.zones.zone_matching import matching_zone

_YEARS = (1970, 2037)  # a home-made zone is compared in years that the tz database knows
_SPAN = 5  # how many years of an endless series are compared
_MATCHES = 500  # how many home-made zones times years one file may make us compare


class ZoneSource(StrEnum):
    """The step that told the zone of an event."""

    DATE = "date"  # whole days have none
    UTC = "utc"
    IANA = "iana"
    VTIMEZONE = "vtimezone"  # the file's own definition, compared with the tz database
    WINDOWS = "windows"  # a Windows name, or what Outlook shows in its place
    SUFFIX = "suffix"  # an IANA name behind the prefix of a vendor
    OFFSET = "offset"  # a name such as GMT+0500
    CALENDAR = "calendar"  # unknown: the zone of its calendar was taken
    FLOATING = "floating"  # none was written: the zone of its calendar or the default was taken
    ASKED = "asked"  # a person has said so
    GUESSED = "guessed"  # a person should be asked


class UnknownZone(ValueError):
    """No step tells the zone, and no default was given."""


class ZoneDefinition(NamedTuple):
    """A VTIMEZONE, unread: its observances, and the IANA name that libical adds to it."""

    observances: Sequence[ObservanceFields]
    location: str = ""


class PlacedTime(NamedTuple):
    """A time on the wall clock of a zone of the tz database."""

    wall: datetime
    tzid: str
    zone_source: ZoneSource


@dataclass(slots=True)
class TzidResolver:
    """The zones of one VCALENDAR, or before its own are known.

    `defined` has each VTIMEZONE by its TZID; `home` is the TZID that the calendar itself
    names, `default` the reader's own zone, `answers` what a person has said of a TZID. `matches` bounds how
    often a file can make us compare.
    """

    defined: Mapping[str, ZoneDefinition] = field(default_factory=dict)
    home: str = ""
    default: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    matches: Iterator[int] = field(default_factory=lambda: iter(range(_MATCHES)))
    uncertain_tzids: set[str] = field(default_factory=set)
    _resolved: dict[tuple[str, int, int], "_Match"] = field(default_factory=dict)

    def of_calendar(self, defined: Mapping[str, ZoneDefinition], home: str) -> "TzidResolver":
        """Those of a calendar in a file: its names are its own, the bounds are the file's."""
        return replace(self, defined=defined, home=home, _resolved={})

    def place(self, written: str | None, wall: datetime, last_year: int | None = None) -> PlacedTime:
        """The wall time in a zone of the tz database; no TZID at all (None) is floating time.

        `last_year` is given for a series, whose clock must hold for years; a single time that fits no zone
        keeps its instant and becomes UTC. Raises UnknownZone.
        """
        if written is None:
            return self._floating(wall, last_year)
        first = _known_year(wall.year)
        last = first if last_year is None else min(_known_year(max(last_year, wall.year)), first + _SPAN)
        match = self._resolved.get((written, first, last))
        if match is None:
            match = self._resolved[written, first, last] = self._match(written, first, last)
        if match.clock is None:
            return _placed(match, wall)
        placed = _by_definition(match, match.clock, wall, series=last_year is not None)
        if placed is None:
            self.uncertain_tzids.add(written)
            raise UnknownZone
        return placed

    def local_date(self, wall: datetime) -> date:
        """The day of an instant in UTC on the clock of the calendar: whole days are told so by Exchange."""
        if not (self.home or self.default):
            return wall.date()
        try:
            return moved(wall, "UTC", self.place(None, wall).tzid).date()
        except UnknownZone:
            return wall.date()

    def _floating(self, wall: datetime, last_year: int | None) -> PlacedTime:
        """RFC 5545 section 3.3.5: the zone of whoever reads it, unless the calendar names its own."""
        if not (self.home or self.default):
            raise UnknownZone
        return self.place(self.home or self.default, wall, last_year)._replace(zone_source=ZoneSource.FLOATING)

    def _match(self, written: str, first: int, last: int) -> "_Match":
        """The steps, in their order; the file's own definition counts for names outside the tz database."""
        name = written.strip().strip('"')
        if (answer := self.answers.get(written)) is not None:
            return _Match(answer, ZoneSource.ASKED)
        if name.lower() in UTC_NAMES:
            return _Match("UTC", ZoneSource.UTC)
        if iana := iana_name(name):
            return _Match(iana, ZoneSource.IANA)
        return self._defined(written, name, first, last) or self._known(written, name, first, last)

    def _defined(self, written: str, name: str, first: int, last: int) -> "_Match | None":
        definition = self.defined.get(written) or self.defined.get(name)
        if not definition or next(self.matches, None) is None:
            return None
        try:
            clock = clock_of(definition.observances, first, last)
        except (ValueError, OverflowError):
            return None  # a definition that cannot be read is as good as none
        if name.lower() == DOUBTFUL or not name:
            self.uncertain_tzids.add(written)
        by_name = (windows_name(name, self.default), suffix_name(name), shown_name(name, first))
        spoken = [iana_name(definition.location), *by_name]
        likely = next(filter(None, spoken), "")
        return _Match(matching_zone(clock, [*spoken, *self._own()]), ZoneSource.VTIMEZONE, clock, likely)

    def _own(self) -> list[str]:
        """The zones to try before any stranger's: the calendar's, and the reader's."""
        return [iana_name(self.home), self.default]

    def _known(self, written: str, name: str, first: int, last: int) -> "_Match":
        if windows := windows_name(name, self.default):
            if name.lower() == DOUBTFUL:
                return self._guess(written, windows)
            return _Match(windows, ZoneSource.WINDOWS)
        if suffix := suffix_name(name):
            return _Match(suffix, ZoneSource.SUFFIX)
        if shown := shown_name(name, first):
            return _Match(shown, ZoneSource.WINDOWS)
        return self._by_distance(name, first, last) or self._otherwise(written, name, first, last)

    def _by_distance(self, name: str, first: int, last: int) -> "_Match | None":
        """GMT+0500: the reader's own zone if it keeps that distance from UTC, else one that always does."""
        distance = told_distance(name)
        if distance is None:
            return None
        clock = ZoneClock((Onset(datetime(first - 1, 1, 1), distance, distance),), first, last)  # noqa: DTZ001
        return _Match(matching_zone(clock, self._own()), ZoneSource.OFFSET, clock)

    def _otherwise(self, written: str, name: str, first: int, last: int) -> "_Match":
        if self.home and self.home not in (written, name):
            self.uncertain_tzids.add(written)
            home = self._match(self.home, first, last)
            return home._replace(
                zone_source=ZoneSource.CALENDAR if home.zone_source is not ZoneSource.GUESSED else ZoneSource.GUESSED
            )
        return self._guess(written, self.default)

    def _guess(self, written: str, tzid: str) -> "_Match":
        self.uncertain_tzids.add(written)
        return _Match(tzid, ZoneSource.GUESSED)


def _known_year(year: int) -> int:
    first, last = _YEARS
    return min(max(year, first), last)


class _Match(NamedTuple):
    """The zone a TZID stands for; with a `clock`, the file's own, each time is compared with it.

    `tzid` is "" where no zone keeps that clock; `likely` is the zone that its name speaks of all the same.
    """

    tzid: str
    zone_source: ZoneSource
    clock: ZoneClock | None = None
    likely: str = ""


def _placed(match: _Match, wall: datetime) -> PlacedTime:
    if not match.tzid:
        raise UnknownZone
    return PlacedTime(wall, match.tzid, match.zone_source)


def _by_definition(match: _Match, clock: ZoneClock, wall: datetime, *, series: bool) -> PlacedTime | None:
    """The time in the zone that keeps the same clock, or at least has it at that hour; else in UTC.

    Not so a series: in UTC its hours would wander with summer time, and its weekdays might be others.
    """
    distance = clock.distance(wall)
    for tzid in (match.tzid, match.likely):
        if tzid and wall.replace(tzinfo=zone(tzid)).utcoffset() == distance:
            return PlacedTime(wall, tzid, match.zone_source)
    return None if series else PlacedTime(wall - distance, "UTC", match.zone_source)

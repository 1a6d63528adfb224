"""Which zone of the tz database a foreign calendar means by a TZID (RFC 5545 sections 3.2.19 and 3.6.5).

Every program names zones its own way, and a VTIMEZONE may be made at home. A name is resolved in steps, and
the step is told. Nothing is kept from one file to the next: a cache by name, as icalendar has it, lets the
"Customized Time Zone" of one file shift the events of another.
"""

import re
from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from calendars.vevent import WEEKDAYS

Fields = Mapping[str, str]  # the properties of one STANDARD or DAYLIGHT, without their parameters

_UTC_NAMES = frozenset(("utc", "uct", "z", "zulu", "universal", "gmt", "greenwich", "etc/utc", "etc/uct", "etc/gmt"))
_NO_ZONES = frozenset(("Factory", "localtime"))  # files of the tz database that name no zone
_YEARS = (1970, 2037)  # a home-made zone is compared in years that the tz database knows
_SPAN = 5  # how many years of an endless series are compared
_AROUND = timedelta(hours=2)  # what home-made rules may miss a change of the clock by: "23:59:59", "03:00"
_MATCHES = 500  # how many home-made zones times years one file may make us compare
_OBSERVANCES = 500
_NEVER = datetime(9999, 1, 1)  # noqa: DTZ001
_RULES = 10  # how many rules may move the clock in one stretch of years

# Windows kept this name for Bishkek when Kazakhstan moved to +05 in 2024; a Kazakh Outlook may still write it.
_DOUBTFUL = "central asia standard time"
_KAZAKH = ("Asia/Almaty", "Asia/Qostanay")


class How(StrEnum):
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


class Definition(NamedTuple):
    """A VTIMEZONE, unread: its observances, and the IANA name that libical adds to it."""

    observances: Sequence[Fields]
    location: str = ""


class Placed(NamedTuple):
    """A time on the wall clock of a zone of the tz database."""

    wall: datetime
    tzid: str
    how: How


@lru_cache(maxsize=1024)
def zone(tzid: str) -> ZoneInfo:
    """The zone of that name in the tz database; ZoneInfo itself keeps only eight."""
    return ZoneInfo(tzid)


def moved(wall: datetime, tzid: str, to: str) -> datetime:
    """The same instant on the clock of another zone."""
    if tzid == to:
        return wall
    return wall.replace(tzinfo=zone(tzid)).astimezone(zone(to)).replace(tzinfo=None)


def instant(wall: datetime, tzid: str) -> datetime:
    return wall.replace(tzinfo=zone(tzid)).astimezone(UTC)


def _known_year(year: int) -> int:
    first, last = _YEARS
    return min(max(year, first), last)


@dataclass(slots=True)
class Zones:
    """The zones of one VCALENDAR, or before its own are known.

    `defined` has each VTIMEZONE by its TZID; `home` is the TZID that the calendar itself
    names, `default` the reader's own zone, `answers` what a person has said of a TZID. `matches` bounds how
    often a file can make us compare.
    """

    defined: Mapping[str, Definition] = field(default_factory=dict)
    home: str = ""
    default: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    matches: Iterator[int] = field(default_factory=lambda: iter(range(_MATCHES)))
    unsure: set[str] = field(default_factory=set)
    _resolved: dict[tuple[str, int, int], "_Match"] = field(default_factory=dict)

    def of_calendar(self, defined: Mapping[str, Definition], home: str) -> "Zones":
        """Those of a calendar in a file: its names are its own, the bounds are the file's."""
        return replace(self, defined=defined, home=home, _resolved={})

    def place(self, written: str | None, wall: datetime, last_year: int | None = None) -> Placed:
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
            self.unsure.add(written)
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

    def _floating(self, wall: datetime, last_year: int | None) -> Placed:
        """RFC 5545 section 3.3.5: the zone of whoever reads it, unless the calendar names its own."""
        if not (self.home or self.default):
            raise UnknownZone
        return self.place(self.home or self.default, wall, last_year)._replace(how=How.FLOATING)

    def _match(self, written: str, first: int, last: int) -> "_Match":
        """The steps, in their order; the file's own definition counts for names outside the tz database."""
        name = written.strip().strip('"')
        if (answer := self.answers.get(written)) is not None:
            return _Match(answer, How.ASKED)
        if name.lower() in _UTC_NAMES:
            return _Match("UTC", How.UTC)
        if iana := iana_name(name):
            return _Match(iana, How.IANA)
        return self._defined(written, name, first, last) or self._known(written, name, first, last)

    def _defined(self, written: str, name: str, first: int, last: int) -> "_Match | None":
        definition = self.defined.get(written) or self.defined.get(name)
        if not definition or next(self.matches, None) is None:
            return None
        try:
            clock = _clock(definition.observances, first, last)
        except (ValueError, OverflowError):
            return None  # a definition that cannot be read is as good as none
        if name.lower() == _DOUBTFUL or not name:
            self.unsure.add(written)
        spoken = [iana_name(definition.location), _windows(name, self.default), _suffix(name), _shown(name, first)]
        likely = next(filter(None, spoken), "")
        return _Match(_matching(clock, [*spoken, *self._own()]), How.VTIMEZONE, clock, likely)

    def _own(self) -> list[str]:
        """The zones to try before any stranger's: the calendar's, and the reader's."""
        return [iana_name(self.home), self.default]

    def _known(self, written: str, name: str, first: int, last: int) -> "_Match":
        if windows := _windows(name, self.default):
            if name.lower() == _DOUBTFUL:
                return self._guess(written, windows)
            return _Match(windows, How.WINDOWS)
        if suffix := _suffix(name):
            return _Match(suffix, How.SUFFIX)
        if shown := _shown(name, first):
            return _Match(shown, How.WINDOWS)
        return self._by_distance(name, first, last) or self._otherwise(written, name, first, last)

    def _by_distance(self, name: str, first: int, last: int) -> "_Match | None":
        """GMT+0500: the reader's own zone if it keeps that distance from UTC, else one that always does."""
        distance = _distance(name)
        if distance is None:
            return None
        clock = _Clock((_Onset(datetime(first - 1, 1, 1), distance, distance),), first, last)  # noqa: DTZ001
        return _Match(_matching(clock, self._own()), How.OFFSET, clock)

    def _otherwise(self, written: str, name: str, first: int, last: int) -> "_Match":
        if self.home and self.home not in (written, name):
            self.unsure.add(written)
            home = self._match(self.home, first, last)
            return home._replace(how=How.CALENDAR if home.how is not How.GUESSED else How.GUESSED)
        return self._guess(written, self.default)

    def _guess(self, written: str, tzid: str) -> "_Match":
        self.unsure.add(written)
        return _Match(tzid, How.GUESSED)


# --- names -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _iana() -> dict[str, str]:
    """The names of the tz database, by themselves in small letters."""
    return {name.lower(): name for name in available_timezones() - _NO_ZONES}


def iana_name(name: str) -> str:
    """The name in the spelling of the tz database, or nothing."""
    return _iana().get(name.strip().lower().replace(" ", "_"), "")


_RENAMED = {  # CLDR keeps the names of its first day
    "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
    "America/Godthab": "America/Nuuk",
    "America/Indianapolis": "America/Indiana/Indianapolis",
    "Asia/Calcutta": "Asia/Kolkata",
    "Asia/Katmandu": "Asia/Kathmandu",
    "Asia/Rangoon": "Asia/Yangon",
    "Europe/Kiev": "Europe/Kyiv",
}


@lru_cache(maxsize=1)
def _windows_names() -> dict[str, str]:
    return {name.lower(): _plain(_RENAMED.get(tzid, tzid)) for name, tzid in WINDOWS_TO_OLSON.items()}


def _plain(tzid: str) -> str:
    return "UTC" if tzid.lower() in _UTC_NAMES else tzid


def _windows(name: str, default: str) -> str:
    """Microsoft's name, by the table of CLDR; one of them means Almaty to a reader in Kazakhstan."""
    if name.lower() == _DOUBTFUL and default in _KAZAKH:
        return default
    return _windows_names().get(name.lower(), "")


def _suffix(name: str) -> str:
    """What stands behind a vendor's prefix: /freeassociation.sourceforge.net/Tzfile/Europe/Berlin."""
    parts = [part for part in name.split("/", 8) if part]
    for start in range(1 if not name.startswith("/") else 0, len(parts)):
        if tzid := iana_name("/".join(parts[start:])):
            return _plain(tzid)
    return ""


_SHOWN = re.compile(r"\(?(?:UTC|GMT)?\s*(?:([+-])?(\d{1,2}):?(\d\d)?)?\)?\s*(.*)", re.IGNORECASE | re.DOTALL)
_DISTANCE = re.compile(r"\(?(?:UTC|GMT)?\s*([+-])\s*(\d{1,2}):?([0-5]\d)?\)?", re.IGNORECASE)


def _distance(name: str) -> timedelta | None:
    """How far east of UTC a name such as GMT+0500 or (UTC-03:30) says, if it says only that."""
    found = _DISTANCE.fullmatch(name[:20])
    return _east(found[1], found[2], found[3]) if found else None


def _east(sign: str | None, hours: str, minutes: str | None) -> timedelta:
    distance = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return -distance if sign == "-" else distance


def _shown(name: str, year: int) -> str:
    """What Outlook shows for a zone: (UTC+01:00) Amsterdam, Berlin, Bern; its distance is the winter's."""
    found = _SHOWN.fullmatch(name[:200])
    if not found or not found[4]:
        return ""
    east = _east(found[1], found[2], found[3]) if found[2] else None
    for piece in re.split(r"[,:;/&]", found[4].partition("(")[0]):
        tzid = _called(piece.strip().lower())
        if tzid and east in (None, _winter(tzid, year)):
            return tzid
    return ""


def _called(piece: str) -> str:
    windows = _windows_names().get(piece.removesuffix(" time") + " standard time", "")
    return windows or _cities().get(piece.replace(" ", "_"), "")


@lru_cache(maxsize=1)
def _cities() -> dict[str, str]:
    names = sorted(_iana().values(), reverse=True)  # of two that are so called, Asia's before US/...
    return {name.rpartition("/")[2].lower(): name for name in names if "/" in name and not name.startswith("Etc/")}


def _winter(tzid: str, year: int) -> timedelta:
    january, july = (datetime(year, month, 1, tzinfo=zone(tzid)).utcoffset() for month in (1, 7))
    return min(january or timedelta(0), july or timedelta(0))


# --- home-made zones -------------------------------------------------------------------------------------


class _Onset(NamedTuple):
    """One change of a home-made clock; `at` is in UTC, the distances lie east of it."""

    at: datetime
    before: timedelta
    after: timedelta


class _Clock(NamedTuple):
    """A home-made zone in some years: its changes in order, the first of them before those years."""

    onsets: tuple[_Onset, ...]
    first: int
    last: int

    def distance(self, wall: datetime) -> timedelta:
        """What a wall time is ahead of UTC; where the clock is put forward, before; where back, the first."""
        distance = self.onsets[0].before
        for onset in self.onsets:
            if onset.at + max(onset.before, onset.after) > wall:
                break
            distance = onset.after
        return distance

    def probes(self) -> Iterator[tuple[datetime, timedelta]]:
        """Instants at which a zone of the tz database must be as far from UTC to be the same."""
        near = [onset.at + shift for onset in self.onsets for shift in (-_AROUND, _AROUND)]
        half_months = (
            datetime(year, month, day, 12)  # noqa: DTZ001 - in UTC, like the onsets
            for year in range(self.first, self.last + 1)
            for month in range(1, 13)
            for day in (1, 16)
        )
        for at in chain(near, half_months):
            if self.first <= at.year <= self.last:
                yield at.replace(tzinfo=UTC), self._east_of_utc(at)

    def _east_of_utc(self, at: datetime) -> timedelta:
        passed = bisect_right(self.onsets, at, key=attrgetter("at"))
        return self.onsets[passed - 1].after if passed else self.onsets[0].before


class _Match(NamedTuple):
    """The zone a TZID stands for; with a `clock`, the file's own, each time is compared with it.

    `tzid` is "" where no zone keeps that clock; `likely` is the zone that its name speaks of all the same.
    """

    tzid: str
    how: How
    clock: _Clock | None = None
    likely: str = ""


def _placed(match: _Match, wall: datetime) -> Placed:
    if not match.tzid:
        raise UnknownZone
    return Placed(wall, match.tzid, match.how)


def _by_definition(match: _Match, clock: _Clock, wall: datetime, *, series: bool) -> Placed | None:
    """The time in the zone that keeps the same clock, or at least has it at that hour; else in UTC.

    Not so a series: in UTC its hours would wander with summer time, and its weekdays might be others.
    """
    distance = clock.distance(wall)
    for tzid in (match.tzid, match.likely):
        if tzid and wall.replace(tzinfo=zone(tzid)).utcoffset() == distance:
            return Placed(wall, tzid, match.how)
    return None if series else Placed(wall - distance, "UTC", match.how)


def _matching(clock: _Clock, hints: Iterable[str]) -> str:
    """The first zone that keeps the clock: of the hints, then UTC and its neighbours, then those of the table."""
    probes = list(clock.probes())
    distances = {distance for _, distance in probes}
    fixed = [_etc(*distances)] if len(distances) == 1 else []
    for tzid in chain(filter(None, hints), filter(None, fixed), _common_zones()):
        if _keeps(zone(tzid), probes):
            return tzid
    return ""


def _keeps(candidate: ZoneInfo, probes: Iterable[tuple[datetime, timedelta]]) -> bool:
    return all(at.astimezone(candidate).utcoffset() == distance for at, distance in probes)


_WIDELY_KEPT = (  # of zones that keep one clock, those which most people know
    *("Europe/Berlin", "Europe/London", "Europe/Athens", "America/New_York", "America/Chicago", "America/Denver"),
    *("America/Los_Angeles", "America/Anchorage", "America/Halifax", "Australia/Sydney", "Pacific/Auckland"),
)


@lru_cache(maxsize=1)
def _common_zones() -> tuple[str, ...]:
    """One zone for each rule that Windows knows, as CLDR chose them; then all others."""
    chosen = dict.fromkeys((*_WIDELY_KEPT, *sorted(_windows_names().values())))
    others = sorted(name for name in _iana().values() if "/" in name and not name.startswith("Etc/"))
    return tuple(chosen | dict.fromkeys(others))


def _etc(distance: timedelta | None) -> str:
    """The zone of no country that always keeps that distance; its name counts westward."""
    if distance is None:
        return ""
    hours, rest = divmod(distance, timedelta(hours=1))
    if rest or not -12 <= hours <= 14:
        return ""
    return f"Etc/GMT{-hours:+}" if hours else "UTC"


def _clock(observances: Sequence[Fields], first: int, last: int) -> _Clock:
    """The changes from `first` to `last`, and the latest of each observance before: RFC 5545 section 3.6.5.

    Raises ValueError for what cannot be read.
    """
    if sum(1 + fields.get("RDATE", "").count(",") for fields in observances) > _OBSERVANCES:
        raise ValueError("too many observances")
    rules = [_Observance.read(fields) for fields in observances]
    moving = [rule for rule in rules if rule.recurs and rule.until.year >= first - 1 and rule.start.year <= last]
    if len(moving) > _RULES:
        raise ValueError("too many rules")
    if not rules:
        raise ValueError("no observance")
    onsets = sorted(onset for rule in rules for onset in rule.onsets(first - 1, last + 1))
    return _Clock(tuple(onsets or [min(rule.onset(rule.start) for rule in rules)]), first, last)


_ONCE = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d))?Z?", re.ASCII)
_EAST = re.compile(r"([+-]?)(\d\d):?([0-5]\d)([0-5]\d)?", re.ASCII)
_NTH = re.compile(r"([+-]?\d{0,2})(MO|TU|WE|TH|FR|SA|SU)")


@dataclass(frozen=True, slots=True)
class _Observance:
    """A STANDARD or DAYLIGHT; its times are on the clock as it goes before them."""

    start: datetime
    before: timedelta
    after: timedelta
    until: datetime
    rule: Mapping[str, str]
    dates: tuple[datetime, ...]

    @classmethod
    def read(cls, fields: Fields) -> "_Observance":
        rule = _rule(fields.get("RRULE", ""))
        return cls(
            start=_time(fields.get("DTSTART", "")),
            before=_utc_offset(fields.get("TZOFFSETFROM", "")),
            after=_utc_offset(fields.get("TZOFFSETTO", "")),
            until=_time(rule["UNTIL"]) if "UNTIL" in rule else _NEVER,
            rule=rule,
            dates=tuple(_time(value) for value in fields.get("RDATE", "").split(",") if value),
        )

    @property
    def recurs(self) -> bool:
        return bool(self.rule)

    def onsets(self, first: int, last: int) -> list[_Onset]:
        """Those of the years asked for, and the latest before; 1601 and year 1 are common beginnings."""
        once = [at for at in (self.start, *self.dates) if at.year <= last]
        years = range(max(first - 1, self.start.year), min(last, self.until.year) + 1) if self.recurs else ()
        yearly = [at for year in years if (at := self._in(year)) and self.start <= at and self._lasts(at)]
        if self.recurs and self.until.year < first - 1:
            yearly = [self._in(self.until.year) or self.until]
        return [self.onset(at) for at in (*once, *yearly)]

    def onset(self, at: datetime) -> _Onset:
        earliest = datetime(1800, 1, 1)  # noqa: DTZ001 - before year 1 there is no time in UTC
        return _Onset(max(at, earliest) - self.before, self.before, self.after)

    def _lasts(self, at: datetime) -> bool:
        """Whether the rule still holds; UNTIL may be in UTC, which is less than a day away."""
        return at - timedelta(days=1) <= self.until

    def _in(self, year: int) -> datetime | None:
        month = int(self.rule.get("BYMONTH", self.start.month))
        days = _days(self.rule, year, month, self.start.day)
        return self.start.replace(year=year, month=month, day=days[0]) if days else None


def _rule(text: str) -> dict[str, str]:
    """A yearly rule of the kinds that are written for clocks: a weekday of a month, or a date."""
    rule = dict(part.split("=", 1) for part in text.upper().strip("; ").split(";") if "=" in part)
    odd = set(rule) - {"FREQ", "INTERVAL", "BYMONTH", "BYDAY", "BYMONTHDAY", "BYSETPOS", "UNTIL", "WKST"}
    if text and (odd or rule.get("FREQ") != "YEARLY" or rule.get("INTERVAL", "1") != "1"):
        raise ValueError("no yearly rule")
    return rule


def _days(rule: Mapping[str, str], year: int, month: int, default: int) -> list[int]:
    """The days of the month on which the rule falls, nearly always one."""
    length = monthrange(year, month)[1]
    days = list(range(1, length + 1))
    if "BYMONTHDAY" in rule:
        wanted = {int(day) % (length + 1) for day in rule["BYMONTHDAY"].split(",")[:31]}
        days = [day for day in days if day in wanted]
    if "BYDAY" in rule:
        days = _weekdays(rule["BYDAY"], date(year, month, 1), days, length)
    if "BYMONTHDAY" not in rule and "BYDAY" not in rule:
        days = [day for day in days if day == default]
    if "BYSETPOS" in rule and days:
        position = int(rule["BYSETPOS"])
        days = days[position - 1 if position > 0 else position :][:1]
    return days


def _weekdays(byday: str, month: date, days: Sequence[int], length: int) -> list[int]:
    found = _NTH.fullmatch(byday)
    if not found:
        raise ValueError("no weekday")
    weekday = WEEKDAYS.index(found[2])
    matching = [day for day in range(1, length + 1) if (month.weekday() + day - 1) % 7 == weekday]
    nth = int(found[1] or 0)
    if nth:
        matching = matching[nth - 1 if nth > 0 else nth :][:1]
    return [day for day in matching if day in days]


def _time(text: str) -> datetime:
    found = _ONCE.fullmatch(text.strip())
    if not found:
        raise ValueError("no time")
    return datetime(*(int(part or 0) for part in found.groups()))  # type: ignore[arg-type]  # noqa: DTZ001


def _utc_offset(text: str) -> timedelta:
    """RFC 5545 section 3.3.14."""
    found = _EAST.fullmatch(text.strip())
    if not found:
        raise ValueError("no offset")
    seconds = int(found[2]) * 3600 + int(found[3]) * 60 + int(found[4] or 0)
    if seconds >= 24 * 3600:
        raise ValueError("no offset")
    return timedelta(seconds=-seconds if found[1] == "-" else seconds)

"""Instants, wall times and zones; the only module that reads the system clock.

An *instant* is an aware datetime in UTC. A *wall time* is a naive datetime: what the clock on the wall of the venue
shows. A zone is an IANA name (docs/icalendar-rules.md#rule-66). Mixing them up raises ValueError, a fault of the
program; Invalid is for people.
"""

from __future__ import annotations

import re
import time
import zoneinfo
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from scheduler.base.errors import Invalid

SECOND = timedelta(seconds=1)

# UTC+5, GMT-03:30, Etc/GMT-5, +05:00, 5.
_OFFSET = re.compile(r"\s*(Etc/)?(UTC|GMT)?\s*[-+−]?\s*\d{1,2}(:?\d\d)?\s*", re.IGNORECASE)

# What people write for a zone that is not one, casefolded. Kazakhstan has one clock since 1 March 2024, and
# its capital never had a zone of its own; Windows names come with calendars exported from Outlook.
MISTAKEN = {
    "asia/astana": "Asia/Almaty",
    "asia/nur-sultan": "Asia/Almaty",
    "asia/shymkent": "Asia/Almaty",
    "asia/kazakhstan": "Asia/Almaty",
    "astana": "Asia/Almaty",
    "kazakhstan": "Asia/Almaty",
    "almt": "Asia/Almaty",
    "central asia standard time": "Asia/Almaty",
    "qyzylorda standard time": "Asia/Qyzylorda",
    "west asia standard time": "Asia/Tashkent",
    "asia/phuket": "Asia/Bangkok",
    "asia/pattaya": "Asia/Bangkok",
    "asia/chiang_mai": "Asia/Bangkok",
    "asia/thailand": "Asia/Bangkok",
    "thailand": "Asia/Bangkok",
    "ict": "Asia/Bangkok",
    "se asia standard time": "Asia/Bangkok",
    "russian standard time": "Europe/Moscow",
    "msk": "Europe/Moscow",
    "china standard time": "Asia/Shanghai",
    "asia/beijing": "Asia/Shanghai",
    "prc": "Asia/Shanghai",
    "japan": "Asia/Tokyo",
    "tokyo standard time": "Asia/Tokyo",
    "gmt standard time": "Europe/London",
    "w. europe standard time": "Europe/Berlin",
    "central europe standard time": "Europe/Budapest",
    "romance standard time": "Europe/Paris",
    "cet": "Europe/Berlin",
    "turkey standard time": "Europe/Istanbul",
    "eastern standard time": "America/New_York",
    "est": "America/New_York",
    "edt": "America/New_York",
    "est5edt": "America/New_York",
    "pacific standard time": "America/Los_Angeles",
    "pst": "America/Los_Angeles",
    "z": "UTC",
    "gmt": "UTC",
    "zulu": "UTC",
}


class Clock:
    """The machine's clock."""

    is_set_by_hand = False

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.now(UTC)


class ManualClock(Clock):
    """A clock that stands still until it is set: for tests, demos and replays."""

    is_set_by_hand = True

    def __init__(self, at: datetime) -> None:
        self.set(at)

    def now(self) -> datetime:
        return self._at

    def set(self, at: datetime) -> None:
        """Set the clock to an instant, also backwards. Raise ValueError when ``at`` is naive."""
        self._at = _aware(at).astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        """Advance the clock by a duration at once."""
        self._at += by


def elapsed() -> float:
    """Return seconds by a clock that is never set and, on Linux, goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def instant(wall: datetime, tzid: str, *, gap: Literal["refuse", "shift"] = "refuse") -> datetime:
    """Return the instant, aware in UTC, at which clocks in ``tzid`` show the naive ``wall``.

    An hour that exists twice, as when Almaty put its clocks back on 1 March 2024, is the first of the two
    (RFC 5545 3.3.5); ``wall.fold`` is not heeded. For an hour that does not exist there are two policies.
    "refuse", for what people type, raises Invalid naming the first time after the gap. "shift", for when new
    zone data opens a gap under an event already planned, reads it with the offset before the gap (3.3.5 too).

    Raises Invalid for an unknown zone, ValueError when ``wall`` is aware.
    """
    local = _naive(wall).replace(tzinfo=zone(tzid), fold=0)
    try:
        at = local.astimezone(UTC)
    except OverflowError as error:
        raise Invalid(
            "{wall} is too far in the past or in the future.", wall=wall.isoformat(" ", "minutes")
        ) from error
    if gap == "refuse" and _wall(at, tzid) != _naive(wall):
        raise Invalid(
            "There is no {wall} in {tzid}, clocks are put forward then: the first time after it is {next}.",
            wall=wall.isoformat(" ", "minutes"),
            tzid=tzid,
            next=_first_after_gap(local, tzid).isoformat(" ", "minutes"),
        )
    return at


def list_days_of_gaps(tzid: str, first: date, last: date) -> list[date]:
    """Return the days from ``first`` to ``last`` on which, or in whose night, clocks in ``tzid`` are put forward.

    Raises Invalid for an unknown zone.
    """
    found = (day for year in range(first.year, last.year + 1) for day in _find_days_of_gaps(tzid, year))
    return [day for day in found if first <= day <= last]


@lru_cache(maxsize=256)
def _find_days_of_gaps(tzid: str, year: int) -> tuple[date, ...]:
    noons = [datetime(year, 1, 1, 12) + timedelta(days=day) for day in range(-1, 367)]  # noqa: DTZ001 - wall times
    offsets = [noon.replace(tzinfo=zone(tzid)).utcoffset() or timedelta(0) for noon in noons]
    later = [
        noon.date() for noon, (before, after) in zip(noons[1:], pairwise(offsets), strict=True) if after > before
    ]
    days = {day - timedelta(days=back) for day in later for back in range(3)}  # a night before, and its evening
    return tuple(sorted(day for day in days if day.year == year))


def wall(at: datetime, tzid: str) -> datetime:
    """Return what clocks in ``tzid`` show, naive, at an aware instant.

    The second of two equal hours looks like the first. Raises Invalid for an unknown zone, ValueError when
    ``at`` is naive.
    """
    return _wall(_aware(at), tzid)


@lru_cache(maxsize=1024)
def zone(tzid: str) -> ZoneInfo:
    """Return the zone of an IANA name, spelled exactly as the database spells it (docs/icalendar-rules.md#rule-66).

    Names that are no place are refused, save UTC: EST and its kind leave out summer time, and Etc/GMT+5 means
    five hours *behind* Greenwich. Raises Invalid with the likeliest right name. Only names from the
    database's own list reach the file system.
    """
    if tzid in _names():
        return ZoneInfo(tzid)
    if _OFFSET.fullmatch(tzid):
        raise Invalid(
            "“{tzid}” is an offset, not a time zone: name a city, such as Asia/Almaty.", tzid=make_legible(tzid)
        )
    if likely := _likely(tzid):
        raise Invalid(
            "There is no time zone “{tzid}”: did you mean {likely}?", tzid=make_legible(tzid), likely=likely
        )
    raise Invalid("There is no time zone “{tzid}”: name a city, such as Asia/Almaty.", tzid=make_legible(tzid))


def format_offset(at: datetime, tzid: str) -> str:
    """Format how far clocks in ``tzid`` are from UTC at an aware instant: ``UTC+5``, ``UTC+5:30``, ``UTC``.

    Raise Invalid for an unknown zone, ValueError when ``at`` is naive.
    """
    if at.utcoffset() is None:
        raise ValueError("an instant is aware")
    minutes = round((at.astimezone(zone(tzid)).utcoffset() or timedelta(0)) / timedelta(minutes=1))
    hour, minute = divmod(abs(minutes), 60)
    sign = "+" if minutes > 0 else "-"
    return f"UTC{sign}{hour}:{minute:02}" if minute else f"UTC{sign}{hour}" if hour else "UTC"


def zone_names() -> frozenset[str]:
    """Return every name that `zone` accepts."""
    return _names()


def tzdata_problem(gettext: Callable[[str], str] = str) -> str | None:
    """Return what is wrong with the zone data of this machine, in one sentence for ``doctor`` and the log.

    None if right.

    Kazakhstan went to +05 on 1 March 2024 with six weeks' notice: older data puts every event there an hour
    wrong (docs/icalendar-rules.md#rule-62). Bangkok has not moved since 1920 (docs/icalendar-rules.md#rule-65): if
    it is wrong, all is.
    """
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for tzid, hours in (("Asia/Almaty", 5), ("Asia/Bangkok", 7)):
        if at.astimezone(ZoneInfo(tzid)).utcoffset() != timedelta(hours=hours):
            sentence = gettext("The time zone data ({version}) is wrong for {tzid}: install tzdata 2024a or newer.")
            return sentence.format(version=tzdata_version(), tzid=tzid)
    return None


def tzdata_version() -> str:
    """Return the release of the zone database in force and its source, such as ``2026f (tzdata package)``.

    As zoneinfo does, the first directory of TZPATH that holds data wins, then the package (PEP 615).
    """
    for directory in map(Path, zoneinfo.TZPATH):
        if (directory / "Asia" / "Almaty").is_file():
            return f"{_release(directory)} ({directory})"
    return f"{_release(files('tzdata') / 'zoneinfo')} (tzdata package)"


def make_legible(text: str) -> str:
    """Make typed text fit to be quoted: no control characters, at most 60 characters."""
    shown = "".join(char if char.isprintable() else "\ufffd" for char in text)
    return shown if len(shown) <= 60 else shown[:59] + "…"


def _naive(wall: datetime) -> datetime:
    if wall.tzinfo is not None:
        raise ValueError("a wall time is naive")
    return wall


def _aware(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError("an instant is aware")
    return at


def _wall(at: datetime, tzid: str) -> datetime:
    return at.astimezone(zone(tzid)).replace(tzinfo=None, fold=0)


def _first_after_gap(local: datetime, tzid: str) -> datetime:
    """Find the first wall time after the gap around ``local``: the change lies between its two readings (PEP 495)."""
    before, after = local.replace(fold=1).astimezone(UTC), local.astimezone(UTC)
    old = before.astimezone(zone(tzid)).utcoffset()
    while after - before > SECOND:
        middle = before + (after - before) // 2
        if middle.astimezone(zone(tzid)).utcoffset() == old:
            before = middle
        else:
            after = middle
    return _wall(after.replace(microsecond=0), tzid)


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    """List the names to accept, from the tzdata package: zoneinfo's own list opens 600 files at every start."""
    listed = files("tzdata").joinpath("zones").read_text("ascii").split()
    return frozenset(name for name in listed if name == "UTC" or ("/" in name and not _OFFSET.fullmatch(name)))


def _likely(tzid: str) -> str | None:
    """Guess the zone that somebody meant: a known mistake, another spelling, a bare city, or the closest name."""
    typed = "_".join(tzid[:64].casefold().split())
    if meant := MISTAKEN.get(typed) or MISTAKEN.get(typed.replace("_", " ")):
        return meant
    spelled = {name.casefold(): name for name in sorted(_names())}
    cities = {name.rpartition("/")[2]: name for name in spelled}
    close = get_close_matches(typed, [*spelled, *cities], n=1, cutoff=0.75)
    return spelled[cities.get(close[0], close[0])] if close else None


def _release(directory: Traversable) -> str:
    """Read the release of compiled zone data from +VERSION (BSD, macOS) or the first line of tzdata.zi; else "?"."""
    for name in ("+VERSION", "tzdata.zi"):
        if (directory / name).is_file():
            return (directory / name).read_text("utf-8").partition("\n")[0].removeprefix("# version").strip()
    return "?"

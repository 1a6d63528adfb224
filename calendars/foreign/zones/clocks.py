"""The clock of a home-made zone, and which zone of the tz database keeps the same."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from calendars.foreign.zones.tz_database import iana_names, zone
from calendars.foreign.zones.vendor_names import windows_names

_AROUND = timedelta(hours=2)  # what home-made rules may miss a change of the clock by: "23:59:59", "03:00"


class Onset(NamedTuple):
    """One change of a home-made clock; `at` is in UTC, the distances lie east of it."""

    at: datetime
    before: timedelta
    after: timedelta


class Clock(NamedTuple):
    """A home-made zone in some years: its changes in order, the first of them before those years."""

    onsets: tuple[Onset, ...]
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


def matching_zone(clock: Clock, hints: Iterable[str]) -> str:
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
    chosen = dict.fromkeys((*_WIDELY_KEPT, *sorted(windows_names().values())))
    others = sorted(name for name in iana_names().values() if "/" in name and not name.startswith("Etc/"))
    return tuple(chosen | dict.fromkeys(others))


def _etc(distance: timedelta | None) -> str:
    """The zone of no country that always keeps that distance; its name counts westward."""
    if distance is None:
        return ""
    hours, rest = divmod(distance, timedelta(hours=1))
    if rest or not -12 <= hours <= 14:
        return ""
    return f"Etc/GMT{-hours:+}" if hours else "UTC"

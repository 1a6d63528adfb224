"""The clock of a home-made zone, and which zone of the tz database keeps the same."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

_AROUND = timedelta(hours=2)  # what home-made rules may miss a change of the clock by: "23:59:59", "03:00"


class Onset(NamedTuple):
    """One change of a home-made clock; `at` is in UTC, the distances lie east of it."""

    at: datetime
    before: timedelta
    after: timedelta


class ZoneClock(NamedTuple):
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

"""The clock of a custom zone: its UTC offsets and their changes (RFC 5545 section 3.6.5)."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

_TOLERANCE = timedelta(hours=2)  # between a change in a custom zone, such as at 23:59:59 or 03:00, and the true one


class Onset(NamedTuple):
    """One change of the clock, at a naive time in UTC, and the UTC offsets before and after it."""

    at: datetime
    before: timedelta
    after: timedelta


class ZoneClock(NamedTuple):
    """The clock of a custom zone from the year `first` to the year `last`; its onsets are in order.

    The first onset precedes those years, so that the offset is known throughout.
    """

    onsets: tuple[Onset, ...]
    first: int
    last: int

    def find_offset(self, wall: datetime) -> timedelta:
        """Find the UTC offset of a wall time; of one that a change skips or repeats, the offset before the change."""
        offset = self.onsets[0].before
        for onset in self.onsets:
            if onset.at + max(onset.before, onset.after) > wall:
                break
            offset = onset.after
        return offset

    def sample(self) -> Iterator[tuple[datetime, timedelta]]:
        """Sample instants and their UTC offsets, which an equal zone of the tz database must share."""
        near = [onset.at + shift for onset in self.onsets for shift in (-_TOLERANCE, _TOLERANCE)]
        half_months = (
            datetime(year, month, day, 12)  # noqa: DTZ001 - in UTC, like the onsets
            for year in range(self.first, self.last + 1)
            for month in range(1, 13)
            for day in (1, 16)
        )
        for at in chain(near, half_months):
            if self.first <= at.year <= self.last:
                yield at.replace(tzinfo=UTC), self._get_offset(at)

    def _get_offset(self, at: datetime) -> timedelta:
        """Return the offset at a naive time in UTC."""
        passed = bisect_right(self.onsets, at, key=attrgetter("at"))
        return self.onsets[passed - 1].after if passed else self.onsets[0].before

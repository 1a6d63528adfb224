"""A place in line, as its holder keeps it: a signed cookie that says when they came and whether they were let in.

The number is the moment of arrival. So no process has to ask another one for the next number, and a place that a
killed process has told nobody of stands where it was as soon as its holder asks again.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from scheduler.services.common.tokens import derive, is_same

COOKIE = "place"
KEPT_FOR = timedelta(minutes=10)  # a place, after its holder has left
# Of one address so many come at once, as people of one office do; more of them count as if they had come one by one.
TOGETHER, APART = 20, timedelta(seconds=3)
# So much later at most: where still more come from one address, they get no place until there are fewer of them.
MOST_LATE = timedelta(minutes=10)
MOST_ADDRESSES = 50_000
_FORM = re.compile(r"(\d{1,19})\.(\d{1,12})\.([io])\.([a-z2-7]{26})", re.ASCII)
_EPOCH = datetime.fromtimestamp(0, UTC)
_ABOUT_NOW = timedelta(seconds=1)  # threads do not look at the clock in the order of their numbers
_PER_MICROSECOND = 1000  # numbers, of which a process takes one by chance


@dataclass(frozen=True, slots=True)
class HeldPlace:
    """A place: its number, when its holder was last here, and whether they were let in."""

    number: int
    seen_at: datetime
    inside: bool = False

    def sign(self, *, secret: str) -> str:
        """Return the value of the cookie."""
        facts = f"{self.number}.{int(self.seen_at.timestamp())}.{'i' if self.inside else 'o'}"
        return f"{facts}.{derive('place', facts, secret=secret)}"


def read_place(given: str, *, secret: str) -> HeldPlace | None:
    """Return the place in a cookie; None for one that is not ours."""
    read = _FORM.fullmatch(given)
    if not read:
        return None
    facts, _dot, digest = given.rpartition(".")
    if not is_same(digest, derive("place", facts, secret=secret)):
        return None
    return HeldPlace(int(read[1]), datetime.fromtimestamp(int(read[2]), UTC), read[3] == "i")


class Arrivals:
    """The numbers that one process gives to those who come, in the order in which they come.

    Whoever takes many places from one address stands, with each more of them, where somebody would who came later.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._last = 0
        self._expected: OrderedDict[str, datetime] = OrderedDict()  # by address: when the next one is not too early

    def take(self, address: str, *, now: datetime) -> int:
        """Return the number of somebody who comes now."""
        with self._guard:
            at = max(now, self._expected.get(address, now))
            late = max(at - now - (TOGETHER - 1) * APART, timedelta())
            if late > MOST_LATE:
                return _number(now + late)
            self._expected[address] = at + APART
            self._expected.move_to_end(address)
            if len(self._expected) > MOST_ADDRESSES:
                self._expected.popitem(last=False)
            if late:
                return _number(now + late)
            self._last = max(self._last + 1, _number(now))
            return self._last


def has_come(number: int, *, now: datetime) -> bool:
    """Return whether somebody with this number has come; who is counted late is in the line only from then on."""
    return _read_arrival(number) <= now + _ABOUT_NOW


def is_too_late(number: int, *, now: datetime) -> bool:
    """Return whether so many came from one address that this number is no place."""
    return _read_arrival(number) > now + MOST_LATE


def _read_arrival(number: int) -> datetime:
    return _EPOCH + timedelta(microseconds=number // _PER_MICROSECOND)


def _number(at: datetime) -> int:
    microseconds = (at - _EPOCH) // timedelta(microseconds=1)
    return microseconds * _PER_MICROSECOND + secrets.randbelow(_PER_MICROSECOND)

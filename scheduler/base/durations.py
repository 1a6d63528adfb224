"""Parse the lengths of time that people type, in English, Russian, Kazakh and Thai, and write them back."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.base.clock import instant, make_legible, wall
from scheduler.base.errors import Invalid

DAY = timedelta(days=1)
LONGEST = timedelta(days=36_525)  # no sum of it with a day of ours leaves the calendar of Python
MAX_LENGTH = 100  # characters of what is typed for a date, a time or a length of time

_UNITS = {
    "w": (7 * 86_400, "w wk wks week weeks неделя недели недель неделю нед апта สัปดาห์ อาทิตย์"),
    "d": (86_400, "d day days день дня дней дн д сутки суток күн วัน"),
    "h": (3_600, "h hr hrs hour hours час часа часов ч сағат сағ ชั่วโมง ชม"),
    "m": (60, "m min mins minute minutes минута минуты минут минуту мин นาที"),
    "s": (1, "s sec secs second seconds секунда секунды секунд секунду сек วินาที"),
}
_SECONDS = {word: seconds for seconds, words in _UNITS.values() for word in words.split()}
NO_LETTER = r"(?![^\W\d_])"
_LENGTH = re.compile(
    rf"(\d{{1,6}})([.,]5)?\s*({'|'.join(sorted(_SECONDS, key=len, reverse=True))}){NO_LETTER}\.?"
    r"(?:[\s,]*(?:and|и|және|และ)?\s*(?=\d)|$)"
)
_ISO_LENGTH = re.compile(
    r"p(?=\d|t\d)(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:t(?=\d)(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?)?"
)


@dataclass(frozen=True, slots=True)
class NominalDuration:
    """A length of time in days of the calendar, however long they are, and in hours that pass (RFC 5545 3.3.6).

    A day before 10:00 is 10:00, also if the clocks change in between; 24 hours before may be 09:00 then.
    """

    days: int
    rest: timedelta = timedelta()

    @classmethod
    def from_length(cls, length: timedelta, exact_days: int = 0) -> NominalDuration:
        """Return a length of time of which so many days, and what is less than a day, are hours."""
        days = length // DAY - exact_days
        return cls(days, length - days * DAY)

    @property
    def length(self) -> timedelta:
        """The length of time if no clocks change."""
        return self.days * DAY + self.rest

    @property
    def exact_days(self) -> int:
        """The number of whole days that were written as hours."""
        return self.rest // DAY

    def count_back(self, at: datetime, tzid: str) -> datetime:
        """Return the instant so long before an instant, by the clock of a zone: first the days, then the hours."""
        return (
            instant(wall(at, tzid) - self.days * DAY, tzid, gap="shift") - self.rest if self.days else at - self.rest
        )

    def count_on(self, start: datetime, tzid: str) -> datetime:
        """Return the wall time so long after a wall time of a zone.

        Of an hour that exists twice, nobody can write the second one: there the hours are counted on the wall.
        """
        if not self.rest:
            return start + self.days * DAY
        end = instant(start + self.days * DAY, tzid, gap="shift") + self.rest
        shown = wall(end, tzid)
        return shown if instant(shown, tzid, gap="shift") == end else start + self.length

    def __str__(self) -> str:
        """Format the short form that `parse_nominal` reads back: ``1d``, ``24h``, ``1d24h``, ``2w``."""
        if not self.exact_days:
            return format_duration(self.length)
        hours, rest = divmod(self.rest, timedelta(hours=1))
        days = f"{self.days}d" if self.days else ""
        return f"{days}{hours}h" + (format_duration(rest) if rest else "")


def parse_duration(text: str) -> timedelta:
    """Read a length of time as `parse_nominal` does; a day is 24 hours."""
    return parse_nominal(text).length


def parse_nominal(text: str) -> NominalDuration:
    """Read a length of time: ``90 min``, ``1h30m``, ``1.5 hours``, ``2 недели``, ``1:30``, ``PT1H30M``.

    The last is RFC 5545 3.3.6. ``m`` is minutes; months are none. Raise Invalid for others, and for one longer than
    `LONGEST`.
    """
    typed = normalize_typed(text)
    for read in (_iso_length, _clock_length, _length_in_units):
        if (length := read(typed)) is not None:
            if length.length > LONGEST:
                raise Invalid(
                    "“{text}” is longer than a hundred years: write a shorter time.", text=make_legible(text)
                )
            return length
    raise Invalid(
        "“{text}” cannot be read as a length of time: write it like 90 min, 1h30m, 2 days or 1 week.",
        text=make_legible(text),
    )


def format_duration(length: timedelta) -> str:
    """Format the short form that ``parse_duration`` reads back: ``1d``, ``1h30m``, ``2w`` for whole weeks, ``0m``.

    Raise ValueError for a negative length or parts of a second.
    """
    if length < timedelta(0) or length.microseconds:
        raise ValueError("a length of time is whole seconds and not negative")
    left = length // timedelta(seconds=1)
    if left and not left % _UNITS["w"][0]:
        return f"{left // _UNITS['w'][0]}w"
    written = ""
    for letter in "dhms":
        count, left = divmod(left, _UNITS[letter][0])
        written += f"{count}{letter}" if count else ""
    return written or "0m"


def _iso_length(typed: str) -> NominalDuration | None:
    """Read a duration of RFC 5545 3.3.6, without a sign; None if it is none."""
    if not (found := _ISO_LENGTH.fullmatch(typed)):
        return None
    weeks, days, hours, minutes, seconds = (int(count or 0) for count in found.groups())
    return NominalDuration(7 * weeks + days, timedelta(hours=hours, minutes=minutes, seconds=seconds))


def _clock_length(typed: str) -> NominalDuration | None:
    """Read hours and minutes, as 1:30; None if it is none."""
    found = re.fullmatch(r"(\d{1,3}):([0-5]\d)", typed)
    return NominalDuration(0, timedelta(hours=int(found[1]), minutes=int(found[2]))) if found else None


def _length_in_units(typed: str) -> NominalDuration | None:
    """Read numbers with units, largest unit first, each once.

    None for any other order, which is a slip of the pen.
    """
    days, rest, at, last = 0, timedelta(0), 0, 0
    while part := _LENGTH.match(typed, at):
        seconds, half = _SECONDS[part[3]], bool(part[2])
        if (last and seconds >= last) or (half and seconds == 1):
            return None
        whole = timedelta(seconds=int(part[1]) * seconds + half * seconds // 2)
        if seconds >= _UNITS["d"][0]:
            days, whole = days + whole // DAY, whole % DAY
        rest, at, last = rest + whole, part.end(), seconds
    return NominalDuration(days, rest) if last and at == len(typed) else None


def normalize_typed(text: str) -> str:
    """Normalise spelling, width and case; one longer than MAX_LENGTH becomes ""."""
    return unicodedata.normalize("NFKC", text).casefold().strip() if len(text) <= MAX_LENGTH else ""

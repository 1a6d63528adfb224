"""Small VTIMEZONEs (RFC 5545 section 3.6.5), of the kind that Google and Apple write.

Outlook understands DTSTART, RRULE and the offsets and nothing else, so there is no RDATE, and summer time is
one yearly pair of changes. icalendar's own generator writes RDATEs, and puts the onset of summer time an hour
late.
"""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from calendars.vevent import WEEKDAYS

_DAY = 24 * 60 * 60  # seconds; no zone changes its clock twice within one
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - onsets are told by the clock of the zone


@dataclass(frozen=True, slots=True)
class _Change:
    """One change of the clock; its onset is naive: the local time just before, as RFC 5545 wants it."""

    onset: datetime
    before: timedelta
    after: timedelta
    summer: bool  # whether it begins summer time, as the tz database sees it


def render_vtimezone(tzid: str, first: date, last: date) -> bytes:
    """The VTIMEZONE that gives the zone's offsets from `first` to `last`, from BEGIN to END.

    Where summer time keeps one rule in those years, it is written as that rule; else the offset at the
    beginning and each change after it by its date. Raises ZoneInfoNotFoundError for a name outside the
    tz database.
    """
    zone = ZoneInfo(tzid)
    observances = _summer_time(zone, first.year - 1, last.year + 1) or _dated(zone, first, last)
    lines = ["BEGIN:VTIMEZONE", f"TZID:{tzid}", *observances, "END:VTIMEZONE"]
    return "".join(f"{line}\r\n" for line in lines).encode()


def _summer_time(zone: ZoneInfo, first_year: int, last_year: int) -> list[str]:
    """Summer time as one pair of yearly rules, or nothing if the years differ.

    The larger offset is called DAYLIGHT: in Dublin the tz database has it the other way round.
    """
    changes = _changes(zone, date(first_year, 1, 1), date(last_year + 1, 1, 1))
    years = list(range(first_year, last_year + 1))
    forward = _yearly("DAYLIGHT", [c for c in changes if c.after > c.before], years)
    back = _yearly("STANDARD", [c for c in changes if c.after < c.before], years)
    return [*forward, *back] if forward and back else []


def _yearly(kind: str, changes: Sequence[_Change], years: list[int]) -> list[str]:
    """One observance for a change that falls on the same weekday of the same month each year."""
    rules = {(c.before, c.after, c.onset.month, c.onset.weekday(), c.onset.time()) for c in changes}
    if len(rules) != 1 or [c.onset.year for c in changes] != years:
        return []
    ordinals = set.intersection(*(_ordinals(c.onset) for c in changes))
    if not ordinals:
        return []
    return _by_rule(kind, changes[0], min(ordinals))  # -1, the last, before any count from the beginning


def _ordinals(day: date) -> set[int]:
    """Which of its weekday in the month the day is: the nth, and perhaps also the last (-1)."""
    nth = (day.day - 1) // 7 + 1
    is_last = day.day + 7 > monthrange(day.year, day.month)[1]
    return {nth, -1} if is_last else {nth}


def _by_rule(kind: str, change: _Change, ordinal: int) -> list[str]:
    """The change each year since 1970; DTSTART must itself be one of the rule's onsets."""
    month, weekday = change.onset.month, change.onset.weekday()
    days = [change.onset.replace(year=1970, day=day) for day in range(1, monthrange(1970, month)[1] + 1)]
    onsets = [day for day in days if day.weekday() == weekday]
    first = onsets[ordinal - 1 if ordinal > 0 else ordinal]
    rrule = f"RRULE:FREQ=YEARLY;BYMONTH={month};BYDAY={ordinal}{WEEKDAYS[weekday]}"
    return _observance(kind, first, change.before, change.after, rrule)


def _dated(zone: ZoneInfo, first: date, last: date) -> list[str]:
    """The offset at the beginning, then each change by its date; a fixed zone has none.

    The beginning is called STANDARD even in summer time: Outlook wants one, and readers go by the offsets.
    """
    changes = _changes(zone, first - timedelta(days=1), last + timedelta(days=2))
    offset = changes[0].before if changes else _offset(zone, _midnight(first))
    lines = _observance("STANDARD", _EPOCH, offset, offset)
    for change in changes:
        kind = "DAYLIGHT" if change.summer else "STANDARD"
        lines += _observance(kind, change.onset, change.before, change.after)
    return lines


def _observance(kind: str, onset: datetime, before: timedelta, after: timedelta, *rrule: str) -> list[str]:
    return [
        f"BEGIN:{kind}",
        f"DTSTART:{onset:%Y%m%dT%H%M%S}",
        *rrule,
        f"TZOFFSETFROM:{_utc_offset(before)}",
        f"TZOFFSETTO:{_utc_offset(after)}",
        f"END:{kind}",
    ]


def _utc_offset(offset: timedelta) -> str:
    """RFC 5545 section 3.3.14; seconds only where a zone has them, as some had before 1972."""
    sign = "-" if offset < timedelta(0) else "+"
    minutes, seconds = divmod(int(abs(offset).total_seconds()), 60)
    return f"{sign}{minutes // 60:02}{minutes % 60:02}" + (f"{seconds:02}" if seconds else "")


def _changes(zone: ZoneInfo, first: date, before: date) -> list[_Change]:
    """The changes from `first` until `before` in UTC, in their order."""
    days = range(_midnight(first), _midnight(before) + _DAY, _DAY)
    return [_change(zone, a, b) for a, b in pairwise(days) if _offset(zone, a) != _offset(zone, b)]


def _change(zone: ZoneInfo, earlier: int, later: int) -> _Change:
    """The one change between two instants, found by halving."""
    before, after = _offset(zone, earlier), _offset(zone, later)
    while later - earlier > 1:
        middle = (earlier + later) // 2
        earlier, later = (middle, later) if _offset(zone, middle) == before else (earlier, middle)
    onset = datetime.fromtimestamp(later, UTC).replace(tzinfo=None) + before
    return _Change(onset, before, after, bool(datetime.fromtimestamp(later, zone).dst()))


def _offset(zone: ZoneInfo, instant: int) -> timedelta:
    """The zone's offset at that instant, in seconds since 1970."""
    offset = datetime.fromtimestamp(instant, zone).utcoffset()
    return offset or timedelta(0)


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())

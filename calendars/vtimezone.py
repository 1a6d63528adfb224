"""Small VTIMEZONEs (RFC 5545 section 3.6.5), as Google and Apple write them.

Outlook understands DTSTART, RRULE and the offsets and nothing else, so there is no RDATE, and summer time is
one yearly pair of changes. icalendar's own generator writes RDATEs, and places the onset of summer time an
hour late.
"""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from calendars.vevent import WEEKDAYS

_DAY_SECONDS = 24 * 60 * 60  # no zone changes its clock twice within one
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - onsets are local times of the zone


@dataclass(frozen=True, slots=True)
class _Change:
    """One change of the clock; its onset is naive, in local time before the change (RFC 5545 section 3.6.5)."""

    onset: datetime
    before: timedelta
    after: timedelta
    summer: bool  # whether it begins summer time according to the tz database


def render_vtimezone(tzid: str, first: date, last: date) -> bytes:
    """Render the VTIMEZONE of a zone, from BEGIN to END, valid from `first` to `last`.

    Summer time that keeps one rule in those years is written as that rule; otherwise the offset at the
    beginning and each later change are written by their dates. Raise ZoneInfoNotFoundError if the tz database
    has no such name.
    """
    zone = ZoneInfo(tzid)
    observances = _write_summer_time(zone, first.year - 1, last.year + 1) or _write_changes(zone, first, last)
    lines = ["BEGIN:VTIMEZONE", f"TZID:{tzid}", *observances, "END:VTIMEZONE"]
    return "".join(f"{line}\r\n" for line in lines).encode()


def _write_summer_time(zone: ZoneInfo, first_year: int, last_year: int) -> list[str]:
    """Write summer time as one pair of yearly rules; return nothing if the years differ.

    The larger offset is DAYLIGHT, although for Dublin the tz database has it the other way round.
    """
    changes = _find_changes(zone, date(first_year, 1, 1), date(last_year + 1, 1, 1))
    years = list(range(first_year, last_year + 1))
    forward = _write_yearly("DAYLIGHT", [c for c in changes if c.after > c.before], years)
    back = _write_yearly("STANDARD", [c for c in changes if c.after < c.before], years)
    return [*forward, *back] if forward and back else []


def _write_yearly(kind: str, changes: Sequence[_Change], years: list[int]) -> list[str]:
    """Write one observance for a change on the same weekday of the same month each year, or return nothing."""
    rules = {(c.before, c.after, c.onset.month, c.onset.weekday(), c.onset.time()) for c in changes}
    if len(rules) != 1 or [c.onset.year for c in changes] != years:
        return []
    ordinals = set.intersection(*(_find_ordinals(c.onset) for c in changes))
    if not ordinals:
        return []
    return _write_rule(kind, changes[0], min(ordinals))  # -1, the last, if it fits


def _find_ordinals(day: date) -> set[int]:
    """Find the ordinals of the day among its weekdays of the month: n, and -1 if it is also the last."""
    nth = (day.day - 1) // 7 + 1
    is_last = day.day + 7 > monthrange(day.year, day.month)[1]
    return {nth, -1} if is_last else {nth}


def _write_rule(kind: str, change: _Change, ordinal: int) -> list[str]:
    """Write a yearly change since 1970; DTSTART must itself be one of the rule's onsets."""
    month, weekday = change.onset.month, change.onset.weekday()
    days = [change.onset.replace(year=1970, day=day) for day in range(1, monthrange(1970, month)[1] + 1)]
    onsets = [day for day in days if day.weekday() == weekday]
    first = onsets[ordinal - 1 if ordinal > 0 else ordinal]
    rrule = f"RRULE:FREQ=YEARLY;BYMONTH={month};BYDAY={ordinal}{WEEKDAYS[weekday]}"
    return _write_observance(kind, first, change.before, change.after, rrule)


def _write_changes(zone: ZoneInfo, first: date, last: date) -> list[str]:
    """Write the offset at the beginning, then each change by its date; a fixed zone has none.

    The beginning is STANDARD even in summer time: Outlook requires one, and readers follow the offsets.
    """
    changes = _find_changes(zone, first - timedelta(days=1), last + timedelta(days=2))
    offset = changes[0].before if changes else _get_offset(zone, _get_midnight(first))
    lines = _write_observance("STANDARD", _EPOCH, offset, offset)
    for change in changes:
        kind = "DAYLIGHT" if change.summer else "STANDARD"
        lines += _write_observance(kind, change.onset, change.before, change.after)
    return lines


def _write_observance(kind: str, onset: datetime, before: timedelta, after: timedelta, *rrule: str) -> list[str]:
    return [
        f"BEGIN:{kind}",
        f"DTSTART:{onset:%Y%m%dT%H%M%S}",
        *rrule,
        f"TZOFFSETFROM:{_format_utc_offset(before)}",
        f"TZOFFSETTO:{_format_utc_offset(after)}",
        f"END:{kind}",
    ]


def _format_utc_offset(offset: timedelta) -> str:
    """Format a UTC-OFFSET (RFC 5545 section 3.3.14), with seconds only if it has any, as some had before 1972."""
    sign = "-" if offset < timedelta(0) else "+"
    minutes, seconds = divmod(int(abs(offset).total_seconds()), 60)
    return f"{sign}{minutes // 60:02}{minutes % 60:02}" + (f"{seconds:02}" if seconds else "")


def _find_changes(zone: ZoneInfo, first: date, before: date) -> list[_Change]:
    """Find the changes from `first` until `before` in UTC, in order."""
    days = range(_get_midnight(first), _get_midnight(before) + _DAY_SECONDS, _DAY_SECONDS)
    return [_locate_change(zone, a, b) for a, b in pairwise(days) if _get_offset(zone, a) != _get_offset(zone, b)]


def _locate_change(zone: ZoneInfo, earlier: int, later: int) -> _Change:
    """Locate by bisection the one change between two instants, in seconds since 1970."""
    before, after = _get_offset(zone, earlier), _get_offset(zone, later)
    while later - earlier > 1:
        middle = (earlier + later) // 2
        earlier, later = (middle, later) if _get_offset(zone, middle) == before else (earlier, middle)
    onset = datetime.fromtimestamp(later, UTC).replace(tzinfo=None) + before
    return _Change(onset, before, after, bool(datetime.fromtimestamp(later, zone).dst()))


def _get_offset(zone: ZoneInfo, instant: int) -> timedelta:
    """Return the zone's offset from UTC at that instant, in seconds since 1970."""
    offset = datetime.fromtimestamp(instant, zone).utcoffset()
    return offset or timedelta(0)


def _get_midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())

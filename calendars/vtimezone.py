"""Small VTIMEZONEs (RFC 5545 section 3.6.5), and the choice of the zone that a series is written in.

Outlook understands DTSTART, RRULE and the offsets and nothing else, so there is no RDATE, and summer time is one
yearly pair of changes. ruby-icalendar fails on an observance that begins after the event. So a zone is defined by one
law: one offset, or summer time by one rule. What a zone kept before its last law, and everything in a zone whose
changes keep to no such rule, is written in the zone of a fixed offset. icalendar's own generator writes RDATEs, and
places the onset of summer time an hour late.
"""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from calendars.vevent import WEEKDAYS

_DAY_SECONDS = 24 * 60 * 60  # no zone changes its clock twice within one
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - onsets are local times of the zone
# Changes are looked through from the first year on; a law is what holds in all of the last years. Over fewer years
# "the Sunday on or after the 2nd" would look like "the first Sunday", which is all that Outlook can be told.
_FIRST_YEAR, _LAST_LAW_YEARS = 2020, range(2038, 2051)


@dataclass(frozen=True, slots=True)
class _Change:
    """One change of the clock; its onset is naive, in local time before the change (RFC 5545 section 3.6.5)."""

    onset: datetime
    before: timedelta
    after: timedelta

    @property
    def instant(self) -> datetime:
        return (self.onset - self.before).replace(tzinfo=UTC)


@lru_cache(maxsize=256)
def render_vtimezone(tzid: str) -> bytes:
    """Render the VTIMEZONE of a zone, from BEGIN to END, by its last law.

    It holds for the times for which `find_series_zone` names the zone. Raise ZoneInfoNotFoundError if the tz
    database has no such name.
    """
    zone, years = ZoneInfo(tzid), _LAST_LAW_YEARS
    changes = _find_changes(zone, date(years[0], 1, 1), date(years[-1] + 1, 1, 1))
    observances = _write_summer_time(changes, years) or _write_offset(zone, date(years[-1], 1, 1))
    lines = ["BEGIN:VTIMEZONE", f"TZID:{tzid}", *observances, "END:VTIMEZONE"]
    return "".join(f"{line}\r\n" for line in lines).encode()


def find_series_zone(tzid: str, at: datetime) -> str:
    """Find the zone in which a series at that time (aware) is written.

    That is the zone itself under its last law; before that, and in a zone that keeps to no law, the zone of a fixed
    offset, such as Etc/GMT-6 for six hours east of Greenwich. Return "" for an offset that is not in whole hours.
    """
    if at >= _find_last_law(tzid, min(at.year, _FIRST_YEAR)):
        return tzid
    hours = (at.astimezone(ZoneInfo(tzid)).utcoffset() or timedelta(0)) / timedelta(hours=1)
    if hours % 1:
        return ""
    return f"Etc/GMT{-hours:+.0f}" if hours else "Etc/GMT"


@lru_cache(maxsize=256)
def _find_last_law(tzid: str, first_year: int) -> datetime:
    """Find since when a zone keeps its last law, in the years from the first one on; never, if it has none."""
    zone, last_year = ZoneInfo(tzid), _LAST_LAW_YEARS[-1]
    changes = _find_changes(zone, date(first_year, 1, 1), date(last_year + 1, 1, 1))
    if not any(change.onset.year in _LAST_LAW_YEARS for change in changes):
        return changes[-1].instant if changes else datetime(first_year, 1, 1, tzinfo=zone)
    for year in range(first_year, _LAST_LAW_YEARS[0] + 1):
        later = [change for change in changes if change.onset.year >= year]
        if _write_summer_time(later, range(year, last_year + 1)):
            return datetime(year, 1, 1, tzinfo=zone)
    return datetime.max.replace(tzinfo=UTC)


def _write_summer_time(changes: Sequence[_Change], years: Sequence[int]) -> list[str]:
    """Write summer time as one pair of yearly rules; return nothing if the years differ.

    The larger offset is DAYLIGHT, although for Dublin the tz database has it the other way round.
    """
    forward = _write_yearly("DAYLIGHT", [c for c in changes if c.after > c.before], years)
    back = _write_yearly("STANDARD", [c for c in changes if c.after < c.before], years)
    return [*forward, *back] if forward and back else []


def _write_offset(zone: ZoneInfo, on: date) -> list[str]:
    """Write the one offset of a zone that does not change its clocks."""
    offset = _get_offset(zone, _get_midnight(on))
    return _write_observance("STANDARD", _EPOCH, offset, offset)


def _write_yearly(kind: str, changes: Sequence[_Change], years: Sequence[int]) -> list[str]:
    """Write one observance for a change on the same weekday of the same month each year, or return nothing."""
    rules = {(c.before, c.after, c.onset.month, c.onset.weekday(), c.onset.time()) for c in changes}
    if len(rules) != 1 or [c.onset.year for c in changes] != list(years):
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
    offsets = [_get_offset(zone, day) for day in days]
    return [
        _locate_change(zone, day, day + _DAY_SECONDS)
        for day, (earlier, later) in zip(days, pairwise(offsets), strict=False)
        if earlier != later
    ]


def _locate_change(zone: ZoneInfo, earlier: int, later: int) -> _Change:
    """Locate by bisection the one change between two instants, in seconds since 1970."""
    before, after = _get_offset(zone, earlier), _get_offset(zone, later)
    while later - earlier > 1:
        middle = (earlier + later) // 2
        earlier, later = (middle, later) if _get_offset(zone, middle) == before else (earlier, middle)
    onset = datetime.fromtimestamp(later, UTC).replace(tzinfo=None) + before
    return _Change(onset, before, after)


def _get_offset(zone: ZoneInfo, instant: int) -> timedelta:
    """Return the zone's offset from UTC at that instant, in seconds since 1970."""
    offset = datetime.fromtimestamp(instant, zone).utcoffset()
    return offset or timedelta(0)


def _get_midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())

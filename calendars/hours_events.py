"""Opening hours as recurring events.

An exhibition open for weeks is one recurring event (RFC 5545 section 3.8.5) for each pair of hours it keeps:
a single event from the first morning to the last evening would claim the nights.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from calendars.hours import (
    HoursExceptions,
    Interval,
    Opening,
    WeeklyHours,
    find_hours,
    list_days,
    list_openings,
    make_opening,
)
from calendars.vevent import WEEKDAYS, RRule, VEvent, is_written_in_utc
from calendars.vtimezone import find_series_zone


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursSeries:
    """The openings at one pair of hours, which become one recurring event; times are naive wall times of `tzid`.

    `key` identifies the series among those of its event and stays when other days change. A single opening has
    neither `byday` nor `until`. `overrides` maps the original start of an occurrence to the opening that
    replaces it.
    """

    key: str
    tzid: str
    dtstart: datetime
    dtend: datetime
    byday: tuple[str, ...] = ()
    until: datetime | None = None
    exdates: tuple[datetime, ...] = ()
    overrides: Mapping[datetime, Opening] = field(default_factory=dict)


def build_series(
    first_on: date, last_on: date, weekly: WeeklyHours, exceptions: HoursExceptions, tzid: str
) -> list[HoursSeries]:
    """Build a series for each pair of weekly hours, and one for each opening outside them.

    Together they have exactly the openings of `list_openings`. A day with one other interval in place of a
    weekly one is an override, except in a series in UTC; any other exception is excluded from its series, and its
    hours stand alone. Where the law of the zone changes, one series ends and another begins: an Outlook zone cannot
    hold both.
    An opening during which the clock changes is an exception too: readers disagree on whether an occurrence
    keeps its length or its closing time. Nor does a series have a day whose hours begin at a time that clocks skip,
    even as an exception: readers disagree on when that is. Raise ValueError as `list_openings` does.
    """
    days = _compare_days(first_on, last_on, weekly, exceptions, ZoneInfo(tzid))
    kept = _group_kept_days(days)
    overrides, alone = _place_other_hours(days, kept)
    recurring = [_make_series(group, dates, overrides.get(group, {})) for group, dates in kept.items()]
    single = [
        _make_single(f"d{day:%Y%m%d}-{_format_hours(hours)}", tzid, make_opening(day, hours)) for day, hours in alone
    ]
    return sorted(recurring + single, key=lambda one: one.dtstart)


def build_hours_events(base: VEvent, weekly: WeeklyHours, exceptions: HoursExceptions, tzid: str) -> list[VEvent]:
    """Build the opening hours of an all-day event: timed events with its texts that keep nobody busy.

    Each series has a UID of its own, derived from that of `base`; its overrides share that UID and have a
    RECURRENCE-ID (RFC 5545 section 3.8.4.4). Raise ValueError if `base` is not all-day, or recurs.
    """
    if not base.all_day or base.recurring:
        raise ValueError("Opening hours belong to an all-day event that does not recur itself.")
    found = build_series(base.dtstart, base.dtend - timedelta(days=1), weekly, exceptions, tzid)
    return [event for series in found for event in _make_events(base, series, ZoneInfo(tzid))]


class _Law(NamedTuple):
    """The law of the zone on some days: since when, if it began after the first day, and the zone to write it in."""

    since: date | None
    tzid: str


@dataclass(frozen=True, slots=True)
class _Day:
    """One day compared with its weekly hours: those it keeps, those it misses, those it has instead."""

    on: date
    law: _Law
    kept: tuple[Interval, ...]
    missing: tuple[Interval, ...]
    extra: tuple[Interval, ...]


# What the days of one series share.
_Group = tuple[_Law, Interval]


def _compare_days(
    first_on: date, last_on: date, weekly: WeeklyHours, exceptions: HoursExceptions, zone: ZoneInfo
) -> list[_Day]:
    """Compare each day with its weekly hours. Raise ValueError as `list_openings` does."""
    list_openings(first_on, last_on, weekly, exceptions)
    laws = _list_laws(list_days(first_on, last_on), weekly, zone)
    found = []
    for day, law in zip(list_days(first_on, last_on), laws, strict=True):
        usual, actual = weekly.get_hours(day), find_hours(day, weekly, exceptions)
        kept = tuple(h for h in actual if h in usual and _holds(law, make_opening(day, h), zone))
        missing = tuple(h for h in usual if h not in kept)
        extra = tuple(h for h in actual if h not in kept)
        found.append(_Day(day, law, kept, missing, extra))
    return found


def _group_kept_days(days: Iterable[_Day]) -> dict[_Group, list[date]]:
    """Group the dates by the weekly hours they keep: these become rules."""
    found: dict[_Group, list[date]] = defaultdict(list)
    for day in days:
        for hours in day.kept:
            found[day.law, hours].append(day.on)
    return found


def _place_other_hours(
    days: Iterable[_Day], kept: Mapping[_Group, Sequence[date]]
) -> tuple[Mapping[_Group, Mapping[date, Interval]], list[tuple[date, Interval]]]:
    """Divide the other hours into those that replace an occurrence of a rule and those that stand alone.

    In a series in UTC they all stand alone: Home Assistant does not recognize a RECURRENCE-ID that ends in Z.
    """
    produced = {group: set(_list_rule_days(dates)) for group, dates in kept.items()}
    overrides: dict[_Group, dict[date, Interval]] = defaultdict(dict)
    alone = []
    for day in days:
        groups = [(day.law, hours) for hours in day.missing]
        replaces = len(groups) == len(day.extra) == 1 and day.on in produced.get(groups[0], ())
        if replaces and not is_written_in_utc(ZoneInfo(day.law.tzid)):
            overrides[groups[0]][day.on] = day.extra[0]
        else:
            alone += [(day.on, hours) for hours in day.extra]
    return overrides, alone


def _list_rule_days(kept: Sequence[date]) -> list[date]:
    """List every date of the weekly rule that has the first, the last and the weekdays of these dates."""
    weekdays = {day.weekday() for day in kept}
    return [day for day in list_days(kept[0], kept[-1]) if day.weekday() in weekdays]


def _make_series(group: _Group, kept: Sequence[date], overrides: Mapping[date, Interval]) -> HoursSeries:
    (since, tzid), hours = group
    key = f"h{_format_hours(hours)}" if since is None else f"h{_format_hours(hours)}-{since:%Y%m%d}"
    single = _make_single(key, tzid, make_opening(kept[0], hours))
    if len(kept) == 1:
        return single
    weekdays = sorted({day.weekday() for day in kept})
    missing = set(_list_rule_days(kept)) - set(kept) - set(overrides)
    return replace(
        single,
        byday=tuple(WEEKDAYS[weekday] for weekday in weekdays),
        until=make_opening(kept[-1], hours).start,
        exdates=tuple(make_opening(day, hours).start for day in sorted(missing)),
        overrides={make_opening(day, hours).start: make_opening(day, other) for day, other in overrides.items()},
    )


def _make_single(key: str, tzid: str, opening: Opening) -> HoursSeries:
    return HoursSeries(key=key, tzid=tzid, dtstart=opening.start, dtend=opening.end)


def _format_hours(hours: Interval) -> str:
    opens, closes = hours
    return f"{opens:%H%M}-{closes:%H%M}"


def _make_events(base: VEvent, series: HoursSeries, place: ZoneInfo) -> list[VEvent]:
    """Make the event of a series, then its overrides; their RECURRENCE-ID is the original start.

    An override takes place by the clock of the `place`, which may change its law on that very day.
    An opening in an hour that clocks skip altogether is none.
    """
    zone = ZoneInfo(series.tzid)
    if not _localize(series.dtstart, zone).astimezone(UTC) < _localize(series.dtend, zone).astimezone(UTC):
        return []
    whole = replace(
        base,
        uid=_derive_uid(base.uid, series.key),
        dtstart=_localize(series.dtstart, zone),
        dtend=_localize(series.dtend, zone),
        transp="TRANSPARENT",
        rrule=_make_weekly_rule(series, zone),
        exdates=tuple(_localize(start, zone) for start in series.exdates),
        alarms=(),
    )
    overrides = series.overrides.items()
    return [whole, *(_make_override(whole, _localize(start, zone), other, place) for start, other in overrides)]


def _make_override(whole: VEvent, original: datetime, opening: Opening, place: ZoneInfo) -> VEvent:
    return replace(
        whole,
        dtstart=_localize(opening.start, place).astimezone(original.tzinfo),
        dtend=_localize(opening.end, place).astimezone(original.tzinfo),
        rrule=None,
        exdates=(),
        recurrence_id=original,
    )


def _derive_uid(uid: str, key: str) -> str:
    """Derive the UID of a series from that of its event: the key stands before the domain, if there is one."""
    local, at, domain = uid.partition("@")
    return f"{local}-{key}{at}{domain}"


def _make_weekly_rule(series: HoursSeries, zone: ZoneInfo) -> RRule | None:
    if series.until is None:
        return None
    return RRule(freq="WEEKLY", byday=series.byday, until=_localize(series.until, zone).astimezone(UTC))


def _localize(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the wall time in its zone (RFC 5545 section 3.3.5).

    Of two instants with that time it is the first; a time that clocks skip has the offset before the gap, and is
    told as clocks show it.
    """
    return wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)


def _list_laws(days: Sequence[date], weekly: WeeklyHours, zone: ZoneInfo) -> list[_Law]:
    """List the law of each day, as it is at noon; another one begins after weekly hours that clocks skip."""
    names = [find_series_zone(zone.key, datetime(day.year, day.month, day.day, 12, tzinfo=zone)) for day in days]
    laws = [_Law(None, names[0])]
    for before, day, name in zip(days[:-1], days[1:], names[1:], strict=True):
        goes_on = name == laws[-1].tzid and not _has_skipped_hours(before, weekly, zone)
        laws.append(laws[-1] if goes_on else _Law(day, name))
    return laws


def is_skipped(wall: datetime, zone: ZoneInfo) -> bool:
    """Tell whether clocks skip a wall time."""
    return _localize(wall, zone).replace(tzinfo=None) != wall


def _has_skipped_hours(day: date, weekly: WeeklyHours, zone: ZoneInfo) -> bool:
    """Tell whether weekly hours of the day begin at a time that clocks skip, be it open then or not."""
    return any(is_skipped(make_opening(day, hours).start, zone) for hours in weekly.get_hours(day))


def _holds(law: _Law, opening: Opening, zone: ZoneInfo) -> bool:
    """Tell whether a series under this law can have the opening: neither clock nor law change then."""
    if is_skipped(opening.start, zone) or is_skipped(opening.end, zone):
        return False
    start, end = _localize(opening.start, zone), _localize(opening.end, zone)
    same_law = find_series_zone(zone.key, start) == find_series_zone(zone.key, end) == law.tzid
    return bool(law.tzid) and same_law and start.utcoffset() == end.utcoffset()

"""Opening hours as events."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from calendars.hours import (
    HoursExceptions,
    Interval,
    Opening,
    WeeklyHours,
    get_hours,
    list_days,
    list_openings,
    make_opening,
)
from calendars.vevent import WEEKDAYS, RRule, VEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursSeries:
    """Openings at one pair of hours, as one recurring event has them; times are naive wall times.

    `key` names the series among those of its event and stays when other days change. A single opening has
    neither `byday` nor `until`. `overrides` maps the original start of an occurrence to what replaces it.
    """

    key: str
    dtstart: datetime
    dtend: datetime
    byday: tuple[str, ...] = ()
    until: datetime | None = None
    exdates: tuple[datetime, ...] = ()
    overrides: Mapping[datetime, Opening] = field(default_factory=dict)


def build_series(
    first_on: date, last_on: date, weekly: WeeklyHours, exceptions: HoursExceptions, tzid: str
) -> list[HoursSeries]:
    """What `openings` gives, as a recurring event for each pair of weekly hours and one for each odd opening.

    A day with one other interval in place of a weekly one is an override; any other exception is left out of
    its series, and its own hours stand alone. Where the zone's standard offset changes, a series ends and
    another begins: one Outlook zone cannot hold both. An opening during which the clock changes is also an
    exception: readers differ in whether an occurrence keeps its length or its closing time.
    """
    days = _read(first_on, last_on, weekly, exceptions, ZoneInfo(tzid))
    kept = _kept(days)
    overrides, alone = _replacements(days, kept)
    recurring = [_series(group, dates, overrides.get(group, {})) for group, dates in kept.items()]
    single = [_single(f"d{day:%Y%m%d}-{_pair(hours)}", make_opening(day, hours)) for day, hours in alone]
    return sorted(recurring + single, key=lambda one: one.dtstart)


def build_hours_events(base: VEvent, weekly: WeeklyHours, exceptions: HoursExceptions, tzid: str) -> list[VEvent]:
    """The opening hours during an all-day event, as timed events that share its texts and keep nobody busy.

    Each series has a UID of its own, derived from that of `base`; its overrides share that and have a
    RECURRENCE-ID. Raises ValueError unless `base` has a first and a last day.
    """
    if not base.all_day or base.recurring:
        raise ValueError("Opening hours belong to an all-day event that does not recur itself.")
    found = build_series(base.dtstart, base.dtend - timedelta(days=1), weekly, exceptions, tzid)
    return [event for one in found for event in _events(base, one, ZoneInfo(tzid))]


@dataclass(frozen=True, slots=True)
class _Day:
    """One day against its weekly hours: those it keeps, those it misses, those it has instead."""

    on: date
    since: date | None  # from when on the zone has had its standard offset, if that changed among the days
    kept: tuple[Interval, ...]
    missing: tuple[Interval, ...]
    extra: tuple[Interval, ...]


_Group = tuple[date | None, Interval]  # what the days of one series have in common: since when, which hours


def _read(
    first_on: date, last_on: date, weekly: WeeklyHours, exceptions: HoursExceptions, zone: ZoneInfo
) -> list[_Day]:
    list_openings(first_on, last_on, weekly, exceptions)  # refuses overlaps
    changes = _standard_changes(first_on, last_on, zone)
    found = []
    for day in list_days(first_on, last_on):
        usual, actual = weekly.on(day), get_hours(day, weekly, exceptions)
        kept = tuple(h for h in actual if h in usual and not _clock_changes(make_opening(day, h), zone))
        missing = tuple(h for h in usual if h not in kept)
        extra = tuple(h for h in actual if h not in kept)
        since = max((change for change in changes if change <= day), default=None)
        found.append(_Day(day, since, kept, missing, extra))
    return found


def _kept(days: Iterable[_Day]) -> dict[_Group, list[date]]:
    """The dates that keep each pair of weekly hours: what rules can say."""
    found: dict[_Group, list[date]] = defaultdict(list)
    for day in days:
        for hours in day.kept:
            found[day.since, hours].append(day.on)
    return found


def _replacements(
    days: Iterable[_Day], kept: Mapping[_Group, Sequence[date]]
) -> tuple[Mapping[_Group, Mapping[date, Interval]], list[tuple[date, Interval]]]:
    """The other hours: those in place of an occurrence that a rule produces, and those that stand alone."""
    produced = {group: set(_produced(dates)) for group, dates in kept.items()}
    overrides: dict[_Group, dict[date, Interval]] = defaultdict(dict)
    alone = []
    for day in days:
        groups = [(day.since, hours) for hours in day.missing]
        if len(groups) == len(day.extra) == 1 and day.on in produced.get(groups[0], ()):
            overrides[groups[0]][day.on] = day.extra[0]
        else:
            alone += [(day.on, hours) for hours in day.extra]
    return overrides, alone


def _produced(kept: Sequence[date]) -> list[date]:
    """Every date of the weekly rule that begins, ends and has its weekdays with these."""
    weekdays = {day.weekday() for day in kept}
    return [day for day in list_days(kept[0], kept[-1]) if day.weekday() in weekdays]


def _series(group: _Group, kept: Sequence[date], overrides: Mapping[date, Interval]) -> HoursSeries:
    since, hours = group
    key = f"h{_pair(hours)}" if since is None else f"h{_pair(hours)}-{since:%Y%m%d}"
    single = _single(key, make_opening(kept[0], hours))
    if len(kept) == 1:
        return single
    weekdays = sorted({day.weekday() for day in kept})
    missing = set(_produced(kept)) - set(kept) - set(overrides)
    return replace(
        single,
        byday=tuple(WEEKDAYS[weekday] for weekday in weekdays),
        until=make_opening(kept[-1], hours).start,
        exdates=tuple(make_opening(day, hours).start for day in sorted(missing)),
        overrides={make_opening(day, hours).start: make_opening(day, other) for day, other in overrides.items()},
    )


def _single(key: str, opening: Opening) -> HoursSeries:
    return HoursSeries(key=key, dtstart=opening.start, dtend=opening.end)


def _pair(hours: Interval) -> str:
    opens, closes = hours
    return f"{opens:%H%M}-{closes:%H%M}"


def _events(base: VEvent, one: HoursSeries, zone: ZoneInfo) -> list[VEvent]:
    """The series, then its overrides; the RECURRENCE-ID of an override is its original start."""
    whole = replace(
        base,
        uid=_uid(base.uid, one.key),
        dtstart=_at(one.dtstart, zone),
        dtend=_at(one.dtend, zone),
        transp="TRANSPARENT",
        rrule=_weekly_rule(one, zone),
        exdates=tuple(_at(start, zone) for start in one.exdates),
        alarms=(),
    )
    return [whole, *(_override(whole, start, opening, zone) for start, opening in one.overrides.items())]


def _override(whole: VEvent, original: datetime, opening: Opening, zone: ZoneInfo) -> VEvent:
    return replace(
        whole,
        dtstart=_at(opening.start, zone),
        dtend=_at(opening.end, zone),
        rrule=None,
        exdates=(),
        recurrence_id=_at(original, zone),
    )


def _uid(uid: str, key: str) -> str:
    """The UID with the key in front of its domain, if it has one."""
    local, at, domain = uid.partition("@")
    return f"{local}-{key}{at}{domain}"


def _weekly_rule(one: HoursSeries, zone: ZoneInfo) -> RRule | None:
    if one.until is None:
        return None
    return RRule(freq="WEEKLY", byday=one.byday, until=_at(one.until, zone).astimezone(UTC))


def _at(wall: datetime, zone: ZoneInfo) -> datetime:
    """As RFC 5545 section 3.3.5 reads a local time: the first where the clock shows it twice (fold=0)."""
    return wall.replace(tzinfo=zone)


def _clock_changes(opening: Opening, zone: ZoneInfo) -> bool:
    return _at(opening.start, zone).utcoffset() != _at(opening.end, zone).utcoffset()


def _standard_changes(first_on: date, last_on: date, zone: ZoneInfo) -> list[date]:
    """The days from which the zone has another standard offset; summer time is no such change."""
    days = pairwise(list_days(first_on, last_on))
    return [later for earlier, later in days if _standard(earlier, zone) != _standard(later, zone)]


def _standard(day: date, zone: ZoneInfo) -> timedelta:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone)
    return (noon.utcoffset() or timedelta(0)) - (noon.dst() or timedelta(0))

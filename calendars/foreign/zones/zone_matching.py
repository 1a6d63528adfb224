"""Which zone of the tz database keeps the clock of a home-made zone."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain
from zoneinfo import ZoneInfo

from calendars.foreign.zones.clocks import ZoneClock
from calendars.foreign.zones.tz_database import iana_names, zone
from calendars.foreign.zones.vendor_names import windows_names


def matching_zone(clock: ZoneClock, hints: Iterable[str]) -> str:
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

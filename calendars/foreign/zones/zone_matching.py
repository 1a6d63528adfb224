"""The match of a custom zone with a zone of the tz database that keeps the same clock."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain
from zoneinfo import ZoneInfo

from calendars.foreign.zones.clocks import ZoneClock
from calendars.foreign.zones.tz_database import get_iana_names, get_zone
from calendars.foreign.zones.vendor_names import get_windows_names


def find_zone(clock: ZoneClock, hints: Iterable[str]) -> str:
    """Find the first zone that keeps the clock; return "" if there is none.

    The hints come first, then UTC and the zones of fixed offset, then all others, the best known first.
    """
    samples = list(clock.sample())
    offsets = {offset for _, offset in samples}
    fixed = [_name_fixed_zone(*offsets)] if len(offsets) == 1 else []
    for tzid in chain(filter(None, hints), filter(None, fixed), _list_zones()):
        if _keeps(get_zone(tzid), samples):
            return tzid
    return ""


def _keeps(candidate: ZoneInfo, samples: Iterable[tuple[datetime, timedelta]]) -> bool:
    return all(at.astimezone(candidate).utcoffset() == offset for at, offset in samples)


_BEST_KNOWN = (  # of the zones that keep the same clock
    *("Europe/Berlin", "Europe/London", "Europe/Athens", "America/New_York", "America/Chicago", "America/Denver"),
    *("America/Los_Angeles", "America/Anchorage", "America/Halifax", "Australia/Sydney", "Pacific/Auckland"),
)


@lru_cache(maxsize=1)
def _list_zones() -> tuple[str, ...]:
    """List the best known zones, then one for each zone of Windows, as CLDR chose them, then all others."""
    chosen = dict.fromkeys((*_BEST_KNOWN, *sorted(get_windows_names().values())))
    others = sorted(name for name in get_iana_names().values() if "/" in name and not name.startswith("Etc/"))
    return tuple(chosen | dict.fromkeys(others))


def _name_fixed_zone(offset: timedelta | None) -> str:
    """Name the zone that always has this UTC offset, or return ""; the sign in its name is inverted."""
    if offset is None:
        return ""
    hours, rest = divmod(offset, timedelta(hours=1))
    if rest or not -12 <= hours <= 14:
        return ""
    return f"Etc/GMT{-hours:+}" if hours else "UTC"

"""The zones of the tz database, and times in them."""

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

_NO_ZONES = frozenset(("Factory", "localtime"))  # files of the tz database that are no zones


@lru_cache(maxsize=1024)
def get_zone(tzid: str) -> ZoneInfo:
    """Return the zone of that name in the tz database; ZoneInfo itself caches only eight."""
    return ZoneInfo(tzid)


def convert_wall_time(wall: datetime, tzid: str, to: str) -> datetime:
    """Convert a naive wall time from one zone to another."""
    if tzid == to:
        return wall
    return wall.replace(tzinfo=get_zone(tzid)).astimezone(get_zone(to)).replace(tzinfo=None)


def to_instant(wall: datetime, tzid: str) -> datetime:
    return wall.replace(tzinfo=get_zone(tzid)).astimezone(UTC)


def comes_twice(wall: datetime, tzid: str) -> bool:
    """Tell whether clocks show a wall time twice on that day."""
    first, second = (wall.replace(tzinfo=get_zone(tzid), fold=fold).utcoffset() for fold in (0, 1))
    return first is not None and second is not None and first > second


@lru_cache(maxsize=1)
def get_iana_names() -> dict[str, str]:
    """Return the names of the tz database by their lower-case forms."""
    return {name.lower(): name for name in available_timezones() - _NO_ZONES}


def find_iana_name(name: str) -> str:
    """Find a name in the spelling of the tz database; return "" if there is none."""
    return get_iana_names().get(name.strip().lower().replace(" ", "_"), "")

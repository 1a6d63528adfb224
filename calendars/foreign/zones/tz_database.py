"""The zones of the tz database, and times on their clocks."""

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

_NO_ZONES = frozenset(("Factory", "localtime"))  # files of the tz database that name no zone


@lru_cache(maxsize=1024)
def zone(tzid: str) -> ZoneInfo:
    """The zone of that name in the tz database; ZoneInfo itself keeps only eight."""
    return ZoneInfo(tzid)


def moved(wall: datetime, tzid: str, to: str) -> datetime:
    """The same instant on the clock of another zone."""
    if tzid == to:
        return wall
    return wall.replace(tzinfo=zone(tzid)).astimezone(zone(to)).replace(tzinfo=None)


def instant(wall: datetime, tzid: str) -> datetime:
    return wall.replace(tzinfo=zone(tzid)).astimezone(UTC)


@lru_cache(maxsize=1)
def iana_names() -> dict[str, str]:
    """The names of the tz database, by themselves in small letters."""
    return {name.lower(): name for name in available_timezones() - _NO_ZONES}


def iana_name(name: str) -> str:
    """The name in the spelling of the tz database, or nothing."""
    return iana_names().get(name.strip().lower().replace(" ", "_"), "")

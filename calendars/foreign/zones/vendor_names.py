"""The names of zones in other programs: Windows names, names with a prefix, names as Outlook displays them."""

import re
from datetime import datetime, timedelta
from functools import lru_cache

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from calendars.foreign.zones.tz_database import find_iana_name, get_iana_names, get_zone

UTC_NAMES = frozenset(("utc", "uct", "z", "zulu", "universal", "gmt", "greenwich", "etc/utc", "etc/uct", "etc/gmt"))

# Windows kept this name for Bishkek when Kazakhstan moved to +05 in 2024; a Kazakh Outlook may still write it.
AMBIGUOUS = "central asia standard time"
_KAZAKH = ("Asia/Almaty", "Asia/Qostanay")

_RENAMED = {  # CLDR keeps the names that it had first
    "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
    "America/Godthab": "America/Nuuk",
    "America/Indianapolis": "America/Indiana/Indianapolis",
    "Asia/Calcutta": "Asia/Kolkata",
    "Asia/Katmandu": "Asia/Kathmandu",
    "Asia/Rangoon": "Asia/Yangon",
    "Europe/Kiev": "Europe/Kyiv",
}


@lru_cache(maxsize=1)
def get_windows_names() -> dict[str, str]:
    """Return the zones of Windows by their lower-case names, from the table of CLDR."""
    return {name.lower(): _unify_utc(_RENAMED.get(tzid, tzid)) for name, tzid in WINDOWS_TO_OLSON.items()}


def _unify_utc(tzid: str) -> str:
    return "UTC" if tzid.lower() in UTC_NAMES else tzid


def resolve_windows_name(name: str, default: str) -> str:
    """Resolve a Windows name, or return ""; the ambiguous one is Almaty if `default` is in Kazakhstan."""
    if name.lower() == AMBIGUOUS and default in _KAZAKH:
        return default
    return get_windows_names().get(name.lower(), "")


def resolve_suffix(name: str) -> str:
    """Resolve an IANA name behind a vendor's prefix: /freeassociation.sourceforge.net/Tzfile/Europe/Berlin."""
    parts = [part for part in name.split("/", 8) if part]
    for start in range(1 if not name.startswith("/") else 0, len(parts)):
        if tzid := find_iana_name("/".join(parts[start:])):
            return _unify_utc(tzid)
    return ""


_DISPLAYED = re.compile(r"\(?(?:UTC|GMT)?\s*(?:([+-])?(\d{1,2}):?(\d\d)?)?\)?\s*(.*)", re.IGNORECASE | re.DOTALL)
_OFFSET = re.compile(r"\(?(?:UTC|GMT)?\s*([+-])\s*(\d{1,2}):?([0-5]\d)?\)?", re.IGNORECASE)


def parse_offset_name(name: str) -> timedelta | None:
    """Parse a name that is only a UTC offset, such as GMT+0500 or (UTC-03:30); return None for any other."""
    found = _OFFSET.fullmatch(name[:20])
    return _parse_offset(found[1], found[2], found[3]) if found else None


def _parse_offset(sign: str | None, hours: str, minutes: str | None) -> timedelta:
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return -offset if sign == "-" else offset


def resolve_displayed_name(name: str, year: int) -> str:
    """Resolve a name as Outlook displays it, or return "": (UTC+01:00) Amsterdam, Berlin, Bern.

    The offset in it is that of winter, and must be that of the zone in `year`.
    """
    found = _DISPLAYED.fullmatch(name[:200])
    if not found or not found[4]:
        return ""
    offset = _parse_offset(found[1], found[2], found[3]) if found[2] else None
    for piece in re.split(r"[,:;/&]", found[4].partition("(")[0]):
        tzid = _resolve_place(piece.strip().lower())
        if tzid and offset in (None, _get_winter_offset(tzid, year)):
            return tzid
    return ""


def _resolve_place(piece: str) -> str:
    windows = get_windows_names().get(piece.removesuffix(" time") + " standard time", "")
    return windows or _get_cities().get(piece.replace(" ", "_"), "")


@lru_cache(maxsize=1)
def _get_cities() -> dict[str, str]:
    """Return the zones by their cities in lower case; of two with the same city, Asia's before US/..."""
    names = sorted(get_iana_names().values(), reverse=True)
    return {name.rpartition("/")[2].lower(): name for name in names if "/" in name and not name.startswith("Etc/")}


def _get_winter_offset(tzid: str, year: int) -> timedelta:
    january, july = (datetime(year, month, 1, tzinfo=get_zone(tzid)).utcoffset() for month in (1, 7))
    return min(january or timedelta(0), july or timedelta(0))

"""The names that programs give to zones: Microsoft's, those of vendors, and what Outlook shows in their place."""

import re
from datetime import datetime, timedelta
from functools import lru_cache

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from calendars.foreign.zones.tz_database import iana_name, iana_names, zone

UTC_NAMES = frozenset(("utc", "uct", "z", "zulu", "universal", "gmt", "greenwich", "etc/utc", "etc/uct", "etc/gmt"))

# Windows kept this name for Bishkek when Kazakhstan moved to +05 in 2024; a Kazakh Outlook may still write it.
DOUBTFUL = "central asia standard time"
_KAZAKH = ("Asia/Almaty", "Asia/Qostanay")

_RENAMED = {  # CLDR keeps the names of its first day
    "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
    "America/Godthab": "America/Nuuk",
    "America/Indianapolis": "America/Indiana/Indianapolis",
    "Asia/Calcutta": "Asia/Kolkata",
    "Asia/Katmandu": "Asia/Kathmandu",
    "Asia/Rangoon": "Asia/Yangon",
    "Europe/Kiev": "Europe/Kyiv",
}


@lru_cache(maxsize=1)
def windows_names() -> dict[str, str]:
    return {name.lower(): _plain(_RENAMED.get(tzid, tzid)) for name, tzid in WINDOWS_TO_OLSON.items()}


def _plain(tzid: str) -> str:
    return "UTC" if tzid.lower() in UTC_NAMES else tzid


def windows_name(name: str, default: str) -> str:
    """Microsoft's name, by the table of CLDR; one of them means Almaty to a reader in Kazakhstan."""
    if name.lower() == DOUBTFUL and default in _KAZAKH:
        return default
    return windows_names().get(name.lower(), "")


def suffix_name(name: str) -> str:
    """What stands behind a vendor's prefix: /freeassociation.sourceforge.net/Tzfile/Europe/Berlin."""
    parts = [part for part in name.split("/", 8) if part]
    for start in range(1 if not name.startswith("/") else 0, len(parts)):
        if tzid := iana_name("/".join(parts[start:])):
            return _plain(tzid)
    return ""


_SHOWN = re.compile(r"\(?(?:UTC|GMT)?\s*(?:([+-])?(\d{1,2}):?(\d\d)?)?\)?\s*(.*)", re.IGNORECASE | re.DOTALL)
_DISTANCE = re.compile(r"\(?(?:UTC|GMT)?\s*([+-])\s*(\d{1,2}):?([0-5]\d)?\)?", re.IGNORECASE)


def told_distance(name: str) -> timedelta | None:
    """How far east of UTC a name such as GMT+0500 or (UTC-03:30) says, if it says only that."""
    found = _DISTANCE.fullmatch(name[:20])
    return _east(found[1], found[2], found[3]) if found else None


def _east(sign: str | None, hours: str, minutes: str | None) -> timedelta:
    distance = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return -distance if sign == "-" else distance


def shown_name(name: str, year: int) -> str:
    """What Outlook shows for a zone: (UTC+01:00) Amsterdam, Berlin, Bern; its distance is the winter's."""
    found = _SHOWN.fullmatch(name[:200])
    if not found or not found[4]:
        return ""
    east = _east(found[1], found[2], found[3]) if found[2] else None
    for piece in re.split(r"[,:;/&]", found[4].partition("(")[0]):
        tzid = _called(piece.strip().lower())
        if tzid and east in (None, _winter(tzid, year)):
            return tzid
    return ""


def _called(piece: str) -> str:
    windows = windows_names().get(piece.removesuffix(" time") + " standard time", "")
    return windows or _cities().get(piece.replace(" ", "_"), "")


@lru_cache(maxsize=1)
def _cities() -> dict[str, str]:
    names = sorted(iana_names().values(), reverse=True)  # of two that are so called, Asia's before US/...
    return {name.rpartition("/")[2].lower(): name for name in names if "/" in name and not name.startswith("Etc/")}


def _winter(tzid: str, year: int) -> timedelta:
    january, july = (datetime(year, month, 1, tzinfo=zone(tzid)).utcoffset() for month in (1, 7))
    return min(january or timedelta(0), july or timedelta(0))

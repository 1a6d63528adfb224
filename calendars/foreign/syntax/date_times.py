"""DATE and DATE-TIME values (RFC 5545 sections 3.3.4 and 3.3.5), as various programs write them."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import NamedTuple

from calendars.foreign.syntax.content_lines import ContentLine, parse_parameters
from calendars.vevent import DateOrDateTime

_MOMENT = re.compile(r"(\d{8})(?:(T\d{6})Z?|Z?)", re.ASCII)


class WrittenTime(NamedTuple):
    """A date or naive time, and its TZID: "UTC" for a time that ends in Z, None for a date or floating time."""

    value: DateOrDateTime
    tzid: str | None
    well_formed: bool = True  # whether it is written in the form of RFC 5545


def parse_time(value: str, head: str) -> WrittenTime | None:
    """Parse a DATE or DATE-TIME (RFC 5545 sections 3.3.4 and 3.3.5), or another form of ISO 8601.

    `head` has the TZID and VALUE parameters. Return None for anything else, and for the first and the last year
    of Python, whose times may be out of range in another zone.
    """
    try:
        written = _parse_basic(value, parse_parameters(head))
    except (ValueError, OverflowError):
        return None
    return written if date.min.year < written.value.year < date.max.year else None


def _parse_basic(value: str, parameters: Mapping[str, str]) -> WrittenTime:
    found = _MOMENT.fullmatch(value)
    if not found:
        return _parse_extended(value, parameters.get("TZID"))
    if not found[2] or parameters.get("VALUE", "").upper() == "DATE":
        return WrittenTime(date.fromisoformat(found[1]), None)
    tzid = "UTC" if value.endswith("Z") else parameters.get("TZID")
    return WrittenTime(datetime.fromisoformat(found[1] + _drop_leap_second(found[2])), tzid)


def _drop_leap_second(clock: str) -> str:
    """Replace second 60 by 59 (RFC 5545 section 3.3.12)."""
    return clock[:5] + "59" if clock.endswith("60") else clock


def _parse_extended(value: str, tzid: str | None) -> WrittenTime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        return WrittenTime(moment, tzid, well_formed=False)
    return WrittenTime(moment.astimezone(UTC).replace(tzinfo=None), "UTC", well_formed=False)


def split_at_time(line: ContentLine) -> ContentLine:
    """Divide the line of a time at its last colon: Outlook's TZIDs, such as (UTC+01:00), have one, often unquoted."""
    number, head, value = line
    if ":" not in value:
        return line
    name, _, times = f"{head}:{value}".rpartition(":")
    return (number, name, times) if _MOMENT.fullmatch(times.partition(",")[0].strip(' "')) else line


def to_date(value: DateOrDateTime) -> date:
    return value.date() if isinstance(value, datetime) else value


def to_datetime(value: DateOrDateTime) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, time())

"""Dates and times as they are written (RFC 5545 sections 3.3.4, 3.3.5), by whatever program."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import NamedTuple

from calendars.foreign.syntax.content_lines import ContentLine, parameters_of
from calendars.vevent import DateOrDateTime

_MOMENT = re.compile(r"(\d{8})(?:(T\d{6})Z?|Z?)", re.ASCII)


class WrittenTime(NamedTuple):
    """A date or naive time with its TZID; "UTC" for Z, None for floating time."""

    value: DateOrDateTime
    tzid: str | None
    plain: bool = True  # whether it is written as RFC 5545 wants it


def time_of(value: str, head: str) -> WrittenTime | None:
    """A DATE or DATE-TIME (RFC 5545 sections 3.3.4, 3.3.5), or one that ISO 8601 allows; or nothing.

    The first and the last year that Python knows are nothing: in another zone their times may be out of reach.
    """
    try:
        written = _plain_time(value, parameters_of(head))
    except (ValueError, OverflowError):
        return None
    return written if date.min.year < written.value.year < date.max.year else None


def _plain_time(value: str, parameters: Mapping[str, str]) -> WrittenTime:
    found = _MOMENT.fullmatch(value)
    if not found:
        return _odd_time(value, parameters.get("TZID"))
    if not found[2] or parameters.get("VALUE", "").upper() == "DATE":
        return WrittenTime(date.fromisoformat(found[1]), None)
    tzid = "UTC" if value.endswith("Z") else parameters.get("TZID")
    return WrittenTime(datetime.fromisoformat(found[1] + _no_leap_second(found[2])), tzid)


def _no_leap_second(clock: str) -> str:
    return clock[:5] + "59" if clock.endswith("60") else clock


def _odd_time(value: str, tzid: str | None) -> WrittenTime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        return WrittenTime(moment, tzid, plain=False)
    return WrittenTime(moment.astimezone(UTC).replace(tzinfo=None), "UTC", plain=False)


def unquoted(line: ContentLine) -> ContentLine:
    """The line of a time whose TZID has a colon, as Outlook's (UTC+01:00), and perhaps no quotes around it."""
    number, head, value = line
    if ":" not in value:
        return line
    name, _, times = f"{head}:{value}".rpartition(":")
    return (number, name, times) if _MOMENT.fullmatch(times.partition(",")[0].strip(' "')) else line


def day_of(value: DateOrDateTime) -> date:
    return value.date() if isinstance(value, datetime) else value


def datetime_of(value: DateOrDateTime) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, time())

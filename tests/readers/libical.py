"""What libical reads in every feed of a directory: python libical.py DIRECTORY SINCE UNTIL

Prints JSON: by file a list of occurrences, of series those between two dates, each as a flat object of strings.
In a process of its own, for a mistake in these declarations, or in C, is a crash. On Debian it is in libical3.
"""

from __future__ import annotations

import ctypes
import json
import sys
from collections.abc import Iterator
from ctypes import POINTER, c_char_p, c_int, c_void_p
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

Occurrence = dict[str, str]


class Time(ctypes.Structure):
    """struct icaltimetype of version 3."""

    _fields_ = [
        *((name, c_int) for name in ("year", "month", "day", "hour", "minute", "second", "is_date", "is_daylight")),
        ("zone", c_void_p),
    ]


class Span(ctypes.Structure):
    """struct icaltime_span: an occurrence as time_t."""

    _fields_ = [("start", ctypes.c_long), ("end", ctypes.c_long), ("is_busy", c_int)]


On_occurrence = ctypes.CFUNCTYPE(None, c_void_p, POINTER(Span), c_void_p)

C = ctypes.CDLL("libical.so.3")
for answer, names in {
    c_void_p: [
        "icalparser_parse_string",
        "icalcomponent_get_first_component",
        "icalcomponent_get_next_component",
        "icalcomponent_get_first_property",
    ],
    c_char_p: [
        "icalcomponent_get_uid",
        "icalcomponent_get_summary",
        "icalcomponent_get_description",
        "icalcomponent_get_location",
        "icalproperty_get_value_as_string",
    ],
    Time: ["icalproperty_get_datetime_with_component", "icaltime_from_string"],
    ctypes.c_long: ["icaltime_as_timet_with_zone"],
}.items():
    for name in names:
        getattr(C, name).restype = answer


def read(file: Path, since: date, until: date) -> list[Occurrence]:
    calendar = c_void_p(C.icalparser_parse_string(file.read_bytes()))
    assert calendar, f"{file}: not a calendar"
    assert not C.icalcomponent_count_errors(calendar), f"{file}: errors"
    assert C.icalrestriction_check(calendar), f"{file}: not as RFC 5546 wants it"
    events = list(_components(calendar, b"VEVENT"))
    overrides = {_identity(event): event for event in events if _has(event, b"RECURRENCE-ID")}
    series = (event for event in events if not _has(event, b"RECURRENCE-ID"))
    found = [one for event in series for one in _occurrences(event, overrides, since, until)]
    C.icalcomponent_free(calendar)
    return found


def _components(parent: c_void_p, kind: bytes) -> Iterator[c_void_p]:
    number = C.icalcomponent_string_to_kind(kind)
    found = C.icalcomponent_get_first_component(parent, number)
    while found:
        yield c_void_p(found)
        found = C.icalcomponent_get_next_component(parent, number)


def _identity(override: c_void_p) -> tuple[str, str]:
    return _text(C.icalcomponent_get_uid(override)), _instant(override, b"RECURRENCE-ID")


def _occurrences(
    event: c_void_p, overrides: dict[tuple[str, str], c_void_p], since: date, until: date
) -> Iterator[Occurrence]:
    """Expanding a series, libical leaves overrides to its caller."""
    if not _has(event, b"RRULE"):
        yield _seen(event)
        return
    for start, end in _expanded(event, since, until):
        override = overrides.get((_text(C.icalcomponent_get_uid(event)), start))
        yield _seen(override) if override else {**_seen(event), "start": start, "end": end}


def _expanded(event: c_void_p, since: date, until: date) -> list[tuple[str, str]]:
    whole_days = bool(_time(event, b"DTSTART").is_date)
    found = []

    @On_occurrence
    def keep(_event: int, span: Any, _data: int) -> None:
        found.append((_of_time_t(span.contents.start, whole_days), _of_time_t(span.contents.end, whole_days)))

    C.icalcomponent_foreach_recurrence(event, _midnight(since), _midnight(until), keep, None)
    return found


def _seen(event: c_void_p) -> Occurrence:
    return {
        "uid": _text(C.icalcomponent_get_uid(event)),
        "start": _instant(event, b"DTSTART"),
        "end": _instant(event, b"DTEND"),
        "summary": _text(C.icalcomponent_get_summary(event)),
        "description": _text(C.icalcomponent_get_description(event)),
        "location": _text(C.icalcomponent_get_location(event)),
        "status": _property(event, b"STATUS"),
        "sequence": _property(event, b"SEQUENCE"),
        "alarms": " ".join(_property(alarm, b"TRIGGER") for alarm in _components(event, b"VALARM")),
    }


def _has(component: c_void_p, name: bytes) -> bool:
    return bool(_first(component, name))


def _property(component: c_void_p, name: bytes) -> str:
    return _text(C.icalproperty_get_value_as_string(_first(component, name)))


def _first(component: c_void_p, name: bytes) -> c_void_p:
    """By name, for kinds are numbered anew in each version."""
    return c_void_p(C.icalcomponent_get_first_property(component, C.icalproperty_string_to_kind(name)))


def _text(value: bytes | None) -> str:
    return (value or b"").decode()


def _instant(event: c_void_p, name: bytes) -> str:
    """A date, or an instant in UTC by the VTIMEZONE of the file."""
    value = _time(event, name)
    if not value.is_date:
        assert value.zone, "a time without a zone"
    return _of_time_t(C.icaltime_as_timet_with_zone(value, c_void_p(value.zone)), bool(value.is_date))


def _time(event: c_void_p, name: bytes) -> Time:
    return C.icalproperty_get_datetime_with_component(_first(event, name), event)


def _of_time_t(seconds: int, whole_days: bool) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%F}" if whole_days else f"{moment:%FT%TZ}"


def _midnight(day: date) -> Time:
    return C.icaltime_from_string(f"{day:%Y%m%dT%H%M%SZ}".encode())


def main() -> None:
    directory, since, until = sys.argv[1:]
    files = sorted(Path(directory).glob("*.ics"))
    found = {file.name: read(file, date.fromisoformat(since), date.fromisoformat(until)) for file in files}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()

"""Values as plain TOML holds them: what people write for a duration, a text, the hours of a week."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import groupby
from types import MappingProxyType
from typing import Any

from scheduler.base.durations import NominalDuration, format_duration
from scheduler.base.text import Text

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Interval = tuple[time, time]
Fields = Mapping[str, Any]
NO_DEFAULTS: Fields = MappingProxyType({})


def drop_defaults(fields: Fields, defaults: Fields = NO_DEFAULTS) -> dict[str, Any]:
    """Return the fields that are neither None nor their default; a field that has none in ``defaults`` may be empty.

    In a list of tables, such as the closures of a venue, the tables lose their empty fields.
    """
    return {
        name: _drop_within(value)
        for name, value in fields.items()
        if value is not None and not _is_default(name, value, defaults)
    }


def _is_default(name: str, value: Any, defaults: Fields) -> bool:
    return bool(value == defaults[name]) if name in defaults else value in ((), {})


def _drop_within(value: Any) -> Any:
    if not isinstance(value, tuple):
        return value
    return tuple(drop_defaults(item) if isinstance(item, dict) else item for item in value)


def write_fields(fields: Fields) -> dict[str, Any]:
    """Return fields as plain TOML values. Raise TypeError for a value that no file can hold."""
    return {name: _write_value(name, value) for name, value in fields.items()}


def _write_value(name: str, value: Any) -> Any:
    if name == "hours":
        return _write_interval(value) if isinstance(value[0], time) else _write_week(value)
    match value:
        case Text():
            return dict(value)
        case StrEnum():
            return str(value)
        case timedelta():
            return format_duration(value)
        case NominalDuration():
            return str(value)
        case tuple():
            return [_write_value("", item) for item in value]
        case Mapping():
            return write_fields(value)
        case datetime() | date() | time() | str() | int() | float():
            return value
    raise TypeError(f"{name} cannot be written to a file: {value!r}")


def _write_interval(interval: Interval) -> str:
    opens, closes = interval
    return f"{opens:%H:%M}-{closes:%H:%M}"


def _write_week(rows: Iterable[tuple[int, Interval]]) -> dict[str, str]:
    """Return hours by weekday, days in a row with the same hours as one key: {"mon-fri": "10:00-18:00"}."""
    days = {
        day: ", ".join(_write_interval(interval) for _, interval in group)
        for day, group in groupby(rows, lambda row: row[0])
    }
    written: dict[str, str] = {}
    for hours, run in groupby(_number_runs(days), lambda item: item[0]):
        keys = [day for _, day in run]
        written[_name_run([WEEKDAYS[day[0]] for day in keys])] = hours[0]
    return written


def _number_runs(days: Mapping[int, str]) -> Iterable[tuple[tuple[str, int], tuple[int, str]]]:
    """Yield ((hours, day - index), (day, hours)): the first part is equal for days in a row with the same hours."""
    for index, (day, hours) in enumerate(sorted(days.items())):
        yield (hours, day - index), (day, hours)


def _name_run(names: list[str]) -> str:
    if len(names) == 7:
        return "daily"
    return names[0] if len(names) == 1 else f"{names[0]}-{names[-1]}"

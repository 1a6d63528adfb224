"""Drafts as plain tables of keys and values, as a programme file holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any

from scheduler.base.durations import format_duration
from scheduler.base.text import Text
from scheduler.services.common.drafts import Draft
from scheduler.services.common.values import WEEKDAYS, Interval


def write_table(draft: Draft) -> dict[str, Any]:
    """Return a draft as plain TOML values, without the keys that have their default.

    Raise TypeError for a value that no file can hold.
    """
    written = {}
    for name, field in type(draft).model_fields.items():
        value = getattr(draft, name)
        if value is None or (not field.is_required() and value == field.default):
            continue
        written[name] = _write_value(name, value)
    return written


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
        case Draft():
            return write_table(value)
        case tuple():
            return [_write_value("", item) for item in value]
        case datetime() | date() | time() | Mapping() | str() | int() | float():
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

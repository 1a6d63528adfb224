"""Rows as plain tables: drafts written as keys and values, as a programme file holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any

from scheduler.base.date_parsing import format_duration
from scheduler.base.text import Text
from scheduler.services.common.drafts import Draft
from scheduler.services.common.values import WEEKDAYS, Interval


def table(draft: Draft) -> dict[str, Any]:
    """A draft as plain TOML values, without what goes without saying."""
    written = {}
    for name, field in type(draft).model_fields.items():
        value = getattr(draft, name)
        if value is None or (not field.is_required() and value == field.default):
            continue
        written[name] = _value(name, value)
    return written


def _value(name: str, value: Any) -> Any:
    if name == "hours":
        return _special(value) if isinstance(value[0], time) else _weekly(value)
    match value:
        case Text():
            return dict(value)
        case StrEnum():
            return str(value)
        case timedelta():
            return format_duration(value)
        case Draft():
            return table(value)
        case tuple():
            return [_value("", item) for item in value]
        case datetime() | date() | time() | Mapping() | str() | int() | float():
            return value
    raise TypeError(f"{name} cannot be written to a file: {value!r}")


def _special(interval: Interval) -> str:
    opens, closes = interval
    return f"{opens:%H:%M}-{closes:%H:%M}"


def _weekly(rows: Iterable[tuple[int, Interval]]) -> dict[str, str]:
    """Weekdays with their hours; runs of days with the same hours together."""
    days = {
        day: ", ".join(_special(interval) for _, interval in group)
        for day, group in groupby(rows, lambda row: row[0])
    }
    written: dict[str, str] = {}
    for hours, run in groupby(_runs(days), lambda item: item[0]):
        keys = [day for _, day in run]
        written[_run_name([WEEKDAYS[day[0]] for day in keys])] = hours[0]
    return written


def _runs(days: Mapping[int, str]) -> Iterable[tuple[tuple[str, int], tuple[int, str]]]:
    """Each day with what it shares with its neighbours: the hours, and how far the run has shifted."""
    for index, (day, hours) in enumerate(sorted(days.items())):
        yield (hours, day - index), (day, hours)


def _run_name(names: list[str]) -> str:
    if len(names) == 7:
        return "daily"
    return names[0] if len(names) == 1 else f"{names[0]}-{names[-1]}"

"""Days and times as forms and addresses write them."""

from __future__ import annotations

import re
from datetime import date, datetime, time

from scheduler.base.date_parsing import parse_end_hour, parse_hour
from scheduler.base.errors import SchedulerError
from scheduler.services.common.values import parse_hours_of_day
from scheduler.web.kit.paths import FIRST_YEAR, LAST_YEAR

AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")


def parse_typed_time(typed: str) -> datetime | None:
    """Return a wall time as our addresses write it; None for any other text, or for a year out of range."""
    try:
        at = datetime.fromisoformat(typed) if AT.fullmatch(typed) else None
    except ValueError:
        return None
    return at if at and FIRST_YEAR <= at.year <= LAST_YEAR else None


def parse_typed_day(typed: str) -> date | None:
    at = parse_typed_time(f"{typed}T00:00")
    return at.date() if at else None


def read_hours(typed: str) -> str:
    """Return the hours of one day as files write them. Raise Invalid for what are none."""
    hours = _even_hours(typed)
    parse_hours_of_day(hours)
    return hours


def _parse_closing(typed: str) -> datetime:
    return datetime.combine(date.min, time()) + parse_end_hour(typed)


def _even_hours(typed: str) -> str:
    """Return hours as files write them: 10-18 is 10:00-18:00. What cannot be read stays as it is."""
    spans = []
    for part in typed.replace("–", "-").replace("—", "-").split(","):
        opens, dash, closes = part.partition("-")
        try:
            spans.append(f"{parse_hour(opens):%H:%M}-{_parse_closing(closes):%H:%M}" if dash else part)
        except SchedulerError:
            return typed
    return ", ".join(spans)

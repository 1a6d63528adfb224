"""Days and times as forms and addresses write them."""

from __future__ import annotations

import re
from datetime import date, datetime

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

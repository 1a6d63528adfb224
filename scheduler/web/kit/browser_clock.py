"""Times on the clock of the reader's browser, filled in there by a script, so that caches keep one page for all.

The server cannot know that clock. It writes the time with its zone, the days around it in words and a sentence with
gaps; ``clock.js`` fills the gaps where the browser's clock shows another time. Without the script nothing is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

from flask import g
from markupsafe import Markup, escape

from scheduler.base.clock import wall, zone
from scheduler.base.date_format import format_day_short, format_moment

HOURS = "{hours}"  # the gap for hours in the words of a day
DAY = timedelta(days=1)


def describe(start: datetime, end: datetime | None, tzid: str, *, short: bool = False) -> Markup:
    """Return attributes with the instants ``start`` and ``end`` of a place in ``tzid``, for the script.

    With ``short`` a day is written only where it is another one than at the place. Return "" if the reader has chosen
    a clock, because the server writes its times.
    """
    if g.tzid is not None:
        return Markup("")
    days = escape(describe_days([wall(at, tzid).date() for at in (start, end) if at is not None], short=short))
    starts, ends = make_stamp(start, tzid), make_stamp(end, tzid) if end else ""
    # A list has sixty of them, and Markup.format takes longer than all the rest.
    return Markup(f' data-starts="{starts}" data-ends="{ends}" data-days="{days}"')  # noqa: S704 - stamps have no markup


def make_stamp(at: datetime, tzid: str) -> str:
    """Return an instant with the wall time and the offset of a zone: ``2027-02-02T10:00+0700``."""
    return f"{at.astimezone(zone(tzid)):%Y-%m-%dT%H:%M%z}"


def describe_days(days: list[date], *, short: bool) -> str:
    """Return the words of these days and their neighbours: ``2027-02-01=1 Feb, {hours}|...``."""
    return _describe_days(tuple(days), g.language, short=short)


@lru_cache(maxsize=4096)
def _describe_days(days: Sequence[date], language: str, *, short: bool) -> str:
    around = sorted({day + shift * DAY for day in days for shift in (-1, 0, 1)})
    return "|".join(f"{day}={_describe_day(day, language, short=short, here=day == days[0])}" for day in around)


def _describe_day(day: date, language: str, *, short: bool, here: bool) -> str:
    if not short:
        return format_moment(day, HOURS, language)
    return HOURS if here else f"{format_day_short(day, language)}, {HOURS}"

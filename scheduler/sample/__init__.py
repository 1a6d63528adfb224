"""The programme that the demo loads: what was published of 2023 and 2026, and a season of sample data."""

from __future__ import annotations

from datetime import date, timedelta
from importlib.resources import files

TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(1, 7)
MIDWEEK = (TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)  # on Mondays the library is closed


def programme(today: date) -> str:
    """Return the sample programme as the text of a programme file; its season is in the weeks after ``today``."""
    from jinja2 import Environment, StrictUndefined

    source = files(__name__).joinpath("programme.toml.j2").read_text(encoding="utf-8")
    toml = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701 - no HTML
    return toml.from_string(source).render(days=_days, today=today, **_season(today))


def _days(number: int) -> timedelta:
    return timedelta(days=number)


def _season(today: date) -> dict[str, date]:
    """Return the days that the template names, working days of both States, so that nothing conflicts."""
    tuesday = _working_day(today + _days(10), TUESDAY)
    late_opening = _working_day(tuesday + _days(1), *MIDWEEK)
    closed_day = _working_day(late_opening + _days(4), TUESDAY)
    visit = _working_day(tuesday + _days(6), *MIDWEEK, running=2)
    return {
        "tuesday": tuesday,
        "late_opening": late_opening,
        "closed_day": closed_day,
        "sunday": _working_day(closed_day + _days(1), SUNDAY),
        "visit": visit,
        "thursday": _working_day(visit + _days(3), THURSDAY),
        "saturday": _working_day(tuesday + _days(10), SATURDAY),
    }


def _working_day(after: date, *weekdays: int, running: int = 1) -> date:
    """Return the first of these weekdays after a day that is no public holiday, nor the ``running`` days on."""
    from holidays import country_holidays

    holidays = country_holidays("TH") + country_holidays("KZ")
    day = after
    while any(on.weekday() not in weekdays or on in holidays for on in _run(day, running)):
        day += _days(1)
    return day


def _run(first: date, length: int) -> list[date]:
    return [first + _days(number) for number in range(length)]

"""The field types of drafts: values as people write them in files and options, each checked on its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field, ValidationInfo, WrapValidator

from scheduler.base.clock import zone
from scheduler.base.durations import NominalDuration, parse_nominal
from scheduler.base.errors import Invalid, SchedulerError
from scheduler.base.i18n import N_
from scheduler.base.text import KEY, Text, check_line, check_prose
from scheduler.services.common.drafts import as_pydantic_error
from scheduler.services.common.plain_values import WEEKDAYS, Interval

LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
T = TypeVar("T")


def _as_validator(read: Callable[..., T]) -> Callable[..., T]:
    """Make a parser a validator: its SchedulerError is collected by pydantic and stays translatable.

    A parser with a second parameter gets the context of the validation.
    """

    def check(value: Any, info: ValidationInfo) -> T:
        try:
            return read(value, info.context or {}) if read.__code__.co_argcount > 1 else read(value)
        except SchedulerError as error:
            raise as_pydantic_error(error) from error

    return check


def _require(value: Any, kind: type, message: str) -> None:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Invalid(message)


def _make_text_parser(most: int, *, one_line: bool) -> Callable[[Any, Mapping[str, Any]], Text]:
    """Return a parser of texts of at most so many characters; a plain string is in the language of the context."""

    def read(value: Any, context: Mapping[str, Any]) -> Text:
        if isinstance(value, str):
            value = {context.get("language", "en"): value}
        _require(value, Mapping, N_("must be a text, or a table of one text per language"))
        return Text({_parse_language(tag): _parse_string(string) for tag, string in value.items()})

    def _parse_string(value: Any) -> str:
        _require(value, str, N_("must be a text"))
        return (check_line if one_line else check_prose)(value, most=most)

    return read


def _parse_language(value: Any) -> str:
    if not isinstance(value, str) or not LANGUAGE.fullmatch(value):
        raise Invalid("{value} is not a language tag; write en, kk, ru, th or another BCP 47 tag", value=value)
    return value


def _parse_key(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 80 or not KEY.fullmatch(value):
        raise Invalid(
            "{value} is not a key; use lower case letters a-z, digits and single hyphens", value=_shorten(value)
        )
    return value


def _shorten(value: Any) -> str:
    shown = repr(value) if isinstance(value, str) else str(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _parse_line(value: Any, *, most: int = 300) -> str:
    _require(value, str, N_("must be a text"))
    return check_line(value, most=most)


def _parse_reference(value: Any) -> str:
    return _parse_line(value, most=120)


def _parse_zone(value: Any) -> str:
    _require(value, str, N_("must be the name of a time zone, like Asia/Bangkok"))
    return zone(value).key


def _parse_email(value: Any) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(_parse_line(value), check_deliverability=False, allow_smtputf8=False).normalized
    except EmailNotValidError as error:
        raise Invalid(
            "{value} is not an e-mail address; write it like name@example.org", value=_shorten(value)
        ) from error


def _parse_telephone(value: Any) -> str:
    if not re.fullmatch(r"\+?[0-9][0-9 ()./-]{3,38}", _parse_line(value)):
        raise Invalid("{value} is not a telephone number; write it like +66 2 234 6398", value=_shorten(value))
    return str(value).strip()


def _parse_country(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch("[A-Z]{2}", value):
        raise Invalid("{value} is not a country code; write two letters (ISO 3166-1), like TH", value=_shorten(value))
    return value


def _parse_holidays(value: Any) -> str:
    from holidays import list_supported_countries

    if _parse_country(value) not in list_supported_countries():
        raise Invalid("the public holidays of {value} are not known; choose another country code", value=value)
    return str(value)


def _parse_url(value: Any) -> str:
    if not re.fullmatch(r"https?://[^\s\"<>\\]{3,1990}", _parse_line(value, most=2000)):
        raise Invalid("{value} is not a web address; it begins with https://", value=_shorten(value))
    return str(value).strip()


# Earlier and later years are slips of the pen, or Buddhist; sums with them would leave the calendar of Python.
FIRST_YEAR, LAST_YEAR = 100, 2399


def _parse_day(value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise Invalid("{value} is not a date; write it like 2027-02-02", value=_shorten(value))
    _require_year(value)
    return value


def _require_year(value: date) -> None:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise Invalid(
            "{value}: events cannot be planned for the year {year}; check the year",
            value=value.isoformat(),
            year=value.year,
        )


def _parse_wall(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise Invalid(
            "{value} is not a date with a time; write it like 2027-02-02T10:00:00 (whole days: first_day, last_day)",
            value=_shorten(value),
        )
    if value.tzinfo is not None:
        raise Invalid("{value} has an offset from UTC; write the local time, and the time zone in tz", value=value)
    _require_year(value)
    return value


def _parse_time(value: Any) -> time:
    if isinstance(value, time) and value.tzinfo is None:
        return value.replace(microsecond=0)
    if isinstance(value, str) and re.fullmatch(r"\d{1,2}:\d\d", value):
        hour, minute = map(int, value.split(":"))
        if hour < 24 and minute < 60:
            return time(hour, minute)
    raise Invalid("{value} is not a time of day; write it like 09:00", value=_shorten(value))


def _parse_duration(value: Any) -> timedelta:
    return _parse_nominal(value).length


def _parse_nominal(value: Any) -> NominalDuration:
    if isinstance(value, NominalDuration):
        return value
    if isinstance(value, timedelta):
        return NominalDuration.from_length(value)
    _require(value, str, N_('must be a duration, like "1 day" or "90 min"'))
    return parse_nominal(value)


Key = Annotated[str, BeforeValidator(_as_validator(_parse_key))]
Title = Annotated[Text, BeforeValidator(_as_validator(_make_text_parser(300, one_line=True)))]
Prose = Annotated[Text, BeforeValidator(_as_validator(_make_text_parser(20_000, one_line=False)))]
CardText = Annotated[Text, BeforeValidator(_as_validator(_make_text_parser(1_500, one_line=False)))]
Zone = Annotated[str, BeforeValidator(_as_validator(_parse_zone))]
Email = Annotated[str, BeforeValidator(_as_validator(_parse_email))]
Telephone = Annotated[str, BeforeValidator(_as_validator(_parse_telephone))]
Country = Annotated[str, BeforeValidator(_as_validator(_parse_country))]
Holidays = Annotated[str, BeforeValidator(_as_validator(_parse_holidays))]
Url = Annotated[str, BeforeValidator(_as_validator(_parse_url))]
Language = Annotated[str, BeforeValidator(_as_validator(_parse_language))]
Reference = Annotated[str, BeforeValidator(_as_validator(_parse_reference))]
Day = Annotated[date, BeforeValidator(_as_validator(_parse_day))]
WallTime = Annotated[datetime, BeforeValidator(_as_validator(_parse_wall))]
TimeOfDay = Annotated[time, BeforeValidator(_as_validator(_parse_time))]
Duration = Annotated[timedelta, BeforeValidator(_as_validator(_parse_duration))]
Lead = Annotated[NominalDuration, BeforeValidator(_as_validator(_parse_nominal))]
Capacity = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]


def _require_text(value: Any, handler: Callable[[Any], Text]) -> Text:
    text = handler(value)
    if not text:
        raise as_pydantic_error(Invalid("must not be empty"))
    return text


Name = Annotated[Title, WrapValidator(_require_text)]


def parse_intervals(value: Any) -> tuple[Interval, ...]:
    """Parse hours of one day, such as "10:00-12:00, 13:00-18:00". Raise Invalid."""
    _require(value, str, N_('must be a range of hours, like "10:00-18:00"'))
    return tuple(_parse_interval(part.strip()) for part in value.split(","))


def parse_hours_of_day(value: Any) -> tuple[Interval, ...]:
    """Parse hours of one day as `parse_intervals` does. Raise Invalid also if they overlap or are empty."""
    hours = parse_intervals(value)
    _refuse_overlaps({0: hours})
    return hours


def _parse_interval(value: str) -> Interval:
    opens, dash, closes = value.replace("–", "-").partition("-")
    if not dash:
        raise Invalid("{value} is not a range of hours; write it like 10:00-18:00", value=_shorten(value))
    until_midnight = closes.strip() == "24:00"  # ISO 8601; the same as 00:00, with which the next day begins
    return _parse_time(opens.strip()), time() if until_midnight else _parse_time(closes.strip())


def _parse_weekly(value: Any) -> tuple[tuple[int, Interval], ...]:
    """Parse {"mon-fri": "10:00-18:00", "sat": "10:00-14:00"}; "daily" is every day. Raise Invalid."""
    if isinstance(value, tuple):
        return value
    _require(value, Mapping, N_('must be a table of weekdays, like { mon-fri = "10:00-18:00" }'))
    week: dict[int, tuple[Interval, ...]] = {}
    for days, hours in value.items():
        for day in _parse_weekdays(days):
            if day in week:
                raise Invalid("{day} is given twice", day=WEEKDAYS[day])
            week[day] = parse_hours_of_day(hours)
    return tuple((day, interval) for day in sorted(week) for interval in sorted(week[day]))


def _refuse_overlaps(week: Mapping[int, Iterable[Interval]]) -> None:
    from calendars.hours import WeeklyHours

    try:
        WeeklyHours({day: tuple(hours) for day, hours in week.items()})
    except ValueError as error:
        raise Invalid("the hours of one day overlap or are empty") from error


def _parse_weekdays(value: str) -> range:
    """Parse "mon", "mon-fri" or "daily" into weekdays, Monday being 0. Raise Invalid."""
    if value == "daily":
        return range(7)
    first, _, last = value.partition("-")
    if first not in WEEKDAYS or (last and last not in WEEKDAYS):
        raise Invalid("{value} is not a weekday; write mon, tue ... sun, mon-fri or daily", value=_shorten(value))
    start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
    if end < start:
        raise Invalid(
            "{value} ends before it begins; write two ranges, such as fri-sun and mon-tue", value=_shorten(value)
        )
    return range(start, end + 1)


def _parse_special(value: Any) -> Interval | None:
    if value is None or isinstance(value, tuple):
        return value
    found = parse_intervals(value)
    if len(found) != 1:
        raise Invalid("give one range of hours for a special day")
    return found[0]


Weekly = Annotated[tuple[tuple[int, Interval], ...], BeforeValidator(_as_validator(_parse_weekly))]
Special = Annotated[Interval | None, BeforeValidator(_as_validator(_parse_special))]

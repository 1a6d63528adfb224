"""Values as people write them in files and options, each checked on its own: the field types of the drafts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field, ValidationInfo, WrapValidator
from pydantic_core import PydanticCustomError

from scheduler.base.clock import zone
from scheduler.base.date_parsing import parse_duration
from scheduler.base.errors import Invalid, SchedulerError
from scheduler.base.i18n import N_
from scheduler.base.text import Text, line, prose

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
T = TypeVar("T")


def _checked(read: Callable[..., T]) -> Callable[..., T]:
    """Let a reader's SchedulerError be collected by pydantic, still able to speak every language."""

    def check(value: Any, info: ValidationInfo) -> T:
        try:
            return read(value, info.context or {}) if read.__code__.co_argcount > 1 else read(value)
        except SchedulerError as error:
            raise PydanticCustomError("refused", "{error}", {"error": error}) from error

    return check


def _need(value: Any, kind: type, message: str) -> None:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Invalid(message)


def _text(most: int, *, one_line: bool) -> Callable[[Any, Mapping[str, Any]], Text]:
    def read(value: Any, context: Mapping[str, Any]) -> Text:
        if isinstance(value, str):
            value = {context.get("language", "en"): value}
        _need(value, Mapping, N_("must be a text, or a table of one text per language"))
        return Text({_language(tag): _string(string) for tag, string in value.items()})

    def _string(value: Any) -> str:
        _need(value, str, N_("must be a text"))
        return (line if one_line else prose)(value, most=most)

    return read


def _language(value: Any) -> str:
    if not isinstance(value, str) or not LANGUAGE.fullmatch(value):
        raise Invalid("{value} is not a language tag; write en, kk, ru, th or another BCP 47 tag", value=value)
    return value


def _key(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 80 or not KEY.fullmatch(value):
        raise Invalid(
            "{value} is not a key; use lower case letters a-z, digits and single hyphens", value=_brief(value)
        )
    return value


def _brief(value: Any) -> str:
    shown = repr(value) if isinstance(value, str) else str(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _line(value: Any) -> str:
    _need(value, str, N_("must be a text"))
    return line(value, most=300)


def _reference(value: Any) -> str:
    _need(value, str, N_("must be a text"))
    return line(value, most=120)


def _zone(value: Any) -> str:
    _need(value, str, N_("must be a zone's name, like Asia/Bangkok"))
    return zone(value).key


def _email(value: Any) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(_line(value), check_deliverability=False, allow_smtputf8=False).normalized
    except EmailNotValidError as error:
        raise Invalid("{value} is not an e-mail address", value=_brief(value)) from error


def _telephone(value: Any) -> str:
    if not re.fullmatch(r"\+?[0-9][0-9 ()./-]{3,38}", _line(value)):
        raise Invalid("{value} is not a telephone number; write it like +66 2 234 6398", value=_brief(value))
    return str(value).strip()


def _country(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch("[A-Z]{2}", value):
        raise Invalid("{value} is not a country code; write two letters (ISO 3166-1), like TH", value=_brief(value))
    return value


def _holidays(value: Any) -> str:
    from holidays import list_supported_countries

    if _country(value) not in list_supported_countries():
        raise Invalid("the public holidays of {value} are not known", value=value)
    return str(value)


def _url(value: Any) -> str:
    if not re.fullmatch(r"https?://[^\s\"<>\\]{3,1990}", _line_of(value, 2000)):
        raise Invalid("{value} is not a web address; it begins with https://", value=_brief(value))
    return str(value).strip()


def _line_of(value: Any, most: int) -> str:
    _need(value, str, N_("must be a text"))
    return line(value, most=most)


def _day(value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise Invalid("{value} is not a day; write it like 2027-02-02", value=_brief(value))
    return value


def _wall(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise Invalid(
            "{value} is not a day with an hour; write it like 2027-02-02T10:00:00 (whole days: first_day, last_day)",
            value=_brief(value),
        )
    if value.tzinfo is not None:
        raise Invalid("{value} has an offset; write the time on the wall and name the zone in tz", value=value)
    return value


def _time(value: Any) -> time:
    if isinstance(value, time) and value.tzinfo is None:
        return value.replace(microsecond=0)
    if isinstance(value, str) and re.fullmatch(r"\d{1,2}:\d\d", value):
        hour, minute = map(int, value.split(":"))
        if hour < 24 and minute < 60:
            return time(hour, minute)
    raise Invalid("{value} is not a time of day; write it like 09:00", value=_brief(value))


def _duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    _need(value, str, N_('must be a duration, like "1 day" or "90 min"'))
    return parse_duration(value)


Key = Annotated[str, BeforeValidator(_checked(_key))]
Title = Annotated[Text, BeforeValidator(_checked(_text(300, one_line=True)))]
Prose = Annotated[Text, BeforeValidator(_checked(_text(20_000, one_line=False)))]
Zone = Annotated[str, BeforeValidator(_checked(_zone))]
Email = Annotated[str, BeforeValidator(_checked(_email))]
Telephone = Annotated[str, BeforeValidator(_checked(_telephone))]
Country = Annotated[str, BeforeValidator(_checked(_country))]
Holidays = Annotated[str, BeforeValidator(_checked(_holidays))]
Url = Annotated[str, BeforeValidator(_checked(_url))]
Language = Annotated[str, BeforeValidator(_checked(_language))]
Reference = Annotated[str, BeforeValidator(_checked(_reference))]
Day = Annotated[date, BeforeValidator(_checked(_day))]
WallTime = Annotated[datetime, BeforeValidator(_checked(_wall))]
TimeOfDay = Annotated[time, BeforeValidator(_checked(_time))]
Duration = Annotated[timedelta, BeforeValidator(_checked(_duration))]
Interval = tuple[time, time]
Capacity = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]


def _wanted(value: Text) -> Text:
    if not value:
        raise Invalid("must not be empty")
    return value


def _wrap_wanted(value: Any, handler: Callable[[Any], Text]) -> Text:
    return _checked(_wanted)(handler(value), _NO_CONTEXT)


class _NoContext:
    context: Mapping[str, Any] = {}


_NO_CONTEXT: Any = _NoContext()
Name = Annotated[Title, WrapValidator(_wrap_wanted)]


def intervals(value: Any) -> tuple[Interval, ...]:
    """Read "10:00-12:00, 13:00-18:00". Raises Invalid."""
    _need(value, str, N_('must be hours, like "10:00-18:00"'))
    return tuple(_interval(part.strip()) for part in value.split(","))


def _interval(value: str) -> Interval:
    opens, dash, closes = value.replace("–", "-").partition("-")
    if not dash:
        raise Invalid("{value} are not hours; write them like 10:00-18:00", value=_brief(value))
    return _time(opens.strip()), _time(closes.strip())


def _weekly(value: Any) -> tuple[tuple[int, Interval], ...]:
    """Read {"mon-fri": "10:00-18:00", "sat": "10:00-14:00"}; "daily" is every day."""
    if isinstance(value, tuple):
        return value
    _need(value, Mapping, N_('must be a table of weekdays, like { mon-fri = "10:00-18:00" }'))
    week: dict[int, tuple[Interval, ...]] = {}
    for days, hours in value.items():
        for day in _weekdays(days):
            if day in week:
                raise Invalid("{day} stands there twice", day=WEEKDAYS[day])
            week[day] = intervals(hours)
    _refuse_overlaps(week)
    return tuple((day, interval) for day in sorted(week) for interval in sorted(week[day]))


def _refuse_overlaps(week: Mapping[int, Iterable[Interval]]) -> None:
    from calendars.hours import WeeklyHours

    try:
        WeeklyHours({day: tuple(hours) for day, hours in week.items()})
    except ValueError as error:
        raise Invalid("the hours of one day overlap or are empty") from error


def _weekdays(value: str) -> range:
    if value == "daily":
        return range(7)
    first, _, last = value.partition("-")
    if first not in WEEKDAYS or (last and last not in WEEKDAYS):
        raise Invalid("{value} is not a weekday; write mon, tue ... sun, mon-fri or daily", value=_brief(value))
    start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
    if end < start:
        raise Invalid("{value} runs backwards; write two ranges", value=_brief(value))
    return range(start, end + 1)


def _special(value: Any) -> Interval | None:
    if value is None or isinstance(value, tuple):
        return value
    found = intervals(value)
    if len(found) != 1:
        raise Invalid("give one span of hours for a special day")
    return found[0]


Weekly = Annotated[tuple[tuple[int, Interval], ...], BeforeValidator(_checked(_weekly))]
Special = Annotated[Interval | None, BeforeValidator(_checked(_special))]

"""What people hand in: the tables of a programme file, and the options of a command, checked and normalised.

A draft compares equal to the draft read back from its row, so that "nothing changed" is an equality.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from scheduler.clock import zone
from scheduler.errors import Invalid, SchedulerError
from scheduler.i18n import N_
from scheduler.model import Answer, Kind, Mode, ReminderAudience, Role, Status, Timing, Visibility
from scheduler.text import Text, line, prose
from scheduler.when import parse_duration

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


def _zone(value: Any) -> str:
    _need(value, str, N_("must be a zone's name, like Asia/Bangkok"))
    return zone(value).key


def _email(value: Any) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(_line(value), check_deliverability=False).normalized
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


class Draft(BaseModel):
    """Frozen, and with no key that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)


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


class ClosureDraft(Draft):
    """Closed from first_day to last_day; with hours, open only then."""

    first_day: Day
    last_day: Day
    hours: Special = None
    reason: Title = Text()

    @model_validator(mode="before")
    @classmethod
    def _one_day(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            value = dict(value)
            if "on" in value:
                value.setdefault("first_day", value.pop("on"))
            if "first_day" in value:
                value.setdefault("last_day", value["first_day"])
        return value

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        _in_order(self.first_day, self.last_day, "last_day", "first_day")
        return self


def _in_order(first: Any, last: Any, last_name: str, first_name: str) -> None:
    if first is not None and last is not None and last < first:
        raise _refused(Invalid("{last} is before {first}", last=last_name, first=first_name))


def _refused(error: SchedulerError) -> PydanticCustomError:
    return PydanticCustomError("refused", "{error}", {"error": error})


class CityDraft(Draft):
    name: Name
    country: Country
    tz: Zone


class OrganisationDraft(Draft):
    name: Name
    country: Country | None = None
    email: Email | None = None


class PersonDraft(Draft):
    name: Name
    courtesy_title: Title = Text()
    position: Title = Text()
    organisation: Key | None = None
    email: Email | None = None
    telephone: Telephone | None = None
    language: Language | None = None
    tz: Zone | None = None
    precedence: Annotated[int, Field(strict=True, ge=1, le=10_000)] | None = None


class VenueDraft(Draft):
    name: Name
    city: Key
    address: Title = Text()
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    holidays: Holidays | None = None
    hours: Weekly = ()
    closed: tuple[ClosureDraft, ...] = ()

    @model_validator(mode="after")
    def _whole_place(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise _refused(Invalid("latitude and longitude go together"))
        return self


class FeedDraft(Draft):
    name: Name
    kinds: tuple[Kind, ...] = ()
    cities: tuple[Key, ...] = ()
    organizers: tuple[Key, ...] = ()
    tours: tuple[Key, ...] = ()
    past_days: Annotated[int, Field(strict=True, ge=0, le=3660)] = 60


class ReminderDraft(Draft):
    """``before`` the start; ``at`` a time of day in the event's zone (whole days: 09:00 unless said)."""

    before: Duration
    at: TimeOfDay | None = None
    audience: ReminderAudience = ReminderAudience.EVERYONE

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if not timedelta() < self.before <= timedelta(days=366):
            raise _refused(Invalid("before: a reminder leaves at most a year before, and not at the start itself"))
        if self.at is not None and self.before % timedelta(days=1):
            raise _refused(Invalid("at: goes with whole days before, like 1 day"))
        return self


class Reply(StrEnum):
    """How a file says PARTSTAT."""

    NOT_ANSWERED = "not answered"
    ACCEPTED = "accepted"
    REGRETS = "regrets"
    TENTATIVE = "tentative"


class AttendeeDraft(Draft):
    person: Key
    role: Role = Role.PARTICIPANT
    mode: Mode = Mode.IN_PERSON
    answer: Reply = Reply.NOT_ANSWERED
    by: Answer | None = None
    on: Day | None = None
    companions: Annotated[int, Field(strict=True, ge=0, le=50)] = 0
    represented_by: Key | None = None


class EventDraft(Draft):
    """An event as it should be. No date at all means: to be announced."""

    kind: Kind
    title: Name
    description: Prose = Text()
    first_day: Day | None = None
    last_day: Day | None = None
    hour_to_be_announced: bool = False
    dtstart: WallTime | None = None
    dtend: WallTime | None = None
    duration: Duration | None = None
    tz: Zone | None = None
    status: Status = Status.CONFIRMED
    visibility: Visibility = Visibility.PUBLIC
    venue: Key | None = None
    cities: tuple[Key, ...] = ()
    organizer: Key | None = None
    parent: Key | None = None
    position: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 0
    url: Url | None = None
    video_link: Url | None = None
    video_public: bool = False
    capacity: Capacity | None = None
    remote_capacity: Capacity | None = None
    registration_opens: WallTime | None = None
    registration_closes: WallTime | None = None
    hours: Weekly = ()
    closed: tuple[ClosureDraft, ...] = ()
    reminders: tuple[ReminderDraft, ...] | None = None
    attendees: tuple[AttendeeDraft, ...] | None = None

    @model_validator(mode="after")
    def _one_way_to_say_when(self) -> Self:
        for problem in _when_problems(self):
            raise _refused(problem)
        return self

    @property
    def timing(self) -> Timing:
        if self.dtstart is not None:
            return Timing.HOURS
        if self.first_day is None:
            return Timing.TO_BE_ANNOUNCED
        return Timing.HOUR_TO_BE_ANNOUNCED if self.hour_to_be_announced else Timing.DAYS

    def span(self) -> tuple[datetime, datetime] | tuple[None, None]:
        """Wall times of start and exclusive end; whole days from midnight to midnight (RFC 5545 3.6.1)."""
        if self.dtstart is not None and self.dtend is not None:
            return self.dtstart, self.dtend
        if self.first_day is None or self.last_day is None:
            return None, None
        return datetime.combine(self.first_day, time()), datetime.combine(self.last_day + timedelta(days=1), time())

    def normal(self, *, tz: str) -> EventDraft:
        """The same with everything said that was left to be understood."""
        changes: dict[str, Any] = {"tz": tz, "duration": None, "cities": tuple(sorted(set(self.cities)))}
        if self.dtstart is not None:
            changes["dtend"] = self.dtend or self.dtstart + (self.duration or timedelta())
        elif self.first_day is not None:
            changes["last_day"] = self.last_day or self.first_day
        closed = sorted(self.closed, key=lambda closure: closure.first_day)
        return self.model_copy(update={**changes, "closed": tuple(closed)})


def _when_problems(draft: EventDraft) -> Iterable[Invalid]:
    timed = draft.dtstart is not None
    if timed and draft.first_day is not None:
        yield Invalid("dtstart: give either dtstart (with an hour) or first_day (whole days)")
    if timed and (draft.dtend is None) == (draft.duration is None):
        yield Invalid("dtend: give either dtend or duration beside dtstart")
    if not timed and (draft.dtend is not None or draft.duration is not None):
        yield Invalid("dtstart: is missing; dtend or duration alone say no time")
    if draft.last_day is not None and draft.first_day is None:
        yield Invalid("first_day: is missing; last_day alone says no date")
    if draft.hour_to_be_announced and draft.first_day is None:
        yield Invalid("first_day: is missing; without a day there is no hour to announce")
    yield from _order_problems(draft)
    if draft.kind is Kind.ANNIVERSARY and draft.first_day is None:
        yield Invalid("first_day: an anniversary needs the day it first fell on")
    if draft.kind is Kind.TOUR and (timed or draft.first_day is not None):
        yield Invalid("first_day: a tour has no dates of its own; its stops have")


def _order_problems(draft: EventDraft) -> Iterable[Invalid]:
    if draft.dtstart is not None and draft.dtend is not None and draft.dtend <= draft.dtstart:
        yield Invalid("dtend: {end} is not after dtstart {start}", end=draft.dtend, start=draft.dtstart)
    if draft.duration is not None and draft.duration <= timedelta():
        yield Invalid("duration: must be longer than nothing")
    if draft.first_day is not None and draft.last_day is not None and draft.last_day < draft.first_day:
        yield Invalid("last_day: {last} is before first_day {first}", last=draft.last_day, first=draft.first_day)
    opens, closes = draft.registration_opens, draft.registration_closes
    if opens is not None and closes is not None and closes <= opens:
        yield Invalid("registration_closes: is not after registration_opens")


class ProgrammeDraft(Draft):
    """The head of a programme file. ``reminders``: what an event of a kind gets unless it says its own."""

    key: Key
    name: Name
    language: Language = "en"
    tz: Zone = "UTC"
    reminders: dict[Kind, tuple[ReminderDraft, ...]] = {}


class ProgrammeFile(Draft):
    """A whole programme file; every table by key."""

    programme: ProgrammeDraft
    city: dict[Key, CityDraft] = {}
    organisation: dict[Key, OrganisationDraft] = {}
    venue: dict[Key, VenueDraft] = {}
    person: dict[Key, PersonDraft] = {}
    event: dict[Key, EventDraft] = {}
    feed: dict[Key, FeedDraft] = {}


D = TypeVar("D", bound=Draft)


def check(kind: type[D], value: Any, *, language: str = "en") -> D:
    """Validate; raises Invalid, or Problems with one Invalid per mistake, each beginning with the field."""
    try:
        return kind.model_validate(value, context={"language": language})
    except ValidationError as error:
        from scheduler.errors import all_of

        raise all_of([_said(kind, detail) for detail in error.errors()]) from error


def _said(kind: type[Draft], detail: Any) -> SchedulerError:
    """pydantic's finding in our words, after the path to it."""
    place = _place(detail["loc"])
    ours = detail.get("ctx", {}).get("error")
    if isinstance(ours, SchedulerError):
        return Invalid("{place}: {problem}", place=place, problem=ours) if place else ours
    if detail["type"] == "extra_forbidden":
        return _unknown_key(kind, detail["loc"], place)
    message = _MESSAGES.get(detail["type"], N_("{reason}"))
    problem = Invalid(
        message, reason=detail["msg"], **{k: v for k, v in detail.get("ctx", {}).items() if k != "error"}
    )
    return Invalid("{place}: {problem}", place=place, problem=problem)


_MESSAGES = {
    "missing": N_("is missing"),
    "enum": N_("is not one of {expected}"),
    "bool_type": N_("must be true or false"),
    "bool_parsing": N_("must be true or false"),
    "int_type": N_("must be a whole number"),
    "float_type": N_("must be a number"),
    "float_parsing": N_("must be a number"),
    "greater_than_equal": N_("must be at least {ge}"),
    "less_than_equal": N_("must be at most {le}"),
    "model_type": N_("must be a table"),
    "dict_type": N_("must be a table"),
    "tuple_type": N_("must be a list"),
}


def _place(loc: tuple[int | str, ...]) -> str:
    parts = [str(part) for part in loc if part != "[key]"]
    return ".".join(parts)


def _unknown_key(kind: type[Draft], loc: tuple[int | str, ...], place: str) -> Invalid:
    known = sorted(_fields_at(kind, loc[:-1]))
    near = difflib.get_close_matches(str(loc[-1]), known, n=1)
    if near:
        return Invalid("{place}: there is no such key; did you mean {near}?", place=place, near=near[0])
    return Invalid("{place}: there is no such key; there are {known}", place=place, known=", ".join(known))


def _fields_at(kind: type[Draft], path: tuple[int | str, ...]) -> Iterable[str]:
    """The keys of the table at a path, found by walking the annotations."""
    for part in path:
        if isinstance(part, str) and part in kind.model_fields:
            kind = _inner(kind.model_fields[part].annotation) or kind
    return kind.model_fields


def _inner(annotation: Any) -> type[Draft] | None:
    if isinstance(annotation, type) and issubclass(annotation, Draft):
        return annotation
    found = (_inner(argument) for argument in getattr(annotation, "__args__", ()))
    return next((kind for kind in found if kind), None)

"""One event, as a frozen value named after the properties of RFC 5545 section 3.6.1, and its bytes."""

from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from icalendar import (
    Alarm,
    Component,
    Event,
    vDate,
    vDatetime,
    vDDDLists,
    vDuration,
    vGeo,
    vInt,
    vRecur,
    vUri,
)

from calendars.lines import Property, TextValue, clean_text, join_lines, make_text_list, make_uri, write_content_lines

EventStatus = Literal["TENTATIVE", "CONFIRMED", "CANCELLED"]
Transparency = Literal["OPAQUE", "TRANSPARENT"]
Frequency = Literal["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]
DateOrDateTime = date | datetime

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What people read of an event, in one language.

    `location` is one line, the place first: "Hall 2, 40 Kabanbay Batyr Ave, Almaty".
    """

    summary: str
    description: str = ""
    location: str = ""
    categories: tuple[str, ...] = ()
    contact: str = ""
    conference_label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RRule:
    """A recurrence rule (RFC 5545 section 3.3.10), of the kinds that every client follows.

    `until` is the start of the last occurrence: in UTC for a timed series, a date for an all-day one.
    """

    freq: Frequency
    byday: tuple[str, ...] = ()
    bymonth: int | None = None
    bymonthday: int | None = None
    until: DateOrDateTime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VAlarm:
    """A DISPLAY alarm (RFC 5545 section 3.6.6); `trigger` counts from DTSTART, negative before it.

    Without a description of its own it shows the event's SUMMARY.
    """

    trigger: timedelta
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VEvent:
    """A VEVENT (RFC 5545 section 3.6.1).

    `dtstart` and `dtend` are both dates (`dtend` the day after the last) or both aware, in UTC or a ZoneInfo.
    A one-off event is written in UTC, a series and its overrides in their zone, which needs a VTIMEZONE.
    `dtstamp` is the stored time of the last revision, in UTC; it is written as LAST-MODIFIED too.
    Raises ValueError for a value that clients would read in different ways.
    """

    uid: str
    dtstamp: datetime
    dtstart: DateOrDateTime
    dtend: DateOrDateTime
    texts: Texts
    sequence: int = 0
    created: datetime | None = None
    url: str = ""
    geo: tuple[float, float] | None = None  # latitude and longitude in degrees
    status: EventStatus = "CONFIRMED"
    transp: Transparency = "OPAQUE"
    conference: str = ""  # the address of a video conference
    related_to: str = ""  # the UID of the event this one belongs to
    rrule: RRule | None = None
    exdates: tuple[DateOrDateTime, ...] = ()
    recurrence_id: DateOrDateTime | None = None
    alarms: tuple[VAlarm, ...] = ()

    def __post_init__(self) -> None:
        if not self.uid:
            raise ValueError("An event needs a UID.")
        _check_revision(self)
        _check_times(self)
        _check_rule(self)
        _check_geo(self.geo)

    @property
    def all_day(self) -> bool:
        return not isinstance(self.dtstart, datetime)

    @property
    def recurring(self) -> bool:
        """Whether it is a series, or one day of a series that differs from the rest."""
        return self.rrule is not None or self.recurrence_id is not None

    @property
    def tzid(self) -> str:
        """The TZID its times are written in, which the document must define; "" for dates and UTC."""
        return str(_time(self, self.dtstart).params.get("TZID", ""))

    def to_component(self) -> Event:
        """The event as icalendar has it, for the messages of RFC 5546, which add properties to it."""
        component = Event()
        _fill(component, [*_facts(self), *_words(self, self.texts)])
        for properties in _alarms(self, self.texts):
            alarm = Alarm()
            _fill(alarm, properties)
            component.add_component(alarm)
        return component


def render(event: VEvent) -> bytes:
    """The event from BEGIN:VEVENT to END:VEVENT, folded, every line ended by CRLF."""
    return render_all(event, {"": event.texts})[""]


def render_all(event: VEvent, texts: Mapping[str, Texts]) -> dict[str, bytes]:
    """The event once per language, each with those texts in place of its own.

    What is the same in all languages is encoded once, which takes a third off the time for four.
    """
    facts = write_content_lines(_facts(event))
    return {language: _vevent(event, facts, words) for language, words in texts.items()}


def _vevent(event: VEvent, facts: bytes, texts: Texts) -> bytes:
    words = write_content_lines(_words(event, texts))
    alarms = [_valarm(alarm) for alarm in _alarms(event, texts)]
    return b"".join([b"BEGIN:VEVENT\r\n", facts, words, *alarms, b"END:VEVENT\r\n"])


def _valarm(alarm: list[Property]) -> bytes:
    return b"BEGIN:VALARM\r\n" + write_content_lines(alarm) + b"END:VALARM\r\n"


def _fill(component: Component, properties: Iterable[Property]) -> None:
    for name, value in properties:
        component.add(name, value, encode=False)


def _facts(event: VEvent) -> Iterator[Property]:
    """What is the same in every language."""
    yield "UID", TextValue(event.uid)
    yield "SEQUENCE", vInt(event.sequence)
    yield "DTSTAMP", _instant(event.dtstamp)
    yield "LAST-MODIFIED", _instant(event.dtstamp)
    if event.created:
        yield "CREATED", _instant(event.created)
    yield from _when(event)
    yield "STATUS", TextValue(event.status)
    yield from _transparency(event)
    yield from _whereabouts(event)


def _when(event: VEvent) -> Iterator[Property]:
    yield "DTSTART", _time(event, event.dtstart)
    yield "DTEND", _time(event, event.dtend)
    if event.all_day:
        yield "X-MICROSOFT-CDO-ALLDAYEVENT", TextValue("TRUE")  # older Outlooks show midnights without it
    if event.recurrence_id:
        yield "RECURRENCE-ID", _time(event, event.recurrence_id)
    if event.rrule:
        yield "RRULE", _recur(event.rrule)
    for exdate in event.exdates:
        time = _time(event, exdate)
        yield "EXDATE", vDDDLists([exdate], params=time.params)


def _time(event: VEvent, value: DateOrDateTime) -> vDate | vDatetime:
    """A date, an instant in UTC, or in a series the time on the clock of its zone: the hour must hold."""
    if not isinstance(value, datetime):
        return vDate(value, params={"VALUE": "DATE"})
    return vDatetime(value) if event.recurring else _instant(value)


def _instant(value: datetime) -> vDatetime:
    return vDatetime(value.astimezone(UTC))


def _recur(rule: RRule) -> vRecur:
    parts = {
        "FREQ": rule.freq,
        "UNTIL": rule.until,
        "BYDAY": list(rule.byday),
        "BYMONTHDAY": rule.bymonthday,
        "BYMONTH": rule.bymonth,
    }
    return vRecur({name: part for name, part in parts.items() if part})


def _transparency(event: VEvent) -> Iterator[Property]:
    """TRANSP (RFC 5545 section 3.8.2.7); nobody is busy with what is cancelled."""
    transparent = event.transp == "TRANSPARENT" or event.status == "CANCELLED"
    yield "TRANSP", TextValue("TRANSPARENT" if transparent else "OPAQUE")
    if transparent:
        yield "X-MICROSOFT-CDO-BUSYSTATUS", TextValue("FREE")


def _whereabouts(event: VEvent) -> Iterator[Property]:
    if event.geo:
        yield "GEO", _Geo(event.geo)
    if event.url:
        yield "URL", make_uri(event.url)
    if event.related_to:
        yield "RELATED-TO", TextValue(event.related_to)


def _words(event: VEvent, texts: Texts) -> Iterator[Property]:
    """What is written anew for each language."""
    location = _location(event, texts)
    yield "SUMMARY", TextValue(join_lines(texts.summary))
    if description := _description(event, texts):
        yield "DESCRIPTION", TextValue(description)
    if location:
        yield "LOCATION", TextValue(location)
    if location and event.geo:
        yield "X-APPLE-STRUCTURED-LOCATION", _apple_location(location, event.geo)
    if texts.categories:
        yield "CATEGORIES", make_text_list(texts.categories)
    if texts.contact:
        yield "CONTACT", TextValue(texts.contact)
    if event.conference:
        yield "CONFERENCE", _conference(event.conference, texts.conference_label)


def _description(event: VEvent, texts: Texts) -> str:
    """The description with the links it does not mention: many clients show neither URL nor CONFERENCE."""
    unsaid = [link for link in (event.conference, event.url) if link and link not in texts.description]
    return "\n\n".join(filter(None, [clean_text(texts.description), "\n".join(unsaid)]))


def _location(event: VEvent, texts: Texts) -> str:
    """The place, or else the conference; on one line, as several clients glue lines together."""
    return join_lines(texts.location, glue=", ") or event.conference


def _apple_location(location: str, geo: tuple[float, float]) -> vUri:
    """What Apple's Calendar draws its map from."""
    latitude, longitude = _degrees(geo)
    title = location.partition(",")[0]
    parameters = {"VALUE": "URI", "X-ADDRESS": location, "X-APPLE-RADIUS": "72", "X-TITLE": title}
    return make_uri(f"geo:{latitude},{longitude}", parameters)


def _conference(address: str, label: str) -> vUri:
    """CONFERENCE (RFC 7986 section 5.11)."""
    parameters = {"VALUE": "URI", "FEATURE": "VIDEO"}
    return make_uri(address, parameters | ({"LABEL": label} if label else {}))


def _alarms(event: VEvent, texts: Texts) -> list[list[Property]]:
    """The VALARMs; a cancelled event rings no more."""
    return [] if event.status == "CANCELLED" else [_alarm(alarm, texts) for alarm in event.alarms]


def _alarm(alarm: VAlarm, texts: Texts) -> list[Property]:
    description = alarm.description or join_lines(texts.summary)
    return [
        ("ACTION", TextValue("DISPLAY")),
        ("DESCRIPTION", TextValue(description)),
        ("TRIGGER", vDuration(alarm.trigger)),
    ]


class _Geo(vGeo):
    """GEO (RFC 5545 section 3.8.1.6) in six decimals: Python would write 0.00001 as 1e-05."""

    def to_ical(self) -> str:
        return ";".join(_degrees((self.latitude, self.longitude)))


def _degrees(geo: tuple[float, float]) -> tuple[str, str]:
    latitude, longitude = geo
    return f"{latitude:.6f}", f"{longitude:.6f}"


def _check_revision(event: VEvent) -> None:
    if any(made.utcoffset() != timedelta(0) for made in (event.dtstamp, event.created) if made):
        raise ValueError("DTSTAMP and CREATED must be in UTC.")


def _check_times(event: VEvent) -> None:
    times = [time for time in (event.dtstart, event.dtend, event.recurrence_id, *event.exdates) if time]
    for time in times:
        _check_zone(time)
    if len({isinstance(time, datetime) for time in times}) > 1:
        raise ValueError("DTSTART, DTEND, EXDATE and RECURRENCE-ID must be all dates or all times.")
    if event.recurring and len({str(time.tzinfo) for time in times if isinstance(time, datetime)}) > 1:
        raise ValueError("The times of a series must all be in one zone.")
    if _order(event.dtend) <= _order(event.dtstart):
        raise ValueError("DTEND must be later than DTSTART.")


def _check_zone(time: DateOrDateTime) -> None:
    """Refuse what icalendar would write as floating time or as a made-up TZID, both without a word."""
    if not isinstance(time, datetime):
        return
    if time.tzinfo is None:
        raise ValueError(f"{time} has no zone.")
    if time.tzinfo != UTC and not (isinstance(time.tzinfo, ZoneInfo) and time.tzinfo.key):
        raise ValueError(f"{time} has a fixed offset: use UTC or a zone of the tz database.")


def _check_rule(event: VEvent) -> None:
    rule = event.rrule
    if rule is None:
        if event.exdates:
            raise ValueError("EXDATE needs an RRULE.")
        return
    if event.recurrence_id:
        raise ValueError("One day of a series (RECURRENCE-ID) cannot recur itself.")
    if rule.until:
        _check_until(rule.until, event.dtstart)
    if not _produces(rule, event.dtstart):
        raise ValueError("DTSTART must be an occurrence of its own RRULE.")


def _check_until(until: DateOrDateTime, dtstart: DateOrDateTime) -> None:
    if isinstance(until, datetime) != isinstance(dtstart, datetime):
        raise ValueError("UNTIL must be a date where DTSTART is a date, and a time where it is a time.")
    if isinstance(until, datetime) and until.tzinfo != UTC:
        raise ValueError("UNTIL of a timed series must be in UTC.")
    if _order(until) < _order(dtstart):
        raise ValueError("UNTIL must not be earlier than DTSTART.")


def _produces(rule: RRule, day: DateOrDateTime) -> bool:
    """Whether the rule falls on that day; readers disagree about series whose DTSTART it leaves out."""
    from_the_end = day.day - monthrange(day.year, day.month)[1] - 1
    return (
        (not rule.byday or WEEKDAYS[day.weekday()] in {name[-2:] for name in rule.byday})
        and rule.bymonth in (None, day.month)
        and rule.bymonthday in (None, day.day, from_the_end)
    )


def _order(time: DateOrDateTime) -> float:
    """A number to compare by: Python compares two times of one zone by their clocks, not as instants."""
    return time.timestamp() if isinstance(time, datetime) else time.toordinal()


def _check_geo(geo: tuple[float, float] | None) -> None:
    if geo and not (-90 <= geo[0] <= 90 and -180 <= geo[1] <= 180):
        raise ValueError("GEO is a latitude from -90 to 90 and a longitude from -180 to 180 degrees.")

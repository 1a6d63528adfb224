"""One event: a frozen value, named after the properties of RFC 5545 section 3.6.1, and its bytes."""

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
    vGeo,
    vInt,
    vRecur,
    vUri,
)

from calendars.lines import (
    ExactDuration,
    Property,
    TextValue,
    clean_text,
    join_lines,
    make_text_list,
    make_uri,
    write_content_lines,
)

EventStatus = Literal["TENTATIVE", "CONFIRMED", "CANCELLED"]
Transparency = Literal["OPAQUE", "TRANSPARENT"]
Frequency = Literal["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]
DateOrDateTime = date | datetime

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The texts of an event in one language.

    `location` is one line that begins with the place: "Hall 2, 40 Kabanbay Batyr Ave, Almaty".
    """

    summary: str
    description: str = ""
    location: str = ""
    categories: tuple[str, ...] = ()
    contact: str = ""
    conference_label: str = ""
    url: str = ""  # the page of the event, in this language if there is one


@dataclass(frozen=True, slots=True, kw_only=True)
class RRule:
    """A recurrence rule (RFC 5545 section 3.3.10) of the kinds that every client supports.

    `until` is the start of the last occurrence: in UTC for a timed series, a date for an all-day one.
    """

    freq: Frequency
    byday: tuple[str, ...] = ()
    bymonth: int | None = None
    bymonthday: int | None = None
    until: DateOrDateTime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VAlarm:
    """A DISPLAY alarm (RFC 5545 section 3.6.6); `trigger` is relative to DTSTART, negative before it.

    Without a description it shows the event's SUMMARY.
    """

    trigger: timedelta
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VEvent:
    """A VEVENT (RFC 5545 section 3.6.1).

    `dtstart` and `dtend` are both dates (`dtend` the day after the last) or both aware, in UTC or a ZoneInfo.
    A single event is written in UTC, a series and its overrides in their zone, which needs a VTIMEZONE.
    `dtstamp` is the stored time of the last revision, in UTC; it is written as LAST-MODIFIED too.
    Raise ValueError if clients would read a value in different ways.
    """

    uid: str
    dtstamp: datetime
    dtstart: DateOrDateTime
    dtend: DateOrDateTime
    texts: Texts
    sequence: int = 0
    created: datetime | None = None
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
        """Tell whether it is a series, or an override of one occurrence."""
        return self.rrule is not None or self.recurrence_id is not None

    @property
    def tzid(self) -> str:
        """Return the TZID of its times, which the calendar must define; "" for dates and UTC."""
        return str(_make_time(self, self.dtstart).params.get("TZID", ""))

    def to_component(self) -> Event:
        """Convert the event to icalendar's class; the messages of RFC 5546 add properties to that."""
        component = Event()
        _fill(component, [*_list_common_properties(self), *_list_text_properties(self, self.texts)])
        for properties in _list_alarms(self, self.texts):
            alarm = Alarm()
            _fill(alarm, properties)
            component.add_component(alarm)
        return component


def is_written_in_utc(zone: ZoneInfo) -> bool:
    """Tell whether times in the zone are written in UTC, without a TZID, as those of Greenwich and Abidjan are."""
    return "TZID" not in vDatetime(datetime(2000, 1, 1, tzinfo=zone)).params


def render(event: VEvent) -> bytes:
    """Render the event from BEGIN:VEVENT to END:VEVENT, folded, each line ended by CRLF."""
    return render_all(event, {"": event.texts})[""]


def render_all(event: VEvent, texts: Mapping[str, Texts]) -> dict[str, bytes]:
    """Render the event once per language, each time with the texts of that language instead of its own.

    What all languages share is encoded once, which saves a third of the time for four languages.
    """
    common = write_content_lines(_list_common_properties(event))
    return {language: _write_vevent(event, common, its_texts) for language, its_texts in texts.items()}


def _write_vevent(event: VEvent, common: bytes, texts: Texts) -> bytes:
    translated = write_content_lines(_list_text_properties(event, texts))
    alarms = [_write_valarm(alarm) for alarm in _list_alarms(event, texts)]
    return b"".join([b"BEGIN:VEVENT\r\n", common, translated, *alarms, b"END:VEVENT\r\n"])


def _write_valarm(alarm: list[Property]) -> bytes:
    return b"BEGIN:VALARM\r\n" + write_content_lines(alarm) + b"END:VALARM\r\n"


def _fill(component: Component, properties: Iterable[Property]) -> None:
    for name, value in properties:
        component.add(name, value, encode=False)


def _list_common_properties(event: VEvent) -> Iterator[Property]:
    """List the properties that are the same in every language."""
    yield "UID", TextValue(event.uid)
    yield "SEQUENCE", vInt(event.sequence)
    yield "DTSTAMP", _make_instant(event.dtstamp)
    yield "LAST-MODIFIED", _make_instant(event.dtstamp)
    if event.created:
        yield "CREATED", _make_instant(event.created)
    yield from _list_times(event)
    yield "STATUS", TextValue(event.status)
    yield from _list_transparency(event)
    yield from _list_references(event)


def _list_times(event: VEvent) -> Iterator[Property]:
    yield "DTSTART", _make_time(event, event.dtstart)
    yield "DTEND", _make_time(event, event.dtend)
    if event.all_day:
        yield "X-MICROSOFT-CDO-ALLDAYEVENT", TextValue("TRUE")  # older Outlooks show midnights without it
    if event.recurrence_id:
        yield "RECURRENCE-ID", _make_time(event, event.recurrence_id)
    if event.rrule:
        yield "RRULE", _make_recur(event.rrule)
    for exdate in event.exdates:
        time = _make_time(event, exdate)
        yield "EXDATE", vDDDLists([exdate], params=time.params)


def _make_time(event: VEvent, value: DateOrDateTime) -> vDate | vDatetime:
    """Make a date, a time in UTC or, in a series, a time in its zone, where the hour must stay."""
    if not isinstance(value, datetime):
        return vDate(value, params={"VALUE": "DATE"})
    return vDatetime(value) if event.recurring else _make_instant(value)


def _make_instant(value: datetime) -> vDatetime:
    return vDatetime(value.astimezone(UTC))


def _make_recur(rule: RRule) -> vRecur:
    parts = {
        "FREQ": rule.freq,
        "UNTIL": rule.until,
        "BYDAY": list(rule.byday),
        "BYMONTHDAY": rule.bymonthday,
        "BYMONTH": rule.bymonth,
    }
    return vRecur({name: part for name, part in parts.items() if part})


def _list_transparency(event: VEvent) -> Iterator[Property]:
    """List TRANSP (RFC 5545 section 3.8.2.7); a cancelled event keeps nobody busy."""
    transparent = event.transp == "TRANSPARENT" or event.status == "CANCELLED"
    yield "TRANSP", TextValue("TRANSPARENT" if transparent else "OPAQUE")
    if transparent:
        yield "X-MICROSOFT-CDO-BUSYSTATUS", TextValue("FREE")


def _list_references(event: VEvent) -> Iterator[Property]:
    if event.geo:
        yield "GEO", _Geo(event.geo)
    if event.related_to:
        yield "RELATED-TO", TextValue(event.related_to)


def _list_text_properties(event: VEvent, texts: Texts) -> Iterator[Property]:
    """List the properties that differ between languages."""
    location = _compose_location(event, texts)
    yield "SUMMARY", TextValue(join_lines(texts.summary))
    if description := _compose_description(event, texts):
        yield "DESCRIPTION", TextValue(description)
    if location:
        yield "LOCATION", TextValue(location)
    if location and event.geo:
        yield "X-APPLE-STRUCTURED-LOCATION", _make_apple_location(location, event.geo)
    if texts.categories:
        yield "CATEGORIES", make_text_list(texts.categories)
    if texts.contact:
        yield "CONTACT", TextValue(texts.contact)
    if texts.url:
        yield "URL", make_uri(texts.url)
    if event.conference:
        yield "CONFERENCE", _make_conference(event.conference, texts.conference_label)


def _compose_description(event: VEvent, texts: Texts) -> str:
    """Compose the description and the links it does not mention: many clients show neither URL nor CONFERENCE."""
    missing = [link for link in (event.conference, texts.url) if link and link not in texts.description]
    return "\n\n".join(filter(None, [clean_text(texts.description), "\n".join(missing)]))


def _compose_location(event: VEvent, texts: Texts) -> str:
    """Compose the place, or else the conference, on one line: several clients join lines."""
    return join_lines(texts.location, glue=", ") or event.conference


def _make_apple_location(location: str, geo: tuple[float, float]) -> vUri:
    """Make X-APPLE-STRUCTURED-LOCATION, from which Apple's Calendar draws a map."""
    latitude, longitude = _format_degrees(geo)
    title = location.partition(",")[0]
    parameters = {"VALUE": "URI", "X-ADDRESS": location, "X-APPLE-RADIUS": "72", "X-TITLE": title}
    return make_uri(f"geo:{latitude},{longitude}", parameters)


def _make_conference(address: str, label: str) -> vUri:
    """Make CONFERENCE (RFC 7986 section 5.11)."""
    parameters = {"VALUE": "URI", "FEATURE": "VIDEO"}
    return make_uri(address, parameters | ({"LABEL": label} if label else {}))


def _list_alarms(event: VEvent, texts: Texts) -> list[list[Property]]:
    """List the properties of each VALARM; a cancelled event has none."""
    return [] if event.status == "CANCELLED" else [_list_alarm(alarm, texts) for alarm in event.alarms]


def _list_alarm(alarm: VAlarm, texts: Texts) -> list[Property]:
    description = alarm.description or join_lines(texts.summary)
    return [
        ("ACTION", TextValue("DISPLAY")),
        ("DESCRIPTION", TextValue(description)),
        ("TRIGGER", ExactDuration(alarm.trigger)),
    ]


class _Geo(vGeo):
    """GEO (RFC 5545 section 3.8.1.6) with six decimals: Python would write 0.00001 as 1e-05."""

    def to_ical(self) -> str:
        return ";".join(_format_degrees((self.latitude, self.longitude)))


def _format_degrees(geo: tuple[float, float]) -> tuple[str, str]:
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
    if _get_order(event.dtend) <= _get_order(event.dtstart):
        raise ValueError("DTEND must be later than DTSTART.")


def _check_zone(time: DateOrDateTime) -> None:
    """Refuse times that icalendar would silently write as floating time or with an invented TZID."""
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
    if not _falls_on(rule, event.dtstart):
        raise ValueError("DTSTART must be an occurrence of its own RRULE.")


def _check_until(until: DateOrDateTime, dtstart: DateOrDateTime) -> None:
    if isinstance(until, datetime) != isinstance(dtstart, datetime):
        raise ValueError("UNTIL must be a date where DTSTART is a date, and a time where it is a time.")
    if isinstance(until, datetime) and until.tzinfo != UTC:
        raise ValueError("UNTIL of a timed series must be in UTC.")
    if _get_order(until) < _get_order(dtstart):
        raise ValueError("UNTIL must not be earlier than DTSTART.")


def _falls_on(rule: RRule, day: DateOrDateTime) -> bool:
    """Tell whether the rule falls on that day; readers disagree about a DTSTART outside its own rule."""
    from_the_end = day.day - monthrange(day.year, day.month)[1] - 1
    return (
        (not rule.byday or WEEKDAYS[day.weekday()] in {name[-2:] for name in rule.byday})
        and rule.bymonth in (None, day.month)
        and rule.bymonthday in (None, day.day, from_the_end)
    )


def _get_order(time: DateOrDateTime) -> float:
    """Return a number that orders times as instants: Python compares two times of one zone by wall time."""
    return time.timestamp() if isinstance(time, datetime) else time.toordinal()


def _check_geo(geo: tuple[float, float] | None) -> None:
    if geo and not (-90 <= geo[0] <= 90 and -180 <= geo[1] <= 180):
        raise ValueError("GEO is a latitude from -90 to 90 and a longitude from -180 to 180 degrees.")

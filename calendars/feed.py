"""The document: head, zones, events, tail (RFC 5545 section 3.4)."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from icalendar import vDuration

from calendars.lines import Property, TextValue, join_lines, make_uri, write_content_lines

PRODID = "-//consular-scheduler//EN"


def write_feed(
    parts: Iterable[bytes],
    *,
    name: str,
    zones: Iterable[bytes] = (),
    refresh: timedelta,
    description: str = "",
    source_url: str = "",
    language: str = "",
) -> bytes:
    """One VCALENDAR of rendered events; a single event's file is a feed of one part.

    Equal arguments give equal bytes. There is no METHOD, which would make an invitation of a subscription,
    and no UID of the calendar. `zones` are the VTIMEZONEs of the zones that the parts name; `refresh` is how
    often to ask again, a hint that few clients take; `language` (RFC 5646) is that of name and description.
    Without parts it is an empty calendar, which clients take better than an error.
    """
    head = write_content_lines(_head(name, refresh, description, source_url, language))
    return b"".join([b"BEGIN:VCALENDAR\r\n", head, *sorted(set(zones)), *parts, b"END:VCALENDAR\r\n"])


def add_alarms(parts: Iterable[bytes], description: str) -> Iterator[bytes]:
    """The same events with an alarm: an hour before, and for whole days at nine o'clock the day before.

    Only for what the subscriber attends: neither what merely goes on nor what is cancelled calls anybody. That the
    marks below stand at the beginning of a line is sure: a text in a content line cannot begin one.
    """
    timed, days = (_alarm(trigger, description) for trigger in (timedelta(hours=-1), timedelta(hours=-15)))
    for part in parts:
        if b"\r\nTRANSP:TRANSPARENT\r\n" in part or b"\r\nSTATUS:CANCELLED\r\n" in part:
            yield part
        else:
            alarm = days if b"\r\nDTSTART;VALUE=DATE:" in part else timed
            yield part.replace(b"\r\nEND:VEVENT\r\n", b"\r\n" + alarm + b"END:VEVENT\r\n")


def _alarm(trigger: timedelta, description: str) -> bytes:
    """RFC 5545 section 3.6.6."""
    lines: list[Property] = [
        ("ACTION", TextValue("DISPLAY")),
        ("TRIGGER", vDuration(trigger)),
        ("DESCRIPTION", TextValue(description)),
    ]
    return b"BEGIN:VALARM\r\n" + write_content_lines(lines) + b"END:VALARM\r\n"


def _head(name: str, refresh: timedelta, description: str, source_url: str, language: str) -> Iterator[Property]:
    yield "VERSION", TextValue("2.0")
    yield "PRODID", TextValue(PRODID)
    yield "CALSCALE", TextValue("GREGORIAN")
    yield "NAME", _in_language(join_lines(name), language)
    yield "X-WR-CALNAME", TextValue(join_lines(name))
    if description:
        yield "DESCRIPTION", _in_language(description, language)
        yield "X-WR-CALDESC", TextValue(description)
    if source_url:
        yield "SOURCE", make_uri(source_url, {"VALUE": "URI"})
    yield from _refresh(refresh)


def _in_language(text: str, language: str) -> TextValue:
    value = TextValue(text)
    if language:
        value.params["LANGUAGE"] = language
    return value


def _refresh(interval: timedelta) -> Iterator[Property]:
    """RFC 7986 section 5.7, and the older name that Outlook reads."""
    standard = vDuration(interval, params={"VALUE": "DURATION"})
    yield "REFRESH-INTERVAL", standard
    yield "X-PUBLISHED-TTL", vDuration(interval)

"""The iCalendar object (RFC 5545 section 3.4) that people subscribe to: head, zones, events, end."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from icalendar import vDuration

from calendars.lines import Property, TextValue, join_lines, make_uri, write_content_lines
from calendars.vtimezone import render_vtimezone

PRODID = "-//consular-scheduler//EN"


class Color(NamedTuple):
    """A colour by its name in CSS3, as COLOR has it (RFC 7986 section 5.9), and by its digits, as Apple reads it."""

    name: str
    rgb: str  # "#rrggbb"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarHead:
    """The properties of a calendar as a whole: its name, description, colour and addresses.

    `refresh` is the interval at which clients should ask again, a hint that few follow. `language` (RFC 5646) is that
    of name and description. `page_url` is the page of the same contents, `source_url` the address of the calendar.
    """

    name: str
    refresh: timedelta
    description: str = ""
    color: Color | None = None
    page_url: str = ""
    source_url: str = ""
    language: str = ""


def write_feed(parts: Iterable[bytes], head: CalendarHead) -> bytes:
    """Write one VCALENDAR of rendered events; the file of a single event is a feed of one part.

    Equal arguments give equal bytes. There is no METHOD, which would turn the subscription into an invitation,
    and no UID of the calendar. Each zone that the parts refer to is defined once. Without parts the calendar is
    empty: clients handle that better than an error.
    """
    return write_calendar(head, join_events(parts))


def join_events(parts: Iterable[bytes]) -> bytes:
    """Join rendered events, after the definitions of the zones that they refer to."""
    events = b"".join(parts)
    return b"".join([*map(render_vtimezone, list_zone_names(events)), events])


def write_calendar(head: CalendarHead, contents: bytes) -> bytes:
    """Write one VCALENDAR around events that `join_events` has joined."""
    return b"".join([b"BEGIN:VCALENDAR\r\n", write_content_lines(_list_head(head)), contents, b"END:VCALENDAR\r\n"])


def list_zone_names(events: bytes) -> list[str]:
    """Return the zones that rendered events refer to, which the calendar around them must define."""
    return [name.decode() for name in sorted(set(_ZONE_NAME.findall(events)))]


# At the beginning of a line, where no text can stand; such a line is too short to be folded.
_ZONE_NAME = re.compile(rb"\r\nDTSTART;TZID=([^:\r]+):")


def _list_head(head: CalendarHead) -> Iterator[Property]:
    yield "VERSION", TextValue("2.0")
    yield "PRODID", TextValue(PRODID)
    yield "CALSCALE", TextValue("GREGORIAN")
    yield "NAME", _mark_language(join_lines(head.name), head.language)
    yield "X-WR-CALNAME", TextValue(join_lines(head.name))
    if head.description:
        yield "DESCRIPTION", _mark_language(head.description, head.language)
        yield "X-WR-CALDESC", TextValue(head.description)
    if head.color:
        yield "COLOR", TextValue(head.color.name)
        yield "X-APPLE-CALENDAR-COLOR", TextValue(head.color.rgb)
    if head.page_url:
        yield "URL", make_uri(head.page_url)
    if head.source_url:
        yield "SOURCE", make_uri(head.source_url, {"VALUE": "URI"})
    yield from _list_refresh(head.refresh)


def _mark_language(text: str, language: str) -> TextValue:
    value = TextValue(text)
    if language:
        value.params["LANGUAGE"] = language
    return value


def _list_refresh(interval: timedelta) -> Iterator[Property]:
    """List the refresh interval: REFRESH-INTERVAL (RFC 7986 section 5.7), and the older name that Outlook reads."""
    standard = vDuration(interval, params={"VALUE": "DURATION"})
    yield "REFRESH-INTERVAL", standard
    yield "X-PUBLISHED-TTL", vDuration(interval)

"""The document: head, zones, events, tail (RFC 5545 section 3.4)."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from icalendar import vDuration

from calendars.lines import Property, Text, content_lines, one_line, uri

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
    head = content_lines(_head(name, refresh, description, source_url, language))
    return b"".join([b"BEGIN:VCALENDAR\r\n", head, *sorted(set(zones)), *parts, b"END:VCALENDAR\r\n"])


def _head(name: str, refresh: timedelta, description: str, source_url: str, language: str) -> Iterator[Property]:
    yield "VERSION", Text("2.0")
    yield "PRODID", Text(PRODID)
    yield "CALSCALE", Text("GREGORIAN")
    yield "NAME", _in_language(one_line(name), language)
    yield "X-WR-CALNAME", Text(one_line(name))
    if description:
        yield "DESCRIPTION", _in_language(description, language)
        yield "X-WR-CALDESC", Text(description)
    if source_url:
        yield "SOURCE", uri(source_url, {"VALUE": "URI"})
    yield from _refresh(refresh)


def _in_language(text: str, language: str) -> Text:
    value = Text(text)
    if language:
        value.params["LANGUAGE"] = language
    return value


def _refresh(interval: timedelta) -> Iterator[Property]:
    """RFC 7986 section 5.7, and the older name that Outlook reads."""
    standard = vDuration(interval, params={"VALUE": "DURATION"})
    yield "REFRESH-INTERVAL", standard
    yield "X-PUBLISHED-TTL", vDuration(interval)

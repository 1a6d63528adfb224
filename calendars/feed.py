"""The iCalendar object (RFC 5545 section 3.4) that people subscribe to: head, zones, events, end."""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta

from icalendar import vDuration

from calendars.lines import Property, TextValue, fold, join_lines, make_uri, write_content_lines

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
    """Write one VCALENDAR of rendered events; the file of a single event is a feed of one part.

    Equal arguments give equal bytes. There is no METHOD, which would turn the subscription into an invitation,
    and no UID of the calendar. `zones` are the VTIMEZONEs that the parts refer to. `refresh` is the interval
    at which clients should ask again, a hint that few follow. `language` (RFC 5646) is that of name and
    description. Without parts the calendar is empty: clients handle that better than an error.
    """
    head = write_content_lines(_list_head(name, refresh, description, source_url, language))
    return b"".join([b"BEGIN:VCALENDAR\r\n", head, *sorted(set(zones)), *parts, b"END:VCALENDAR\r\n"])


def add_alarms(parts: Iterable[bytes], description: str) -> Iterator[bytes]:
    """Add an alarm to each event: an hour before it, or for whole days at nine o'clock on the day before.

    Transparent events, which merely take place, and cancelled ones get none. The searched marks can only be
    properties: they begin a line, and no text within a content line can do that.
    """
    timed, days = (_write_alarm(trigger, description) for trigger in (timedelta(hours=-1), timedelta(hours=-15)))
    for part in parts:
        if b"\r\nTRANSP:TRANSPARENT\r\n" in part or b"\r\nSTATUS:CANCELLED\r\n" in part:
            yield part
        else:
            alarm = days if b"\r\nDTSTART;VALUE=DATE:" in part else timed
            yield part.replace(b"\r\nEND:VEVENT\r\n", b"\r\n" + alarm + b"END:VEVENT\r\n")


def add_to_description(part: bytes, sentence: str) -> bytes:
    """Put a sentence before the description of a rendered event, or make it the description if there is none."""
    event, alarms = _split_before(part, rb"\r\n(BEGIN:VALARM|END:VEVENT)\r\n")
    head, rest = _split_before(event, rb"\r\nDESCRIPTION[:;]")
    described, after = _split_before(rest, rb"(?<=.)\r\n(?! )")
    name, _, text = described.replace(b"\r\n ", b"").strip().partition(b":")
    line = (name or b"DESCRIPTION") + b":" + TextValue(sentence).to_ical() + (b"\\n\\n" + text if text else b"")
    return head + b"\r\n" + fold(line) + after + alarms


def _split_before(text: bytes, pattern: bytes) -> tuple[bytes, bytes]:
    found = re.search(pattern, text)
    return (text[: found.start()], text[found.start() :]) if found else (text, b"")


def _write_alarm(trigger: timedelta, description: str) -> bytes:
    """Write a VALARM (RFC 5545 section 3.6.6)."""
    lines: list[Property] = [
        ("ACTION", TextValue("DISPLAY")),
        ("TRIGGER", vDuration(trigger)),
        ("DESCRIPTION", TextValue(description)),
    ]
    return b"BEGIN:VALARM\r\n" + write_content_lines(lines) + b"END:VALARM\r\n"


def _list_head(name: str, refresh: timedelta, description: str, source_url: str, language: str) -> Iterator[Property]:
    yield "VERSION", TextValue("2.0")
    yield "PRODID", TextValue(PRODID)
    yield "CALSCALE", TextValue("GREGORIAN")
    yield "NAME", _mark_language(join_lines(name), language)
    yield "X-WR-CALNAME", TextValue(join_lines(name))
    if description:
        yield "DESCRIPTION", _mark_language(description, language)
        yield "X-WR-CALDESC", TextValue(description)
    if source_url:
        yield "SOURCE", make_uri(source_url, {"VALUE": "URI"})
    yield from _list_refresh(refresh)


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

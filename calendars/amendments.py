"""Amendments of a rendered event for one reader: alarms, and an invitation that is not answered yet.

They work on the bytes, because these are stored once for all readers. What is looked for can only be a property: it
begins a line, and no text within a content line can do that.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from calendars.lines import ExactDuration, TextValue, fold, write_content_lines

_END = b"\r\nEND:VEVENT\r\n"
_REVISED = re.compile(rb"(?<=\r\n)(DTSTAMP|LAST-MODIFIED):(\d{8}T\d{6}Z)(?=\r\n)")
_NINE_ON_THE_DAY_BEFORE = timedelta(hours=-15)  # from the midnight at which a whole day begins


def add_alarms(event: bytes, before: Iterable[timedelta]) -> bytes:
    """Add alarms that say which event it is, each so long before; for whole days one at nine on the day before.

    Transparent events, which merely take place, and cancelled ones get none.
    """
    if b"\r\nTRANSP:TRANSPARENT\r\n" in event or b"\r\nSTATUS:CANCELLED\r\n" in event:
        return event
    whole_days = b"\r\nDTSTART;VALUE=DATE:" in event
    triggers = [_NINE_ON_THE_DAY_BEFORE] if whole_days else [-lead for lead in before]
    title = _write_line(b"DESCRIPTION", _read_value(event, b"SUMMARY"))
    alarms = b"".join(_write_alarm(trigger, title) for trigger in triggers)
    return event.replace(_END, b"\r\n" + alarms + _END[2:])


def mark_unanswered(event: bytes, sentence: str) -> bytes:
    """Mark a confirmed event as one that its reader has not accepted yet; the sentence ends its description."""
    if b"\r\nSTATUS:CONFIRMED\r\n" in event:
        event = event.replace(b"\r\nSTATUS:CONFIRMED\r\n", b"\r\nSTATUS:TENTATIVE\r\n")
        if b"\r\nTRANSP:OPAQUE\r\n" in event:  # Outlook reads this in place of STATUS
            event = event.replace(_END, b"\r\nX-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE" + _END)
    return _amend_description(event, lambda known: (known, TextValue(sentence).to_ical()))


def prepend_to_description(event: bytes, sentence: str) -> bytes:
    """Put a sentence before the description of an event, or make it the description if there is none."""
    return _amend_description(event, lambda known: (TextValue(sentence).to_ical(), known))


def raise_revision(event: bytes, changed_at: datetime) -> bytes:
    """Set the time of the last revision to `changed_at` (aware), if that is later than what the event says."""
    stamp = changed_at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ").encode()
    return _REVISED.sub(lambda found: found[1] + b":" + max(found[2], stamp), event)


@lru_cache(maxsize=64)
def _write_trigger(trigger: timedelta) -> bytes:
    return write_content_lines([("TRIGGER", ExactDuration(trigger))])


def _write_alarm(trigger: timedelta, description: bytes) -> bytes:
    """Write a VALARM (RFC 5545 section 3.6.6)."""
    lines = (b"BEGIN:VALARM\r\nACTION:DISPLAY\r\n", _write_trigger(trigger), description, b"END:VALARM\r\n")
    return b"".join(lines)


def _amend_description(event: bytes, compose: Callable[[bytes], Iterable[bytes]]) -> bytes:
    """Compose the paragraphs of the description of each VEVENT: all that are rendered for one event have the same."""
    known = _read_value(event, b"DESCRIPTION")
    line = _write_line(b"DESCRIPTION", b"\\n\\n".join(filter(None, compose(known))))
    if known:
        return _make_pattern(b"DESCRIPTION").sub(lambda _found: line, event)
    return event.replace(_END, b"\r\n" + line + _END[2:])


def _read_value(event: bytes, name: bytes) -> bytes:
    """Return the value of a property as it is encoded, unfolded; empty if the event does not have the property."""
    found = _make_pattern(name).search(event)
    return found[1].replace(b"\r\n ", b"") if found else b""


@lru_cache(maxsize=8)
def _make_pattern(name: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(?<=\r\n)" + name + rb":((?:[^\r]+|\r\n )*)\r\n")


def _write_line(name: bytes, value: bytes) -> bytes:
    return fold(name + b":" + value) + b"\r\n"

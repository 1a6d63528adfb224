"""The descriptive properties of an event (RFC 5545 section 3.8.1), its organizer and its conference."""

import re
from collections.abc import Iterable
from math import inf

from calendars.foreign.events.event import Classification
from calendars.foreign.report.notes import Notes
from calendars.foreign.syntax.components import Component
from calendars.foreign.syntax.content_lines import (
    ContentLine,
    get_head,
    get_value,
    parse_parameters,
    split_list,
    unescape_text,
)
from calendars.lines import clean_text, join_lines
from calendars.vevent import EventStatus

_CANCELLED = re.compile(r"(?:cancell?ed|отменено|abgesagt|annulé)\s?:\s*", re.IGNORECASE)
_VENDOR_CONFERENCES = ("X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL")
_CONFERENCE_URI = re.compile(r"(?:https?|tel|sip|sips|xmpp):", re.IGNORECASE)


class DescriptiveReader:
    """Reads the properties that may need a note; `cancelled` tells that the calendar has METHOD:CANCEL."""

    def __init__(self, notes: Notes, *, cancelled: bool) -> None:
        self._notes = notes
        self._cancelled = cancelled

    def read_summary(self, part: Component, uid: str) -> tuple[str, EventStatus]:
        """Read SUMMARY and STATUS; in calendars that Outlook publishes, only a prefix marks a cancelled event."""
        summary = join_lines(part.get_text("SUMMARY"))
        status = _parse_status(part.get_value("STATUS").strip().upper())
        if prefix := _CANCELLED.match(summary):
            line = part.lines["SUMMARY"][0][0]
            self._notes.add_mended(line, uid, "“{prefix}” was read as STATUS:CANCELLED.", prefix=prefix[0].strip())
            return summary[prefix.end() :], "CANCELLED"
        return summary, "CANCELLED" if self._cancelled else status

    def read_url(self, part: Component, uid: str) -> str:
        """Read URL if it is a web address; others could start programs on the reader's machine."""
        line = part.get_line("URL")
        url = "".join(clean_text(get_value(line)).split()) if line else ""
        if line and url and not url.lower().startswith(("http://", "https://")):
            self._notes.add_ignored(line[0], uid, "URL is not a web address: {url}.", url=url)
            return ""
        return url

    def read_geo(self, part: Component, uid: str) -> tuple[float, float] | None:
        """Read GEO (RFC 5545 section 3.8.1.6); SOGo escapes its semicolon, others write a comma."""
        line = part.get_line("GEO")
        if line is None:
            return None
        try:
            latitude, longitude = map(float, line[2].replace("\\", "").replace(",", ";").split(";"))
        except ValueError:
            latitude = longitude = inf
        if abs(latitude) <= 90 and abs(longitude) <= 180:
            return latitude, longitude
        self._notes.add_ignored(line[0], uid, "GEO is not a position on Earth: {value}.", value=line[2])
        return None


def _parse_status(value: str) -> EventStatus:
    if value == "CANCELLED" or value == "CANCELED":
        return "CANCELLED"
    return "TENTATIVE" if value == "TENTATIVE" else "CONFIRMED"


def read_classification(value: str) -> Classification:
    """Read CLASS (RFC 5545 section 3.8.1.3); unknown values are private."""
    if value in ("", "PUBLIC"):
        return "PUBLIC"
    return "CONFIDENTIAL" if value == "CONFIDENTIAL" else "PRIVATE"


def read_categories(lines: Iterable[ContentLine]) -> dict[str, None]:
    """Read CATEGORIES (RFC 5545 section 3.8.1.2), each category once, in order."""
    values = (piece for line in lines for piece in split_list(line))
    return dict.fromkeys(text for value in values if (text := join_lines(unescape_text(value))))


def read_common_name(line: ContentLine | None) -> str:
    """Read the name of the organizer, never an address, which many programs write in its place."""
    if line is None:
        return ""
    name = parse_parameters(get_head(line)).get("CN", "").replace("^n", " ").replace("^'", '"').replace("^^", "^")
    return "" if "@" in name else join_lines(name)


def read_conference(part: Component) -> str:
    """Read CONFERENCE (RFC 7986 section 5.11), preferably with video, or Google's or Microsoft's property."""
    lines = part.lines.get("CONFERENCE", ())
    ranked = sorted(lines, key=lambda line: "VIDEO" not in line[1].upper())
    found = [get_value(line) for line in ranked] or [part.get_value(name) for name in _VENDOR_CONFERENCES]
    uris = ["".join(clean_text(uri).split()) for uri in found]
    return next((uri for uri in uris if _CONFERENCE_URI.match(uri)), "")

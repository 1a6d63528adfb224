"""What an event is, where, and who holds it."""

import re
from collections.abc import Iterable
from math import inf

from calendars.foreign.events.event import Classification
from calendars.foreign.report.notes import Notes
from calendars.foreign.syntax.components import Component
from calendars.foreign.syntax.content_lines import ContentLine, head_of, items, parameters_of, unescaped, value_of
from calendars.lines import clean_text, join_lines
from calendars.vevent import EventStatus

_CANCELLED = re.compile(r"(?:cancell?ed|отменено|abgesagt|annulé)\s?:\s*", re.IGNORECASE)
_WEB = ("X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL")
_CALL = re.compile(r"(?:https?|tel|sip|sips|xmpp):", re.IGNORECASE)


class DescriptiveReader:
    """What the events of one calendar say of themselves, and may have to be told of."""

    def __init__(self, notes: Notes, *, cancelled: bool) -> None:
        self._notes = notes
        self._cancelled = cancelled

    def summary(self, part: Component, uid: str) -> tuple[str, EventStatus]:
        """SUMMARY and STATUS; in published calendars Outlook tells a cancellation only by a prefix."""
        summary = join_lines(part.text("SUMMARY"))
        status = _status(part.value("STATUS").strip().upper())
        if prefix := _CANCELLED.match(summary):
            line = part.lines["SUMMARY"][0][0]
            self._notes.add_mended(line, uid, "“{prefix}” was read as STATUS:CANCELLED.", prefix=prefix[0].strip())
            return summary[prefix.end() :], "CANCELLED"
        return summary, "CANCELLED" if self._cancelled else status

    def url(self, part: Component, uid: str) -> str:
        """URL, if it leads to the web: what else it may start is nobody's business here."""
        line = part.first("URL")
        url = "".join(clean_text(value_of(line)).split()) if line else ""
        if line and url and not url.lower().startswith(("http://", "https://")):
            self._notes.add_ignored(line[0], uid, "URL does not lead to the web: {url}.", url=url)
            return ""
        return url

    def geo(self, part: Component, uid: str) -> tuple[float, float] | None:
        """GEO (RFC 5545 section 3.8.1.6); SOGo escapes its semicolon, others write a comma."""
        line = part.first("GEO")
        if line is None:
            return None
        try:
            latitude, longitude = map(float, line[2].replace("\\", "").replace(",", ";").split(";"))
        except ValueError:
            latitude = longitude = inf
        if abs(latitude) <= 90 and abs(longitude) <= 180:
            return latitude, longitude
        self._notes.add_ignored(line[0], uid, "GEO is no place on Earth: {value}.", value=line[2])
        return None


def _status(value: str) -> EventStatus:
    if value == "CANCELLED" or value == "CANCELED":
        return "CANCELLED"
    return "TENTATIVE" if value == "TENTATIVE" else "CONFIRMED"


def classification(value: str) -> Classification:
    """CLASS (RFC 5545 section 3.8.1.3): what we do not know is private."""
    if value in ("", "PUBLIC"):
        return "PUBLIC"
    return "CONFIDENTIAL" if value == "CONFIDENTIAL" else "PRIVATE"


def categories(lines: Iterable[ContentLine]) -> dict[str, None]:
    """Each once, in their order; a comma within one is escaped."""
    values = (piece for line in lines for piece in items(line))
    return dict.fromkeys(text for value in values if (text := join_lines(unescaped(value))))


def common_name(line: ContentLine | None) -> str:
    """The name of who organises it; many programs put the address in its place, which is not for us."""
    if line is None:
        return ""
    name = parameters_of(head_of(line)).get("CN", "").replace("^n", " ").replace("^'", '"').replace("^^", "^")
    return "" if "@" in name else join_lines(name)


def conference(part: Component) -> str:
    """CONFERENCE (RFC 7986 section 5.11), one with a picture first, or what Google and Microsoft write."""
    lines = part.lines.get("CONFERENCE", ())
    ranked = sorted(lines, key=lambda line: "VIDEO" not in line[1].upper())
    found = [value_of(line) for line in ranked] or [part.value(name) for name in _WEB]
    uris = ["".join(clean_text(uri).split()) for uri in found]
    return next((uri for uri in uris if _CALL.match(uri)), "")

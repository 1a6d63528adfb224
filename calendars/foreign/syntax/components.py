"""The components of a file, with those of their properties that are read."""

from dataclasses import dataclass, field
from typing import NamedTuple

from calendars.foreign.report.errors import ReadError
from calendars.foreign.report.notes import N_
from calendars.foreign.syntax.content_lines import ContentLine, unescaped, unfold, value_of
from calendars.foreign.syntax.encoding import Encoding
from calendars.foreign.syntax.limits import Limits
from calendars.foreign.syntax.outline import Extent

NO_PROPERTY = N_("This line is no property.")

_CLOCK = frozenset(("TZID", "X-LIC-LOCATION", "DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "RRULE", "RDATE"))
_WANTED = {
    "VCALENDAR": frozenset(("METHOD", "NAME", "X-WR-CALNAME", "X-WR-TIMEZONE")),
    "VEVENT": frozenset(
        (
            *("UID", "RECURRENCE-ID", "SEQUENCE", "DTSTAMP", "LAST-MODIFIED"),
            *("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE", "X-MICROSOFT-CDO-ALLDAYEVENT"),
            *("SUMMARY", "DESCRIPTION", "LOCATION", "GEO", "URL", "STATUS", "TRANSP", "CLASS", "CATEGORIES"),
            *("CONFERENCE", "X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL", "ORGANIZER", "ATTENDEE"),
        )
    ),
    "VTIMEZONE": _CLOCK,
    "STANDARD": _CLOCK,
    "DAYLIGHT": _CLOCK,
}
_NOTHING: frozenset[str] = frozenset()


@dataclass(slots=True)
class Component:
    """A component, with those of its properties that are read."""

    kind: str
    line: int
    lines: dict[str, list[ContentLine]] = field(default_factory=dict)
    parts: list["Component"] = field(default_factory=list)
    whole: bool = True
    odd: int = 0  # the first line that is no property

    def first(self, name: str) -> ContentLine | None:
        lines = self.lines.get(name)
        return lines[0] if lines else None

    def value(self, name: str) -> str:
        lines = self.lines.get(name)
        return lines[0][2] if lines else ""

    def text(self, name: str) -> str:
        """The value of a TEXT property, without its escapes (RFC 5545 section 3.3.11)."""
        lines = self.lines.get(name)
        return unescaped(value_of(lines[0])) if lines else ""


class ComponentReader(NamedTuple):
    """The bytes of a file, to be read component by component."""

    data: bytes
    encoding: Encoding
    limits: Limits

    def component(self, extent: Extent) -> Component:
        root = top = Component(extent.kind, extent.line, whole=extent.whole)
        stack, wanted = [root], _WANTED.get(root.kind, _NOTHING)
        (encoding, errors), longest = self.encoding, self.limits.max_line_octets
        for number, octets in unfold(self.data[extent.start : extent.end], extent.line):
            if len(octets) > longest:
                raise ReadError("Line {line} is longer than {limit} octets.", line=number, limit=longest)
            head, colon, value = octets.decode(encoding, errors).partition(":")
            name = (head if ";" not in head else head[: head.index(";")]).upper()
            if colon and name in wanted:
                top.lines.setdefault(name, []).append((number, head, value))
            elif name in ("BEGIN", "END"):
                top = _turn(stack, name, Component(value.strip().upper(), number))
                wanted = _WANTED.get(top.kind, _NOTHING)
            elif not colon and wanted and not top.odd:
                top.odd = number
        return root


def _turn(stack: list[Component], name: str, component: Component) -> Component:
    """Go into the component that begins, or out of the one that ends; what is on top then."""
    if name == "END":
        if len(stack) > 1 and stack[-1].kind == component.kind:
            stack.pop()
    elif component.line > stack[0].line:
        stack[-1].parts.append(component)
        stack.append(component)
    return stack[-1]

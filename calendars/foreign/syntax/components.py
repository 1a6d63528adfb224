"""Components (RFC 5545 section 3.6), with those of their properties that are read."""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from calendars.foreign.report.notes import N_
from calendars.foreign.syntax.content_lines import ContentLine, decode_value, get_value, unescape_text, unfold
from calendars.foreign.syntax.encoding import Encoding
from calendars.foreign.syntax.limits import Limits
from calendars.foreign.syntax.outline import Extent

NOT_A_PROPERTY = N_("This line is not a property.")
TOO_LONG = N_("{name} is longer than {limit} bytes and was left out.")

_ZONE_PROPERTIES = frozenset(("TZID", "X-LIC-LOCATION", "DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "RRULE", "RDATE"))
_READ_PROPERTIES = {
    "VCALENDAR": frozenset(("METHOD", "NAME", "X-WR-CALNAME", "X-WR-TIMEZONE", "VERSION", "TZ", "DAYLIGHT")),
    "VEVENT": frozenset(
        (
            *("UID", "RECURRENCE-ID", "SEQUENCE", "DTSTAMP", "LAST-MODIFIED"),
            *("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE", "X-MICROSOFT-CDO-ALLDAYEVENT"),
            *("SUMMARY", "DESCRIPTION", "LOCATION", "GEO", "URL", "STATUS", "TRANSP", "CLASS", "CATEGORIES"),
            *("CONFERENCE", "X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL", "ORGANIZER", "ATTENDEE"),
        )
    ),
    "VTIMEZONE": _ZONE_PROPERTIES,
    "STANDARD": _ZONE_PROPERTIES,
    "DAYLIGHT": _ZONE_PROPERTIES,
}
_ENCODED = re.compile(r";(?:CHARSET=|(?:ENCODING=)?(?:QUOTED-PRINTABLE|BASE64|B)(?:;|$))", re.IGNORECASE)
_NAME = re.compile(rb"[A-Za-z0-9-]{1,64}")
_NO_NAMES: frozenset[str] = frozenset()


@dataclass(slots=True)
class Component:
    """A component, with the lines of those properties that are read, by property name.

    `line` is the number of its BEGIN. `complete` is False if the file ends within the component.
    """

    kind: str
    line: int
    lines: dict[str, list[ContentLine]] = field(default_factory=dict)
    parts: list["Component"] = field(default_factory=list)
    complete: bool = True
    bad_line: int = 0  # the number of the first line that is no property, or 0
    long_lines: list[tuple[int, str]] = field(default_factory=list)  # left out, in all parts: numbers and names

    def get_line(self, name: str) -> ContentLine | None:
        lines = self.lines.get(name)
        return lines[0] if lines else None

    def get_value(self, name: str) -> str:
        lines = self.lines.get(name)
        return lines[0][2] if lines else ""

    def get_text(self, name: str) -> str:
        """Return the first value of a TEXT property (RFC 5545 section 3.3.11), unescaped, or ""."""
        lines = self.lines.get(name)
        return unescape_text(get_value(lines[0])) if lines else ""


class ComponentReader(NamedTuple):
    """The octets of a file, which are decoded and read one component at a time.

    ``also`` has the properties of events that are read beside the usual ones.
    """

    data: bytes
    encoding: Encoding
    limits: Limits
    also: frozenset[str] = _NO_NAMES

    def read(self, extent: Extent) -> Component:
        """Read one component and those within it."""
        root = top = Component(extent.kind, extent.line, complete=extent.complete)
        stack, names = [root], self._list_names(root.kind)
        (encoding, errors), longest = self.encoding, self.limits.max_line_octets
        for number, octets in unfold(self.data[extent.start : extent.end], extent.line):
            if len(octets) > longest:
                root.long_lines.append((number, _name_property(octets)))
                continue
            head, colon, value = octets.decode(encoding, errors).partition(":")
            name = (head if ";" not in head else head[: head.index(";")]).upper()
            if colon and name in names:
                if ";" in head and _ENCODED.search(head):
                    value = value if (decoded := decode_value(octets, head, encoding)) is None else decoded
                top.lines.setdefault(name, []).append((number, head, value))
            elif name in ("BEGIN", "END"):
                top = _begin_or_end(stack, name, Component(value.strip().upper(), number))
                names = self._list_names(top.kind)
            elif not colon and names and not top.bad_line:
                top.bad_line = number
        return root

    def _list_names(self, kind: str) -> frozenset[str]:
        """Return the properties that are read of a component of that kind."""
        names = _READ_PROPERTIES.get(kind, _NO_NAMES)
        return names | self.also if self.also and kind == "VEVENT" else names


def _name_property(octets: bytes) -> str:
    found = _NAME.match(octets)
    return found[0].decode().upper() if found else ""


def _begin_or_end(stack: list[Component], name: str, component: Component) -> Component:
    """Push a component that begins, or pop one that ends; return the innermost open one.

    The BEGIN of the root is passed over: it is on the stack already.
    """
    if name == "END":
        if len(stack) > 1 and stack[-1].kind == component.kind:
            stack.pop()
    elif component.line > stack[0].line:
        stack[-1].parts.append(component)
        stack.append(component)
    return stack[-1]

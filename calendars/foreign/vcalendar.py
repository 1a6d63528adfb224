"""One VCALENDAR of a file (RFC 5545 section 3.4): its own properties and its zones."""

from dataclasses import dataclass

from calendars.foreign.syntax.components import Component, ComponentReader
from calendars.foreign.syntax.outline import CalendarOutline
from calendars.foreign.zones.tzid_resolution import ZoneDefinition
from calendars.lines import join_lines


@dataclass(frozen=True, slots=True)
class CalendarProperties:
    """The properties of a VCALENDAR (RFC 5545 section 3.7); `tzid` is the zone of the calendar, as written."""

    name: str
    tzid: str
    method: str


class VCalendar:
    """A VCALENDAR whose properties and zones are read, but not its events."""

    def __init__(self, reader: ComponentReader, outline: CalendarOutline) -> None:
        self.head = reader.read(outline.head)
        self.parts = outline.parts
        zones = [reader.read(part) for part in outline.parts if part.kind == "VTIMEZONE"]
        self.zones = {zone.get_text("TZID"): _make_definition(zone) for zone in reversed(zones) if zone.parts}

    @property
    def properties(self) -> CalendarProperties:
        name = self.head.get_text("NAME") or self.head.get_text("X-WR-CALNAME")  # RFC 7986 section 5.1; before it
        return CalendarProperties(join_lines(name), self._tzid, join_lines(self.head.get_value("METHOD")).upper())

    @property
    def _tzid(self) -> str:
        """Return the zone that the calendar names as its own, or else the only one that it defines."""
        if named := self.head.get_text("X-WR-TIMEZONE").strip():
            return named
        defined = self.zones.keys() - {"UTC"}
        return defined.pop() if len(defined) == 1 else ""


def _make_definition(zone: Component) -> ZoneDefinition:
    observances = [
        {
            name: ",".join(line[2] for line in (lines if name == "RDATE" else lines[:1]))
            for name, lines in part.lines.items()
        }
        for part in zone.parts
        if part.kind in ("STANDARD", "DAYLIGHT")
    ]
    return ZoneDefinition(observances, zone.get_text("X-LIC-LOCATION"))

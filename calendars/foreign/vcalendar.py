"""A calendar within a file: what it says of itself, and its zones."""

from dataclasses import dataclass

from calendars.foreign.syntax.components import Component, ComponentReader
from calendars.foreign.syntax.outline import CalendarOutline
from calendars.foreign.zones.tzid_resolution import ZoneDefinition
from calendars.lines import join_lines


@dataclass(frozen=True, slots=True)
class CalendarProperties:
    """What a VCALENDAR says of itself; `tzid` is the zone it calls its own, as written."""

    name: str
    tzid: str
    method: str


class VCalendar:
    """A VCALENDAR, its properties and zones read, its events not yet."""

    def __init__(self, file: ComponentReader, found: CalendarOutline) -> None:
        self.head = file.component(found.head)
        self.parts = found.parts
        zones = [file.component(part) for part in found.parts if part.kind == "VTIMEZONE"]
        self.definitions = {zone.text("TZID"): _definition(zone) for zone in reversed(zones) if zone.parts}

    @property
    def about(self) -> CalendarProperties:
        name = self.head.text("NAME") or self.head.text("X-WR-CALNAME")  # RFC 7986 section 5.1, and before it
        return CalendarProperties(join_lines(name), self._home, join_lines(self.head.value("METHOD")).upper())

    @property
    def _home(self) -> str:
        """The zone that the calendar calls its own, or else the only one it defines."""
        if named := self.head.text("X-WR-TIMEZONE").strip():
            return named
        defined = self.definitions.keys() - {"UTC"}
        return defined.pop() if len(defined) == 1 else ""


def _definition(zone: Component) -> ZoneDefinition:
    observances = [
        {
            name: ",".join(line[2] for line in (lines if name == "RDATE" else lines[:1]))
            for name, lines in part.lines.items()
        }
        for part in zone.parts
        if part.kind in ("STANDARD", "DAYLIGHT")
    ]
    return ZoneDefinition(observances, zone.text("X-LIC-LOCATION"))

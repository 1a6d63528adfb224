"""One VCALENDAR of a file (RFC 5545 section 3.4): its own properties and its zones."""

import re
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
        self._own_offset = _read_own_offset(self.head)
        if self._own_offset:
            self.zones.setdefault(self._own_offset, _define_own_zone(self.head, self._own_offset))

    @property
    def properties(self) -> CalendarProperties:
        name = self.head.get_text("NAME") or self.head.get_text("X-WR-CALNAME")  # RFC 7986 section 5.1; before it
        return CalendarProperties(join_lines(name), self._tzid, join_lines(self.head.get_value("METHOD")).upper())

    @property
    def _tzid(self) -> str:
        """Return the zone that the calendar names as its own, or else the only one that it defines."""
        if named := self.head.get_text("X-WR-TIMEZONE").strip():
            return named
        if self._own_offset:
            return self._own_offset
        defined = self.zones.keys() - {"UTC"}
        return defined.pop() if len(defined) == 1 else ""


_OFFSET = re.compile(r"([+-])(\d\d?):?(\d\d)?", re.ASCII)


def _read_own_offset(head: Component) -> str:
    """Read the UTC offset of times without a zone, as vCalendar 1.0 states it (TZ); return "" if it states none."""
    return _read_offset(head.get_value("TZ")) if head.get_value("VERSION").strip() == "1.0" else ""


def _read_offset(text: str) -> str:
    found = _OFFSET.fullmatch(text.strip())
    return f"{found[1]}{int(found[2]):02}{found[3] or '00'}" if found else ""


def _define_own_zone(head: Component, standard: str) -> ZoneDefinition:
    """Define the zone of a vCalendar 1.0 from TZ and DAYLIGHT, whose fields are separated by semicolons."""
    observances = [{"DTSTART": "19700101T000000", "TZOFFSETFROM": standard, "TZOFFSETTO": standard}]
    for _, _, value in head.lines.get("DAYLIGHT", ()):
        fields = [text.strip() for text in value.split(";")]
        if len(fields) >= 4 and fields[0].upper() == "TRUE" and (summer := _read_offset(fields[1])):
            observances.append({"DTSTART": fields[2], "TZOFFSETFROM": standard, "TZOFFSETTO": summer})
            observances.append({"DTSTART": fields[3], "TZOFFSETFROM": summer, "TZOFFSETTO": standard})
    return ZoneDefinition(observances)


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

"""The outline of a file: where its components begin and end (RFC 5545 section 3.6)."""

import re
from collections.abc import Container
from dataclasses import dataclass, field
from typing import NamedTuple

from calendars.foreign.report.errors import ReadError
from calendars.foreign.report.notes import N_, Notes
from calendars.foreign.syntax.limits import Limits

_TOP_LEVEL = frozenset(("VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE"))  # none of them within another
_BOUND = re.compile(
    rb"^(BEGIN|END)[ \t]*(?:\r?\n[ \t])?:(?:\r?\n[ \t])?[ \t]*([A-Z0-9-]{1,64})[ \t\r]*$",
    re.IGNORECASE | re.MULTILINE,
)


class Extent(NamedTuple):
    """The place of a component in the file: the line of its BEGIN, and its octets from `start` to `end`."""

    kind: str
    line: int
    start: int
    end: int
    complete: bool  # False if the file ends within it


@dataclass(slots=True)
class CalendarOutline:
    """The place of a VCALENDAR and of the components in it."""

    extent: Extent
    parts: list[Extent] = field(default_factory=list)

    @property
    def head(self) -> Extent:
        """Return the extent of the calendar's own properties, which precede its components."""
        return self.extent._replace(end=self.parts[0].start) if self.parts else self.extent


class OutlineReader:
    """Finds the components of a file before any of their properties are read.

    A component without END ends with the component that contains it, or where a similar one begins.
    """

    def __init__(self, limits: Limits, notes: Notes) -> None:
        self._calendars: list[CalendarOutline] = []
        self._limits = limits
        self._notes = notes
        self._open: list[Extent] = []  # each within the one before
        self._count = 0

    def read(self, data: bytes) -> list[CalendarOutline]:
        """Find the calendars and their components. Raise ReadError if they exceed the limits."""
        line, seen = 1, 0
        for bound in _BOUND.finditer(data):
            line += data.count(b"\n", seen, bound.start())
            seen = bound.start()
            kind = bound[2].decode().upper()
            if bound[1].upper() == b"BEGIN":
                self._begin(Extent(kind, line, seen, len(data), complete=False))
            else:
                self._end(kind, bound.end())
        self._close(0, len(data), complete=False)
        return self._calendars

    def _begin(self, extent: Extent) -> None:
        if extent.kind == "VCALENDAR":
            self._close(0, extent.start)
            self._calendars.append(CalendarOutline(extent))
        elif extent.kind in _TOP_LEVEL:
            self._close(self._find_depth(_TOP_LEVEL), extent.start)
        self._open.append(extent)
        self._count += 1
        if self._count > self._limits.max_components:
            raise ReadError("The calendar has more than {limit} components.", limit=self._limits.max_components)
        if len(self._open) > self._limits.max_depth:
            raise ReadError("Components are nested more than {limit} deep.", limit=self._limits.max_depth)

    def _end(self, kind: str, end: int) -> None:
        depth = self._find_depth((kind,))
        if depth < len(self._open):
            self._close(depth + 1, end)
            self._pop(end, complete=True)

    def _find_depth(self, kinds: Container[str]) -> int:
        """Return the depth of the innermost open component of these kinds, or of a new one if none is open."""
        depths = [depth for depth, extent in enumerate(self._open) if extent.kind in kinds]
        return depths[-1] if depths else len(self._open)

    def _close(self, depth: int, end: int, *, complete: bool = True) -> None:
        """End the components open from that depth on, which lack an END; incomplete ones at the end of the file."""
        while len(self._open) > depth:
            extent = self._open[-1]
            if extent.kind == "VEVENT" and complete:
                message = N_("The event has no END:VEVENT; it ends where the next component begins.")
                self._notes.add_mended(extent.line, "", message)
            self._pop(end, complete=complete)

    def _pop(self, end: int, *, complete: bool) -> None:
        extent = self._open.pop()._replace(end=end, complete=complete)
        if extent.kind == "VCALENDAR" and not self._open:
            self._calendars[-1].extent = extent
        elif len(self._open) == 1 and self._open[0].kind == "VCALENDAR":
            self._calendars[-1].parts.append(extent)

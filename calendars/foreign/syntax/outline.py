"""Where the components of a file stand (RFC 5545 section 3.6), before any of their lines is read."""

import re
from collections.abc import Container
from dataclasses import dataclass, field
from typing import NamedTuple

from calendars.foreign.report.errors import ReadError
from calendars.foreign.report.notes import N_, Notes
from calendars.foreign.syntax.limits import Limits

_SIDE_BY_SIDE = frozenset(("VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE"))  # none stands in another
_BOUND = re.compile(
    rb"^(BEGIN|END)[ \t]*(?:\r?\n[ \t])?:(?:\r?\n[ \t])?[ \t]*([A-Z0-9-]{1,64})[ \t\r]*$",
    re.IGNORECASE | re.MULTILINE,
)


class Extent(NamedTuple):
    """Where a component stands in the file (RFC 5545 section 3.6), from its BEGIN on."""

    kind: str
    line: int
    start: int
    end: int
    whole: bool  # whether the file does not break off within it


@dataclass(slots=True)
class CalendarOutline:
    """A VCALENDAR and the components in it."""

    extent: Extent
    parts: list[Extent] = field(default_factory=list)

    @property
    def head(self) -> Extent:
        """Where its own properties stand: before all components."""
        return self.extent._replace(end=self.parts[0].start) if self.parts else self.extent


class OutlineReader:
    """Where the components of a file stand, found before any of their lines is read.

    What lacks its END ends with what holds it, or where its like begins.
    """

    def __init__(self, limits: Limits, notes: Notes) -> None:
        self._calendars: list[CalendarOutline] = []
        self._limits = limits
        self._notes = notes
        self._open: list[Extent] = []  # each in the one before
        self._count = 0

    def read(self, data: bytes) -> list[CalendarOutline]:
        line, seen = 1, 0
        for bound in _BOUND.finditer(data):
            line += data.count(b"\n", seen, bound.start())
            seen = bound.start()
            kind = bound[2].decode().upper()
            if bound[1].upper() == b"BEGIN":
                self._begin(Extent(kind, line, seen, len(data), whole=False))
            else:
                self._end(kind, bound.end())
        self._close(0, len(data), whole=False)
        return self._calendars

    def _begin(self, extent: Extent) -> None:
        if extent.kind == "VCALENDAR":
            self._close(0, extent.start)
            self._calendars.append(CalendarOutline(extent))
        elif extent.kind in _SIDE_BY_SIDE:
            self._close(self._depth(_SIDE_BY_SIDE), extent.start)
        self._open.append(extent)
        self._count += 1
        if self._count > self._limits.max_components:
            raise ReadError("The calendar has more than {limit} components.", limit=self._limits.max_components)
        if len(self._open) > self._limits.max_depth:
            raise ReadError("Components stand in one another more than {limit} deep.", limit=self._limits.max_depth)

    def _end(self, kind: str, end: int) -> None:
        depth = self._depth((kind,))
        if depth < len(self._open):
            self._close(depth + 1, end)
            self._pop(end, whole=True)

    def _depth(self, kinds: Container[str]) -> int:
        """How deep the innermost open component of such a kind stands, or a new one would."""
        depths = [depth for depth, extent in enumerate(self._open) if extent.kind in kinds]
        return depths[-1] if depths else len(self._open)

    def _close(self, depth: int, end: int, *, whole: bool = True) -> None:
        """End what is open from that depth on, without an END of its own; not `whole` where the file ends."""
        while len(self._open) > depth:
            extent = self._open[-1]
            if extent.kind == "VEVENT" and whole:
                message = N_("The event has no END:VEVENT; it ends where the next component begins.")
                self._notes.add_mended(extent.line, "", message)
            self._pop(end, whole=whole)

    def _pop(self, end: int, *, whole: bool) -> None:
        extent = self._open.pop()._replace(end=end, whole=whole)
        if extent.kind == "VCALENDAR" and not self._open:
            self._calendars[-1].extent = extent
        elif len(self._open) == 1 and self._open[0].kind == "VCALENDAR":
            self._calendars[-1].parts.append(extent)

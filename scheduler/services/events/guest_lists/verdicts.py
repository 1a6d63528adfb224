"""What becomes of each row of a guest list, and what the officer says of those that wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from scheduler.base.errors import SchedulerError
from scheduler.services.events.guest_lists.rows import ParsedRow


class RowOutcome(StrEnum):
    """What became of a row. The last two come back to the officer."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    WAITS = "waits"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class RowResult:
    """One row and what became of it. ``person``: who it is or, where it waits, who it might be."""

    number: int
    name: str
    verdict: RowOutcome
    reasons: tuple[SchedulerError, ...] = ()
    person: int | None = None
    fields: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def comes_back(self) -> bool:
        return self.verdict in (RowOutcome.WAITS, RowOutcome.REFUSED)

    def same_as(self, other: RowResult) -> bool:
        """Whether both tell the officer the same; numbers of those who are new are not known beforehand."""
        return self._said() == other._said()

    def _said(self) -> tuple[object, ...]:
        return self.number, self.name, self.verdict, self.fields, self.remarks, [str(why) for why in self.reasons]


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the officer says of rows that wait: row to person, or that they are somebody new."""

    same: Mapping[int, str] = field(default_factory=dict)
    new: frozenset[int] = frozenset()
    all_same: bool = False
    all_new: bool = False

    def of(self, entry: ParsedRow) -> str:
        """ "new", the person, or "" where nothing was said of this row."""
        if entry.number in self.same:
            return self.same[entry.number]
        return "new" if entry.number in self.new else entry.decision


@dataclass(frozen=True, slots=True)
class RowPlan:
    """A row and who it is: somebody known, somebody new (``person`` None), or told already."""

    entry: ParsedRow
    person: int | None = None
    attendee: int | None = None
    told: RowResult | None = None

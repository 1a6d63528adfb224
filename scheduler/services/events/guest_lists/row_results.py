"""Results of the rows of a guest list, and the officer's decisions about those that wait for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from scheduler.base.errors import SchedulerError
from scheduler.services.events.guest_lists.rows import ParsedRow


class RowOutcome(StrEnum):
    """The outcome of a row. The officer gets rows with the last two back."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    WAITS = "waits"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class RowResult:
    """One row and what became of it. ``person`` is the person it means or, if it waits, the one it might mean."""

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

    def why(self, gettext: Callable[[str], str]) -> str:
        """Return the reasons in the reader's language, on one line."""
        return "; ".join(reason.text(gettext) for reason in self.reasons)

    def same_as(self, other: RowResult) -> bool:
        """Return whether both show the officer the same. Ids of new people do not count: a trial has others."""
        return self._shown() == other._shown()

    def _shown(self) -> tuple[object, ...]:
        return self.number, self.name, self.verdict, self.fields, self.remarks, [str(why) for why in self.reasons]


@dataclass(frozen=True, slots=True)
class Decisions:
    """The officer's decisions about rows, by row number: the person each means, or that it is somebody new."""

    same: Mapping[int, str] = field(default_factory=dict)
    new: frozenset[int] = frozenset()
    all_same: bool = False
    all_new: bool = False

    def of(self, entry: ParsedRow) -> str:
        """Return the decision about a row: "new", the person, or "" if there is none."""
        if entry.number in self.same:
            return self.same[entry.number]
        return "new" if entry.number in self.new else entry.decision


@dataclass(frozen=True, slots=True)
class RowPlan:
    """A row and whom it means: a known ``person`` or a new one (None), with their ``attendee`` if they are listed.

    ``result`` is what became of a row that needs no writing.
    """

    entry: ParsedRow
    person: int | None = None
    attendee: int | None = None
    result: RowResult | None = None

"""Merge a row of a programme file with the desk's: what the file said last, what it says now, what the desk has now.

What only one of them has changed is taken from it. What both have changed is undecided until a winner is named.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from scheduler.model.events import Status
from scheduler.services.common.drafts import Draft
from scheduler.services.exchange.merging.cells import field_of, is_single, join, list_fields, split, write_digests

D = TypeVar("D", bound=Draft)
STATUS = "status/"
ROW = ""  # stands for a row as a whole, as the name of a cell
Base = Mapping[str, str]  # digests of the cells that the file had when it was last applied


class Winner(StrEnum):
    """The side whose value is taken where both have changed it."""

    FILE = "file"
    DESK = "desk"


class RowState(StrEnum):
    """The state of a row as a whole on one side: the file or the desk."""

    NAMED = "named"
    CHANGED = "changed"
    REMOVED = "removed"


Values = dict[str, tuple[Any, Any]]  # by cell: what the desk has, what the file says
Decide = Callable[[str], Winner | None]  # the winner of a cell, None if nobody has been asked yet


@dataclass(slots=True)
class Merge(Generic[D]):
    """A merged row: ``draft`` is what it becomes.

    ``kept`` are the cells that stay as the desk has them, ``undecided`` those about which somebody must be asked:
    until then they stay as the desk has them, too.
    """

    draft: D
    kept: Values = field(default_factory=dict)
    undecided: Values = field(default_factory=dict)


def merge(base: Base | None, file: D, desk: D, *, written: Collection[str], decide: Decide) -> Merge[D]:
    """Merge a row that the file names and the desk has.

    ``base`` is None if it is not known what the file said last: then whatever the file says and the desk has
    otherwise counts as changed by both. ``written`` are the fields that the file has.
    """
    if file == desk:
        return Merge(file)
    sides = _Sides(base, file, desk, written)
    contested = sides.is_ending_contested()
    if contested and (winner := decide(STATUS)) is not Winner.FILE:
        differing = {cell: sides.get_pair(cell) for cell in (STATUS, *sides.list_differing())}
        return Merge(desk, kept=differing) if winner else Merge(desk, undecided=differing)
    merged, cells = Merge(file), dict(sides.file)
    for cell in sides.list_differing():
        winner = Winner.FILE if contested and cell == STATUS else sides.find_winner(cell, decide)
        if winner is not Winner.FILE:
            _copy(sides.desk, cell, cells)
            (merged.kept if winner else merged.undecided)[cell] = sides.get_pair(cell)
    merged.draft = join(file, desk, cells)
    return merged


def _copy(source: Mapping[str, Any], cell: str, cells: dict[str, Any]) -> None:
    cells.pop(cell, None)
    if cell in source:
        cells[cell] = source[cell]


class _Sides:
    """The cells of both sides, and who has changed which of them."""

    def __init__(self, base: Base | None, file: Draft, desk: Draft, written: Collection[str]) -> None:
        self.base, self.written, self._drafts = base, written, (desk, file)
        self.file, self.desk = split(file), split(desk)
        self._digests: tuple[Base, Base] | None = None

    def list_differing(self) -> list[str]:
        """Return the cells in which the sides differ, in the order of the file."""
        cells = dict.fromkeys((*self.file, *self.desk))
        return [cell for cell in cells if self.file.get(cell) != self.desk.get(cell)]

    def get_pair(self, cell: str) -> tuple[Any, Any]:
        """Return what the desk has and what the file says; None for a part that one of them does not have."""
        name = field_of(cell)
        if is_single(cell) and name in type(self._drafts[0]).model_fields:
            desk, file = (getattr(draft, name) for draft in self._drafts)
            return desk, file
        return self.desk.get(cell), self.file.get(cell)

    def is_changed_by_file(self, cell: str) -> bool:
        if self.base is None:
            return cell in self.file or (is_single(cell) and any(name in self.written for name in list_fields(cell)))
        return self._digest()[0].get(cell) != self.base.get(cell)

    def is_changed_by_desk(self, cell: str) -> bool:
        return self.base is None or self._digest()[1].get(cell) != self.base.get(cell)

    def find_winner(self, cell: str, decide: Decide) -> Winner | None:
        """Return the side whose value of a cell is taken, None if somebody must be asked first."""
        if not self.is_changed_by_file(cell):
            return Winner.DESK
        return decide(cell) if self.is_changed_by_desk(cell) else Winner.FILE

    def is_ending_contested(self) -> bool:
        """Return whether one side alone has cancelled the event, and the other has changed it."""
        desk, file = self.desk.get(STATUS), self.file.get(STATUS)
        others = [cell for cell in self.list_differing() if cell != STATUS]
        if desk == Status.CANCELLED != file and not self.is_changed_by_file(STATUS):
            return any(map(self.is_changed_by_file, others))
        if file == Status.CANCELLED != desk and not self.is_changed_by_desk(STATUS):
            return any(map(self.is_changed_by_desk, others))
        return False

    def _digest(self) -> tuple[Base, Base]:
        if self._digests is None:
            self._digests = write_digests(self.file), write_digests(self.desk)
        return self._digests

"""The memory of a programme file: its rows as they were when it was last applied, as the base of each merge."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict
from scheduler.model.events import Status
from scheduler.model.imports import AppliedRow
from scheduler.services.common.changes import Change, ChangeKind
from scheduler.services.common.drafts import Draft
from scheduler.services.exchange.merging.cells import split, write_digests
from scheduler.services.exchange.merging.three_way import ROW, STATUS, Base, RowState, Values, Winner, merge

D = TypeVar("D", bound=Draft)
Row = tuple[str, str]  # noun and key
Decider = Callable[[str, str, str], Winner | None]  # of noun, key and cell

DROPPED = "dropped"  # stands for the row as a whole: the file no longer named it when it was last applied


class Undecided(Conflict):
    """Both a file and the desk have changed the same; ``changes`` are all that there would be."""

    def __init__(self, changes: Collection[Change]) -> None:
        super().__init__("the file and the officers' desk have both changed this; use --file-wins or --desk-wins")
        self.changes = tuple(changes)


class FileMemory:
    """The rows of one programme file: as last applied, and as they are merged with the desk's now.

    ``told`` is what stays as the desk has it, and what is undecided.
    """

    def __init__(self, session: Session, programme: str, decide: Decider) -> None:
        self.session, self.programme, self.decide = session, programme, decide
        self.told: list[Change] = []
        self._before = _read_rows(session, programme)
        self._now: dict[Row, Base] = {}
        self._told_of: set[Row] = set()

    @property
    def is_undecided(self) -> bool:
        return any(change.verb is ChangeKind.UNDECIDED for change in self.told)

    def tells_of(self, noun: str, key: str) -> bool:
        """Return whether something of a row is told already."""
        return (noun, key) in self._told_of

    def merge(
        self,
        noun: str,
        key: str,
        file: D,
        desk: D | None,
        *,
        written: Collection[str],
        removed: bool = False,
        otherwise: Base | None = None,
    ) -> D | None:
        """Return the draft that a row becomes; None if it was removed at the desk and stays so.

        ``written`` are the fields that the file has. ``removed`` says that the desk still knows of a row that it has
        removed, also if the file was never applied. ``otherwise`` is what the file said last if that is not known.
        """
        base = self._before.get((noun, key), otherwise)
        self._now[noun, key] = digests = write_digests(split(file))
        if desk is None:
            return file if self._is_added(noun, key, base, digests, removed=removed) else None
        merged = merge(base, file, desk, written=written, decide=self._decide_about(noun, key))
        self._tell(noun, key, ChangeKind.KEPT, merged.kept)
        self._tell(noun, key, ChangeKind.UNDECIDED, merged.undecided)
        return merged.draft

    def _is_added(self, noun: str, key: str, base: Base | None, digests: Base, *, removed: bool) -> bool:
        """Return whether a row that the desk does not have is added, or was removed there and stays so."""
        if (base is None and not removed) or (base is not None and ROW in base):
            return True
        values = {ROW: (RowState.REMOVED, RowState.NAMED if base == digests else RowState.CHANGED)}
        return self._wins(noun, key, ROW, values, clashes=base != digests)

    def drop(self, noun: str, key: str, desk: Draft, *, contested: bool = False) -> bool:
        """Return whether a row that the file no longer names is to be cancelled or withdrawn.

        ``contested`` says that a part of it stays, because the desk has changed that.
        """
        base, digests = self._before.get((noun, key)), write_digests(split(desk))
        self._now[noun, key] = {**(digests if base is None else base), ROW: DROPPED}
        if noun == "event":
            self._now[noun, key] = {**self._now[noun, key], **write_digests({STATUS: Status.CANCELLED})}
        known = base is not None and ROW in base
        if not known and base == digests and not contested:
            return True
        return self._wins(noun, key, ROW, {ROW: (RowState.CHANGED, RowState.REMOVED)}, clashes=not known)

    def _wins(self, noun: str, key: str, cell: str, values: Values, *, clashes: bool) -> bool:
        """Return whether the file wins against the desk: never, unless they clash and somebody has said so."""
        winner = self.decide(noun, key, cell) if clashes else Winner.DESK
        if winner is not Winner.FILE:
            self._tell(noun, key, ChangeKind.KEPT if winner else ChangeKind.UNDECIDED, values)
        return winner is Winner.FILE

    def _decide_about(self, noun: str, key: str) -> Callable[[str], Winner | None]:
        return lambda cell: self.decide(noun, key, cell)

    def _tell(self, noun: str, key: str, verb: ChangeKind, values: Values) -> None:
        if values:
            self.told.append(Change(noun, key, verb, values))
            self._told_of.add((noun, key))

    def list_unnamed_events(self) -> list[str]:
        """Return the keys of events that the file named once and does not name now."""
        return [key for noun, key in self._before if noun == "event" and (noun, key) not in self._now]

    def forget_event(self, key: str) -> None:
        """Forget an event that is neither in the file nor at the desk: named again, it is a new one."""
        of_list = sa.and_(AppliedRow.noun == "attendee", AppliedRow.key.startswith(f"{key} ", autoescape=True))
        rows = sa.or_(sa.and_(AppliedRow.noun == "event", AppliedRow.key == key), of_list)
        self.session.execute(sa.delete(AppliedRow).where(AppliedRow.programme == self.programme, rows))

    def record(self) -> None:
        """Record what the file says now, for the next time that it is applied."""
        new = [row for row in self._now if row not in self._before]
        changed = [row for row, fields in self._now.items() if row in self._before and self._before[row] != fields]
        if new:
            self.session.execute(sa.insert(AppliedRow), [self._make_values(row) for row in new])
        if changed:
            self.session.execute(sa.update(AppliedRow), [self._make_values(row) for row in changed])

    def _make_values(self, row: Row) -> dict[str, object]:
        noun, key = row
        return {"programme": self.programme, "noun": noun, "key": key, "fields": dict(self._now[row])}


def _read_rows(session: Session, programme: str) -> Mapping[Row, Base]:
    """Return what a file said last.

    The rows need no lock: what somebody else applies at the same time is a change at the desk to this transaction.
    """
    rows = sa.select(AppliedRow.noun, AppliedRow.key, AppliedRow.fields).where(AppliedRow.programme == programme)
    return {(noun, key): fields for noun, key, fields in session.execute(rows)}

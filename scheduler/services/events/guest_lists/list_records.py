"""The records of imported guest lists: the row of each attendee, and the ids that the source gives to people.

By them the next import of the same list finds its people again and sees what is new in each row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.events import Event
from scheduler.model.imports import ExternalId, GuestRow
from scheduler.services.events.guest_lists.likeness import Likeness
from scheduler.services.events.guest_lists.row_results import RowPlan
from scheduler.services.events.guest_lists.rows import ParsedRow
from scheduler.storage.types import Base


class ListRecords:
    """The records of one event and one source, as they are read at the start of an import and grow with it."""

    def __init__(self, session: Session, event: Event, source: str, likeness: Likeness) -> None:
        self.session, self.event, self.source = session, event, source
        self._contents = {row.attendee_id: (mark, row.digest) for mark, row in likeness.rows.items()}
        self._attendees = {mark: row.attendee_id for mark, row in likeness.rows.items()}
        self._external_ids = set(likeness.by_external_id)

    def is_unchanged(self, plan: RowPlan) -> bool:
        """Return whether the last list had the very same row of this attendee."""
        same = (plan.entry.fingerprint, plan.entry.digest)
        return plan.attendee is not None and self._contents.get(plan.attendee) == same

    def read_rows(self, attendees: Sequence[int]) -> dict[int, GuestRow]:
        """Return the rows on record of these attendees, by attendee."""
        query = sa.select(GuestRow).where(GuestRow.attendee_id.in_(attendees))
        return {row.attendee_id: row for row in self.session.scalars(query)}

    def add_rows(self, guests: Iterable[tuple[ParsedRow, int]]) -> None:
        """Record the rows of attendees who had none."""
        rows = [
            {
                "attendee_id": attendee,
                "event_id": self.event.id,
                "fingerprint": entry.fingerprint,
                "digest": entry.digest,
                "cells": dict(entry.cells),
            }
            for entry, attendee in guests
            if self._claim(entry, attendee)
        ]
        if rows:
            self.session.execute(insert_into(GuestRow), rows)

    def replace_row(self, entry: ParsedRow, attendee: int, row: GuestRow | None) -> None:
        """Record what the list says of an attendee now, in place of ``row``, which it said before."""
        if self._claim(entry, attendee):
            row = row or GuestRow(attendee_id=attendee, event_id=self.event.id)
            row.fingerprint, row.digest, row.cells = entry.fingerprint, entry.digest, dict(entry.cells)
            self.session.add(row)

    def _claim(self, entry: ParsedRow, attendee: int) -> bool:
        """Return whether the row is this attendee's: of two with one fingerprint, the first keeps it."""
        return self._attendees.setdefault(entry.fingerprint, attendee) == attendee

    def add_external_ids(self, people: Iterable[tuple[ParsedRow, int]]) -> None:
        """Record the ids that rows give to people; one that is on record stays with whom it has."""
        rows = []
        for entry, person in people:
            if entry.external_id and entry.external_id not in self._external_ids:
                self._external_ids.add(entry.external_id)
                rows.append({"source": self.source, "value": entry.external_id, "person_id": person})
        if rows:
            self.session.execute(insert_into(ExternalId), rows)


def insert_into(kind: type[Base]) -> sa.Insert:
    """Return an INSERT into the table itself: into the mapped class it would be one for each set of empty columns."""
    return sa.insert(cast("sa.Table", kind.__table__))

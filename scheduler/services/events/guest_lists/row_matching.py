"""Match each row of a guest list to a person, before anything is written. A likely match waits for the officer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Invalid, SchedulerError
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event, Mode
from scheduler.model.places import Person
from scheduler.services.common import lookup
from scheduler.services.events.guest_lists.likeness import FindNear, Known, Likeness, has_another_id, shares_a_name
from scheduler.services.events.guest_lists.row_results import Decisions, RowOutcome, RowPlan, RowResult
from scheduler.services.events.guest_lists.rows import ParsedRow, RowDefaults
from scheduler.services.events.programme.places import make_identity


class RowMatcher:
    """Finds the person of each row in order, and remembers the people of the rows before it."""

    def __init__(
        self,
        session: Session,
        event: Event,
        entries: Sequence[ParsedRow],
        defaults: RowDefaults,
        decisions: Decisions,
        capacities: Mapping[Mode, int | None],
        find_near: FindNear | None,
    ) -> None:
        """Read everybody whom the rows could mean. ``capacities`` are the event's by mode; None is unlimited."""
        self.session, self.decisions = session, decisions
        self.likeness = Likeness(session, event, entries, defaults.source, find_near)
        self.attendees = _read_attendees(session, event)
        self.without_row = set(self.attendees) - {row.person_id for row in self.likeness.rows.values()}
        self.claimed: dict[int, int] = {}  # people to row numbers
        self.new: dict[str, int] = {}  # marks of new people to row numbers
        self.capacities = capacities

    def plan(self, entry: ParsedRow) -> RowPlan:
        """Return the plan for a row: whom it means, or the result if it is refused or waits for a decision."""
        if entry.person is None:
            return _refuse(entry, *entry.doubts, *entry.problems)
        if entry.doubts and not self.decisions.of(entry):
            return RowPlan(entry, result=RowResult(entry.number, entry.name, RowOutcome.WAITS, entry.doubts))
        most = self.capacities[entry.mode]
        if most is not None and 1 + entry.companions > most:
            return _refuse(entry, _never_fits(entry, most))
        try:
            return self._plan(entry)
        except SchedulerError as error:
            return _refuse(entry, error)

    def _plan(self, entry: ParsedRow) -> RowPlan:
        decision = self.decisions.of(entry)
        found = self._find_certain(entry)
        if isinstance(found, RowPlan):
            return found
        if decision and decision != "new":
            found = self._confirm(lookup.get_person(self.session, decision), found)
        if found is None:
            self._refuse_twice(entry)
        if found is None and decision != "new":
            likely = self.likeness.likely(entry)
            found = self._take_likely(likely)
            if likely and found is None and not self.decisions.all_new:
                return _let_wait(entry, likely)
        return self._plan_new(entry) if found is None else self._plan_known(entry, found)

    @staticmethod
    def _confirm(person: Person, certain: int | None) -> int:
        """Return the person that the officer decided on. Raise Conflict if the row certainly means another."""
        if certain not in (None, person.id):
            raise Conflict("this row is #{person}, by its id, its address or an earlier import", person=certain)
        return person.id

    def _find_certain(self, entry: ParsedRow) -> int | RowPlan | None:
        """Return the person that a row certainly means, or a plan that waits if the id seems to be of another list.

        In this order: by the id at its source, by the same row of an earlier list, by address and name.
        """
        with_id = self.likeness.by_external_id.get(entry.external_id or "")
        if with_id is not None:
            return self._take_if_plausible(entry, with_id)
        listed = self.likeness.rows.get(entry.fingerprint)
        if listed is not None:
            return listed.person_id
        one = self.likeness.by_address(entry) or self.likeness.on_the_list(entry, self.without_row)
        return one.id if one is not None and not has_another_id(entry, one) else None

    def _take_if_plausible(self, entry: ParsedRow, person: int) -> int | RowPlan:
        """Return the person with the row's id, or a plan that waits if no word of their names is equal."""
        one, decision = self.likeness.people[person], self.decisions.of(entry)
        if shares_a_name(entry, one) or (decision and decision != "new") or self.decisions.all_same:
            return person
        reason = Invalid(
            "the id {id} belongs to {person}, who has another name; if it is from another list, use --source",
            id=entry.external_id,
            person=one,
        )
        return RowPlan(entry, result=RowResult(entry.number, entry.name, RowOutcome.WAITS, (reason,), person))

    def _take_likely(self, likely: Sequence[tuple[Known, SchedulerError]]) -> int | None:
        """Return the only likely person, if the officer decided that all rows mean those they likely mean."""
        people = {one.id for one, _ in likely}
        return people.pop() if self.decisions.all_same and len(people) == 1 and 0 not in people else None

    def _plan_known(self, entry: ParsedRow, person: int) -> RowPlan:
        if person in self.claimed:
            return _refuse(entry, Invalid("is the same person as in row {row}", row=self.claimed[person]))
        self.claimed[person] = entry.number
        return RowPlan(entry, person, self.attendees.get(person))

    def _plan_new(self, entry: ParsedRow) -> RowPlan:
        self.new |= dict.fromkeys(_marks(entry), entry.number)
        self.likeness.remember(entry)
        return RowPlan(entry)

    def _refuse_twice(self, entry: ParsedRow) -> None:
        """Raise Invalid if an earlier row of this file means the same new person."""
        for mark in _marks(entry):
            if mark in self.new:
                raise Invalid("is the same person as in row {row}", row=self.new[mark])


def _marks(entry: ParsedRow) -> set[str]:
    """Return what tells a new person from others: the row's fingerprint, and the person's identity."""
    same = make_identity(entry.draft.email, entry.draft.name)
    return {entry.fingerprint} | ({same} if same else set())


def _refuse(entry: ParsedRow, *reasons: SchedulerError) -> RowPlan:
    return RowPlan(entry, result=RowResult(entry.number, entry.name, RowOutcome.REFUSED, reasons))


def _let_wait(entry: ParsedRow, likely: Sequence[tuple[Known, SchedulerError]]) -> RowPlan:
    reasons, person = tuple(reason for _, reason in likely), likely[0][0].id or None
    return RowPlan(entry, result=RowResult(entry.number, entry.name, RowOutcome.WAITS, reasons, person))


def _never_fits(entry: ParsedRow, most: int) -> SchedulerError:
    return Invalid(
        "companions: number of places: {most}; a group of {party} cannot fit",
        most=most,
        party=1 + entry.companions,
    )


def _read_attendees(session: Session, event: Event) -> dict[int, int]:
    """Return the ids of an event's attendees by person."""
    rows = session.execute(sa.select(Attendee.person_id, Attendee.id).where(Attendee.event_id == event.id))
    return dict(rows.all())

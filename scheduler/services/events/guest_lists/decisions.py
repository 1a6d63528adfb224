"""Who each row of a guest list is, before anything is written. Nobody is guessed: what is likely waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Invalid, SchedulerError
from scheduler.model import Attendee, Event, Mode, Person
from scheduler.services.common import lookup
from scheduler.services.events.guest_lists.likeness import Known, Likeness, shares_a_name
from scheduler.services.events.guest_lists.rows import ParsedRow, RowDefaults
from scheduler.services.events.guest_lists.verdicts import Decisions, RowOutcome, RowPlan, RowResult
from scheduler.services.events.programme.places import identity


class RowMatcher:
    """What is to become of each row, in their order; it remembers who was named before."""

    def __init__(
        self,
        session: Session,
        event: Event,
        entries: Sequence[ParsedRow],
        terms: RowDefaults,
        decisions: Decisions,
        capacities: Mapping[Mode, int | None],
    ) -> None:
        self.session, self.decisions = session, decisions
        self.likeness = Likeness(session, event, entries, terms.source)
        self.on_list = _on_list(session, event)
        self.unlisted = set(self.on_list) - {row.person_id for row in self.likeness.rows.values()}
        self.claimed: dict[int, int] = {}  # person to row
        self.fresh: dict[str, int] = {}  # what tells a new person from others, to row
        self.capacities = capacities

    def plan(self, entry: ParsedRow) -> RowPlan:
        if entry.person is None:
            return _refused(entry, *entry.problems)
        most = self.capacities[entry.mode]
        if most is not None and 1 + entry.companions > most:
            return _refused(entry, _never_fits(entry, most))
        try:
            return self._plan(entry)
        except SchedulerError as error:
            return _refused(entry, error)

    def _plan(self, entry: ParsedRow) -> RowPlan:
        said = self.decisions.of(entry)
        found = self._certain(entry)
        if isinstance(found, RowPlan):
            return found
        if said and said != "new":
            found = self._said(lookup.person(self.session, said), found)
        if found is None:
            self._refuse_twice(entry)
        if found is None and said != "new":
            likely = self.likeness.likely(entry)
            found = self._all_same(likely)
            if likely and found is None and not self.decisions.all_new:
                return _waits(entry, likely)
        return self._new(entry) if found is None else self._known(entry, found)

    @staticmethod
    def _said(person: Person, certain: int | None) -> int:
        """Who the officer says it is. Raises Conflict where it is known to be another."""
        if certain not in (None, person.id):
            raise Conflict("by its id, its address or an earlier import this row is #{person}", person=certain)
        return person.id

    def _certain(self, entry: ParsedRow) -> int | RowPlan | None:
        """The same id at its source, the same row as before, the same address and name: in this order."""
        called = self.likeness.by_external_id.get(entry.external_id or "")
        if called is not None:
            return self._if_plausible(entry, called)
        listed = self.likeness.rows.get(entry.fingerprint)
        if listed is not None:
            return listed.person_id
        one = self.likeness.by_address(entry) or self.likeness.on_the_list(entry, self.unlisted)
        return one.id if one is not None and not self._told_apart(entry, one) else None

    @staticmethod
    def _told_apart(entry: ParsedRow, one: Known) -> bool:
        return bool(entry.external_id and one.external_id and entry.external_id != one.external_id)

    def _if_plausible(self, entry: ParsedRow, person: int) -> int | RowPlan:
        """An id is believed, unless the name has no word in common and nobody has decided."""
        one, said = self.likeness.people[person], self.decisions.of(entry)
        if shares_a_name(entry, one) or (said and said != "new") or self.decisions.all_same:
            return person
        why = Invalid(
            "the id {id} is that of {person}, who has another name; if it is from another list, say --source",
            id=entry.external_id,
            person=one,
        )
        return RowPlan(entry, told=RowResult(entry.number, entry.name, RowOutcome.WAITS, (why,), person))

    def _all_same(self, likely: Sequence[tuple[Known, SchedulerError]]) -> int | None:
        """Said of all rows at once, it holds where there is one whom it can mean."""
        people = {one.id for one, _ in likely}
        return people.pop() if self.decisions.all_same and len(people) == 1 and 0 not in people else None

    def _known(self, entry: ParsedRow, person: int) -> RowPlan:
        if person in self.claimed:
            return _refused(entry, Invalid("is the same person as in row {row}", row=self.claimed[person]))
        self.claimed[person] = entry.number
        return RowPlan(entry, person, self.on_list.get(person))

    def _new(self, entry: ParsedRow) -> RowPlan:
        self.fresh |= dict.fromkeys(_marks(entry), entry.number)
        self.likeness.remember(entry)
        return RowPlan(entry)

    def _refuse_twice(self, entry: ParsedRow) -> None:
        """Somebody new, and not for the first time in this file."""
        for mark in _marks(entry):
            if mark in self.fresh:
                raise Invalid("is the same person as in row {row}", row=self.fresh[mark])


def _marks(entry: ParsedRow) -> set[str]:
    same = identity(entry.draft.email, entry.draft.name)
    return {entry.fingerprint} | ({same} if same else set())


def _refused(entry: ParsedRow, *why: SchedulerError) -> RowPlan:
    return RowPlan(entry, told=RowResult(entry.number, entry.name, RowOutcome.REFUSED, why))


def _waits(entry: ParsedRow, likely: Sequence[tuple[Known, SchedulerError]]) -> RowPlan:
    why = tuple(reason for _, reason in likely)
    return RowPlan(entry, told=RowResult(entry.number, entry.name, RowOutcome.WAITS, why, likely[0][0].id or None))


def _never_fits(entry: ParsedRow, most: int) -> SchedulerError:
    return Invalid(
        "companions: there are {most} places; a party of {party} can never fit", most=most, party=1 + entry.companions
    )


def _on_list(session: Session, event: Event) -> dict[int, int]:
    """Person to attendee."""
    rows = session.execute(sa.select(Attendee.person_id, Attendee.id).where(Attendee.event_id == event.id))
    return dict(rows.all())

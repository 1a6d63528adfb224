"""Guests whom a list puts on the list of its event: whole batches, in as many statements however many they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from scheduler.base.clock import wall
from scheduler.base.errors import SchedulerError, list_errors
from scheduler.base.i18n import N_
from scheduler.base.text import fold_text
from scheduler.model.attendance import BOUND, OFFICIALS, Answer, Attendee, Companion, Standing
from scheduler.model.events import OPEN_ENDED, Event, Status
from scheduler.model.letters import LetterKind
from scheduler.model.places import Person
from scheduler.services.common.audit import note, note_lines
from scheduler.services.events.attendance import offers, representation
from scheduler.services.events.attendance.audit_lines import answer_line, invitation_line
from scheduler.services.events.attendance.placement import (
    Key,
    Placement,
    Places,
    decide,
    read_places,
    write_places,
)
from scheduler.services.events.attendance.replies import PARTSTATS, Reply
from scheduler.services.events.guest_lists.headings import TEXTS
from scheduler.services.events.guest_lists.list_records import ListRecords, insert_into
from scheduler.services.events.guest_lists.people import ADDRESSED, read_organisations, update_person
from scheduler.services.events.guest_lists.row_results import RowOutcome, RowPlan, RowResult
from scheduler.services.events.guest_lists.rows import ParsedRow, RowDefaults
from scheduler.services.events.programme.conflicts import conflict_check
from scheduler.services.events.programme.places import make_identity
from scheduler.services.outbox import enqueue
from scheduler.storage.row_numbers import insert_rows

NO_PLACE = N_("is on the waiting list: there is no place left")
_STANDINGS = {Reply.REGRETS: Standing.WITHDRAWN, Reply.EXCUSED: Standing.WITHDRAWN}


class NewGuests:
    """Adds batches of guests, known and unknown people alike, with their places, records and audit."""

    def __init__(
        self,
        session: Session,
        event: Event,
        defaults: RowDefaults,
        records: ListRecords,
        places: Mapping[Key, Places],
        *,
        now: datetime,
        force: str | None,
    ) -> None:
        """Take the event's ``places``, just read and held. ``force`` is the reason to overrule contradictions."""
        self.session, self.event, self.defaults = session, event, defaults
        self.records, self.now, self.force = records, now, force
        self.places: dict[Key, Places] | None = dict(places)
        self.organisations = read_organisations(session)

    def forget_places(self) -> None:
        """Read the places anew before the next batch, because something else has changed them."""
        self.places = None

    def add(self, plans: Sequence[RowPlan]) -> dict[int, RowResult]:
        """Add the guests of these rows, and return the results by row number.

        A row is refused if its person is elsewhere at that hour, or represents another guest.
        """
        refused = self._refuse_busy([plan for plan in plans if plan.person is not None])
        plans = [plan for plan in plans if plan.entry.number not in refused]
        return refused | (self._add(plans) if plans else {})

    def _add(self, plans: Sequence[RowPlan]) -> dict[int, RowResult]:
        entries = [plan.entry for plan in plans]
        remarks = self._update_people([plan for plan in plans if plan.person is not None])
        people = self._add_people([plan.entry for plan in plans if plan.person is None])
        people |= {plan.entry.number: plan.person for plan in plans if plan.person is not None}
        placements = self._place(entries)
        attendees = self._add_attendees(entries, people, placements)
        guests = [(entry, attendees[entry.number]) for entry in entries]
        self._add_companions(guests)
        self.records.add_external_ids((entry, people[entry.number]) for entry in entries)
        self.records.add_rows(guests)
        self._write_audit(guests)
        waiting = [number for number, placed in placements.items() if placed.standing is Standing.WAITLISTED]
        self._write_to_waiting([(people[number], attendees[number]) for number in waiting])
        remarks |= {number: (NO_PLACE, *remarks.get(number, ())) for number in waiting}
        return {
            entry.number: RowResult(
                entry.number,
                entry.name,
                RowOutcome.ADDED,
                person=people[entry.number],
                remarks=remarks.get(entry.number, ()),
            )
            for entry in entries
        }

    # People

    def _refuse_busy(self, plans: Sequence[RowPlan]) -> dict[int, RowResult]:
        """Return a refusal for each row whose person cannot come for themselves at that hour, by row number.

        They are bound elsewhere, or represent another guest of this event.
        """
        refused = {}
        people = [plan.person for plan in plans if plan.person is not None]
        busy = self._possibly_busy(people) | self._find_deputies(people)
        for plan in plans:
            if plan.person in busy:
                person = self.session.get_one(Person, plan.person)
                try:
                    representation.refuse_as_guest(self.session, self.event, person)
                    conflict_check.refuse_overlap(self.session, self.event, person, force=self.force, now=self.now)
                except SchedulerError as error:
                    refused[plan.entry.number] = RowResult(
                        plan.entry.number, plan.entry.name, RowOutcome.REFUSED, tuple(list_errors(error)), plan.person
                    )
        return refused

    def _find_deputies(self, people: Sequence[int]) -> set[int]:
        query = sa.select(Attendee.represented_by_id).where(
            Attendee.event_id == self.event.id, Attendee.represented_by_id.in_(people)
        )
        return {person for person in self.session.scalars(query) if person is not None}

    def _possibly_busy(self, people: Sequence[int]) -> set[int]:
        """Return those of these people who may be elsewhere: they alone are examined one by one."""
        if not people or not self.event.dated or self.event.kind in OPEN_ENDED:
            return set()
        query = (
            sa.select(Attendee.person_id, Attendee.represented_by_id)
            .join(Event, Event.id == Attendee.event_id)
            .where(Attendee.standing.in_(BOUND), Event.status != Status.CANCELLED, Event.id != self.event.id)
            .where(Event.starts_at < self.event.ends_at, Event.ends_at > self.event.starts_at)
            .where(sa.or_(Attendee.person_id.in_(people), Attendee.represented_by_id.in_(people)))
        )
        return {person for row in self.session.execute(query) for person in row if person is not None}

    def _update_people(self, plans: Sequence[RowPlan]) -> dict[int, tuple[str, ...]]:
        """Write what the list says of people who are known from elsewhere; return remarks by row number."""
        people = self._people([plan.person for plan in plans if plan.person is not None])
        remarks = {}
        for plan in plans:
            fields, remarks[plan.entry.number] = update_person(
                people[plan.person or 0], plan.entry, self.defaults, {}
            )
            if fields:
                note(self.session, "change", "person", plan.person, now=self.now, fields=fields)
        self.session.flush()
        return remarks

    def _people(self, ids: Sequence[int]) -> dict[int, Person]:
        if not ids:
            return {}
        query = sa.select(Person).where(Person.id.in_(ids)).options(selectinload(Person.organisation))
        return {person.id: person for person in self.session.scalars(query)}

    def _add_people(self, entries: Sequence[ParsedRow]) -> dict[int, int]:
        """Add people whom nobody knows yet; return their ids by row number."""
        if not entries:
            return {}
        added = insert_rows(self.session, Person, [self._person_row(entry) for entry in entries])
        return {entry.number: person for entry, person in zip(entries, added, strict=True)}

    def _person_row(self, entry: ParsedRow) -> dict[str, Any]:
        draft = entry.draft
        return {
            "identity": make_identity(draft.email, draft.name),
            **{name: getattr(draft, name) for name in (*TEXTS, *ADDRESSED)},
            "organisation_id": self.organisations.get(fold_text(entry.cells.get("organisation", ""))),
            "email": draft.email,
            "telephone": draft.telephone,
            "language": draft.language,
        }

    # Places

    def _place(self, entries: Sequence[ParsedRow]) -> dict[int, Placement]:
        """Place those who accept, in order, and write the places they take; return placements by row number."""
        accepted = [entry for entry in entries if entry.answer is Reply.ACCEPTED]
        if not accepted:
            return {}
        places = read_places(self.session, [self.event.id]) if self.places is None else self.places
        before, placements = dict(places), {}
        for entry in accepted:
            key = (self.event.id, entry.mode)
            placements[entry.number] = decide(
                self.event, places[key], entry.companions, vetted=True, official=entry.role in OFFICIALS
            )
            places[key] = placements[entry.number].places
        write_places(self.session, before, places)
        self.places = places
        return placements

    def _write_to_waiting(self, waiting: Sequence[tuple[int, int]]) -> None:
        """Queue a letter to each who accepted and has no place; ``waiting`` are ids of people and their attendees."""
        if not waiting:
            return
        people = self._people([person for person, _ in waiting])
        letters = []
        for person, attendee in waiting:
            key = offers.letter_key(LetterKind.WAITING, attendee, self.now)
            letters.append(enqueue.letter_row(LetterKind.WAITING, people[person], self.event, key=key, now=self.now))
        enqueue.queue_many(self.session, letters)

    # The list

    def _add_attendees(
        self, entries: Sequence[ParsedRow], people: Mapping[int, int], placements: Mapping[int, Placement]
    ) -> dict[int, int]:
        """Add the attendees; return their ids by row number."""
        rows = [self._attendee_row(entry, people[entry.number], placements.get(entry.number)) for entry in entries]
        added = insert_rows(self.session, Attendee, rows)
        return {entry.number: attendee for entry, attendee in zip(entries, added, strict=True)}

    def _attendee_row(self, entry: ParsedRow, person: int, placement: Placement | None) -> dict[str, Any]:
        answered = entry.answer is not Reply.NOT_ANSWERED
        return {
            "event_id": self.event.id,
            "person_id": person,
            "role": entry.role,
            "mode": entry.mode,
            "companions": entry.companions,
            "access_needs": entry.access,
            "dietary_needs": entry.dietary,
            "partstat": PARTSTATS[entry.answer],
            "standing": placement.standing if placement else _STANDINGS.get(entry.answer, Standing.INVITED),
            "queue_number": placement.queue_number if placement else None,
            "excused": entry.answer is Reply.EXCUSED,
            "answered_by": Answer.DESK if answered else None,
            "answered_on": wall(self.now, self.event.tzid).date() if answered else None,
            "created_at": self.now,
            "standing_at": self.now,
        }

    def _add_companions(self, guests: Sequence[tuple[ParsedRow, int]]) -> None:
        rows = [
            {"attendee_id": attendee, "position": position, "name": name}
            for entry, attendee in guests
            for position, name in enumerate(entry.names, start=1)
        ]
        if rows:
            self.session.execute(insert_into(Companion), rows)

    def _write_audit(self, guests: Sequence[tuple[ParsedRow, int]]) -> None:
        lines = []
        for entry, attendee in guests:
            lines.append(invitation_line(attendee, self.event, entry.role))
            if entry.answer is not Reply.NOT_ANSWERED:
                excused = entry.answer is Reply.EXCUSED
                lines.append(answer_line(attendee, PARTSTATS[entry.answer], Answer.DESK, excused=excused))
        note_lines(self.session, "attendee", lines, now=self.now)

"""Guest lists into the database: what was decided of each row is written, batch by batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from scheduler.base.clock import wall
from scheduler.base.errors import SchedulerError, each_of
from scheduler.base.i18n import N_
from scheduler.base.text import folded
from scheduler.model import (
    Answer,
    Attendee,
    Audit,
    Companion,
    Event,
    ExternalId,
    GuestRow,
    Mode,
    Partstat,
    Person,
    Standing,
    Status,
)
from scheduler.model.attendance import BOUND
from scheduler.model.events import OPEN_ENDED
from scheduler.services.common.audit import actor_of, note
from scheduler.services.events.attendance import capacity, parties, transitions
from scheduler.services.events.attendance.replies import PARTSTATS, Reply
from scheduler.services.events.guest_lists.likeness import Likeness
from scheduler.services.events.guest_lists.people import is_news, organisations, update_person
from scheduler.services.events.guest_lists.rows import ParsedRow, RowDefaults
from scheduler.services.events.guest_lists.verdicts import RowOutcome, RowPlan, RowResult
from scheduler.services.events.programme import conflicts
from scheduler.services.events.programme.places import identity
from scheduler.storage.refusals import refusal
from scheduler.storage.types import Base

NO_PLACE = N_("is on the waiting list: there is no place left")


class RowWriter:
    """Writes batches: a constant number of statements for all who are new, and more only for what changed."""

    def __init__(
        self,
        session: Session,
        event: Event,
        terms: RowDefaults,
        likeness: Likeness,
        now: datetime,
        force: str | None,
    ) -> None:
        self.session, self.event, self.terms, self.now, self.force = session, event, terms, now, force
        self.rows = {row.attendee_id: (mark, row.digest) for mark, row in likeness.rows.items()}
        self.marks = {mark: row.attendee_id for mark, row in likeness.rows.items()}
        self.ids = likeness.by_external_id
        self.organisations = organisations(session)
        self.actor = actor_of(session)

    def write(self, plans: Sequence[RowPlan]) -> list[RowResult]:
        told = {plan.entry.number: plan.told for plan in plans if plan.told}
        for plan in (plan for plan in plans if plan.told is None and plan.attendee is not None):
            if self.rows.get(plan.attendee or 0) == (plan.entry.fingerprint, plan.entry.digest):
                told[plan.entry.number] = RowResult(
                    plan.entry.number, plan.entry.name, RowOutcome.UNCHANGED, person=plan.person
                )
        left = [plan for plan in plans if plan.entry.number not in told]
        self._invite(left, told)
        self._refresh([plan for plan in left if plan.attendee is not None], told)
        return [told[plan.entry.number] for plan in plans]

    # Who is not on the list yet

    def _invite(self, plans: Sequence[RowPlan], told: dict[int, RowResult]) -> None:
        known = self._free_people([plan for plan in plans if plan.attendee is None and plan.person is not None], told)
        new = [plan for plan in plans if plan.person is None and plan.attendee is None]
        if not known and not new:
            return
        changed = self._update_people(known)
        people = dict(zip((plan.entry.number for plan in new), self._add_people(new), strict=True))
        people |= {plan.entry.number: plan.person for plan in known if plan.person is not None}
        wanted = [plan.entry for plan in plans if plan.entry.number in people]  # in their order: first come
        together = self._seat_together(wanted)
        made = self._add_attendees(wanted, people, together=together)
        self._add_companions([(entry, made[entry.number]) for entry in wanted])
        self._add_external_ids([(entry, people[entry.number]) for entry in wanted])
        self._add_rows([(entry, made[entry.number]) for entry in wanted])
        self._audit(wanted, made, together=together)
        waiting = set() if together else self._answer_each(wanted, made)
        for entry in wanted:
            remarks = (*((NO_PLACE,) if entry.number in waiting else ()), *changed.get(entry.number, ()))
            told[entry.number] = RowResult(
                entry.number, entry.name, RowOutcome.ADDED, person=people[entry.number], remarks=remarks
            )

    def _free_people(self, plans: Sequence[RowPlan], told: dict[int, RowResult]) -> list[RowPlan]:
        """Without those who are elsewhere at that hour; only who may be is asked about one by one."""
        free = []
        busy = self._possibly_busy([plan.person for plan in plans if plan.person is not None])
        for plan in plans:
            try:
                if plan.person in busy:
                    who = self.session.get_one(Person, plan.person)
                    conflicts.refuse_overlap(self.session, self.event, who, force=self.force, now=self.now)
                free.append(plan)
            except SchedulerError as error:
                told[plan.entry.number] = RowResult(
                    plan.entry.number, plan.entry.name, RowOutcome.REFUSED, tuple(each_of(error)), plan.person
                )
        return free

    def _possibly_busy(self, people: Sequence[int]) -> set[int]:
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
        """What a list says of somebody known, who is new on this list; remarks by row."""
        people = self._people([plan.person for plan in plans if plan.person is not None])
        remarks = {}
        for plan in plans:
            fields, said = update_person(people[plan.person or 0], plan.entry, self.terms, {})
            if fields:
                note(self.session, "change", "person", plan.person, now=self.now, fields=fields)
            remarks[plan.entry.number] = said
        self.session.flush()
        return remarks

    def _people(self, ids: Sequence[int]) -> dict[int, Person]:
        if not ids:
            return {}
        query = sa.select(Person).where(Person.id.in_(ids)).options(selectinload(Person.organisation))
        return {person.id: person for person in self.session.scalars(query)}

    def _add_people(self, plans: Sequence[RowPlan]) -> list[int]:
        if not plans:
            return []
        insert = _insert(Person).returning(Person.id, sort_by_parameter_order=True)
        return list(self.session.scalars(insert, [self._person_row(plan.entry) for plan in plans]))

    def _person_row(self, entry: ParsedRow) -> dict[str, Any]:
        draft = entry.draft
        return {
            "identity": identity(draft.email, draft.name),
            "name": draft.name,
            "courtesy_title": draft.courtesy_title,
            "position": draft.position,
            "organisation_id": self.organisations.get(folded(entry.cells.get("organisation", ""))),
            "email": draft.email,
            "telephone": draft.telephone,
            "language": draft.language,
        }

    def _seat_together(self, entries: Sequence[ParsedRow]) -> bool:
        """Places for all of a batch who accept, at once; else each takes or awaits theirs, row by row."""
        taken: list[tuple[Mode, int]] = []
        for mode in Mode:
            seats = sum(1 + one.companions for one in entries if one.mode is mode and one.answer is Reply.ACCEPTED)
            if seats and not capacity.take_together(self.session, self.event, mode, seats):
                for other, held in taken:
                    capacity.take_together(self.session, self.event, other, -held)
                return False
            taken += [(mode, seats)] if seats else []
        return True

    def _add_attendees(
        self, entries: Sequence[ParsedRow], people: Mapping[int, int], *, together: bool
    ) -> dict[int, int]:
        insert = _insert(Attendee).returning(Attendee.id, sort_by_parameter_order=True)
        rows = [self._attendee_row(entry, people[entry.number], together=together) for entry in entries]
        made = self.session.scalars(insert, rows)
        return {entry.number: number for entry, number in zip(entries, made, strict=True)}

    def _attendee_row(self, entry: ParsedRow, person: int, *, together: bool) -> dict[str, Any]:
        answered = together and entry.answer is not Reply.NOT_ANSWERED
        return {
            "event_id": self.event.id,
            "person_id": person,
            "role": entry.role,
            "mode": entry.mode,
            "companions": entry.companions,
            "access_needs": entry.access,
            "dietary_needs": entry.dietary,
            "partstat": PARTSTATS[entry.answer] if answered else Partstat.NEEDS_ACTION,
            "standing": _STANDING.get(entry.answer, Standing.INVITED) if answered else Standing.INVITED,
            "excused": answered and entry.answer is Reply.EXCUSED,
            "answered_by": Answer.DESK if answered else None,
            "answered_on": wall(self.now, self.event.tzid).date() if answered else None,
            "created_at": self.now,
            "standing_at": self.now,
        }

    def _add_companions(self, who: Sequence[tuple[ParsedRow, int]]) -> None:
        rows = [
            {"attendee_id": attendee, "position": position, "name": name}
            for entry, attendee in who
            for position, name in enumerate(entry.names, start=1)
        ]
        if rows:
            self.session.execute(_insert(Companion), rows)

    def _add_external_ids(self, who: Sequence[tuple[ParsedRow, int]]) -> None:
        rows = []
        for entry, person in who:
            if entry.external_id and entry.external_id not in self.ids:
                self.ids[entry.external_id] = person
                rows.append({"source": self.terms.source, "value": entry.external_id, "person_id": person})
        if rows:
            self.session.execute(_insert(ExternalId), rows)

    def _add_rows(self, who: Sequence[tuple[ParsedRow, int]]) -> None:
        rows = [
            {
                "attendee_id": attendee,
                "event_id": self.event.id,
                "fingerprint": entry.fingerprint,
                "digest": entry.digest,
                "cells": dict(entry.cells),
            }
            for entry, attendee in who
            if self.marks.setdefault(entry.fingerprint, attendee) == attendee
        ]
        if rows:
            self.session.execute(_insert(GuestRow), rows)

    def _audit(self, entries: Sequence[ParsedRow], made: Mapping[int, int], *, together: bool) -> None:
        """The same as inviting and answering one by one leave."""
        rows = []
        for entry in entries:
            rows.append(self._audit_row("invite", made[entry.number], event=self.event.key, role=entry.role))
            if together and entry.answer is not Reply.NOT_ANSWERED:
                said = {"partstat": PARTSTATS[entry.answer], "by": Answer.DESK}
                rows.append(self._audit_row("answer", made[entry.number], **said))
        self.session.execute(_insert(Audit), rows)

    def _audit_row(self, action: str, attendee: int, **details: Any) -> dict[str, Any]:
        return {
            "at": self.now,
            "actor": self.actor,
            "action": action,
            "noun": "attendee",
            "row": str(attendee),
            "details": details,
        }

    def _answer_each(self, entries: Sequence[ParsedRow], made: Mapping[int, int]) -> set[int]:
        """There are not places for all: who comes first has them. Returns the rows that now wait."""
        waiting = set()
        for entry in entries:
            if entry.answer is not Reply.NOT_ANSWERED:
                row = self.session.get_one(Attendee, made[entry.number])
                self._answer(row, entry.answer)
                if row.standing is Standing.WAITLISTED:
                    waiting.add(entry.number)
        return waiting

    def _answer(self, row: Attendee, reply: Reply) -> None:
        more = transitions.AnswerDetails(excused=reply is Reply.EXCUSED)
        transitions.answer(self.session, row, PARTSTATS[reply], by=Answer.DESK, on=None, now=self.now, details=more)

    # Who is on the list already

    def _refresh(self, plans: Sequence[RowPlan], told: dict[int, RowResult]) -> None:
        numbers = [plan.attendee for plan in plans if plan.attendee is not None]
        if not numbers:
            return
        query = sa.select(Attendee).where(Attendee.id.in_(numbers)).options(selectinload(Attendee.person))
        attendees = {row.id: row for row in self.session.scalars(query.execution_options(populate_existing=True))}
        rows = {row.attendee_id: row for row in self.session.scalars(_rows(numbers))}
        for plan in plans:
            number = plan.attendee or 0
            told[plan.entry.number] = self._refresh_one(plan, attendees[number], rows.get(number))
        self.session.flush()

    def _refresh_one(self, plan: RowPlan, attendee: Attendee, row: GuestRow | None) -> RowResult:
        """Within a savepoint: what is wrong with one row leaves nothing of it behind, and the others in."""
        entry = plan.entry
        try:
            with self.session.begin_nested():
                fields, remarks = self._change(entry, attendee, dict(row.cells) if row else {})
                self._keep(entry, attendee, row)
                self.session.flush()
        except IntegrityError as error:
            return RowResult(entry.number, entry.name, RowOutcome.REFUSED, (refusal(error),), plan.person)
        except SchedulerError as error:
            return RowResult(entry.number, entry.name, RowOutcome.REFUSED, (error,), plan.person)
        verdict = RowOutcome.CHANGED if fields else RowOutcome.UNCHANGED
        return RowResult(
            entry.number, entry.name, verdict, person=plan.person, fields=tuple(sorted(fields)), remarks=remarks
        )

    def _change(
        self, entry: ParsedRow, attendee: Attendee, last: Mapping[str, str]
    ) -> tuple[list[str], tuple[str, ...]]:
        fields, remarks = update_person(attendee.person, entry, self.terms, last)
        if fields:
            note(self.session, "change", "person", attendee.person_id, now=self.now, fields=fields)
        fields += [
            name for name in ("note", "organisation") if last and entry.cells.get(name, "") != last.get(name, "")
        ]
        if attendee.standing is Standing.WITHDRAWN:
            said = entry.answer is Reply.ACCEPTED and entry.cells.get("answer") != last.get("answer")
            return fields, (*remarks, *((N_("has withdrawn; nothing is changed by a list"),) if said else ()))
        fields += self._change_party(entry, attendee, last)
        return fields, remarks + self._change_answer(entry, attendee, last, fields)

    def _change_party(self, entry: ParsedRow, attendee: Attendee, last: Mapping[str, str]) -> list[str]:
        news = {name for name in _OF_THE_PARTY if is_news(entry, last, name)}
        fields = []
        if "role" in news and attendee.role is not entry.role:
            attendee.role = entry.role
            fields.append("role")
        mode = entry.mode if "mode" in news else attendee.mode
        companions = entry.companions if "companions" in news else attendee.companions
        names = list(entry.names) if "companion_names" in news else attendee.names[:companions]
        companions = max(companions, len(names))
        before = parties.needs_of(attendee)
        needs = parties.Needs(
            access=(entry.access or "") if "access_needs" in news else before.access,
            dietary=(entry.dietary or "") if "dietary_needs" in news else before.dietary,
        )
        # By the names of the columns: they are told to who brought the list.
        changes = {
            "mode": mode != attendee.mode,
            "companions": companions != attendee.companions,
            "companion_names": names != attendee.names,
            "access_needs": needs.access != before.access,
            "dietary_needs": needs.dietary != before.dietary,
        }
        fields += [name for name, changed in changes.items() if changed]
        if set(fields) - {"role"}:
            parties.change(
                self.session, attendee, mode=mode, companions=companions, names=names, needs=needs, now=self.now
            )
        return fields

    def _change_answer(
        self, entry: ParsedRow, attendee: Attendee, last: Mapping[str, str], fields: list[str]
    ) -> tuple[str, ...]:
        """An answer on record is never overwritten by a list."""
        said = PARTSTATS[entry.answer]
        if not is_news(entry, last, "answer") or said in (Partstat.NEEDS_ACTION, attendee.partstat):
            return ()
        if attendee.partstat is not Partstat.NEEDS_ACTION:
            return (N_("the answer on record is kept"),)
        self._answer(attendee, entry.answer)
        fields.append("answer")
        waits = attendee.standing is Standing.WAITLISTED
        return (NO_PLACE,) if waits else ()

    def _keep(self, entry: ParsedRow, attendee: Attendee, row: GuestRow | None) -> None:
        """What the list said this time, for the next."""
        self._add_external_ids([(entry, attendee.person_id)])
        if self.marks.setdefault(entry.fingerprint, attendee.id) != attendee.id:
            return
        row = row or GuestRow(attendee_id=attendee.id, event_id=self.event.id)
        row.fingerprint, row.digest, row.cells = entry.fingerprint, entry.digest, dict(entry.cells)
        self.session.add(row)


def _insert(kind: type[Base]) -> sa.Insert:
    """Into the table itself: the mapped class would make a statement of its own for each set of empty columns."""
    return sa.insert(cast("sa.Table", kind.__table__))


_OF_THE_PARTY = ("role", "mode", "companions", "companion_names", "access_needs", "dietary_needs")
_STANDING = {
    Reply.ACCEPTED: Standing.CONFIRMED,
    Reply.REGRETS: Standing.WITHDRAWN,
    Reply.EXCUSED: Standing.WITHDRAWN,
}


def _rows(attendees: Sequence[int]) -> sa.Select[GuestRow]:
    return sa.select(GuestRow).where(GuestRow.attendee_id.in_(attendees))

"""Guests who stand on the list of the event already: what a list says of them now is written row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from scheduler.base.errors import SchedulerError
from scheduler.base.i18n import N_
from scheduler.model.attendance import Answer, Attendee, Partstat, Standing
from scheduler.model.imports import GuestRow
from scheduler.services.common.audit import note
from scheduler.services.events.attendance import parties, transitions
from scheduler.services.events.attendance.replies import PARTSTATS, Reply
from scheduler.services.events.guest_lists.list_records import ListRecords
from scheduler.services.events.guest_lists.new_guests import NO_PLACE
from scheduler.services.events.guest_lists.people import is_news, update_person
from scheduler.services.events.guest_lists.row_results import RowOutcome, RowPlan, RowResult
from scheduler.services.events.guest_lists.rows import ParsedRow, RowDefaults
from scheduler.storage.refusals import explain_refusal

_OF_THE_PARTY = ("role", "mode", "companions", "companion_names", "access_needs", "dietary_needs")


class ListedGuests:
    """Changes guests who are on the list by what is new in their rows, each guest within a savepoint."""

    def __init__(self, session: Session, defaults: RowDefaults, records: ListRecords, *, now: datetime) -> None:
        self.session, self.defaults, self.records, self.now = session, defaults, records, now

    def change(self, plans: Sequence[RowPlan]) -> dict[int, RowResult]:
        """Change the guests of these rows, and return the results by row number."""
        numbers = [plan.attendee for plan in plans if plan.attendee is not None]
        if not numbers:
            return {}
        query = sa.select(Attendee).where(Attendee.id.in_(numbers)).options(selectinload(Attendee.person))
        attendees = {row.id: row for row in self.session.scalars(query.execution_options(populate_existing=True))}
        rows = self.records.read_rows(numbers)
        results = {}
        for plan in plans:
            number = plan.attendee or 0
            results[plan.entry.number] = self._change_or_refuse(plan, attendees[number], rows.get(number))
        self.session.flush()
        return results

    def _change_or_refuse(self, plan: RowPlan, attendee: Attendee, row: GuestRow | None) -> RowResult:
        """Change one guest; a row with an error is refused as a whole, and leaves the others in."""
        entry = plan.entry
        try:
            with self.session.begin_nested():
                fields, remarks = self._change(entry, attendee, dict(row.cells) if row else {})
                self.records.add_external_ids([(entry, attendee.person_id)])
                self.records.replace_row(entry, attendee.id, row)
                self.session.flush()
        except IntegrityError as error:
            return RowResult(entry.number, entry.name, RowOutcome.REFUSED, (explain_refusal(error),), plan.person)
        except SchedulerError as error:
            return RowResult(entry.number, entry.name, RowOutcome.REFUSED, (error,), plan.person)
        outcome = RowOutcome.CHANGED if fields else RowOutcome.UNCHANGED
        return RowResult(
            entry.number, entry.name, outcome, person=plan.person, fields=tuple(sorted(fields)), remarks=remarks
        )

    def _change(
        self, entry: ParsedRow, attendee: Attendee, last: Mapping[str, str]
    ) -> tuple[list[str], tuple[str, ...]]:
        """Write what is new against the ``last`` list's cells of this row; return the fields changed, and remarks."""
        fields, remarks = update_person(attendee.person, entry, self.defaults, last)
        if fields:
            note(self.session, "change", "person", attendee.person_id, now=self.now, fields=fields)
        fields += [
            name for name in ("note", "organisation") if last and entry.cells.get(name, "") != last.get(name, "")
        ]
        if attendee.standing is Standing.WITHDRAWN:
            accepts = entry.answer is Reply.ACCEPTED and entry.cells.get("answer") != last.get("answer")
            return fields, (*remarks, *((N_("has withdrawn; a list does not change this"),) if accepts else ()))
        fields += self._change_party(entry, attendee, last)
        answered, about_answer = self._change_answer(entry, attendee, last)
        return fields + answered, remarks + about_answer

    def _change_party(self, entry: ParsedRow, attendee: Attendee, last: Mapping[str, str]) -> list[str]:
        """Change role, party and needs by what is new; return the names of the columns that changed something."""
        news = {name for name in _OF_THE_PARTY if is_news(entry, last, name)}
        fields = []
        if "role" in news and transitions.set_role(self.session, attendee, entry.role, now=self.now):
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
        changes = {
            "mode": mode != attendee.mode,
            "companions": companions != attendee.companions,
            "companion_names": names != attendee.names,
            "access_needs": needs.access != before.access,
            "dietary_needs": needs.dietary != before.dietary,
        }
        changed = [name for name, differs in changes.items() if differs]
        if changed:
            parties.change_party_and_needs(
                self.session, attendee, mode=mode, companions=companions, names=names, needs=needs, now=self.now
            )
        return fields + changed

    def _change_answer(
        self, entry: ParsedRow, attendee: Attendee, last: Mapping[str, str]
    ) -> tuple[list[str], tuple[str, ...]]:
        """Record a new answer, unless there is one already: a list never overwrites that."""
        partstat = PARTSTATS[entry.answer]
        if not is_news(entry, last, "answer") or partstat in (Partstat.NEEDS_ACTION, attendee.partstat):
            return [], ()
        if attendee.partstat is not Partstat.NEEDS_ACTION:
            return [], (N_("the answer on record is kept"),)
        details = transitions.AnswerDetails(excused=entry.answer is Reply.EXCUSED)
        transitions.answer(self.session, attendee, partstat, by=Answer.DESK, on=None, now=self.now, details=details)
        return ["answer"], (NO_PLACE,) if attendee.standing is Standing.WAITLISTED else ()

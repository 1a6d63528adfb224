"""The lists of a programme file: people invited, changed and withdrawn as the attendees of its events say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from scheduler.base.errors import Conflict
from scheduler.base.i18n import N_
from scheduler.model.attendance import HOLDING, ON_LIST, Answer, Attendee, Partstat, Standing
from scheduler.model.events import Event
from scheduler.model.places import Person
from scheduler.services.common.changes import Change, ChangeKind
from scheduler.services.common.lookup import CHUNK, Lookup
from scheduler.services.events.attendance import parties, transitions
from scheduler.services.events.attendance.replies import PARTSTATS, Reply
from scheduler.services.events.programme.event_drafts import AttendeeDraft, EventDraft
from scheduler.services.exchange.file_problems import FileProblems
from scheduler.services.exchange.merging.cells import split, write_digests
from scheduler.services.exchange.merging.memory import FileMemory
from scheduler.services.exchange.merging.three_way import Base


class FileAttendees:
    """The attendees of one file: ``changes`` and ``replanned`` events are collected while they are put."""

    def __init__(
        self, session: Session, memory: FileMemory, lookup: Lookup, problems: FileProblems, *, now: datetime
    ) -> None:
        self.session, self.memory, self.lookup, self.problems, self.now = session, memory, lookup, problems, now
        self.changes: list[Change] = []
        self.replanned: list[Event] = []

    def put(self, events: Mapping[str, EventDraft]) -> None:
        """Make the lists of these events be as their drafts say; a draft without attendees leaves its list alone."""
        named = {key: draft for key, draft in events.items() if draft.attendees is not None}
        if not named:
            return
        self._load_people(named.values())
        listed = self._read_listed(named)
        for key, draft in named.items():
            event = self.lookup.find(Event, key)
            if event is None:
                self._check_people(key, draft.attendees or ())
            elif not event.cancelled:
                self._put_list(event, draft.attendees or (), listed.get(event.id, {}))

    def _check_people(self, event: str, drafts: Sequence[AttendeeDraft]) -> None:
        """Look up the people on the list of an event that was refused, so that mistakes in it are reported too."""
        for index, draft in enumerate(drafts):
            with self.problems.collecting(f"event.{event}.attendees.{index}"):
                self.lookup.get(Person, draft.person)
                self._find_representative(draft)

    def _load_people(self, drafts: Iterable[EventDraft]) -> None:
        attendees = [attendee for draft in drafts for attendee in draft.attendees or ()]
        self.lookup.load(Person, [attendee.person for attendee in attendees])

    def _read_listed(self, events: Iterable[str]) -> dict[int, dict[str, Attendee]]:
        """Return the attendees with a key on the lists of these events: event id to person key to attendee."""
        found: dict[int, dict[str, Attendee]] = {}
        ids = [event.id for key in events if (event := self.lookup.find(Event, key)) is not None]
        for start in range(0, len(ids), CHUNK):
            query = sa.select(Attendee).join(Attendee.person).where(Person.key.is_not(None))
            chunk = query.where(Attendee.event_id.in_(ids[start : start + CHUNK]))
            for row in self.session.scalars(chunk.options(selectinload(Attendee.person))):
                found.setdefault(row.event_id, {})[str(row.person.key)] = row
        return found

    def _put_list(self, event: Event, drafts: Sequence[AttendeeDraft], listed: Mapping[str, Attendee]) -> None:
        for index, draft in enumerate(drafts):
            with self.problems.collecting(f"event.{event.key}.attendees.{index}"):
                self._put_attendee(event, draft, listed.get(self._find_key(draft.person)))
        named = {self._find_key(draft.person) for draft in drafts}
        for key, attendee in listed.items():
            mine = attendee.programme == self.memory.programme
            if mine and key not in named and attendee.standing in ON_LIST:
                self._drop(event, key, attendee)

    def _find_key(self, key: str) -> str:
        """Return the key that a person has now: a file may name them by one from before they were merged."""
        found = self.lookup.find(Person, key)
        return str(found.key) if found else key

    def _drop(self, event: Event, person: str, attendee: Attendee) -> None:
        """Withdraw somebody whom the file no longer names, unless their place was changed at the desk."""
        if self.memory.drop("attendee", f"{event.key} {person}", _read_plan(attendee)):
            transitions.withdraw(self.session, attendee, now=self.now)
            self._add_change(event, person, ChangeKind.WITHDRAWN, told=1)

    def _put_attendee(self, event: Event, draft: AttendeeDraft, attendee: Attendee | None) -> None:
        merged = self._merge(event, draft, attendee)
        notes = (N_("the answer on record is kept"),) if attendee and _has_other_answer(attendee, draft) else ()
        if merged is None:
            self._add_change(event, draft.person, ChangeKind.UNCHANGED, notes=notes)
            return
        person = self.lookup.get(Person, draft.person)
        if attendee is None or not _is_planned(attendee, draft):
            self._invite(event, merged, person)
            return
        changed = self._update(attendee, merged)
        if changed:
            self.replanned.append(event)
        self._add_change(event, draft.person, ChangeKind.CHANGED if changed else ChangeKind.UNCHANGED, notes=notes)

    def _merge(self, event: Event, draft: AttendeeDraft, attendee: Attendee | None) -> AttendeeDraft | None:
        """Return the draft with what the desk has changed since; None if the desk took them off the list.

        Answers are not merged: one on record stays.
        """
        desk = _read_plan(attendee) if attendee and _is_planned(attendee, draft) else None
        wanted = draft.model_copy(update=_NO_ANSWER)
        if desk and wanted.represented_by is None:  # without a key a representative cannot be written in a file
            wanted = wanted.model_copy(update={"represented_by": desk.represented_by})
        merged = self.memory.merge(
            *("attendee", f"{event.key} {draft.person}", wanted, desk),
            written=draft.model_fields_set,
            removed=attendee is not None and _was_withdrawn(attendee),
            otherwise=self._guess_last(attendee, wanted) if attendee else None,
        )
        return merged and merged.model_copy(update={name: getattr(draft, name) for name in _NO_ANSWER})

    def _guess_last(self, attendee: Attendee, wanted: AttendeeDraft) -> Base | None:
        """Return what the file said last if that is not known.

        Of somebody who registered it was nothing. Somebody whom the desk has taken off the list is not invited again.
        """
        if _has_left(attendee) and not _was_withdrawn(attendee):
            return write_digests(split(wanted))
        mine = attendee.programme == self.memory.programme
        return None if mine or not _is_planned(attendee, wanted) else {}

    def _invite(self, event: Event, draft: AttendeeDraft, person: Person) -> None:
        guest = transitions.Guest(person=person, mode=draft.mode, companions=draft.companions, role=draft.role)
        attendee = transitions.invite(
            self.session,
            event,
            guest,
            now=self.now,
            programme=self.memory.programme,
            represented_by=self._find_representative(draft),
        )
        self._record_answer(attendee, draft)
        self.replanned.append(event)
        self._add_change(event, draft.person, ChangeKind.ADDED)

    def _find_representative(self, draft: AttendeeDraft) -> Person | None:
        return self.lookup.get(Person, draft.represented_by) if draft.represented_by else None

    def _update(self, attendee: Attendee, draft: AttendeeDraft) -> bool:
        """Make role, party and representative be as the file says, and return whether anything changed.

        An answer on record is never overwritten by the file.
        """
        # One that the file does not mention stays: without a key a representative cannot be written there. Nobody is
        # named for a guest who has left the list since, or whose deputy has sent regrets: the desk asks them.
        open_to_file = attendee.standing in ON_LIST and attendee.deputy_left_at is None
        named = self._find_representative(draft) if open_to_file else None
        representative = named or attendee.represented_by
        changed = transitions.set_deputy(self.session, attendee, representative, now=self.now)
        changed = transitions.set_role(self.session, attendee, draft.role, now=self.now) or changed
        moved = (attendee.mode, attendee.companions) != (draft.mode, draft.companions)
        if moved:
            parties.change_party(self.session, attendee, mode=draft.mode, companions=draft.companions, now=self.now)
        unanswered = attendee.partstat is Partstat.NEEDS_ACTION and attendee.deputy_left_at is None
        answered = unanswered and draft.answer is not Reply.NOT_ANSWERED
        if answered:
            self._record_answer(attendee, draft)
        return changed or moved or answered

    def _record_answer(self, attendee: Attendee, draft: AttendeeDraft) -> None:
        if draft.answer is Reply.NOT_ANSWERED:
            return
        by = draft.by or Answer.DESK
        more = transitions.AnswerDetails(excused=draft.answer is Reply.EXCUSED, reference=draft.reference)
        partstat = PARTSTATS[draft.answer]
        transitions.answer(self.session, attendee, partstat, by=by, on=draft.on, now=self.now, details=more)
        if draft.answer is Reply.ACCEPTED and attendee.standing not in HOLDING:
            raise Conflict(
                "capacity: there is no place left for {person} at {event}",
                person=draft.person,
                event=attendee.event.key,
            )

    def _add_change(
        self, event: Event, person: str, verb: ChangeKind, *, told: int = 0, notes: tuple[str, ...] = ()
    ) -> None:
        self.changes.append(Change("attendee", f"{event.key} {person}", verb, told=told, notes=notes))


_NO_ANSWER = {name: AttendeeDraft.model_fields[name].default for name in ("answer", "by", "on", "reference")}


def _read_plan(attendee: Attendee) -> AttendeeDraft:
    """Return what was planned with an attendee, without their answer."""
    deputy = attendee.represented_by
    return AttendeeDraft.model_construct(
        person=attendee.person.key,
        role=attendee.role,
        mode=attendee.mode,
        companions=attendee.companions,
        represented_by=deputy.key if deputy else None,
    )


def _is_planned(attendee: Attendee, draft: AttendeeDraft) -> bool:
    """Return whether an attendee is as a file can plan them: on the list, or with an answer of their own."""
    regrets = PARTSTATS[draft.answer] is Partstat.DECLINED is attendee.partstat
    return regrets or not (attendee.standing is Standing.UNCONFIRMED or _has_left(attendee))


def _has_left(attendee: Attendee) -> bool:
    """Return whether the desk or the organizer has taken an attendee off the list; regrets are only an answer."""
    withdrawn = attendee.standing is Standing.WITHDRAWN and attendee.answered_by in (None, Answer.DESK)
    return withdrawn or attendee.standing is Standing.REFUSED


def _was_withdrawn(attendee: Attendee) -> bool:
    """Return whether the organizer, who may put them back, withdrew them: without an answer of their own."""
    return attendee.standing is Standing.WITHDRAWN and attendee.answered_by is None


def _has_other_answer(attendee: Attendee, draft: AttendeeDraft) -> bool:
    """Return whether the file has an answer, and not the one on record: also after the regrets of a deputy."""
    partstat = PARTSTATS[draft.answer]
    return partstat is not Partstat.NEEDS_ACTION and partstat is not attendee.partstat

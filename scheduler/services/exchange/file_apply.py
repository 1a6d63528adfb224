"""Programme files: applied as a whole or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from scheduler.base.errors import Conflict, Invalid, NotFound, Problems, SchedulerError, all_of
from scheduler.base.i18n import N_
from scheduler.model import (
    Answer,
    Attendee,
    Event,
    Feed,
    Partstat,
    Person,
    Standing,
    Status,
    Venue,
)
from scheduler.model.attendance import HOLDING
from scheduler.services.common.changes import Change, ChangeKind
from scheduler.services.common.drafts import Draft
from scheduler.services.common.lookup import Lookup
from scheduler.services.consulate.posts import posts
from scheduler.services.events.attendance import parties, transitions
from scheduler.services.events.attendance.replies import PARTSTATS, Reply
from scheduler.services.events.programme import conflicts, planning
from scheduler.services.events.programme.conflicts import Contradiction
from scheduler.services.events.programme.event_drafts import AttendeeDraft, EventDraft
from scheduler.services.events.programme.event_mapping import WITH_EVENT
from scheduler.services.events.programme.places import NOUNS, put
from scheduler.services.exchange.programme_file import ProgrammeFile
from scheduler.services.outbox.enqueue import CONCERNED


def apply(
    session: Session,
    file: ProgrammeFile,
    *,
    now: datetime,
    force: str | None = None,
    doubtful: Collection[str] = (),
) -> list[Change]:
    """Make the programme be as the file says, by key; returns every change in the order of the file.

    Nothing is deleted: an event that this programme no longer names is cancelled, an attendee it no longer names
    is withdrawn. Raises Problems with all that is wrong at once; the caller's transaction must then roll back, as it
    must where tables are ``doubtful`` ("event.opening"): what merely follows from theirs is not told.
    """
    work = _FileApplication(session, file, now, doubtful)
    work.put_places()
    work.put_events()
    work.cancel_missing()
    work.put_attendees()
    work.put_feeds()
    work.put_posts()
    work.refuse_conflicts(force)
    work.raise_problems()
    return work.changes


class _FileApplication:
    """One application of a file: what was looked up, changed and found wrong on the way."""

    def __init__(self, session: Session, file: ProgrammeFile, now: datetime, doubtful: Collection[str]) -> None:
        self.session, self.file, self.now = session, file, now
        self.lookup = Lookup(session)
        self.changes: list[Change] = []
        self.touched: list[Event] = []
        self.problems: list[SchedulerError] = []
        self.doubtful = set(doubtful)

    def put_places(self) -> None:
        options = {
            "venue": (selectinload(Venue.hours), selectinload(Venue.closures), selectinload(Venue.city)),
            "person": (selectinload(Person.organisation),),
        }
        for name in ("city", "organisation", "venue", "person"):
            drafts: Mapping[str, Draft] = getattr(self.file, name)
            self.lookup.load(NOUNS[name].kind, drafts, *options.get(name, ()))
            self._put_all(name, drafts)

    def put_feeds(self) -> None:
        self.lookup.load(Feed, self.file.feed)
        self._put_all("feed", self.file.feed)

    def put_posts(self) -> None:
        """After the events: a post names the one that opens it."""
        for key, draft in self.file.post.items():
            with self._collecting(f"post.{key}"):
                self.changes += posts.put(self.session, key, draft, now=self.now, lookup=self.lookup)

    def _put_all(self, name: str, drafts: Mapping[str, Draft]) -> None:
        noun, language = NOUNS[name], self.file.programme.language
        for key, draft in drafts.items():
            with self._collecting(f"{name}.{key}"):
                done = put(self.session, noun, key, draft, now=self.now, language=language, lookup=self.lookup)
                self.changes.append(done)

    def put_events(self) -> None:
        events = self.file.event
        self.lookup.load(Event, events, *WITH_EVENT, change=True)
        self.lookup.load(Venue, [draft.venue for draft in events.values() if draft.venue])
        pending = []
        with self.session.no_autoflush:  # all rows are written at once, below
            for key, draft in _parents_first(events):
                with self._collecting(f"event.{key}"):
                    pending.append(self._prepare(key, draft))
        retimed = planning.settle(self.session, pending, now=self.now)
        for one in pending:
            with self._collecting(f"event.{one.event.key}"):
                impact = planning.conclude(self.session, one, retimed, now=self.now)
                self.changes.append(impact.change)
                if impact.replanned:
                    self.touched.append(impact.event)

    def _prepare(self, key: str, draft: EventDraft) -> planning.Pending:
        head = self.file.programme
        if draft.reminders is None:
            draft = draft.model_copy(update={"reminders": head.reminders.get(draft.kind)})
        return planning.prepare(
            self.session, key, draft, now=self.now, lookup=self.lookup, programme=head.key, tz=head.tz
        )

    def cancel_missing(self) -> None:
        """Events that this very programme once named and no longer does."""
        mine = sa.select(Event).where(Event.programme == self.file.programme.key, Event.status != Status.CANCELLED)
        for event in self.session.scalars(mine.options(*WITH_EVENT).order_by(Event.key)).all():
            named = event.key in self.file.event or f"event.{event.key}" in self.doubtful
            if not named and not event.cancelled and not event.is_over(self.now):
                with self._collecting(f"event.{event.key}"):
                    self._cancel(event)

    def _cancel(self, event: Event) -> None:
        kept = [part.key for part in event.children if part.key in self.file.event and not part.cancelled]
        if kept:
            raise Conflict(
                "the file still names {part}, a part of {event}, which it no longer names; name both or neither",
                event=event.key,
                part=kept[0],
            )
        for impact in planning.cancel_with_parts(self.session, event, now=self.now):
            self.changes.append(impact.change)

    def put_attendees(self) -> None:
        named = {key: draft for key, draft in self.file.event.items() if draft.attendees is not None}
        if not named:
            return
        self._load_people(named.values())
        present = self._present(named)
        for key, draft in named.items():
            event = self.lookup.find(Event, key)
            if event is None:
                self._look_for(key, draft.attendees or ())
            elif not event.cancelled:
                self._put_list(event, draft.attendees or (), present.get(event.id, {}))

    def _look_for(self, event: str, drafts: Sequence[AttendeeDraft]) -> None:
        """The event itself was refused; whether those on its list exist can be said all the same."""
        for index, draft in enumerate(drafts):
            with self._collecting(f"event.{event}.attendees.{index}"):
                self.lookup.get(Person, draft.person)
                self._representative(draft)

    def _load_people(self, drafts: Iterable[EventDraft]) -> None:
        attendees = [attendee for draft in drafts for attendee in draft.attendees or ()]
        self.lookup.load(Person, [attendee.person for attendee in attendees])

    def _present(self, named: Iterable[str]) -> dict[int, dict[str, Attendee]]:
        """Those with a key on the lists of these events: event id to key to attendee."""
        found: dict[int, dict[str, Attendee]] = {}
        events = [event.id for key in named if (event := self.lookup.find(Event, key)) is not None]
        for start in range(0, len(events), 500):
            query = sa.select(Attendee).join(Attendee.person).where(Person.key.is_not(None))
            chunk = query.where(Attendee.event_id.in_(events[start : start + 500]))
            for row in self.session.scalars(chunk.options(selectinload(Attendee.person))):
                found.setdefault(row.event_id, {})[str(row.person.key)] = row
        return found

    def _put_list(self, event: Event, drafts: Sequence[AttendeeDraft], present: Mapping[str, Attendee]) -> None:
        for index, draft in enumerate(drafts):
            with self._collecting(f"event.{event.key}.attendees.{index}"):
                self._put_attendee(event, draft, present.get(draft.person))
        wanted = {draft.person for draft in drafts}
        for key, attendee in present.items():
            mine = attendee.programme == self.file.programme.key
            if mine and key not in wanted and attendee.standing in CONCERNED:
                transitions.withdraw(self.session, attendee, now=self.now)
                self._changed(event, key, ChangeKind.WITHDRAWN, told=1)

    def _put_attendee(self, event: Event, draft: AttendeeDraft, attendee: Attendee | None) -> None:
        person = self.lookup.get(Person, draft.person)
        if attendee is None or attendee.standing is Standing.UNCONFIRMED or _taken_off(attendee):
            self._invite(event, draft, person)
            return
        changed = self._refresh(attendee, draft)
        notes = (N_("the answer on record is kept"),) if _otherwise_answered(attendee, draft) else ()
        if changed:
            self.touched.append(event)
        self._changed(event, draft.person, ChangeKind.CHANGED if changed else ChangeKind.UNCHANGED, notes=notes)

    def _invite(self, event: Event, draft: AttendeeDraft, person: Person) -> None:
        guest = transitions.Guest(person=person, mode=draft.mode, companions=draft.companions, role=draft.role)
        attendee = transitions.invite(
            self.session,
            event,
            guest,
            now=self.now,
            programme=self.file.programme.key,
            represented_by=self._representative(draft),
        )
        self._answer(attendee, draft)
        self.touched.append(event)
        self._changed(event, draft.person, ChangeKind.ADDED)

    def _representative(self, draft: AttendeeDraft) -> Person | None:
        return self.lookup.get(Person, draft.represented_by) if draft.represented_by else None

    def _refresh(self, attendee: Attendee, draft: AttendeeDraft) -> bool:
        """Role, party and representative follow the file; an answer on record is never overwritten by it."""
        # Not mentioned is not taken back: a representative without a key cannot stand in a file.
        representative = self._representative(draft) or attendee.represented_by
        other = transitions.represent(self.session, attendee, representative, now=self.now)
        if attendee.role is not draft.role:
            attendee.role, other = draft.role, True
        moved = (attendee.mode, attendee.companions) != (draft.mode, draft.companions)
        if moved:
            parties.change_party(self.session, attendee, mode=draft.mode, companions=draft.companions, now=self.now)
        answered = attendee.partstat is Partstat.NEEDS_ACTION and draft.answer is not Reply.NOT_ANSWERED
        if answered:
            self._answer(attendee, draft)
        return other or moved or answered

    def _answer(self, attendee: Attendee, draft: AttendeeDraft) -> None:
        if draft.answer is Reply.NOT_ANSWERED:
            return
        by = draft.by or Answer.DESK
        more = transitions.AnswerDetails(excused=draft.answer is Reply.EXCUSED, reference=draft.reference)
        said = PARTSTATS[draft.answer]
        transitions.answer(self.session, attendee, said, by=by, on=draft.on, now=self.now, details=more)
        if draft.answer is Reply.ACCEPTED and attendee.standing not in HOLDING:
            raise Conflict(
                "capacity: there is no place left for {person} at {event}",
                person=draft.person,
                event=attendee.event.key,
            )

    def _changed(
        self, event: Event, person: str, verb: ChangeKind, *, told: int = 0, notes: tuple[str, ...] = ()
    ) -> None:
        self.changes.append(Change("attendee", f"{event.key} {person}", verb, told=told, notes=notes))

    def refuse_conflicts(self, force: str | None) -> None:
        try:
            conflicts.refuse(self.session, self.touched, force=force, now=self.now)
        except Contradiction as error:
            self._add(error)
        except Problems as error:
            for problem in error.problems:
                self._add(problem)

    def raise_problems(self) -> None:
        if self.problems:
            raise all_of(self.problems)

    @contextmanager
    def _collecting(self, place: str) -> Iterator[None]:
        """Go on after a mistake, so that all are told at once; the transaction will not be kept."""
        try:
            yield
        except SchedulerError as error:
            self._add(error, place)

    def _add(self, error: SchedulerError, place: str = "") -> None:
        if not self._follows(error):
            self.problems.append(Invalid("{place}: {problem}", place=place, problem=error) if place else error)
        if place.count(".") == 1:  # of a table, not of somebody on its list
            self.doubtful.add(place)

    def _follows(self, error: SchedulerError) -> bool:
        """Whether it may be wrong only because of another mistake, in a table that it speaks of."""
        match error:
            case Contradiction():
                spoken_of = {f"event.{key}" for key in error.about}
            case NotFound():
                spoken_of = {f"{error.facts.get('noun')}.{error.facts.get('key')}"}
            case _:
                return False
        return not self.doubtful.isdisjoint(spoken_of)


def _taken_off(attendee: Attendee) -> bool:
    """Off the list without an answer of their own: by the organizer, who may put them back."""
    return attendee.standing is Standing.WITHDRAWN and attendee.answered_by is None


def _otherwise_answered(attendee: Attendee, draft: AttendeeDraft) -> bool:
    said = PARTSTATS[draft.answer]
    return said is not Partstat.NEEDS_ACTION and said is not attendee.partstat


def _parents_first(events: Mapping[str, EventDraft]) -> Iterator[tuple[str, EventDraft]]:
    """A part can stand before its whole in the file; its row cannot."""
    done: set[str] = set()

    def visit(key: str, path: tuple[str, ...]) -> Iterator[tuple[str, EventDraft]]:
        if key in done or key not in events or key in path:
            return
        parent = events[key].parent
        if parent:
            yield from visit(parent, (*path, key))
        if key not in done:
            done.add(key)
            yield key, events[key]

    for key in events:
        yield from visit(key, ())

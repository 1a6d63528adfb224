"""Apply a programme file: as a whole or not at all.

What only the desk has changed since the file was last applied stays, and is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from scheduler.base.errors import Conflict, Problems, SchedulerError
from scheduler.model.events import Event, Status
from scheduler.model.feeds import Feed
from scheduler.model.places import Person, Venue
from scheduler.services.common.changes import Change
from scheduler.services.common.drafts import Draft
from scheduler.services.common.lookup import Lookup
from scheduler.services.consulate.posts import post_mapping
from scheduler.services.consulate.posts.post_drafts import PostDraft
from scheduler.services.events.programme import event_mapping, places, planning
from scheduler.services.events.programme.conflicts import conflict_check
from scheduler.services.events.programme.conflicts.contradictions import Contradiction
from scheduler.services.events.programme.event_drafts import EventDraft
from scheduler.services.events.programme.event_mapping import WITH_EVENT
from scheduler.services.events.programme.places import NOUNS
from scheduler.services.exchange.file_attendees import FileAttendees
from scheduler.services.exchange.file_problems import FileProblems
from scheduler.services.exchange.file_reader import ProgrammeSource
from scheduler.services.exchange.merging.memory import Decider, FileMemory, Undecided
from scheduler.services.exchange.programme_file import ProgrammeFile
from scheduler.services.outbox import kind_reminders

D = TypeVar("D", bound=Draft)


def apply(
    session: Session,
    file: ProgrammeFile,
    *,
    now: datetime,
    force: str | None = None,
    doubtful: Collection[str] = (),
    decide: Decider = lambda _noun, _key, _cell: None,
) -> list[Change]:
    """Make the programme be as the file says, by key, and return every change in the order of the file.

    What only the desk has changed since the file was last applied stays; ``decide`` names the winner where both have
    changed the same. Nothing is deleted: an event that this programme no longer names is cancelled, an attendee is
    withdrawn. ``doubtful`` tables ("event.opening") had mistakes when the file was read; errors that may only follow
    from these are not reported. ``force`` is the reason for which contradictions are overruled. Raise Problems with
    everything that is wrong, and Undecided if there is no winner; the caller must then roll back, and also whenever
    there are doubtful tables.
    """
    run = _FileApplication(session, file, now, doubtful, FileMemory(session, file.programme.key, decide))
    run.put_places()
    run.put_events()
    run.cancel_missing()
    run.put_attendees()
    run.put_feeds()
    run.put_posts()
    run.problems.raise_all()
    run.refuse_undecided()
    run.refuse_conflicts(force)
    run.problems.raise_all()
    run.memory.record()
    return run.list_changes()


def apply_source(
    session: Session,
    source: ProgrammeSource,
    *,
    now: datetime,
    force: str | None = None,
    decide: Decider = lambda _noun, _key, _cell: None,
) -> list[Change]:
    """Apply a programme file that was read, as `apply` does; its own mistakes are told with those that are found.

    Raise what `apply` raises, each mistake with its line.
    """
    try:
        changes = apply(session, source.file, now=now, force=force, doubtful=source.doubtful, decide=decide)
    except Undecided as error:
        raise source.told() if source.mistakes else error from error
    except SchedulerError as error:
        raise source.told(error) from error
    if source.mistakes:
        raise source.told()
    return changes


class _FileApplication:
    """One application of a file: what was looked up, changed and found wrong so far."""

    def __init__(
        self, session: Session, file: ProgrammeFile, now: datetime, doubtful: Collection[str], memory: FileMemory
    ) -> None:
        self.session, self.file, self.now, self.memory = session, file, now, memory
        self.lookup = Lookup(session)
        self.changes: list[Change] = []
        self.replanned: list[Event] = []  # may contradict others now
        self.problems = FileProblems(doubtful)
        self.kind_reminders = kind_reminders.list_reminders(session)

    def put_places(self) -> None:
        """Put cities, organisations, venues and people."""
        options = {
            "venue": (selectinload(Venue.hours), selectinload(Venue.closures), selectinload(Venue.city)),
            "person": (selectinload(Person.organisation),),
        }
        for name in ("city", "organisation", "venue", "person"):
            drafts: Mapping[str, Draft] = getattr(self.file, name)
            self.lookup.load(NOUNS[name].kind, drafts, *options.get(name, ()))
            self._put_all(name, drafts)

    def put_feeds(self) -> None:
        """Put feeds, which name cities, organisers and tours."""
        self.lookup.load(Feed, self.file.feed)
        self._put_all("feed", self.file.feed)

    def put_posts(self) -> None:
        """Put posts; after the events, because a post names the one that opens it."""
        for key, draft in self.file.post.items():
            with self.problems.collecting(f"post.{key}"):
                desk = post_mapping.lock_and_read(self.session, key)
                merged = _merge_post(self.memory, key, post_mapping.normalize(draft), desk)
                if merged is not None:
                    self.changes += post_mapping.put(self.session, key, merged, now=self.now, lookup=self.lookup)

    def _put_all(self, name: str, drafts: Mapping[str, Draft]) -> None:
        noun, language = NOUNS[name], self.file.programme.language
        for key, draft in drafts.items():
            with self.problems.collecting(f"{name}.{key}"):
                row = places.find_row(noun, key, draft, self.lookup)
                desk = places.read_draft(row) if row else None
                wanted, written = places.complete(draft, language), draft.model_fields_set
                merged = self.memory.merge(name, key, wanted, desk, written=written)
                if merged is not None:
                    done = places.put(
                        self.session, noun, key, merged, now=self.now, language=language, lookup=self.lookup
                    )
                    self.changes.append(done)

    def put_events(self) -> None:
        """Put all events, then settle them together."""
        events = self.file.event
        self.lookup.load(Event, events, *WITH_EVENT, change=True)
        self.lookup.load(Venue, [draft.venue for draft in events.values() if draft.venue])
        pending: list[planning.Pending] = []
        with self.session.no_autoflush:  # all rows are flushed together, below
            for key, draft in _order_by_parent(events):
                with self.problems.collecting(f"event.{key}"):
                    pending += self._prepare(key, draft)
        retimed = planning.settle(self.session, pending, now=self.now)
        for one in pending:
            with self.problems.collecting(f"event.{one.event.key}"):
                impact = planning.conclude(self.session, one, retimed, now=self.now)
                self.changes.append(impact.change)
                if impact.replanned:
                    self.replanned.append(impact.event)

    def _prepare(self, key: str, draft: EventDraft) -> Iterator[planning.Pending]:
        """Write an event, unless it was removed at the desk and stays so."""
        head, event = self.file.programme, self.lookup.find(Event, key)
        desk = self._name_zone(event_mapping.read_draft(event)) if event else None
        written = draft.model_fields_set
        if draft.reminders is None and draft.kind in head.reminders:
            draft, written = (
                draft.model_copy(update={"reminders": head.reminders[draft.kind]}),
                {*written, "reminders"},
            )
        wanted = self._name_zone(event_mapping.complete(draft.normalize(tz=draft.tz or self._find_zone(draft)), desk))
        merged = self.memory.merge("event", key, wanted, desk, written=written)
        if merged is not None:
            if event is None and draft.reminders is None:  # of no concern to the memory of what the file says
                unstated = merged.model_copy(update={"reminders": None})
                merged = event_mapping.begin_with_reminders(unstated, self.kind_reminders)
            yield planning.prepare(
                self.session, key, merged, now=self.now, lookup=self.lookup, programme=head.key, tz=head.tz
            )

    def _find_zone(self, draft: EventDraft) -> str:
        return event_mapping.find_zone(draft, self.lookup) or self.file.programme.tz

    def _name_zone(self, draft: EventDraft) -> EventDraft:
        """Return a draft that only names its zone if it is not that of its place: no other zone was chosen then."""
        return draft.model_copy(update={"tz": None}) if draft.tz == self._find_zone(draft) else draft

    def cancel_missing(self) -> None:
        """Cancel events to come that this programme once named and no longer does."""
        mine = sa.select(Event).where(Event.programme == self.file.programme.key, Event.status != Status.CANCELLED)
        events = self.session.scalars(mine.options(*WITH_EVENT).order_by(Event.key)).all()
        for event in sorted(events, key=_count_wholes, reverse=True):  # parts first: one that stays keeps its whole
            named = event.key in self.file.event or f"event.{event.key}" in self.problems.doubtful
            if not named and not event.cancelled and not event.is_over(self.now):
                with self.problems.collecting(f"event.{event.key}"):
                    self._drop(event)
        for key in self.memory.list_unnamed_events():
            if self.lookup.find(Event, key) is None:
                self.memory.forget_event(key)

    def _drop(self, event: Event) -> None:
        """Cancel an event that the file no longer names, unless it was changed at the desk."""
        desk = self._name_zone(event_mapping.read_draft(event))
        contested = any(self.memory.tells_of("event", part.key) for part in event.children if not part.cancelled)
        if not self.memory.drop("event", event.key, desk, contested=contested):
            return
        kept = [part.key for part in event.children if part.key in self.file.event and not part.cancelled]
        if kept:
            raise Conflict(
                "the file still contains {part}, a part of {event}, but no longer {event}; keep both or remove both",
                event=event.key,
                part=kept[0],
            )
        for impact in planning.cancel_with_parts(self.session, event, now=self.now):
            self.changes.append(impact.change)

    def put_attendees(self) -> None:
        """Make the lists of the events be as the file says."""
        lists = FileAttendees(self.session, self.memory, self.lookup, self.problems, now=self.now)
        lists.put(self.file.event)
        self.changes += lists.changes
        self.replanned += lists.replanned

    def list_changes(self) -> list[Change]:
        """Return what was changed, then what stays as the desk has it."""
        told = self.memory.tells_of
        changes = [one for one in self.changes if one.is_change or one.notes or not told(one.noun, one.key)]
        return [*changes, *self.memory.told]

    def refuse_undecided(self) -> None:
        """Raise Undecided if somebody must be asked first."""
        if self.memory.is_undecided:
            raise Undecided(self.list_changes())

    def refuse_conflicts(self, force: str | None) -> None:
        """Collect the contradictions of what was changed, unless ``force`` is a reason to overrule them."""
        try:
            conflict_check.refuse(self.session, self.replanned, force=force, now=self.now)
        except Contradiction as error:
            self.problems.add(error)
        except Problems as error:
            for problem in error.problems:
                self.problems.add(problem)


def _count_wholes(event: Event) -> int:
    """Return how many events an event is a part of, directly or not."""
    return 1 + _count_wholes(event.parent) if event.parent else 0


def _merge_post(memory: FileMemory, key: str, file: PostDraft, desk: PostDraft | None) -> PostDraft | None:
    """Merge a post with the desk's, and each of its counters and services; None if it stays removed."""
    own = post_mapping.without_parts
    merged = memory.merge("post", key, own(file), own(desk) if desk else None, written=file.model_fields_set)
    if merged is None:
        return None
    counters, services = desk.counter if desk else {}, desk.service if desk else {}
    parts = {
        "counter": _merge_parts(memory, "counter", key, file.counter, counters),
        "service": _merge_parts(memory, "service", key, file.service, services),
    }
    return merged.model_copy(update=parts)


def _merge_parts(
    memory: FileMemory, noun: str, post: str, file: Mapping[str, D], desk: Mapping[str, D]
) -> dict[str, D]:
    merged = {
        key: memory.merge(noun, f"{post}/{key}", draft, desk.get(key), written=draft.model_fields_set)
        for key, draft in file.items()
    }
    return {key: draft for key, draft in merged.items() if draft is not None}


def _order_by_parent(events: Mapping[str, EventDraft]) -> Iterator[tuple[str, EventDraft]]:
    """Yield events so that a whole comes before its parts, as its row must; in the file a part may come first."""
    done: set[str] = set()

    def yield_after_parent(key: str, path: tuple[str, ...]) -> Iterator[tuple[str, EventDraft]]:
        if key in done or key not in events or key in path:
            return
        parent = events[key].parent
        if parent:
            yield from yield_after_parent(parent, (*path, key))
        if key not in done:
            done.add(key)
            yield key, events[key]

    for key in events:
        yield from yield_after_parent(key, ())

"""Import a foreign calendar into the programme, and update it at each further import: as a whole or not at all.

``foreign`` is the event in the source, ``mapped`` that event as a draft, ``known`` our event that was imported
before.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from calendars.foreign import ForeignEvent, Note, Notes
from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.base.text import fold_text, make_slug
from scheduler.model.events import Event, Status
from scheduler.model.imports import Origin
from scheduler.model.places import City, Organisation, Venue
from scheduler.services.common.audit import note
from scheduler.services.common.changes import Change, ChangeKind
from scheduler.services.common.lookup import Lookup
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.conflicts import conflict_check
from scheduler.services.events.programme.event_drafts import EventDraft
from scheduler.services.events.programme.event_mapping import WITH_EVENT, begin_with_reminders, read_draft
from scheduler.services.exchange import calendar_origins
from scheduler.services.exchange.calendar_fields import FIELDS
from scheduler.services.exchange.calendar_mapping import (
    CalendarDefaults,
    MappedEvent,
    compute_digest,
    map_event,
    shorten_uid,
)
from scheduler.services.exchange.calendar_origins import KnownEvent
from scheduler.services.exchange.calendar_series import FileOutline, KnownOccurrences
from scheduler.services.outbox import kind_reminders

MAX_EVENTS = 20_000  # of one import; each occurrence of a series is one
_UID_NAMESPACE = uuid.UUID("6e1d3c1e-9d0c-5d0e-8a43-0f5ad1b4c0de")  # of UIDs made here (RFC 9562, 5.5)
_MAX_KEYS = 5  # that one note names
BATCH = 500  # events that are in memory as rows at the same time
MAX_KEY = 80  # characters, as in the table


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The options of an import. Events outside ``days`` (first, last) are neither read nor reported as missing."""

    terms: CalendarDefaults
    days: tuple[date, date]
    theirs: bool = False  # where officers and the source have changed the same field, take the value of the source
    cancel_missing: bool = False
    force: str | None = None


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The changes of an import, made or proposed. ``said`` has title and time of each event changed, by key."""

    changes: tuple[Change, ...]
    notes: tuple[Note, ...]
    said: Mapping[str, str]


def import_events(
    session: Session, events: Sequence[ForeignEvent], options: ImportOptions, *, notes: Iterable[Note], now: datetime
) -> ImportReport:
    """Add and update the events of a source, by UID and RECURRENCE-ID; ``notes`` are those made when it was read.

    Only fields that changed in the source since the last import are written, so that changes of officers stay. A
    field that both have changed keeps the officers' value, and is reported. Raise NotFound for a place that does not
    exist, Conflict for contradictions, Invalid for more than MAX_EVENTS.
    """
    if len(events) > MAX_EVENTS:
        message = N_(
            "until: there are {count} events in this time; at most {most} can be imported in one run, "
            "so give an earlier day"
        )
        raise Invalid(message, count=len(events), most=MAX_EVENTS)
    run = _CalendarImport(session, options, tuple(notes), now)
    run.classify(events)
    run.add_new()
    run.update_changed()
    run.handle_missing()
    return run.finish()


@dataclass(slots=True)
class _Step:
    """An event that is being written; ``mapped`` is None if its source no longer has it."""

    pending: planning.Pending
    mapped: MappedEvent | None
    origin: Origin | None
    kept: Mapping[str, list[str]] = field(default_factory=dict)  # fields that keep the officers' value


class _CalendarImport:
    """One import in progress: what was looked up, sorted and written so far."""

    def __init__(self, session: Session, options: ImportOptions, read_notes: tuple[Note, ...], now: datetime) -> None:
        self.session, self.options, self.now, self.read_notes = session, options, now, read_notes
        self.lookup, self.notes = Lookup(session), Notes()
        self.kind_reminders = kind_reminders.list_reminders(session)
        self.terms = replace(options.terms, venues=_read_venues(session, self.lookup, options.terms))
        self.known = calendar_origins.read_known(session, self.terms.source)
        self.seen: set[tuple[str, str]] = set()  # UID and RECURRENCE-ID of what the source still has
        self.elsewhere: Mapping[str, list[KnownEvent]] = {}  # by UID, of what only other sources know
        self.file = FileOutline()
        self.cancelled: list[KnownEvent] = []  # occurrences of a series that was cancelled as a whole
        self.new: list[MappedEvent] = []
        self.taken: Mapping[str, str] = {}  # keys of our events by UID
        self.changed: list[tuple[MappedEvent, KnownEvent]] = []
        self.changes: list[Change] = []
        self.said: dict[str, str] = {}
        self.replanned: list[int] = []  # ids of events that may contradict the plan now
        self.unchanged: list[str] = []

    # Sorting into new, changed and unchanged

    def classify(self, events: Iterable[ForeignEvent]) -> None:
        """Sort the events of the source into new, changed and unchanged ones."""
        mapped = self._map(events)
        self._adopt_from_elsewhere(mapped)
        occurrences = KnownOccurrences(self.known)
        mapped |= self._map(occurrences.spread_ranges([one.foreign for one in mapped.values()]))
        alike = [replace(one, foreign=occurrences.name_alike(one.foreign)) for one in mapped.values()]
        mapped = {one.name: one for one in alike}
        self.file = FileOutline.of(one.foreign for one in mapped.values())
        self.seen = set(mapped)
        renamed = self._match_new_uids(mapped) | occurrences.match_moved(mapped)
        self.seen.update((known.origin.uid, known.origin.recurrence_id) for known in renamed.values())
        for name, one in mapped.items():
            self._classify(one, self.known.get(name) or renamed.get(name))

    def _map(self, events: Iterable[ForeignEvent]) -> dict[tuple[str, str], MappedEvent]:
        return {one.name: one for event in events if (one := map_event(event, self.terms, self.notes))}

    def _adopt_from_elsewhere(self, mapped: Mapping[tuple[str, str], MappedEvent]) -> None:
        """Take as known what another source has brought in under the same UID: invitations come as loose files."""
        own = {uid for uid, _ in self.known}
        by_uid: dict[str, list[MappedEvent]] = {}
        for one in mapped.values():
            by_uid.setdefault(one.name[0], []).append(one)
        self.elsewhere = calendar_origins.read_imported_elsewhere(
            self.session, self.terms.source, (uid for uid in by_uid if uid not in own)
        )
        for uid, candidates in self.elsewhere.items():
            source = calendar_origins.find_source_of_same(by_uid[uid], candidates)
            self.known |= {known.name: known for known in candidates if known.origin.source == source}

    def _classify(self, one: MappedEvent, known: KnownEvent | None) -> None:
        foreign = one.foreign
        if known is None:
            self._take_unknown(one)
        elif known.origin.digest == one.digest:
            self._take_unchanged(one, known)
        elif calendar_origins.is_older(foreign, known.origin):
            self._note_older(one, known.key)
            self.unchanged.append(known.key)
        elif known.origin.source == self.terms.source:
            self.changed.append((one, known))
        elif calendar_origins.is_newer(foreign, known.origin) or one.draft.status is Status.CANCELLED:
            message = N_("{event} was imported from {source}; this is a newer revision of it.")
            self.notes.add_mended(foreign.line, foreign.uid, message, event=known.key, source=known.origin.source)
            self.changed.append((one, known))
        elif one.looks == calendar_origins.looks_of(known.origin):
            self._take_unchanged(one, known)
        else:
            self.new.append(one)

    def _match_new_uids(self, mapped: Mapping[tuple[str, str], MappedEvent]) -> dict[tuple[str, str], KnownEvent]:
        """Return known events that have a new UID now: with title and time of one whose UID is gone."""
        vanished = {
            calendar_origins.looks_of(known.origin): known for name, known in self.known.items() if name not in mapped
        }
        series = {uid for uid, occurrence in self.known if occurrence}
        unknown = (
            one
            for name, one in mapped.items()
            if name not in self.known
            and not one.foreign.cancellation
            and not (one.draft.status is Status.CANCELLED and name[0] in series)
        )
        return {one.name: known for one in unknown if (known := vanished.pop(one.looks, None))}

    def _take_unknown(self, one: MappedEvent) -> None:
        """Take a new event unless it is cancelled; that is noted, but not of an occurrence beside its series."""
        foreign, uid = one.foreign, one.name[0]
        others = [known for (known_uid, _), known in self.known.items() if known_uid == uid]
        if others and min(known.origin.sequence for known in others) > foreign.sequence:
            self._note_older(one, others[0].key)
        elif one.draft.status is not Status.CANCELLED:
            self.new.append(one)
        elif others and foreign.recurrence_id is None:
            self._cancel_series(one, others)
        elif not foreign.expanded:
            self.notes.add_ignored(
                foreign.line, foreign.uid, N_("It is cancelled in that calendar and does not exist here.")
            )

    def _cancel_series(self, one: MappedEvent, occurrences: Iterable[KnownEvent]) -> None:
        """Cancel the occurrences to come of a series that is cancelled as a whole, without naming them."""
        for known in occurrences:
            if known.status is not Status.CANCELLED and known.ends_at is not None and known.ends_at > self.now:
                calendar_origins.record_revision(known.origin, one.foreign)
                self.seen.add(known.name)
                self.cancelled.append(known)

    def _take_unchanged(self, one: MappedEvent, known: KnownEvent) -> None:
        """Keep the event, and record its SEQUENCE: that also rises for what is not taken over, such as attendees."""
        if known.origin.source != self.terms.source:
            message = N_("This event exists already: {event}, imported from {source}.")
            facts = {"event": known.key, "source": known.origin.source}
            self.notes.add_ignored(one.foreign.line, one.foreign.uid, message, **facts)
        calendar_origins.identify(known.origin, one)
        known.origin.sequence = max(known.origin.sequence, one.foreign.sequence)
        self.unchanged.append(known.key)

    def _note_older(self, one: MappedEvent, key: str) -> None:
        message = N_("This revision is older than the one that was imported before; {event} is not changed.")
        self.notes.add_ignored(one.foreign.line, one.foreign.uid, message, event=key)

    # Adding

    def add_new(self) -> None:
        """Add the new events, except those that the programme has itself."""
        new = self._drop_our_own()
        self.new.clear()
        keys = self._choose_keys(new)
        while new:
            batch, new[:BATCH] = new[:BATCH], []
            self.lookup = Lookup(self.session)
            self.lookup.load(Event, [keys[one.name] for one in batch])
            with self.session.no_autoflush:  # all rows of a batch are flushed together
                steps = [self._add(one, keys[one.name]) for one in batch]
            self._settle(steps)

    def _add(self, one: MappedEvent, key: str) -> _Step:
        pending = self._prepare(key, begin_with_reminders(one.draft, self.kind_reminders))
        pending.event.uid = self._choose_uid(one)
        pending.event.sequence = one.foreign.sequence
        return _Step(pending, one, None)

    def _drop_our_own(self) -> list[MappedEvent]:
        """Return the new events without those that we published ourselves."""
        self.taken = self._read_own_uids()
        imported = {uid for uid, _ in self.known} | self.elsewhere.keys()
        left = []
        for one in self.new:
            uid, foreign = one.name[0], one.foreign
            if uid in self.taken and uid not in imported:
                message = N_("This event exists already: {event}; what we publish ourselves is not imported.")
                self.notes.add_refused(foreign.line, foreign.uid, message, event=self.taken[uid])
            else:
                left.append(one)
        return left

    def _read_own_uids(self) -> dict[str, str]:
        uids = (one.name[0] for one in self.new)
        query = sa.select(Event.uid, Event.key)
        return dict(calendar_origins.execute_in_chunks(self.session, query, Event.uid, uids))

    def _choose_uid(self, one: MappedEvent) -> str:
        """Return the UID of the source, or one made here for an occurrence or if another event has that UID.

        It is the same at each import from this source, whatever was deleted in between.
        """
        (uid, occurrence), foreign = one.name, one.foreign
        if not occurrence and uid not in self.taken:
            return uid
        if not occurrence:
            message = N_("Another event has this UID already: {event}; this one was given a new UID.")
            self.notes.add_mended(foreign.line, foreign.uid, message, event=self.taken[uid])
        return str(uuid.uuid5(_UID_NAMESPACE, "\n".join((self.terms.source, uid, occurrence))))

    def _choose_keys(self, new: Iterable[MappedEvent]) -> dict[tuple[str, str], str]:
        """Return a readable key for each new event: title and day, and a digest if another event has that key.

        The digest is the longer the more events share a key: of all its digits no two are alike.
        """
        keys: dict[tuple[str, str], str] = {}
        left = {one.name: _make_key(one) for one in new}
        for digits in (0, 6, 12, 32):
            wanted = {name: self._add_digest(key, name, digits) for name, key in left.items()}
            query = sa.select(Event.key)
            rows = calendar_origins.execute_in_chunks(self.session, query, Event.key, wanted.values())
            taken = {key for (key,) in rows}.union(keys.values())
            for name, key in wanted.items():
                if key not in taken:
                    keys[name] = key
                    taken.add(key)
                    del left[name]
        return keys

    def _add_digest(self, key: str, name: tuple[str, str], digits: int) -> str:
        if not digits:
            return key
        return f"{key[: MAX_KEY - 1 - digits]}-{compute_digest((self.terms.source, name))[:digits]}"

    def _prepare(self, key: str, draft: EventDraft) -> planning.Pending:
        return planning.prepare(
            self.session, key, draft, now=self.now, lookup=self.lookup, tz=draft.tz or self.terms.tz
        )

    # Updating

    def update_changed(self) -> None:
        """Write into known events what has changed in the source."""
        self.changed.sort(key=lambda one: one[1].key)
        self._lock(known.key for _, known in self.changed)
        while self.changed:
            batch, self.changed[:BATCH] = self.changed[:BATCH], []
            self._load(known for _, known in batch)
            with self.session.no_autoflush:
                steps = [self._update(one, known) for one, known in batch]
            self._settle(steps)

    def _lock(self, keys: Iterable[str]) -> None:
        """Lock events before any of them is written, in the order of their keys."""
        query = sa.select(Event.id).order_by(Event.key).with_for_update(key_share=True)
        for _ in calendar_origins.execute_in_chunks(self.session, query, Event.key, keys):
            pass

    def _load(self, batch: Iterable[KnownEvent]) -> None:
        self.lookup = Lookup(self.session)
        self.lookup.load(Event, [known.key for known in batch], *WITH_EVENT, change=True)

    def _update(self, one: MappedEvent, known: KnownEvent) -> _Step:
        here = read_draft(self.lookup.get(Event, known.key))
        draft, kept = self._merge(here, one, known)
        pending = self._prepare(known.key, draft)
        if pending.change.is_change:
            # SEQUENCE is raised by one when the change is settled: then it is at least that of the source.
            pending.event.sequence = max(pending.event.sequence, one.foreign.sequence - 1)
        return _Step(pending, one, known.origin, kept)

    def _merge(
        self, here: EventDraft, one: MappedEvent, known: KnownEvent
    ) -> tuple[EventDraft, dict[str, list[str]]]:
        """Return our draft with the fields that changed in the source, and the fields that keep our value.

        Of the latter, each with the digests (read, written) of the last import.
        """
        origin, draft, kept = known.origin, here, dict[str, list[str]]()
        before = origin.fields
        for name, there in one.told.items():
            if name in before and before[name][0] == there:
                continue
            given = FIELDS[name].given(one, origin, self.terms.language)
            current = FIELDS[name].read(here, origin.language)
            edited = name in before and compute_digest(current) != before[name][1]
            if edited and current != given and not self.options.theirs:
                kept[name] = before[name]
                self._note_both_changed(one, known.key, name)
            else:
                draft = draft.model_copy(update=FIELDS[name].write(draft, origin.language, given))
        return draft, kept

    def _note_both_changed(self, one: MappedEvent, key: str, name: str) -> None:
        message = N_(
            "{field} of {event} has changed in that calendar and here; ours is kept (to take theirs, use --theirs)."
        )
        self.notes.add_ignored(one.foreign.line, one.foreign.uid, message, field=name, event=key)

    # Missing events

    def handle_missing(self) -> None:
        """Cancel events that the source no longer has if the options say so, else note them.

        There are many reasons for which a calendar comes cut short: so it is not done without being asked for.
        Series that the source cancels as a whole are cancelled in any case.
        """
        if self.cancelled:
            self._cancel(self.cancelled)
        missing = [known for name, known in self.known.items() if name not in self.seen and self._is_missing(known)]
        if not missing:
            return
        if self.options.cancel_missing:
            self._cancel(missing)
            return
        keys = ", ".join(known.key for known in missing[:_MAX_KEYS]) + (", …" if missing[_MAX_KEYS:] else "")
        message = N_(
            "No longer in that calendar, and not changed here (to cancel them, use --cancel-missing): "
            "{count}: {events}."
        )
        self.notes.add_ignored(None, "", message, count=len(missing), events=keys)

    def _is_missing(self, known: KnownEvent) -> bool:
        """Return whether the file should have the event: it is not over, within the days, and was not refused."""
        if known.status is Status.CANCELLED or known.dtstart is None or known.ends_at is None:
            return False
        if not self.file.should_have(known):
            return False
        first, last = self.options.days
        inside = first <= known.dtstart.date() <= last and known.ends_at > self.now
        return inside and known.origin.uid not in self._refused_uids

    @property
    def _refused_uids(self) -> set[str]:
        """Return the UIDs of events that are in the file, but were refused or cut off by a limit when it was read."""
        notes = (*self.read_notes, *self.notes.list_by_line())
        return {shorten_uid(one.uid) for one in notes if one.kind == "refused" or "most" in one.facts}

    def _cancel(self, missing: list[KnownEvent]) -> None:
        missing = sorted(missing, key=lambda known: known.key)
        self._lock(known.key for known in missing)
        while missing:
            batch, missing[:BATCH] = missing[:BATCH], []
            self._load(batch)
            with self.session.no_autoflush:
                steps = [self._cancel_one(known) for known in batch]
            self._settle(steps)

    def _cancel_one(self, known: KnownEvent) -> _Step:
        here = read_draft(self.lookup.get(Event, known.key))
        draft = here.model_copy(update={"status": Status.CANCELLED})
        return _Step(self._prepare(known.key, draft), None, known.origin)

    # Finishing

    def _settle(self, steps: Sequence[_Step]) -> None:
        """Settle a batch of events and record their origins; then nothing holds them, and memory is free again."""
        pending = [step.pending for step in steps]
        retimed = planning.settle(self.session, pending, now=self.now)
        impacts = [planning.conclude(self.session, one, retimed, now=self.now) for one in pending]
        self.session.add_all([self._record_origin(step) for step in steps])
        self.session.flush()
        self.replanned += [impact.event.id for impact in impacts if impact.replanned]
        self.changes += [impact.change for impact in impacts]
        self.said |= {one.event.key: _describe(one.draft) for one in pending}

    def finish(self) -> ImportReport:
        """Refuse contradictions, once all events are written, and report."""
        self.replanned.sort()
        for first in range(0, len(self.replanned), BATCH):
            ids = self.replanned[first : first + BATCH]
            events = self.session.scalars(sa.select(Event).where(Event.id.in_(ids)).options(*WITH_EVENT)).all()
            conflict_check.refuse(self.session, events, force=self.options.force, now=self.now)
        self._note_import(self.changes)
        idle = [Change("event", key, ChangeKind.UNCHANGED) for key in self.unchanged]
        return ImportReport((*self.changes, *idle), self._list_notes(), self.said)

    def _list_notes(self) -> tuple[Note, ...]:
        return tuple(sorted((*self.read_notes, *self.notes.list_by_line()), key=lambda one: one.line or 0))

    def _note_import(self, changes: Iterable[Change]) -> None:
        counts = [change.verb for change in changes if change.is_change]
        if counts:
            made = {str(verb): counts.count(verb) for verb in dict.fromkeys(counts)}
            note(self.session, "import", "calendar", self.terms.source[:120], now=self.now, made=made)

    def _record_origin(self, step: _Step) -> Origin:
        """Record digests of what was read and of what was written for it: the next import compares with both."""
        origin = step.origin or self._make_origin(step)
        if step.mapped is None:
            origin.digest = ""
            origin.fields = {**origin.fields, "status": ["", compute_digest(step.pending.draft.status)]}
            return origin
        calendar_origins.identify(origin, step.mapped)
        calendar_origins.record_revision(origin, step.mapped.foreign)
        written = {
            name: [there, compute_digest(FIELDS[name].read(step.pending.draft, origin.language))]
            for name, there in step.mapped.told.items()
        }
        origin.fields = {**origin.fields, **written, **step.kept}
        # Without a digest the difference is noted again at each import, until it is resolved.
        origin.digest = "" if step.kept else step.mapped.digest
        return origin

    def _make_origin(self, step: _Step) -> Origin:
        return Origin(
            event=step.pending.event, source=self.terms.source, language=self.terms.language, sequence=0, fields={}
        )


def _read_venues(session: Session, lookup: Lookup, terms: CalendarDefaults) -> dict[str, str]:
    """Return the keys of venues by each of their names, folded; only those in the city of ``terms``, if it has one.

    Raise NotFound if ``terms`` name a place that does not exist.
    """
    for kind, key in ((Venue, terms.venue), (City, terms.city), (Organisation, terms.organizer)):
        if key:
            lookup.get(kind, key)  # type: ignore[type-var] # each kind with a key of its own
    query = sa.select(Venue.key, Venue.name).order_by(Venue.key.desc())
    if terms.city:
        query = query.join(Venue.city).where(City.key == terms.city)
    return {fold_text(name): key for key, names in session.execute(query) for name in names.values()}


def _make_key(one: MappedEvent) -> str:
    """Return title and day as a key; the kind and day if the title has no Latin letters to make one from."""
    day = one.draft.first_day or (one.draft.dtstart.date() if one.draft.dtstart else None)
    words = make_slug(one.draft.title.to("en"))[:60].strip("-")
    return f"{words if len(words) > 2 else make_slug(one.draft.kind)}-{day}"


def _describe(draft: EventDraft) -> str:
    title = str(draft.title)
    if draft.dtstart is not None:
        return f"{title} · {draft.dtstart:%Y-%m-%d %H:%M} {draft.tz}"
    days = dict.fromkeys(f"{day}" for day in (draft.first_day, draft.last_day))
    return f"{title} · {'–'.join(days)}"

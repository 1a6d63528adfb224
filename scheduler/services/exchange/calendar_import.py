"""Foreign calendars brought into the programme, and brought up to date: all of it or nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import islice
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from calendars.foreign import ForeignEvent, Note, Notes
from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.base.text import Text, folded, slug
from scheduler.model import City, Event, Organisation, Origin, Status, Venue, Visibility
from scheduler.services.common.audit import note
from scheduler.services.common.changes import Change, ChangeKind
from scheduler.services.common.lookup import Lookup
from scheduler.services.events.programme import conflicts, planning
from scheduler.services.events.programme.event_drafts import EventDraft
from scheduler.services.events.programme.event_mapping import WITH_EVENT, draft_of
from scheduler.services.exchange.calendar_mapping import (
    CalendarDefaults,
    MappedEvent,
    digest,
    fitting,
    map_event,
)

MAX_EVENTS = 20_000  # events of one import, each occurrence of a series being one
_OCCURRENCES = uuid.UUID("6e1d3c1e-9d0c-5d0e-8a43-0f5ad1b4c0de")  # of UIDs made for occurrences
_NAMED = 5  # how many keys a note names


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What is asked of an import. ``days``: what lies outside them is neither read nor missed."""

    terms: CalendarDefaults
    days: tuple[date, date]
    theirs: bool = False  # where the desk and the source have changed the same field, the source is right
    cancel_missing: bool = False
    force: str | None = None


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or would do. ``said``: title and time of what is added or changed, by key."""

    changes: tuple[Change, ...]
    notes: tuple[Note, ...]
    said: Mapping[str, str]


def import_events(
    session: Session, events: Sequence[ForeignEvent], wanted: ImportOptions, *, notes: Iterable[Note], now: datetime
) -> ImportReport:
    """Make the events of a source be as it says, by UID and RECURRENCE-ID; ``notes`` are those of its reading.

    Only what has changed there is changed here, so that the desk's own changes stay; what both have changed stays
    as the desk has it, and is told. Raises NotFound for a place nobody has, Conflict for contradictions.
    """
    if len(events) > MAX_EVENTS:
        message = N_("until: there are {count} events in this time; at most {most} are imported at once")
        raise Invalid(message, count=len(events), most=MAX_EVENTS)
    work = _CalendarImport(session, wanted, tuple(notes), now)
    work.sort(events)
    work.add()
    work.update()
    work.miss()
    return work.settle()


class _Known(NamedTuple):
    """An event of this source that is here, as far as it takes to see whether it has changed."""

    origin: Origin
    key: str
    status: Status
    dtstart: datetime | None
    ends_at: datetime | None


@dataclass(slots=True)
class _Step:
    """An event that is written; ``brought`` is nothing for one that its source no longer has."""

    pending: planning.Pending
    brought: MappedEvent | None
    origin: Origin | None
    kept: Mapping[str, list[str]] = field(default_factory=dict)  # fields that stay as the desk has them


class _CalendarImport:
    """One import: what was looked up, changed and told on the way."""

    def __init__(self, session: Session, wanted: ImportOptions, read: tuple[Note, ...], now: datetime) -> None:
        self.session, self.wanted, self.now, self.read = session, wanted, now, read
        self.lookup, self.notes = Lookup(session), Notes()
        self.terms = replace(wanted.terms, venues=_venues(session, self.lookup, wanted.terms))
        self.known = _known(session, self.terms.source)
        self.seen: set[tuple[str, str]] = set()
        self.new: list[MappedEvent] = []
        self.taken: Mapping[str, str] = {}  # UIDs of events that are here, with their keys
        self.changed: list[tuple[MappedEvent, _Known]] = []
        self.steps: list[_Step] = []
        self.unchanged: list[str] = []

    # What is new, what has changed

    def sort(self, events: Iterable[ForeignEvent]) -> None:
        brought = {one.name: one for event in events if (one := map_event(event, self.terms, self.notes))}
        self.seen = set(brought)
        renamed = self._renamed(brought)
        for name, one in brought.items():
            known = self.known.get(name) or renamed.get(name)
            if known is None:
                self._new(one)
            elif known.origin.digest == one.digest:
                self._unchanged(one, known)
            elif _older(one.foreign, known.origin):
                message = N_("An older revision than the one imported before; {event} stays as it is.")
                self.notes.add_ignored(one.foreign.line, one.foreign.uid, message, event=known.key)
                self.unchanged.append(known.key)
            else:
                self.changed.append((one, known))

    def _renamed(self, brought: Mapping[tuple[str, str], MappedEvent]) -> dict[tuple[str, str], _Known]:
        """What has a new UID, but the title and time of an event that has vanished, is that event."""
        vanished = {_looks(known.origin): known for name, known in self.known.items() if name not in brought}
        found = {}
        for name, one in brought.items():
            if name not in self.known and (known := vanished.pop(one.looks, None)):
                found[name] = known
                self.seen.add((known.origin.uid, known.origin.recurrence_id))
        return found

    def _new(self, one: MappedEvent) -> None:
        """What was cancelled before anybody here knew of it is no news; that a series leaves days out, even less."""
        if one.draft.status is not Status.CANCELLED:
            self.new.append(one)
        elif one.foreign.recurrence_id is None:
            self.notes.add_ignored(one.foreign.line, one.foreign.uid, N_("Cancelled there, and not known here."))

    def _unchanged(self, one: MappedEvent, known: _Known) -> None:
        """SEQUENCE rises there for what we do not take over, such as attendees."""
        _identify(known.origin, one)
        known.origin.sequence = max(known.origin.sequence, one.foreign.sequence)
        self.unchanged.append(known.key)

    def add(self) -> None:
        self.new = self._not_here()
        keys = self._keys()
        self.lookup.load(Event, keys.values())
        with self.session.no_autoflush:  # all rows are written at once, when they are settled
            for one in self.new:
                pending = self._prepare(keys[one.name], one.draft)
                pending.event.uid = self._uid(one)
                pending.event.sequence = one.foreign.sequence
                self.steps.append(_Step(pending, one, None))

    def _not_here(self) -> list[MappedEvent]:
        """What is not here already: planned here and exported, or imported from elsewhere."""
        self.taken, elsewhere = self._own_uids(), self._elsewhere()
        others = {uid for uid, _ in elsewhere}
        left = []
        for one in self.new:
            uid, foreign = one.name[0], one.foreign
            there = elsewhere.get(one.name)
            if there and there.looks == one.looks:
                message = N_("{event} is this event already, imported from {source}.")
                self.notes.add_ignored(foreign.line, foreign.uid, message, event=there.key, source=there.source)
            elif uid in self.taken and uid not in others:
                message = N_("{event} is this event already: what we publish is not imported.")
                self.notes.add_refused(foreign.line, foreign.uid, message, event=self.taken[uid])
            else:
                left.append(one)
        return left

    def _own_uids(self) -> dict[str, str]:
        uids = (one.name[0] for one in self.new)
        return dict(self._rows(sa.select(Event.uid, Event.key), Event.uid, uids))

    def _elsewhere(self) -> dict[tuple[str, str], _Elsewhere]:
        query = sa.select(Origin, Event.key).join(Origin.event)
        rows = self._rows(query, Origin.uid, (one.name[0] for one in self.new))
        return {
            (origin.uid, origin.recurrence_id): _Elsewhere(key, origin.source, _looks(origin)) for origin, key in rows
        }

    def _rows(self, query: sa.Select[*tuple[Any, ...]], column: Any, values: Iterable[str]) -> Iterator[Any]:
        rest = iter(sorted(set(values)))
        while chunk := list(islice(rest, 500)):
            yield from self.session.execute(query.where(column.in_(chunk)))

    def _uid(self, one: MappedEvent) -> str:
        """The foreign UID; one of its own for an occurrence, and where another event has that UID already.

        The same at each import of the same source, whatever was deleted in between.
        """
        (uid, occurrence), foreign = one.name, one.foreign
        if not occurrence and uid not in self.taken:
            return uid
        if not occurrence:
            message = N_("Another event has this UID already; this one was given its own.")
            self.notes.add_mended(foreign.line, foreign.uid, message)
        return str(uuid.uuid5(_OCCURRENCES, "\n".join((self.terms.source, uid, occurrence))))

    def _keys(self) -> dict[tuple[str, str], str]:
        """A readable key for each: its title and day; with some digits where that is another's already."""
        wishes = {one.name: _wish(one) for one in self.new}
        taken = {key for (key,) in self._rows(sa.select(Event.key), Event.key, wishes.values())}
        keys = {}
        for name, wish in wishes.items():
            keys[name] = wish if wish not in taken else f"{wish[:73]}-{digest((self.terms.source, name))[:6]}"
            taken.add(keys[name])
        return keys

    def _prepare(self, key: str, draft: EventDraft) -> planning.Pending:
        return planning.prepare(
            self.session, key, draft, now=self.now, lookup=self.lookup, tz=draft.tz or self.terms.tz
        )

    # What has changed there

    def update(self) -> None:
        self.lookup.load(Event, [known.key for _, known in self.changed], *WITH_EVENT, change=True)
        with self.session.no_autoflush:
            for one, known in self.changed:
                self._update(one, known)

    def _update(self, one: MappedEvent, known: _Known) -> None:
        here = draft_of(self.lookup.get(Event, known.key))
        draft, kept = self._merged(here, one, known)
        pending = self._prepare(known.key, draft)
        if pending.change.is_change:
            # A visible change raises it by one: never below theirs, and never below our own.
            pending.event.sequence = max(pending.event.sequence, one.foreign.sequence - 1)
        self.steps.append(_Step(pending, one, known.origin, kept))

    def _merged(self, here: EventDraft, one: MappedEvent, known: _Known) -> tuple[EventDraft, dict[str, list[str]]]:
        """The event as it is here, with the fields that have changed there since the last import."""
        origin, draft, kept = known.origin, here, dict[str, list[str]]()
        before = origin.fields
        for name, there in one.said.items():
            if name in before and before[name][0] == there:
                continue
            given = _FIELDS[name].given(one, origin, self.terms.language)
            current = _FIELDS[name].read(here, origin.language)
            edited = name in before and digest(current) != before[name][1]
            if edited and current != given and not self.wanted.theirs:
                kept[name] = before[name]
                self._tell_of_both(one, known.key, name)
            else:
                draft = draft.model_copy(update=_FIELDS[name].write(draft, origin.language, given))
        return draft, kept

    def _tell_of_both(self, one: MappedEvent, key: str, name: str) -> None:
        message = N_("{field} of {event} has changed there and here; ours is kept (--theirs takes theirs).")
        self.notes.add_ignored(one.foreign.line, one.foreign.uid, message, field=name, event=key)

    # What is no longer there

    def miss(self) -> None:
        """A calendar may be cut short for many reasons, so that nothing is cancelled unless somebody says so."""
        missing = [known for name, known in self.known.items() if name not in self.seen and self._missed(known)]
        if not missing:
            return
        if self.wanted.cancel_missing:
            self._cancel(missing)
            return
        keys = ", ".join(known.key for known in missing[:_NAMED]) + (", …" if missing[_NAMED:] else "")
        message = N_("No longer there, and untouched here (--cancel-missing cancels): {count}: {events}.")
        self.notes.add_ignored(None, "", message, count=len(missing), events=keys)

    def _missed(self, known: _Known) -> bool:
        """Whether it should have been in the file: not over, within the days, and not refused or cut off there."""
        if known.status is Status.CANCELLED or known.dtstart is None or known.ends_at is None:
            return False
        first, last = self.wanted.days
        inside = first <= known.dtstart.date() <= last and known.ends_at > self.now
        return inside and known.origin.uid not in self.spared

    @property
    def spared(self) -> set[str]:
        notes = (*self.read, *self.notes.list_by_line())
        return {fitting(one.uid) for one in notes if one.kind == "refused" or "most" in one.facts}

    def _cancel(self, missing: Sequence[_Known]) -> None:
        self.lookup.load(Event, [known.key for known in missing], *WITH_EVENT, change=True)
        with self.session.no_autoflush:
            for known in missing:
                here = draft_of(self.lookup.get(Event, known.key))
                draft = here.model_copy(update={"status": Status.CANCELLED})
                self.steps.append(_Step(self._prepare(known.key, draft), None, known.origin))

    # All at once

    def settle(self) -> ImportReport:
        pending = [step.pending for step in self.steps]
        retimed = planning.settle(self.session, pending, now=self.now)
        impacts = [planning.conclude(self.session, one, retimed, now=self.now) for one in pending]
        self.session.add_all([self._remember(step) for step in self.steps])
        replanned = [impact.event for impact in impacts if impact.replanned]
        conflicts.refuse(self.session, replanned, force=self.wanted.force, now=self.now)
        changes = [impact.change for impact in impacts]
        self._audit(changes)
        idle = [Change("event", key, ChangeKind.UNCHANGED) for key in self.unchanged]
        said = {step.pending.event.key: _in_words(step.pending.draft) for step in self.steps}
        return ImportReport((*changes, *idle), self._told(), said)

    def _told(self) -> tuple[Note, ...]:
        return tuple(sorted((*self.read, *self.notes.list_by_line()), key=lambda one: one.line or 0))

    def _audit(self, changes: Iterable[Change]) -> None:
        counts = [change.verb for change in changes if change.is_change]
        if counts:
            made = {str(verb): counts.count(verb) for verb in dict.fromkeys(counts)}
            note(self.session, "import", "calendar", self.terms.source[:120], now=self.now, made=made)

    def _remember(self, step: _Step) -> Origin:
        """What was read, and what was written for it: the next import compares with both."""
        origin = step.origin or self._origin(step)
        if step.brought is None:
            origin.digest = ""
            origin.fields = {**origin.fields, "status": ["", digest(step.pending.draft.status)]}
            return origin
        _identify(origin, step.brought)
        _revised(origin, step.brought.foreign)
        written = {
            name: [there, digest(_FIELDS[name].read(step.pending.draft, origin.language))]
            for name, there in step.brought.said.items()
        }
        origin.fields = {**origin.fields, **written, **step.kept}
        # What stays otherwise here is told at each import, until one side gives way.
        origin.digest = "" if step.kept else step.brought.digest
        return origin

    def _origin(self, step: _Step) -> Origin:
        return Origin(
            event=step.pending.event, source=self.terms.source, language=self.terms.language, sequence=0, fields={}
        )


class _Elsewhere(NamedTuple):
    key: str
    source: str
    looks: tuple[str, str]


def _venues(session: Session, lookup: Lookup, terms: CalendarDefaults) -> dict[str, str]:
    """Venues by each of their names, of the city only where one is given. Raises NotFound."""
    for kind, key in ((Venue, terms.venue), (City, terms.city), (Organisation, terms.organizer)):
        if key:
            lookup.get(kind, key)  # type: ignore[type-var] # each kind with a key of its own
    query = sa.select(Venue.key, Venue.name).order_by(Venue.key.desc())
    if terms.city:
        query = query.join(Venue.city).where(City.key == terms.city)
    return {folded(name): key for key, names in session.execute(query) for name in names.values()}


def _known(session: Session, source: str) -> dict[tuple[str, str], _Known]:
    query = sa.select(Origin, Event.key, Event.status, Event.dtstart, Event.ends_at).join(Origin.event)
    rows = session.execute(query.where(Origin.source == source).order_by(Event.starts_at, Event.key))
    return {(row[0].uid, row[0].recurrence_id): _Known(*row) for row in rows}


def _looks(origin: Origin) -> tuple[str, str]:
    title, when = (origin.fields.get(name, [""])[0] for name in ("title", "when"))
    return title, when


def _identify(origin: Origin, brought: MappedEvent) -> None:
    origin.uid, origin.recurrence_id = brought.name


def _revised(origin: Origin, foreign: ForeignEvent) -> None:
    origin.sequence = max(origin.sequence, foreign.sequence)
    origin.revised_at = foreign.last_modified or foreign.dtstamp


def _older(foreign: ForeignEvent, origin: Origin) -> bool:
    """By SEQUENCE, then by the time of the revision (RFC 5546 2.1.5)."""
    if foreign.sequence != origin.sequence:
        return foreign.sequence < origin.sequence
    revised = foreign.last_modified or foreign.dtstamp
    return revised is not None and origin.revised_at is not None and revised < origin.revised_at


def _wish(one: MappedEvent) -> str:
    """Title and day; the kind where the title has no Latin letters."""
    day = one.draft.first_day or (one.draft.dtstart.date() if one.draft.dtstart else None)
    words = slug(one.draft.title.to("en"))[:60].strip("-")
    return f"{words if len(words) > 2 else slug(one.draft.kind)}-{day}"


def _in_words(draft: EventDraft) -> str:
    title = str(draft.title)
    if draft.dtstart is not None:
        return f"{title} · {draft.dtstart:%Y-%m-%d %H:%M} {draft.tz}"
    days = dict.fromkeys(f"{day}" for day in (draft.first_day, draft.last_day))
    return f"{title} · {'–'.join(days)}"


# The fields that are taken over


class _Field(NamedTuple):
    """How a field stands in a draft, and what an import gives for it."""

    read: Callable[[EventDraft, str], Any]
    given: Callable[[MappedEvent, Origin, str], Any]
    write: Callable[[EventDraft, str, Any], dict[str, Any]]


def _text(name: str) -> _Field:
    """In the language of the first import; what the desk has written in others stays."""

    def write(draft: EventDraft, language: str, value: str) -> dict[str, Any]:
        texts: Text = getattr(draft, name)
        return {name: Text({**texts, language: value} if value else {k: texts[k] for k in texts if k != language})}

    return _Field(
        lambda draft, language: getattr(draft, name).get(language, ""),
        lambda one, _origin, language: getattr(one.draft, name).get(language, ""),
        write,
    )


def _plain(name: str) -> _Field:
    return _Field(
        lambda draft, _language: getattr(draft, name),
        lambda one, _origin, _language: getattr(one.draft, name),
        lambda _draft, _language, value: {name: value},
    )


_TIMES = ("dtstart", "dtend", "first_day", "last_day", "tz")


def _times(draft: EventDraft) -> tuple[Any, ...]:
    return tuple(getattr(draft, name) for name in _TIMES)


_WHEN = _Field(
    lambda draft, _language: _times(draft),
    lambda one, _origin, _language: _times(one.draft),
    lambda _draft, _language, value: {**dict(zip(_TIMES, value, strict=True)), "hour_to_be_announced": False},
)


def _still_private(one: MappedEvent, origin: Origin, _language: str) -> Visibility:
    """What was once imported as private does not become public by leaving an option out."""
    told = one.draft.visibility
    return Visibility.PRIVATE if "private" in origin.fields and told is Visibility.PUBLIC else told


_VISIBILITY = _plain("visibility")._replace(given=_still_private)
_FIELDS = {
    "title": _text("title"),
    "description": _text("description"),
    "when": _WHEN,
    "status": _plain("status"),
    "visibility": _VISIBILITY,
    "private": _VISIBILITY,
    "url": _plain("url"),
    "video_link": _plain("video_link"),
    "venue": _plain("venue"),
    "place": _plain("venue"),
    "cities": _plain("cities"),
    "kind": _plain("kind"),
    "organizer": _plain("organizer"),
}

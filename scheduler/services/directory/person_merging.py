"""Merge two entries of one person: one is kept, the other deleted, and nothing is lost.

The kept person gets the lists, e-mails, arrivals, imported rows, links and keys of the other. Where both are on one
list, one place stays, with an arrival, needs or a consent of the other. The key and the number of the deleted person
lead to the kept one from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from scheduler.base.errors import Conflict, Invalid
from scheduler.base.i18n import N_
from scheduler.base.text import Text
from scheduler.model.arrivals import Arrival
from scheduler.model.attendance import ON_LIST, Attendee, Partstat, Standing
from scheduler.model.feeds import FeedLink
from scheduler.model.imports import ExternalId, GuestRow
from scheduler.model.letters import IncomingMail, Letter, Message, Outcome, ReceivedAnswer
from scheduler.model.places import FormerKey, Gender, OfficeState, Person, ToldApart
from scheduler.services.common.audit import actor_of, note
from scheduler.services.common.changes import find_differences
from scheduler.services.common.lookup import Lookup
from scheduler.services.events.attendance import capacity, transitions
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.services.events.programme.places import read_draft, write_person
from scheduler.storage.upsert import insert_ignoring

MERGED = N_("the same person receives it under another entry of the directory")
FIELDS = tuple(PersonDraft.model_fields)


class MergeSide(StrEnum):
    """Whose value or place stays when two people are merged."""

    KEPT = "kept"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class SharedList:
    """An event with both of them on its list, and what stays: keys and words, which outlive the session."""

    event: str
    title: Text
    kept: Standing
    other: Standing
    stays: MergeSide


@dataclass(frozen=True, slots=True)
class PersonMerge:
    """Consequences of merging two people: fields that change, lists with both of them, and what moves, counted."""

    number: int  # of the kept person
    handles: Sequence[str]  # what leads to them from now on
    fields: Mapping[str, tuple[Any, Any]]  # by name: before and after
    shared: Sequence[SharedList]
    events: int  # lists on which only the other was
    letters: int
    represented: int  # guests whom the other represents
    links: int  # of calendars
    registers: int  # ids in the registers of other organisations


def list_differences(kept: Person, other: Person) -> dict[str, tuple[Any, Any]]:
    """Return the fields in which two people have different values, of which one stays: name to (kept, other)."""
    one, two = read_draft(kept), read_draft(other)
    pairs = {name: (getattr(one, name), getattr(two, name)) for name in FIELDS}
    return {name: pair for name, pair in pairs.items() if all(map(is_known, pair)) and pair[0] != pair[1]}


def is_known(value: Any) -> bool:
    """Return whether a field says anything."""
    return bool(value) and value not in (Gender.NONE, OfficeState.UNKNOWN)


def merge(
    session: Session,
    kept: Person,
    other: Person,
    *,
    fields: Mapping[str, MergeSide] | None = None,
    standings: Mapping[str, MergeSide] | None = None,
    now: datetime,
) -> PersonMerge:
    """Merge two people: one is kept, the other is deleted.

    ``fields`` says whose value stays where both have one (default: the kept person's; a text has the languages of
    both), ``standings`` whose place stays at an event, by key (default: that with an answer). Raise Invalid for one
    person, Conflict if both have parts in an event that one person cannot have.
    """
    if kept is other:
        raise Invalid("this is one person: choose another one")
    _lock(session, kept, other)
    _refuse_two_parts(session, kept, other)
    before = read_draft(kept)
    after = _merge_drafts(before, read_draft(other), fields or {})
    shared = _join_lists(session, kept, other, standings or {}, now)
    counts = _move(session, kept, other)
    handles = _keep_keys(session, kept, other, now)
    _replace(session, kept, other, after)
    done = PersonMerge(
        number=kept.id,
        handles=handles,
        fields=find_differences(before, after),
        shared=shared,
        **counts,
    )
    details = {"other": other.id, "fields": sorted(done.fields), "shared": [one.event for one in shared], **counts}
    note(session, "merge", "person", kept.id, now=now, **details)
    note(session, "merge", "person", other.id, now=now, into=kept.id)
    return done


# What is locked, and refused


def _lock(session: Session, *both: Person) -> None:
    """Lock the lists of both, in the order of the events, then them, and read them. Raise Conflict if erased."""
    numbers = sorted(person.id for person in both)
    theirs = sa.or_(Attendee.person_id.in_(numbers), Attendee.represented_by_id.in_(numbers))
    for event in session.scalars(sa.select(Attendee.event_id).where(theirs).distinct().order_by(Attendee.event_id)):
        capacity.lock_places(session, event)
    for person in sorted(both, key=lambda one: one.id):
        session.refresh(person, with_for_update=True)
        if person.erased_at is not None:
            raise Conflict("the data of {person} has been erased already", person=f"#{person.id}")


def _refuse_two_parts(session: Session, kept: Person, other: Person) -> None:
    """Raise Conflict if both represent somebody at one event, or one does and the other is on the list."""
    numbers = (kept.id, other.id)
    represented = sa.select(Attendee).where(Attendee.represented_by_id.in_(numbers), Attendee.standing.in_(ON_LIST))
    parts: dict[int, int] = {}
    for row in session.scalars(represented.options(joinedload(Attendee.event), joinedload(Attendee.person))):
        if row.person_id in numbers:
            continue
        own = sa.select(Attendee.id).where(Attendee.event_id == row.event_id, Attendee.person_id.in_(numbers))
        if row.event_id in parts or session.scalar(own.where(Attendee.standing.in_(ON_LIST)).limit(1)):
            raise Conflict(
                "at {event} they have two parts, one of which is to represent {guest}; end one of them first",
                event=row.event.key,
                guest=row.person.key or row.person.name,
            )
        parts[row.event_id] = row.id


# Values


def _merge_drafts(kept: Any, other: Any, fields: Mapping[str, MergeSide]) -> PersonDraft:
    """Return the draft of both: a value that only one has is taken, a text has the languages of both."""
    return PersonDraft.model_construct(
        **{
            name: merge_values(getattr(kept, name), getattr(other, name), fields.get(name, MergeSide.KEPT))
            for name in FIELDS
        }
    )


def merge_values(kept: Any, other: Any, stays: MergeSide) -> Any:
    """Return the value of a field of two that become one; ``stays`` says whose, if both say something."""
    first, second = (kept, other) if stays is MergeSide.KEPT else (other, kept)
    if isinstance(first, Text):
        return Text({**second, **first})
    return first if is_known(first) else second


def _replace(session: Session, kept: Person, other: Person, after: PersonDraft) -> None:
    """Delete the other person, then write the values of both into the kept one: an identity is unique."""
    asked = kept.name_asked or other.name_asked
    key = kept.key or other.key
    session.delete(other)
    session.flush()
    write_person(kept, after, Lookup(session))
    kept.key, kept.name_asked = key, asked
    session.flush()


def _keep_keys(session: Session, kept: Person, other: Person, now: datetime) -> list[str]:
    """Let the number, the key and all former keys of the deleted person lead to the kept one."""
    session.execute(
        sa.update(FormerKey).where(FormerKey.noun == "person", FormerKey.number == other.id).values(number=kept.id)
    )
    handles = [f"#{other.id}", *([other.key] if other.key and kept.key else [])]
    for handle in handles:
        session.add(FormerKey(noun="person", key=handle, number=kept.id, merged_at=now))
    return [*handles, *([other.key] if other.key and not kept.key else [])]


# Lists


def _join_lists(
    session: Session, kept: Person, other: Person, standings: Mapping[str, MergeSide], now: datetime
) -> list[SharedList]:
    """Leave one place on each list that has both, and return these lists."""
    _let_come_themselves(session, kept, other)
    shared = []
    for mine, theirs in _list_shared(session, kept, other):
        stays = standings.get(mine.event.key, choose_standing(mine, theirs))
        shared.append(SharedList(mine.event.key, mine.event.title, mine.standing, theirs.standing, stays))
        stay, end = (mine, theirs) if stays is MergeSide.KEPT else (theirs, mine)
        _end_place(session, end, stay, now)
    return shared


def _let_come_themselves(session: Session, kept: Person, other: Person) -> None:
    """End a representation of one by the other: they come themselves."""
    for guest, deputy in ((kept, other), (other, kept)):
        theirs = (Attendee.person_id == guest.id, Attendee.represented_by_id == deputy.id)
        for row in session.scalars(sa.select(Attendee).where(*theirs)):
            row.represented_by = None
    session.flush()


def _list_shared(session: Session, kept: Person, other: Person) -> list[tuple[Attendee, Attendee]]:
    query = sa.select(Attendee).where(Attendee.person_id.in_((kept.id, other.id))).order_by(Attendee.event_id)
    rows = session.scalars(query.options(joinedload(Attendee.event)).execution_options(populate_existing=True)).all()
    mine = {row.event_id: row for row in rows if row.person_id == kept.id}
    return [(mine[row.event_id], row) for row in rows if row.person_id == other.id and row.event_id in mine]


def choose_standing(kept: Attendee, other: Attendee) -> MergeSide:
    """Return whose place stays unless an officer says otherwise: that with an answer, else that with places."""

    def weigh(row: Attendee) -> tuple[Any, ...]:
        answered = row.partstat is not Partstat.NEEDS_ACTION
        return answered, row.holds_places, row.standing in ON_LIST, row.standing_at

    return MergeSide.OTHER if weigh(other) > weigh(kept) else MergeSide.KEPT


def _end_place(session: Session, end: Attendee, stay: Attendee, now: datetime) -> None:
    """End a place beside that of the same person: what is known of it goes to the one that stays."""
    attending = end.attending.id
    _move_messages(session, end, stay)
    _move_arrivals(session, end, stay, now)
    _move_guest_row(session, end, stay)
    _move_mails(session, end, stay)
    for name in ("access_needs", "dietary_needs", "consented_at", "programme"):
        setattr(stay, name, getattr(stay, name) or getattr(end, name))
    unsent = sa.update(Letter).where(Letter.person_id == attending, Letter.event_id == end.event_id)
    values = {"outcome": Outcome.SKIPPED, "reason": MERGED, "finished_at": now}
    session.execute(
        unsent.where(Letter.outcome.is_(None)).values(values), execution_options={"synchronize_session": False}
    )
    details = {"standing": end.standing, "partstat": end.partstat, "companions": end.companions, "into": stay.id}
    note(session, "merge", "attendee", end.id, now=now, event=end.event.key, **details)
    if end.standing is not Standing.WITHDRAWN:
        transitions.withdraw(session, end, now=now, quiet=True)
    session.flush()
    session.delete(end)
    session.flush()


def _move_arrivals(session: Session, end: Attendee, stay: Attendee, now: datetime) -> None:
    """Let who came in under either place have come in under the one that stays, once."""
    theirs = sa.select(Arrival).where(Arrival.attendee_id.in_((end.id, stay.id))).order_by(Arrival.at)
    rows = session.scalars(theirs).all()
    in_force = [row for row in rows if row.undone_at is None]
    for row in in_force[1:]:
        row.undone_at, row.undone_by = now, actor_of(session)
    session.flush()
    for row in rows:
        row.attendee = stay
    session.flush()


def _move_mails(session: Session, end: Attendee, stay: Attendee) -> None:
    """Let the mail and the answers about the place that ends be about the one that stays."""
    for table in (IncomingMail, ReceivedAnswer):
        rows = sa.update(table).where(table.attendee_id == end.id).values(attendee_id=stay.id)
        session.execute(rows, execution_options={"synchronize_session": False})


def _move_guest_row(session: Session, end: Attendee, stay: Attendee) -> None:
    """Let the place that stays be found by the row of a guest list, if only the other was in one."""
    if session.get(GuestRow, stay.id) is None:
        rows = sa.update(GuestRow).where(GuestRow.attendee_id == end.id).values(attendee_id=stay.id)
        session.execute(rows, execution_options={"synchronize_session": False})


# The rest


def _move(session: Session, kept: Person, other: Person) -> dict[str, int]:
    """Give everything of the deleted person to the kept one, and return the count of each."""
    session.flush()
    moved = {
        "events": _set(session, Attendee.person_id, kept, other),
        "represented": _set(session, Attendee.represented_by_id, kept, other),
        "letters": _set(session, Letter.person_id, kept, other),
        "links": _set(session, FeedLink.person_id, kept, other),
        "registers": _set(session, ExternalId.person_id, kept, other),
    }
    apart = sa.select(ToldApart).where(sa.or_(ToldApart.one_id == other.id, ToldApart.other_id == other.id))
    for pair in session.scalars(apart).all():
        third = pair.other_id if pair.one_id == other.id else pair.one_id
        session.delete(pair)
        if third != kept.id:
            first, second = sorted((third, kept.id))
            session.execute(insert_ignoring(session, ToldApart).values(one_id=first, other_id=second))
    _readdress_messages(session, kept, other)
    session.expire_all()
    return moved


def _move_messages(session: Session, end: Attendee, stay: Attendee) -> None:
    """Address to the place that stays the waiting messages that its person does not receive yet."""
    received = sa.select(Letter.of_message_id).where(
        Letter.person_id == stay.person_id, Letter.of_message_id.is_not(None)
    )
    waiting = sa.update(Letter).where(
        Letter.person_id == end.person_id,
        Letter.event_id == end.event_id,
        Letter.outcome.is_(None),
        Letter.of_message_id.is_not(None),
        Letter.of_message_id.not_in(received),
    )
    session.execute(waiting.values(person_id=stay.person_id), execution_options={"synchronize_session": False})


def _readdress_messages(session: Session, kept: Person, other: Person) -> None:
    """Address waiting messages to the kept person that an officer had addressed to the deleted one by name."""
    mine = sa.and_(Letter.person_id == kept.id, Letter.outcome.is_(None))
    waiting = sa.select(Message).where(Message.id.in_(sa.select(Letter.of_message_id).where(mine)))
    was, now = f"person:#{other.id}", f"person:#{kept.id}"
    for message in session.scalars(waiting):
        message.audience = [now if word == was else word for word in message.audience]
    session.flush()


def _set(session: Session, column: Any, kept: Person, other: Person) -> int:
    statement = sa.update(column.class_).where(column == other.id).values({column: kept.id})
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)  # type: ignore[attr-defined]

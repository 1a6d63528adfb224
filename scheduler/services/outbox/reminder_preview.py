"""Preview the letters of reminders: what will be sent, to whom, when, and who gets none, if nothing changes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from scheduler.base.i18n import N_
from scheduler.model.attendance import Attendee, Reminded
from scheduler.model.events import Event, Reminder, ReminderAudience, Visibility
from scheduler.model.letters import Letter
from scheduler.model.places import Person
from scheduler.services.outbox import asking
from scheduler.services.outbox.enqueue import NO_ADDRESS, TOO_LATE
from scheduler.services.outbox.reminders import is_still_useful, recipient_condition, select_audience

PAGE = 200
WANTS_NONE = N_("wants no reminders")
CHOSE_OTHERS = N_("has chosen the times of reminders on the registration page")
JUST_TOLD = N_("has received another e-mail since the reminder was due")


def preview_letters(
    session: Session, *, now: datetime, until: datetime, event: str | None, language: str
) -> list[dict[str, Any]]:
    """Return a record for each reminder due by ``until`` and each recipient, in the order in which they are due.

    Titles and names are in ``language``.
    """
    query = sa.select(Reminder).join(Reminder.event).where(Reminder.next_due_at <= until)
    if event:
        query = query.where(Event.key == event)
    rows = session.scalars(query.options(selectinload(Reminder.event)).order_by(Reminder.next_due_at, Reminder.id))
    return [record for row in rows for record in _records(session, row, now, language)]


def _records(session: Session, row: Reminder, now: datetime, language: str) -> list[dict[str, Any]]:
    too_late = not is_still_useful(row, now)
    return [
        {
            "due_at": row.next_due_at,
            "late": row.next_due_at is not None and row.next_due_at < now,
            "too_late": too_late,
            "event": row.event.key,
            "title": row.event.title.to(language),
            "before": row.before,
            "tzid": row.event.tzid,
            "name": person.called(language),
            "address": person.email,
            "language": person.language,
            "own_tzid": person.tzid,
            "skipped_because": _explain_skipping(row, Reminded.PLANNED, None, person, too_late=too_late),
        }
        for person in session.scalars(_select_readers().where(recipient_condition(row)))
    ]


_READER = aliased(Person)


def _select_readers() -> sa.Select[Person]:
    """Select those who read the letters to attendees: the deputy where a guest has sent one."""
    to = sa.func.coalesce(Attendee.represented_by_id, Attendee.person_id)
    return sa.select(_READER).join(Attendee, to == _READER.id).order_by(Attendee.id)


# One reminder of an event


@dataclass(frozen=True, slots=True)
class RemindedPerson:
    """A person whom a reminder reaches, or does not and why; ``letter`` is theirs if it is queued or sent already."""

    person: Person
    due_at: datetime | None
    skipped_because: str = ""
    letter: Letter | None = None


@dataclass(frozen=True, slots=True)
class RemindedPeople:
    """One page of the people of a reminder, and whether there are more."""

    rows: Sequence[RemindedPerson]
    more: bool


def list_people(session: Session, reminder: Reminder, *, now: datetime, page: int = 1) -> RemindedPeople:
    """Return a page, counted from 1, of those to whom a reminder went or will go, and of those who get none.

    Once it has left and does not leave again, these are the letters that it became.
    """
    first = (page - 1) * PAGE
    people = _list_coming if reminder.next_due_at is not None or reminder.fired_for is None else _list_letters
    found = list(people(session, reminder, now, first))
    return RemindedPeople(found[:PAGE], len(found) > PAGE)


def _list_letters(session: Session, reminder: Reminder, _now: datetime, first: int) -> Iterator[RemindedPerson]:
    query = sa.select(Letter).where(Letter.event_id == reminder.event_id, Letter.reminder_id == reminder.id)
    query = query.options(joinedload(Letter.person)).order_by(Letter.id.desc()).offset(first).limit(PAGE + 1)
    for letter in session.scalars(query):
        yield RemindedPerson(letter.person, letter.due_at, letter.reason, letter)


def _list_coming(session: Session, reminder: Reminder, now: datetime, first: int) -> Iterator[RemindedPerson]:
    too_late = reminder.next_due_at is not None and not is_still_useful(reminder, now)
    query = _select_readers().add_columns(Attendee.id, Attendee.reminded, Attendee.standing_at)
    query = query.where(Attendee.event_id == reminder.event_id, select_audience(reminder.audience))
    if reminder.audience is ReminderAudience.CHOSEN:
        query = query.where(Attendee.reminded == Reminded.CLOSELY)
    rows = session.execute(query.offset(first).limit(PAGE + 1)).all()
    held_back = asking.find_held_back(session, reminder, [attendee for _, attendee, *_ in rows])
    for person, attendee, reminded, since in rows:
        why = _explain_skipping(reminder, reminded, since, person, too_late=too_late)
        why = why or held_back.get(attendee, "")
        yield RemindedPerson(person, reminder.next_due_at, why)


def _explain_skipping(
    reminder: Reminder, reminded: Reminded, since: datetime | None, person: Person, *, too_late: bool
) -> str:
    """Return why somebody of the audience gets no letter of a reminder, or ""; ``since`` is when they joined it."""
    planned = reminder.audience not in (ReminderAudience.UNANSWERED, ReminderAudience.CHOSEN)
    if planned and reminded is Reminded.NEVER:
        return WANTS_NONE
    if planned and reminded is Reminded.CLOSELY:
        return CHOSE_OTHERS
    if since is not None and reminder.next_due_at is not None and since > reminder.next_due_at:
        return JUST_TOLD
    if person.email is None:
        return NO_ADDRESS
    return TOO_LATE if too_late else ""


def count_people(session: Session, reminders: Sequence[Reminder]) -> dict[int, int]:
    """Return how many people each reminder will be sent to, by its id; those that do not leave are left out."""
    found: dict[int, int] = {}
    for row in reminders:
        if row.next_due_at is not None:
            reached = sa.and_(recipient_condition(row), _READER.email.is_not(None))
            query = _select_readers().where(reached).order_by(None).with_only_columns(sa.func.count())
            found[row.id] = session.scalar(query) or 0
    return found


# Of all events


MOST_COMING = 100


def list_coming(session: Session, visibilities: Collection[Visibility], *, until: datetime) -> Sequence[Reminder]:
    """Return the reminders of events of these visibilities that leave until then, the next first."""
    query = sa.select(Reminder).join(Reminder.event).where(Reminder.next_due_at <= until)
    query = query.where(Event.visibility.in_(visibilities)).options(selectinload(Reminder.event))
    return session.scalars(query.order_by(Reminder.next_due_at, Reminder.id).limit(MOST_COMING)).all()

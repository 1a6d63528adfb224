"""Erasing a person: all that says who they were goes, what they are counted in stays.

The row stays and says nothing any more: the places that were held, the letters that were sent, the answers that were
given are counted as before. What is personal stands below once, a function for each table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from scheduler.base.errors import Conflict, NothingToChange
from scheduler.base.i18n import LANGUAGES, N_, catalogue
from scheduler.base.text import Text
from scheduler.model import (
    Answer,
    Attendee,
    Companion,
    Event,
    ExternalId,
    FeedLink,
    GuestRow,
    Letter,
    Outcome,
    Person,
    Standing,
)
from scheduler.services.common.audit import note, note_each
from scheduler.services.events.attendance import capacity, transitions
from scheduler.services.outbox.enqueue import CONCERNED

ERASED = N_("erased")


class Planned(Conflict):
    """Somebody the programme is planned with cannot erase themselves; the office does it when they write."""


def erase_own(session: Session, person: Person, *, now: datetime) -> None:
    """At the person's own wish, on their page. Raises Planned, AlreadyThere."""
    if person.key is not None:
        raise Planned
    erase(session, person, by=Answer.PAGE, now=now)


def erase(session: Session, person: Person, *, by: Answer, now: datetime) -> list[Attendee]:
    """Withdraw a person from what is to come, so that their places go on, then forget who they were.

    Returns what they were withdrawn from. Raises AlreadyThere.
    """
    _refuse_erased(person)
    left = _leave(session, person, by, now)
    session.refresh(person, with_for_update=True)  # after the lists: everybody holds those first
    _refuse_erased(person)
    purge(session, [person.id], now=now)
    session.refresh(person)
    return left


def _refuse_erased(person: Person) -> None:
    if person.erased_at is not None:
        raise NothingToChange("nothing is known of {person} any more", person=f"#{person.id}")


def purge(session: Session, people: Sequence[int], *, now: datetime) -> None:
    """Forget these people, and write down that it was done; never what was known."""
    session.flush()
    for table in PERSONAL:
        for statement in table(people, now):
            session.execute(statement, execution_options={"synchronize_session": False})
    note_each(session, "erase", "person", people, now=now)


# Leaving


def coming(session: Session, person: Person, *, now: datetime) -> list[Attendee]:
    """Their places on the lists of what has not begun, in the order in which lists are held."""
    stands = Attendee.standing.in_(CONCERNED)
    query = sa.select(Attendee).join(Attendee.event).where(Attendee.person_id == person.id, stands)
    rows = session.scalars(query.options(joinedload(Attendee.event)).order_by(Attendee.event_id)).all()
    return [row for row in rows if _is_to_come(row.event, now)]


def _is_to_come(event: Event, now: datetime) -> bool:
    return not (event.cancelled or event.is_over(now) or event.has_begun(now))


def _leave(session: Session, person: Person, by: Answer, now: datetime) -> list[Attendee]:
    left = coming(session, person, now=now)
    for row in left:
        transitions.withdraw(session, row, now=now, by=by)
    for row in _represents(session, person, now):
        row.represented_by = None  # the place is another's; the officer sees that nobody comes for them
        note(session, "change", "attendee", row.id, now=now, represented_by=None)
    asked = (Attendee.person_id == person.id, Attendee.standing == Standing.UNCONFIRMED)
    session.execute(sa.delete(Attendee).where(*asked))
    return left


def _represents(session: Session, person: Person, now: datetime) -> list[Attendee]:
    query = sa.select(Attendee).where(Attendee.represented_by_id == person.id).options(joinedload(Attendee.event))
    rows = [row for row in session.scalars(query.order_by(Attendee.event_id)) if _is_to_come(row.event, now)]
    for row in rows:
        capacity.hold(session, row.event_id)
        row.epoch += 1
    return rows


# What is personal, by table


def _persons(people: Sequence[int], now: datetime) -> Iterator[sa.Executable]:
    blank = dict.fromkeys(("key", "identity", "organisation_id", "email", "telephone", "tzid", "precedence"))
    words = {"name": _nobody(), "courtesy_title": Text(), "position": Text()}
    yield sa.update(Person).where(Person.id.in_(people)).values(**blank, **words, erased_at=now)


@cache
def _nobody() -> Text:
    return Text({language: catalogue(language).gettext(ERASED) for language in LANGUAGES})


def _attendees(people: Sequence[int], _now: datetime) -> Iterator[sa.Executable]:
    """A reference may be a name; links in letters lead nowhere any more, those to who represents others too."""
    yield (
        sa.update(Attendee)
        .where(Attendee.person_id.in_(people))
        .values(answer_reference=None, epoch=Attendee.epoch + 1, **dict.fromkeys(NEEDS))
    )
    deputies = sa.update(Attendee).where(Attendee.represented_by_id.in_(people))
    yield deputies.values(epoch=Attendee.epoch + 1)


def _companions(people: Sequence[int], _now: datetime) -> Iterator[sa.Executable]:
    theirs = sa.select(Attendee.id).where(Attendee.person_id.in_(people)).scalar_subquery()
    yield sa.delete(Companion).where(Companion.attendee_id.in_(theirs))


def _guest_rows(people: Sequence[int], _now: datetime) -> Iterator[sa.Executable]:
    theirs = sa.select(Attendee.id).where(Attendee.person_id.in_(people)).scalar_subquery()
    yield sa.delete(GuestRow).where(GuestRow.attendee_id.in_(theirs))


def _external_ids(people: Sequence[int], _now: datetime) -> Iterator[sa.Executable]:
    yield sa.delete(ExternalId).where(ExternalId.person_id.in_(people))


def _feed_links(people: Sequence[int], now: datetime) -> Iterator[sa.Executable]:
    revoked = sa.func.coalesce(FeedLink.revoked_at, sa.literal(now, FeedLink.revoked_at.type))
    theirs = sa.update(FeedLink).where(FeedLink.person_id.in_(people))
    yield theirs.values(holder=ERASED, revoked_at=revoked, epoch=FeedLink.epoch + 1)


def _letters(people: Sequence[int], now: datetime) -> Iterator[sa.Executable]:
    """What has not left does not leave; what left is counted, without where it went."""
    theirs = Letter.person_id.in_(people)
    unsent = sa.update(Letter).where(theirs, Letter.outcome.is_(None))
    yield unsent.values(outcome=Outcome.SKIPPED, reason=ERASED, finished_at=now)
    yield forget_addresses(theirs)


def forget_addresses(which: sa.ColumnElement[bool]) -> sa.Update:
    """Where letters went, which a server that refused one may have said too."""
    failed = Letter.outcome == Outcome.FAILED
    return sa.update(Letter).where(which).values(address=None, reason=sa.case((failed, ERASED), else_=Letter.reason))


# What a party needs, in its own words.
NEEDS = ("access_needs", "dietary_needs")
Table = Callable[[Sequence[int], datetime], Iterator[sa.Executable]]
# Whoever adds a table that says something of a person adds it here.
PERSONAL: tuple[Table, ...] = (_companions, _guest_rows, _external_ids, _feed_links, _letters, _attendees, _persons)

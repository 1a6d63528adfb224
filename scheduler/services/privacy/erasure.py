"""Erase a person: everything that tells who they were is deleted, what they are counted in is kept.

The row of the person stays, blank: places held, letters sent and answers given are counted as before. PERSONAL lists
once what is personal, one function for each table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from scheduler.base.errors import Conflict, NothingToChange
from scheduler.base.i18n import LANGUAGES, load_catalogue
from scheduler.base.text import Text
from scheduler.model.attendance import ON_LIST, Answer, Attendee, Companion, Standing
from scheduler.model.events import Event
from scheduler.model.feeds import FeedLink
from scheduler.model.imports import AppliedRow, ExternalId, GuestRow, ListUpload
from scheduler.model.letters import IncomingMail, Letter, Outcome, ReceivedAnswer
from scheduler.model.places import FormerKey, Gender, OfficeState, Person
from scheduler.services.common.audit import note_each
from scheduler.services.events.attendance import transitions
from scheduler.services.outbox.letter_blanking import ERASED, blank_addresses

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Planned(Conflict):
    """Somebody the programme is planned with cannot erase themselves; the office does it when they write."""


def erase_own(session: Session, person: Person, *, now: datetime) -> None:
    """Erase a person who asks for it on their own page.

    Raise Planned if an officer planned with them by name, NothingToChange if they were erased already.
    """
    if person.key is not None:
        raise Planned
    erase(session, person, by=Answer.PAGE, now=now)


def erase(session: Session, person: Person, *, by: Answer, now: datetime) -> list[Attendee]:
    """Withdraw a person from events to come, so that their places are offered to others, then erase them.

    Return where they were withdrawn from. Raise NothingToChange if they were erased already.
    """
    _refuse_erased(person)
    left = _leave(session, person, by, now)
    session.refresh(person, with_for_update=True)  # lists are locked before people, everywhere
    _refuse_erased(person)
    purge(session, [person.id], now=now)
    session.refresh(person)
    return left


def _refuse_erased(person: Person) -> None:
    if person.erased_at is not None:
        raise NothingToChange("the data of {person} has been erased already", person=f"#{person.id}")


def purge(session: Session, people: Sequence[int], *, now: datetime) -> None:
    """Erase the people with these ids; the audit gets that it was done, never what was known."""
    session.flush()
    for table in PERSONAL:
        for statement in table(people, now):
            session.execute(statement, execution_options={"synchronize_session": False})
    note_each(session, "erase", "person", people, now=now)


@dataclass(frozen=True, slots=True)
class Traces:
    """Places outside of the database where copies of a person's data can lie."""

    addresses: set[str]  # to which letters went
    events: set[str]  # on whose lists they stood
    since: datetime  # when they were first known, or earlier


def find_traces(session: Session, person: Person) -> Traces:
    """Return what is to be looked for outside of the database, before it is forgotten."""
    written = session.execute(sa.select(Letter.address, Letter.created_at).where(Letter.person_id == person.id)).all()
    here = sa.or_(Attendee.person_id == person.id, Attendee.represented_by_id == person.id)
    listed = session.execute(sa.select(Event.key, Attendee.created_at).join(Attendee.event).where(here)).all()
    return Traces(
        addresses={address for address in (person.email, *(row.address for row in written)) if address},
        events={row.key for row in listed},
        since=_first_known(person, [row.created_at for row in (*written, *listed)]),
    )


def _first_known(person: Person, seen: Sequence[datetime]) -> datetime:
    """Return when a visitor was first seen; whom the office added may have been known long before that."""
    return min(seen) if seen and person.key is None else BEGINNING


# Leaving


def list_coming(session: Session, person: Person, *, now: datetime) -> list[Attendee]:
    """Return their places on lists of events that have not begun, in the order in which lists are locked."""
    stands = Attendee.standing.in_(ON_LIST)
    query = sa.select(Attendee).join(Attendee.event).where(Attendee.person_id == person.id, stands)
    rows = session.scalars(query.options(joinedload(Attendee.event)).order_by(Attendee.event_id)).all()
    return [row for row in rows if _is_to_come(row.event, now)]


def _is_to_come(event: Event, now: datetime) -> bool:
    """Return whether an event is to come; one that is cancelled may take place after all."""
    return not (event.is_over(now) or event.has_begun(now))


def _leave(session: Session, person: Person, by: Answer, now: datetime) -> list[Attendee]:
    left = list_coming(session, person, now=now)
    for row in left:
        transitions.withdraw(session, row, now=now, by=by)
    for row in _list_represented(session, person, now):
        transitions.record_deputy_regrets(session, row, by=by, now=now)
    unconfirmed = (Attendee.person_id == person.id, Attendee.standing == Standing.UNCONFIRMED)
    session.execute(sa.delete(Attendee).where(*unconfirmed))
    return left


def _list_represented(session: Session, person: Person, now: datetime) -> list[Attendee]:
    """Return the guests of events to come whom a person represents, in the order in which lists are locked."""
    query = sa.select(Attendee).where(Attendee.represented_by_id == person.id).options(joinedload(Attendee.event))
    return [row for row in session.scalars(query.order_by(Attendee.event_id)) if _is_to_come(row.event, now)]


# What is personal, table by table: each yields the statements that erase it


def _blank_people(people: Sequence[int], now: datetime) -> Iterator[sa.Executable]:
    blank = dict.fromkeys(
        (
            "key",
            "identity",
            "organisation_id",
            "email",
            "telephone",
            "tzid",
            "precedence",
            "name_asked",
            "office_class",
        )
    )
    words = {"name": _make_blank_name(), **dict.fromkeys(_OWN_WORDS, Text())}
    address = {"gender": Gender.NONE, "office_state": OfficeState.UNKNOWN}
    yield sa.update(Person).where(Person.id.in_(people)).values(**blank, **words, **address, erased_at=now)


_OWN_WORDS = ("courtesy_title", "position", "envelope_name", "own_salutation", "own_closing")


@cache
def _make_blank_name() -> Text:
    return Text({language: load_catalogue(language).gettext(ERASED) for language in LANGUAGES})


def _blank_attendees(people: Sequence[int], _now: datetime) -> Iterator[sa.Executable]:
    """Blank what guests need and the reference of their answer, which may be a name; revoke links in their letters.

    The links of guests whom they represent are revoked too: these letters went to the person as well.
    """
    yield (
        sa.update(Attendee)
        .where(Attendee.person_id.in_(people))
        .values(answer_reference=None, epoch=Attendee.epoch + 1, **dict.fromkeys(NEEDS))
    )
    deputies = sa.update(Attendee).where(Attendee.represented_by_id.in_(people))
    yield deputies.values(epoch=Attendee.epoch + 1)


def _delete_companions(people: Sequence[int], _now: datetime) -> Iterator[sa.Executable]:
    theirs = sa.select(Attendee.id).where(Attendee.person_id.in_(people)).scalar_subquery()
    yield sa.delete(Companion).where(Companion.attendee_id.in_(theirs))


def _delete_guest_rows(people: Sequence[int], _now: datetime) -> Iterator[sa.Executable]:
    theirs = sa.select(Attendee.id).where(Attendee.person_id.in_(people)).scalar_subquery()
    yield sa.delete(GuestRow).where(GuestRow.attendee_id.in_(theirs))


def _delete_uploads(people: Sequence[int], _now: datetime) -> Iterator[sa.Executable]:
    """Delete the lists that are being brought in for events of theirs; others are deleted within a day."""
    theirs = sa.select(Attendee.event_id).where(Attendee.person_id.in_(people)).scalar_subquery()
    yield sa.delete(ListUpload).where(ListUpload.event_id.in_(theirs))


def _delete_received_mail(people: Sequence[int], _now: datetime) -> Iterator[sa.Executable]:
    """Delete what they wrote to us, or somebody wrote about their place; the answers on record stay."""
    mine = sa.or_(Attendee.person_id.in_(people), Attendee.represented_by_id.in_(people))
    places = sa.select(Attendee.id).where(mine).scalar_subquery()
    addresses = sa.select(sa.func.lower(Person.email)).where(Person.id.in_(people), Person.email.is_not(None))
    theirs = sa.or_(IncomingMail.attendee_id.in_(places), IncomingMail.sender.in_(addresses.scalar_subquery()))
    mails = sa.select(IncomingMail.id).where(theirs).scalar_subquery()
    yield sa.delete(ReceivedAnswer).where(ReceivedAnswer.mail_id.in_(mails))
    yield sa.delete(IncomingMail).where(theirs)


def _delete_external_ids(people: Sequence[int], _now: datetime) -> Iterator[sa.Executable]:
    yield sa.delete(ExternalId).where(ExternalId.person_id.in_(people))


def _delete_former_keys(people: Sequence[int], _now: datetime) -> Iterator[sa.Executable]:
    yield sa.delete(FormerKey).where(FormerKey.noun == "person", FormerKey.number.in_(people))


def _revoke_feed_links(people: Sequence[int], now: datetime) -> Iterator[sa.Executable]:
    revoked = sa.func.coalesce(FeedLink.revoked_at, sa.literal(now, FeedLink.revoked_at.type))
    theirs = sa.update(FeedLink).where(FeedLink.person_id.in_(people))
    yield theirs.values(holder=ERASED, revoked_at=revoked, epoch=FeedLink.epoch + 1)


def _forget_applied_rows(people: Sequence[int], _now: datetime) -> Iterator[sa.Executable]:
    """Forget what programme files said of them, but not that they were named: else the next apply would add them."""
    keys = sa.select(Person.key).where(Person.id.in_(people), Person.key.is_not(None))
    former = sa.select(FormerKey.key).where(FormerKey.noun == "person", FormerKey.number.in_(people))
    for known in (keys.scalar_subquery(), former.scalar_subquery()):
        yield sa.update(AppliedRow).where(AppliedRow.noun == "person", AppliedRow.key.in_(known)).values(fields={})


def _skip_letters(people: Sequence[int], now: datetime) -> Iterator[sa.Executable]:
    """Skip letters that are still queued; blank the addresses of those that were sent, which stay in the ledger."""
    theirs = Letter.person_id.in_(people)
    unsent = sa.update(Letter).where(theirs, Letter.outcome.is_(None))
    yield unsent.values(outcome=Outcome.SKIPPED, reason=ERASED, finished_at=now)
    yield blank_addresses(theirs)


# Columns of Attendee: what a party needs, in its own words.
NEEDS = ("access_needs", "dietary_needs")
Eraser = Callable[[Sequence[int], datetime], Iterator[sa.Executable]]
# A new table that holds personal data needs a function here.
PERSONAL: tuple[Eraser, ...] = (
    _delete_companions,
    _delete_guest_rows,
    _delete_uploads,
    _delete_received_mail,
    _delete_external_ids,
    _forget_applied_rows,  # before the keys of people are blanked and the former ones deleted
    _delete_former_keys,
    _revoke_feed_links,
    _skip_letters,
    _blank_attendees,
    _blank_people,
)

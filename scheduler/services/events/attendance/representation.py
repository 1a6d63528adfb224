"""Representation at an event: the rules for guests and their deputies, and the letters about it.

A person comes to an event once: as a guest on its list, or in the place of one guest. So nobody represents two,
nobody who is on the list represents anybody, and there are neither chains nor circles. Whoever decides holds the
places of the event (`capacity.lock_places`), as everybody does who changes the list.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Invalid
from scheduler.model.attendance import ON_LIST, Attendee, Partstat, Standing
from scheduler.model.events import Event
from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.model.places import Person
from scheduler.services.common.audit import note
from scheduler.services.events.attendance import offers
from scheduler.services.outbox import enqueue


class DeputyElsewhere(Conflict):
    """Somebody has another part in the event than to represent this guest."""


class DeputyListed(DeputyElsewhere):
    """Somebody on the list is to represent a guest; with a reason they give up their own place."""


class DeputyRegretted(Conflict):
    """Somebody who sent regrets is to represent a guest; a reason overrules it."""


class DeputyNews(StrEnum):
    """The news about a representation in a letter of the kind STANDING."""

    NAMED = "named"  # to the guest: somebody comes in their place
    LEFT = "left"  # to the guest: the deputy has sent regrets
    RELEASED = "released"  # to the deputy: they represent the guest no longer


# Rules


def refuse_as_deputy(
    session: Session, event: Event, guest: Person, deputy: Person, *, force: str | None = None, now: datetime
) -> None:
    """Refuse somebody who cannot represent a guest of an event.

    With a reason (``force``) somebody who has sent regrets can, and somebody on the list gives up their own place for
    it. A request for a place that they have not confirmed is deleted. Raise Invalid for the guest themselves,
    DeputyElsewhere if they represent another guest or are represented, DeputyListed, DeputyRegretted.
    """
    if deputy is guest:
        raise Invalid("represented by: nobody can represent themselves; name somebody else")
    _refuse_second(session, event, guest, deputy)
    own = _find_own(session, event, deputy)
    if own is None:
        return
    if own.standing in ON_LIST:
        _refuse_represented(event, own)
        _overrule(session, _make_listed(event, own), event, force, now)
        _give_up_place(session, own, now)
    elif own.standing is Standing.UNCONFIRMED:
        session.execute(sa.delete(Attendee).where(Attendee.id == own.id))
    elif own.partstat is Partstat.DECLINED:
        _overrule(session, _make_regretted(event, deputy), event, force, now)


def _refuse_second(session: Session, event: Event, guest: Person, deputy: Person) -> None:
    other = find_represented(session, event, deputy)
    if other is not None and other.person is not guest:
        raise DeputyElsewhere(
            "represented by: {deputy} represents {guest} at {event} already; name somebody else",
            deputy=_name(deputy),
            guest=_name(other.person),
            event=event.key,
        )


def _refuse_represented(event: Event, own: Attendee) -> None:
    if own.represented_by is not None:
        raise DeputyElsewhere(
            "represented by: {deputy} is represented by {other} at {event}; name {other}, or somebody else",
            deputy=_name(own.person),
            event=event.key,
            other=_name(own.represented_by),
        )


def _make_listed(event: Event, own: Attendee) -> DeputyListed:
    return DeputyListed(
        "represented by: {deputy} is on the list of {event} already ({role}, {standing}); "
        "name somebody else, or overrule it with the reason why they give up their own place",
        deputy=_name(own.person),
        event=event.key,
        role=own.role,
        standing=own.standing,
    )


def _make_regretted(event: Event, deputy: Person) -> DeputyRegretted:
    return DeputyRegretted(
        "represented by: {deputy} has sent regrets for {event}; "
        "name somebody else, or overrule it with the reason why they come after all",
        deputy=_name(deputy),
        event=event.key,
    )


def _overrule(session: Session, error: Conflict, event: Event, force: str | None, now: datetime) -> None:
    """Raise the error, or write into the audit that it was overruled, and why."""
    if not force:
        raise error
    note(session, "force", "event", event.key, now=now, reason=force, overruled=[str(error)])


def _give_up_place(session: Session, own: Attendee, now: datetime) -> None:
    """Take somebody off the list who comes in the place of another guest now; the letter about that tells them."""
    offers.leave_list(session, own, Standing.WITHDRAWN, now=now)
    own.partstat, own.answered_by, own.answered_on, own.answered_at = Partstat.NEEDS_ACTION, None, None, None
    note(session, "withdraw", "attendee", own.id, now=now, event=own.event.key)


def refuse_as_guest(session: Session, event: Event, person: Person) -> None:
    """Refuse to put somebody on a list for themselves who represents a guest there. Raise DeputyElsewhere."""
    other = find_represented(session, event, person)
    if other is not None:
        raise DeputyElsewhere(
            "{person} represents {guest} at {event}; first record that {guest} comes in person or is represented "
            "by somebody else",
            person=_name(person),
            guest=_name(other.person),
            event=event.key,
        )


def find_represented(session: Session, event: Event, person: Person) -> Attendee | None:
    """Return the guest on the list of an event whom a person represents; None if there is none."""
    if person.id is None:
        return None
    here = sa.select(Attendee).where(Attendee.event_id == event.id, Attendee.represented_by_id == person.id)
    query = here.where(Attendee.standing.in_(ON_LIST)).execution_options(populate_existing=True)
    return session.scalars(query.order_by(Attendee.id)).first()


def _find_own(session: Session, event: Event, person: Person) -> Attendee | None:
    if person.id is None:
        return None
    here = sa.select(Attendee).where(Attendee.event_id == event.id, Attendee.person_id == person.id)
    return session.scalar(here.execution_options(populate_existing=True))


def _name(person: Person) -> object:
    return person.key or person.name


# Letters


def tell_guest(session: Session, attendee: Attendee, *, now: datetime) -> None:
    """Tell a guest who comes in their place; nobody is told twice in one mailbox."""
    deputy, address = attendee.represented_by, (attendee.person.email or "").lower()
    if deputy is not None and not (address and address == (deputy.email or "").lower()):
        _queue(session, DeputyNews.NAMED, attendee, attendee.person, now=now)


def tell_that_deputy_left(session: Session, attendee: Attendee, *, now: datetime) -> None:
    """Tell a guest that their deputy has sent regrets, and ask them who comes."""
    _queue(session, DeputyNews.LEFT, attendee, attendee.person, now=now, kept=attendee.place_kept)


def tell_released(session: Session, attendee: Attendee, deputy: Person, *, now: datetime) -> None:
    """Tell somebody that they represent a guest no longer, if a letter about the event has reached them."""
    sent = sa.exists().where(Letter.event_id == attendee.event_id, Letter.person_id == deputy.id)
    if session.scalar(sa.select(sent.where(Letter.outcome == Outcome.SENT))):
        _queue(session, DeputyNews.RELEASED, attendee, deputy, now=now)


def _queue(
    session: Session, news: DeputyNews, attendee: Attendee, to: Person, *, now: datetime, **facts: object
) -> None:
    key = f"{LetterKind.STANDING}:{attendee.id}:{news}:{attendee.epoch}:{now:%Y%m%dT%H%M%S%f}"
    enqueue.queue(
        session, LetterKind.STANDING, to, attendee.event, key=key, now=now, facts={"deputy": str(news), **facts}
    )

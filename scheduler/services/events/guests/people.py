"""People who register: somebody known by address and name, or somebody new."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from scheduler.model.places import Person
from scheduler.services.common.lookup import Lookup
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.services.events.programme.places import make_identity, write_person


def find_or_add_guest(session: Session, draft: PersonDraft) -> Person:
    """Return the person with this address and name, or a new one.

    Somebody known keeps their data: whoever types an address must not change another's data by it. Without an address
    it is always a new person.
    """
    found = _known(session, draft)
    if found:
        return found
    person = _new(session, draft)
    try:
        with session.begin_nested():
            session.add(person)
    except IntegrityError:  # they registered for something else at this very moment
        found = _known(session, draft)
        if found is None:
            raise
        return found
    return person


def add_without_address(session: Session, draft: PersonDraft) -> Person:
    """Add a person of this name without the address, who is therefore nobody known."""
    person = _new(session, draft.model_copy(update={"email": None}))
    session.add(person)
    session.flush()
    return person


def _new(session: Session, draft: PersonDraft) -> Person:
    person = Person()
    write_person(person, draft.model_copy(update={"language": draft.language or "en"}), Lookup(session))
    return person


def _known(session: Session, draft: PersonDraft) -> Person | None:
    same = make_identity(draft.email, draft.name)
    return session.scalar(sa.select(Person).where(Person.identity == same)) if same else None

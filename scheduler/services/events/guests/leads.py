"""Those who lead an event: who preside, are honoured or speak."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from scheduler.model.attendance import ON_LIST, Attendee, Role
from scheduler.model.events import Event, Mode
from scheduler.model.places import Person
from scheduler.services.events.attendance import transitions

LEADING = (Role.PRESIDES, Role.GUEST_OF_HONOUR, Role.SPEAKER)


class Lead(NamedTuple):
    """A person who leads an event, in which role, and whether in person or by video."""

    person: Person
    role: Role
    mode: Mode = Mode.IN_PERSON


def list_leads(session: Session, event: Event) -> list[Attendee]:
    """Return those on the list of an event who lead it, in the order of precedence."""
    query = (
        sa.select(Attendee)
        .join(Attendee.person)
        .where(Attendee.event_id == event.id, Attendee.role.in_(LEADING), Attendee.standing.in_(ON_LIST))
        .order_by(Person.precedence.is_(None), Person.precedence, Attendee.id)
    )
    return list(session.scalars(query.options(selectinload(Attendee.person).selectinload(Person.organisation))))


def set_leads(session: Session, event: Event, leads: Sequence[Lead], *, now: datetime) -> int:
    """Make these people those who lead an event, and return how many changed.

    Who is not on its list is invited, and has not answered. Who leads it no longer stays on the list, as a
    participant. How somebody who is on the list takes part stays as it is. Raise as `transitions.invite` does.
    """
    before = {row.person_id: row for row in list_leads(session, event)}
    listed = _read_listed(session, event, leads)
    changed = 0
    for lead in leads:
        row = listed.get(lead.person.id)
        if row is None:
            guest = transitions.Guest(person=lead.person, mode=lead.mode, role=lead.role)
            transitions.invite(session, event, guest, now=now)
            changed += 1
        else:
            changed += transitions.set_role(session, row, lead.role, now=now)
    wanted = {lead.person.id for lead in leads}
    for person, row in before.items():
        if person not in wanted:
            changed += transitions.set_role(session, row, Role.PARTICIPANT, now=now)
    return changed


def _read_listed(session: Session, event: Event, leads: Sequence[Lead]) -> dict[int, Attendee]:
    people = [lead.person.id for lead in leads]
    here = sa.select(Attendee).where(Attendee.event_id == event.id, Attendee.person_id.in_(people))
    return {row.person_id: row for row in session.scalars(here.where(Attendee.standing.in_(ON_LIST)))}

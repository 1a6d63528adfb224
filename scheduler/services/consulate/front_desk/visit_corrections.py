"""Corrections of the people of a visit: by an officer, or of the spelling of a name by its bearer.

The document that a visit is bound to is never changed. A new address makes the links in letters to the old one
invalid and brings a new letter; a time that waits to be confirmed is held as long again, so that nobody loses it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, NothingToChange
from scheduler.base.name_matching import is_respelling
from scheduler.model.audit import Audit
from scheduler.model.letters import LetterKind
from scheduler.model.visits import ACTIVE, Applicant, Appointment, VisitStatus
from scheduler.services.common.audit import note
from scheduler.services.consulate.posts import slot_claims
from scheduler.services.consulate.visits import lifecycle, notices
from scheduler.services.consulate.visits.lifecycle import NoLongerStands
from scheduler.services.consulate.visits.visit_drafts import ContactDraft, VisitorName


class VisitorsDraft(ContactDraft):
    """The people of a visit as they should be: their names in order, and how to reach the first."""

    names: Annotated[tuple[VisitorName, ...], Field(min_length=1, max_length=20)]


def correct(session: Session, appointment: Appointment, draft: VisitorsDraft, *, now: datetime) -> list[str]:
    """Make the people of a visit be as the draft says, and write to a new address; return the fields that changed.

    A name that was asked for is settled by it. Raise NoLongerStands if the visit is over or lapsed, and Conflict for
    another number of people.
    """
    lifecycle.lock_visit(session, appointment)
    _refuse_ended(appointment, now)
    if len(draft.names) != len(appointment.applicants):
        raise Conflict(
            "appointment {reference} is for this number of people: {people}",
            reference=appointment.reference,
            people=appointment.people,
        )
    fields = [*_write_names(appointment, draft), *_write_contact(appointment, draft)]
    if fields:
        note(session, "correct", "appointment", appointment.id, now=now, fields=fields)
    if "email" in fields:
        _write_anew(session, appointment, now)
    return fields


def _refuse_ended(appointment: Appointment, now: datetime) -> None:
    expired = appointment.has_expired(now)
    if appointment.status not in ACTIVE or appointment.contact is None or expired:
        status = VisitStatus.LAPSED if expired else appointment.status
        raise NoLongerStands(
            "appointment {reference} is no longer valid: {status}", reference=appointment.reference, status=status
        )


def _write_names(appointment: Appointment, draft: VisitorsDraft) -> list[str]:
    changed = False
    for person, name in zip(appointment.applicants, draft.names, strict=True):
        if person.name != name:
            person.name, person.name_asked, changed = name, None, True
    return ["names"] if changed else []


def _write_contact(appointment: Appointment, draft: VisitorsDraft) -> list[str]:
    """Write how the contact is reached; language and zone are those of the whole party."""
    contact, fields = appointment.applicants[0], []
    for name, value in (("email", draft.email), ("telephone", draft.telephone)):
        if getattr(contact, name) != value:
            setattr(contact, name, value)
            fields.append(name)
    if (contact.language, contact.tzid) != (draft.language, draft.tz):
        fields.append("language" if contact.language != draft.language else "tz")
        for person in appointment.applicants:
            person.language, person.tzid = draft.language, draft.tz
    return fields


def _write_anew(session: Session, appointment: Appointment, now: datetime) -> None:
    """Revoke the links of a visit and send new ones; hold a time that is not confirmed yet as long again."""
    appointment.epoch += 1
    if appointment.status is VisitStatus.HELD:
        appointment.expires_at = now + appointment.service.post.hold
        session.flush()
        slot_claims.keep_until_expiry(session, appointment)
    notices.queue(
        session,
        _KIND_ANEW.get(appointment.status, LetterKind.VISIT_STANDING),
        appointment,
        now=now,
        expires_at=appointment.expires_at,
        distinguisher=f"corrected {appointment.epoch}",
    )


# The letter that has the link to confirm; whoever need not confirm is told how their visit stands.
_KIND_ANEW = {VisitStatus.HELD: LetterKind.VISIT_CONFIRM, VisitStatus.OFFERED: LetterKind.VISIT_OFFERED}


# By the bearer


def ask_for_name(session: Session, appointment: Appointment, position: int, name: str, *, now: datetime) -> bool:
    """Correct the spelling of a name on one's own visit at once, or ask an officer to; return whether it is done.

    It is done the first time, if it is a slip of the pen: the day list and the document must agree. Raise
    NothingToChange, and NoLongerStands.
    """
    lifecycle.lock_visit(session, appointment)
    _refuse_ended(appointment, now)
    person = appointment.applicants[position]
    if person.name == name:
        raise NothingToChange
    if not is_respelling(person.name, name) or _has_respelled(session, appointment, person):
        person.name_asked = name
        note(session, "ask", "appointment", appointment.id, now=now, position=person.position)
        return False
    person.name, person.name_asked = name, None
    note(session, "respell", "appointment", appointment.id, now=now, position=person.position)
    return True


def _has_respelled(session: Session, appointment: Appointment, person: Applicant) -> bool:
    """Return whether a name was respelled before: by many small steps it could become another one."""
    here = sa.and_(Audit.noun == "appointment", Audit.action == "respell", Audit.row == str(appointment.id))
    return {"position": person.position} in session.scalars(sa.select(Audit.details).where(here)).all()


def keep_names(session: Session, appointment: Appointment, *, now: datetime) -> None:
    """Leave the names of a visit as they are, though others were asked for. Raise NothingToChange if none was."""
    lifecycle.lock_visit(session, appointment)
    asked = [person for person in appointment.applicants if person.name_asked is not None]
    if not asked:
        raise NothingToChange("no correction of a name has been requested here")
    for person in asked:
        person.name_asked = None
    note(session, "keep names", "appointment", appointment.id, now=now)

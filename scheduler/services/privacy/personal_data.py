"""Everything that is stored about one person, for that person (GDPR, art. 15 and 20)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from scheduler.model.attendance import Attendee, comes
from scheduler.model.feeds import FeedLink
from scheduler.model.imports import ExternalId, GuestRow
from scheduler.model.letters import IncomingMail, Letter
from scheduler.model.places import Person


def export_personal_data(session: Session, person: Person) -> dict[str, Any]:
    """Return everything that is stored about a person, as plain values for JSON (GDPR, art. 20)."""
    places = sa.select(Attendee).where(comes(person.id)).order_by(Attendee.id)
    written = sa.select(Letter).where(Letter.person_id == person.id).order_by(Letter.id)
    wrote = IncomingMail.sender == sa.func.lower(sa.literal(person.email or ""))
    mine = sa.or_(IncomingMail.attendee_id.in_(sa.select(Attendee.id).where(comes(person.id))), wrote)
    received = sa.select(IncomingMail).where(mine).order_by(IncomingMail.id)
    lists = sa.select(GuestRow).join(Attendee).where(Attendee.person_id == person.id)
    elsewhere = sa.select(ExternalId).where(ExternalId.person_id == person.id)
    calendars = sa.select(FeedLink).where(FeedLink.person_id == person.id).order_by(FeedLink.id)
    return {
        "person": {
            "name": dict(person.name),
            "name_asked_for": person.name_asked,
            "courtesy_title": dict(person.courtesy_title),
            "position": dict(person.position),
            "office_class": person.office_class,
            "office_state": person.office_state,
            "gender": person.gender,
            "envelope_name": dict(person.envelope_name),
            "own_salutation": dict(person.own_salutation),
            "own_closing": dict(person.own_closing),
            "email": person.email,
            "telephone": person.telephone,
            "language": person.language,
            "zone": person.tzid,
            "organisation": person.organisation.key if person.organisation else None,
            "precedence": person.precedence,
        },
        "registrations": [_export_place(row) for row in session.scalars(places.options(joinedload(Attendee.event)))],
        "letters": [
            _export_letter(row)
            for row in session.scalars(written.options(joinedload(Letter.event), joinedload(Letter.of_message)))
        ],
        "received_mail": [_export_mail(row) for row in session.scalars(received)],
        "guest_lists": [row.cells for row in session.scalars(lists)],
        "known_elsewhere_as": [{"source": one.source, "value": one.value} for one in session.scalars(elsewhere)],
        "calendars": [_export_link(row) for row in session.scalars(calendars)],
    }


def _export_mail(row: IncomingMail) -> dict[str, Any]:
    return {
        "received_at": row.received_at.isoformat(),
        "from": row.sender_shown,
        "subject": row.subject,
        "text": row.text,
        "answers": [{"word": one.word, "written_at": one.written_at.isoformat()} for one in row.answers],
    }


def _export_link(row: FeedLink) -> dict[str, Any]:
    return {
        "holder": row.holder,
        "made_at": row.created_at.isoformat(),
        "last_used_at": row.last_used_at.isoformat() if row.last_used_at else None,
        "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
    }


def _export_place(row: Attendee) -> dict[str, Any]:
    return {
        "event": row.event.key,
        "title": dict(row.event.title),
        "role": row.role,
        "mode": row.mode,
        "companions": row.companions,
        "companions_by_name": row.names,
        "access_needs": row.access_needs,
        "dietary_needs": row.dietary_needs,
        "reminded": row.reminded,
        "standing": row.standing,
        "offered_until": row.offered_until.isoformat() if row.offered_until else None,
        "since": row.standing_at.isoformat(),
        "excused": row.excused,
        "answer_reference": row.answer_reference,
        "represented": row.represented_by_id is not None,
        "answered_by": row.answered_by,
        "answered_on": row.answered_on.isoformat() if row.answered_on else None,
        "consented_at": row.consented_at.isoformat() if row.consented_at else None,
    }


def _export_letter(row: Letter) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "event": row.event.key,
        "asked_for_at": row.created_at.isoformat(),
        "outcome": row.outcome,
        "finished_at": row.finished_at.isoformat() if row.finished_at else None,
        "address": row.address,
        "subject": dict(row.of_message.subject) if row.of_message else None,
        "text": dict(row.of_message.body) if row.of_message else None,
    }

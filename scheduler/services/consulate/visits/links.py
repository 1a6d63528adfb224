"""The links of a visit: one to confirm it, one that is its owner's page. Derived; the database holds none."""

from __future__ import annotations

from datetime import UTC
from enum import StrEnum

from sqlalchemy.orm import Session

from scheduler.base.errors import NotFound
from scheduler.model import Appointment
from scheduler.services.common import tokens


class VisitPurpose(StrEnum):
    """What a link is good for; a token of one opens nothing of another."""

    CONFIRM = "confirm"  # what is held or offered, and whether they still come
    OWN = "own"
    CALENDAR = "calendar"  # what a calendar keeps: it reads, and opens no page


# Where the page of each is, after the language.
PATHS = {
    VisitPurpose.CONFIRM: "visits/confirm",
    VisitPurpose.OWN: "visits",
    VisitPurpose.CALENDAR: "visits/calendar",
}


def token(appointment: Appointment, purpose: VisitPurpose, *, secret: str) -> str:
    since = appointment.created_at.astimezone(UTC).isoformat(timespec="microseconds")
    return tokens.make_token(appointment.id, f"appointment-{purpose}", since, appointment.epoch, secret=secret)


def find(session: Session, given: str, purpose: VisitPurpose, *, secret: str) -> Appointment:
    """Whose link this is. Raises NotFound alike for what was never there, was forgotten or revoked."""
    number = tokens.read_row_id(given)
    found = session.get(Appointment, number) if number else None
    if found is None or found.contact is None or not tokens.is_same(given, token(found, purpose, secret=secret)):
        raise NotFound("this link leads nowhere")
    return found


def make_address(appointment: Appointment, purpose: VisitPurpose, *, secret: str, base: str, language: str) -> str:
    return f"{base}/{language}/{PATHS[purpose]}/{token(appointment, purpose, secret=secret)}"

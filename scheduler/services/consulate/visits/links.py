"""The links of a visit. They are derived from its row and the secret of the instance; the database stores none."""

from __future__ import annotations

from datetime import UTC
from enum import StrEnum

from sqlalchemy.orm import Session

from scheduler.base.errors import NotFound
from scheduler.model.visits import Appointment
from scheduler.services.common import tokens


class VisitPurpose(StrEnum):
    """The purpose of a link; a token for one purpose is not valid for another."""

    CONFIRM = "confirm"  # to confirm a held or offered time, or to reconfirm a booked one
    OWN = "own"
    CALENDAR = "calendar"  # for calendar programs: it can only be read, and opens no page


# The path of each page, after the language.
PATHS = {
    VisitPurpose.CONFIRM: "visits/confirm",
    VisitPurpose.OWN: "visits",
    VisitPurpose.CALENDAR: "visits/calendar",
}


def make_token(appointment: Appointment, purpose: VisitPurpose, *, secret: str) -> str:
    since = appointment.created_at.astimezone(UTC).isoformat(timespec="microseconds")
    return tokens.make_token(appointment.id, f"appointment-{purpose}", since, appointment.epoch, secret=secret)


def find(session: Session, token: str, purpose: VisitPurpose, *, secret: str) -> Appointment:
    """Return the visit of a link. Raise one and the same NotFound for an unknown, erased or revoked token."""
    number = tokens.read_row_id(token)
    return require(session.get(Appointment, number) if number else None, token, purpose, secret=secret)


def require(found: Appointment | None, token: str, purpose: VisitPurpose, *, secret: str) -> Appointment:
    """Return the visit if the token is its own. Raise NotFound as `find` does."""
    if found is None or found.contact is None or not tokens.is_same(token, make_token(found, purpose, secret=secret)):
        raise NotFound("this link leads nowhere")
    return found


def make_address(appointment: Appointment, purpose: VisitPurpose, *, secret: str, base: str, language: str) -> str:
    return f"{base}/{language}/{PATHS[purpose]}/{make_token(appointment, purpose, secret=secret)}"

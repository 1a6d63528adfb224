"""Who comes in somebody's place."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from scheduler.errors import Invalid
from scheduler.model import Attendee, LetterKind, Person, Standing
from scheduler.services import attendance, letters
from scheduler.services.attendance import AlreadyThere
from scheduler.services.audit import note


def represent(session: Session, attendee: Attendee, deputy: Person | None, *, now: datetime) -> None:
    """Let somebody come in a guest's place; None: they come themselves after all. The place stays the same one.

    Who has a place is written to at once, be it another person than before. Raises AlreadyThere, and Invalid for who
    would represent themselves.
    """
    attendance.hold(session, attendee.event)
    session.refresh(attendee)
    if deputy is attendee.person:
        raise Invalid("nobody represents themselves")
    if deputy is attendee.represented_by:
        raise AlreadyThere("it is so already; nothing was changed")
    attendee.represented_by = deputy
    session.flush()
    if attendee.standing is Standing.CONFIRMED and not attendee.event.cancelled:
        key = f"represent:{attendee.id}:{now:%Y%m%dT%H%M%S%f}"
        letters.queue(session, LetterKind.CONFIRMED, attendee.attending, attendee.event, key=key, now=now)
    note(session, "represent", "attendee", attendee.id, now=now, by=deputy.id if deputy else None)

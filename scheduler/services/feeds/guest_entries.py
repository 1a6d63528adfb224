"""The entries of a guest's own calendar: what they have not accepted yet is tentative there."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from calendars.amendments import mark_unanswered, raise_revision
from scheduler.base.i18n import N_, load_catalogue
from scheduler.model.attendance import BOUND, Attendee, Standing, comes
from scheduler.model.events import Event

Answer = tuple[sa.ScalarSelect[bool], sa.ScalarSelect[datetime]]


def select_answer(person_id: int | None) -> Answer:
    """Select, for each event, whether a person has a place there, and when the standing of theirs last changed."""
    assert person_id is not None  # noqa: S101 - a constraint: an agenda is somebody's
    mine = (Attendee.event_id == Event.id, comes(person_id), Attendee.standing.in_(BOUND))
    accepted = sa.func.max(sa.case((Attendee.standing == Standing.CONFIRMED, 1), else_=0))
    return (
        sa.select(accepted).where(*mine).correlate(Event).scalar_subquery(),
        sa.select(sa.func.max(Attendee.standing_at)).where(*mine).correlate(Event).scalar_subquery(),
    )


def amend_for_guest(body: bytes, language: str, *, accepted: bool, changed_at: datetime) -> bytes:
    """Amend the rendering of an event for one guest.

    An answer is news of the entry: clients take over only what is later than what they have
    (docs/icalendar-rules.md#rule-71).
    """
    if not accepted:
        body = mark_unanswered(
            body, load_catalogue(language).gettext(N_("You have not answered this invitation yet."))
        )
    return raise_revision(body, changed_at)

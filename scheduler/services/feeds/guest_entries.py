"""The entries of a guest's own calendar: what they have not accepted yet is tentative there."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from calendars.amendments import mark_unanswered, prepend_to_description, raise_revision
from scheduler.base.i18n import N_, load_catalogue
from scheduler.model.attendance import BOUND, Attendee, Standing, comes
from scheduler.model.events import Event

Answer = tuple[sa.ScalarSelect[bool], sa.ScalarSelect[datetime]]


def select_answer(person_id: int | None) -> Answer:
    """Select, for each event, whether a person has a place there, and since when they have that standing."""
    assert person_id is not None  # noqa: S101 - a constraint: an agenda is somebody's
    mine = (Attendee.event_id == Event.id, comes(person_id), Attendee.standing.in_(BOUND))
    accepted = sa.func.max(sa.case((Attendee.standing == Standing.CONFIRMED, 1), else_=0))
    return (
        sa.select(accepted).where(*mine).correlate(Event).scalar_subquery(),
        sa.select(sa.func.max(Attendee.standing_at)).where(*mine).correlate(Event).scalar_subquery(),
    )


def amend_for_guest(
    body: bytes, language: str, *, accepted: bool, standing_at: datetime, in_place_of: str = ""
) -> bytes:
    """Amend the rendering of an event for one guest, who has accepted the invitation or not.

    ``in_place_of`` is the name of somebody else on the list, in whose place they come.
    """
    gettext = load_catalogue(language).gettext
    if in_place_of:
        sentence = gettext(N_("You represent {guest}.")).format(guest=in_place_of)
        body = prepend_to_description(body, sentence)
    if not accepted:
        body = mark_unanswered(body, gettext(N_("You have not accepted this invitation yet.")))
    return raise_revision(body, find_revision(accepted=accepted, standing_at=standing_at))


def find_revision(*, accepted: bool, standing_at: datetime) -> datetime:
    """Return when the entry of a guest last changed, if the event has not changed since.

    To accept is news: clients take over only what is later than what they have (docs/icalendar-rules.md#rule-71). But
    it leaves the time of the standing, which is that of the invitation; so it counts as a second later.
    """
    return standing_at + timedelta(seconds=accepted)

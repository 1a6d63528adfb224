"""The party of somebody on a list: how they come, with how many, who those are, and what they need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from scheduler.base.errors import NothingToChange
from scheduler.model import Attendee, Companion, LetterKind, Mode, Standing
from scheduler.model.attendance import HOLDING
from scheduler.services.common.audit import note
from scheduler.services.events.attendance import capacity, offers
from scheduler.services.events.attendance.capacity import NoRoom


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a party needs, in its own words; sensitive."""

    access: str = ""
    dietary: str = ""


def change(
    session: Session,
    attendee: Attendee,
    *,
    mode: Mode,
    companions: int,
    names: Iterable[str] | None = None,
    needs: Needs | None = None,
    now: datetime,
) -> None:
    """Party and needs together. Raises as `change_party`, AlreadyThere where nothing at all is new."""
    capacity.hold_with(session, attendee)
    news = needs is not None and _need(session, attendee, needs, now=now)
    try:
        change_party(session, attendee, mode=mode, companions=companions, names=names, now=now)
    except NothingToChange:
        if not news:
            raise


def _need(session: Session, attendee: Attendee, needs: Needs, *, now: datetime) -> bool:
    """Whether that was new; the audit says that it was changed, not to what."""
    if needs_of(attendee) == needs:
        return False
    attendee.access_needs, attendee.dietary_needs = needs.access or None, needs.dietary or None
    note(session, "change", "attendee", attendee.id, now=now, fields=["needs"])
    session.flush()  # the row is read again once its places are held
    return True


def needs_of(attendee: Attendee) -> Needs:
    return Needs(access=attendee.access_needs or "", dietary=attendee.dietary_needs or "")


def change_party(
    session: Session,
    attendee: Attendee,
    *,
    mode: Mode,
    companions: int,
    names: Iterable[str] | None = None,
    now: datetime,
) -> None:
    """Change companions or switch between hall and video, keeping what they hold if the new is not to be had.

    Who waits stands at the end of the other queue; who has a place and switches is told what holds there. ``names``
    None leaves those that are known, as many as come. Raises AlreadyThere, Conflict when there is no room, Invalid
    for a party that could never fit.
    """
    capacity.hold_with(session, attendee)
    names = attendee.names[:companions] if names is None else list(names)
    if (attendee.mode, attendee.companions, attendee.names) == (mode, companions, names):
        raise NothingToChange("{person} stands there so already for {event}", **capacity.facts_of(attendee))
    before = attendee.mode
    _move_party(session, attendee, mode, companions)
    name_companions(attendee, names)
    note(session, "change", "attendee", attendee.id, now=now, mode=mode, companions=companions)
    session.flush()
    if attendee.standing is Standing.CONFIRMED and mode is not before:
        offers.queue_for_attendee(session, LetterKind.CONFIRMED, attendee, now=now)
    for touched in {before, mode}:
        offers.offer_free_places(session, attendee.event, touched, now=now)


def _move_party(session: Session, attendee: Attendee, mode: Mode, companions: int) -> None:
    event, before = attendee.event, attendee.mode
    if attendee.standing in (Standing.WAITLISTED, Standing.REQUESTED):
        capacity.refuse_impossible(session, event, mode, companions)
    if attendee.standing is Standing.WAITLISTED and mode is not before:
        attendee.queue_number = capacity.draw_number(session, event.id, mode)
    if attendee.standing in HOLDING:
        _hold_other(session, attendee, mode, 1 + companions)
    attendee.mode, attendee.companions = mode, companions


def _hold_other(session: Session, attendee: Attendee, mode: Mode, seats: int) -> None:
    """Only what is more than they hold is new, and belongs first to who waits for it."""
    event, more = attendee.event, seats - attendee.seats
    if mode is attendee.mode:
        taken = capacity.take_together(session, event, mode, more)
    else:
        taken = capacity.take_together(session, event, mode, seats)
        if taken:
            capacity.take_together(session, event, attendee.mode, -attendee.seats)
    if not taken:
        raise NoRoom("there are not that many places left; nothing was changed")


def name_companions(attendee: Attendee, names: Iterable[str]) -> None:
    """Never more names than companions; a row that stays is kept, so that no two change places in one statement."""
    kept = dict(enumerate(list(names)[: attendee.companions], start=1))
    for one in list(attendee.company):
        name = kept.pop(one.position, None)
        if name is None:
            attendee.company.remove(one)
        else:
            one.name = name
    attendee.company.extend(Companion(position=position, name=name) for position, name in kept.items())

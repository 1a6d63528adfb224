"""The party of an attendee: in which mode they come, with how many companions, their names, and what they need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from scheduler.base.errors import NothingToChange
from scheduler.model.attendance import Attendee, Companion, Standing
from scheduler.model.events import Mode
from scheduler.model.letters import LetterKind
from scheduler.services.common.audit import note
from scheduler.services.events.attendance import capacity, offers
from scheduler.services.events.attendance.capacity import NoRoom


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """The needs of a party, in its own words. Sensitive."""

    access: str = ""
    dietary: str = ""


def change_party_and_needs(
    session: Session,
    attendee: Attendee,
    *,
    mode: Mode,
    companions: int,
    names: Iterable[str] | None = None,
    needs: Needs | None = None,
    now: datetime,
) -> None:
    """Change party and needs together. Raise as `change_party`, and NothingToChange if nothing at all is new."""
    capacity.lock_places_of(session, attendee)
    new_needs = needs is not None and _change_needs(session, attendee, needs, now=now)
    try:
        change_party(session, attendee, mode=mode, companions=companions, names=names, now=now)
    except NothingToChange:
        if not new_needs:
            raise


def _change_needs(session: Session, attendee: Attendee, needs: Needs, *, now: datetime) -> bool:
    """Change the needs, and return whether they are new. The audit does not state them."""
    if needs_of(attendee) == needs:
        return False
    attendee.access_needs, attendee.dietary_needs = needs.access or None, needs.dietary or None
    note(session, "change", "attendee", attendee.id, now=now, fields=["needs"])
    session.flush()  # `change_party` reads the row again
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
    """Change companions, or switch between hall and video; a party keeps its places if there is no room for the new.

    A waiting party that switches goes to the end of the other queue; a confirmed one gets a letter with what holds
    there. ``names`` None keeps those that are known, as many as come. Raise NothingToChange, NoRoom, and NeverFits
    for a party larger than all the places there are.
    """
    capacity.lock_places_of(session, attendee)
    names = attendee.names[:companions] if names is None else list(names)
    if (attendee.mode, attendee.companions, attendee.names) == (mode, companions, names):
        raise NothingToChange("{person} is already recorded like this for {event}", **capacity.facts_of(attendee))
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
        capacity.refuse_impossible(session, event, mode, companions, official=attendee.official)
    if attendee.standing is Standing.WAITLISTED and mode is not before:
        attendee.queue_number = capacity.draw_number(session, event.id, mode)
    if attendee.holds_places:
        _hold_other(session, attendee, mode, 1 + companions)
    attendee.mode, attendee.companions = mode, companions


def _hold_other(session: Session, attendee: Attendee, mode: Mode, seats: int) -> None:
    """Exchange the places that a party holds for others. What it holds already it keeps, whoever waits for more."""
    event, more = attendee.event, seats - attendee.seats
    if mode is attendee.mode:
        taken = capacity.take_or_return(session, event, mode, more, official=attendee.official)
    else:
        taken = capacity.take_or_return(session, event, mode, seats, official=attendee.official)
        if taken:
            capacity.take_places(session, event.id, attendee.mode, -attendee.seats)
    if not taken:
        raise NoRoom("there are not enough places left; nothing was changed")


def name_companions(attendee: Attendee, names: Iterable[str]) -> None:
    """Set the names of the companions; names beyond their number are dropped.

    Rows keep their positions and change their names, so that no two rows exchange positions in one statement.
    """
    kept = dict(enumerate(list(names)[: attendee.companions], start=1))
    for one in list(attendee.company):
        name = kept.pop(one.position, None)
        if name is None:
            attendee.company.remove(one)
        else:
            one.name = name
    attendee.company.extend(Companion(position=position, name=name) for position, name in kept.items())

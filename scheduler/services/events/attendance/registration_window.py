"""Whether registration for an event is open at this moment."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict
from scheduler.model import Event, Kind


class RegistrationClosed(Conflict):
    """Registration is not open."""


def require_open(session: Session, event: Event, now: datetime) -> None:
    """Read the event again and hold it until the transaction ends. Raise RegistrationClosed if it takes nobody."""
    _look_again(session, event)
    refuse_closed(event, now)


def refuse_closed(event: Event, now: datetime) -> None:
    """Raises RegistrationClosed, by what is read, and held, already."""
    _refuse_past(event, now)
    if event.is_early(now):
        raise RegistrationClosed(
            "registration for {event} opens at {time} ({tz})",
            event=event.key,
            time=event.registration_opens,
            tz=event.tzid,
        )
    if event.is_late(now):
        raise RegistrationClosed(
            "registration for {event} closed at {time} ({tz})",
            event=event.key,
            time=event.registration_closes,
            tz=event.tzid,
        )


def refuse_over(session: Session, event: Event, now: datetime) -> None:
    """Raises RegistrationClosed for what does not take place any more; the window itself may be closed."""
    _look_again(session, event)
    _refuse_past(event, now)


def _look_again(session: Session, event: Event) -> None:
    """Judged by the event as it is: whoever is cancelling it at this moment would not find us among those to tell."""
    session.refresh(event, _DECIDING, with_for_update={"read": True})


def _refuse_past(event: Event, now: datetime) -> None:
    if event.kind is Kind.TOUR:
        raise RegistrationClosed("{event} is a tour; register for one of its stops", event=event.key)
    if event.cancelled:
        raise RegistrationClosed("{event} is cancelled", event=event.key)
    if event.is_over(now):
        raise RegistrationClosed("{event} is over", event=event.key)


# What decides whether somebody may register, as it is at this moment.
_DECIDING = (
    "status",
    "starts_at",
    "ends_at",
    "registration_opens",
    "registration_closes",
    "tzid",
    "queue",
    "approval",
)
DECIDING = [getattr(Event, name) for name in ("key", "kind", "timing", *_DECIDING)]

"""The registration window: whether an event takes guests at this moment."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict
from scheduler.model.events import Event, Kind


class RegistrationClosed(Conflict):
    """Registration is not open."""


def require_open(session: Session, event: Event, now: datetime) -> None:
    """Read the event again and hold it until the transaction ends. Raise RegistrationClosed if it takes nobody."""
    _read_again(session, event)
    refuse_closed(event, now)


def refuse_closed(event: Event, now: datetime) -> None:
    """Raise RegistrationClosed if an event takes nobody, judged by the event as it is in memory."""
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


def require_not_over(session: Session, event: Event, now: datetime) -> None:
    """Read the event again and hold it. Raise RegistrationClosed if it is over or cancelled.

    Registration itself may be closed: an officer still approves and seats guests then.
    """
    _read_again(session, event)
    _refuse_past(event, now)


def _read_again(session: Session, event: Event) -> None:
    """Hold the event as it is: a cancellation at this moment would not find this guest among those to write to."""
    session.refresh(event, _CHANGING, with_for_update={"read": True})


def _refuse_past(event: Event, now: datetime) -> None:
    if event.kind is Kind.TOUR:
        raise RegistrationClosed("{event} is a tour; register for one of its stops", event=event.key)
    if event.cancelled:
        raise RegistrationClosed("{event} is cancelled", event=event.key)
    if event.is_over(now):
        raise RegistrationClosed("{event} is over", event=event.key)


# The columns that decide whether and how somebody may register; `_CHANGING` are those that may change meanwhile.
_CHANGING = (
    "status",
    "starts_at",
    "ends_at",
    "registration_opens",
    "registration_closes",
    "tzid",
    "queue",
    "approval",
)
COLUMNS = [getattr(Event, name) for name in ("key", "kind", "timing", *_CHANGING)]

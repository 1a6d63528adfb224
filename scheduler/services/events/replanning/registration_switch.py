"""Open and close the registration of an event now, whatever times were planned for it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.base.errors import Conflict, NothingToChange
from scheduler.model.events import Event, Registration
from scheduler.services.common.lookup import get_for_update
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.planning import Impact


def open_registration(session: Session, event: Event, *, now: datetime, closes: datetime | None = None) -> Impact:
    """Let everybody register on the page of an event from now on, until ``closes`` on its clock.

    Without that a closing time that is still to come stays, and one that has passed goes. Raise NothingToChange if
    registration is open so already, and Conflict if the event is cancelled or over.
    """
    event = get_for_update(session, Event, event.key)
    if event.cancelled:
        raise Conflict("{event} is cancelled", event=event.key)
    if event.is_over(now):
        raise Conflict("{event} is over", event=event.key)
    kept = None if event.is_late(now) else event.registration_closes
    return _change(
        session,
        event,
        now=now,
        registration=Registration.PUBLIC,
        registration_opens=event.registration_opens if not event.is_early(now) else None,
        registration_closes=closes or kept,
    )


def close_registration(session: Session, event: Event, *, now: datetime) -> Impact:
    """Let nobody register on the page of an event any more; officers still can.

    Raise NothingToChange if it is not open and will not open.
    """
    event = get_for_update(session, Event, event.key)
    if event.registration is not Registration.PUBLIC or event.is_late(now):
        raise NothingToChange("registration for {event} is closed already", event=event.key)
    closed = wall(now, event.tzid).replace(second=0, microsecond=0)
    opens = event.registration_opens if event.registration_opens and event.registration_opens < closed else None
    return _change(session, event, now=now, registration_opens=opens, registration_closes=closed)


def _change(session: Session, event: Event, *, now: datetime, **fields: Any) -> Impact:
    impact = planning.change_event(session, event, now=now, **fields)
    if not impact.change.is_change:
        raise NothingToChange
    return impact

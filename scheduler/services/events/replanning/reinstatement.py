"""Put cancelled events back into the plan."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, NothingToChange
from scheduler.model.events import Event, Status
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.planning import Impact
from scheduler.services.events.replanning.event_trees import lock_trees, walk_trees


def reinstate(
    session: Session,
    event: Event,
    *,
    now: datetime,
    alone: bool = False,
    status: Status = Status.CONFIRMED,
    force: str | None = None,
) -> list[Impact]:
    """Put a cancelled event back into the plan with its cancelled parts, and return the impact on each, it first.

    With ``alone`` its parts stay as they are; parts that are over always do. Raise NothingToChange if it is not
    cancelled, Conflict if what it is part of is, and Contradiction unless ``force`` gives a reason.
    """
    lock_trees(session, [event])
    if not event.cancelled:
        raise NothingToChange("{event} is not cancelled", event=event.key)
    if event.parent is not None and event.parent.cancelled:
        raise Conflict(
            "{event} is a part of {whole}, which is cancelled; reinstate that first",
            event=event.key,
            whole=event.parent.key,
        )
    chosen = [event, *([] if alone else _yield_parts(event, now))]
    return [planning.change_event(session, one, now=now, force=force, status=status) for one in chosen]


def _yield_parts(event: Event, now: datetime) -> Iterator[Event]:
    """Yield the cancelled parts of an event that are not over, at any depth, a whole before its parts."""
    return (part for part in walk_trees(event.children) if part.cancelled and not part.is_over(now))

"""Contradictions in the plan: what they are about, and how they are said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from scheduler.base.errors import Conflict
from scheduler.model.events import Event
from scheduler.model.places import City, Person, Venue


class ClashKind(StrEnum):
    """The thing that cannot be as it is planned."""

    VENUE = "venue taken twice"
    PERSON = "person at two places"
    TRAVEL = "person on the way"
    OUTSIDE = "outside the days of the whole"
    CLOSED = "venue closed"
    CANCELLED = "part of something cancelled"


class Contradiction(Conflict):
    """Two things cannot both be planned; ``about`` are the keys of the events that it is about.

    ``who`` is the person that two events bind, or who is on the way between them. ``rows`` are those behind the keys
    among the facts, by the names of the facts.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: ClashKind,
        about: Sequence[str],
        who: Person | None = None,
        rows: Mapping[str, Event | Person | Venue | City] | None = None,
        **facts: object,
    ) -> None:
        super().__init__(message, **facts)
        self.kind = kind
        self.about = about
        self.who = who
        self.rows = rows or {}

    @property
    def events(self) -> list[Event]:
        """The events that it is about."""
        return [row for row in self.rows.values() if isinstance(row, Event)]


def describe_event(event: Event) -> str:
    """Return the key of an event and its start, on the clock of its place."""
    return f"{event.key} ({event.dtstart:%Y-%m-%d %H:%M} {event.tzid})"

"""The mistakes found while a file is applied: collected, so that all are reported at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from scheduler.base.errors import Invalid, NotFound, SchedulerError, combine_errors
from scheduler.services.events.programme.conflicts.contradictions import Contradiction


class FileProblems:
    """Mistakes with their places ("event.opening.attendees.0"), without those that only follow from others.

    ``doubtful`` are tables ("event.opening") with a mistake: an error about one of them may only be its consequence.
    """

    def __init__(self, doubtful: Collection[str]) -> None:
        self.found: list[SchedulerError] = []
        self.doubtful = set(doubtful)

    @contextmanager
    def collecting(self, place: str) -> Iterator[None]:
        """Collect an error and go on, so that all are reported; the transaction must be rolled back in the end."""
        try:
            yield
        except SchedulerError as error:
            self.add(error, place)

    def add(self, error: SchedulerError, place: str = "") -> None:
        """Add an error, unless it may only follow from another one."""
        if not self._may_follow(error):
            self.found.append(Invalid("{place}: {problem}", place=place, problem=error) if place else error)
        if place.count(".") == 1:  # of a table, not of an attendee within it
            self.doubtful.add(place)

    def raise_all(self) -> None:
        """Raise Problems, or the only error that was collected."""
        if self.found:
            raise combine_errors(self.found)

    def _may_follow(self, error: SchedulerError) -> bool:
        """Return whether an error is about a doubtful table, and may be gone once that is put right."""
        match error:
            case Contradiction():
                tables = {f"event.{key}" for key in error.about}
            case NotFound():
                tables = {f"{error.facts.get('noun')}.{error.facts.get('key')}"}
            case _:
                return False
        return not self.doubtful.isdisjoint(tables)

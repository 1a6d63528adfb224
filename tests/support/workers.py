"""Workers beside the one under test: alive, or no longer seen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa

from scheduler.model.operations import Worker
from scheduler.services.letters.envelope import OutgoingMessage
from scheduler.services.operations.workers import LAPSE_AFTER
from scheduler.storage.database_clock import database_now

SECOND = timedelta(seconds=1)


def a_worker(app, worker: str = "one", *, unseen_for: timedelta = timedelta()) -> str:
    """The id of a worker that was last seen so long ago by the clock of the database; now if it is not said."""
    seen = database_now(less=unseen_for)
    with app.db.write() as session:
        session.execute(sa.delete(Worker).where(Worker.id == worker))
        session.add(Worker(id=worker, pid=1, version="0", tzdata="", started_at=seen, seen_at=seen))
    return worker


def lose(app, worker: str = "one") -> None:
    """Let a worker not have been seen for longer than its claims hold."""
    a_worker(app, worker, unseen_for=LAPSE_AFTER + SECOND)


class Kept:
    """A channel that keeps what it is given; ``before`` lets something happen before that."""

    def __init__(self, before: Callable[[OutgoingMessage], object] = lambda _: None) -> None:
        self.before: Callable[[OutgoingMessage], object] = before
        self.sent: list[OutgoingMessage] = []

    def send(self, message: OutgoingMessage) -> None:
        self.before(message)
        self.sent.append(message)

    def close(self) -> None: ...

    def check(self) -> None: ...

    @property
    def addresses(self) -> list[str]:
        return [message.address for message in self.sent]

"""Visitors who confirm their registration over HTTP: for one hot event and for a hundred, by 1, 2 and 4 processes.

Each has asked on the page and now presses the button behind the link in the letter: that is when a place is taken.
Against it the database's own limit for the same write, in as many processes: the conditional update of the places and
one insert. Then fifty threads of one process which all register at once, again and again: how long each waits.

Needs wrk (Debian). The servers, wrk and the database share the cores of the machine.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier

import sqlalchemy as sa

from benchmarks import common, contending
from benchmarks.apply import apply
from benchmarks.contending import CONTENDERS, contend
from benchmarks.register import attendee_row, person_row
from benchmarks.sample import people, programme
from benchmarks.servers import SECRET, post_each, serving
from scheduler.base.errors import SchedulerError
from scheduler.model.attendance import Attendee, Partstat, Standing
from scheduler.model.events import Capacity, Event, Kind, Mode
from scheduler.model.places import Person
from scheduler.services.common.tokens import PATHS, Purpose, make_attendee_token
from scheduler.services.events.guests import registration
from scheduler.storage.database import Database
from scheduler.storage.group_commit import GroupCommit

PROCESSES = (1, 2, 4)
CONNECTIONS = 50
LOADED = 4  # seconds
EACH = 20  # of each contender


def main() -> None:
    given = common.arguments(__doc__, rounds=1)
    size = int(8_000 * given.scale)
    for engine in given.engines:
        with common.databases(engine) as fresh:
            rows = [_row(fresh, size, events, processes) for events in (1, 100) for processes in PROCESSES]
            common.show(f"{engine}: {size:,} confirm over HTTP, {CONNECTIONS} at a time", HEADINGS, rows)
            common.show(
                f"{engine}: {CONTENDERS} contenders in one process", contending.HEADINGS, [_fairness(fresh())]
            )


HEADINGS = ("", "processes", "per second", "p50 ms", "p99 ms", "bare write/s", "of it")


def _row(fresh: common.Fresh, size: int, events: int, processes: int) -> Sequence[object]:
    db = _asked(fresh(), size, events)
    paths = [_path(one) for one in _places(db)]
    with serving(common.url_of(db), workers=processes, pinned=False) as server:
        seen = post_each(server, paths, seconds=LOADED, connections=CONNECTIONS)
    with db.read() as session:
        taken = session.scalar(sa.select(sa.func.sum(Capacity.taken))) or 0
    # Who was still being answered when it ended may have a place.
    assert 0 <= taken - round(seen.rate * LOADED) <= 2 * CONNECTIONS, (taken, seen)
    bare = _bare(_asked(fresh(), size, events), size, processes)
    return (f"{events:,} events", processes, seen.rate, seen.p50, seen.p99, bare, f"{seen.rate / bare:.1%}")


# Who has asked


@dataclass(frozen=True, slots=True)
class Place:
    number: int
    event: int
    since: datetime


def _asked(db: Database, size: int, events: int) -> Database:
    """Register everybody by name and address, unconfirmed."""
    apply(db, programme(4 * events, capacity=1_000_000))
    now = datetime.now(UTC)
    with common.transaction(db) as connection:
        numbers = connection.scalars(sa.select(Event.id).where(Event.kind == Kind.CEREMONY).order_by(Event.id)).all()
        connection.execute(sa.insert(Person), [person_row(one) for one in people(size)])
        known = connection.scalars(sa.select(Person.id).order_by(Person.id)).all()
        asked: dict[str, object] = {
            "standing": Standing.UNCONFIRMED,
            "partstat": Partstat.NEEDS_ACTION,
            "answered_by": None,
        }
        asked |= {"answered_on": None, "created_at": now, "standing_at": now}
        rows = [
            {**attendee_row(person), **asked, "event_id": numbers[index % events]}
            for index, person in enumerate(known)
        ]
        connection.execute(sa.insert(Attendee), rows)
    common.analyze(db)
    return db


def _places(db: Database) -> list[Place]:
    with db.read() as session:
        query = sa.select(Attendee.id, Attendee.event_id, Attendee.created_at).order_by(Attendee.id)
        return [Place(*row) for row in session.execute(query)]


def _path(one: Place) -> str:
    return f"/en/{PATHS[Purpose.CONFIRM]}/{_token(one)}"


def _token(one: Place) -> str:
    return make_attendee_token(Purpose.CONFIRM, one.number, one.since, 0, secret=SECRET)


# The database's own limit


def _bare(db: Database, size: int, processes: int) -> float:
    """Return the bare writes a second of so many processes at once."""
    places, url = _places(db), common.url_of(db)
    db.dispose()
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(processes + 1)
    children = [
        context.Process(target=_write_bare, args=(url, places[number::processes], together))
        for number in range(processes)
    ]
    for child in children:
        child.start()
    together.wait()
    start = time.perf_counter()
    for child in children:
        child.join()
    assert all(child.exitcode == 0 for child in children)
    return size / (time.perf_counter() - start)


def _write_bare(url: str, places: Sequence[Place], together: Barrier) -> None:
    db = Database(url)
    with db.read() as session:
        session.execute(sa.select(1))
    together.wait()
    for one in places:
        with common.transaction(db) as connection:
            mine = (Capacity.event_id == one.event, Capacity.mode == Mode.IN_PERSON)
            take = sa.update(Capacity).where(*mine, Capacity.taken + 1 <= Capacity.capacity)
            assert connection.execute(take.values(taken=Capacity.taken + 1)).rowcount == 1
            guest = {"identity": f"bare {one.number}", "name": {"en": "Guest"}, "language": "en"}
            connection.execute(sa.insert(Person), guest)


# Fairness


def _fairness(db: Database) -> Sequence[object]:
    _asked(db, CONTENDERS * EACH + 1, 1)
    first, *places = _places(db)

    def work(given: Sequence[str]) -> Sequence[Attendee | SchedulerError]:
        with db.write("page") as session:
            return registration.confirm_each(session, given, secret=SECRET, now=datetime.now(UTC))

    confirmed = GroupCommit(work)
    confirmed(_token(first))  # a process that has just begun has yet to compile its statements
    return contend([_token(one) for one in places], confirmed).row("one event")


if __name__ == "__main__":
    main()

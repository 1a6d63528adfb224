"""Check-ins a second through 1 to 8 doors on both engines, and looking for a name among 50,000 guests.

Each door reads passes one after the other, each check-in a transaction: on PostgreSQL a process of its own, on SQLite
a thread of one process, as each is served.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Sequence
from multiprocessing.pool import ThreadPool
from time import perf_counter
from typing import Any

import sqlalchemy as sa

from benchmarks import common
from benchmarks.apply import apply
from benchmarks.register import EVENT_ID, attendee_row, person_row
from benchmarks.sample import CEREMONY, people, with_ceremony
from scheduler.base.clock import instant
from scheduler.base.text import Text
from scheduler.model.arrivals import Arrival
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event
from scheduler.model.places import Person
from scheduler.services.common.lookup import get
from scheduler.services.events.attendance import passes
from scheduler.services.events.door import arrivals
from scheduler.services.events.door.arrivals import ScanDetails
from scheduler.services.events.door.name_search import Search
from scheduler.storage.database import Database

SECRET = "0" * 64
DOORS = (1, 2, 4, 8)
SPELT = ("Nurlan", "Нұрлан", "นูร์ลัน", "Aigerim Bekova", "Сомчай", "สมชาย", "Jaidee", "n", "Zzyzx Qwertyuiop")
NAMES = (
    *(
        {"en": f"{first} {last}"}
        for first in ("Nurlan", "Aigerim", "Pierre", "Anna")
        for last in ("Seitkali", "Dupont")
    ),
    *({"kk": f"{first} {last}"} for first in ("Жәнібек", "Айгерім", "Дана") for last in ("Бекова", "Төлегенов")),
    *({"th": f"{first} {last}"} for first in ("สมชาย", "ธนพร", "ศิริพร") for last in ("ใจดี", "วงศ์สวัสดิ์")),
)


def main() -> None:
    given = common.arguments(__doc__, rounds=5)
    for engine in given.engines:
        with common.databases(engine) as fresh:
            _measure_doors(engine, fresh, int(2_000 * given.scale))
            _measure_search(engine, fresh, int(50_000 * given.scale), given.rounds)


def _planned(db: Database, size: int, *, named: bool = False) -> Database:
    apply(db, with_ceremony())
    for chunk in common.chunks(enumerate(people(size), 1), 10_000):
        rows = [{"id": number, **person_row(one)} for number, one in chunk]
        if named:
            rows = [{**row, "name": _name(row["id"], row["name"])} for row in rows]
        with common.transaction(db) as connection:
            connection.execute(sa.insert(Person), rows)
            connection.execute(sa.insert(Attendee), [attendee_row(number) for number, _ in chunk])
    common.analyze(db)
    return db


def _name(number: int, name: Text) -> Text:
    """Return a name in one of four scripts, with a surname that few people share."""
    spoken = NAMES[number % len(NAMES)]
    return Text({tag: f"{said} {str(name).split()[-1]}{number % 997}" for tag, said in spoken.items()})


# Doors


def _measure_doors(engine: str, fresh: common.Fresh, size: int) -> None:
    rows = []
    for doors in DOORS:
        db = _planned(fresh(), size)
        given = _passes(db)
        took, waits = _through(common.url_of(db), [given[number::doors] for number in range(doors)])
        with db.read() as session:
            assert size == session.scalar(sa.select(sa.func.count(Arrival.id)))
        rows.append((f"{doors} doors", size / took, *(waits[int(len(waits) * part)] * 1000 for part in (0.5, 0.99))))
    common.show(f"{engine}: {size:,} check-ins", ("", "per second", "median ms", "p99 ms"), rows)


def _passes(db: Database) -> list[str]:
    with db.read() as session:
        return [passes.make_pass(one, secret=SECRET) for one in session.scalars(sa.select(Attendee))]


def _through(url: str, lots: Sequence[Sequence[str]]) -> tuple[float, list[float]]:
    pool_of, start = _doors(len(lots), threads=url.startswith("sqlite"))
    with pool_of(len(lots), _stand, (start, url)) as pool:
        asked = pool.map_async(_check_in, lots, chunksize=1)
        start.wait()
        took = common.seconds(asked.get)
        return took, sorted(wait for waits in asked.get() for wait in waits)


def _doors(number: int, *, threads: bool) -> tuple[Any, Any]:
    if threads:
        return ThreadPool, threading.Barrier(number + 1)
    context = multiprocessing.get_context("spawn")
    return context.Pool, context.Barrier(number + 1)


_once = threading.Lock()
_start: Any = None
_db: Any = None


def _stand(start: Any, url: str) -> None:
    global _start, _db
    with _once:
        if _db is None or _db.url.database != Database(url).url.database:
            _start, _db = start, Database(url)
    with _db.read() as session:
        get(session, Event, CEREMONY)


def _check_in(lot: Sequence[str]) -> list[float]:
    _start.wait()
    waits = []
    for given in lot:
        begun = perf_counter()
        with _db.write("door") as session:
            event = get(session, Event, CEREMONY)
            assert event.dtstart
            now = instant(event.dtstart, event.tzid)
            told = arrivals.scan(session, event, given, ScanDetails(), secret=SECRET, now=now)
            assert told.verdict is arrivals.ScanOutcome.WELCOME
        waits.append(perf_counter() - begun)
    return waits


# Names


def _measure_search(engine: str, fresh: common.Fresh, size: int, rounds: int) -> None:
    db, search = _planned(fresh(), size, named=True), Search()
    with db.read() as session:
        event = session.get_one(Event, EVENT_ID)

        def find(name: str) -> int:
            return len(search.find(session, event, name))

        first = common.seconds(lambda: find("Anna"))
        rows = []
        for name in SPELT:
            found = find(name)
            took = min(common.seconds(lambda name=name: find(name)) for _ in range(rounds))  # type: ignore[misc]
            rows.append((name, took * 1000, found))
        counted = min(common.seconds(lambda: arrivals.count_present(session, event)) for _ in range(rounds))
    common.show(f"{engine}: a name among {size:,} guests", ("", "ms", "found"), rows)
    print(f"the first one reads the list: {first:.2f} s; the live count takes {counted * 1000:.1f} ms")


if __name__ == "__main__":
    main()

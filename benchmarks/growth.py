"""Processor time of what the product does with 1, 10 and 100 times the data, in one table an engine.

What works on the whole (a programme, a calendar, a list of guests, a round of letters) may grow like the data; what
works on a part (a page, one registration, one confirmation) should hardly grow. A row is marked that takes more than
TENFOLD the time for ten times the data. On PostgreSQL the time of its server is added.
"""

from __future__ import annotations

import csv
import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple

from flask.testing import FlaskClient

from benchmarks import common, desk, feed, guests, importing, letters, visits
from benchmarks.apply import apply
from benchmarks.sample import CEREMONY, people, programme, with_ceremony
from benchmarks.servers import SECRET
from benchmarks.sink import sink
from scheduler.app import App
from scheduler.base import config
from scheduler.base.clock import Clock, ManualClock
from scheduler.model.events import Event
from scheduler.services.common.drafts import check
from scheduler.services.common.lookup import get
from scheduler.services.consulate.visits.batches.confirmations import confirm_each
from scheduler.services.events.attendance import transitions
from scheduler.services.events.guests.people import find_or_add_guest
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.storage.database import Database
from scheduler.web.application import create_app
from tests.support.instance import settings_of

SCALES = (0.01, 0.1, 1.0)
EVENTS, GUESTS, LETTERS, VISITS = 10_000, 50_000, 10_000, 4_000
TENFOLD = 12.0  # with what is noise
PUBLIC = ("/en/", "/en/month/2027-03", "/en/events/event-1", "/en/subscribe")


class Act(NamedTuple):
    """One thing that is done, the part of the data that it works on, and its processor time in milliseconds."""

    name: str
    of: Literal["part", "whole"]
    ms: float


def main() -> None:
    given = common.arguments(__doc__, rounds=3)
    for engine in given.engines:
        with common.databases(engine) as fresh:
            seen: dict[tuple[str, str], list[float]] = {}
            for scale in SCALES:
                for act in _measure(fresh, scale * given.scale, given.rounds):
                    seen.setdefault((act.name, act.of), []).append(act.ms)
        common.show(
            f"{engine}: processor milliseconds at 1, 10 and 100 times the data",
            ("", "works on a", "1 ×", "10 ×", "100 ×", "100 × : 10 ×", ""),
            [(name, of, *took, took[-1] / took[-2], _judge(took)) for (name, of), took in seen.items()],
        )


def _judge(took: Sequence[float]) -> str:
    return "FASTER THAN THE DATA" if took[-1] / took[-2] > TENFOLD else ""


def _measure(fresh: common.Fresh, scale: float, rounds: int) -> Iterator[Act]:
    yield from _measure_programme(fresh(), int(EVENTS * scale), rounds)
    yield from _measure_desk(fresh(), scale, rounds)
    yield from _measure_guests(fresh, int(GUESTS * scale), rounds)
    yield from _measure_letters(fresh(), int(LETTERS * scale))
    yield from _measure_visits(fresh(), max(int(VISITS * scale), 20))
    yield from _measure_foreign(fresh(), int(EVENTS * scale))


def _time(db: Database, act: Callable[[], object], *, rounds: int = 1) -> float:
    """Return the processor milliseconds of an act, the median of some rounds."""
    gc.collect()
    return median(sum(desk.measure_processor_ms(db, act)) for _ in range(rounds))


# Events


def _measure_programme(db: Database, size: int, rounds: int) -> Iterator[Act]:
    file = programme(size)
    apply(db, programme(1))  # what is compiled once is not counted
    yield Act("apply a programme", "whole", _time(db, partial(apply, db, file)))
    common.analyze(db)
    yield Act("apply it again, unchanged", "whole", _time(db, partial(apply, db, file)))
    yield Act("the calendar of all events, anew", "whole", _time(db, partial(feed.write_feed, db), rounds=rounds))
    with _site(db, ManualClock(common.NOW)) as web:
        for path in PUBLIC:
            web.get(path)
            yield Act(f"public page {path}, anew", "part", _time(db, partial(web.get, path), rounds=rounds))


@contextmanager
def _site(db: Database, clock: Clock) -> Iterator[FlaskClient]:
    """Open the pages of a database without the memory of pages that a server has before them."""
    with TemporaryDirectory(prefix="benchmark-") as directory:
        app = App.open(config.load_settings(settings_of(common.url_of(db), Path(directory))), clock)
        yield create_app(app, limit="1000000 per minute").test_client()
        app.close()


def _measure_desk(db: Database, scale: float, rounds: int) -> Iterator[Act]:
    with desk.open_desk(db, scale) as (app, season):
        for name, ms, *_, mark in desk.measure_pages(app, season, rounds):
            yield Act(f"desk: {name}", "whole" if mark == "file" else "part", ms)


def _measure_foreign(db: Database, size: int) -> Iterator[Act]:
    data = importing.calendar(size)
    yield Act("import a calendar of another program", "whole", _time(db, partial(importing.run, db, data)))


# Guests and letters


def _measure_guests(fresh: common.Fresh, size: int, rounds: int) -> Iterator[Act]:
    db = letters.invited(fresh(), size)
    fired = partial(letters.fan_out, common.url_of(db), size)
    yield Act("ask for a reminder to every guest", "whole", _time(db, fired))
    _go_on_counting(db)
    drafts = (check(PersonDraft, {**one, "email": f"late-{one['email']}"}) for one in people(100))
    _register(db, next(drafts))
    yield Act("register one more guest", "part", _time(db, lambda: _register(db, next(drafts)), rounds=rounds))
    with TemporaryDirectory() as directory:
        file, listed = Path(directory, "guests.csv"), fresh()
        with file.open("w", newline="", encoding="utf-8") as out:
            csv.writer(out, delimiter=";").writerows([guests.HEADINGS, *guests.guests(size)])
        apply(listed, with_ceremony())
        yield Act("import a guest list", "whole", _time(listed, partial(guests.import_list, listed, file)))


def _go_on_counting(db: Database) -> None:
    """Let PostgreSQL number what is added behind the rows that were written with their numbers."""
    with common.transaction(db) as connection:
        for table in () if db.embedded else ("person", "attendee"):
            newest = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
            connection.exec_driver_sql(newest)


def _register(db: Database, draft: PersonDraft) -> None:
    with db.write("desk") as session:
        event, who = get(session, Event, CEREMONY), find_or_add_guest(session, draft)
        transitions.register(session, event, transitions.Guest(person=who), now=common.NOW)


def _measure_letters(db: Database, size: int) -> Iterator[Act]:
    with sink() as port:
        app = letters.open_app(common.url_of(letters.queued(db, size)), port)
        yield Act(
            "compose, send and record a round of letters", "whole", _time(app.db, partial(letters.deliver, app))
        )
        app.close()


# Visits


def _measure_visits(db: Database, size: int) -> Iterator[Act]:
    visits.plan_post(db, counters=40)
    tokens = iter([path.rpartition("/")[2] for path in visits.hold_times(db, size)])
    _confirm(db, next(tokens))
    yield Act("confirm one visit among many", "part", _time(db, lambda: _confirm(db, next(tokens)), rounds=9))
    with _site(db, Clock()) as web:
        web.get(visits.PAGE)
        yield Act("a week of free times, anew", "part", _time(db, partial(web.get, visits.PAGE), rounds=9))


def _confirm(db: Database, token: str) -> None:
    with db.write("page") as session:
        confirm_each(session, [token], secret=SECRET, now=datetime.now(UTC), waits=False)


if __name__ == "__main__":
    main()

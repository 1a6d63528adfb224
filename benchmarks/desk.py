"""Processor milliseconds of every page of the desk, with 10,000 events and 50,000 guests.

Every page that can be asked for with GET, opened for an administrator with what `tests.support.route_requests` sends,
about an event with 2,000 guests. The median of several, after one to warm up; on PostgreSQL with what its server
took. A page that takes 100 ms or more is marked; a file of a whole guest list, as PDF or for a spreadsheet, is no
page.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time_ns

import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from benchmarks import common, desk_data
from scheduler.app import App
from scheduler.base import config
from scheduler.base.clock import ManualClock
from scheduler.model.events import Event
from scheduler.storage.database import Database
from scheduler.web.application import create_app
from tests.support.accounts import sign_in
from tests.support.instance import settings_of
from tests.support.route_requests import OFFICER, Route, Season, desk_requests
from tests.support.routes import seal_of_desk

MOST_MS, SLOW = 100.0, "SLOW"
# What is looked for, by the page.
SEARCHES: Mapping[str, Sequence[Mapping[str, str]]] = {
    "guest_list.guests": ({"name": "Nurlan"}, {"name": "สมชาย"}, {"group": "silent"}),
    "desk.letters": ({"outcome": "sent"},),
}
# Forms that are answered with what they would do, and do nothing yet.
DOOR = "/en/desk/events/door"
LOOKS: Sequence[tuple[str, str, Mapping[str, str]]] = (
    ("look at a move", f"{DOOR}/plan/move", {"day": "2027-03-04", "hour": "18:00"}),
    ("look at a cancellation", f"{DOOR}/plan/cancel", {}),
    ("look at a message", f"{DOOR}/message", {"to_everyone": "yes", "subject_en": "News", "text_en": "Welcome."}),
)
Row = tuple[str, float, float, int, float, str]
HEADINGS = ("", "ms", "of PostgreSQL", "statements", "kB", "")


def main() -> None:
    given = common.arguments(__doc__, rounds=7)
    for engine in given.engines:
        with common.databases(engine) as fresh, open_desk(fresh(), given.scale) as (app, season):
            rows = list(measure_pages(app, season, given.rounds))
        rows.sort(key=lambda row: -row[1])
        common.show(f"{engine}: processor time of a page", HEADINGS, rows)
        slow = [name for name, *_, mark in rows if mark == SLOW]
        print(f"{engine}: {MOST_MS:.0f} ms or more: {', '.join(slow) or 'none'}")


@contextmanager
def open_desk(db: Database, scale: float) -> Iterator[tuple[App, Season]]:
    """Open an application on this database, filled, on the morning of the event with the long list."""
    desk_data.fill(db, events=int(desk_data.EVENTS * scale), guests=int(desk_data.GUESTS * scale))
    with TemporaryDirectory(prefix="benchmark-") as directory:
        clock = ManualClock(common.NOW)
        app = App.open(config.load_settings(settings_of(common.url_of(db), Path(directory))), clock)
        season = Season(app, common.NOW)
        with db.read() as session:
            door = session.scalars(sa.select(Event.id).where(Event.key == "door")).one()
        desk_data.fill_list(db, door, guests=int(desk_data.LONG_LIST * scale))
        clock.set(season.morning)
        yield app, season
        app.close()


def measure_pages(app: App, season: Season, rounds: int) -> Iterator[Row]:
    site = create_app(app, limit="1000000 per minute")
    web = site.test_client()
    sign_in(web, OFFICER)
    gc.collect()
    gc.freeze()  # as a server does when it has started
    for name, path in _pages(site, season):
        yield _measure_page(app, partial(web.get, path), name, rounds)
    sealed = seal_of_desk(web)
    for name, path, form in LOOKS:
        yield _measure_page(app, partial(web.post, path, data={**form, **sealed}), name, rounds)


def _pages(site: Flask, season: Season) -> Iterator[tuple[str, str]]:
    """Yield the name and the address of every page of the desk, and of those that look for something."""
    asked = desk_requests(season)
    for method, endpoint in sorted(_routes(site)):
        if (method, endpoint) in asked:
            one = asked[method, endpoint]
            yield endpoint, one.address(site, endpoint)
            for query in SEARCHES.get(endpoint, ()):
                looking = replace(one, query={**one.query, **query})
                yield f"{endpoint} {' '.join(query.values())}", looking.address(site, endpoint)
        else:
            print(f"{endpoint}: not measured; say in tests/support/route_requests.py what is sent to it")


def _routes(site: Flask) -> Iterator[Route]:
    for rule in site.url_map.iter_rules():
        if "/desk" in rule.rule and "GET" in (rule.methods or ()) and not rule.endpoint.startswith("signing."):
            yield "GET", rule.endpoint


def _measure_page(app: App, ask: Callable[[], TestResponse], name: str, rounds: int) -> Row:
    answer = ask()
    assert answer.status_code < 400, f"{name}: {answer.status_code}"
    with _statements(app.db.engine) as count:
        ask()
    took = [measure_processor_ms(app.db, ask) for _ in range(rounds)]
    whole = median(own + of_server for own, of_server in took)
    mark = "" if answer.mimetype == "text/html" else "file"
    if whole >= MOST_MS and not mark:
        mark = SLOW
    return name, whole, median(of_server for _, of_server in took), count[0], len(answer.data) / 1000, mark


def measure_processor_ms(db: Database, act: Callable[[], object]) -> tuple[float, float]:
    """Return the processor time of this process, and of the database's, in milliseconds."""
    servers = [] if db.embedded else _read_server_clocks(db)
    start = process_time_ns()
    act()
    own = process_time_ns() - start
    of_server = 0 if db.embedded else sum(_read_server_clocks(db)) - sum(servers)
    return own / 1e6, of_server / 1e6


def _read_server_clocks(db: Database) -> list[int]:
    """Return the nanoseconds that each process of the PostgreSQL server which serves us has run."""
    with db.read() as session:
        pids = session.scalars(
            sa.text("SELECT pid FROM pg_stat_activity WHERE datname = current_database() ORDER BY pid")
        )
        return [int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids]


@contextmanager
def _statements(engine: sa.Engine) -> Iterator[list[int]]:
    count = [0]

    def add(*_: object) -> None:
        count[0] += 1

    sa.event.listen(engine, "before_cursor_execute", add)
    yield count
    sa.event.remove(engine, "before_cursor_execute", add)


if __name__ == "__main__":
    main()

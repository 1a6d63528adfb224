"""Public pages in memory against nginx with static gzip; the first answer after a change, for more and more events.

`scheduler serve` and nginx (one worker, the octets of the same page with its .gz beside it) are each pinned to the
first core and asked by wrk on the last one, by turns. The first answer is asked for in this process, without HTTP:
its CPU time, the least of the rounds, and how many statements it sends, but for BEGIN.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import sqlalchemy as sa
from werkzeug.test import Client

from benchmarks import common
from benchmarks.apply import apply
from benchmarks.sample import programme
from benchmarks.servers import SECRET, Load, Request, load, nginx, serving
from benchmarks.serving import GZIP
from scheduler.app import App
from scheduler.base import config
from scheduler.base.clock import ManualClock
from scheduler.model.events import Event
from scheduler.services.common import lookup
from scheduler.services.events.programme import planning
from scheduler.storage.database import Database
from scheduler.web.application import create_app
from scheduler.web.memory.page_server import PageServer
from scheduler.web.memory.shown_version import ShownVersion

LOADED = 2.0  # seconds of each rival's turn
SIZES = (100, 1_000, 10_000)  # events
PAGE = "/en/month/2027-03"
PAGES = {
    "programme": "/en/",
    "month": PAGE,
    "event": "/en/events/event-1",
    "subscribe": "/en/subscribe",
    "posts": "/en/posts",
}


def main() -> None:
    given = common.arguments(__doc__, rounds=5)
    for engine in given.engines:
        with common.databases(engine) as fresh:
            rows = []
            for size in SIZES:
                db = fresh()
                apply(db, programme(int(size * given.scale)))
                common.analyze(db)
                rows += list(_measure_first_answers(db, int(size * given.scale), given.rounds))
                if size == 1_000:
                    _measure_in_memory(engine, db, given.rounds)
            common.show(
                f"{engine}: the first answer after a change",
                ("", "events", "CPU ms", "statements", "kB", "from memory, CPU us"),
                sorted(rows, key=lambda row: list(PAGES).index(str(row[0]))),
            )


# In memory


def _measure_in_memory(engine: str, db: Database, rounds: int) -> None:
    with serving(common.url_of(db)) as ours:
        packed = Request(ours, PAGE, 200, GZIP).answer().body
        plain = Request(ours, PAGE).answer().body
        known = Request(ours, PAGE).answer().headers["etag"]
        with nginx({"page.html": plain, "page.html.gz": packed}) as static:
            same = Request(static, "/page.html").answer().headers["etag"]
            rivals = {
                "scheduler serve, gzip": Request(ours, PAGE, 200, GZIP),
                "nginx, static gzip": Request(static, "/page.html", 200, GZIP),
                "scheduler serve, 304": Request(ours, PAGE, 304, {"If-None-Match": known}),
                "nginx, 304": Request(static, "/page.html", 304, {"If-None-Match": same}),
            }
            seen: dict[str, list[Load]] = {name: [] for name in rivals}
            for _ in range(rounds):
                for name, request in rivals.items():
                    seen[name].append(load(request, LOADED))
    best = {name: min(loads, key=lambda one: one.cpu) for name, loads in seen.items()}
    peers = dict(zip(list(best)[::2], list(best)[1::2], strict=True))
    common.show(
        f"{engine}: a page in memory, {len(plain) / 1000:.0f} kB, gzip {len(packed) / 1000:.1f} kB",
        ("", "requests/s", "CPU us each", "a second of CPU answers", "of nginx"),
        [_row(name, one, best.get(peers.get(name, ""))) for name, one in best.items()],
    )


def _row(name: str, one: Load, peer: Load | None) -> Sequence[object]:
    return name, one.rate, one.cpu * 1e6, 1 / one.cpu, f"{peer.cpu / one.cpu:.0%}" if peer else ""


# The first answer


def _measure_first_answers(db: Database, size: int, rounds: int) -> Iterator[Sequence[object]]:
    with _pages(db) as (server, sent):
        client = Client(server)
        for name, path in PAGES.items():
            client.get(path)  # templates and statements are compiled
            took, octets = [], 0
            for number in range(rounds):
                _rename(db, f"{name} {number}")
                server.version.read_again_at = 0.0
                server.version.current()
                sent.clear()
                begun = process_time()
                octets = len(client.get(path).data)
                took.append(process_time() - begun)
            statements = sum(one != "BEGIN" for one in sent)
            yield name, size, min(took) * 1000, statements, octets / 1000, _from_memory(partial(client.get, path))


def _rename(db: Database, title: str) -> None:
    with db.write() as session:
        planning.change_event(session, lookup.get(session, Event, "event-1"), now=common.NOW, title={"en": title})


def _from_memory(get: Any, times: int = 200) -> float:
    begun = process_time()
    for _ in range(times):
        get()
    return (process_time() - begun) / times * 1e6


@contextmanager
def _pages(db: Database) -> Iterator[tuple[PageServer, list[str]]]:
    """Open the pages of a database in this process; yield them with the statements that they send."""
    with TemporaryDirectory(prefix="benchmark-") as directory:
        os.chmod(directory, 0o700)  # noqa: PTH101
        settings = {
            "SCHEDULER_DATA_DIR": directory,
            "SCHEDULER_DATABASE_URL": common.url_of(db),
            "SCHEDULER_SECRET": SECRET,
            "SCHEDULER_HOUSE": "Embassy of Kazakhstan",
        }
        os.environ.update(settings)
        app = App.open(config.load_settings(), ManualClock(common.NOW))
        sent: list[str] = []
        sa.event.listen(app.db.engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
        yield PageServer(app, create_app(app, limit="1000000 per minute"), ShownVersion(app)), sent
        app.close()


if __name__ == "__main__":
    main()

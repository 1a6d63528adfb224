"""Polls of a feed of 1,000 events against nginx and Radicale; first answers after a change; memory.

`scheduler serve`, nginx (one worker, a static file of the same octets with its .gz beside it) and Radicale 3 are each
pinned to the first core and asked by wrk on the last one, by turns. A poll is a GET with If-None-Match of what the
client has. Radicale knows no If-None-Match: a subscriber's poll of `/user/cal/`, the same events, gets the whole
collection each time (200). Beside it stands what a CalDAV client asks instead: PROPFIND of the ctag (207).

Needs wrk, nginx and taskset (Debian: wrk, nginx-light, util-linux); for Radicale a directory into which it was
installed: `pip install --target DIR 'radicale>=3'`, named by RADICALE=DIR. Without, it is left out.
"""

from __future__ import annotations

import gzip
import http.client
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from statistics import median, quantiles

from benchmarks import common
from benchmarks.apply import apply
from benchmarks.feed import bodies, floor, render
from benchmarks.sample import CITIES, programme
from benchmarks.servers import AS_USER, HOST, Load, Request, Server, load, memory, nginx, radicale, serving
from scheduler.base.i18n import LANGUAGES
from scheduler.base.text import Text
from scheduler.model.events import Event
from scheduler.model.feeds import Feed
from scheduler.services.common import lookup
from scheduler.services.events.programme import event_reading
from scheduler.services.events.programme import planning as events
from scheduler.storage.database import Database
from scheduler.web.memory.shown_version import READ_EVERY_SECONDS
from scheduler.web.programme.feed_server import MAX_CACHE_OCTETS, MAX_MADE

SEASON = "/feeds/season.en.ics"  # all events, whenever this is run
LONGEST_WINDOW = 3660  # days
LOADED = 2.0  # seconds of each rival's turn
CLIENTS, PAUSE = 5, 0.01  # who poll while events change, and how long each waits
CHANGES, EVERY = 60, 0.1  # how many, how many seconds apart
OFFICERS_KINDS = ("ceremony", "meeting", "visit")
HEADINGS = (
    *("", "requests/s", "of nginx", "times Radicale", "p50 ms", "p99 ms"),
    *("CPU us each", "of nginx", "times Radicale", "busy"),
)


def main() -> None:
    given = common.arguments(__doc__, rounds=5)
    for engine in given.engines:
        with common.databases(engine) as fresh:
            db = _filled(fresh(), int(1_000 * given.scale))
            _measure_polls(engine, db, given.rounds)
            _measure_while_changing(engine, db)
            _measure_memory(engine, db, int(1_000 * given.scale))
            _measure_first_answer(engine, _filled(fresh(), int(10_000 * given.scale)), given.rounds)


def _filled(db: Database, size: int) -> Database:
    apply(db, programme(size))
    with db.write() as session:
        session.add(Feed(key="season", name=Text({"en": "Season"}), past_days=LONGEST_WINDOW))
    common.analyze(db)
    return db


# Polls


def _measure_polls(engine: str, db: Database, rounds: int) -> None:
    with ExitStack() as stack:
        ours = stack.enter_context(serving(common.url_of(db)))
        plain, packed = (Request(ours, SEASON, 200, said).answer().body for said in ({}, GZIP))
        assert gzip.decompress(packed) == plain
        static = stack.enter_context(nginx({"season.en.ics": plain, "season.en.ics.gz": packed}))
        theirs = _radicale(stack, plain)
        size = f"{plain.count(b'BEGIN:VEVENT'):,} events, {len(plain) / 1e6:.2f} MB, gzip {len(packed) / 1e6:.2f} MB"
        rivals = {"ours": _still(ours, SEASON), "nginx": _still(static, "/season.en.ics"), **theirs}
        _show(f"{engine}: polls of a feed that has not changed ({size})", _by_turns(rivals, rounds))
        rivals = {"ours": _whole(ours, SEASON), "nginx": _whole(static, "/season.en.ics"), **_first(theirs)}
        _show(f"{engine}: the same feed, whole, gzip", _by_turns(rivals, rounds))


GZIP = {"Accept-Encoding": "gzip"}
LABELS = {
    "ours": "scheduler serve",
    "nginx": "nginx, static file",
    "radicale": "Radicale, GET (200)",
    "ctag": "Radicale, PROPFIND getctag",
}
CTAG = b'<propfind xmlns="DAV:" xmlns:C="http://calendarserver.org/ns/"><prop><C:getctag/></prop></propfind>'


def _still(server: Server, path: str) -> Request:
    known = Request(server, path).answer().headers["etag"]
    return Request(server, path, 304, {"If-None-Match": known})


def _whole(server: Server, path: str) -> Request:
    return Request(server, path, 200, GZIP)


def _radicale(stack: ExitStack, calendar: bytes) -> dict[str, Request]:
    where = os.environ.get("RADICALE")
    if not where:
        print("Radicale is left out: pip install --target DIR 'radicale>=3', and RADICALE=DIR")
        return {}
    server = stack.enter_context(radicale(where, calendar))
    tag = Request(server, "/user/cal/", 200, AS_USER).answer().headers["etag"]
    return {
        "radicale": Request(server, "/user/cal/", 200, {**AS_USER, **GZIP, "If-None-Match": tag}),
        "ctag": Request(server, "/user/cal/", 207, {**AS_USER, "Depth": "0"}, "PROPFIND", CTAG),
    }


def _first(rivals: Mapping[str, Request]) -> dict[str, Request]:
    return dict(list(rivals.items())[:1])


def _by_turns(rivals: Mapping[str, Request], rounds: int) -> dict[str, list[Load]]:
    seen: dict[str, list[Load]] = {name: [] for name in rivals}
    for _ in range(rounds):
        for name, request in rivals.items():
            seen[name].append(load(request, LOADED))
    return seen


def _show(title: str, seen: Mapping[str, Sequence[Load]]) -> None:
    common.show(title, HEADINGS, [(LABELS[name], *_row(loads, seen)) for name, loads in seen.items()])


def _row(loads: Sequence[Load], seen: Mapping[str, Sequence[Load]]) -> Iterator[object]:
    """Make a row of the table; ratios are the median of the rounds."""
    yield median(load.rate for load in loads)
    yield f"{_ratio(loads, seen['nginx']):.1%}"
    yield _ratio(loads, seen["radicale"]) if "radicale" in seen else ""
    yield median(load.p50 for load in loads)
    yield median(load.p99 for load in loads)
    yield median(load.cpu for load in loads) * 1e6
    yield f"{_per_cpu(loads, seen['nginx']):.1%}"
    yield _per_cpu(loads, seen["radicale"]) if "radicale" in seen else ""
    yield f"{median(load.busy for load in loads):.0%}"


def _ratio(loads: Sequence[Load], of: Sequence[Load]) -> float:
    return median(own.rate / peer.rate for own, peer in zip(loads, of, strict=True))


def _per_cpu(loads: Sequence[Load], of: Sequence[Load]) -> float:
    """Return how many requests one second of CPU time answers."""
    return median(peer.cpu / own.cpu for own, peer in zip(loads, of, strict=True))


# Polls while another process keeps changing events


Commits = list[tuple[int, float]]  # which change, and when


@dataclass(slots=True)
class Polls:
    """One poll of a client: when, how long it took, and the calendar if it was a new one."""

    seconds: list[float] = field(default_factory=list)
    new: list[tuple[float, bytes]] = field(default_factory=list)


def _measure_while_changing(engine: str, db: Database) -> None:
    polls = [Polls() for _ in range(CLIENTS)]
    with serving(common.url_of(db)) as server, ProcessPoolExecutor(1, get_context("spawn")) as other:
        other.submit(change_events, common.url_of(db), range(1)).result()  # it has started, and is warm
        changing = other.submit(change_events, common.url_of(db), range(1, CHANGES + 1))
        _poll_all(server, polls, until=changing)
        commits = changing.result()
    took = [seconds for one in polls for seconds in one.seconds]
    whole = sum(len(one.new) for one in polls)
    late = max(_latest(one, commits) for one in polls)
    cut = quantiles(took, n=100)
    common.show(
        f"{engine}: {len(took):,} polls by {CLIENTS} clients while another process changes {1 / EVERY:.0f} events/s",
        ("", "p50 ms", "p99 ms", "longest ms", "304", "200", "change seen after s at most"),
        [("polls", cut[49] * 1000, cut[98] * 1000, max(took) * 1000, len(took) - whole, whole, f"{late:.2f}")],
    )
    assert late < 1, "a change is to be seen within a second"


def change_events(url: str, numbers: Sequence[int]) -> Commits:
    """Change events; return each with the time of its commit, by the clock that all processes share."""
    db, commits = Database(url), []
    start = time.monotonic()
    for number in numbers:
        time.sleep(max(0.0, start + (number - numbers[0]) * EVERY - time.monotonic()))
        change(db, number)
        commits.append((number, time.monotonic()))
    db.dispose()
    return commits


def change(db: Database, number: int) -> None:
    with db.write() as session:
        event = lookup.get(session, Event, f"event-{number}")
        events.change_event(session, event, now=common.NOW, title={"en": f"Changed {number}"})


def _poll_all(server: Server, polls: Sequence[Polls], *, until: Future[Commits]) -> None:
    done = threading.Event()
    threads = [threading.Thread(target=_poll, args=(server, one, done)) for one in polls]
    for thread in threads:
        thread.start()
    until.exception()  # waits
    time.sleep(3 * READ_EVERY_SECONDS)  # the last change is seen too
    done.set()
    for thread in threads:
        thread.join()


def _poll(server: Server, polls: Polls, done: threading.Event) -> None:
    connection, known = http.client.HTTPConnection(HOST, server.port), ""
    while not done.is_set():
        start = time.monotonic()
        answer = Request(server, SEASON, 0, {**GZIP, "If-None-Match": known}).over(connection)
        end = time.monotonic()
        if known:
            polls.seconds.append(end - start)
        if answer.status == 200:
            polls.new.append((end, answer.body))
        assert answer.status in (200, 304)
        known = answer.headers["etag"]
        time.sleep(PAUSE)
    connection.close()


def _latest(polls: Polls, commits: Commits) -> float:
    """Return the longest time from a commit until this client first had a calendar with it."""
    had = [(end, max(map(int, CHANGED.findall(gzip.decompress(body))))) for end, body in polls.new]
    return max(next(end for end, newest in had if newest >= number) - at for number, at in commits)


CHANGED = re.compile(rb"\nSUMMARY[^\r]*:Changed (\d+)")


# Memory


def _measure_memory(engine: str, db: Database, size: int) -> None:
    add_officers_feeds(db, size)
    with serving(common.url_of(db)) as server:
        _fetch_all(server, 1)
        before, _ = memory(server)
        octets = _fetch_all(server, size)
        now, most = memory(server)
    assert octets * 3 / 2 < MAX_CACHE_OCTETS, "some were dropped again"
    common.show(
        f"{engine}: a serving process with {size:,} feeds live, plain and gzip, {octets / size / 1000:.0f} kB each",
        ("", "before MB", "with them MB", "peak MB", "kB each", "times their octets"),
        [("memory", before, now, most, (now - before) * 1024 / size, (now - before) * 1024**2 / octets)],
    )


def add_officers_feeds(db: Database, size: int) -> None:
    """Add feeds of one event in ten each: the exhibitions of a city and one other kind."""
    with db.write() as session:
        for number in range(size):
            name = Text(dict.fromkeys(LANGUAGES, f"Feed {number}"))
            kind, city = OFFICERS_KINDS[number % 3], list(CITIES)[number // 3 % len(CITIES)]
            session.add(
                Feed(
                    key=f"officer-{number}",
                    name=name,
                    kinds=["exhibition", kind],
                    cities=[city],
                    past_days=LONGEST_WINDOW,
                )
            )


def _fetch_all(server: Server, size: int) -> int:
    """Fetch the feeds and return their octets, plain; as several clients, because each is limited per minute."""
    octets = 0
    for number in range(size):
        client = {"X-Forwarded-For": f"192.0.2.{number // MAX_MADE.amount}"}
        address = f"/feeds/officer-{number}.en.ics"
        octets += len(Request(server, address, 200, client).answer().body)
        Request(server, address, 200, client | GZIP).answer()
    return octets


# The first answer after a change


def _measure_first_answer(engine: str, db: Database, rounds: int) -> None:
    bodies(db)
    with db.read() as session:
        agenda = event_reading.list_events(session)
    taken: dict[str, list[float]] = {name: [] for name in FIRST}
    with serving(common.url_of(db)) as server:
        ask = _asking(server)
        before = ask()
        for number in range(rounds):
            change(db, number)
            time.sleep(READ_EVERY_SECONDS * 1.2)
            taken["answered"].append(common.seconds(lambda: _changed(before, ask())))
            taken["rendered"].append(common.seconds(partial(render, agenda)))
            taken["floor"].append(common.seconds(partial(floor, db)))
    common.show(
        f"{engine}: first answer after a change, {len(agenda):,} events, {len(before) / 1e6:.1f} MB",
        ("", "ms", "times faster", "times the floor"),
        [
            (FIRST[name], median(took) * 1000, _times(taken["rendered"], took), _times(took, taken["floor"]))
            for name, took in taken.items()
        ],
    )


FIRST = {
    "answered": "GET, to its last octet",
    "rendered": "icalendar: Event, add, to_ical",
    "floor": "one query and b''.join",
}


def _asking(server: Server) -> Callable[[], bytes]:
    return lambda: Request(server, SEASON).answer().body


def _changed(before: bytes, after: bytes) -> None:
    assert before.count(b"BEGIN:VEVENT") == after.count(b"BEGIN:VEVENT")
    assert before != after


def _times(these: Sequence[float], those: Sequence[float]) -> float:
    return median(one / other for one, other in zip(these, those, strict=True))


if __name__ == "__main__":
    main()

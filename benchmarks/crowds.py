"""Crowds: 64 people at once on each public page and form, and 200 bookings of 20 times at one moment.

Nobody may wait for longer than three seconds, and nobody may get another error than 503 with the hint when to come
back. Of the bookings exactly as many may succeed as there are times. The times of answers depend on the machine: on
one that does other things too, more people are told to come back.

The requests are those of `tests.support.route_requests`. The servers, the database and the crowd share the cores.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import Flask

from benchmarks import common
from benchmarks.servers import HOST, SECRET, Server, serving
from scheduler.app import App
from scheduler.base import config
from scheduler.model.visits import Appointment
from scheduler.web.application import create_app
from tests.support.route_requests import RouteRequest, Season, public_requests

PROCESSES = 2
AT_ONCE = 64
BOOKINGS, TIMES = 200, 20
MAX_SECONDS = 3.0
SIGN_IN = "/en/desk/sign-in"
GIVE_UP_SECONDS = 60.0


def main() -> None:
    given = common.arguments(__doc__, rounds=1)
    at_once = max(4, int(AT_ONCE * given.scale))
    for engine in given.engines:
        with common.databases(engine) as fresh:
            _show_pages(engine, fresh, at_once)
            _show_bookings(engine, fresh)


# Every public page and form


HEADINGS = ("", "200-399", "4xx", "503", "other", "p50 ms", "longest ms")


def _show_pages(engine: str, fresh: common.Fresh, at_once: int) -> None:
    with planned_season(fresh, copies=at_once) as (app, season):
        site = create_app(app)
        copies = [public_requests(season, copy) for copy in range(at_once)]
        with serving(app.settings.database_url, workers=PROCESSES, pinned=False) as server:
            _warm_up(server)
            rows = []
            for method, endpoint in copies[0]:
                sent = [one[method, endpoint] for one in copies]
                requests = [
                    _octets(server, method, one.address(site, endpoint), one, n) for n, one in enumerate(sent)
                ]
                rows.append(_row(f"{method} {endpoint}", send_at_once(server, requests)))
            rows.append(_row("POST signing.sign_in", send_at_once(server, list(_sign_in(site, server, at_once)))))
    common.show(f"{engine}: {at_once} at once on each public page and form, {PROCESSES} processes", HEADINGS, rows)
    slow = [name for name, *_, failed, _, longest in rows if longest > MAX_SECONDS * 1000 or failed]
    print(f"{engine}: slower than {MAX_SECONDS:.0f} s, or failed: {', '.join(slow) or 'none'}")


def _sign_in(site: Flask, server: Server, at_once: int) -> Iterator[bytes]:
    """Yield forms of people who try to sign in, each with another name, from pages that one browser has opened."""
    with site.test_client() as browser:
        page = browser.get(SIGN_IN)
        seal = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        cookie = page.headers["Set-Cookie"].partition(";")[0]
    assert seal
    for number in range(at_once):
        typed = {"csrf_token": seal[1], "name": f"nobody{number}", "password": "vessel harbour nine lanterns"}
        yield _octets(server, "POST", SIGN_IN, RouteRequest(form=typed), number, f"Cookie: {cookie}")


def _row(name: str, answers: Sequence[Reply]) -> tuple[str, int, int, int, int, float, float]:
    kinds = Counter(_kind(answer) for answer in answers)
    took = sorted(answer.seconds * 1000 for answer in answers)
    counted = (kinds["fine"], kinds["refused"], kinds["busy"], kinds["failed"])
    return (name, *counted, took[len(took) // 2], took[-1])


def _kind(answer: Reply) -> str:
    if answer.status == 503 and answer.retry_after:
        return "busy"
    return {2: "fine", 3: "fine", 4: "refused"}.get(answer.status // 100, "failed")


# Bookings


BOOKED = ("", "booked", "told that it is taken", "told to come back", "other", "p50 ms", "longest ms", "booked twice")


def _show_bookings(engine: str, fresh: common.Fresh) -> None:
    with planned_season(fresh, counters=1) as (app, season):
        site, times = create_app(app), season.left[40 : 40 + TIMES]
        post = {"key": "phuket", "name": "passport"}
        address = RouteRequest(post, {"people": "1"}).address(site, "visiting.ask")
        forms = [
            RouteRequest(form={**season.visitor(n), "at": f"{times[n % TIMES]:%Y-%m-%dT%H:%M}"})
            for n in range(BOOKINGS)
        ]
        before = count_booked(app)
        with serving(app.settings.database_url, workers=PROCESSES, pinned=False) as server:
            _warm_up(server)
            requests = [_octets(server, "POST", address, one, n) for n, one in enumerate(forms)]
            answers = send_at_once(server, requests)
        booked, twice = count_booked(app) - before, _count_booked_twice(app)
    kinds = Counter("busy" if one.status == 503 and one.retry_after else str(one.status) for one in answers)
    took = sorted(answer.seconds * 1000 for answer in answers)
    other = BOOKINGS - kinds["303"] - kinds["409"] - kinds["busy"]
    row = (f"{BOOKINGS} for {TIMES} times", kinds["303"], kinds["409"], kinds["busy"], other)
    common.show(f"{engine}: bookings at once", BOOKED, [(*row, took[len(took) // 2], took[-1], twice)])
    assert booked == kinds["303"], (booked, kinds)
    assert twice == 0


def count_booked(app: App) -> int:
    with app.db.read() as session:
        return session.scalar(sa.select(sa.func.count(Appointment.id))) or 0


def _count_booked_twice(app: App) -> int:
    """Count the times that more than one visit has at the one counter."""
    with app.db.read() as session:
        starts = sa.select(Appointment.starts_at).group_by(Appointment.starts_at)
        return len(session.scalars(starts.having(sa.func.count() > 1)).all())


# The season, and the crowd


@contextmanager
def planned_season(fresh: common.Fresh, *, copies: int = 1, counters: int = 2) -> Iterator[tuple[App, Season]]:
    db = fresh()
    with TemporaryDirectory(prefix="benchmark-") as directory:
        settings = {
            "SCHEDULER_DATA_DIR": directory,
            "SCHEDULER_DATABASE_URL": common.url_of(db),
            "SCHEDULER_SECRET": SECRET,
            "SCHEDULER_TRUSTED_PROXIES": "1",
        }
        app = App.open(config.load_settings(settings))
        season = Season(app, datetime.now(UTC), copies=copies, counters=counters)
        common.analyze(db)
        yield app, season
        app.close()


@dataclass(frozen=True, slots=True)
class Reply:
    """The status of an answer (0: none came), when to come back, and how long it took, in seconds."""

    status: int
    retry_after: str
    seconds: float


def send_at_once(server: Server, requests: Sequence[bytes]) -> list[Reply]:
    """Send each request over a connection of its own, all at one moment; return the answers as they came."""
    waiting, replies, begun = selectors.DefaultSelector(), list[Reply](), time.monotonic()
    for octets in requests:
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex((HOST, server.port))
        waiting.register(connection, selectors.EVENT_WRITE, [octets, b""])
    while waiting.get_map() and time.monotonic() < begun + GIVE_UP_SECONDS:
        for key, _ in waiting.select(timeout=0.5):
            if not _go_on(waiting, key):
                replies.append(_read_reply(key.data[1], time.monotonic() - begun))
    lost = list(waiting.get_map().values())
    for key in lost:
        waiting.unregister(key.fileobj)
        _socket_of(key).close()
    return replies + [Reply(0, "", GIVE_UP_SECONDS)] * len(lost)


def _go_on(waiting: selectors.BaseSelector, key: selectors.SelectorKey) -> bool:
    """Send or receive what can be; return whether more is to come."""
    connection = _socket_of(key)
    if key.events & selectors.EVENT_WRITE:
        key.data[0] = key.data[0][connection.send(key.data[0]) :]
        if not key.data[0]:
            waiting.modify(connection, selectors.EVENT_READ, key.data)
        return True
    try:
        received = connection.recv(65536)
    except ConnectionResetError:
        received = b""
    key.data[1] += received
    if not received:
        waiting.unregister(connection)
        connection.close()
    return bool(received)


def _socket_of(key: selectors.SelectorKey) -> socket.socket:
    assert isinstance(key.fileobj, socket.socket)
    return key.fileobj


def _read_reply(octets: bytes, seconds: float) -> Reply:
    head = octets.partition(b"\r\n\r\n")[0].decode("latin-1").splitlines()
    fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
    return Reply(int(head[0].split()[1]) if head else 0, fields.get("retry-after", ""), seconds)


def _octets(server: Server, method: str, address: str, request: RouteRequest, number: int, *more: str) -> bytes:
    """Return a request as it is sent by a visitor with an address of their own."""
    head = [f"{method} {address} HTTP/1.1", f"Host: {HOST}:{server.port}", "Connection: close", *more]
    head += [f"X-Forwarded-For: 10.1.{number // 250}.{number % 250}", f"Origin: http://{HOST}:{server.port}"]
    body = urlencode(request.form).encode() if method == "POST" else b""
    if method == "POST":
        head += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def _warm_up(server: Server) -> None:
    """Ask for a page a few times, so that each process has started."""
    for _ in range(4 * PROCESSES):
        send_at_once(server, [_octets(server, "GET", "/en/posts/phuket/book/passport/time", RouteRequest(), 0)])


if __name__ == "__main__":
    main()

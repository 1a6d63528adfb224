"""The server as it runs: several processes, stopped and reloaded in order, while databases and clients misbehave."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from scheduler.app import App
from scheduler.web.memory.shown_version import READ_EVERY_SECONDS
from tests.support.builders import an_event
from tests.support.instance import Scheduler, settings_of
from tests.support.lines import Line
from tests.support.machine import HANG, until
from tests.support.servers import Server

POSTGRESQL = pytest.mark.parametrize("engine", ["postgresql"])
ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])
FEED = "/feeds/all.en.ics"


@pytest.fixture
def opening(scheduler: Scheduler) -> None:
    scheduler("city", "add", "bangkok", "--name", "Bangkok", "--country", "TH", "--tz", "Asia/Bangkok")
    scheduler(
        "event",
        "add",
        "opening",
        "--kind",
        "ceremony",
        "--title",
        "Opening",
        "--cities",
        "bangkok",
        "--start",
        "2 Feb 2027 10:00",
        "--duration",
        "2h",
    )


@pytest.fixture(scope="module")
def server(shared_app, tmp_path_factory) -> Iterator[Server]:
    """A server of two processes, which the tests of one engine share; see `call_opening`."""
    url = shared_app.db.url.render_as_string(hide_password=False)
    with Server(settings_of(url, tmp_path_factory.mktemp("shared-server"))) as running:
        yield running


def call_opening(app: App, title: str) -> None:
    with app.db.write() as session:
        an_event(session, title=title)


@pytest.fixture
def single_server(environment, opening) -> Iterator[Server]:
    """A server of one process, which starts sooner."""
    with Server(environment, workers=1) as running:
        yield running


@pytest.fixture(scope="module")
def steady_server(sqlite_template, tmp_path_factory) -> Iterator[Server]:
    """A server of one process, which those tests share that leave it as it was."""
    place = tmp_path_factory.mktemp("steady")
    file = shutil.copy(sqlite_template, place / "scheduler.db")
    with Server(settings_of(f"sqlite:///{file}", place), workers=1) as running:
        yield running


def test_every_process_shows_a_change_within_a_second(server, shared_app):
    call_opening(shared_app, "Opening")
    until(lambda: is_called_everywhere(server, "Opening"))

    call_opening(shared_app, "Feast")

    assert READ_EVERY_SECONDS < 1
    until(lambda: is_called_everywhere(server, "Feast"))
    assert b"Feast" in server.get("/en/").data


def test_two_addresses_of_one_change_are_never_of_two_minds(server, shared_app):
    """What is polled while it changes is the one before or the one after, whole."""
    seen, stop = set(), threading.Event()
    call_opening(shared_app, "Feast")
    until(lambda: is_called_everywhere(server, "Feast"))

    def poll() -> None:
        while not stop.is_set():
            seen.add(server.get(FEED).data)

    polling = [threading.Thread(target=poll) for _ in range(3)]
    for one in polling:
        one.start()
    for number in range(5):
        call_opening(shared_app, f"Feast {number}")
        until(partial(is_in, seen, b"Feast %d" % number))
    stop.set()
    for one in polling:
        one.join()

    assert 2 <= len(seen) <= 6
    assert all(b"BEGIN:VEVENT" in one and one.endswith(b"END:VEVENT\r\nEND:VCALENDAR\r\n") for one in seen)


def is_called_everywhere(server: Server, title: str) -> bool:
    """Tell whether every process shows the opening with this title: twenty requests reach both."""
    return all(f"SUMMARY:{title}\r\n".encode() in server.get(FEED).data for _ in range(20))


def is_in(seen: set[bytes], words: bytes) -> bool:
    return any(words in one for one in list(seen))


def test_a_second_server_on_the_same_port_is_refused_in_one_line(steady_server):
    command = [sys.executable, "-m", "scheduler", "serve", "--port", str(steady_server.port)]
    settings = {**os.environ, **steady_server.environment}
    second = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)

    expected = (
        f"Error: 127.0.0.1:{steady_server.port} is in use by another program; stop that one, or choose another port"
    )
    assert (1, "") == (second.returncode, second.stdout)
    assert second.stderr.startswith(expected)
    assert 1 == len(second.stderr.splitlines())
    assert steady_server.answers(FEED)


@pytest.mark.crowd
@pytest.mark.against_server  # on a busy machine a process may take longer to start than the old one waits
@ONE_ENGINE
def test_it_takes_new_processes_on_sighup_while_everybody_is_answered(single_server):
    """At the second try at the latest, as every browser and proxy makes one: a connection that is made in the very
    moment in which a process ends is closed unanswered."""
    server = single_server  # with several, those that are not replaced yet would answer
    before, answers, stop = set(server.children()), [], threading.Event()

    def poll() -> None:
        while not stop.is_set():
            answers.append(server.answers(FEED) or server.answers(FEED))

    polling = threading.Thread(target=poll)
    polling.start()
    server.process.send_signal(signal.SIGHUP)
    until(lambda: len(set(server.children())) == 1 and not before & set(server.children()))
    asked = len(answers)
    until(lambda: len(answers) > asked + 20)
    stop.set()
    polling.join()

    assert all(answers)


@pytest.mark.parametrize("shared_app", ["sqlite"], indirect=True)
def test_a_process_that_dies_is_replaced(server):
    victim = server.children()[0]

    os.kill(victim, signal.SIGKILL)

    until(lambda: victim not in server.children() and len(server.children()) == 2)
    until(lambda: server.answers(FEED))  # the other process may have been starting still
    assert [200] * 20 == [server.get(FEED).status for _ in range(20)]


def test_no_process_has_a_connection_of_the_one_that_started_it(steady_server):
    """SQLite would take the locks of that one for its own, and hold none."""
    file = steady_server.environment["SCHEDULER_DATABASE_URL"].removeprefix("sqlite:///")
    steady_server.get(FEED)

    assert not opened(steady_server.process.pid, file)
    assert any(opened(one, file) for one in steady_server.children())


def opened(pid: int, file: str) -> bool:
    return any(str(one.resolve()) == file for one in Path(f"/proc/{pid}/fd").iterdir())


def test_clients_that_dawdle_do_not_hold_up_the_others(steady_server):
    dawdling = []
    for _ in range(50):
        one = socket.create_connection(("127.0.0.1", steady_server.port))
        one.sendall(b"GET /feeds/all.en.ics HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        dawdling.append(one)

    assert steady_server.answers(FEED)
    assert steady_server.answers("/en/")
    assert all(map(is_open, dawdling))
    for one in dawdling:
        one.close()


def is_open(connection: socket.socket) -> bool:
    """Whether the other side still waits: it has neither said anything nor hung up."""
    connection.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        connection.recv(1)
        return False
    return True


ODD = (
    b"GET /feeds/%00%0d%0aX:y.en.ics HTTP/1.1",
    b"GET /en/%ff%fe HTTP/1.1",
    b"GET /feeds/choice.en.ics?kind=%00&kind=%ff HTTP/1.1",
    b"GET //feeds//all.en.ics HTTP/1.1",
    b"GET /feeds/" + b"a" * 60_000 + b" HTTP/1.1",
    b"GET /" + b"a" * 500_000 + b" HTTP/1.1",
    b"GET http://elsewhere.example/feeds/all.en.ics HTTP/1.1",
    b"GET * HTTP/1.1",
    b"BREW /en/ HTTP/1.1",
    b"POST /en/ HTTP/1.1\r\nContent-Length: 99999999999",
    b"GET /feeds/all.en.ics HTTP/1.0",
    b"\x16\x03\x01\x02\x00\x01",
)


@ONE_ENGINE
def test_no_request_is_so_odd_that_the_server_fails_and_does_not_stop_in_order(single_server):
    for request in ODD:
        assert b" 5" not in said_to(single_server, request)[:12], request[:60]

    assert single_server.answers(FEED)
    code, printed = single_server.stop()
    assert (0, False) == (code, "Traceback" in printed)
    assert f"Serving on http://127.0.0.1:{single_server.port}" in printed


def said_to(server: Server, request: bytes) -> bytes:
    """The beginning of the answer; nothing, where the server hangs up."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=HANG) as client, contextlib.suppress(OSError):
        with contextlib.suppress(OSError):  # it may hang up before it has heard all
            client.sendall(request + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return client.recv(100)
    return b""


# The database goes away


@POSTGRESQL
def test_a_database_that_goes_away_and_comes_back_needs_no_restart(environment, opening, scheduler):
    line = Line(sa.make_url(environment["SCHEDULER_DATABASE_URL"]))
    by_line = {**environment, "SCHEDULER_DATABASE_URL": line.url}
    with Server(by_line, workers=1) as server:
        known = server.get(FEED).data

        line.cut()
        until(lambda: server.get("/en/").status == 503)
        feed, page = server.get(FEED), server.get("/en/")
        line.mend()
        scheduler("event", "change", "opening", "--title", "Feast")
        until(lambda: b"Feast" in server.get(FEED).data)
        back = server.get("/en/")
        code, printed = server.stop()
    line.cut()

    assert (200, known) == (feed.status, feed.data)
    assert (503, True) == (page.status, "Retry-After" in page.headers)
    assert (200, True) == (back.status, b"Feast" in back.data)
    assert (0, False) == (code, "Traceback" in printed)

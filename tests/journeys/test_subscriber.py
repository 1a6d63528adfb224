"""Somebody subscribes: vdirsyncer fetches a feed from the real server, and its files follow what the desk does."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import icalendar
import pytest

from scheduler.base.clock import Clock
from scheduler.web.memory.shown_version import READ_EVERY_SECONDS
from tests.support.instance import Scheduler
from tests.support.machine import free_port, until

BIN = Path(sys.executable).parent
DAY = date.today() + timedelta(days=60)  # noqa: DTZ011 - see the clock
# A feed may lack UIDs, so vdirsyncer gives what it fetches a UID by content; a hook keeps ours under another name.
FEED_UID = "X-FEED-UID"
HOOK = f"#!/bin/sh\nexec sed 's/^UID:/{FEED_UID}:/'\n"
Desk = Callable[[str], object]
Sync = Callable[[], dict[str, icalendar.Event]]


pytestmark = pytest.mark.parametrize("engine", ["sqlite"])  # a reader sees octets, whichever database they came from


@pytest.fixture
def clock() -> Clock:
    """The desk goes by the clock of this machine, for the server has no other."""
    return Clock()


@pytest.fixture
def desk(scheduler: Scheduler) -> Desk:
    return lambda command: scheduler(*shlex.split(command))


@pytest.fixture
def feed(environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The address of the feed on a real server."""
    port = free_port()
    command = [BIN / "scheduler", "serve", "--port", f"{port}"]
    with (
        (tmp_path / "server.log").open("wb") as log,
        subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log) as server,
    ):
        try:
            until(lambda: _listens(port, server))
            yield f"http://127.0.0.1:{port}/feeds/all.en.ics"
        finally:
            server.terminate()


@pytest.fixture
def sync(feed: str, tmp_path: Path) -> Sync:
    """Fetches the feed, and returns by title what the client then has in its directory."""
    config, hook, events = (tmp_path / name for name in ("vdirsyncer.ini", "hook", "client"))
    events.mkdir()
    hook.write_text(HOOK)
    hook.chmod(0o700)
    config.write_text(CONFIG.format(status=tmp_path / "status", events=events, feed=feed, hook=hook))

    def run() -> dict[str, icalendar.Event]:
        time.sleep(READ_EVERY_SECONDS)  # by which the server has seen a change
        _run(BIN / "vdirsyncer", "--config", config, "sync")
        found = [icalendar.Calendar.from_ical(file.read_bytes()).events for file in events.iterdir()]
        by_title = {str(event["SUMMARY"]): event for (event,) in found}
        assert len(found) == len(by_title), "the client has an event twice"
        return by_title

    _run(BIN / "vdirsyncer", "--config", config, "discover")
    return run


CONFIG = """
[general]
status_path = "{status}"

[pair programme]
a = "client"
b = "feed"
collections = null
conflict_resolution = "b wins"

[storage client]
type = "filesystem"
path = "{events}"
fileext = ".ics"

[storage feed]
type = "http"
url = "{feed}"
filter_hook = "{hook}"
"""


def test_a_subscriber_sees_what_is_added_moved_cancelled_and_withdrawn(desk: Desk, sync: Sync) -> None:
    desk(f"event add lecture --kind meeting --title Lecture --start '{DAY} 18:00' --duration 1h")
    assert {"Lecture"} == sync().keys()

    desk(f"event add opening --kind ceremony --title Opening --start '{DAY} 10:00' --duration 2h")
    added = sync()["Opening"]
    assert f"{DAY} 03:00" == f"{added.start:%F %H:%M}"  # 10:00 in Bangkok
    assert (0, "CONFIRMED") == (added["SEQUENCE"], added["STATUS"])

    desk(f"event move opening '{DAY} 15:30'")
    moved = sync()["Opening"]
    assert (added[FEED_UID], 1, "CONFIRMED") == (moved[FEED_UID], moved["SEQUENCE"], moved["STATUS"])
    assert (f"{DAY} 08:30", added.duration) == (f"{moved.start:%F %H:%M}", moved.duration)

    desk("event cancel opening --yes")
    cancelled = sync()["Cancelled: Opening"]
    assert (added[FEED_UID], 2, "CANCELLED") == (cancelled[FEED_UID], cancelled["SEQUENCE"], cancelled["STATUS"])
    assert moved.start == cancelled.start

    desk("event change lecture --visibility private --yes")
    assert {"Cancelled: Opening"} == sync().keys()


def _listens(port: int, server: subprocess.Popen[bytes]) -> bool:
    assert server.poll() is None, "the server has gone"
    with closing(socket.socket()) as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _run(*command: object, env: dict[str, str] | None = None) -> str:
    done = subprocess.run([str(part) for part in command], env=env, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout

"""The program in processes of their own, on a clock that stands still; forked from one that has everything ready."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any
from weakref import WeakSet

import urllib3
from werkzeug.serving import ThreadedWSGIServer

from scheduler.app import App
from scheduler.base import config
from scheduler.base.clock import ManualClock
from tests.support.instance import close_engines, connect, pages_of
from tests.support.machine import HANG, free_port, until
from tests.support.processes import PROCESSES

NO_LIMIT = "100000 per minute"


@contextmanager
def serving(environment: Mapping[str, str], now: datetime) -> Iterator[str]:
    """The address of the pages, at that moment."""
    port = _beside(_start_pages, dict(environment), now)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        _beside(_stop_pages)


def send_letters(environment: Mapping[str, str], now: datetime) -> None:
    """One round of the worker."""
    _beside(_deliver, dict(environment), now)


def _beside(work: Callable[..., Any], *arguments: Any) -> Any:
    """Return what ``work`` returns in the process beside this one, or raise what it raises.

    It is one for all tests of this process: what it has compiled for one of them, the next finds ready.
    """
    told, value = _start_beside(os.getpid())(work, arguments)
    if not told:
        raise value
    return value


@cache
def _start_beside(_: int) -> Callable[..., tuple[bool, Any]]:
    """Start the process beside this one, which has this number; return what sends work there."""
    ours, theirs = PROCESSES.Pipe()
    PROCESSES.Process(target=_work_beside, args=(theirs,), daemon=True).start()
    theirs.close()

    def send(*work: Any) -> tuple[bool, Any]:
        ours.send(work)
        answer: tuple[bool, Any] = ours.recv()
        return answer

    return send


def _work_beside(orders: Connection) -> None:
    with contextlib.suppress(EOFError):  # whoever gave orders has ended
        while True:
            work, arguments = orders.recv()
            try:
                orders.send((True, work(*arguments)))
            except Exception as error:  # noqa: BLE001 - raised where it was ordered
                orders.send((False, error))


class _Pages(ThreadedWSGIServer):
    """A server that answers whom it is answering before it ends, and hangs up on those who say nothing."""

    daemon_threads = False  # it waits for these

    def __init__(self, app: App) -> None:
        super().__init__("127.0.0.1", 0, pages_of(app, NO_LIMIT))
        self.served, self.clients = app, WeakSet[socket.socket]()
        Thread(target=self.serve_forever, daemon=True).start()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.clients.add(request)
        super().process_request(request, client_address)

    def end(self) -> None:
        self.shutdown()
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RD)
        self.server_close()
        self.served.close()
        close_engines()


_served: list[_Pages] = []  # in the process beside the tests


def _start_pages(environment: dict[str, str], now: datetime) -> int:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    _served.append(_Pages(_opened(environment, now)))
    return _served[-1].server_port


def _stop_pages() -> None:
    _served.pop().end()


def _deliver(environment: dict[str, str], now: datetime) -> None:
    from scheduler.worker.delivery import deliver

    app = _opened(environment, now)
    deliver(app)
    app.close()


def _opened(environment: dict[str, str], now: datetime) -> App:
    return App.open(config.load_settings(environment), ManualClock(now), connect)


@dataclass
class Command:
    """`scheduler ...` in a process of its own, for tests that do not ask how it starts: that takes a second."""

    environment: Mapping[str, str]
    words: tuple[str, ...]

    def __enter__(self) -> Command:
        self._printed = tempfile.TemporaryDirectory(prefix="command-")
        given = dict(self.environment), self.words, Path(self._printed.name)
        self._process = PROCESSES.Process(target=_run, args=given)
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._process.close()
        self._printed.cleanup()

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self._process.pid or 0, number)

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def end(self) -> tuple[int, str, str]:
        """Wait until it ends: its exit code, what it printed, what it complained of."""
        self._process.join(HANG)
        assert self._process.exitcode is not None, "it does not end"
        printed, complaints = ((Path(self._printed.name) / name).read_text() for name in PRINTED)
        return self._process.exitcode, printed, complaints


PRINTED = ("stdout", "stderr")


def _run(environment: dict[str, str], words: tuple[str, ...], place: Path) -> None:
    from scheduler.cli import main

    os.environ.update(environment)
    for number, name in enumerate(PRINTED, 1):
        os.dup2(os.open(place / name, os.O_CREAT | os.O_WRONLY), number)
    sys.argv[1:] = words
    main()


def warm(environment: Mapping[str, Any]) -> None:
    """Make the pages and compile what they are made of, so that nobody who is forked from here has to."""
    app = App.open(config.load_settings(environment))
    templates = pages_of(app, NO_LIMIT).jinja_env
    for name in templates.list_templates(extensions=["html", "svg"]):
        templates.get_template(name)
    app.db.dispose()


@dataclass
class Server:
    """`scheduler serve` in a process of its own."""

    environment: dict[str, str]
    workers: int = 2
    port: int = field(default_factory=free_port)

    def __enter__(self) -> Server:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "scheduler", "serve", "--port", str(self.port), "--workers", str(self.workers)],
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        until(self._is_up)
        return self

    def _is_up(self) -> bool:
        assert self.process.poll() is None, self.process.communicate()[0]
        return self.answers("/healthz")

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()

    def stop(self) -> tuple[int, str]:
        """Its exit code and all that it printed."""
        self.process.terminate()
        printed, _ = self.process.communicate(timeout=HANG)
        return self.process.returncode, printed

    def get(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        """By a connection of its own: another process may answer each time."""
        url = f"http://127.0.0.1:{self.port}{path}"
        return urllib3.request("GET", url, headers={**headers, "Connection": "close"}, retries=False, timeout=HANG)

    def answers(self, path: str) -> bool:
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            return self.get(path).status == 200
        return False

    def children(self) -> list[int]:
        pid = self.process.pid
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(one) for one in found if b"resource_tracker" not in Path(f"/proc/{one}/cmdline").read_bytes()]

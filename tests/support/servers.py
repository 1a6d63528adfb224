"""The program in processes of their own, on a clock that stands still; forked from one that has everything ready."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import urllib3

from scheduler.app import App
from scheduler.base import config
from scheduler.base.clock import ManualClock
from tests.support.instance import pages_of
from tests.support.machine import HANG, free_port, until
from tests.support.processes import PROCESSES

NO_LIMIT = "100000 per minute"


@contextmanager
def serving(environment: Mapping[str, str], now: datetime) -> Iterator[str]:
    """The address of the pages, at that moment."""
    ours, theirs = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=_serve, args=(dict(environment), now, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()


def _serve(environment: dict[str, str], now: datetime, port: Connection) -> None:
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    web = pages_of(_opened(environment, now), NO_LIMIT)
    server = make_server("127.0.0.1", 0, web, threaded=True)
    port.send(server.server_port)
    server.serve_forever()


def send_letters(environment: Mapping[str, str], now: datetime) -> None:
    """One round of the worker."""
    process = PROCESSES.Process(target=_deliver, args=(dict(environment), now))
    process.start()
    process.join()
    assert 0 == process.exitcode
    process.close()


def _deliver(environment: dict[str, str], now: datetime) -> None:
    from scheduler.worker.delivery import deliver

    deliver(_opened(environment, now))


def _opened(environment: dict[str, str], now: datetime) -> App:
    os.environ.update(environment)
    return App.open(config.load_settings(), ManualClock(now))


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

"""The program in processes of their own, on a clock that stands still; forked from one that has everything ready."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any

from scheduler.app import App
from scheduler.base import config
from scheduler.base.clock import ManualClock
from scheduler.web.application import create_app
from tests.services.builders import PROCESSES


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
    web = create_app(_opened(environment, now), limit="100000 per minute")
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
    return App.open(config.load(), ManualClock(now))


def warm(environment: Mapping[str, Any]) -> None:
    """Compile what the pages are made of, so that nobody who is forked from here has to."""
    app = App.open(config.load(environment))
    templates = create_app(app).jinja_env
    for name in templates.list_templates(extensions=["html", "svg"]):
        templates.get_template(name)
    app.db.dispose()

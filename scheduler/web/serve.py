"""The server: granian runs the configured number of processes of `application`; feeds first, pages behind them."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scheduler.app import App
from scheduler.base import config
from scheduler.web.entrance.load_limit import AT_ONCE, MAX_WAITING
from scheduler.web.programme.feed_server import FeedServer

if TYPE_CHECKING:
    from granian.server.common import AbstractServer

# Of one process: enough for all who wait for others (`load_limit`), and some for what needs no database: calendars
# from memory, health, and forms that arrive slowly.
THREADS = AT_ONCE + MAX_WAITING + 64
# Of clients to one process, most of them idle; the usual limit of a process is 1024 open files.
MAX_CONNECTIONS = 768


def application() -> FeedServer:
    """Make what each process runs, from the settings of the environment. Raise what `App.open` raises."""
    from scheduler.web.application import create_app

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    app = App.open(config.load_settings())
    return FeedServer(app, create_app(app).wsgi_app)


def server(*, host: str, port: int, workers: int, settings_file: Path | None = None) -> AbstractServer[Any]:
    """HTTP/1 and 2 without TLS, which is the business of the proxy in front. Ends in order on SIGTERM and SIGINT;
    on SIGHUP takes new processes before it lets the old ones go."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.http import HTTP1Settings

    if settings_file:
        os.environ[f"{config.PREFIX}CONFIG"] = str(settings_file.absolute())
    return Granian(
        "scheduler.web.serve:application",
        factory=True,
        interface=Interfaces.WSGI,
        address=host,
        port=port,
        workers=workers,
        blocking_threads=THREADS,
        backpressure=MAX_CONNECTIONS,
        http1_settings=HTTP1Settings(header_read_timeout=15_000),
        workers_kill_timeout=10,
        respawn_failed_workers=True,
        websockets=False,
        log_access=False,
    )

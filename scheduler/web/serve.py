"""The server: granian runs the configured number of processes of `application`; feeds and pages from memory first."""

from __future__ import annotations

import atexit
import gc
import logging
import multiprocessing
import os
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from scheduler.base import config
from scheduler.base.errors import SchedulerError
from scheduler.monitoring import logs, metrics
from scheduler.web.entrance.load_limit import AT_ONCE, MAX_SAME_PAGE, MAX_WAITING

if TYPE_CHECKING:
    from granian.server.common import AbstractServer

    from scheduler.app import App
    from scheduler.web.entrance.request_record import RequestRecord

log = logging.getLogger(__name__)

# Of one process: enough for all who wait for others (`load_limit`), and some for what needs no database:
# calendars and pages from memory, health, and forms that arrive slowly.
THREADS = AT_ONCE + MAX_WAITING + MAX_SAME_PAGE + 64
# Of clients to one process, most of them idle; the usual limit of a process is 1024 open files.
MAX_CONNECTIONS = 768


RELOAD_SECONDS = 6.0  # between the start of a new process and the end of the one it replaces; it starts in 1.5


def application() -> RequestRecord:
    """Make what each process runs, from the settings of the environment. Raise what `App.open` raises."""
    # The process that starts the others needs none of this.
    from scheduler.app import App
    from scheduler.web.application import create_app
    from scheduler.web.entrance.request_record import RequestRecord
    from scheduler.web.memory.page_server import PageServer
    from scheduler.web.memory.shown_version import ShownVersion
    from scheduler.web.programme.feed_server import FeedServer

    settings = config.load_settings()
    logs.configure(settings.log_format)
    app = App.open(settings)
    if int(settings.serve_metrics_port):
        metrics.enable()
        metrics.watch_pool(app.db.engine)
    version, web = ShownVersion(app), create_app(app)
    site = FeedServer(app, PageServer(app, web, version), version)
    Thread(target=_read_names_ahead, args=(app, web.extensions), name="names", daemon=True).start()
    # What is made until now lives as long as the process: to look through it again and again for what nobody needs
    # any more would make one request in a few dozen a tenth of a second longer.
    gc.collect()
    gc.freeze()
    # When all is answered, nothing is left to do. The interpreter would wait for granian's threads.
    atexit.register(os._exit, 0)
    return RequestRecord(site, logged=settings.log_requests == "yes", numbered=settings.trusted_proxies != "0")


def _read_names_ahead(app: App, extensions: Mapping[str, Any]) -> None:
    """Read what names are found by, beside the first answers: of 50,000 people it takes seconds."""
    try:
        with app.db.read() as session:
            extensions["scheduler.names at doors"].read_ahead(session, now=app.clock.now())
            extensions["scheduler.directory"].read_ahead(session)
    except SchedulerError as error:  # the first search reads them, then
        log.warning("%s", error)


def server(
    *, host: str, port: int, workers: int, log_format: str, settings_file: Path | None = None
) -> AbstractServer[Any]:
    """HTTP/1 and 2 without TLS, which is the business of the proxy in front. Ends in order on SIGTERM and SIGINT;
    on SIGHUP takes new processes before it lets the old ones go."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    # A process that is forked would have the modules of this one, also after an upgrade of the program; and the
    # threads and connections of this one would be in it, half.
    multiprocessing.set_start_method("spawn", force=True)
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
        respawn_interval=RELOAD_SECONDS,
        websockets=False,
        log_access=False,
        log_level=LogLevels.warning,
        log_dictconfig=logs.configuration(log_format),
    )

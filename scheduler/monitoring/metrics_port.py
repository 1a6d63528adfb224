"""The port at which Prometheus reads the metrics: on this machine alone, because it says how much is going on."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scheduler.app import App
from scheduler.base.errors import Conflict
from scheduler.monitoring import metrics
from scheduler.monitoring.database_state import DatabaseState

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

HOST = "127.0.0.1"
SHARED = "PROMETHEUS_MULTIPROC_DIR"  # the library reads it when it is imported


@contextmanager
def of_worker(app: App, port: int) -> Iterator[None]:
    """Count in this process and show the metrics in the block; do nothing for port 0.

    Raise Conflict if the port is taken.
    """
    if not port:
        yield
        return
    from prometheus_client import ProcessCollector

    counted = metrics.enable()
    metrics.watch_pool(app.db.engine)
    ProcessCollector(registry=counted.registry)
    with _shown(counted.registry, app, port, "worker_metrics_port"):
        yield


@contextmanager
def of_server(app: App, port: int) -> Iterator[None]:
    """Show what the processes count that are started in the block; do nothing for port 0.

    Raise Conflict if the port is taken.
    """
    if not port:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="scheduler-metrics-") as directory:
        os.environ[SHARED] = directory
        from prometheus_client import CollectorRegistry

        registry = CollectorRegistry()
        registry.register(_SharedMetrics(Path(directory)))
        try:
            with _shown(registry, app, port, "serve_metrics_port"):
                yield
        finally:
            del os.environ[SHARED]


class _SharedMetrics:
    """A collector that adds up what the processes of a server have counted."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterable[Metric]:
        from prometheus_client import CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector

        self._forget_ended()
        collector: Any = MultiProcessCollector(CollectorRegistry(), str(self._directory))  # type: ignore[no-untyped-call]
        found: Iterable[Metric] = collector.collect()
        return found

    def _forget_ended(self) -> None:
        """Remove the gauges of processes that have ended; their counters stay."""
        for file in self._directory.glob("gauge_live*_*.db"):
            try:
                os.kill(int(file.stem.rpartition("_")[2]), 0)
            except ProcessLookupError:
                file.unlink(missing_ok=True)


@contextmanager
def _shown(registry: CollectorRegistry, app: App, port: int, setting: str) -> Iterator[None]:
    from prometheus_client import start_http_server

    registry.register(DatabaseState(app))
    try:
        server, thread = start_http_server(port, HOST, registry)
    except OSError as error:
        raise Conflict(
            "{setting}: port {port} cannot be used: {reason}", setting=setting, port=port, reason=error.strerror
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

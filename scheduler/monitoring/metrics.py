"""Metrics for Prometheus. Nothing is counted, and the library is not even imported, until `enable` is called.

The processes of a server count in files of a directory that they share, named by `PROMETHEUS_MULTIPROC_DIR`
(https://prometheus.github.io/client_python/multiprocess/); the process that started them adds these up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from sqlalchemy import Engine

# Seconds: a poll from memory, a page, a page that waits, and the two seconds after which nobody waits any longer.
BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 10.0)
_enabled: Metrics | None = None


class Metrics:
    """The metrics that one process counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        from prometheus_client import Counter, Gauge, Histogram

        labels = ["method", "route", "status"]
        self.registry = registry
        self.requests = Histogram(
            "scheduler_request_seconds", "Time to answer a request.", labels, registry=registry, buckets=BUCKETS
        )
        self.feeds = Counter(
            "scheduler_feed_requests_total",
            "Requests for calendars, by where they came from.",
            ["from"],
            registry=registry,
        )
        self.letters = Counter(
            "scheduler_letters_total", "Attempts to send a letter, by outcome.", ["outcome"], registry=registry
        )
        self.connections = Gauge(
            "scheduler_pool_connections_in_use",
            "Connections of the pool to the database that are in use.",
            registry=registry,
            multiprocess_mode="livesum",
        )


def enable(registry: CollectorRegistry | None = None) -> Metrics:
    """Count in this process from now on."""
    from prometheus_client import CollectorRegistry

    global _enabled
    _enabled = _enabled or Metrics(registry or CollectorRegistry())
    return _enabled


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request by the pattern of its address."""
    if _enabled:
        _enabled.requests.labels(method, route, status).observe(seconds)


def count_feed(*, kept: bool) -> None:
    """Count a request for a calendar, which was kept in memory or had to be made."""
    if _enabled:
        _enabled.feeds.labels("memory" if kept else "database").inc()


def count_letter(outcome: str | None) -> None:
    """Count an attempt to send a letter; without an outcome it will be tried again."""
    if _enabled:
        _enabled.letters.labels(outcome or "postponed").inc()


def watch_pool(engine: Engine) -> None:
    """Count the connections that are taken out of the pool of an engine."""
    if not _enabled:
        return
    from sqlalchemy import event

    in_use = _enabled.connections

    @event.listens_for(engine, "checkout")
    def count_out(*_: Any) -> None:
        in_use.inc()

    @event.listens_for(engine, "checkin")
    def count_in(*_: Any) -> None:
        in_use.dec()

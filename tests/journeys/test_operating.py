"""A server and a worker as an operator starts, watches and stops them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import urllib3

from tests.support.machine import HANG, free_port, until
from tests.support.servers import Server

ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])


def read_metrics(port: int) -> dict[str, float]:
    """Return what is counted, also of a process that has only been started and does not listen yet."""
    patience = urllib3.Retry(connect=60, read=0, backoff_factor=0.05, backoff_max=0.5)
    answer = urllib3.request("GET", f"http://127.0.0.1:{port}/metrics", retries=patience, timeout=HANG)
    lines = (line.rsplit(" ", 1) for line in answer.data.decode().splitlines() if line[0] != "#")
    return {name: float(value) for name, value in lines}


def test_a_start_says_where_what_is_not_set_and_how_to_stop_and_nothing_else(tmp_path: Path) -> None:
    metrics = free_port()
    environment = {"SCHEDULER_DATA_DIR": str(tmp_path), "SCHEDULER_WORKER_METRICS_PORT": str(metrics)}
    with Server(environment, workers=1) as server:
        worker = subprocess.Popen(
            [sys.executable, "-m", "scheduler", "worker"],
            env={**os.environ, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        until(lambda: server.answers("/readyz"))
        until(lambda: read_metrics(metrics).get("scheduler_workers_seen") == 1)
        seen = read_metrics(metrics)
        worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=HANG)
        code, served = server.stop()

    assert (0, 0) == (code, worker.returncode)
    assert served.splitlines() == [
        f"Serving on http://127.0.0.1:{server.port} (Ctrl-C to stop)",
        "base_url is not set: links lead to http://localhost:8000."
        " Set SCHEDULER_BASE_URL to the address at which people reach the server.",
        "Stopped.",
    ]
    assert said.splitlines() == [
        "The worker is running; stop it with Ctrl-C.",
        f"mail_url is not set: e-mails are kept as files in {tmp_path}/letters. Set SCHEDULER_MAIL_URL to send them.",
        "Stopped.",
    ]
    assert 1 == seen["scheduler_workers_seen"]
    assert "process_resident_memory_bytes" in seen


@ONE_ENGINE
def test_what_all_processes_of_a_server_have_counted_is_shown_at_one_port(environment: dict[str, str]) -> None:
    metrics = free_port()
    watched = {
        "SCHEDULER_SERVE_METRICS_PORT": str(metrics),
        "SCHEDULER_LOG_REQUESTS": "yes",
        "SCHEDULER_LOG_FORMAT": "json",
        "SCHEDULER_BASE_URL": "https://programme.example",
    }
    page = 'scheduler_request_seconds_count{method="GET",route="/<language>/",status="200"}'
    with Server({**environment, **watched}) as server:
        until(lambda: len(server.children()) == 2)
        for _ in range(12):
            server.get("/en/")
        server.get("/feeds/all.en.ics")
        found = read_metrics(metrics)
        for one in server.children():
            os.kill(one, signal.SIGKILL)
        until(lambda: server.answers("/healthz"))
        until(lambda: read_metrics(metrics)["scheduler_pool_connections_in_use"] == 0)
        after = read_metrics(metrics)
        _, printed = server.stop()

    assert 12 == found[page] == after[page], "also what processes have counted that are no more"
    assert 1 == found['scheduler_feed_requests_total{from="database"}']
    assert 0 == after["scheduler_pool_connections_in_use"]
    head, *entries, tail = printed.splitlines()
    assert (f"Serving on http://127.0.0.1:{server.port} (Ctrl-C to stop)", "Stopped.") == (head, tail)
    logged = [json.loads(line) for line in entries]
    assert 12 == sum(one["event"] == "GET /<language>/ 200" for one in logged)
    assert len({one["request"] for one in logged if "request" in one}) == sum("request" in one for one in logged)

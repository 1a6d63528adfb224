"""Restarts of `scheduler serve` behind nginx, as in an upgrade, while people ask: how many of them are refused.

Two servers are restarted one after the other, as docs/operating.md has it; one server takes new processes on SIGHUP;
and, to compare, one server is restarted by itself. Meanwhile clients ask for a page, for a calendar, and send a form.

Needs nginx.
"""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import common
from benchmarks.servers import HOST, SECRET, free_port

CLIENTS = 4
ASKED = (("GET", "/en/"), ("GET", "/feeds/all.en.ics"), ("POST", "/en/confirm/nobody"))
MANUAL = Path(__file__).parents[1] / "docs" / "operating.md"
NGINX = """
daemon off; worker_processes 1; pid {place}/pid; error_log {place}/error.log;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
  uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
  {upstream}
  server {{ listen {host}:{port}; location / {{ proxy_pass http://programme; }} }}
}}
"""


def main() -> None:
    given = common.arguments(__doc__, rounds=1)
    rows = []
    for engine in given.engines:
        with common.databases(engine) as fresh:
            url = fresh().url.render_as_string(hide_password=False)
            for name, servers, act in (
                ("two servers, one after the other", 2, restart_in_turn),
                ("one server, SIGHUP", 1, reload),
                ("one server, restarted", 1, restart_in_turn),
            ):
                rows.append((engine, name, *_measure(url, servers, act)))
    common.show("Restarts while people ask", ("", "", "requests", "refused", "longest s"), rows)


def _measure(url: str, number: int, act: Callable[[Sequence[Restarting]], None]) -> tuple[str, str, str]:
    """Return how many requests there were, how many were refused, and how long the longest took."""
    with ExitStack() as stack:
        directory = stack.enter_context(TemporaryDirectory(prefix="benchmark-"))
        servers = [stack.enter_context(Restarting(url, directory)) for _ in range(number)]
        port = stack.enter_context(_proxy([server.port for server in servers]))
        with _crowd(port) as told:
            time.sleep(2)
            act(servers)
            time.sleep(2)
    statuses = Counter(status for status, _took in told)
    refused = {status: count for status, count in statuses.items() if status == 0 or status >= 500}
    return f"{len(told):,}", str(refused or 0), f"{max(took for _status, took in told):.2f}"


class Restarting:
    """`scheduler serve` with two processes, which can be started again on its port."""

    def __init__(self, url: str, directory: str) -> None:
        self.port = free_port()
        self.environment = {
            **os.environ,
            "SCHEDULER_DATA_DIR": directory,
            "SCHEDULER_DATABASE_URL": url,
            "SCHEDULER_SECRET": SECRET,
        }

    def __enter__(self) -> Restarting:
        command = [sys.executable, "-m", "scheduler", "serve", "--workers", "2", "--port", str(self.port)]
        self.process = subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL)
        self._wait_for_answer()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()

    def _wait_for_answer(self) -> None:
        """Wait until it answers, as an operator does before going on."""
        while _ask(self.port, "GET", "/healthz")[0] != 200:
            assert self.process.poll() is None, "the server has ended"
            time.sleep(0.1)

    def restart(self) -> None:
        self.__exit__()
        self.__enter__()

    def reload(self) -> None:
        before = self._children()
        self.process.send_signal(signal.SIGHUP)
        while before & self._children():
            time.sleep(0.1)

    def _children(self) -> set[str]:
        pid = self.process.pid
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return {one for one in found if b"resource_tracker" not in Path(f"/proc/{one}/cmdline").read_bytes()}


def restart_in_turn(servers: Sequence[Restarting]) -> None:
    for server in servers:
        server.restart()


def reload(servers: Sequence[Restarting]) -> None:
    for server in servers:
        server.reload()


@contextmanager
def _proxy(ports: Sequence[int]) -> Iterator[int]:
    """Run nginx before these servers, with the upstream that the manual has."""
    found = re.search(r"`upstream programme \{ (server [^;]*;)", MANUAL.read_text(encoding="utf-8"))
    assert found, "the manual has no upstream"
    servers = " ".join(re.sub(r"127\.0\.0\.1:\d+", f"{HOST}:{port}", found[1]) for port in ports)
    upstream = f"upstream programme {{ {servers} }}"
    with TemporaryDirectory(prefix="benchmark-") as name:
        place, port = Path(name), free_port()
        place.chmod(0o755)  # nginx's workers are another user
        (place / "nginx.conf").write_text(NGINX.format(place=place, host=HOST, port=port, upstream=upstream))
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx"
        process = subprocess.Popen([program, "-e", "stderr", "-c", f"{name}/nginx.conf"], stderr=subprocess.DEVNULL)
        try:
            while _ask(port, "GET", "/healthz")[0] != 200:
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()
            process.wait()


@contextmanager
def _crowd(port: int) -> Iterator[list[tuple[int, float]]]:
    """Ask all the time within the block; give the status of each answer (0 for none) and its seconds."""
    told: list[tuple[int, float]] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            for method, path in ASKED:
                told.append(_ask(port, method, path))

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for one in threads:
        one.start()
    try:
        yield told
    finally:
        stop.set()
        for one in threads:
            one.join()


def _ask(port: int, method: str, path: str) -> tuple[int, float]:
    begun = time.perf_counter()
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        connection.request(method, path, b"" if method == "POST" else None)
        status = connection.getresponse().status
    except OSError:
        status = 0
    finally:
        connection.close()
    return status, time.perf_counter() - begun


if __name__ == "__main__":
    main()

"""Servers as child processes on one core, stopped by their own process id; wrk on another core."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

HOST = "127.0.0.1"
CONNECTIONS = 32
SECRET = "0" * 64


# Servers


@dataclass(frozen=True, slots=True)
class Server:
    pid: int
    port: int


@contextmanager
def serving(
    url: str, *, workers: int = 1, pinned: bool = True, more: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run `scheduler serve` on a database, behind a trusted proxy, as in production; ``more`` are other settings."""
    with TemporaryDirectory(prefix="benchmark-") as directory:
        settings = {
            "SCHEDULER_DATA_DIR": directory,
            "SCHEDULER_DATABASE_URL": url,
            "SCHEDULER_SECRET": SECRET,
            "SCHEDULER_HOUSE": "Embassy of Kazakhstan",
            "SCHEDULER_TRUSTED_PROXIES": "1",
            **(more or {}),
        }
        port = free_port()
        command = [sys.executable, "-m", "scheduler", "serve", "--port", str(port), "--workers", str(workers)]
        with _running(command, port, Path(directory), settings, pinned=pinned) as server:
            yield server


NGINX = """
daemon off; worker_processes 1; pid {directory}/nginx.pid; {user}
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; sendfile on; tcp_nopush on; gzip_static on;
  types {{ text/calendar ics; }}
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  server {{ listen {host}:{port}; root {directory}; }}
}}
"""


@contextmanager
def nginx(files: Mapping[str, bytes]) -> Iterator[Server]:
    """Run nginx with one worker for static files and their compressed twins (.gz)."""
    with TemporaryDirectory(prefix="benchmark-") as name:
        directory, port = Path(name), free_port()
        for file, content in files.items():
            (directory / file).write_bytes(content)
        user = "user root;" if os.geteuid() == 0 else ""  # else its worker may not read a directory of ours
        (directory / "nginx.conf").write_text(NGINX.format(directory=directory, host=HOST, port=port, user=user))
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx"
        command = [program, "-e", "stderr", "-p", name, "-c", f"{name}/nginx.conf"]
        with _running(command, port, directory) as server:
            yield server


AS_USER = {"Authorization": "Basic dXNlcjp1c2Vy"}


@contextmanager
def radicale(where: str, calendar: bytes) -> Iterator[Server]:
    """Radicale 3 from a directory of its own, with one collection: `/user/cal/`."""
    with TemporaryDirectory(prefix="benchmark-") as name:
        port = free_port()
        command = [sys.executable, "-m", "radicale", "--config", "", "--server-hosts", f"{HOST}:{port}"]
        command += ["--auth-type", "none", "--storage-filesystem-folder", name, "--logging-level", "critical"]
        command += ["--server-max-connections", str(2 * CONNECTIONS)]
        with _running(command, port, Path(name), {"PYTHONPATH": where}) as server:
            kind = {"Content-Type": "text/calendar"}
            Request(server, "/user/cal/", 201, {**AS_USER, **kind}, "PUT", calendar).answer()
            yield server


@contextmanager
def _running(
    command: Sequence[str],
    port: int,
    directory: Path,
    environment: Mapping[str, str] | None = None,
    *,
    pinned: bool = True,
) -> Iterator[Server]:
    with (directory / "said.log").open("wb") as said:
        process = subprocess.Popen(
            [*(_on_core(0) if pinned else ()), *command],  # which becomes the command: the process id stays
            stdout=said,
            stderr=said,
            env={**os.environ, **(environment or {})},
        )
    try:
        wait_for(port, process)
        yield Server(process.pid, port)
    except (TimeoutError, AssertionError) as error:
        raise type(error)(f"{error}\n{command}: {(directory / 'said.log').read_text()[-5000:]}") from error
    finally:
        process.terminate()
        process.wait()


def _on_core(index: int) -> list[str]:
    return ["taskset", "-c", str(sorted(os.sched_getaffinity(0))[index])]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(400):
        try:
            socket.create_connection((HOST, port)).close()
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the server does not answer")


# Requests


@dataclass(frozen=True, slots=True)
class Request:
    """A request, and the status of the answer that it must get."""

    server: Server
    path: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: bytes = b""

    def answer(self) -> Answer:
        connection = http.client.HTTPConnection(HOST, self.server.port, timeout=60)
        try:
            return self.over(connection)
        finally:
            connection.close()

    def over(self, connection: http.client.HTTPConnection) -> Answer:
        connection.request(self.method, self.path, self.body or None, dict(self.headers))
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(response.status, headers, response.read())
        assert answer.status == self.status or not self.status, f"{self}: {answer.status} {answer.body[:200]!r}"
        return answer


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def __len__(self) -> int:
        """Return roughly the octets that went over the wire."""
        head = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        return len(f"HTTP/1.1 200 OK\r\n{head}\r\n") + len(self.body)


# Load


@dataclass(frozen=True, slots=True)
class Load:
    """The results of wrk: requests a second, latency in milliseconds; and the server's CPU seconds for all of it.

    A server of many threads gets more of a core that others use too than one of a single thread: where the machine
    is not idle, only the CPU time of a request compares them.
    """

    rate: float
    cpu: float  # seconds for one request
    busy: float  # part of the time in which it had the core
    p50: float
    p99: float


DONE = """
done = function(summary, latency)
  local bad = summary.errors
  io.write(string.format("\\nDONE %d %d %d %d %d %d\\n", summary.requests, summary.bytes, summary.duration,
    latency:percentile(50), latency:percentile(99), bad.connect + bad.read + bad.write + bad.status + bad.timeout))
end
"""


def load(request: Request, seconds: float) -> Load:
    """Send as many requests as one core can over so many connections. Raise if an answer is not the expected one."""
    expected = len(request.answer())
    with TemporaryDirectory(prefix="benchmark-") as directory:
        script = Path(directory, "script.lua")
        body = request.body.decode()
        script.write_text(f"wrk.method = '{request.method}'\nwrk.body = {f'[[{body}]]' if body else 'nil'}\n{DONE}")
        before, start = cpu_seconds(request.server), time.monotonic()
        said = _wrk(request.server, request.path, seconds, script, request.headers)
        cpu, wall = cpu_seconds(request.server) - before, time.monotonic() - start
    requests, octets, micros, p50, p99 = _done(said)
    # wrk counts no 200 as an error where a 304 is due: the octets tell them apart.
    assert 0.8 < octets / requests / expected < 1.25, f"{octets / requests:.0f} octets each, not {expected}"
    request.answer()
    return Load(requests / micros * 1e6, cpu / requests, cpu / wall, p50 / 1000, p99 / 1000)


# Each path is posted to once, by somebody of an address of their own.
POSTING = """
local paths, number = {}, -1  -- wrk takes one request to look at it, and sends it nowhere
for path in io.lines("%s") do paths[#paths + 1] = path end
request = function()
  number = number + 1
  local address = string.format("10.%%d.%%d.%%d", number / 65536 %% 256, number / 256 %% 256, number %% 256)
  return wrk.format("POST", paths[number] or "/no-more-paths", {["X-Forwarded-For"] = address})
end
"""


def post_each(server: Server, paths: Sequence[str], *, seconds: float, connections: int) -> Load:
    """Send a POST to one path after another for so long. Raise if one is refused, or if no paths are left."""
    with TemporaryDirectory(prefix="benchmark-") as directory:
        listed, script = Path(directory, "paths"), Path(directory, "script.lua")
        listed.write_text("\n".join(paths))
        script.write_text(POSTING % listed + DONE)
        before, start = cpu_seconds(server), time.monotonic()
        said = _wrk(server, "/", seconds, script, connections=connections, pinned=False)
        cpu, wall = cpu_seconds(server) - before, time.monotonic() - start
    requests, _, micros, p50, p99 = _done(said)
    return Load(requests / micros * 1e6, cpu / requests, cpu / wall, p50 / 1000, p99 / 1000)


def _done(said: str) -> tuple[int, ...]:
    *numbers, bad = map(int, said.rpartition("DONE ")[2].split())
    assert numbers[0], said
    assert not bad, said
    return tuple(numbers)


def _wrk(
    server: Server,
    path: str,
    seconds: float,
    script: Path,
    headers: Mapping[str, str] | None = None,
    *,
    connections: int = CONNECTIONS,
    pinned: bool = True,
) -> str:
    said = [word for item in (headers or {}).items() for word in ("-H", ": ".join(item))]
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "30s", "-s", str(script), *said]
    url = f"http://{HOST}:{server.port}{path}"
    command = [*(_on_core(-1) if pinned else ()), *command]
    return subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout


# What a process used


def cpu_seconds(server: Server) -> float:
    """Return the CPU seconds of all processes and threads of a server."""
    return sum(sum(map(int, _stat(pid)[11:13])) for pid in _family(server.pid)) / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    """proc(5): what follows the name, from field 3 on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def memory(server: Server) -> tuple[float, float]:
    """MB now, and at most so far, of that one of its processes which answers: the largest."""
    return max(_resident(pid) for pid in _family(server.pid))


def resident(pid: int) -> float:
    """MB of a process and of all its children, now."""
    return sum(_resident(one)[0] for one in _family(pid))


def _resident(pid: int) -> tuple[float, float]:
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(lines["VmRSS"].split()[0]) / 1024, int(lines["VmHWM"].split()[0]) / 1024


def _family(pid: int) -> Iterator[int]:
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from _family(int(child))

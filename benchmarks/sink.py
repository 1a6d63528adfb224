"""An SMTP server that takes everything and keeps nothing: Postfix's smtp-sink, else one of our own."""

from __future__ import annotations

import os
import shutil
import socketserver
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.servers import free_port, wait_for


@contextmanager
def sink() -> Iterator[int]:
    """Start a mail server that keeps nothing; yield its port on loopback, and stop it by its process id."""
    port = free_port()
    process = subprocess.Popen(_command(port))
    try:
        wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait()


def _command(port: int) -> list[str]:
    postfix = shutil.which("smtp-sink", path="/usr/sbin:/usr/local/sbin:/usr/lib/postfix/sbin")
    if postfix is None:
        return [sys.executable, "-m", "benchmarks.sink", str(port)]
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    return [postfix, *as_nobody, f"127.0.0.1:{port}", "100"]


class Swallow(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as smtplib speaks."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        self._say("220 sink")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"QUIT":
                break
            if verb == b"DATA":
                self._say("354 go on")
                self._swallow()
            self._say("250 taken")
        self._say("221 bye")

    def _swallow(self) -> None:
        for line in self.rfile:
            if line == b".\r\n":
                return

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


if __name__ == "__main__":
    socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Swallow).serve_forever()

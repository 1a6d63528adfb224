"""SMTP servers: one that takes everything and keeps nothing (Postfix's smtp-sink, else one of our own), and one that
keeps what it takes and can be down for a while."""

from __future__ import annotations

import os
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage

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
                self.keep(b"".join(iter(self.rfile.readline, b".\r\n")))
            self._say("250 taken")
        self._say("221 bye")

    def keep(self, content: bytes) -> None:
        """Do nothing with a letter."""

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


class Postbox:
    """A mail server in this process that hands each letter on; while it is down nobody can connect.

    ``receive`` gets the letter as a message, before the sender hears that it was taken.
    """

    def __init__(self, receive: Callable[[EmailMessage], None]) -> None:
        self.receive, self.port = receive, free_port()
        self._open: set[socket.socket] = set()
        self._server: socketserver.ThreadingTCPServer | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def start(self) -> None:
        box = self

        class Handler(Swallow):
            def handle(self) -> None:
                box._open.add(self.connection)
                with suppress(OSError):
                    super().handle()

            def keep(self, content: bytes) -> None:
                box.receive(message_from_bytes(content, policy=policy.default))

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Be gone, as after a power cut: connections end in the middle of a letter."""
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._open.clear()


if __name__ == "__main__":
    socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Swallow).serve_forever()

"""A line to the database, for tests in which it fails."""

from __future__ import annotations

import contextlib
import socket
import threading

import sqlalchemy as sa

from tests.support.machine import free_port


class Line:
    """A line to PostgreSQL that can be cut and mended, or frozen: then nothing comes through, and nobody hangs up."""

    def __init__(self, server: sa.URL) -> None:
        self.port, self._server, self._open = free_port(), server, []
        self._flows = threading.Event()
        self._flows.set()
        self.mend()

    def mend(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def cut(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def freeze(self) -> None:
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    @property
    def url(self) -> str:
        """The address of the database by this line."""
        through = self._server.set(host="127.0.0.1", port=self.port, query={})
        return through.render_as_string(hide_password=False)

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listening.accept()
                there = self._to_the_server()
                self._open += [client, there]
                for ends in ((client, there), (there, client)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _to_the_server(self) -> socket.socket:
        host = self._server.query.get("host", self._server.host)
        if str(host).startswith("/"):
            there = socket.socket(socket.AF_UNIX)
            there.connect(f"{host}/.s.PGSQL.{self._server.port or 5432}")
            return there
        return socket.create_connection((host, self._server.port or 5432))

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

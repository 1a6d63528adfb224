"""A mailbox on a real IMAP server, pymap in a process of its own, that keeps mail in memory."""

from __future__ import annotations

import imaplib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.support.machine import free_port, until

USER, PASSWORD = "desk", "a password, with @ and :"
SERVER = "from pymap.main import main; import sys; sys.argv[0] = 'pymap'; main()"


@dataclass
class Mailbox:
    """The mailbox as its owner sees it in another program."""

    port: int

    @property
    def url(self) -> str:
        return f"imap://{USER}:a%20password%2C%20with%20%40%20and%20%3A@127.0.0.1:{self.port}/INBOX"

    @contextmanager
    def _open(self) -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=10) as client:
            client.login(USER, PASSWORD)
            client.select("INBOX")
            yield client

    def put(self, *mails: bytes) -> None:
        with self._open() as client:
            for mail in mails:
                assert "OK" == client.append("INBOX", "", "", mail)[0]

    def unseen(self) -> int:
        with self._open() as client:
            return len(client.search(None, "UNSEEN")[1][0].split())

    def mark_unseen(self) -> None:
        """Mark the last mail as unseen."""
        with self._open() as client:
            client.store("*", "-FLAGS", "\\Seen")


@contextmanager
def a_mailbox() -> Iterator[Mailbox]:
    """Start the server and stop it afterwards."""
    port = free_port()
    said = ["--host", "127.0.0.1", "--port", str(port), "--no-tls", "dict"]
    command = [sys.executable, "-c", SERVER, *said, "--demo-user", USER, "--demo-password", PASSWORD]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        mailbox = Mailbox(port)
        try:
            until(lambda: _answers(mailbox))
            yield mailbox
        finally:
            server.terminate()


def _answers(mailbox: Mailbox) -> bool:
    with suppress(OSError, imaplib.IMAP4.error):
        return mailbox.unseen() == 0
    return False

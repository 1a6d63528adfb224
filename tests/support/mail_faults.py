"""A mail server that misbehaves as it is told, and letters for it."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from email import message_from_bytes
from enum import Enum, auto
from itertools import count
from urllib.parse import urlsplit

from scheduler.app import App
from scheduler.base.text import Text
from scheduler.channels.smtp import SmtpChannel
from scheduler.model.attendance import Attendee, Partstat, Role, Standing
from scheduler.model.events import Mode
from scheduler.model.letters import LetterKind
from scheduler.model.places import Person
from scheduler.services.outbox import enqueue
from tests.support.builders import an_event
from tests.support.machine import HANG, free_port


class Fault(Enum):
    """What a server may do instead of answering."""

    HANG_UP = auto()
    RESET = auto()  # hang up with RST, which throws away what is under way
    SILENCE = auto()  # say nothing until the caller has gone


Answer = str | Fault
USUAL = {"greeting": "220 hello", "DATA": "354 go on", "QUIT": "221 bye"}


class FaultyServer:
    """A real SMTP server on loopback. Each step may be given an answer, or a function of the recipient's address.

    The steps are greeting, EHLO, MAIL (before there is a recipient), RCPT, DATA, content, RSET and QUIT.
    """

    def __init__(self, *, pipelining: bool = False, **answers: Answer | Callable[[str], Answer]) -> None:
        self.answers = answers
        self.features = ["PIPELINING"] if pipelining else []
        self.port = free_port()
        self.connections = 0
        self.tried: list[str] = []  # the recipients of all RCPT, in order
        self.taken: list[str] = []  # of the letters that were accepted
        self.ids: list[str] = []  # Message-IDs of all contents that arrived whole, refused ones too
        self._open: set[socket.socket] = set()
        self._listening: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def channel(self, timeout: float = HANG) -> SmtpChannel:
        return SmtpChannel(urlsplit(self.url), timeout=timeout)

    def __enter__(self) -> FaultyServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def stop(self) -> None:
        """Die: hang up on everybody and listen no longer."""
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()
        self.hang_up_on_all()

    def hang_up_on_all(self) -> None:
        """As if restarted so fast that nobody calls in vain."""
        for caller in list(self._open):
            self._hang_up(caller)

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                caller, _ = listening.accept()
                # Else the answers to pipelined commands wait 40 ms for each other (RFC 896, RFC 1122 4.2.3.2).
                caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                self._open.add(caller)
                threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        with suppress(OSError, StopIteration):
            lines = _lines(caller)
            said, recipient = self._say(caller, "greeting", ""), ""
            while not said.startswith(("421", "221")):
                line = next(lines)
                step = line[:4].upper()
                if step in ("RCPT", "DATA") and not said.startswith("250"):
                    caller.sendall(b"503 after a refusal\r\n")  # it was pipelined (RFC 2920 3.2)
                    continue
                if step == "RCPT":
                    recipient = line.partition("<")[2].partition(">")[0]
                    self.tried.append(recipient)
                said = self._say(caller, step, "" if step == "MAIL" else recipient)
                if step == "DATA" and said.startswith("354"):
                    self.ids.append(_read_content(lines))
                    said = self._say(caller, "content", recipient)
                    self.taken += [recipient] if said.startswith("250") else []
        self._hang_up(caller)

    def _answer(self, step: str, recipient: str) -> Answer:
        if step == "EHLO" and "EHLO" not in self.answers:
            return "\r\n".join(["250-hello", *(f"250-{feature}" for feature in self.features), "250 SIZE 1000000"])
        given = self.answers.get(step, USUAL.get(step, "250 OK"))
        return given(recipient) if callable(given) else given

    def _say(self, caller: socket.socket, step: str, recipient: str) -> str:
        """Answer one step, and return what was said. Raise StopIteration where nothing is."""
        answer = self._answer(step, recipient)
        if answer is Fault.SILENCE:
            while caller.recv(4096):
                pass
        if answer is Fault.RESET:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            caller.close()
        if isinstance(answer, Fault):
            raise StopIteration
        caller.sendall(f"{answer}\r\n".encode())
        return answer

    def _hang_up(self, caller: socket.socket) -> None:
        self._open.discard(caller)
        with suppress(OSError):
            caller.shutdown(socket.SHUT_RDWR)
        caller.close()


def _lines(caller: socket.socket) -> Iterator[str]:
    rest = b""
    while data := caller.recv(65536):
        *whole, rest = (rest + data).split(b"\r\n")
        yield from (line.decode() for line in whole)


def _read_content(lines: Iterator[str]) -> str:
    """The Message-ID of what was sent."""
    content = "\r\n".join(iter(lambda: next(lines), "."))
    return str(message_from_bytes(content.encode())["Message-ID"])


def only(address: str, answer: Answer, otherwise: Answer = "250 OK") -> Callable[[str], Answer]:
    """That answer for the addresses that contain this, the usual one for all others."""
    return lambda recipient: answer if address in recipient else otherwise


def in_turn(*answers: Answer, otherwise: Answer = "250 OK") -> Callable[[str], Answer]:
    """One answer after the other, then the usual one."""
    left = list(answers)
    return lambda _: left.pop(0) if left else otherwise


_numbers = count(1)


def queue_letters(app: App, addresses: Iterable[str]) -> None:
    """A letter that is due now to each of these, in this order."""
    now = app.clock.now()
    invited = {"role": Role.PARTICIPANT, "mode": Mode.IN_PERSON, "partstat": Partstat.NEEDS_ACTION}
    standing = {"standing": Standing.INVITED, "standing_at": now, "created_at": now}
    with app.db.write() as session:
        start = (now + timedelta(days=300)).replace(tzinfo=None, microsecond=0)
        event = an_event(session, f"event-{next(_numbers)}", now=now, dtstart=start)
        for address in addresses:
            guest = Person(name=Text({"en": address}), email=address, language="en")
            session.add(Attendee(event=event, person=guest, **invited, **standing))
        session.flush()
        enqueue.queue_for_list(session, LetterKind.MOVED, event, facts={}, now=now)

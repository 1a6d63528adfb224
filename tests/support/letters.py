"""Letters: rounds of the worker, the ledger and the letter box they fill, and a mail server that takes them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import sqlalchemy as sa
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from scheduler.model.events import Event
from scheduler.model.letters import Letter
from scheduler.services.common.lookup import get
from scheduler.services.events.programme import planning
from scheduler.services.outbox import enqueue
from scheduler.worker import delivery
from tests.support.machine import HANG, free_port


class Round:
    """One round of the worker once news may leave, and what it left in the ledger and in the letter box."""

    def __init__(self, app, *, wait: timedelta = enqueue.QUIET_PERIOD) -> None:
        app.clock.advance(wait)
        self.app, self.done = app, delivery.deliver(app)
        self.box = Path(app.settings.mail_url.removeprefix("file:"))

    @property
    def ledger(self) -> list[tuple[str, str, str]]:
        """(kind, name, outcome or why not), the oldest first."""
        return ledger(self.app)

    @property
    def letters(self) -> list:
        """Every letter that has left so far, the oldest first."""
        files = sorted(self.box.glob("*.eml")) if self.box.exists() else []
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]

    @property
    def subjects(self) -> list[str]:
        return [str(letter["Subject"]) for letter in self.letters]


def ledger(app) -> list[tuple[str, str, str]]:
    with app.db.read() as session:
        rows = session.scalars(sa.select(Letter).order_by(Letter.id)).all()
        return [(str(row.kind), str(row.person.name), row.reason or str(row.outcome or "to do")) for row in rows]


def body(letter) -> str:
    return letter.get_body(("plain",)).get_content()


class Desk:
    """An officer at one event: whatever the programme can do with it, each in a transaction of its own."""

    def __init__(self, app, key: str = "opening") -> None:
        self.app, self.key = app, key

    def __getattr__(self, verb: str):
        def do(**given):
            with self.app.db.write() as session:
                event = get(session, Event, self.key)
                return getattr(planning, verb)(session, event, now=self.app.clock.now(), **given)

        return do


class Postbox:
    """A real SMTP server on loopback that keeps what it takes. ``answer`` may refuse, wait or hang up instead."""

    def __init__(self, *, pipelining: bool = False, **options: object) -> None:
        self.pipelining = pipelining
        self.letters: list[EmailMessage] = []
        self.tried: list[str] = []  # Message-IDs, the refused ones too
        self.connections = 0
        self.answer: Callable[[SMTP, EmailMessage], Awaitable[str]] = self._take
        self.answer_to_sender: Callable[[str], str] = lambda _: "250 OK"
        self.answer_to_recipient: Callable[[str], str] = lambda _: "250 OK"
        self.options = options
        self.port = free_port()

    def __enter__(self) -> Postbox:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=HANG, **self.options)
        self._controller.start()
        self.connections = 0  # the controller knocks once to see that it runs
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def ids(self) -> list[str]:
        return [str(letter["Message-ID"]) for letter in self.letters]

    async def handle_EHLO(self, _server, session, _envelope, hostname, responses):  # noqa: N802 - aiosmtpd's names
        self.connections += 1
        session.host_name = hostname
        return [responses[0], *(["250-PIPELINING"] if self.pipelining else []), *responses[1:]]

    async def handle_MAIL(self, _server, _session, envelope, address, _options):  # noqa: N802
        said = self.answer_to_sender(address)
        if said.startswith("250"):
            envelope.mail_from = address
        return said

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
        said = self.answer_to_recipient(address)
        if said.startswith("250"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server, _session, envelope):  # noqa: N802
        letter = message_from_bytes(envelope.content or b"", policy=policy.default)
        self.tried.append(str(letter["Message-ID"]))
        said = await self.answer(server, letter)
        if said.startswith("250"):
            self.letters.append(letter)
        return said

    async def _take(self, _server: SMTP, _letter: EmailMessage) -> str:
        return "250 OK"

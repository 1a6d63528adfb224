"""The composition root: settings, database, clock and channel, put together once, at the edge."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from scheduler import schema
from scheduler.base.clock import Clock
from scheduler.base.config import Settings
from scheduler.base.errors import Conflict, Forbidden
from scheduler.storage.database import Database

if TYPE_CHECKING:
    from scheduler.channels.base import Channel
    from scheduler.services.letters.envelope import SenderIdentity


@dataclass
class App:
    """The database, channel, clock and secret of one process, each opened when it is first needed."""

    settings: Settings
    clock: Clock
    connect: Callable[..., Database] = Database

    @classmethod
    def open(cls, settings: Settings, clock: Clock | None = None, connect: Callable[..., Database] = Database) -> App:
        """Return an App whose tables fit this program. Raise Conflict, Forbidden as `schema.make_ready` does."""
        app = cls(settings, clock or Clock(), connect)
        schema.make_ready(app.db)
        return app

    @cached_property
    def db(self) -> Database:
        return self.connect(self.settings.database_url, pages=self.settings.pages)

    @cached_property
    def channel(self) -> Channel:
        # Here, because a command that reads needs neither a channel nor the templates of letters.
        from scheduler.channels.choosing import channel_for

        return channel_for(self.settings.mail_url)

    @cached_property
    def house(self) -> SenderIdentity:
        """The sender of all letters."""
        from scheduler.services.letters.envelope import SenderIdentity

        return SenderIdentity(
            name=self.settings.house,
            sender=self.settings.mail_from,
            secret=self.secret,
            base_url=self.settings.base_url,
            pages=bool(self.settings.pages),
        )

    @cached_property
    def secret(self) -> str:
        """The instance's key: as set, or for the embedded database made once and kept in the data directory.

        Raise Conflict if none is set beside a database server, where every process must be given the same.
        """
        if self.settings.secret:
            return self.settings.secret
        if not self.db.embedded:
            raise Conflict("secret: is not set; give every process the same SCHEDULER_SECRET")
        return read_or_make_secret(self.settings.data_dir / "secret")

    def close(self) -> None:
        if "channel" in self.__dict__:
            self.channel.close()
        self.db.dispose()


def read_or_make_secret(file: Path) -> str:
    """Read the secret; where there is none, make it, readable by its owner alone. Raise Forbidden if neither can be.

    Of two processes that make it at once, both return that of the first.
    """
    try:
        if not file.exists():
            _make_secret(file)
        return file.read_text().strip()
    except OSError as error:
        raise Forbidden("{file}: cannot be read or made: {reason}", file=file, reason=error.strerror) from error


def _make_secret(file: Path) -> None:
    """Write a secret whole, beside its place, and link it there unless another process was faster."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as target:
        target.write(secrets.token_hex(32))
    try:
        os.link(beside, file)
    except FileExistsError:
        pass
    finally:
        beside.unlink()

"""The composition root: settings, database, clock and channel, put together once, at the edge."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scheduler import schema
from scheduler.base.clock import Clock
from scheduler.base.config import Settings
from scheduler.base.errors import Conflict, Forbidden
from scheduler.channels.base import Channel
from scheduler.channels.choosing import channel_for
from scheduler.services.letters.envelope import SenderIdentity
from scheduler.storage.database import Database


@dataclass
class App:
    settings: Settings
    clock: Clock
    connect: Callable[..., Database] = Database

    @classmethod
    def open(cls, settings: Settings, clock: Clock | None = None, connect: Callable[..., Database] = Database) -> App:
        """With tables that fit this program. Raises what `schema.ready` does."""
        app = cls(settings, clock or Clock(), connect)
        schema.ready(app.db)
        return app

    @cached_property
    def db(self) -> Database:
        return self.connect(self.settings.database_url, pages=self.settings.pages)

    @cached_property
    def channel(self) -> Channel:
        return channel_for(self.settings.mail_url)

    @cached_property
    def house(self) -> SenderIdentity:
        return SenderIdentity(
            name=self.settings.house,
            sender=self.settings.mail_from,
            secret=self.secret,
            base_url=self.settings.base_url,
            pages=bool(self.settings.pages),
        )

    @cached_property
    def secret(self) -> str:
        """The instance's key. On the embedded default it is made once and kept in the data directory.

        Raises Conflict beyond one machine, where every process must be given the same.
        """
        if self.settings.secret:
            return self.settings.secret
        if not self.db.embedded:
            raise Conflict("secret: is not set; give every process the same SCHEDULER_SECRET")
        return kept_secret(self.settings.data_dir / "secret")

    def close(self) -> None:
        if "channel" in self.__dict__:
            self.channel.close()
        self.db.dispose()


def kept_secret(file: Path) -> str:
    """Read the secret, or make it, readable by its owner alone. Of two processes that make it one wins."""
    try:
        if not file.exists():
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
        return file.read_text().strip()
    except OSError as error:
        raise Forbidden("{file}: cannot be read or made: {reason}", file=file, reason=error.strerror) from error

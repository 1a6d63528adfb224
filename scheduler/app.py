"""The composition root: settings, database, clock and channel, put together once, at the edge."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from scheduler import keys, own_files, schema
from scheduler.base.clock import Clock
from scheduler.base.config import Settings
from scheduler.base.errors import Conflict
from scheduler.keys import Key
from scheduler.storage.database import Database

if TYPE_CHECKING:
    from scheduler.channels.base import Channel
    from scheduler.services.address.addressing import AddressForms
    from scheduler.services.correspondence.receiving import Mailbox
    from scheduler.services.letters.envelope import SenderIdentity


@dataclass
class App:
    """The database, channel, clock and secret of one process, each opened when it is first needed."""

    settings: Settings
    clock: Clock
    connect: Callable[..., Database] = Database

    @classmethod
    def open(cls, settings: Settings, clock: Clock | None = None, connect: Callable[..., Database] = Database) -> App:
        """Return an App whose files are for their owner alone, and whose tables fit this program.

        Raise Conflict, Forbidden as `schema.make_ready` does.
        """
        app = cls(settings, clock or Clock(), connect)
        own_files.close_to_others(settings, app.db)
        schema.make_ready(app.db)
        return app

    @cached_property
    def db(self) -> Database:
        from scheduler.services.address import library

        db = self.connect(self.settings.database_url, pages=self.settings.pages)
        db.info[library.KEY] = self.address_forms
        return db

    @cached_property
    def address_forms(self) -> AddressForms:
        """Return the forms of address; their files are read when the first person is addressed."""
        from scheduler.services.address import library

        return library.open_forms(self.settings.data_dir)

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
            replies=self.settings.mail_replies,
            pages=bool(self.settings.pages),
        )

    @cached_property
    def mailbox(self) -> Mailbox:
        """The mailbox of answers."""
        from scheduler.services.correspondence.receiving import Mailbox

        settings = self.settings
        return Mailbox(replies=settings.mail_replies, secret=self.secret, checked_by=settings.mail_checked_by)

    @cached_property
    def secret(self) -> str:
        """The instance's key: as set, or for the embedded database made once and kept in the data directory.

        Raise Conflict if none is set beside a database server, where every process must be given the same; Invalid or
        Forbidden for a file without one.
        """
        return self.find_secret().value

    def find_secret(self) -> Key:
        """Return the secret, and where it came from. Raise as `secret`, and as `keys.find_secret`."""
        found = keys.find_secret(self.settings)
        if found is None and not self.db.embedded:
            raise Conflict("secret: is not set; give every process the same SCHEDULER_SECRET")
        return found or keys.keep_secret(self.settings, secrets.token_hex(32))

    def close(self) -> None:
        if "channel" in self.__dict__:
            self.channel.close()
        self.db.dispose()

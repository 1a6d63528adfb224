"""The context of a command: settings, application and clock; and options that many commands share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scheduler.base.clock import Clock, zone
from scheduler.base.config import Settings, load_settings
from scheduler.base.i18n import N_
from scheduler.cli.kit.language import _, speak

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from scheduler.app import App
    from scheduler.storage.database import Database


class CommandContext:
    """The settings and the application, opened by the first command that needs them.

    ``clock`` is set by tests and the demo; ``connect`` by tests, whose commands share a database object; ``environ``
    by the demo, which has settings of its own.
    """

    def __init__(
        self,
        config: Path | None = None,
        clock: Clock | None = None,
        connect: Callable[..., Database] | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.config, self.clock, self.connect, self.environ = config, clock or Clock(), connect, environ

    @cached_property
    def settings(self) -> Settings:
        settings = load_settings(self.environ, self.config)
        speak(settings.language)
        return settings

    @cached_property
    def app(self) -> App:
        """The application. Raise Conflict or Forbidden if its tables do not fit this program."""
        from scheduler.app import App
        from scheduler.storage.database import Database

        return App.open(self.settings, self.clock, self.connect or Database)

    @cached_property
    def bare_database(self) -> Database:
        """The database as it is: not upgraded by being looked at."""
        from scheduler.storage.database import Database

        return (self.connect or Database)(self.settings.database_url, pages=self.settings.pages)

    @contextmanager
    def write(self, *, keep: bool = True) -> Iterator[Session]:
        """Open a transaction in the officer's name; without ``keep`` it is rolled back in the end."""
        with self.app.db.write(officer()) as session:
            yield session
            if not keep:
                session.rollback()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session in which all that is read is of one moment."""
        with self.app.db.read() as session:
            yield session

    def now(self) -> datetime:
        return self.clock.now()

    def choose_zone(self, given: str | None, otherwise: str | None = None) -> str:
        """Return the zone of a time that was typed: the one given, else that of its event or post, else the desk's.

        Raise Invalid if there is no such zone.
        """
        return zone(given or otherwise or self.settings.timezone).key

    def close(self) -> None:
        if "app" in self.__dict__:
            self.app.close()
            del self.__dict__["app"]
        if "bare_database" in self.__dict__:
            self.bare_database.dispose()
            del self.__dict__["bare_database"]


def officer() -> str:
    """Return in whose name a command writes: the user of this machine; in a container there may be none."""
    import getpass  # only a command that writes asks for it

    try:
        return f"{getpass.getuser()}@desk"
    except (KeyError, OSError):
        return f"uid{os.getuid()}@desk"


pass_context = click.make_pass_decorator(CommandContext)
as_json = click.option("--json", "as_json", is_flag=True, help=N_("Print JSON for programs."))
in_zone = click.option("--tz", help=N_("Time zone of the times given here, like Asia/Bangkok."))
with_force = click.option("--force", metavar="REASON", help=N_("Overrule contradictions, and record the reason."))
with_reason = click.option(
    "--reason",
    multiple=True,
    help=N_("Reason, for e-mails and pages; several languages as kk=... ru=... (repeatable)."),
)
without_asking = click.option("--yes", is_flag=True, help=N_("Do not ask for confirmation."))


def ask(question: str, *, yes: bool) -> None:
    """Go on if a person says yes, or said so before (``yes``); else stop. Raise Conflict if nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        from scheduler.base.errors import Conflict

        raise Conflict("{question} There is no terminal to ask on; give --yes", question=question)
    if not confirm(question):
        raise click.Abort


def confirm(question: str) -> bool:
    """Ask until the answer is yes or no, in the desk's language or as y or n; Enter says no.

    ``click.confirm`` shows and understands y and n only.
    """
    yes, no = {"y", "yes", _("y"), _("yes")}, {"", "n", "no", _("n"), _("no")}
    shown = f"{question} [{_('y')}/{_('n').upper()}]"
    while True:
        answer = click.prompt(shown, default="", show_default=False, err=True).strip().lower()
        if answer in yes | no:
            return answer in yes
        click.echo(_("Error: invalid input"), err=True)

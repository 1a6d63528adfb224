"""What every command works at: the settings, the application, the way to read times and to print."""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scheduler.base.clock import Clock, wall, zone
from scheduler.base.config import Settings, load
from scheduler.base.i18n import N_
from scheduler.cli.kit.language import _, language, speak

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from scheduler.app import App
    from scheduler.storage.database import Database

Record = Mapping[str, Any]
Columns = Mapping[str, Callable[[Any], Any] | str]


class CommandContext:
    """Opened by the first command that needs it. `clock` is set by tests and the demo; `connect`, by tests, whose
    commands share a database object; `environ`, by the demo, which has settings of its own."""

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
        settings = load(self.environ, self.config)
        speak(settings.language)
        return settings

    @cached_property
    def app(self) -> App:
        from scheduler.app import App
        from scheduler.storage.database import Database

        return App.open(self.settings, self.clock, self.connect or Database)

    @cached_property
    def bare_database(self) -> Database:
        """The database as it is: not upgraded by being looked at."""
        from scheduler.storage.database import Database

        return (self.connect or Database)(self.settings.database_url)

    @contextmanager
    def write(self, *, keep: bool = True) -> Iterator[Session]:
        """One transaction in the officer's name; without ``keep`` it only shows what would happen."""
        with self.app.db.write(f"{_officer()}@desk") as session:
            yield session
            if not keep:
                session.rollback()

    @contextmanager
    def read(self) -> Iterator[Session]:
        with self.app.db.read() as session:
            yield session

    def now(self) -> datetime:
        return self.clock.now()

    def tz(self, named: str | None, otherwise: str | None = None) -> str:
        """The zone of a time that was typed: the one named, else that of what it belongs to, else the desk's."""
        return zone(named or otherwise or self.settings.timezone).key

    def close(self) -> None:
        if "app" in self.__dict__:
            self.app.close()
            del self.__dict__["app"]
        if "bare_database" in self.__dict__:
            self.bare_database.dispose()
            del self.__dict__["bare_database"]


def _officer() -> str:
    """The name of the account; in a container it may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid{os.getuid()}"


pass_context = click.make_pass_decorator(CommandContext)
as_json = click.option("--json", "as_json", is_flag=True, help=N_("Print JSON for programs."))
in_zone = click.option("--tz", help=N_("Zone of the times typed here, like Asia/Bangkok."))
with_force = click.option("--force", metavar="REASON", help=N_("Overrule contradictions, and write down why."))
without_asking = click.option("--yes", is_flag=True, help=N_("Do not ask."))


def show(
    records: Sequence[Record],
    columns: Columns,
    *,
    as_json: bool,
    nothing: str = "",
) -> None:
    """A list: a table for people, or JSON for programs. A column is a field's name or a function of the record."""
    if as_json:
        print_json(records)
        return
    if not records:
        click.echo(nothing or _("Nothing there."))
        return
    table(columns, ([_cell(record, column) for column in columns.values()] for record in records))


def _cell(record: Record, column: Callable[[Any], Any] | str) -> str:
    value = record[column] if isinstance(column, str) else column(record)
    if value is None:
        return ""
    return _(str(value)) if isinstance(value, Enum) else str(value)


def table(headings: Iterable[str], rows: Iterable[Sequence[str]]) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        made.add_column(_(heading), overflow="fold")
    for row in rows:
        made.add_row(*(escape(cell) for cell in row))
    console().print(made)


def console() -> Any:
    """Rich's console; wide where nobody looks, so that no program reads a cut line."""
    from rich.console import Console

    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200, highlight=False)


def show_one(record: Record, *, as_json: bool) -> None:
    """One thing, a line per field; empty fields only in JSON."""
    if as_json:
        print_json(record)
        return
    said = {name: value for name, value in record.items() if value not in (None, "", [], {}, ())}
    width = max(map(len, said), default=0)
    for name, value in said.items():
        click.echo(f"{name:<{width}}  {_plain(value)}")


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return " · ".join(f"{key}: {_plain(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(item) for item in value)
    return str(value)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_jsonable))


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        from scheduler.base.date_parsing import format_duration

        return format_duration(value)
    raise TypeError(f"{type(value)} is not JSON")


def at(moment: datetime | None, tzid: str) -> str:
    """An instant on the clock of a zone, which is said with it."""
    if moment is None:
        return ""
    from scheduler.base.date_format import format_offset

    return f"{wall(moment, tzid):%Y-%m-%d %H:%M} {format_offset(moment, tzid)}"


def ask(question: str, *, yes: bool) -> None:
    """Stop unless a person says yes. Where nobody can answer, nothing is done."""
    if yes:
        return
    if not sys.stdin.isatty():
        from scheduler.base.errors import Conflict

        raise Conflict("{question} Nobody can be asked here; say --yes", question=question)
    click.confirm(question, abort=True)


__all__ = [
    "CommandContext",
    "as_json",
    "ask",
    "at",
    "in_zone",
    "language",
    "pass_context",
    "show",
    "show_one",
    "table",
]

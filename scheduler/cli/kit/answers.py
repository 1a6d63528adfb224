"""What a command prints: tables and fields for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, time, timedelta
from enum import Enum
from typing import Any

import click

from scheduler.base.durations import format_duration
from scheduler.cli.kit.language import _

Record = Mapping[str, Any]
# Heading to the name of a field, or to a function of the record.
Columns = Mapping[str, Callable[[Any], Any] | str]


def show(records: Sequence[Record], columns: Columns, *, as_json: bool, nothing: str = "") -> None:
    """Print a list: as a table, as JSON, or the sentence ``nothing`` for a list without entries."""
    if as_json:
        print_json(records)
        return
    if not records:
        click.echo(nothing or _("Nothing there."))
        return
    print_table(columns, ([_cell(record, column) for column in columns.values()] for record in records))


def _cell(record: Record, column: Callable[[Any], Any] | str) -> str:
    value = record[column] if isinstance(column, str) else column(record)
    if value is None:
        return ""
    return _(str(value)) if isinstance(value, Enum) else str(value)


def print_table(headings: Iterable[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under headings; the headings are translated, the cells are not."""
    from rich import box  # the help of a command needs no table
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        table.add_column(_(heading), overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    # Wide where no person reads it, so that no program reads a line that is cut.
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200, highlight=False).print(table)


def show_one(record: Record, *, as_json: bool) -> None:
    """Print one record, a line for each field; empty fields stand in JSON only."""
    if as_json:
        print_json(record)
        return
    filled = {name: value for name, value in record.items() if value not in (None, "", [], {}, ())}
    width = max(map(len, filled), default=0)
    for name, value in filled.items():
        click.echo(f"{name:<{width}}  {_format_value(value)}")


def _format_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return " · ".join(f"{key}: {_format_value(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_format_value(item) for item in value)
    return str(value)


def print_json(value: Any) -> None:
    """Print a value as JSON: days and times in ISO 8601, durations as people write them."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_as_json_value))


def _as_json_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return format_duration(value)
    raise TypeError(f"{type(value)} is not JSON")

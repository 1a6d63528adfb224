"""Output of commands: tables and fields for people, JSON for programs."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, time, timedelta
from enum import StrEnum
from typing import Any

import click

from scheduler.base.durations import NominalDuration, format_duration
from scheduler.base.vocabulary import key_of_word
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
        click.echo(nothing or _("Nothing found."))
        return
    print_table(columns, ([_cell(record, column) for column in columns.values()] for record in records))


def _cell(record: Record, column: Callable[[Any], Any] | str) -> str:
    value = record[column] if isinstance(column, str) else column(record)
    if value is None:
        return ""
    return _(key_of_word(value)) if isinstance(value, StrEnum) else str(value)


def print_table(headings: Iterable[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under headings; the headings are translated, the cells are not."""
    table = [[_(heading) for heading in headings], *rows]
    widths = _measure_columns(table) if _is_read_by_programs() and _is_plain(table) else []
    if widths and sum(widths) + _GAP * (len(widths) - 1) <= WIDTH:
        _print_plain_table(table, widths)
    else:
        _print_rich_table(table)


WIDTH = 200  # where no person reads it, so that no program reads a line that is cut
_GAP = 3  # columns between two cells
# Rich replaces words between colons by the emoji of that name, if there is one.
_UNUSUAL = re.compile(r"[\\\[]|:[\w.&!#()*+\-’]+:")


def _is_read_by_programs() -> bool:
    """Return whether rich would neither colour a table nor fit it to a window, nor need other lines for its box."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    forced = "FORCE_COLOR" in os.environ or "TTY_COMPATIBLE" in os.environ
    return encoding.startswith("utf") and not forced and not sys.stdout.isatty()


def _is_plain(table: Iterable[Sequence[str]]) -> bool:
    return all(
        cell.isprintable() and cell == cell.strip() and not _UNUSUAL.search(cell) for row in table for cell in row
    )


def _measure_columns(table: Iterable[Sequence[str]]) -> list[int]:
    return [max(map(_measure, column)) for column in zip(*table, strict=True)]


def _measure(cell: str) -> int:
    """Return how many columns of a terminal a cell takes: two for a Chinese sign, none for a vowel above another."""
    if cell.isascii():
        return len(cell)
    from rich.cells import cell_len

    return cell_len(cell)


def _print_plain_table(table: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    """Print a table as rich prints it, whose import takes longer than the query of a short list."""
    lines = [
        (" " * _GAP).join(cell + " " * (width - _measure(cell)) for cell, width in zip(row, widths, strict=True))
        for row in table
    ]
    lines.insert(1, "─" * (sum(widths) + _GAP * (len(widths) - 1)))
    click.echo("\n".join(lines))


def _print_rich_table(table: Sequence[Sequence[str]]) -> None:
    from rich import box  # the help of a command needs no table, and a program no colours
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in table[0]:
        shown.add_column(heading, overflow="fold")
    for row in table[1:]:
        shown.add_row(*(escape(cell) for cell in row))
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else WIDTH, highlight=False).print(shown)


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
    if isinstance(value, NominalDuration):
        return str(value)
    raise TypeError(f"{type(value)} is not JSON")

"""Times and texts of a record: how a command prints an instant, and reads what was typed for one of its options."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import click

from scheduler.base.clock import format_offset, wall
from scheduler.base.errors import Invalid
from scheduler.cli.kit.language import language

NUMBER = click.IntRange(1, 2**63 - 1)  # of a row: as far as databases count


def format_instant(at: datetime | None, tzid: str) -> str:
    """Return an instant on the clock of a zone, with its offset: ``2027-02-02 10:00 UTC+7``; "" for None."""
    return f"{wall(at, tzid):%Y-%m-%d %H:%M} {format_offset(at, tzid)}" if at else ""


def read_day(typed: str, option: str, *, now: datetime, tzid: str) -> date:
    """Return the day that was typed for an option. Raise Invalid, with the option's name first."""
    # Imported here, as below: what prints a list mostly reads no day, and the names of months take long.
    from scheduler.base.date_parsing import parse_day

    with naming(option):
        return parse_day(typed, now=now, tzid=tzid)


def read_wall_time(typed: str, option: str, *, now: datetime, tzid: str) -> datetime:
    """Return the wall time that was typed for an option. Raise Invalid, with the option's name first."""
    from scheduler.base.date_parsing import parse_when

    with naming(option):
        return parse_when(typed, now=now, tzid=tzid)


@contextmanager
def naming(option: str) -> Iterator[None]:
    """Put the name of an option before the sentence of an Invalid."""
    try:
        yield
    except Invalid as error:
        raise Invalid("{place}: {problem}", place=option, problem=error) from error


def field(name: str) -> Callable[[Mapping[str, Any]], Any]:
    """Return a column: a field that a record may lack."""
    return lambda record: record.get(name)


def localized(name: str) -> Callable[[Mapping[str, Any]], str]:
    """Return a column: a field that holds a text in several languages, in the desk's."""

    def cell(record: Mapping[str, Any]) -> str:
        from scheduler.base.text import Text

        return Text(record.get(name) or {}).to(language())

    return cell


def texts_by_language(parts: Sequence[str], language: str) -> dict[str, str]:
    """Return ("Opening", "ru=Открытие") as one text for each language; one without a tag is in ``language``."""
    texts = {}
    for part in parts:
        tag, mark, rest = part.partition("=")
        tagged = bool(mark) and 2 <= len(tag) <= 8 and tag.replace("-", "").isalpha() and tag.islower()
        texts[tag if tagged else language] = rest if tagged else part
    return texts


def read_text(given: str, option: str, read: Callable[..., str], *, most: int) -> str:
    """Return a text that was typed for an option, of at most ``most`` characters, checked by ``read``.

    Raise Invalid, with the option's name first.
    """
    with naming(option):
        return read(given, most=most)

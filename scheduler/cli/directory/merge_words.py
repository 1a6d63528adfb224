"""Consequences of merging two entries, as lines; and the options that choose whose values are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scheduler.base.errors import Invalid
from scheduler.base.text import Text
from scheduler.cli.kit.language import _, language
from scheduler.services.directory.person_merging import MergeSide
from scheduler.services.exchange.words.change_words import ChangeWriter


def read_taken(names: Sequence[str], known: Sequence[str], option: str) -> dict[str, MergeSide]:
    """Return the fields whose value of the other stays, as named for an option. Raise Invalid for an unknown one."""
    for name in names:
        if name not in known:
            raise Invalid(
                "{place}: {value} is not one of these: {known}", place=option, value=name, known=", ".join(known)
            )
    return dict.fromkeys(names, MergeSide.OTHER)


def list_fields(fields: Mapping[str, tuple[Any, Any]]) -> Iterator[str]:
    """Yield a line for each field that changes, with what it was and what it becomes."""
    writer = ChangeWriter(language(), _)
    for name, (before, after) in fields.items():
        was, becomes = (_describe(writer, name, value) for value in (before, after))
        label = writer.name_cell(name)
        yield "  " + _("{field}: {before} becomes {after}").format(field=label, before=was, after=becomes)


def _describe(writer: ChangeWriter, name: str, value: Any) -> str:
    if isinstance(value, Text):
        return ", ".join(f"{tag} {text}" for tag, text in value.items()) or "-"
    return writer.describe_value(name, value) if value else "-"

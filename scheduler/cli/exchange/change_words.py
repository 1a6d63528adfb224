"""Changes of a file in words, in the language of the desk, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from scheduler.base.durations import format_duration
from scheduler.cli.kit.language import _, language
from scheduler.services.common.changes import Change, ChangeKind
from scheduler.services.common.drafts import Draft
from scheduler.services.common.plain_tables import write_table
from scheduler.services.common.plain_values import write_fields
from scheduler.services.exchange.words.change_words import ChangeWriter


def change_in_words(change: Change) -> str:
    """Return a line for a row and what was changed of it, and a line below it for each item of a list."""
    return _make_writer().describe_change(change)


def describe_sides(cell: str, pair: tuple[Any, Any]) -> str:
    """Return what the desk has and what the file says of one cell."""
    return _make_writer().describe_sides(cell, pair)


def describe_value(cell: str, value: Any) -> str:
    """Return a value as people write it; "-" for none."""
    return _make_writer().describe_value(cell, value)


def _make_writer() -> ChangeWriter:
    return ChangeWriter(language(), _)


def explain_marks(changes: Sequence[Change]) -> Iterator[str]:
    """Yield a sentence for each mark that does not explain itself."""
    verbs = {change.verb for change in changes}
    if ChangeKind.KEPT in verbs:
        yield _("=  changed by an officer since this file was last applied: the officer's change stays")
    if ChangeKind.UNDECIDED in verbs:
        yield _("?  changed both in the file and by an officer: choose with --file-wins or --desk-wins")


def sum_in_words(changes: Sequence[Change], *, done: bool) -> str:
    """Return how many rows were added, changed and so on, or would be."""
    head = _("Done") if done else _("Planned")
    return f"{head}. {_make_writer().sum_changes(changes) or _('Nothing found.')}"


def change_record(change: Change) -> dict[str, Any]:
    """Return a change as JSON, its values as a programme file writes them."""
    fields = {name: [_simplify(name, old), _simplify(name, new)] for name, (old, new) in change.fields.items()}
    return {
        "noun": change.noun,
        "key": change.key,
        "verb": change.verb,
        "fields": fields,
        "told": change.told,
        "doubts": list(change.doubts),
    }


def _simplify(name: str, value: Any) -> Any:
    match value:
        case Draft():
            return {key: _simplify(key, inner) for key, inner in write_table(value).items()}
        case Mapping():
            return {key: _simplify(key, inner) for key, inner in value.items()}
        case tuple() | list() if name.rstrip("/") == "hours" and value:
            return write_fields({"hours": value})["hours"]
        case tuple() | list():
            return [_simplify("", item) for item in value]
        case None | bool() | int() | float():
            return value
        case timedelta():
            return format_duration(value)
    return str(value)

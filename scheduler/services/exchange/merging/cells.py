"""Drafts in cells: the parts of a row that a programme file and the desk can change independently of each other.

A cell is named by its field and its part: ``title/th`` is the Thai title, ``closed/2027-02-05`` the closing that
begins on that day, ``capacity/`` the only part of the capacity. Values that only make sense together share a cell:
``when/``. A cell that has its default is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from scheduler.base.text import Text
from scheduler.services.common.drafts import Draft, check
from scheduler.services.common.plain_tables import write_table

D = TypeVar("D", bound=Draft)
Cells = Mapping[str, Any]

# Fields that only make sense together, by the name of their cell.
GROUPS = {
    "when": ("dtstart", "dtend", "first_day", "last_day", "hour_to_be_announced", "tz"),
    "coordinates": ("latitude", "longitude"),
    "price": ("fee", "currency"),
    "office_held": ("office_class", "office_state"),
    "reconfirmation": ("reconfirm_from", "reconfirm_until"),
}
# Lists whose items are changed one by one, with the name that an item keeps when it is changed.
_NAMES: Mapping[str, Callable[[Any], str]] = {
    "closed": lambda one: f"{one.first_day}",
    "special": lambda one: f"{one.first_day} {one.counter or ''}".rstrip(),
    "reminders": lambda one: f"{one.before} {one.audience}",
    **dict.fromkeys(("cities", "counters", "kinds", "organizers", "tours"), str),
}


def field_of(cell: str) -> str:
    """Return the field of a cell, or the name of its group."""
    return cell.partition("/")[0]


def part_of(cell: str) -> str:
    """Return the part of its field that a cell is, such as a language; "" if it is the whole field."""
    return cell.partition("/")[2]


def list_fields(cell: str) -> tuple[str, ...]:
    """Return the fields of a draft that a cell holds."""
    return GROUPS.get(field_of(cell), (field_of(cell),))


def is_single(cell: str) -> bool:
    """Return whether a cell holds a whole field, and not one part of several."""
    return not part_of(cell)


def split(draft: Draft) -> dict[str, Any]:
    """Return the cells of a draft, without those that have their default."""
    cells: dict[str, Any] = {}
    grouped = _list_grouped(type(draft))
    for name, field in type(draft).model_fields.items():
        value = getattr(draft, name)
        if name not in grouped and (field.is_required() or value != field.default):
            cells |= _split_field(name, value)
    return _split_groups(draft) | cells


def _list_grouped(kind: type[Draft]) -> set[str]:
    return {name for fields in GROUPS.values() if fields[0] in kind.model_fields for name in fields}


def _split_groups(draft: Draft) -> dict[str, Any]:
    fields = type(draft).model_fields
    groups = {group: names for group, names in GROUPS.items() if names[0] in fields}
    values = {f"{group}/": tuple(getattr(draft, name) for name in names) for group, names in groups.items()}
    defaults = {f"{group}/": tuple(fields[name].default for name in names) for group, names in groups.items()}
    return {cell: value for cell, value in values.items() if value != defaults[cell]}


def _split_field(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, Text):
        return {f"{name}/{language}": string for language, string in value.items()}
    if name in _NAMES and isinstance(value, tuple):
        items: dict[str, Any] = {}
        for item in value:
            cell = f"{name}/{_NAMES[name](item)}"
            items[cell] = (*items.get(cell, ()), item)
        return items
    return {f"{name}/": value}


def join(file: D, desk: D, cells: Cells) -> D:
    """Return the draft with these cells, each of them taken from the draft of the file or from that of the desk.

    Raise Invalid or Problems if the mixture makes no sense.
    """
    both = (file, split(file)), (desk, split(desk))
    values: dict[str, Any] = {}
    for field in {field_of(cell) for cells_of in (cells, both[0][1], both[1][1]) for cell in cells_of}:
        wanted = _pick(cells, field)
        source = next((draft for draft, own in both if _pick(own, field) == wanted), None)
        for name in GROUPS.get(field, (field,)):
            values[name] = getattr(source, name) if source else _combine(name, getattr(file, name), wanted)
    merged = file.model_copy(update=values)
    return merged if merged in (file, desk) else check(type(file), dict(merged))


def _pick(cells: Cells, field: str) -> dict[str, Any]:
    return {cell: value for cell, value in cells.items() if field_of(cell) == field}


def _combine(name: str, example: Any, cells: Cells) -> Any:
    """Return the value of a field made of cells of both sides: a text or a list."""
    if isinstance(example, Text):
        return Text({part_of(cell): string for cell, string in cells.items()})
    assert name in _NAMES, name  # noqa: S101 - a single cell is that of one side
    return tuple(item for _, items in sorted(cells.items()) for item in items)


def write_digests(cells: Cells) -> dict[str, str]:
    """Return a digest of each cell, which tells whether its value is another one later."""
    return {cell: _compute_digest(value) for cell, value in cells.items()}


def _compute_digest(value: Any) -> str:
    """Return 64 bits of BLAKE2 over the plain form of a value, in hexadecimal."""
    return hashlib.blake2b(repr(_simplify(value)).encode(), digest_size=8).hexdigest()


def _simplify(value: Any) -> Any:
    """Return a value without classes of ours, so that a later version of the program writes the same."""
    if isinstance(value, Draft):
        return sorted(write_table(value).items())
    if isinstance(value, tuple):
        return [_simplify(item) for item in value]
    return value if isinstance(value, (int, float, type(None))) else str(value)

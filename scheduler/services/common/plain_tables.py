"""Drafts as plain tables of keys and values, as a programme file holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scheduler.services.common.drafts import Draft
from scheduler.services.common.plain_values import write_fields


def write_table(draft: Draft) -> dict[str, Any]:
    """Return a draft as plain TOML values, without the keys that have their default.

    Raise TypeError for a value that no file can hold.
    """
    return write_fields(_read_fields(draft))


def _read_fields(draft: Draft) -> Mapping[str, Any]:
    """Return the fields of a draft that do not have their default, drafts within it as such fields too."""
    values = {name: (field, getattr(draft, name)) for name, field in type(draft).model_fields.items()}
    return {
        name: _open(value)
        for name, (field, value) in values.items()
        if value is not None and (field.is_required() or value != field.default)
    }


def _open(value: Any) -> Any:
    if isinstance(value, Draft):
        return _read_fields(value)
    return tuple(map(_open, value)) if isinstance(value, tuple) else value

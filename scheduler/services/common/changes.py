"""Changes as values, so that a command can show and count what it changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from scheduler.services.common.drafts import Draft


class ChangeKind(StrEnum):
    """The kind of change to a row; UNCHANGED if it was already as asked for.

    KEPT if it is otherwise than a file says, because it was changed at the desk; UNDECIDED if both have changed it.
    """

    ADDED = "added"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Change:
    """One row before and after: ``fields`` has (before, after) by name, ``told`` how many people get a letter.

    Of a row that is kept or undecided, ``fields`` has (at the desk, in the file) by cell.
    ``doubts`` are sentences about what was probably not meant: whoever makes the change is asked about them.
    """

    noun: str
    key: str
    verb: ChangeKind
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    told: int = 0
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def is_change(self) -> bool:
        return self.verb in (ChangeKind.ADDED, ChangeKind.CHANGED, ChangeKind.CANCELLED, ChangeKind.WITHDRAWN)


def find_differences(before: Draft, after: Draft) -> dict[str, tuple[Any, Any]]:
    """Return the fields in which two drafts of one class differ: name to (before, after)."""
    return {
        name: (getattr(before, name), getattr(after, name))
        for name in type(before).model_fields
        if getattr(before, name) != getattr(after, name)
    }


def change(noun: str, key: str, before: Draft | None, after: Draft) -> Change:
    """Return the change from one draft to another; ADDED if there was no row before."""
    if before is None:
        return Change(noun, key, ChangeKind.ADDED)
    fields = find_differences(before, after)
    return Change(noun, key, ChangeKind.CHANGED if fields else ChangeKind.UNCHANGED, fields)

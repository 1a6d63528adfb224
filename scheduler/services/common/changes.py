"""What a command did, as a value that can be shown, counted and asked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from scheduler.services.common.drafts import Draft


class ChangeKind(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Change:
    """One row before and after. ``told``: how many people have been told of what is now different."""

    noun: str
    key: str
    verb: ChangeKind
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    told: int = 0
    notes: tuple[str, ...] = ()

    @property
    def is_change(self) -> bool:
        return self.verb is not ChangeKind.UNCHANGED


def difference(before: Draft, after: Draft) -> dict[str, tuple[Any, Any]]:
    """The fields in which two drafts differ: name to (before, after)."""
    return {
        name: (getattr(before, name), getattr(after, name))
        for name in type(before).model_fields
        if getattr(before, name) != getattr(after, name)
    }


def change(noun: str, key: str, before: Draft | None, after: Draft) -> Change:
    if before is None:
        return Change(noun, key, ChangeKind.ADDED)
    fields = difference(before, after)
    return Change(noun, key, ChangeKind.CHANGED if fields else ChangeKind.UNCHANGED, fields)

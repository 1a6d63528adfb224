"""The choices of an officer who brings in a guest list, as they are kept between the steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scheduler.model.attendance import Role
from scheduler.model.events import Mode

NEW, LEFT_OUT = "new", "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListChoices:
    """Choices of an officer for a list: sheet, headings, fields by heading, decisions and corrections by row.

    A decision is NEW, LEFT_OUT, or a person as #number.
    """

    sheet: str | None = None
    heading_row: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    source: str | None = None
    language: str | None = None
    mode: Mode = Mode.IN_PERSON
    role: Role = Role.PARTICIPANT
    decisions: Mapping[int, str] = field(default_factory=dict)
    corrected: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    reason: str = ""  # why contradictions are overruled

    def dump(self) -> dict[str, Any]:
        """Return the choices as they are stored."""
        return {
            "sheet": self.sheet,
            "heading_row": self.heading_row,
            "columns": dict(self.columns),
            "source": self.source,
            "language": self.language,
            "mode": str(self.mode),
            "role": str(self.role),
            "decisions": {str(row): decision for row, decision in self.decisions.items()},
            "corrected": {str(row): dict(cells) for row, cells in self.corrected.items()},
            "reason": self.reason,
        }

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> ListChoices:
        given = dict(stored)
        return cls(
            **given
            | {
                "mode": Mode(given.get("mode", Mode.IN_PERSON)),
                "role": Role(given.get("role", Role.PARTICIPANT)),
                "decisions": {int(row): decision for row, decision in given.get("decisions", {}).items()},
                "corrected": {int(row): cells for row, cells in given.get("corrected", {}).items()},
            }
        )

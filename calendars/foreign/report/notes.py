"""What is told of a reading: each mend, and whatever was refused or left out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from calendars.lines import join_lines

NoteKind = Literal["mended", "refused", "ignored"]


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "to be translated later"
    """Mark a sentence for translators; the catalogues are the scheduler's."""
    return message


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was mended, refused or left out.

    `message` is an English sentence with named places, filled from `facts`; it is the key of its translation.
    """

    line: int | None
    uid: str
    kind: NoteKind
    message: str
    facts: Mapping[str, str | int] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message.format(**self.facts)


class Notes:
    """The notes so far; the verbs name what was done, and the sentence stands with them for translators."""

    def __init__(self) -> None:
        self._notes: list[Note] = []

    def add_mended(self, line: int | None, uid: str, message: str, /, **facts: str | int) -> None:
        self._add(line, uid, "mended", message, facts)

    def add_refused(self, line: int | None, uid: str, message: str, /, **facts: str | int) -> None:
        self._add(line, uid, "refused", message, facts)

    def add_ignored(self, line: int | None, uid: str, message: str, /, **facts: str | int) -> None:
        self._add(line, uid, "ignored", message, facts)

    def _add(self, line: int | None, uid: str, kind: NoteKind, message: str, facts: Mapping[str, str | int]) -> None:
        short = {name: _short(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
        self._notes.append(Note(line, uid, kind, message, short))

    def list_by_line(self) -> tuple[Note, ...]:
        return tuple(sorted(self._notes, key=lambda note: note.line or 0))


def _short(fact: str) -> str:
    text = join_lines(fact[:200])
    return text if len(text) <= 80 else text[:79] + "…"

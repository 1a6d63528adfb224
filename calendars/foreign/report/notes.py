"""The notes of a reading: what was mended, refused or ignored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from calendars.lines import join_lines

NoteKind = Literal["mended", "refused", "ignored"]


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "to be translated later"
    """Mark a sentence for translators; the scheduler has the catalogues."""
    return message


@dataclass(frozen=True, slots=True)
class Note:
    """A note that something was mended, refused or ignored.

    `line` is the number of the line in the file, or None for a note on the file as a whole; `uid` is "" where no
    single event is meant. `message` is an English sentence with named places, filled from `facts`; it is the key
    of its translation.
    """

    line: int | None
    uid: str
    kind: NoteKind
    message: str
    facts: Mapping[str, str | int] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message.format(**self.facts)


class Notes:
    """A collection of notes; the sentences are written at the calls, where translators' tools find them."""

    def __init__(self) -> None:
        self._notes: list[Note] = []

    def add_mended(self, line: int | None, uid: str, message: str, /, **facts: str | int) -> None:
        """Note that something was read differently from how it was written."""
        self._add(line, uid, "mended", message, facts)

    def add_refused(self, line: int | None, uid: str, message: str, /, **facts: str | int) -> None:
        """Note that an event was refused."""
        self._add(line, uid, "refused", message, facts)

    def add_ignored(self, line: int | None, uid: str, message: str, /, **facts: str | int) -> None:
        """Note that something other than a refused event was left out."""
        self._add(line, uid, "ignored", message, facts)

    def _add(self, line: int | None, uid: str, kind: NoteKind, message: str, facts: Mapping[str, str | int]) -> None:
        short = {name: _shorten(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
        self._notes.append(Note(line, uid, kind, message, short))

    def list_by_line(self) -> tuple[Note, ...]:
        """List the notes by their lines; those on the file as a whole come first."""
        return tuple(sorted(self._notes, key=lambda note: note.line or 0))


def _shorten(fact: str) -> str:
    text = join_lines(fact[:200])
    return text if len(text) <= 80 else text[:79] + "…"

"""Read and check a programme file; report every mistake at once, each with its line."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scheduler.base.config import parse_toml
from scheduler.base.errors import Invalid, SchedulerError, combine_errors, list_errors
from scheduler.services.common.drafts import explain
from scheduler.services.exchange.programme_file import ProgrammeFile

MAX_BYTES = 50_000_000
Place = tuple[int | str, ...]  # the path of a value: ("event", "opening", "attendees", 0)


@dataclass(frozen=True, slots=True)
class ProgrammeSource:
    """A programme file that was read, with its mistakes.

    With mistakes, ``file`` is what remains without the wrong values, so that the database can be asked what else is
    wrong; the ``doubtful`` tables ("event.opening") are not as they were meant.
    """

    path: Path
    text: str
    file: ProgrammeFile
    mistakes: tuple[SchedulerError, ...] = ()
    doubtful: frozenset[str] = frozenset()

    def told(self, found: SchedulerError | None = None) -> SchedulerError:
        """Return one error for all mistakes, those that applying it ``found`` too, in the order of the lines."""
        lines = _number_lines(self.text)
        mistakes = [*self.mistakes, *(list_errors(found) if found else ())]
        mistakes.sort(key=lambda mistake: _find_line(mistake, lines) or len(self.text))
        return combine_errors([_with_line(mistake, self.path, lines) for mistake in mistakes])


def read(path: Path) -> ProgrammeSource:
    """Read and check a programme file. Raise Invalid if it cannot be read or is not TOML."""
    return read_text(_read_text(path), path)


def read_text(text: str, path: Path) -> ProgrammeSource:
    """Check the text of a programme file; mistakes name the file ``path``. Raise Invalid if it is not TOML."""
    salvage = _Salvage(parse_toml(text, path))
    return ProgrammeSource(path, text, salvage.make_file(), tuple(salvage.mistakes), frozenset(salvage.doubtful))


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Invalid("{file}: is larger than 50 MB; split it into several programmes", file=path)
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise Invalid("{file}: there is no such file", file=path) from error
    except UnicodeDecodeError as error:
        raise Invalid("{file}: is not UTF-8 text", file=path) from error
    except OSError as error:
        raise Invalid("{file}: cannot be read: {reason}", file=path, reason=error.strerror) from error


# Taking out what is wrong

# The keys that rules over several keys read: once one of them was taken out, such a rule proves no mistake.
_RULED = {
    *("dtstart", "dtend", "duration", "first_day", "last_day", "on", "hour_to_be_announced"),
    *("registration_opens", "registration_closes", "latitude", "longitude", "before", "at"),
}
# Values for missing keys, so that the rest of the table can be checked.
_STAND_INS = {"key": "stand-in", "title": "?", "name": "?", "kind": "meeting", "country": "KZ", "tz": "UTC"}


@dataclass
class _Salvage:
    """Takes wrong values out of the tables until the rest is valid, and collects the mistakes."""

    tables: dict[str, Any]
    mistakes: list[SchedulerError] = field(default_factory=list)
    doubtful: set[str] = field(default_factory=set)
    taken: set[Place] = field(default_factory=set)

    def make_file(self) -> ProgrammeFile:
        """Return the file without the values that are wrong."""
        head = self.tables.get("programme")
        language = head.get("language", "en") if isinstance(head, dict) else "en"
        context = {"language": language if isinstance(language, str) else "en"}
        while True:
            try:
                return ProgrammeFile.model_validate(self.tables, context=context)
            except ValidationError as error:
                self._take_out(error.errors())

    def _take_out(self, details: list[Any]) -> None:
        self.tables = copy.deepcopy(self.tables) if not self.mistakes else self.tables
        for detail in details:
            path = tuple(part for part in detail["loc"] if part != "[key]")
            if not self._merely_follows(path, detail["type"]):
                self.mistakes += explain(ProgrammeFile, detail)
            self.doubtful.add(".".join(map(str, path[:2])))
            self._mend(path, detail["type"])

    def _merely_follows(self, path: Place, kind: str) -> bool:
        """Return whether a mistake only follows from what was taken out before."""
        if kind == "missing":
            return any(taken[:-1] == path[:-1] for taken in self.taken)
        return kind == "refused" and any(taken[:-1] == path and taken[-1] in _RULED for taken in self.taken)

    def _mend(self, path: Place, kind: str) -> None:
        """Put in a missing key, or take out the wrong value; of a rule over several keys, these keys."""
        if kind == "missing":
            parent = self._get_at(path[:-1])
            if isinstance(parent, dict) and path[-1] in _STAND_INS:
                parent[path[-1]] = _STAND_INS[str(path[-1])]
                return
            if path == ("programme",):
                self.tables["programme"] = {name: _STAND_INS[name] for name in ("key", "name")}
                return
        table = self._get_at(path) if kind == "refused" and len(path) == 2 else None
        ruled = _RULED.intersection(table) if isinstance(table, dict) else ()
        for key in ruled:
            self._take((*path, key))
        if not ruled:
            self._take(path)

    def _take(self, path: Place) -> None:
        """Take out a key; for an item of a list the whole list, so that no other item changes its number."""
        while path:
            parent = self._get_at(path[:-1])
            if isinstance(parent, dict) and path[-1] in parent:
                del parent[path[-1]]
                self.taken.add(path)
                return
            path = path[:-1]

    def _get_at(self, path: Place) -> Any:
        found: Any = self.tables
        for part in path:
            try:
                found = found[part]
            except (LookupError, TypeError):
                return None
        return found


# Lines


def _number_lines(source: str) -> dict[str, int]:
    """Return the lines of tables, of the keys in them and of the items of their lists: dotted name to line number.

    TOML is read only roughly: the line of an unknown name is that of the table around it.
    """
    lines: dict[str, int] = {}
    table = key = ""
    for number, text in enumerate(map(str.strip, source.splitlines()), 1):
        if text.startswith("["):
            table = key = _unquote(text.strip("[] "))
            if text.startswith("[["):
                lines.setdefault(table, number)
                table = key = _next_item(table, lines)
            lines.setdefault(table, number)
        elif text.startswith("{"):
            lines[_next_item(key, lines)] = number
        elif "=" in text and not text.startswith("#"):
            key = f"{table}.{_unquote(text.split('=')[0])}"
            for name in _yield_prefixes(key):
                lines.setdefault(name, number)
    return lines


def _unquote(name: str) -> str:
    return name.strip().replace('"', "")


def _next_item(name: str, lines: Mapping[str, int]) -> str:
    return next(item for number in count() if (item := f"{name}.{number}") not in lines)


def _yield_prefixes(name: str) -> Iterator[str]:
    """Yield a dotted name and all its prefixes: "event.one.title.en", "event.one.title", "event.one", "event"."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def _find_line(mistake: SchedulerError, lines: Mapping[str, int]) -> int | None:
    """Return the line of a mistake, or of the nearest table around it; None if it has no place in the file."""
    place = str(mistake.facts.get("place", ""))
    while place and place not in lines:
        place = place.rpartition(".")[0]
    return lines.get(place)


def _with_line(mistake: SchedulerError, path: Path, lines: Mapping[str, int]) -> SchedulerError:
    if "place" not in mistake.facts:
        return mistake
    line = _find_line(mistake, lines)
    if line is None:
        return Invalid("{file}: {problem}", file=path, problem=mistake)
    return Invalid("{file}:{line}: {problem}", file=path, line=line, problem=mistake)

"""A programme file as people write it: read, checked, and every mistake told at once, each with its line."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scheduler.base.errors import Invalid, SchedulerError, all_of, each_of
from scheduler.services.common.drafts import explain
from scheduler.services.exchange.programme_file import ProgrammeFile

MOST_BYTES = 50_000_000
Place = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """What a file says. Beside ``mistakes`` stands what could be made of the rest, so that the database can be asked
    what else is wrong; the ``doubtful`` tables ("event.opening") are then not as they were meant.
    """

    path: Path
    text: str
    file: ProgrammeFile
    mistakes: tuple[SchedulerError, ...] = ()
    doubtful: frozenset[str] = frozenset()

    def told(self, found: SchedulerError | None = None) -> SchedulerError:
        """Every mistake of the file and what the database found beside, in the order of the lines."""
        lines = _lines(self.text)
        mistakes = [*self.mistakes, *(each_of(found) if found else ())]
        mistakes.sort(key=lambda mistake: _line(mistake, lines) or len(self.text))
        return all_of([_at(mistake, self.path, lines) for mistake in mistakes])


def read(path: Path) -> Source:
    """Read and check a programme file. Raises Invalid for one that cannot be read or is not TOML."""
    text = _text(path)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid("{file}: is not TOML: {reason}", file=path, reason=error) from error
    salvage = _Salvage(tables)
    return Source(path, text, salvage.file(), tuple(salvage.mistakes), frozenset(salvage.doubtful))


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Invalid("{file}: is larger than 50 MB; split it into several programmes", file=path)
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise Invalid("{file}: there is no such file", file=path) from error
    except UnicodeDecodeError as error:
        raise Invalid("{file}: is not UTF-8 text", file=path) from error
    except OSError as error:
        raise Invalid("{file}: cannot be read: {reason}", file=path, reason=error.strerror) from error


# Salvage

# What rules over several keys of a table read: without one of these keys, such a rule says nothing of the file.
_RULED = {
    *("dtstart", "dtend", "duration", "first_day", "last_day", "on", "hour_to_be_announced"),
    *("registration_opens", "registration_closes", "latitude", "longitude", "before", "at"),
}
# For a key that is missing, so that the rest of its table can be looked at.
_STAND_INS = {"key": "stand-in", "title": "?", "name": "?", "kind": "meeting", "country": "KZ", "tz": "UTC"}


@dataclass
class _Salvage:
    """Takes out what is wrong until the rest is right."""

    tables: dict[str, Any]
    mistakes: list[SchedulerError] = field(default_factory=list)
    doubtful: set[str] = field(default_factory=set)
    taken: set[Place] = field(default_factory=set)

    def file(self) -> ProgrammeFile:
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
            if not self._follows(path, detail["type"]):
                self.mistakes += explain(ProgrammeFile, detail)
            self.doubtful.add(".".join(map(str, path[:2])))
            self._mend(path, detail["type"])

    def _follows(self, path: Place, kind: str) -> bool:
        """Whether this is no mistake of the file, but of what was taken out of it before."""
        if kind == "missing":
            return any(taken[:-1] == path[:-1] for taken in self.taken)
        return kind == "refused" and any(taken[:-1] == path and taken[-1] in _RULED for taken in self.taken)

    def _mend(self, path: Place, kind: str) -> None:
        if kind == "missing":
            parent = self._at(path[:-1])
            if isinstance(parent, dict) and path[-1] in _STAND_INS:
                parent[path[-1]] = _STAND_INS[str(path[-1])]
                return
            if path == ("programme",):
                self.tables["programme"] = {name: _STAND_INS[name] for name in ("key", "name")}
                return
        ruled = _RULED.intersection(self._at(path)) if kind == "refused" and len(path) == 2 else ()
        for key in ruled:
            self._take((*path, key))
        if not ruled:
            self._take(path)

    def _take(self, path: Place) -> None:
        """Take out a key; of a list's item the key that holds the list, so that no other item changes its number."""
        while path:
            parent = self._at(path[:-1])
            if isinstance(parent, dict) and path[-1] in parent:
                del parent[path[-1]]
                self.taken.add(path)
                return
            path = path[:-1]

    def _at(self, path: Place) -> Any:
        found: Any = self.tables
        for part in path:
            try:
                found = found[part]
            except (LookupError, TypeError):
                return None
        return found


# Lines


def _lines(source: str) -> dict[str, int]:
    """Line numbers of tables, of the keys in them and of the items of their lists: dotted name to line. Good enough
    to jump to; what it does not know is found at the table around it."""
    lines: dict[str, int] = {}
    table = key = ""
    for number, text in enumerate(map(str.strip, source.splitlines()), 1):
        if text.startswith("["):
            table = key = _bare(text.strip("[] "))
            if text.startswith("[["):
                lines.setdefault(table, number)
                table = key = _next_item(table, lines)
            lines.setdefault(table, number)
        elif text.startswith("{"):
            lines[_next_item(key, lines)] = number
        elif "=" in text and not text.startswith("#"):
            key = f"{table}.{_bare(text.split('=')[0])}"
            for name in _prefixes(key):
                lines.setdefault(name, number)
    return lines


def _bare(name: str) -> str:
    return name.strip().replace('"', "")


def _next_item(name: str, lines: Mapping[str, int]) -> str:
    return next(item for number in count() if (item := f"{name}.{number}") not in lines)


def _prefixes(name: str) -> Iterator[str]:
    """``event.one.title`` for the line that begins with ``title.en``."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def _line(mistake: SchedulerError, lines: Mapping[str, int]) -> int | None:
    """The line of its place, or of the nearest table around it."""
    place = str(mistake.facts.get("place", ""))
    while place and place not in lines:
        place = place.rpartition(".")[0]
    return lines.get(place)


def _at(mistake: SchedulerError, path: Path, lines: Mapping[str, int]) -> SchedulerError:
    if "place" not in mistake.facts:
        return mistake
    line = _line(mistake, lines)
    if line is None:
        return Invalid("{file}: {problem}", file=path, problem=mistake)
    return Invalid("{file}:{line}: {problem}", file=path, line=line, problem=mistake)

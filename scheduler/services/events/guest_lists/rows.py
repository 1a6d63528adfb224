"""Rows of a guest list, each read on its own: a person, their party and answer, or what is wrong with the row."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from scheduler.base.errors import Invalid, Problems, SchedulerError
from scheduler.base.name_matching import language_of, make_name_key
from scheduler.base.text import Text, check_line, check_prose, fold_text
from scheduler.formats.sheets import Row
from scheduler.formats.workbooks.layout import CellRange, SheetLayout, column_letters
from scheduler.model.attendance import Role
from scheduler.model.events import Mode
from scheduler.model.places import Gender, OfficeState
from scheduler.services.common.drafts import check
from scheduler.services.events.attendance.replies import Reply
from scheduler.services.events.guest_lists.columns import Columns
from scheduler.services.events.guest_lists.headings import (
    NOTHING,
    TEXTS,
    is_total,
    normalize,
    read_words,
)
from scheduler.services.events.programme.place_drafts import PersonDraft

WORDS_FOR_NEW = frozenset(
    normalize(word) for word in ["new", "another", "нов", "новый", "новая", "другой", "жаңа", "басқа", "ใหม่", "คนใหม่"]
)


@dataclass(frozen=True, slots=True)
class RowDefaults:
    """Values that hold where a row states none. ``source`` names the system whose ids the rows carry."""

    source: str
    language: str  # of texts in Latin letters
    letters: str | None = None  # the language of letters to people; None: that of their names
    mode: Mode = Mode.IN_PERSON
    role: Role = Role.PARTICIPANT
    # The codes of offices by each word for them, folded, as the installation's forms of address name them.
    offices: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ParsedRow:
    """One row. ``cells`` are those that are not empty, by field; ``person`` is None if there are ``problems``.

    ``fingerprint`` tells the row from others of its list, ``digest`` whether any cell has changed.
    """

    number: int
    name: str
    cells: Mapping[str, str]
    person: PersonDraft | None = None
    external_id: str | None = None
    role: Role = Role.PARTICIPANT
    mode: Mode = Mode.IN_PERSON
    companions: int = 0
    answer: Reply = Reply.NOT_ANSWERED
    decision: str = ""
    fingerprint: str = ""
    digest: str = ""
    problems: tuple[SchedulerError, ...] = ()
    names: tuple[str, ...] = ()
    access: str | None = None
    dietary: str | None = None
    doubts: tuple[SchedulerError, ...] = ()  # why it may be no guest, or one who is not meant

    @property
    def draft(self) -> PersonDraft:
        """Return the person of a row that has no problems."""
        assert self.person is not None  # noqa: S101
        return self.person


def parse_rows(
    columns: Columns,
    rows: Iterable[tuple[int, Row]],
    defaults: RowDefaults,
    layout: SheetLayout | None = None,
    corrected: Mapping[int, Mapping[str, str]] | None = None,
) -> Iterator[ParsedRow]:
    """Read the rows of a table one by one; each comes with its number in the file.

    ``layout`` is that of the sheet: rows that are hidden there come with a doubt, and formulas without a stored
    value are problems of their rows. ``corrected`` has, by row number and field, what an officer wrote instead of a
    cell; "" leaves it empty.
    """
    layout = layout or SheetLayout()
    missing = list(_find_unvalued(columns, layout))
    across = {cells.top: cells for cells in layout.merged if cells.top == cells.bottom and cells.right > cells.left}
    for number, row in rows:
        cells = _correct(_read_cells(columns, row), (corrected or {}).get(number, {}))
        problems = [problem for place, problem in missing if place == number] if missing else []
        doubts = tuple(_find_doubts(columns, cells, hidden=number in layout.hidden_rows, across=across.get(number)))
        yield replace(_parse(number, cells, defaults, problems), doubts=doubts)


def _correct(cells: dict[str, str], corrected: Mapping[str, str]) -> dict[str, str]:
    return {field: cell for field, cell in {**cells, **corrected}.items() if cell}


def _find_unvalued(columns: Columns, layout: SheetLayout) -> Iterator[tuple[int, SchedulerError]]:
    """Yield the row and the problem of each formula that has no stored value, in a column that is a field."""
    for number, column in sorted(layout.unvalued):
        if field := columns.fields.get(column - 1) or columns.spares.get(column - 1):
            cell = f"{column_letters(column)}{number}"
            yield number, Invalid("{place}: the formula in {cell} has no stored value", place=field, cell=cell)


def _find_doubts(
    columns: Columns, cells: Mapping[str, str], *, hidden: bool, across: CellRange | None
) -> Iterator[SchedulerError]:
    """Yield why a row may be no guest, or one whom the owner of the file has left out."""
    name = _whole_name(cells)
    if hidden:
        yield Invalid("is hidden in the file; to include this guest, use --hidden")
    if is_total(name) and not {"email", "telephone"} & set(cells):
        yield Invalid("looks like a total, not like a guest")
    if across and len([index for index in columns.fields if across.left <= index + 1 <= across.right]) > 1:
        yield Invalid("is one cell over several columns, like a title, not like a guest")
    headings = {field: columns.headings[index] for index, field in columns.fields.items()}
    if cells and all(headings[field] == cell for field, cell in cells.items()):
        yield Invalid("looks like the headings again, not like a guest")


def _read_cells(columns: Columns, row: Row) -> dict[str, str]:
    """Return the cells by field, each on one line; without those that are empty or state that there is nothing."""
    found: dict[str, str] = {}
    for index, field in [*columns.fields.items(), *columns.spares.items()]:
        cell = " ".join(row[index].split()) if index < len(row) else ""
        if cell and cell.lower() not in NOTHING:
            found.setdefault(field, cell)
    return found


def _parse(number: int, cells: dict[str, str], defaults: RowDefaults, problems: list[SchedulerError]) -> ParsedRow:
    decision = _parse_decision(cells.pop("decision", ""))
    cells.pop("reason", None)
    name = _whole_name(cells)
    values = dict(_parse_each(cells, problems))
    person = _parse_person(cells, name, values, defaults, problems)
    if problems or person is None:
        return ParsedRow(number, name, cells, problems=tuple(problems))
    return ParsedRow(
        number,
        name,
        cells,
        person,
        values.get("external_id"),
        values.get("role", defaults.role),
        values.get("mode", defaults.mode),
        max(values.get("companions", 0), len(values.get("companion_names", ()))),
        values.get("answer", Reply.NOT_ANSWERED),
        decision,
        fingerprint_of(person, cells.get("organisation", ""), values.get("external_id"), defaults.source),
        _digest(*(part for pair in sorted(cells.items()) for part in pair)),
        names=values.get("companion_names", ()),
        access=values.get("access_needs"),
        dietary=values.get("dietary_needs"),
    )


def _whole_name(cells: Mapping[str, str]) -> str:
    whole = cells.get("name") or next((cells[field] for field in cells if field.startswith("name.")), "")
    parts = (cells.get(field, "") for field in ("given_name", "patronymic", "family_name"))
    return whole or " ".join(filter(None, parts))


def _parse_decision(cell: str) -> str:
    """Return "new" in any of its languages as "new", and any other cell, which names a person, as it is."""
    return "new" if normalize(cell) in WORDS_FOR_NEW else cell


def _parse_each(cells: Mapping[str, str], problems: list[SchedulerError]) -> Iterator[tuple[str, Any]]:
    """Yield the values of the fields in `_READERS`, and collect a problem for each that is wrong."""
    for field, read in _READERS.items():
        if field in cells:
            try:
                yield field, read(cells[field])
            except SchedulerError as error:
                problems.append(Invalid("{place}: {problem}", place=field, problem=error))


def _word(field: str) -> Callable[[str], str]:
    def read(cell: str) -> str:
        found = read_words()[field].get(normalize(cell)) or read_words()[field].get(fold_text(cell))
        if found is None:
            known = ", ".join(sorted(set(read_words()[field].values())))
            raise Invalid("{value} is not known; write one of: {known}", value=cell[:60], known=known)
        return found

    return read


def _language(cell: str) -> str:
    tagged = re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", cell)
    return cell if tagged and normalize(cell) not in read_words()["language"] else _word("language")(cell)


def _number(cell: str) -> int:
    if not re.fullmatch(r"\+?\d{1,3}", cell) or int(cell) > 50:
        raise Invalid("{value} is not a number from 0 to 50", value=cell[:60])
    return int(cell)


def _names(cell: str) -> tuple[str, ...]:
    """Read the names of companions: Aigul; Somchai."""
    found = tuple(check_line(name, most=100) for name in re.split(r"[;\n]", cell) if name.strip())
    if len(found) > 50:
        raise Invalid("{value} is not a number from 0 to 50", value=len(found))
    return found


def _external_id(cell: str) -> str:
    return check_line(cell, most=200)


_READERS: Mapping[str, Callable[[str], Any]] = {
    "external_id": _external_id,
    "language": _language,
    "role": lambda cell: Role(_word("role")(cell)),
    "mode": lambda cell: Mode(_word("mode")(cell)),
    "companions": _number,
    "companion_names": _names,
    "access_needs": lambda cell: check_prose(cell, most=500),
    "dietary_needs": lambda cell: check_prose(cell, most=500),
    "answer": lambda cell: Reply(_word("answer")(cell)),
    "gender": lambda cell: Gender(_word("gender")(cell)),
    "office_state": lambda cell: OfficeState(_word("office_state")(cell)),
    "organisation": lambda cell: check_line(cell, most=300),
    "note": lambda cell: check_prose(cell, most=2_000),
}


def _parse_person(
    cells: Mapping[str, str],
    name: str,
    values: Mapping[str, Any],
    defaults: RowDefaults,
    problems: list[SchedulerError],
) -> PersonDraft | None:
    """Return the person of a row, or None and collect what is wrong."""
    if not any(map(str.isalpha, name)):
        problems.append(
            Invalid("name: {value} has no letter", value=name[:60]) if name else Invalid("name: is missing")
        )
        return None
    given: dict[str, Any] = {field: texts_by_language(cells, field, defaults.language) for field in TEXTS}
    given["name"] = given["name"] or {language_of(name, defaults.language): name}
    given["language"] = values.get("language") or defaults.letters or language_of_letters(name, defaults.language)
    given |= {field: values[field] for field in ("gender", "office_state") if field in values}
    if "office_class" in cells:
        given["office_class"] = _find_office(cells["office_class"], defaults, problems)
    given["email"] = cells["email"].removeprefix("mailto:") if "email" in cells else None
    given["telephone"] = _telephone(cells["telephone"]) if "telephone" in cells else None
    if re.fullmatch(r"\d{4}-\d\d-\d\d", given["telephone"] or ""):
        problems.append(Invalid("telephone: the cell is a date, {date}; make it a text", date=given["telephone"]))
    try:
        return check(PersonDraft, given)
    except Problems as error:
        problems.extend(error.problems)
    except SchedulerError as error:
        problems.append(error)
    return None


def _find_office(cell: str, defaults: RowDefaults, problems: list[SchedulerError]) -> str | None:
    """Return the code of an office, given by code or by its plain word, or collect a problem."""
    code = defaults.offices.get(fold_text(cell))
    if code is None:
        known = ", ".join(sorted(set(defaults.offices.values())))
        problem = Invalid("{value} is not known; write one of: {known}", value=cell[:60], known=known)
        problems.append(Invalid("{place}: {problem}", place="office_class", problem=problem))
    return code


def texts_by_language(cells: Mapping[str, str], field: str, language: str) -> dict[str, str]:
    """Return the texts of a field by language: of columns like name.ru, and of the one whose script tells it."""
    found = {name.partition(".")[2]: cell for name, cell in cells.items() if name.startswith(f"{field}.")}
    if field in cells:
        found.setdefault(language_of(cells[field], language), cells[field])
    return found


def language_of_letters(name: str, otherwise: str) -> str:
    """Return the language to write to somebody in: that of a Thai or Cyrillic name. Latin letters do not tell it."""
    return otherwise if name.isascii() else language_of(name, otherwise)


def _telephone(cell: str) -> str:
    """Return a number with ASCII digits and hyphens, whatever digits and dashes were written."""
    plain = "".join(str(unicodedata.digit(c)) if c.isdigit() and not c.isascii() else c for c in cell)
    return re.sub("[–—‑]", "-", plain)


def fingerprint_of(person: PersonDraft, organisation: str, external_id: str | None, source: str) -> str:
    """Return the fingerprint of a row: of its external id, else of address and name, else of all about the person."""
    if external_id:
        return _digest("id", source, external_id)
    name = fold_text(name_of(person.name))
    if person.email:
        return _digest("mail", fold_text(person.email), name)
    more = (fold_text(organisation), *(fold_text(text) for text in person.position.values()))
    return _digest("name", name, last_digits(person.telephone), *more)


def name_of(name: Text) -> str:
    return min(name.values(), default="")


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def last_digits(telephone: str | None) -> str:
    """Return the last nine digits of a number, which are equal with and without the code of the country."""
    return re.sub(r"\D", "", telephone or "")[-9:]


__all__ = [
    "ParsedRow",
    "RowDefaults",
    "fingerprint_of",
    "last_digits",
    "make_name_key",
    "name_of",
    "parse_rows",
    "texts_by_language",
]

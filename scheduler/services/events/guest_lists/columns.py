"""Columns of a guest list: which row of a table holds the headings, and which field each column is."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Invalid
from scheduler.formats.sheets import Row, TableSheet
from scheduler.formats.workbooks.layout import CellRange, column_letters
from scheduler.model.events import Event
from scheduler.model.imports import ColumnMapping, GuestList
from scheduler.services.events.guest_lists.headings import (
    FIELDS,
    OURS,
    TEXTS,
    guess_field,
    is_field,
    normalize,
)

MAX_TITLE_ROWS = 30  # in which the headings are searched
SPARED = ("email", "telephone")  # of which people have several


@dataclass(frozen=True, slots=True)
class Columns:
    """The headings of a table. ``fields``, and ``how`` each was found, are by the index of the column.

    ``source`` names whose ids of people the list has. ``spares`` are further columns of addresses and telephone
    numbers, whose cells count where the column of the field has none. ``unnamed`` are columns without a heading.
    """

    headings: Row
    fields: Mapping[int, str]
    how: Mapping[int, str]
    source: str
    heading_row: int = 1
    spares: Mapping[int, str] = dataclasses.field(default_factory=dict)
    unnamed: Sequence[int] = ()

    @property
    def digest(self) -> str:
        return digest_of(self.headings)

    def left_out(self) -> list[str]:
        """Return the headings of columns that are no field, and the letters of those that have none."""
        known = {*self.fields, *self.spares}
        named = [name for index, name in enumerate(self.headings) if name and index not in known]
        return named + [column_letters(index + 1) for index in self.unnamed]


@dataclass(frozen=True, slots=True)
class ColumnChoices:
    """The officer's choices for the columns: the field of a heading, "" for a column to leave out.

    ``heading_row`` is the number of the row with the headings, None to look for it.
    """

    columns: Mapping[str, str]
    source: str | None = None
    heading_row: int | None = None


def parse_choices(pairs: Iterable[str]) -> dict[str, str]:
    """Return the fields by heading from arguments COLUMN=FIELD. Raise Invalid for a field that does not exist."""
    found = {}
    for pair in pairs:
        column, mark, field = pair.rpartition("=")
        if not mark or not normalize(column):
            raise Invalid("map: {pair}: write it like COLUMN=FIELD, or COLUMN= to keep a column out", pair=pair)
        if field and not is_field(field):
            raise Invalid("map: there is no field {field}; there are {known}", field=field, known=", ".join(FIELDS))
        found[normalize(column)] = field
    return found


def find_columns(
    session: Session, file: Path, sheet: TableSheet, wanted: ColumnChoices
) -> tuple[Columns, list[tuple[int, Row]]]:
    """Return the columns of a table and the rows below the headings. Raise Invalid if no column is the name."""
    index = _find_heading_row(file, sheet, wanted)
    number, row = sheet.rows[index]
    headings = _number_repeated(row)
    below = _join_below_merged(number, sheet.layout.merged, sheet.rows[index + 1 :])
    _refuse_unknown(headings, wanted)
    remembered = session.scalar(sa.select(ColumnMapping).where(ColumnMapping.digest == digest_of(headings)))
    fields, how = _fields(headings, wanted, remembered)
    if not {"name", "family_name", "given_name"} & {field.partition(".")[0] for field in fields.values()}:
        shown = ", ".join(filter(None, headings))
        raise Invalid(
            "map: no column has the name; choose it with --map COLUMN=name; the columns are: {columns}", columns=shown
        )
    source = wanted.source or (remembered.source if remembered else file.stem)[:200]
    filled = {place for _, row in below for place, cell in enumerate(row) if cell}
    unnamed = sorted(place for place in filled if place >= len(headings) or not headings[place])
    spares = _find_spares(headings, fields, wanted)
    return Columns(headings, fields, how, source, number, spares, unnamed), below


def _join_below_merged(
    heading_row: int, merged: Sequence[CellRange], rows: Sequence[tuple[int, Row]]
) -> list[tuple[int, Row]]:
    """Return the rows with the cells below one heading over several columns as one cell: a name and a surname."""
    spans = [slice(cells.left - 1, cells.right) for cells in merged if cells.top <= heading_row <= cells.bottom]
    spans = [span for span in spans if span.stop - span.start > 1]
    return [(number, _join_cells(row, spans)) for number, row in rows] if spans else list(rows)


def _join_cells(row: Row, spans: Iterable[slice]) -> Row:
    cells = list(row)
    for span in spans:
        parts = cells[span]
        if any(parts):
            cells[span] = [" ".join(filter(None, parts)), *[""] * (len(parts) - 1)]
    return tuple(cells)


def _find_spares(headings: Row, fields: Mapping[int, str], wanted: ColumnChoices) -> dict[int, str]:
    """Return further columns for addresses and telephone numbers, without those that were said to be something."""
    free = (index for index, name in enumerate(headings) if index not in fields and name)
    guesses = {index: guess_field(headings[index]) or "" for index in free}
    stated = dict(_pick(headings, wanted.columns))
    return {
        index: field
        for index, field in guesses.items()
        if field in SPARED and field in fields.values() and index not in stated
    }


def _find_heading_row(file: Path, sheet: TableSheet, wanted: ColumnChoices) -> int:
    """Return the index of the row, among the first, with the most known headings; else of the widest."""
    if not sheet.rows:
        raise Invalid("{file}: is empty", file=file)
    if wanted.heading_row is not None:
        numbers = [number for number, _ in sheet.rows]
        if wanted.heading_row not in numbers:
            raise Invalid("there is no row {row}", row=wanted.heading_row)
        return numbers.index(wanted.heading_row)
    scores = [(_count_known(row, wanted), len(list(filter(None, row)))) for _, row in sheet.rows[:MAX_TITLE_ROWS]]
    best = max(scores, key=lambda score: score if score[0] else (0, score[1]))
    return scores.index(best)


def _count_known(row: Row, wanted: ColumnChoices) -> int:
    return len({guess_field(cell) or "" for cell in row if cell} - {""}) + sum(
        normalize(cell) in wanted.columns for cell in row
    )


def _number_repeated(headings: Row) -> Row:
    """Return the headings on one line each, with a number after each repetition of one."""
    seen: dict[str, int] = {}
    found = []
    for name in (" ".join(cell.split()) for cell in headings):
        seen[name] = seen.get(name, 0) + 1
        found.append(f"{name} ({seen[name]})" if name and seen[name] > 1 else name)
    return tuple(found)


def _refuse_unknown(headings: Row, wanted: ColumnChoices) -> None:
    there = {normalize(name) for name in headings}
    for column in wanted.columns:
        if column not in there:
            names = ", ".join(filter(None, headings))
            raise Invalid("map: there is no column {column}; there are: {columns}", column=column, columns=names)


def _fields(
    headings: Row, wanted: ColumnChoices, remembered: ColumnMapping | None
) -> tuple[dict[int, str], dict[int, str]]:
    """Return the fields of the columns, and how each was found: stated now, else remembered, else guessed.

    Of several columns for one field the first is taken.
    """
    stated = dict(_pick(headings, wanted.columns))
    before = dict(_pick(headings, remembered.fields)) if remembered else {}
    guesses = {index: guess_field(name) or "" for index, name in enumerate(headings) if name}
    if remembered:
        guesses = {index: field for index, field in guesses.items() if field in OURS}
    guesses = _with_name_in_parts({index: field for index, field in guesses.items() if index not in stated})
    fields: dict[int, str] = {}
    how: dict[int, str] = {}
    for way, found in (("said", stated), ("remembered", before), ("guessed", guesses)):
        for index, field in found.items():
            free = index not in fields and (way == "said" or index not in stated)
            if field and free and field not in fields.values():
                fields[index], how[index] = field, way
    return dict(sorted(fields.items())), how


def _pick(headings: Row, fields: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    for index, name in enumerate(headings):
        if normalize(name) in fields and name:
            yield index, fields[normalize(name)]


def _with_name_in_parts(guesses: dict[int, str]) -> dict[int, str]:
    """Read "Имя" as the given name if there is a column of family names beside it."""
    found = set(guesses.values())
    if "family_name" not in found or "given_name" in found:
        return guesses
    return {index: "given_name" if field == "name" else field for index, field in guesses.items()}


def digest_of(headings: Sequence[str]) -> str:
    """Return the digest of the set of headings, without the columns that we add to rows that come back."""
    known = sorted({normalize(name) for name in headings if name and guess_field(name) not in OURS})
    return hashlib.blake2b("\n".join(known).encode(), digest_size=16).hexdigest()


def remember(session: Session, event: Event, columns: Columns, *, now: datetime) -> None:
    """Record the columns, so that the next file with the same headings and the export of this event use them."""
    own = [name for name in columns.headings if name and guess_field(name) not in OURS]
    fields = {normalize(name): columns.fields.get(index, "") for index, name in enumerate(columns.headings) if name}
    mapping = session.scalar(sa.select(ColumnMapping).where(ColumnMapping.digest == columns.digest))
    if mapping is None:
        mapping = ColumnMapping(digest=columns.digest)
        session.add(mapping)
    mapping.headings, mapping.source, mapping.used_at = own, columns.source, now
    mapping.fields = {name: field for name, field in fields.items() if field not in OURS}
    session.flush()
    session.merge(GuestList(event_id=event.id, mapping_id=mapping.id, imported_at=now))


__all__ = ["TEXTS", "ColumnChoices", "Columns", "digest_of", "find_columns", "parse_choices", "remember"]

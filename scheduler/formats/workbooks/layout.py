"""The layout of a sheet: what is hidden, which cells are merged, which formulas have no stored value.

It is read from the tags of a sheet as they pass by, because openpyxl leaves all of it out of large sheets, and
calamine out of .ods. Rows and columns are counted from 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import IO, NamedTuple

CHUNK = 1 << 20  # octets


class CellRange(NamedTuple):
    """Merged cells, from the upper left one to the lower right one."""

    top: int
    left: int
    bottom: int
    right: int

    def __str__(self) -> str:
        return f"{column_letters(self.left)}{self.top}:{column_letters(self.right)}{self.bottom}"


@dataclass(slots=True)
class SheetLayout:
    """The layout of a sheet. ``unvalued`` are the cells (row, column) whose formula has no stored value."""

    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    merged: list[CellRange] = field(default_factory=list)
    unvalued: set[tuple[int, int]] = field(default_factory=set)
    has_formulas: bool = False
    area: int = 0  # cells between the first and the last that are not empty; counted in .ods only


class _Tag(NamedTuple):
    name: str
    attributes: dict[str, str]
    closed: bool  # has no content: <v/>
    empty: bool  # nothing but another tag follows


_ATTRIBUTE = re.compile(rb"""(?:\w+:)?([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


def _tags(content: IO[bytes], names: bytes) -> Iterator[_Tag]:
    """Yield the opening tags with these names (alternatives of a regular expression), whatever their prefix."""
    pattern = re.compile(rb"<(?:\w+:)?(" + names + rb")((?:\s[^>]*?)?)(/?)>(?=(\s*<)?)")
    rest = b""
    while chunk := content.read(CHUNK):
        text = rest + chunk
        end = max(text.rfind(b"<"), 0)  # of the last tag there may be more to come
        yield from _tags_in(pattern, text[:end] + b"<")
        rest = text[end:]
    yield from _tags_in(pattern, rest)


def _tags_in(pattern: re.Pattern[bytes], text: bytes) -> Iterator[_Tag]:
    for found in pattern.finditer(text):
        attributes = {
            name.decode(): (double or single).decode("utf-8", "replace")
            for name, double, single in _ATTRIBUTE.findall(found[2])
        }
        yield _Tag(found[1].decode(), attributes, found[3] == b"/", found[4] is not None)


# .xlsx


def scan_xlsx(content: IO[bytes], again: IO[bytes]) -> SheetLayout:
    """Return the layout of a sheet of an .xlsx (ECMA-376 part 1, 18.3.1).

    It is read twice, from ``content`` and ``again``, if there are formulas.
    """
    layout = SheetLayout()
    row = 0
    for tag in _tags(content, b"row|col|mergeCell|f"):
        if tag.name == "row":
            row = _number(tag, "r", row + 1)
            if _is_on(tag, "hidden"):
                layout.hidden_rows.add(row)
        elif tag.name == "col" and _is_on(tag, "hidden"):
            first = _number(tag, "min", 1)
            layout.hidden_columns.update(range(first, min(_number(tag, "max", first), first + 1_000) + 1))
        elif tag.name == "mergeCell" and (cells := _read_range(tag.attributes.get("ref", ""))):
            layout.merged.append(cells)
        elif tag.name == "f":
            layout.has_formulas = True
    if layout.has_formulas:
        layout.unvalued = set(_find_unvalued(again))
    return layout


def _find_unvalued(content: IO[bytes]) -> Iterator[tuple[int, int]]:
    """Yield the cells that have a formula and no value."""
    cell, formula = "", False
    for tag in _tags(content, b"c|f|v"):
        if tag.name == "c":
            if formula and (place := _read_range(cell)):
                yield place.top, place.left
            cell, formula = tag.attributes.get("r", ""), False
        elif tag.name == "f":
            formula = True
        elif not (tag.closed or tag.empty):
            formula = False
    if formula and (place := _read_range(cell)):
        yield place.top, place.left


def _number(tag: _Tag, name: str, otherwise: int) -> int:
    text = tag.attributes.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else otherwise


def _is_on(tag: _Tag, name: str) -> bool:
    return tag.attributes.get(name) in ("1", "true")


def _read_range(text: str) -> CellRange | None:
    """Read B3 or B3:C4; None if it is something else."""
    found = re.fullmatch(r"\$?([A-Z]{1,3})\$?(\d{1,7})(?::\$?([A-Z]{1,3})\$?(\d{1,7}))?", text)
    if found is None:
        return None
    top, left = int(found[2]), column_number(found[1])
    return CellRange(top, left, int(found[4] or top), column_number(found[3]) if found[3] else left)


def column_number(letters: str) -> int:
    """Return the number of a column: 1 for A, 28 for AB."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def column_letters(number: int) -> str:
    """Return the letters of a column: A for 1, AB for 28."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


# .ods


def scan_ods(content: IO[bytes]) -> dict[str, SheetLayout]:
    """Return the layouts of the sheets of an .ods by name (OpenDocument 1.3 part 3, 9.1)."""
    sheets: list[_OdsSheet] = []
    for tag in _tags(content, b"table|table-column|table-row|table-cell|covered-table-cell"):
        if tag.name == "table":
            sheets.append(_OdsSheet(unescape(tag.attributes.get("name", ""))))
        elif sheets:
            sheets[-1].enter(tag)
    return {sheet.name: sheet.layout for sheet in sheets}


class _OdsSheet:
    """A sheet of an .ods, of which each tag moves on by a row, a column, or a number of them."""

    def __init__(self, name: str) -> None:
        self.name, self.layout = name, SheetLayout()
        self.row = self.rows = self.column = self.columns = (
            0  # what is above and on the left; how often the row is there
        )
        self.left, self.right, self.top, self.bottom = 1 << 30, 0, 1 << 30, 0

    def enter(self, tag: _Tag) -> None:
        hidden = tag.attributes.get("visibility") in ("collapse", "filter")
        if tag.name == "table-column":
            times = _number(tag, "number-columns-repeated", 1)
            if hidden:
                self.layout.hidden_columns.update(range(self.columns + 1, self.columns + min(times, 1_000) + 1))
            self.columns += times
        elif tag.name == "table-row":
            self.row, self.column = self.row + self.rows, 0
            self.rows = _number(tag, "number-rows-repeated", 1)
            if hidden:
                self.layout.hidden_rows.update(range(self.row + 1, self.row + min(self.rows, 200_000) + 1))
        else:
            self._enter_cell(tag)

    def _enter_cell(self, tag: _Tag) -> None:
        times = _number(tag, "number-columns-repeated", 1)
        place = self.row + 1, self.column + 1
        wide, high = _number(tag, "number-columns-spanned", 1), _number(tag, "number-rows-spanned", 1)
        if wide > 1 or high > 1:
            self.layout.merged.append(CellRange(*place, place[0] + high - 1, place[1] + wide - 1))
        valued = "value-type" in tag.attributes
        if "formula" in tag.attributes:
            self.layout.has_formulas = True
            if not valued:
                self.layout.unvalued.add(place)
        if valued or not tag.closed:
            self.top, self.bottom = min(self.top, place[0]), max(self.bottom, self.row + self.rows)
            self.left, self.right = min(self.left, place[1]), max(self.right, self.column + times)
            self.layout.area = (self.bottom - self.top + 1) * (self.right - self.left + 1)
        self.column += times

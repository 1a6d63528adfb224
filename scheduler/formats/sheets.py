"""Read tables (.xlsx, .ods, .xls, .csv) to plain text cells, and write them so that no cell is a formula.

Files come from strangers: sizes are bounded before anything is unpacked, and macros, links to other files and
formulas are never followed.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from statistics import median
from typing import Any

from scheduler.base.errors import Invalid, SchedulerError
from scheduler.formats.workbooks.calamine import CalamineBook
from scheduler.formats.workbooks.layout import CellRange, SheetLayout, column_letters, scan_ods, scan_xlsx
from scheduler.formats.workbooks.xls import scan_xls

MAX_OCTETS = 50_000_000
MAX_UNPACKED_OCTETS = 200_000_000
MAX_ROWS = 100_000
MAX_COLUMNS = 200
MAX_CELLS = 4_000_000
MAX_CELL_LENGTH = 32_767  # characters, as in spreadsheets
DELIMITERS = (";", ",", "\t", "|")
Row = tuple[str, ...]


class Remark(SchedulerError):
    """A remark to the owner of a file on how it was read, such as a sheet that was left out; not an error."""


@dataclass(frozen=True, slots=True)
class TableSheet:
    """A table: rows with their numbers in the file. ``delimiter`` is "" for a spreadsheet.

    ``name`` is that of the sheet, and ``layout`` has what a spreadsheet hides, merges and has not computed.
    ``names`` are those of all sheets of the file.
    """

    rows: Sequence[tuple[int, Row]]
    name: str = ""
    delimiter: str = ""
    remarks: tuple[Remark, ...] = field(default=())
    layout: SheetLayout = field(default_factory=SheetLayout)
    names: tuple[str, ...] = ()


def read_table(path: Path, *, sheet: str | None = None, encoding: str | None = None) -> TableSheet:
    """Read a table from a file. Raise Invalid for a file that is no table or exceeds the limits of a guest list."""
    return read_content(path, _content(path), sheet=sheet, encoding=encoding)


def read_content(path: Path, data: bytes, *, sheet: str | None = None, encoding: str | None = None) -> TableSheet:
    """Read a table from the content of a file, which ``path`` only names. Raise Invalid as `read_table` does."""
    _refuse_others(path, data)
    if data.startswith(b"PK\x03\x04"):
        return _read_archive(path, data, sheet)
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        return _read_xls(path, data, sheet)
    if sheet is not None:
        raise Invalid("sheet: {file} is not a spreadsheet; leave --sheet out", file=path)
    return _read_csv(path, data, encoding)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_OCTETS + 1)
    except FileNotFoundError as error:
        raise Invalid("{file}: there is no such file", file=path) from error
    except OSError as error:
        raise Invalid("{file}: cannot be read: {reason}", file=path, reason=error.strerror) from error
    return data


def _refuse_others(path: Path, data: bytes) -> None:
    """Raise Invalid for a file that is too large, or evidently no table."""
    if len(data) > MAX_OCTETS:
        raise Invalid(
            "{file}: is larger than {most} MB; split it into several files", file=path, most=MAX_OCTETS // 1_000_000
        )
    start = data[:100].lstrip(b"\xef\xbb\xbf \t\r\n").upper()
    if start.startswith(b"BEGIN:VCARD"):
        raise Invalid("{file}: is a file of business cards; save it from your address book as .csv", file=path)
    if start.startswith(b"BEGIN:VCALENDAR"):
        raise Invalid("{file}: is a calendar; import it with: scheduler event import", file=path)


def _read_bounded(path: Path, rows: Iterable[tuple[int, Sequence[Any]]]) -> list[tuple[int, Row]]:
    """Return the rows that are not empty, as text, without empty cells at their ends.

    Raise Invalid past the limits.
    """
    found: list[tuple[int, Row]] = []
    cells = 0
    for number, values in rows:
        row = _trim_row(values)
        if not row:
            continue
        if len(row) > MAX_COLUMNS:
            raise Invalid("{file}: row {row} has more than {most} columns", file=path, row=number, most=MAX_COLUMNS)
        cells += len(row)
        if len(found) > MAX_ROWS or cells > MAX_CELLS:
            raise Invalid("{file}: has more than {most} rows; split it into several files", file=path, most=MAX_ROWS)
        found.append((number, row))
    return found


def _trim_row(values: Sequence[Any]) -> Row:
    row = [cell_text(value) for value in values]
    while row and not row[-1]:
        row.pop()
    return tuple(row)


def cell_text(value: Any) -> str:
    """Return a cell as its owner sees it.

    A telephone number that the spreadsheet took for a number becomes its digits.
    """
    if isinstance(value, str):
        return _clean(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "minutes")
    return value.isoformat() if isinstance(value, (date, time)) else str(value)


_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad]")  # come along from web pages, above all with Thai


def _clean(value: str) -> str:
    return (_INVISIBLE.sub("", value) if not value.isascii() else value).strip()[: MAX_CELL_LENGTH + 1]


# Spreadsheets

_ODS = b"application/vnd.oasis.opendocument.spreadsheet"
MAX_SHOWN = 5  # cells that are named in a remark


def _read_archive(path: Path, data: bytes, wanted: str | None) -> TableSheet:
    try:
        _refuse_bombs(path, data)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            is_ods = "mimetype" in archive.namelist() and archive.read("mimetype").startswith(_ODS)
            return _read_ods(path, data, archive, wanted) if is_ods else _read_xlsx(path, data, archive, wanted)
    except SchedulerError:
        raise
    except Exception as error:  # openpyxl and calamine raise whatever a broken part leads to
        raise Invalid("{file}: is not a readable .xlsx or .ods; save it again", file=path) from error


def _refuse_bombs(path: Path, data: bytes) -> None:
    """Raise Invalid if the directory of the archive announces too much; zipfile unpacks no more than it announces."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        if len(parts) > 5_000 or sum(part.file_size for part in parts) > MAX_UNPACKED_OCTETS:
            raise Invalid("{file}: unpacks to more than {most} MB", file=path, most=MAX_UNPACKED_OCTETS // 1_000_000)
        for part in parts:
            if part.filename.endswith((".xml", ".rels")):
                with archive.open(part) as content:
                    if b"<!DOCTYPE" in content.read(1_000):
                        raise Invalid(
                            "{file}: declares XML entities, which spreadsheets never do; save it again", file=path
                        )


def _read_xlsx(path: Path, data: bytes, archive: zipfile.ZipFile, wanted: str | None) -> TableSheet:
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    try:
        pages = {page.title: page for page in book.worksheets}
        first = next((name for name, page in pages.items() if page.sheet_state == "visible"), next(iter(pages)))
        name = _choose_sheet(path, list(pages), first, wanted)
        pages[name].reset_dimensions()  # what programs write there is often wrong, and cuts the list off
        rows = _read_bounded(path, enumerate(pages[name].iter_rows(values_only=True), start=1))
        part = str(pages[name]._worksheet_path).lstrip("/")
        with archive.open(part) as content, archive.open(part) as again:
            layout = scan_xlsx(content, again)
    finally:
        book.close()
    return _make_sheet(name, rows, layout, list(pages), _tell_others(name, list(pages), wanted))


def _read_ods(path: Path, data: bytes, archive: zipfile.ZipFile, wanted: str | None) -> TableSheet:
    """Read a sheet of an .ods. Layouts come first: what is said to stand there a billion times is not unpacked."""
    with archive.open("content.xml") as content:
        layouts = scan_ods(content)
    if any(layout.area > MAX_CELLS for layout in layouts.values()):
        raise Invalid("{file}: has more than {most} rows; split it into several files", file=path, most=MAX_ROWS)
    book = CalamineBook(data)
    name = _choose_sheet(path, book.names, book.first, wanted)
    rows, _merged = book.read_rows(name)
    others = _tell_others(name, book.names, wanted)
    return _make_sheet(name, _read_bounded(path, rows), layouts.get(name, SheetLayout()), book.names, others)


def _read_xls(path: Path, data: bytes, wanted: str | None) -> TableSheet:
    try:
        book = CalamineBook(data)
        name = _choose_sheet(path, book.names, book.first, wanted)
        rows, merged = book.read_rows(name)
        found = _read_bounded(path, rows)
    except SchedulerError:
        raise
    except Exception as error:  # calamine raises whatever a broken part leads to
        raise Invalid(
            "{file}: is an .xls that cannot be read, or has a password; save it as .xlsx without a password",
            file=path,
        ) from error
    layout, remarks = scan_xls(data, name), _tell_others(name, book.names, wanted)
    if layout is None:
        remarks.append(Remark("this .xls does not show which rows are hidden; if some are, save it as .xlsx"))
        layout = SheetLayout()
    layout.merged = merged
    return _make_sheet(name, found, layout, book.names, remarks)


def _choose_sheet(path: Path, names: Sequence[str], first: str, wanted: str | None) -> str:
    if wanted is None or wanted in names:
        return wanted or first
    raise Invalid(
        "sheet: {file} has no sheet {name}; choose one of: {names}", file=path, name=wanted, names=", ".join(names)
    )


def _tell_others(name: str, names: Sequence[str], wanted: str | None) -> list[Remark]:
    others = ", ".join(other for other in names if other != name)
    if not others or wanted is not None:
        return []
    return [Remark("sheet {name} is read, not {others}; choose another one with --sheet", name=name, others=others)]


def _make_sheet(
    name: str, rows: list[tuple[int, Row]], layout: SheetLayout, names: Sequence[str], remarks: Sequence[Remark]
) -> TableSheet:
    told = (*remarks, *_tell_layout(layout, rows))
    filled = _fill_merged(rows, layout.merged)
    return TableSheet(filled, name, remarks=told, layout=layout, names=tuple(names))


def _tell_layout(layout: SheetLayout, rows: Sequence[tuple[int, Row]]) -> Iterator[Remark]:
    if layout.has_formulas:
        yield Remark("there are formulas: their values are those from when the file was last saved")
    if layout.unvalued:
        cells = _list_some(f"{column_letters(column)}{row}" for row, column in sorted(layout.unvalued))
        yield Remark(
            "formulas without a stored value: {cells}; open the file in a spreadsheet program and save it",
            cells=cells,
        )
    if down := [cells for cells in layout.merged if cells.bottom > cells.top]:
        yield Remark(
            "merged cells are read as if each of their rows had the same value: {cells}", cells=_list_some(down)
        )
    width = max((len(row) for _, row in rows), default=0)
    if hidden := [column_letters(column) for column in sorted(layout.hidden_columns) if column <= width]:
        yield Remark("columns that are hidden in the file are read, too: {columns}", columns=_list_some(hidden))


def _list_some(cells: Iterable[object]) -> str:
    """Name the first of some cells, and how many there are besides."""
    named = [str(cell) for cell in cells]
    rest = [f"+ {len(named) - MAX_SHOWN}"] if len(named) > MAX_SHOWN else []
    return ", ".join(named[:MAX_SHOWN] + rest)


def _fill_merged(rows: list[tuple[int, Row]], merged: Sequence[CellRange]) -> list[tuple[int, Row]]:
    """Return the rows with what a cell that is merged downwards says in each of its rows."""
    found = {number: list(row) for number, row in rows}
    numbers = list(found)
    filled: dict[int, int] = {}  # columns to the last row; cells of a sound file do not overlap
    for cells in sorted(cells for cells in merged if cells.bottom > cells.top and cells.left <= MAX_COLUMNS):
        above = found.get(cells.top, [])
        value = above[cells.left - 1] if cells.left <= len(above) else ""
        if not value or cells.top <= filled.get(cells.left, 0):
            continue
        filled[cells.left] = cells.bottom
        for number in numbers[bisect_right(numbers, cells.top) : bisect_right(numbers, cells.bottom)]:
            row = found[number]
            row.extend([""] * (cells.left - len(row)))
            row[cells.left - 1] = row[cells.left - 1] or value
    return [(number, tuple(row)) for number, row in found.items()]


# .csv


def _read_csv(path: Path, data: bytes, encoding: str | None) -> TableSheet:
    text, remarks = _decode(path, data, encoding)
    if "\0" in text or (b"\0" in data[:2_000] and re.search("[\x01-\x08\x0e-\x1f]", text)):
        raise Invalid("{file}: is neither .xlsx nor .csv; save it as one of them", file=path)
    if text.lstrip().startswith("<"):  # what some programs give the ending .xls
        raise Invalid(
            "{file}: is a web page or XML; open it in a spreadsheet program and save it as .xlsx", file=path
        )
    delimiter, text = _delimiter(text)
    csv.field_size_limit(MAX_CELL_LENGTH * 4)
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        rows = _read_bounded(
            path,
            (
                (reader.line_num, _unguard_cells(row))
                for row in _require_closed_quotes(path, reader, lines, delimiter)
            ),
        )
    except csv.Error as error:
        raise Invalid(
            "{file}: line {line} cannot be read: {reason}", file=path, line=reader.line_num, reason=error
        ) from (error)
    return TableSheet(rows, delimiter=delimiter, remarks=remarks)


class _Lines:
    """The lines of a text; those of the row being read are kept in ``read``."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self.read: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.read.append(line)
        return line


def _require_closed_quotes(
    path: Path, reader: Iterator[list[str]], lines: _Lines, delimiter: str
) -> Iterator[list[str]]:
    """Yield the rows.

    Raise Invalid for an unclosed quotation mark, which makes one cell of all the rows behind it.
    """
    number = 1
    for row in reader:
        if len(lines.read) > 1:
            try:
                next(csv.reader(lines.read, delimiter=delimiter, strict=True))
            except csv.Error as error:
                raise Invalid(
                    "{file}: line {line}: a quotation mark is opened but not closed", file=path, line=number
                ) from error
        yield row
        number += len(lines.read)
        lines.read.clear()


def _decode(path: Path, data: bytes, encoding: str | None) -> tuple[str, tuple[Remark, ...]]:
    if encoding is not None:
        try:
            text = data.decode(encoding)
            text.encode()  # raises ValueError for what some codecs make of escapes: halves of characters
        except (LookupError, ValueError) as error:
            raise Invalid("encoding: {file} cannot be read as {name}", file=path, name=encoding) from error
        return text, ()
    for name in _likely_encodings(data):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        if name.startswith("utf"):
            return text, ()
        return text, (
            Remark(
                "read as {name}; if characters are wrong, choose another encoding with --encoding",
                name=_WINDOWS[name],
            ),
        )
    raise Invalid("{file}: its encoding is not known; save it as UTF-8 or .xlsx, or use --encoding", file=path)


_WINDOWS = {"cp1251": "windows-1251", "cp874": "windows-874"}


def _likely_encodings(data: bytes) -> Iterator[str]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield "utf-16"
        return
    if b"\0" in data[:2_000]:  # which no text of single octets has
        yield "utf-16-le" if data[1:2_000:2].count(0) >= data[0:2_000:2].count(0) else "utf-16-be"
        return
    yield "utf-8-sig"
    yield from ("cp874", "cp1251") if _looks_thai(data) else ("cp1251", "cp874")


def _looks_thai(data: bytes) -> bool:
    """Return whether octets look Thai: mostly consonants (A1-CE), where Russian is mostly small letters (E0-FF)."""
    high = [octet for octet in data[:100_000] if octet >= 0x80]
    consonants = sum(0xA1 <= octet <= 0xCE for octet in high)
    return consonants * 2 > len(high)


def _delimiter(text: str) -> tuple[str, str]:
    """Find the delimiter that cuts most rows into equally many columns, or that Excel's own first line names."""
    if (said := re.match(r"\"?sep=(.)\"?\r?\n", text)) is not None:
        return said.group(1), text[said.end() :]
    head = text[:65_536]
    return max(DELIMITERS, key=lambda delimiter: _evenness(head, delimiter)), text


def _evenness(head: str, delimiter: str) -> tuple[float, int]:
    try:
        reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
        widths = [len(row) for row, _ in zip(reader, range(50), strict=False) if row]
    except csv.Error:
        return 0, 0
    middle = median(widths) if widths else 0
    return (middle if middle > 1 else 0), sum(width == middle for width in widths)


def _unguard_cells(row: Sequence[str]) -> list[str]:
    """Remove the apostrophe that `guard_cell` puts before what a spreadsheet would compute."""
    return [cell[1:] if cell.startswith("'") and cell[1:].startswith(_COMPUTED) else cell for cell in row]


# Writing

_COMPUTED = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # wide ones are computed, too


def guard_cell(cell: str) -> str:
    """Guard a cell of a .csv so that no spreadsheet computes it (OWASP: CSV injection)."""
    return f"'{cell}" if cell.startswith(_COMPUTED) else cell


def write_table(rows: Iterable[Sequence[str]], *, delimiter: str = "", name: str = "") -> bytes:
    """Write rows to the bytes of a file: .csv with a delimiter, else .xlsx."""
    return _csv(rows, delimiter) if delimiter else _xlsx(rows, name)


def _csv(rows: Iterable[Sequence[str]], delimiter: str) -> bytes:
    target = io.StringIO(newline="")
    csv.writer(target, delimiter=delimiter).writerows([guard_cell(cell) for cell in row] for row in rows)
    return target.getvalue().encode("utf-8-sig")  # without the mark Excel reads another encoding


def _xlsx(rows: Iterable[Sequence[str]], name: str) -> bytes:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    page = book.create_sheet(re.sub(r"[\[\]:*?/\\]", " ", name)[:31] or None)
    for row in rows:
        page.append([_string_cell(page, cell) if cell else None for cell in row])
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def _string_cell(page: Any, text: str) -> Any:
    """Make a cell that is a string whatever it begins with, and stays one when it is edited."""
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(page, _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)[:MAX_CELL_LENGTH])
    if text.startswith(_COMPUTED):
        cell.data_type = "s"
        cell.quotePrefix = True
    return cell


def is_csv(path: Path) -> bool:
    """Return whether a path names a .csv or .tsv rather than an .xlsx. Raise Invalid for any other ending."""
    if path.suffix.lower() not in (".csv", ".tsv", ".xlsx"):
        raise Invalid("{file}: its name must end in .xlsx or .csv", file=path)
    return path.suffix.lower() != ".xlsx"

"""Hidden rows and columns of an .xls, which calamine does not tell.

A workbook is one stream ([MS-XLS]) within a compound file ([MS-CFB]). Of both only what leads to the flags is read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from scheduler.formats.workbooks.layout import SheetLayout

_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEADER_ENTRIES = 109  # of the list of sectors that have the allocation table
_BOUND_SHEET, _ROW, _COLUMNS, _BEGIN, _END = 0x0085, 0x0208, 0x007D, 0x0809, 0x000A


def scan_xls(data: bytes, name: str) -> SheetLayout | None:
    """Return what is hidden in a sheet; None if that cannot be found out, as for files older than Excel 97."""
    try:
        stream = _CompoundFile(data).read("Workbook")
        start = _find_sheet(stream, name)
        return None if start is None else _scan_sheet(stream, start)
    except (struct.error, ValueError, IndexError):
        return None


class _CompoundFile:
    """A compound file: streams in chains of sectors. Raise ValueError, IndexError or struct.error if it is broken."""

    def __init__(self, data: bytes) -> None:
        if not data.startswith(_MAGIC):
            raise ValueError("no compound file")
        self._data = data
        shift, self._directory, self._smallest = struct.unpack_from("<30xH16xI4xI", data)
        self._sector = 1 << shift
        if self._sector not in (512, 4096):
            raise ValueError("no such sectors")
        table = b"".join(self._read_sector(sector) for sector in self._list_table_sectors())
        self._next = struct.unpack(f"<{len(table) // 4}I", table)

    def read(self, name: str) -> bytes:
        """Return the content of a stream that is too large for the stream of small ones."""
        directory = self._read_chain(self._directory)
        for at in range(0, len(directory), 128):
            written, length, first, size = struct.unpack_from("<64sH50xII", directory, at)
            if written[: max(length - 2, 0)].decode("utf-16-le", "replace") == name and size >= self._smallest:
                return self._read_chain(first)[:size]
        raise ValueError("no such stream")

    def _read_sector(self, number: int) -> bytes:
        at = (number + 1) * self._sector
        return self._data[at : at + self._sector]

    def _read_chain(self, first: int) -> bytes:
        sectors, number = list[bytes](), first
        while number < len(self._next):
            sectors.append(self._read_sector(number))
            if len(sectors) > len(self._next):
                raise ValueError("the chain has no end")
            number = self._next[number]
        return b"".join(sectors)

    def _list_table_sectors(self) -> Sequence[int]:
        """List the sectors of the allocation table: the header names the first, further sectors the rest."""
        more, count = struct.unpack_from("<68xII", self._data)
        sectors = list(struct.unpack_from(f"<76x{_HEADER_ENTRIES}I", self._data))
        for _ in range(min(count, len(self._data) // self._sector)):
            *listed, more = struct.unpack(f"<{self._sector // 4}I", self._read_sector(more))
            sectors += listed
        return [sector for sector in sectors if sector < len(self._data) // self._sector]


def _read_records(stream: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Yield the records from a place on to the end of that part of the stream, without the parts within it."""
    depth = 0
    while at < len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        depth += (kind == _BEGIN) - (kind == _END)
        if depth < 1:
            return
        if depth == 1:
            yield kind, stream[at + 4 : at + 4 + length]
        at += 4 + length


def _find_sheet(stream: bytes, name: str) -> int | None:
    """Find the place in the stream at which a sheet begins ([MS-XLS] 2.4.28)."""
    for kind, record in _read_records(stream, 0):
        if kind == _BOUND_SHEET:
            start, wide = struct.unpack_from("<I3xB", record)
            if record[8:].decode("utf-16-le" if wide & 1 else "latin-1") == name:
                return int(start)
    return None


def _scan_sheet(stream: bytes, start: int) -> SheetLayout:
    """Return the rows ([MS-XLS] 2.4.221) and columns (2.4.53) that are hidden."""
    layout = SheetLayout()
    for kind, record in _read_records(stream, start):
        if kind == _ROW:
            row, flags = struct.unpack_from("<H10xH", record)
            if flags & 0x20:
                layout.hidden_rows.add(row + 1)
        elif kind == _COLUMNS:
            first, last, flags = struct.unpack_from("<HH4xH", record)
            if flags & 1:
                layout.hidden_columns.update(range(first + 1, min(last, 1_000) + 2))
    return layout

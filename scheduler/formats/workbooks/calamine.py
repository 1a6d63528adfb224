"""Sheets of .ods and .xls, read by calamine."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

from scheduler.formats.workbooks.layout import CellRange


class CalamineBook:
    """A workbook whose sheets calamine reads. What cannot be read raises an error of calamine's, an Exception."""

    def __init__(self, data: bytes) -> None:
        from python_calamine import CalamineWorkbook, SheetVisibleEnum

        self._book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        self.names: list[str] = list(self._book.sheet_names)
        shown = [sheet.name for sheet in self._book.sheets_metadata if sheet.visible == SheetVisibleEnum.Visible]
        self.first = (shown or self.names)[0]

    def read_rows(self, name: str) -> tuple[Iterator[tuple[int, Sequence[Any]]], list[CellRange]]:
        """Return the rows of a sheet with their numbers, and the merged cells of an .xls."""
        sheet = self._book.get_sheet_by_name(name)
        left = [""] * (sheet.start[1] if sheet.start else 0)
        rows = ((number, [*left, *row]) for number, row in enumerate(sheet.iter_rows(), start=1))
        merged = [
            CellRange(top + 1, start + 1, bottom + 1, end + 1)
            for (top, start), (bottom, end) in sheet.merged_cell_ranges or ()
        ]
        return rows, merged

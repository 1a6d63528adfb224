"""Cards on paper, as PDF: set by Typst, which shapes and breaks every script we serve, and keeps the text as text.

The fonts that are needed come with the package; for letters of other scripts it takes those of the system.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from scheduler.base.resources import BUNDLED_PRINT, PRINT

SHEETS, FONTS = Path(PRINT), Path(BUNDLED_PRINT)


class PrintForm(StrEnum):
    """A kind of print; its value is the name of the template."""

    BADGES = "badges"
    PLACE_CARDS = "place-cards"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One person's. ``code`` is a picture of their pass (SVG), ``spelt`` the same in letters."""

    name: str
    title: str = ""
    detail: str = ""
    event: str = ""
    role: str = ""
    code: str = ""
    spelt: str = ""


def print_cards(
    form: PrintForm, cards: Sequence[Card], *, title: str, language: str, one_per_page: bool = False
) -> bytes:
    """Print cards as a PDF, in their order; ``one_per_page`` is for a printer of single cards."""
    cut = {"single": one_per_page, "cards": [asdict(card) for card in cards]}
    return _set(form, {"title": title, "language": language, **cut})


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitLine:
    """A visit on the list of a day."""

    time: str
    reference: str
    names: Sequence[str]
    service: str
    documents: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayList:
    """The list of a day, with all its words."""

    title: str
    subtitle: str
    printed: str  # when, at the foot of each page
    headings: Sequence[str]
    lines: Sequence[VisitLine]
    nothing: str


def print_day_list(sheet: DayList, *, language: str) -> bytes:
    """Print the list of a day as a PDF."""
    return _set("day-list", {"language": language, **asdict(sheet)})


def _set(template: str, data: Mapping[str, Any]) -> bytes:
    import typst

    made = typst.compile(
        SHEETS / f"{template}.typ",
        root=SHEETS,
        font_paths=[FONTS],
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        format="pdf",
    )
    assert isinstance(made, bytes)  # noqa: S101 - nothing else without a file to write to
    return made

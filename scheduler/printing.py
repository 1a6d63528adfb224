"""Cards on paper, as PDF: set by Typst, which shapes and breaks every script we serve, and keeps the text as text.

The fonts that are needed lie beside the templates; for letters of other scripts it takes those of the system.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

PRINT = Path(__file__).parent / "print"


class Form(StrEnum):
    """What is printed: the name of its template."""

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


def printed(form: Form, cards: Sequence[Card], *, title: str, language: str, one_per_page: bool = False) -> bytes:
    """The cards in their order, as a PDF; ``one_per_page`` for a printer of cards."""
    import typst

    data = {"title": title, "language": language, "single": one_per_page, "cards": [asdict(card) for card in cards]}
    made = typst.compile(
        PRINT / f"{form}.typ",
        root=PRINT,
        font_paths=[PRINT / "fonts"],
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        format="pdf",
    )
    assert isinstance(made, bytes)  # noqa: S101 - nothing else without a file to write to
    return made

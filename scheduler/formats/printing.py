"""Cards on paper, as PDF: set by Typst, which shapes and breaks every script we serve, and keeps the text as text.

Fonts for most living scripts come with the package; for letters of others Typst takes those of the system. What no
font has would be left out of the print without a word: `find_unset` finds it beforehand.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
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
    """One person's. ``code`` is a picture of their pass (SVG), ``spelt`` the same in letters.

    ``language`` is the person's, which decides how letters of Chinese origin look; "" if it is not known.
    """

    name: str
    title: str = ""
    detail: str = ""
    event: str = ""
    role: str = ""
    code: str = ""
    spelt: str = ""
    language: str = ""


def print_cards(
    form: PrintForm,
    cards: Sequence[Card],
    *,
    title: str,
    language: str,
    one_per_page: bool = False,
    notice: Sequence[str] = (),
) -> bytes:
    """Print cards as a PDF, in their order; ``one_per_page`` is for a printer of single cards.

    The lines of the ``notice`` stand on a page of their own behind the cards.
    """
    cut = {"single": one_per_page, "cards": [asdict(card) for card in cards], "notice": list(notice)}
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
    notice: Sequence[str] = ()  # below the list


def print_day_list(sheet: DayList, *, language: str) -> bytes:
    """Print the list of a day as a PDF."""
    return _set("day-list", {"language": language, **asdict(sheet)})


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationSheet:
    """An invitation on paper: whose house it is, for whom, its lines with their style, the two sides of its foot."""

    language: str
    house: str
    addressee: str
    lines: Sequence[Mapping[str, str]]
    reply: Sequence[str] = ()
    foot: Sequence[str] = ()


def print_invitations(cards: Sequence[InvitationSheet], *, title: str, language: str, notice: Sequence[str]) -> bytes:
    """Print invitations as a PDF, each on a page of A5 of its own."""
    cut = {"cards": [asdict(card) for card in cards], "notice": list(notice)}
    return _set("invitations", {"title": title, "language": language, **cut})


@dataclass(frozen=True, slots=True, kw_only=True)
class PostalAddress:
    """Text of an envelope: the house that sends it, and the lines of the addressee."""

    language: str
    house: str
    lines: Sequence[str]


def print_envelopes(
    cards: Sequence[PostalAddress], *, title: str, language: str, labels: bool, notice: Sequence[str]
) -> bytes:
    """Print envelopes (C5) as a PDF, or ``labels`` for them, fourteen on a sheet of A4."""
    cut = {"cards": [asdict(card) for card in cards], "labels": labels, "notice": list(notice)}
    return _set("envelopes", {"title": title, "language": language, **cut})


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


# Letters that no font has

# What the bundled fonts are known to have: all texts of most lists.
_COMMON = re.compile("[\n -~\u00a0-\u017f\u0400-\u045f\u0490-\u04e9\u0e01-\u0e5b\u2010-\u2026]*")
_JOINER = "\u200d"  # joins emoji, too
_NAMED = re.compile(r'the text `"((?:[^"\\]|\\.)+)"` could not be displayed')


def find_unset(texts: Iterable[str]) -> set[str]:
    """Return the letters of these texts that no font has, neither ours nor the system's.

    Marks that join letters and cannot be seen are none.
    """
    rare = {text for text in texts if not _COMMON.fullmatch(text)}
    alone = _find_unset(_find_unset(rare))  # beside a letter without a font Typst names its neighbours, too
    return {letters for letters in alone if any(unicodedata.category(sign) != "Cf" for sign in letters)}


def _find_unset(texts: set[str]) -> set[str]:
    import typst

    if not texts:
        return set()
    data = {"data": json.dumps(sorted(texts), ensure_ascii=False)}
    try:  # a PDF to be archived may leave no text out (ISO 19005-2, 6.2.11.8): only of one Typst says so
        typst.compile(SHEETS / "letters.typ", font_paths=[FONTS], sys_inputs=data, format="pdf", pdf_standards="a-2u")
    except typst.TypstError as error:
        return {_unescape(found) for found in _NAMED.findall(str(error.diagnostic))}
    return set()


def _unescape(text: str) -> str:
    """Read a string as Typst writes it: with \\u{200b} for what cannot be seen."""
    plain = re.sub(r"\\u\{([0-9a-fA-F]+)\}", lambda found: chr(int(found[1], 16)), text)
    return re.sub(r"\\(.)", r"\1", plain)


def name_script(letters: str) -> str:
    """Return the name of the script of some letters, as Unicode has it: Ethiopic, Han, Nko."""
    kinds = [(letter, unicodedata.category(letter)[0]) for letter in letters if letter != _JOINER]
    words = [unicodedata.name(letter, "?") for letter, kind in kinds if kind in "LC"]
    if not words and any(kind == "S" for _, kind in kinds):
        return "Emoji"
    found = re.split(
        r" (?:CAPITAL|SMALL|LETTER|SYLLABLE|UNIFIED|IDEOGRAPH|SIGN|VOWEL|CHARACTER)\b", next(iter(words), "?")
    )[0]
    return "Han" if found == "CJK" else found.title()

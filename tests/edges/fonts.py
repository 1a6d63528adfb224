"""Which font file a browser fetches for which letters: read from the stylesheet."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from scheduler.base.resources import BUNDLED_WEB, STATIC

FACE = re.compile(r"url\((fonts/(noto-\w+)-[\w-]+\.woff2)\).*?unicode-range: ([^;]+);")


@cache
def faces() -> list[tuple[Path, str, list[range]]]:
    found = FACE.findall(Path(STATIC, "look.css").read_text())
    return [
        (Path(BUNDLED_WEB, file), family, [_range(part) for part in ranges.split(",")])
        for file, family, ranges in found
    ]


def covering(letter: str) -> set[str]:
    """The families that have this letter."""
    return {family for _, family, ranges in faces() if any(ord(letter) in one for one in ranges)}


def weight(page: str) -> int:
    """The bytes of every file that a page could make a browser fetch, in both families."""
    letters = {ord(letter) for letter in page}
    used = {file for file, _, ranges in faces() if any(letters.intersection(one) for one in ranges)}
    return sum(file.stat().st_size for file in used)


def _range(part: str) -> range:
    first, _, last = part.strip().removeprefix("U+").partition("-")
    return range(int(first, 16), int(last or first, 16) + 1)

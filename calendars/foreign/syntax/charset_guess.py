"""The guess of a charset from the letters of a file that is not in UTF-8."""

import re
from collections.abc import Iterator
from itertools import islice, pairwise

_RUN = re.compile(rb"[\x80-\xff]{2,}")  # of letters beyond ASCII
_MAX_RUNS = 2_000  # that are looked at
_LEAST = 3  # letters in a run before other scripts than the Latin one are thought of
_FREQUENT = frozenset("оеаинтсрвлк")  # the commonest letters of Russian are two thirds of a text
_YO = b"\xa3\xb3\xa8\xb8"  # the letters "yo" of KOI8-R and windows-1251
_THAI_CONSONANT, _THAI_MARKS = range(0x0E01, 0x0E2F), "ัิีึืฺุู็่้๊๋์ํ"


def guess_charset(data: bytes) -> str:
    """Guess windows-1251, KOI8-R, TIS-620 or windows-1252 from the letters beyond ASCII, by their runs."""
    runs = [found[0] for found in islice(_RUN.finditer(data), _MAX_RUNS)]
    if not any(len(run) >= _LEAST for run in runs):
        return "windows-1252"
    if _has_thai_letters(b"".join(runs)) and all(map(_is_thai, runs)):
        return "TIS-620"
    scores = {charset: sum(_score_russian(runs, charset)) for charset in ("windows-1251", "KOI8-R")}
    best = max(scores, key=scores.__getitem__)
    return best if scores[best] > 0 else "windows-1252"


def _has_thai_letters(letters: bytes) -> bool:
    """Tell whether one letter in six is a consonant of Thai that is no letter of Russian in its charsets."""
    found = sum(0xA1 <= octet <= 0xBF and octet not in _YO for octet in letters)
    return found * 6 >= len(letters)


def _is_thai(run: bytes) -> bool:
    """Tell whether the letters are Thai and each mark stands on a consonant, as it must."""
    try:
        text = run.decode("cp874")
    except UnicodeError:
        return False
    marked = ((before, letter) for before, letter in pairwise(f" {text}") if letter in _THAI_MARKS)
    return all(ord(before) in _THAI_CONSONANT or before in _THAI_MARKS for before, _ in marked)


def _score_russian(runs: list[bytes], charset: str) -> Iterator[int]:
    """Yield points for frequent letters, and minus points for a capital behind a small letter or no letter at all."""
    for run in runs:
        text = run.decode(charset, "replace")
        yield sum(letter.lower() in _FREQUENT for letter in text)
        yield -sum(not letter.isalpha() for letter in text)
        yield -2 * sum(before.islower() and letter.isupper() for before, letter in pairwise(text))

"""Compare names across scripts, to find who is probably the same person. Keys are never stored and never shown.

Cyrillic becomes Latin by a table of our own, and letters that transliterations disagree about become one. Thai is
compared with Thai only: how a Thai name is written in Latin letters is its bearer's choice, and no table guesses it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from scheduler.base.text import fold_text

_CYRILLIC = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюяәғқңөұүһіїєґў",
        [
            "a",
            "b",
            "v",
            "g",
            "d",
            "e",
            "e",
            "j",
            "z",
            "i",
            "i",
            "k",
            "l",
            "m",
            "n",
            "o",
            "p",
            "r",
            "s",
            "t",
            "u",
            "f",
            "h",
            "c",
            "ch",
            "sh",
            "sh",
            "-",
            "i",
            "-",
            "e",
            "iu",
            "ia",
            "a",
            "g",
            "k",
            "n",
            "o",
            "u",
            "u",
            "h",
            "i",
            "i",
            "e",
            "g",
            "u",
        ],
        strict=True,
    )
)
_LATIN = str.maketrans({"ı": "i", "ø": "o", "đ": "d", "ł": "l", "ß": "ss", "æ": "ae", "œ": "oe", "ə": "a"})
# What systems of transliteration and languages disagree about; longer first.
_SAME = (
    ("shch", "sh"),
    ("tsch", "ch"),
    ("tch", "ch"),
    ("zh", "j"),
    ("dzh", "j"),
    ("dj", "j"),
    ("kh", "h"),
    ("gh", "g"),
    ("ph", "f"),
    ("ts", "c"),
    ("tz", "c"),
    ("ks", "x"),
    ("q", "k"),
    ("w", "v"),
    ("y", "i"),
    ("ou", "u"),
    ("oo", "u"),
    ("ee", "i"),
    ("ie", "e"),
    ("io", "e"),
)
# Before a name, and no part of it.
_TITLES = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "miss",
        "dr",
        "prof",
        "sir",
        "he",
        "hrh",
        "hm",
        "mme",
        "m",
        "g-n",
        "g-ja",
        "gn",
        "gja",
        "gospodin",
        "gospoja",
        "mirza",
        "hanim",
        "нр",
        "г",
        "г-н",
        "г-жа",
        "господин",
        "госпожа",
        "др",
        "проф",
        "мырза",
        "ханым",
    ]
)
# Thai is written without spaces: what goes on with a vowel or tone mark is one word (คุณากร), and of a short form only
# its full stop or a space tells it from the beginning of a name (ศรัณย์, ดรุณี).
_THAI_TITLES = re.compile(
    r"^(?:(?:(?:นางสาว|นาย|นาง|คุณ|ฯพณฯ)(?![\u0e30-\u0e3a\u0e45\u0e47-\u0e4e])|(?:ผศ|รศ|ศ|ดร)(?:\.|(?=\s))|น\.ส\.)\s*)+"
)


@lru_cache(maxsize=1024)
def _same_letter(letter: str) -> str:
    return _CYRILLIC.get(letter, letter).replace("-", "")


def make_name_key(name: str) -> str:
    """Equal for one name in another order, case, or transliteration."""
    plain = _THAI_TITLES.sub("", re.sub(r"[’'`]|\bh\.\s?e\.|\bh\.\s?r\.\s?h\.", "", fold_text(name)))
    words = [_word(word) for word in re.split(r"[\s.,;:()\"«»“”/_-]+", plain) if word and word not in _TITLES]
    return " ".join(sorted(word for word in words if word))


@lru_cache(maxsize=100_000)
def _word(word: str) -> str:
    if "\u0e00" <= word[0] <= "\u0e7f":
        return word
    latin = "".join(map(_same_letter, word)).translate(_LATIN)
    latin = "".join(c for c in unicodedata.normalize("NFD", latin) if not unicodedata.combining(c))
    for written, one in _SAME:
        latin = latin.replace(written, one)
    return re.sub(r"(.)\1+", r"\1", latin)  # Anna, Ana; iiu of a soft ending


def make_blocking_key(key: str) -> str:
    """Return the part of a key that nearly equal names mostly share: the beginnings of their two longest words."""
    longest = sorted(key.split(), key=len, reverse=True)[:2]
    return " ".join(sorted(word[:3] for word in longest))


def is_nearly_same(one: str, other: str) -> bool:
    """Return whether two keys differ by a slip of the pen; endings of a wife's name and numbers are no slips."""
    from rapidfuzz.distance import Levenshtein

    if min(len(one), len(other)) < 10 or re.search(r"\d", one + other):
        return False
    if Levenshtein.distance(one, other, score_cutoff=1) > 1:
        return False
    return not _is_a_pair(one.split(), other.split())


def is_respelling(one: str, other: str) -> bool:
    """Return whether two names are one name spelled in two ways, or with a slip of the pen.

    Case, order, script and transliteration do not count. A slip is one letter more, less, other or out of place,
    in at most two words of at least four letters; never the ending that tells Serikov from Serikova.
    """
    if make_name_key(one) == make_name_key(other):
        return True
    words, others = (_list_words(name) for name in (one, other))
    different = [pair for pair in zip(words, others, strict=False) if pair[0] != pair[1]]
    same_length = len(words) == len(others) and len(different) <= 2
    return same_length and all(_is_slip(*pair) for pair in different) and not _is_a_pair(words, others)


def _list_words(name: str) -> list[str]:
    """Return the keys of the words of a name, in its own order."""
    return [key for word in re.split(r"[\s-]+", name) if (key := make_name_key(word))]


def _is_slip(one: str, other: str) -> bool:
    from rapidfuzz.distance import OSA

    digits = re.search(r"\d", one + other)
    return not digits and min(len(one), len(other)) >= 4 and OSA.distance(one, other) <= 1


def _is_a_pair(one: list[str], other: list[str]) -> bool:
    """Serikov and Serikova are two people."""
    different = [(a, b) for a, b in zip(one, other, strict=False) if a != b]
    return any(a.rstrip("a") == b.rstrip("a") for a, b in different)


def language_of(text: str, otherwise: str) -> str:
    """Return the language whose script a text is in, of those we serve; ``otherwise`` for Latin letters."""
    if re.search(r"[\u0e00-\u0e7f]", text):
        return "th"
    if re.search("[әғқңөұүһіӘҒҚҢӨҰҮҺІ]", text):
        return "kk"
    if re.search(r"[\u0400-\u04ff]", text):
        return otherwise if otherwise in ("kk", "ru") else "ru"
    return "en" if otherwise in ("kk", "ru", "th") else otherwise

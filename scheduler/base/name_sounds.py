"""Compare names by sound, in whatever script they are written, to find the person who stands at the door.

`name_matching.make_name_key` tells who is the same; this tells who might be meant. It is more forgiving: Thai letters
become Latin ones, which is too little to take two people for one and enough to offer both. `SoundIndex` finds rows by
words that sound alike among tens of thousands in milliseconds.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from rapidfuzz import fuzz, process

from scheduler.base.name_matching import make_name_key
from scheduler.base.text import fold_text

# As Thai names are mostly written by their bearers (close to the Royal Institute's system), first sounds.
_SPELT = """
ก=k ข=kh ฃ=kh ค=kh ฅ=kh ฆ=kh ง=ng จ=j ฉ=ch ช=ch ซ=s ฌ=ch ญ=y ฎ=d ฏ=t ฐ=th ฑ=th ฒ=th ณ=n ด=d ต=t ถ=th ท=th ธ=th น=n บ=b
ป=p ผ=ph ฝ=f พ=ph ฟ=f ภ=ph ม=m ย=y ร=r ล=l ว=v ศ=s ษ=s ส=s ห=h ฬ=l อ= ฮ=h ะ=a ั=a า=a ิ=i ี=i ึ=u ื=u ุ=u ู=u เ=e แ=e โ=o
ใ=ai ไ=ai ํ=am ๅ=a ฤ=ru ฦ=lu ๆ= ็=
"""
_THAI = dict(pair.split("=") for pair in _SPELT.split())
_TITLES = re.compile(r"^(นางสาว|นาย|นาง|คุณ|ดร\.|ศ\.|น\.ส\.|ฯพณฯ)\s*")
_BEFORE = re.compile("([เแโใไ])([ก-ฮ])")  # written before the consonant that they are spoken after
_AM = str.maketrans({"ำ": "ัม"})
_TONES = re.compile("[่-๋]")
_SILENT = re.compile("[ก-ฮ][ิุ]?์")
_LAST_R = re.compile(r"(?<=[ก-ฮ])ร(?!\S)")  # พร, กร: written -orn
_SOUNDS = str.maketrans({"h": "", "b": "p", "f": "p", "d": "t", "g": "k", "c": "j", "z": "s"})


@lru_cache(maxsize=200_000)
def list_sound_words(name: str) -> frozenset[str]:
    """Split a name into the words that are compared; a Thai word with and without its silent letters."""
    found = {word for form in _in_latin(fold_text(name)) for word in make_name_key(form).split()}
    return frozenset(found)


def list_latin_forms(name: str) -> list[str]:
    """Return a name as it may be written in Latin letters: a Thai one letter by letter, any other as it is."""
    return sorted(_in_latin(fold_text(name)))


def _in_latin(name: str) -> set[str]:
    if not re.search("[ก-๎]", name):
        return {name}
    bare = _TONES.sub("", unicodedata.normalize("NFC", name).translate(_AM))
    bare = _LAST_R.sub("รน", _BEFORE.sub(r"\2\1", _TITLES.sub("", bare)))
    return {_spelt(bare.replace("์", "")), _spelt(_SILENT.sub("", bare))}


def _spelt(name: str) -> str:
    return "".join(_THAI.get(letter, letter) for letter in name)


def reduce_to_consonants(word: str) -> str:
    """Reduce a word to what all transliterations agree about: mostly its consonants."""
    plain = re.sub("[aeiouy]", "", word.translate(_SOUNDS))
    return re.sub(r"(.)\1+", r"\1", plain)


MIN_LIKENESS = 72.0  # of 100: from here on two spellings may be one word
SURE = 94.0  # of 100: from here on a word begins with what was typed, or is it


class SoundIndex:
    """Rows, by number, of the words that they are found by; a word is compared as it sounds."""

    def __init__(self) -> None:
        self._rows: dict[str, set[int]] = {}
        self._words_by_frame: dict[str, set[str]] = defaultdict(set)
        self._words_of: dict[int, frozenset[str]] = {}
        self._sorted: list[str] | None = None

    def __len__(self) -> int:
        return len(self._words_of)

    def __contains__(self, number: int) -> bool:
        return number in self._words_of

    def put(self, number: int, words: Iterable[str]) -> None:
        """Let a row be found by these words, as `list_sound_words` makes them, and by no others."""
        before, after = self._words_of.get(number, frozenset()), frozenset(words)
        self._words_of[number] = after
        for word in before - after:
            self._remove(word, number)
        for word in after - before:
            self._add(word, number)

    def remove(self, number: int) -> None:
        """Let a row be found no longer; one that is not known is passed over."""
        for word in self._words_of.pop(number, ()):
            self._remove(word, number)

    def _add(self, word: str, number: int) -> None:
        if word not in self._rows:
            self._rows[word] = set()
            self._words_by_frame[reduce_to_consonants(word)].add(word)
            self._sorted = None
        self._rows[word].add(number)

    def _remove(self, word: str, number: int) -> None:
        self._rows[word].discard(number)
        if not self._rows[word]:
            del self._rows[word]
            self._words_by_frame[reduce_to_consonants(word)].discard(word)
            self._sorted = None

    def score(self, spellings: Iterable[str]) -> Mapping[int, float]:
        """Return rows by the likeness, of 100, of their likest word to any of these spellings of one word."""
        found: dict[int, float] = {}
        for word in spellings:
            for known, score in self._find_words(word).items():
                for number in self._rows[known]:
                    if found.get(number, 0) < score:
                        found[number] = score
        return found

    def _find_words(self, word: str) -> dict[str, float]:
        """Return the indexed words that are like a word in spelling, sound or beginning, with their likeness."""
        alike = process.extract(word, self._list_words(), scorer=fuzz.ratio, score_cutoff=MIN_LIKENESS, limit=500)
        found = {known: score for known, score, _ in alike}
        frame = reduce_to_consonants(word)
        for known in self._words_by_frame.get(frame, ()) if len(frame) > 1 else ():
            found[known] = max(found.get(known, 0), 70 + 0.2 * fuzz.ratio(word, known))
        for known in self._find_beginning(word):
            found[known] = max(found.get(known, 0), 100 if known == word else SURE)
        return found

    def _find_beginning(self, word: str) -> Iterator[str]:
        """Return the indexed words that begin with a word."""
        words = self._list_words()
        at = bisect_left(words, word)
        while at < len(words) and words[at].startswith(word):
            yield words[at]
            at += 1

    def _list_words(self) -> list[str]:
        if self._sorted is None:
            self._sorted = sorted(self._rows)
        return self._sorted

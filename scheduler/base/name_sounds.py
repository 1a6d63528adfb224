"""Compare names by sound, in whatever script they are written, to find the person who stands at the door.

`name_matching.make_name_key` tells who is the same; this tells who might be meant. It is more forgiving: Thai letters
become Latin ones, which is too little to take two people for one and enough to offer both.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

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

"""Codes typed by hand-held scanners into a computer whose keyboard has another layout.

A scanner acts as a keyboard: it presses the keys on which a code stands in the layout of the United States, with
Shift for capitals, and the computer writes what its own layout has there.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

_KEYS = "1234567890-qwertyuiopasdfghjklzxcvbnm"


def _layout(plain: str, more: str = "") -> Mapping[int, str]:
    """Return the key of every sign of a layout.

    ``plain`` has the sign of each key, ``more`` others by key: "6;:" are a semicolon and a colon on the key 6.
    """
    keys = dict(zip(plain, _KEYS, strict=True)) | {sign: part[0] for part in more.split() for sign in part[1:]}
    capitals = {sign.upper(): key for sign, key in keys.items() if len(sign.upper()) == 1}
    return str.maketrans(capitals | keys)


# Of related layouts, which differ in a few signs, one has them all (https://kbdlayout.info shows each).
_LAYOUTS = (
    # German; Swiss; Hungarian
    _layout("1234567890ßqwertzuiopasdfghjklyxcvbnm", "1!+ 2\" 3§* 4$ç 5% 6& 7/ 8( 9) 0=ö -?ü'"),
    # French; Belgian and of Apple
    _layout("&é\"'(-è_çà)azertyuiopqsdfghjklwxcvbn,", "11 22 33 44 55 66§ 77 88! 99 00 -° m?"),
    _layout("+ěščřžýáíé=qwertzuiopasdfghjklyxcvbnm", "11 2ľ2 33 44 5ť5 66 77 88 99 00 -%"),  # Czech; Slovak
    _layout("ąčęėįšųū90-qwertyuiopasdfghjklzxcvbnm", "iı -*"),  # Lithuanian; Turkish
    _layout("1234567890-йцукенгшщзфывапролдячсмить"),  # Russian
    _layout("1234567890-йцукенгшщзфівапролдячсмить"),  # Ukrainian
    _layout('"әіңғ,.үұқөйцукенгшщзфывапролдячсмить', "1! 6; 7:"),  # Kazakh
    _layout("1234567890-,уеишщксдзьяаожгтнвюйъэфхп", "qы"),  # Bulgarian
    _layout("1234567890-;ςερτυθιοπασδφγηξκλζχψωβνμ", "q: w΅"),  # Greek
    _layout("1234567890-/'קראטוןםפשדגכעיחלךזסבהנמצ"),  # Hebrew
    _layout("1234567890-ქწერტყუიოპასდფგჰჯკლზხცვბნმ", "wჭ rღ tთ sშ jჟ zძ cჩ"),  # Georgian
    _layout(  # Thai
        "ๅ/-ภถุึคตจขๆไำพะัีรนยฟหกดเ้่าสผปแอิืท",
        '1+ 2๑ 3๒ 4๓ 5๔ 6ู 7฿ 8๕ 9๖ 0๗ -๘ q๐ w" eฎ rฑ tธ yํ u๊ iณ oฯ pญ aฤ sฆ dฏ fโ gฌ h็ j๋ kษ lศ z( x) cฉ vฮ bฺ n์ m?',
    ),
)


def read_typed_code(typed: str) -> Iterator[str]:
    """Yield what a code in Latin letters can be: as it was typed, then as it was meant under each other layout.

    Letters are small, and those of double width, which Japanese and Chinese keyboards write, are plain ones.
    """
    plain = unicodedata.normalize("NFKC", typed)
    seen = {plain.lower()}
    yield plain.lower()
    for layout in _LAYOUTS:
        meant = typed.translate(layout).lower()
        if meant not in seen:
            seen.add(meant)
            yield meant


def may_be_name(typed: str) -> bool:
    """Return whether a text has only letters, marks on letters, and what stands between names."""
    return all(unicodedata.category(sign)[0] in "LMZ" or sign in "-'’.,()" for sign in typed)

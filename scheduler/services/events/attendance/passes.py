"""The pass of an attendee: a token that the door reads, as a QR code or typed.

In upper case, which QR codes write in half the space (ISO/IEC 18004, alphanumeric mode): a small code that old
telephones and poor printers manage. Raising the attendee's epoch revokes it together with their links.
"""

from __future__ import annotations

import re
import struct
import zlib
from datetime import datetime
from typing import Any

from scheduler.model import Attendee, Mode, Standing
from scheduler.services.common import tokens
from scheduler.services.common.tokens import Purpose

BORDER = 4  # white, without which readers do not find it (ISO/IEC 18004 9.1)
_SECRET_PART = 26  # letters of 128 bits
_GROUP = 5
# Letters that are no digits of base 32, taken for those they look like.
_ALIKE = str.maketrans("018", "olb")
# What a scanner that types like a keyboard brings where the computer's layout is not the Latin one: the letters of
# the same keys. A scanner presses Shift for capitals, which changes what Thai keys write.
_LATIN = "qwertyuiopasdfghjklzxcvbnm"
_LAYOUTS = tuple(
    str.maketrans(dict(zip(written, meant, strict=True)))
    for written, meant in (
        ("йцукенгшщзфывапролдячсмить", _LATIN),
        ('"әіңғ,.үұқө', "1234567890-"),
        ("ๆไำพะัีรนยฟหกดเ้่าสผปแอิืท", _LATIN),
        ('๐"ฎฑธํ๊ณฯญฤฆฏโฌ็๋ษศ()ฉฮฺ์?', _LATIN),
        ("ๅ/-ภถุึคตจข", "1234567890-"),
    )
)


def of(attendee: Attendee, *, secret: str) -> str:
    return made(attendee.id, attendee.created_at, attendee.epoch, secret=secret)


def made(number: int, since: datetime, epoch: int, *, secret: str) -> str:
    return tokens.of_attendee(Purpose.PASS, number, since, epoch, secret=secret).upper()


def is_due(attendee: Attendee) -> bool:
    """Only who has a place in the hall is let in by a code."""
    return attendee.standing is Standing.CONFIRMED and attendee.mode is Mode.IN_PERSON


def groups(given: str) -> str:
    """To be read aloud and typed: 1234 ABCDE FGHIJ ..."""
    number, _, rest = given.partition("-")
    return " ".join([number, *(rest[at : at + _GROUP] for at in range(0, len(rest), _GROUP))])


# Reading


def read(given: str) -> str | None:
    """The pass that was scanned or typed, whatever the keyboard or the eye made of it; None for what is none."""
    if len(given) > 200:
        return None
    typed = given.strip().lower()
    return next(filter(None, (_token(typed.translate(layout)) for layout in ({}, *_layouts(typed)))), None)


def _token(typed: str) -> str | None:
    bare = re.sub(r"[\s.–—-]", "", typed)
    number, rest = bare[:-_SECRET_PART], bare[-_SECRET_PART:].translate(_ALIKE)
    token = f"{number}-{rest}"
    return token.upper() if tokens.number(token) else None


def _layouts(typed: str) -> list[dict[int, str]]:
    russian, kazakh, thai, thai_capitals, thai_digits = _LAYOUTS
    if typed.isascii():
        return []
    return [russian, kazakh | russian, thai_digits | thai_capitals, thai | thai_digits]


def belongs(given: str, attendee: Attendee, *, secret: str) -> int | None:
    """The epoch of this attendee that the pass was made in; None for one that never was theirs."""
    for epoch in range(attendee.epoch, max(-1, attendee.epoch - 100), -1):
        if tokens.same(given, made(attendee.id, attendee.created_at, epoch, secret=secret)):
            return epoch
    return None


# The code


def png(given: str) -> bytes:
    """A few hundred octets, one bit a pixel: eight pixels of a line, an octet, are one dot of the code."""
    rows = dots(given)
    lines = b"".join(8 * (b"\0" + row) for row in rows)  # the octet before it: not derived from the line above
    size = struct.pack(">IIBBBBB", 8 * len(rows[0]), 8 * len(rows), 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", size), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*one) for one in chunks)


def svg(given: str) -> str:
    """For print. Without the border: what sets it keeps it clear."""
    return str(_code(given).to_svg(add_quiet_zones=False))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def dots(given: str) -> list[bytes]:
    """The lines of the code from above, an octet a dot: 0 is dark, 255 light. With its border.

    By the library that is fast enough to do it for every letter: segno takes as long as the rest of one.
    """
    image = memoryview(_code(given).to_image(scale=1, add_quiet_zones=False))
    (_height, width), side, bare = image.shape or (0, 0), b"\xff" * BORDER, image.tobytes()
    empty = [b"\xff" * (width + 2 * BORDER)] * BORDER
    inner = [side + bare[at : at + width] + side for at in range(0, len(bare), width)]
    return [*empty, *inner, *empty]


def _code(given: str) -> Any:
    import zxingcpp

    return zxingcpp.create_barcode(given, zxingcpp.BarcodeFormat.QRCode, ec_level="M")

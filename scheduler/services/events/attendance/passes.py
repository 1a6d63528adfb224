"""The pass of an attendee: a token that the door reads, as a QR code or typed.

It is in upper case, which QR codes store in half the space (ISO/IEC 18004, alphanumeric mode): old telephones and
poor printers manage so small a code. Raising the attendee's epoch revokes the pass together with their links.
"""

from __future__ import annotations

import re
import struct
import zlib
from datetime import datetime
from typing import Any

from scheduler.formats.keyboards import may_be_name, read_typed_code
from scheduler.model.attendance import Attendee, Standing
from scheduler.model.events import Mode
from scheduler.services.common import tokens
from scheduler.services.common.tokens import Purpose

BORDER_DOTS = 4  # white: without it readers do not find the code (ISO/IEC 18004 9.1)
_COMPRESSION = 4  # of a PNG: of equal lines it makes as little as 6, the usual, in half the time
_SECRET_LETTERS = 26  # of base 32, for 128 bits
_GROUP_LETTERS = 5
# Base 32 has no digits 0, 1 and 8: whoever types them means the letters that look alike.
_ALIKE = str.maketrans("018", "olb")


def make_pass(attendee: Attendee, *, secret: str) -> str:
    """Return the pass of an attendee as it is now."""
    return make_pass_token(attendee.id, attendee.created_at, attendee.epoch, secret=secret)


def make_pass_token(number: int, since: datetime, epoch: int, *, secret: str) -> str:
    """Return the pass of an attendee by id, by when the row was created, and by the epoch of its links."""
    return tokens.make_attendee_token(Purpose.PASS, number, since, epoch, secret=secret).upper()


def is_due(attendee: Attendee) -> bool:
    """Return whether the attendee gets a pass: only those with a place in the hall do."""
    return attendee.standing is Standing.CONFIRMED and attendee.mode is Mode.IN_PERSON


def split_in_groups(given: str) -> str:
    """Write a pass in groups, to be read aloud and typed: 1234 ABCDE FGHIJ ..."""
    number, _, rest = given.partition("-")
    return " ".join([number, *(rest[at : at + _GROUP_LETTERS] for at in range(0, len(rest), _GROUP_LETTERS))])


# Reading


def parse_passes(given: str) -> list[str]:
    """Return the passes that may have been scanned or typed, one for each keyboard layout; none if it is no pass."""
    if len(given) > 200:
        return []
    return list(dict.fromkeys(filter(None, map(_token, read_typed_code(given)))))


def _token(typed: str) -> str | None:
    bare = re.sub(r"[\W_]", "", typed)
    number, rest = bare[:-_SECRET_LETTERS], bare[-_SECRET_LETTERS:].translate(_ALIKE)
    token = f"{number}-{rest}"
    return token.upper() if tokens.read_row_id(token) else None


def looks_scanned(given: str) -> bool:
    """Return whether a text is as long as a pass and no name: a scanner typed it, under some keyboard."""
    bare = "".join(given.split())
    return len(bare) > _SECRET_LETTERS and "@" not in bare and not may_be_name(bare)


def find_epoch(given: str, attendee: Attendee, *, secret: str) -> int | None:
    """Return the epoch of this attendee in which the pass was made; None if it never was theirs."""
    for epoch in range(attendee.epoch, max(-1, attendee.epoch - 100), -1):
        if tokens.is_same(given, make_pass_token(attendee.id, attendee.created_at, epoch, secret=secret)):
            return epoch
    return None


# The code


def render_png(given: str) -> bytes:
    """Return the code of a pass as PNG of a few hundred octets.

    A pixel is one bit, so that an octet of a line is eight pixels: the width of one dot of the code.
    """
    rows = draw_code(given)
    lines = b"".join(8 * (b"\0" + row) for row in rows)  # the octet 0: no filter by the line above
    size = struct.pack(">IIBBBBB", 8 * len(rows[0]), 8 * len(rows), 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", size), (b"IDAT", zlib.compress(lines, _COMPRESSION)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*one) for one in chunks)


def render_svg(given: str) -> str:
    """Return the code of a pass as SVG for print, without its border: the layout keeps that clear."""
    return str(_code(given).to_svg(add_quiet_zones=False))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def draw_code(given: str) -> list[bytes]:
    """Return the lines of the code of a pass with its border, from the top, one octet a dot: 0 is dark, 255 light.

    zxing-cpp is fast enough for every letter; segno takes as long as the rest of a letter does.
    """
    image = memoryview(_code(given).to_image(scale=1, add_quiet_zones=False))
    (_height, width), side, bare = image.shape or (0, 0), b"\xff" * BORDER_DOTS, image.tobytes()
    empty = [b"\xff" * (width + 2 * BORDER_DOTS)] * BORDER_DOTS
    inner = [side + bare[at : at + width] + side for at in range(0, len(bare), width)]
    return [*empty, *inner, *empty]


def _code(given: str) -> Any:
    import zxingcpp

    return zxingcpp.create_barcode(given, zxingcpp.BarcodeFormat.QRCode, ec_level="M")

"""Codes read from camera pictures, for browsers that cannot read them. No picture is kept."""

from __future__ import annotations

import zlib

from flask import Response, abort, request

from scheduler.formats.qr_codes import read_qr_code
from scheduler.web.officers.kit.guard import officer

MAX_SIDE = 640  # pixels, as static/door.js sends it
MAX_OCTETS = 256 * 1024  # packed, of a picture that is nothing but noise
PER_ACCOUNT = "1200 per minute"  # five cameras, each four times a second: doors share accounts, and an address


def account() -> str:
    """Return the key by which pictures are counted."""
    return officer().name


def read_picture() -> Response:
    """Answer with the text of the QR code in the picture that was sent, or with no content.

    The picture is its grey values, an octet a pixel, gzipped.
    """
    width, height = (_side(name) for name in ("width", "height"))
    greys = _unpacked(request.get_data(cache=False), width * height)
    text = read_qr_code(greys, width=width, height=height)
    return Response(text, content_type="text/plain; charset=utf-8") if text else Response(status=204)


def _side(name: str) -> int:
    side = request.args.get(name, type=int)
    if side is None or not 0 < side <= MAX_SIDE:
        abort(400)
    return side


def _unpacked(packed: bytes, length: int) -> bytes:
    """Unpack no more than was announced."""
    try:
        greys = zlib.decompressobj(wbits=31).decompress(packed, length + 1)
    except zlib.error:
        abort(400)
    if len(greys) != length:
        abort(400)
    return greys

"""QR codes in pictures."""

from __future__ import annotations


def read_qr_code(greys: bytes, *, width: int, height: int) -> str | None:
    """Return the text of a QR code in a picture; None if there is none.

    The picture is bare: an octet a pixel, 0 is dark, row by row from above. So nothing parses a format of pictures.
    """
    import zxingcpp

    rows = memoryview(greys).cast("B", shape=(height, width))
    only = zxingcpp.barcode_formats_from_str("QRCode")
    found = zxingcpp.read_barcode(rows, formats=only, text_mode=zxingcpp.TextMode.Plain)
    return found.text if found else None

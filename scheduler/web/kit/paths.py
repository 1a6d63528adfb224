"""Addresses of pages: their languages, keys and calendar years."""

from __future__ import annotations

from werkzeug.routing import BaseConverter, IntegerConverter

from scheduler.base.i18n import LANGUAGES

PER_LANGUAGE = f"/<any({','.join(LANGUAGES)}):language>"


# Beyond these no programme reaches, and no robot needs to follow "next month".
FIRST_YEAR, LAST_YEAR = 1990, 2100


CALENDAR = "text/calendar; charset=utf-8"


class RowNumber(IntegerConverter):
    """The number of a row in an address, in ASCII and as far as databases count (64 bits hold 18 digits)."""

    regex = r"[0-9]{1,18}"


class PlainText(BaseConverter):
    """Text in an address: of the length of a token at most, without control characters, which PostgreSQL refuses."""

    regex = r"[^/\x00-\x1f\x7f-\x9f]{1,100}"

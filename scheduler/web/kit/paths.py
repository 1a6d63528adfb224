"""Addresses of pages: their languages, keys and calendar years."""

from __future__ import annotations

from werkzeug.routing import BaseConverter, IntegerConverter, Map

from scheduler.base.i18n import LANGUAGES

PER_LANGUAGE = f"/<any({','.join(LANGUAGES)}):language>"


# Beyond these no programme reaches, and no robot needs to follow "next month".
FIRST_YEAR, LAST_YEAR = 1990, 2100


CALENDAR = "text/calendar; charset=utf-8"


class RowNumber(IntegerConverter):
    """The number of a row in an address, in ASCII and as far as databases count. Others are no address of ours."""

    regex = r"[0-9]{1,19}"

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=2**63 - 1)


class PlainText(BaseConverter):
    """Text in an address: of the length of a token at most, without control characters, which PostgreSQL refuses."""

    regex = r"[^/\x00-\x1f\x7f-\x9f]{1,100}"

"""Tokens in the addresses of links: derived from a row with the instance's secret, each for one purpose.

They are not stored. Beside the id a token is derived from the time at which the row was made, because SQLite gives
the id of a deleted row to a new one, and from the epoch of the row: raising that revokes the token.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b32encode
from datetime import UTC, datetime
from enum import StrEnum

TOKEN = re.compile(r"([1-9][0-9]{0,17})-([a-z2-7]{26})")


class Purpose(StrEnum):
    """The purpose of a link; a token made for one purpose is refused for every other."""

    CONFIRM = "confirm"
    OWN = "own"
    PASS = "pass"  # noqa: S105 - in the code that is scanned at the door, not in a link
    REPLY = "reply"  # in the mail address to which one person answers


# The path of the page that a link opens, after the language.
PATHS = {Purpose.CONFIRM: "confirm", Purpose.OWN: "registration"}


def derive(purpose: str, *facts: object, secret: str) -> str:
    """Return 128 bits of HMAC-SHA-256 over purpose and facts, in lower-case base32 (RFC 4648, 6): easy to dictate."""
    message = ":".join([purpose, *map(str, facts)]).encode()
    digest = hmac.new(secret.encode(), message, hashlib.sha256).digest()[:16]
    return b32encode(digest).decode().rstrip("=").lower()


def make_token(row: int, purpose: str, *facts: object, secret: str) -> str:
    """Return the token of a row: its id and an HMAC of id, purpose and facts under the instance's secret."""
    return f"{row}-{derive(purpose, row, *facts, secret=secret)}"


def make_attendee_token(purpose: Purpose, number: int, since: datetime, epoch: int, *, secret: str) -> str:
    """Return the token of an attendee; ``since`` is when they came onto the list."""
    at = since.astimezone(UTC).isoformat(timespec="microseconds")
    return make_token(number, f"attendee-{purpose}", at, epoch, secret=secret)


def read_row_id(given: str) -> int | None:
    """Return the id that a token contains, which is not checked yet; None if it does not look like a token."""
    read = TOKEN.fullmatch(given)
    return int(read[1]) if read else None


def is_same(given: str, wanted: str) -> bool:
    """Return whether two tokens are equal, in a time that does not tell how much of them is."""
    return hmac.compare_digest(given.encode(), wanted.encode())

"""Tokens in the addresses of links: derived from the row with the instance's secret, each for one purpose.

The database holds none. What a token is derived from tells rows apart that had the same number one after the other
(SQLite gives a number again once its row is gone), and raising the row's epoch revokes it.
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
    """What a link is good for; a token of one opens nothing of another."""

    CONFIRM = "confirm"
    OWN = "own"
    PASS = "pass"  # noqa: S105 - no link: what the door reads


# Where the page of each is, after the language.
PATHS = {Purpose.CONFIRM: "confirm", Purpose.OWN: "registration"}


def derived(purpose: str, *facts: object, secret: str) -> str:
    """128 bits of HMAC-SHA-256, in letters that survive being read aloud."""
    message = ":".join([purpose, *map(str, facts)]).encode()
    digest = hmac.new(secret.encode(), message, hashlib.sha256).digest()[:16]
    return b32encode(digest).decode().rstrip("=").lower()


def of(row: int, purpose: str, *facts: object, secret: str) -> str:
    """The token of a row: its number, and what only the instance can derive."""
    return f"{row}-{derived(purpose, row, *facts, secret=secret)}"


def of_attendee(purpose: Purpose, number: int, since: datetime, epoch: int, *, secret: str) -> str:
    at = since.astimezone(UTC).isoformat(timespec="microseconds")
    return of(number, f"attendee-{purpose}", at, epoch, secret=secret)


def number(given: str) -> int | None:
    """The row that a token claims to be of; None for what is no token."""
    read = TOKEN.fullmatch(given)
    return int(read[1]) if read else None


def same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())

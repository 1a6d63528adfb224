"""The meaning of a mail server's refusal (RFC 5321 4.2, RFC 3463)."""

from __future__ import annotations

import re

from scheduler.channels.base import Failure

CLOSING = 421  # may answer any command, and then the server closes the connection (RFC 5321 3.8)
TOO_LARGE = 552  # RFC 1870 6.1
# Enhanced status codes (RFC 3463 3.2 to 3.5): the recipient's address or mailbox, and the system behind it.
_ADDRESS = re.compile(r"5\.(1\.([1-6]|10)|2\.\d+)\b")
_MAILBOX = re.compile(r"4\.[12]\.\d")
_SYSTEM = re.compile(r"4\.(3\.\d|4\.5)")
_LETTER_TOO_LARGE = re.compile(r"[45]\.3\.4\b")
# No code says that letters come too fast. These words are those of Postfix, Exim, Exchange and the large providers.
_TOO_FAST = re.compile(
    r"too (many|much|fast|quick|frequent)|\brate\b|throttl|slow down|\b(server|system)s? busy", re.I
)


def judge_refusal(code: int, words: str) -> Failure:
    """Return what a refusal of the recipient or of the content means. The code is 400 or higher."""
    if code == CLOSING:
        return Failure.BUSY
    if code >= 500:
        return Failure.NO_SUCH_ADDRESS if _ADDRESS.match(words) else Failure.NEVER
    if _SYSTEM.match(words) or (_TOO_FAST.search(words) and not _MAILBOX.match(words)):
        return Failure.BUSY
    return Failure.NOT_NOW


def judge_refusal_of_sender(code: int, words: str) -> Failure:
    """Return what a refusal of the sender means. All letters have the same one, but not the same size."""
    if code == TOO_LARGE or _LETTER_TOO_LARGE.match(words):
        return Failure.NEVER if code >= 500 else Failure.NOT_NOW
    return Failure.CLOSED


def judge_reason(reason: str) -> Failure:
    """Return what a refusal means, from the reason that the ledger keeps of it: code and words."""
    code, _, words = reason.partition(" ")
    return judge_refusal(int(code), words)

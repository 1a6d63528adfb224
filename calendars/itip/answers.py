"""The answer of a guest that holds (RFC 5546 section 2.1.5): the last that they wrote, not the last that arrived."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, order=True)
class AnswerMark:
    """Rank of an answer among those of one guest: by when it was written, then by its mail, then by its digest.

    ``written_at`` is DTSTAMP, by the sender's own clock; ``mailed_at`` the Date of the mail. Both are in UTC. With
    the digest no two answers are equal, so that the same one holds in whatever order they arrive.
    """

    written_at: datetime
    mailed_at: datetime
    digest: str


def supersedes(answer: AnswerMark, held: AnswerMark | None, *, sequence: int | None, asked: int) -> bool:
    """Tell whether an answer holds from now on.

    ``asked`` is the SEQUENCE with which the guest was last asked anew, because the time had changed: an answer to an
    older one is about another time, and never holds. One without SEQUENCE is to 0 (RFC 5546 section 2.1.4).
    """
    return (sequence or 0) >= asked and (held is None or answer > held)

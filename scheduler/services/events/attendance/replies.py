"""Replies to an invitation, as files and tables write them."""

from __future__ import annotations

from enum import StrEnum

from scheduler.model.attendance import Attendee, Partstat


class Reply(StrEnum):
    """The words for PARTSTAT (RFC 5545 3.2.12) in files, tables and commands."""

    NOT_ANSWERED = "not answered"
    ACCEPTED = "accepted"
    REGRETS = "regrets"
    EXCUSED = "excused"  # regrets with apologies, as a State sends them
    TENTATIVE = "tentative"


PARTSTATS = {
    Reply.NOT_ANSWERED: Partstat.NEEDS_ACTION,
    Reply.ACCEPTED: Partstat.ACCEPTED,
    Reply.REGRETS: Partstat.DECLINED,
    Reply.EXCUSED: Partstat.DECLINED,
    Reply.TENTATIVE: Partstat.TENTATIVE,
}
_REPLIES = {partstat: reply for reply, partstat in PARTSTATS.items() if reply is not Reply.EXCUSED}


def reply_of(row: Attendee) -> Reply:
    """Return the answer on record in the words of files and tables."""
    return Reply.EXCUSED if row.excused else _REPLIES[row.partstat]

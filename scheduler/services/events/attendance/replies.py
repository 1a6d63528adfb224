"""Replies to an invitation, as files and tables write them."""

from __future__ import annotations

from enum import StrEnum

from scheduler.model import (
    Attendee,
    Partstat,
)


class Reply(StrEnum):
    """How a file says PARTSTAT."""

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


def reply(row: Attendee) -> Reply:
    """The answer on record, as files and lists say it."""
    return Reply.EXCUSED if row.excused else _REPLIES[row.partstat]

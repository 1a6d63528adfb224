"""Counters of requests that all processes share; a key names nobody, but tells requests of one sender from others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from scheduler.model.operations import Hits
from scheduler.services.common.tokens import derive

UNKNOWN_SENDER = "unknown"  # whose address could not be read
_SENDER_MARK, _SENDER_LENGTH = "@", 10  # of a key: so many characters are the same for all keys of one sender
_LONGER_THAN = timedelta(minutes=1)


def hit(*, embedded: bool) -> sa.Executable:
    """Return the statement that counts one more hit in the window, or starts a new window, and returns the count."""
    insert = sqlite.insert(Hits) if embedded else postgresql.insert(Hits)
    over = Hits.expires_at <= sa.bindparam("now", type_=Hits.expires_at.type)
    return insert.on_conflict_do_update(
        index_elements=[Hits.key],
        set_={
            "number": sa.case((over, insert.excluded.number), else_=Hits.number + insert.excluded.number),
            "expires_at": sa.case((over, insert.excluded.expires_at), else_=Hits.expires_at),
        },
    ).returning(Hits.number)


def hit_values(
    key: str, *, window: timedelta, secret: str, now: datetime, amount: int = 1, sender: str | None = None
) -> dict[str, Any]:
    """Return the values for the statement of `hit`."""
    stored = stored_key(key, secret=secret, sender=sender)
    return {"key": stored, "number": amount, "expires_at": now + window, "now": now}


def stored_key(key: str, *, secret: str, sender: str | None = None) -> str:
    """Return the key of a counter as it is stored; ``sender`` is whose requests are counted, if it is about one."""
    digest = derive("limit", key, secret=secret)
    return digest if sender is None else _sender_part(sender, secret) + digest[_SENDER_LENGTH:]


def _sender_part(sender: str, secret: str) -> str:
    return (_SENDER_MARK + derive("limit sender", sender, secret=secret))[:_SENDER_LENGTH]


@dataclass(frozen=True, slots=True)
class SenderCounts:
    """Numbers of about an hour: forms that came, their senders, and the forms from an unknown sender."""

    forms: int
    senders: int
    unknown: int


def count_senders(session: Session, *, secret: str, now: datetime) -> SenderCounts:
    """Count the forms of the last hour and their senders."""
    sender = sa.func.substr(Hits.key, 1, _SENDER_LENGTH)
    # A form counts in a window of a minute and in one of an hour: here in the latter alone.
    lately = (Hits.key.startswith(_SENDER_MARK), Hits.expires_at > now + _LONGER_THAN)
    unknown = sa.case((sender == _sender_part(UNKNOWN_SENDER, secret), Hits.number), else_=0)
    total = sa.select(sa.func.sum(Hits.number), sa.func.count(sa.distinct(sender)), sa.func.sum(unknown))
    forms, senders, of_unknown = session.execute(total.where(*lately)).one()
    return SenderCounts(forms or 0, senders, of_unknown or 0)

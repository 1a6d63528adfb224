"""What letters about events need of the tables, read once for a whole batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.text import Text
from scheduler.model import Attendee, Event, Letter, LetterKind, Mode, Person, Reminded, Standing
from scheduler.model.attendance import BOUND

# Not on the list: nothing is written to them but what they asked for.
OFF = (Standing.WITHDRAWN, Standing.UNCONFIRMED, Standing.LAPSED, Standing.REFUSED)
ASKED = (LetterKind.CONFIRM, LetterKind.STANDING)
# To who is on the list no longer, because of just that.
PARTING = (LetterKind.LAPSED, LetterKind.REFUSED, LetterKind.REMOVED)


class Row(NamedTuple):
    """What one letter needs, read in one query for a whole batch."""

    id: int
    key: str
    kind: LetterKind
    event_id: int
    facts: Mapping[str, Any]
    attempts: int
    expires_at: datetime | None
    person_id: int
    email: str | None
    name: Text
    courtesy_title: Text
    language: str
    tzid: str | None
    standing: Standing | None
    mode: Mode | None
    companions: int | None
    # Of the place on the list, for the link to its page.
    attendee_id: int | None = None
    listed_at: datetime | None = None
    epoch: int | None = None
    reminded: Reminded | None = None
    of_message_id: int | None = None


def read(session: Session, ids: Sequence[int]) -> dict[int, Row]:
    """Who comes for themselves and for another, or for two, is written to as long as one of them comes.

    Two queries, because an index must serve the first on either engine: it runs over every attendee of a large event.
    """
    rows = {row.id: row for row in _read(session, ids)}
    others = _represented(session, {row.event_id for row in rows.values()})
    for row in list(rows.values()):
        for place in others.get((row.event_id, row.person_id), ()):
            for_another = row._replace(**place)
            if _weight(for_another) > _weight(rows[row.id]):
                rows[row.id] = for_another
    return rows


def _represented(session: Session, events: Iterable[int]) -> dict[tuple[int, int], list[dict[str, Any]]]:
    """The places held for those who send somebody, by event and by who comes; few, so read once for a batch."""
    query = sa.select(Attendee).where(Attendee.represented_by_id.is_not(None), Attendee.event_id.in_(list(events)))
    found: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for one in session.scalars(query):
        place = {name: getattr(one, name) for name in ("standing", "mode", "companions", "epoch", "reminded")}
        place |= {"attendee_id": one.id, "listed_at": one.created_at}
        found.setdefault((one.event_id, one.represented_by_id or 0), []).append(place)
    return found


def _weight(row: Row) -> int:
    return 0 if row.standing is None else 1 if row.standing in OFF else 2


def _read(session: Session, ids: Sequence[int]) -> Iterator[Row]:
    themselves = sa.and_(
        Attendee.event_id == Letter.event_id,
        Attendee.person_id == Letter.person_id,
        Attendee.represented_by_id.is_(None),
    )
    query = (
        sa.select(
            Letter.id,
            Letter.key,
            Letter.kind,
            Letter.event_id,
            Letter.facts,
            Letter.attempts,
            Letter.expires_at,
            Person.id,
            Person.email,
            Person.name,
            Person.courtesy_title,
            Person.language,
            Person.tzid,
            Attendee.standing,
            Attendee.mode,
            Attendee.companions,
            Attendee.id,
            Attendee.created_at,
            Attendee.epoch,
            Attendee.reminded,
            Letter.of_message_id,
        )
        .join(Person, Person.id == Letter.person_id)
        .outerjoin(Attendee, themselves)
        .where(Letter.id.in_(ids))
    )
    return (Row(*row) for row in session.execute(query))


def is_shown_link(row: Row, event: Event) -> bool:
    return may_join(row) or event.video_public


def may_join(row: Row) -> bool:
    """The link is for those who take part by video, not for who typed an address, waits or was not approved yet."""
    return row.mode is Mode.REMOTE and row.standing in BOUND

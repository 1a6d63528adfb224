"""Read what letters about events need of the tables, once for a whole batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, joinedload

from scheduler.base.text import Text
from scheduler.model.attendance import BOUND, Attendee, Partstat, Reminded, Role, Standing
from scheduler.model.events import Event, Mode
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.places import Gender, OfficeState, Person, join_title

# Not on the list: these people get only letters that they asked for, and letters that tell them just this.
OFF_LIST = (Standing.WITHDRAWN, Standing.UNCONFIRMED, Standing.LAPSED, Standing.REFUSED)
ASKED = (LetterKind.CONFIRM, LetterKind.STANDING)
# These letters tell people that they are no longer on the list.
PARTING = (LetterKind.LAPSED, LetterKind.REFUSED, LetterKind.REMOVED)


# Letters that tell people how they stand: what their standing is as long as the letter is true.
STATED = {
    LetterKind.CONFIRM: Standing.UNCONFIRMED,
    LetterKind.CONFIRMED: Standing.CONFIRMED,
    LetterKind.PLACE_FREED: Standing.CONFIRMED,
    LetterKind.WAITING: Standing.WAITLISTED,
    LetterKind.OFFERED: Standing.OFFERED,
    LetterKind.LAPSED: Standing.LAPSED,
    LetterKind.REQUESTED: Standing.REQUESTED,
    LetterKind.REFUSED: Standing.REFUSED,
    LetterKind.REMOVED: Standing.WITHDRAWN,
    LetterKind.INVITATION: Standing.INVITED,
    LetterKind.SAVE_THE_DATE: Standing.INVITED,
    LetterKind.POUR_MEMOIRE: Standing.CONFIRMED,
}


class Called(NamedTuple):
    """A person as a letter names them."""

    courtesy_title: Text
    name: Text

    def to(self, language: str) -> str:
        """Return courtesy title and name in a language, or in the nearest one there is."""
        return join_title(self.courtesy_title, self.name, language)


class LetterRow(NamedTuple):
    """The row that a letter is composed from, beside its event: letter, recipient, and their place on the list."""

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
    # The place on the list, for the link to its page.
    attendee_id: int | None = None
    listed_at: datetime | None = None
    epoch: int | None = None
    reminded: Reminded | None = None
    partstat: Partstat | None = None
    of_message_id: int | None = None
    deputy_left_at: datetime | None = None
    represented_by: Called | None = None  # who comes in the place of the recipient, and gets the letters about it
    represents: Called | None = None  # in whose place the recipient comes
    # What forms of address need of the recipient, as of an addressee.
    position: Text = Text()
    office_class: str | None = None
    office_state: OfficeState = OfficeState.UNKNOWN
    gender: Gender = Gender.NONE
    envelope_name: Text = Text()
    own_salutation: Text = Text()
    own_closing: Text = Text()
    asked_sequence: int | None = None  # of the last e-mail that asked for an answer
    role: Role | None = None


def read_rows(session: Session, ids: Sequence[int]) -> dict[int, LetterRow]:
    """Return the rows of these letters by their ids.

    Some people attend as a deputy, and perhaps were on the list for themselves once. Their row shows the place that
    stands as the letter says, else one of their places that is on the list, so that they get letters as long as any
    place stands.

    There are two queries because one with both conditions could not use an index, on either engine, and a large event
    has very many attendees.
    """
    rows = {row.id: row for row in _read_own_places(session, ids)}
    places = _read_deputies_places(session, {row.event_id for row in rows.values()})
    for row in list(rows.values()):
        for place in places.get((row.event_id, row.person_id), ()):
            as_deputy = row._replace(**place)
            if _rank(as_deputy) > _rank(rows[row.id]):
                rows[row.id] = as_deputy
    return rows


def _read_deputies_places(session: Session, events: Iterable[int]) -> dict[tuple[int, int], list[dict[str, Any]]]:
    """Return the places that deputies take, by the ids of the event and of the deputy. There are few of them."""
    query = sa.select(Attendee).where(Attendee.represented_by_id.is_not(None), Attendee.event_id.in_(list(events)))
    found: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for one in session.scalars(query.options(joinedload(Attendee.person))):
        place = {name: getattr(one, name) for name in _OF_PLACE}
        place |= {"attendee_id": one.id, "listed_at": one.created_at}
        place |= {"represents": Called(one.person.courtesy_title, one.person.name), "deputy_left_at": None}
        found.setdefault((one.event_id, one.represented_by_id or 0), []).append(place)
    return found


_OF_PLACE = ("standing", "mode", "companions", "epoch", "reminded", "partstat", "asked_sequence", "role")


def _rank(row: LetterRow) -> int:
    """Rank places: one that the letter is about before others on the list, before off the list, before none."""
    if row.standing is None:
        return 0
    return 3 if row.standing is STATED.get(row.kind) else 1 if row.standing in OFF_LIST else 2


def _read_own_places(session: Session, ids: Sequence[int]) -> Iterator[LetterRow]:
    own_place = sa.and_(Attendee.event_id == Letter.event_id, Attendee.person_id == Letter.person_id)
    deputy = aliased(Person)
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
            Attendee.partstat,
            Letter.of_message_id,
            Attendee.deputy_left_at,
            *(getattr(Person, name) for name in _ADDRESSED_BY),
            Attendee.asked_sequence,
            Attendee.role,
            deputy.courtesy_title,
            deputy.name,
        )
        .join(Person, Person.id == Letter.person_id)
        .outerjoin(Attendee, own_place)
        .outerjoin(deputy, deputy.id == Attendee.represented_by_id)
        .where(Letter.id.in_(ids))
    )
    for *row, asked, role, title, name in session.execute(query):
        facts, address = row[: -len(_ADDRESSED_BY)], zip(_ADDRESSED_BY, row[-len(_ADDRESSED_BY) :], strict=True)
        named = Called(title, name) if name else None
        yield LetterRow(*facts)._replace(represented_by=named, asked_sequence=asked, role=role, **dict(address))


_ADDRESSED_BY = (
    "position",
    "office_class",
    "office_state",
    "gender",
    "envelope_name",
    "own_salutation",
    "own_closing",
)


def is_shown_link(row: LetterRow, event: Event) -> bool:
    """Return whether the letter shows the link to the video conference."""
    return may_join(row) or event.video_public


def may_join(row: LetterRow) -> bool:
    """Return whether the recipient takes part by video.

    People whose address is not confirmed, who wait, who are not approved yet or whom somebody represents do not.
    """
    return row.mode is Mode.REMOTE and row.standing in BOUND and row.represented_by is None

"""Finding rows by the keys that people write."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, NotFound
from scheduler.base.i18n import N_
from scheduler.base.text import folded
from scheduler.model import Attendee, City, Event, Feed, Organisation, Person, Post, Venue

Keyed = City | Organisation | Venue | Person | Event | Feed | Post
K = TypeVar("K", City, Organisation, Venue, Person, Event, Feed, Post)

_ABSENT: dict[type[Keyed], str] = {
    City: N_("there is no city {key}"),
    Organisation: N_("there is no organisation {key}"),
    Venue: N_("there is no venue {key}"),
    Person: N_("there is no person {key}"),
    Event: N_("there is no event {key}"),
    Feed: N_("there is no feed {key}"),
    Post: N_("there is no post {key}"),
}


class Lookup:
    """Rows by key within one session, each read once; `load` reads many in one query."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._rows: dict[tuple[type[Keyed], str], Keyed | None] = {}

    def load(
        self, kind: type[K], keys: Iterable[str], *options: sa.orm.interfaces.ORMOption, change: bool = False
    ) -> None:
        """Read the rows of these keys. To ``change`` them, nobody else may until the transaction ends."""
        # In one order for everybody, so that no two who change can wait for each other.
        wanted = iter(sorted({key for key in keys if (kind, key) not in self._rows}))
        while chunk := list(islice(wanted, 500)):
            self._rows |= dict.fromkeys((kind, key) for key in chunk)
            for row in self.session.scalars(_rows(kind, chunk, change).options(*options)):
                self._rows[kind, str(row.key)] = row

    def find(self, kind: type[K], key: str) -> K | None:
        self.load(kind, [key])
        found = self._rows[kind, key]
        return found if isinstance(found, kind) else None

    def get(self, kind: type[K], key: str) -> K:
        """Raises NotFound, with the nearest key there is."""
        row = self.find(kind, key)
        if row is None:
            raise absent(self.session, kind, key)
        return row

    def remember(self, row: Keyed) -> None:
        self._rows[type(row), str(row.key)] = row


def _rows(kind: type[K], keys: list[str], change: bool) -> sa.Select[K]:  # noqa: FBT001
    query = sa.select(kind).where(kind.key.in_(keys)).order_by(kind.key)
    if not change:
        return query
    # Registrations go on meanwhile: they refer to the row, they do not change it (FOR NO KEY UPDATE).
    return query.with_for_update(key_share=True, of=kind).execution_options(populate_existing=True)


def get(session: Session, kind: type[K], key: str) -> K:
    """One row by its key. Raises NotFound, with the nearest key there is."""
    return Lookup(session).get(kind, key)


def get_for_update(session: Session, kind: type[K], key: str) -> K:
    """The same, held until the transaction ends: of two who change it the second sees what the first has done."""
    lookup = Lookup(session)
    lookup.load(kind, [key], change=True)
    return lookup.get(kind, key)


def absent(session: Session, kind: type[K], key: str) -> NotFound:
    known = session.scalars(sa.select(kind.key).where(kind.key.is_not(None)).limit(5000))
    near = difflib.get_close_matches(key, [str(found) for found in known], n=1)
    sentence = NotFound(_ABSENT[kind], key=key, noun=kind.__tablename__)
    return (
        NotFound("{sentence}; did you mean {near}?", **sentence.facts, sentence=sentence, near=near[0])
        if near
        else sentence
    )


def person(session: Session, who: str) -> Person:
    """A person by key, by #number or by e-mail address.

    Raises NotFound; Conflict where several share the address, because an address is no identity.
    """
    if who.startswith("#") and who[1:].isdecimal():
        found = session.get(Person, int(who[1:])) if len(who) < 19 else None  # 64 bits hold 18 digits
        if found is None:
            raise NotFound("there is no person {key}", key=who)
        return found
    if "@" not in who:
        return get(session, Person, who)
    return _by_address(session, who)


def _by_address(session: Session, address: str) -> Person:
    found = list(session.scalars(sa.select(Person).where(sa.func.lower(Person.email) == folded(address)).limit(5)))
    if not found:
        raise NotFound("nobody has the address {address}", address=address)
    if len(found) > 1:
        raise Conflict(
            "several people share the address {address}: {people}; name one of them",
            address=address,
            people=", ".join(f"#{person.id} {person.name}" for person in found),
        )
    return found[0]


def attendee(session: Session, event: Event, who: str) -> Attendee:
    """Somebody on an event's list. Raises NotFound, or Conflict as `person` does."""
    found = _on_the_list(session, event, who) or _attendee_of(session, event, person(session, who))
    if found is None:
        raise NotFound("{who} is not on the list of {event}", who=who, event=event.key)
    return found


def _on_the_list(session: Session, event: Event, address: str) -> Attendee | None:
    """An address that several share may still be one person's among those of this event."""
    if "@" not in address:
        return None
    query = sa.select(Attendee).join(Attendee.person)
    mine = query.where(Attendee.event_id == event.id, sa.func.lower(Person.email) == folded(address)).limit(2)
    found = list(session.scalars(mine))
    return found[0] if len(found) == 1 else None


def _attendee_of(session: Session, event: Event, who: Person) -> Attendee | None:
    return session.scalar(sa.select(Attendee).where(Attendee.event_id == event.id, Attendee.person_id == who.id))

"""Find rows by the keys that people write."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, NotFound
from scheduler.base.i18n import N_
from scheduler.base.text import fold_text
from scheduler.model.places import FormerKey, Person

if TYPE_CHECKING:  # who looks for a city needs no table of posts or feeds
    from scheduler.model.attendance import Attendee
    from scheduler.model.events import Event
    from scheduler.model.feeds import Feed
    from scheduler.model.places import City, Organisation, Venue
    from scheduler.model.posts import Post

    Keyed = City | Organisation | Venue | Person | Event | Feed | Post

# Nouns of which two can be merged into one, see `FormerKey`.
MERGED = ("city", "organisation", "venue", "person")
CHUNK = 500  # keys in one query: fewer than the variables that SQLite takes
K = TypeVar("K", "City", "Organisation", "Venue", "Person", "Event", "Feed", "Post")

# By the name of the table.
_ABSENT = {
    "city": N_("there is no city {key}"),
    "organisation": N_("there is no organisation {key}"),
    "venue": N_("there is no venue {key}"),
    "person": N_("there is no person {key}"),
    "event": N_("there is no event {key}"),
    "feed": N_("there is no feed {key}"),
    "post": N_("there is no post {key}"),
}


class Lookup:
    """Cache of rows by key within one session: each is read once; `load` reads many in one query."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._rows: dict[tuple[type[Keyed], str], Keyed | None] = {}

    def load(
        self, kind: type[K], keys: Iterable[str], *options: sa.orm.interfaces.ORMOption, change: bool = False
    ) -> None:
        """Read the rows of these keys that were not read before; ``change`` locks them until the transaction ends."""
        # Everybody locks in the order of the keys, so that no two transactions wait for each other.
        missing = iter(sorted({key for key in keys if (kind, key) not in self._rows}))
        while chunk := list(islice(missing, CHUNK)):
            self._rows |= dict.fromkeys((kind, key) for key in chunk)
            for row in self.session.scalars(_select_rows(kind, chunk, change).options(*options)):
                self._rows[kind, str(row.key)] = row
            if kind.__tablename__ in MERGED:
                self._load_merged(kind, [key for key in chunk if self._rows[kind, key] is None])

    def _load_merged(self, kind: type[K], keys: list[str]) -> None:
        """Read what is meant by keys that nothing has any more: what was merged is found by its former key."""
        if not keys:
            return
        former = sa.select(FormerKey.key, kind).where(FormerKey.noun == kind.__tablename__, FormerKey.key.in_(keys))
        for key, row in self.session.execute(former.join(kind, kind.id == FormerKey.number)):
            self._rows[kind, key] = row

    def find(self, kind: type[K], key: str) -> K | None:
        """Return the row with this key, if there is one."""
        self.load(kind, [key])
        found = self._rows[kind, key]
        return found if isinstance(found, kind) else None

    def get(self, kind: type[K], key: str) -> K:
        """Return the row with this key. Raise NotFound, which suggests the most similar key."""
        row = self.find(kind, key)
        if row is None:
            raise make_not_found(self.session, kind, key)
        return row

    def remember(self, row: Keyed) -> None:
        """Add a row that was made since, so that it is found before it is flushed."""
        self._rows[type(row), str(row.key)] = row


def _select_rows(kind: type[K], keys: list[str], change: bool) -> sa.Select[K]:  # noqa: FBT001
    query = sa.select(kind).where(kind.key.in_(keys)).order_by(kind.key)
    if not change:
        return query
    # FOR NO KEY UPDATE, so that registrations can go on, whose rows only refer to this one.
    return query.with_for_update(key_share=True, of=kind).execution_options(populate_existing=True)


def find_current_keys(session: Session, kind: type[K], keys: Iterable[str]) -> list[str]:
    """Return these keys in order, with the present one in place of each from before a merge."""
    wanted = set(keys)
    former = sa.select(FormerKey.key, kind.key).join(kind, kind.id == FormerKey.number)
    query = former.where(FormerKey.noun == kind.__tablename__, FormerKey.key.in_(wanted))
    present = dict(session.execute(query).all()) if wanted else {}
    return sorted({str(present.get(key, key)) for key in wanted})


def get(session: Session, kind: type[K], key: str) -> K:
    """Return one row by its key. Raise NotFound, which suggests the most similar key."""
    return Lookup(session).get(kind, key)


def get_for_update(session: Session, kind: type[K], key: str) -> K:
    """Return one row by its key, locked until the transaction ends, with the values that were committed last.

    Raise NotFound, which suggests the most similar key.
    """
    lookup = Lookup(session)
    lookup.load(kind, [key], change=True)
    return lookup.get(kind, key)


def make_not_found(session: Session, kind: type[K], key: str) -> NotFound:
    """Return the error that says that there is no such key, and suggests the most similar one."""
    known = session.scalars(sa.select(kind.key).where(kind.key.is_not(None)).limit(5000))
    near = difflib.get_close_matches(key, [str(found) for found in known], n=1)
    sentence = NotFound(_ABSENT[kind.__tablename__], key=key, noun=kind.__tablename__)
    return (
        NotFound("{sentence}; did you mean {near}?", **sentence.facts, sentence=sentence, near=near[0])
        if near
        else sentence
    )


def get_person(session: Session, who: str) -> Person:
    """Return a person by key, by #number or by e-mail address.

    Raise NotFound, or Conflict if several share the address: an address is no identity.
    """
    if who.startswith("#") and who[1:].isdecimal():
        found = find_person(session, int(who[1:])) if len(who) < 19 else None  # 64 bits hold 18 digits
        if found is None:
            raise NotFound("there is no person {key}", key=who)
        return found
    if "@" not in who:
        return get(session, Person, who)
    return _find_by_address(session, who)


def find_person(session: Session, number: int) -> Person | None:
    """Return the person with this id, or whom the person with it was merged into; None if there is neither."""
    found = session.get(Person, number)
    if found is None:
        former = sa.and_(FormerKey.noun == "person", FormerKey.key == f"#{number}")
        found = session.scalar(sa.select(Person).join(FormerKey, FormerKey.number == Person.id).where(former))
    return found


def _find_by_address(session: Session, address: str) -> Person:
    found = list(session.scalars(sa.select(Person).where(sa.func.lower(Person.email) == fold_text(address)).limit(5)))
    if not found:
        raise NotFound("nobody has the e-mail address {address}", address=address)
    if len(found) > 1:
        raise Conflict(
            "several people share the e-mail address {address}: {people}; choose one of them",
            address=address,
            people=", ".join(f"#{person.id} {person.name}" for person in found),
        )
    return found[0]


def get_attendee(session: Session, event: Event, who: str) -> Attendee:
    """Return the attendee of an event whom a key, a #number or an e-mail address names: a guest, or their deputy.

    Raise NotFound, or Conflict as `person` does.
    """
    found = _find_attendee_by_address(session, event, who)
    if found is None:
        person = get_person(session, who)
        found = _find_represented(session, event, person) or _find_attendee(session, event, person)
    if found is None:
        raise NotFound("{who} is not on the list of {event}", who=who, event=event.key)
    return found


def _find_represented(session: Session, event: Event, deputy: Person) -> Attendee | None:
    """Return the guest on the list of an event whom a person represents: one of them comes, not both."""
    from scheduler.model.attendance import ON_LIST, Attendee

    here = sa.select(Attendee).where(Attendee.event_id == event.id, Attendee.represented_by_id == deputy.id)
    return session.scalars(here.where(Attendee.standing.in_(ON_LIST)).order_by(Attendee.id)).first()


def _find_attendee_by_address(session: Session, event: Event, address: str) -> Attendee | None:
    """Return the only attendee with this address, which people who are not on this list may share."""
    from scheduler.model.attendance import Attendee

    if "@" not in address:
        return None
    query = sa.select(Attendee).join(Attendee.person)
    matching = query.where(Attendee.event_id == event.id, sa.func.lower(Person.email) == fold_text(address)).limit(2)
    found = list(session.scalars(matching))
    return found[0] if len(found) == 1 else None


def _find_attendee(session: Session, event: Event, found: Person) -> Attendee | None:
    from scheduler.model.attendance import Attendee

    return session.scalar(sa.select(Attendee).where(Attendee.event_id == event.id, Attendee.person_id == found.id))

"""Registering 10,000 attendees for one event one by one, against the same rows by bare SQLAlchemy Core.

Each registration is one transaction. Below it the same rows (person, seat, attendee, letter, audit) inserted in one
transaction each, and the least that could be: the conditional update of the seats and the attendee.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from benchmarks import common
from benchmarks.apply import apply
from benchmarks.sample import CEREMONY, people, with_ceremony
from scheduler.base.text import Text
from scheduler.model.attendance import Answer, Attendee, Partstat, Role, Standing
from scheduler.model.audit import Audit
from scheduler.model.events import Capacity, Event, Mode
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.places import Person
from scheduler.services.common.drafts import check
from scheduler.services.common.lookup import get
from scheduler.services.events.attendance import transitions
from scheduler.services.events.guests.people import find_or_add_guest
from scheduler.services.events.programme.conflicts import conflict_check
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.services.events.programme.places import make_identity
from scheduler.storage.database import Database

LABELS = {
    "registered": "people.guest + refuse_overlap + register",
    "core": "the same rows by SQLAlchemy Core",
    "least": "conditional update + attendee only",
}
EVENT_ID = 2  # of the ceremony, in a database of nothing else


def main() -> None:
    given = common.arguments(__doc__, rounds=5)
    size = int(10_000 * given.scale)
    for engine in given.engines:
        with common.databases(engine) as fresh:
            _measure(engine, fresh, size, given.rounds)


def _measure(engine: str, fresh: common.Fresh, size: int, rounds: int) -> None:
    said = list(people(size))
    parts = list(common.chunks(said, size // rounds))
    drafts = [[check(PersonDraft, one) for one in part] for part in parts]
    databases = {name: _planned(fresh()) for name in LABELS}
    known = _known(databases["least"], said)
    slices = list(common.chunks(known, size // rounds))
    taken = common.turns(
        rounds,
        registered=lambda number: _register(databases["registered"], drafts[number]),
        core=lambda number: _core(databases["core"], parts[number]),
        least=lambda number: _least(databases["least"], slices[number]),
    )
    _check(databases["registered"], size)
    least, each = min(taken["least"]), size // rounds
    common.show(
        f"{engine}: {size:,} registrations for one event, best {each:,} of {rounds} times {each:,}",
        ("", "ms each", "per second", "times Core", "times the least", "last/first"),
        [
            (
                LABELS[name],
                min(took) / each * 1000,
                each / min(took),
                min(took) / min(taken["core"]),
                min(took) / least,
                took[-1] / took[0],
            )
            for name, took in taken.items()
        ],
    )


def _planned(db: Database) -> Database:
    apply(db, with_ceremony())
    return db


def _known(db: Database, said: Sequence[Mapping[str, Any]]) -> list[int]:
    with common.transaction(db) as connection:
        connection.execute(sa.insert(Person), [person_row(one) for one in said])
        return list(connection.scalars(sa.select(Person.id).order_by(Person.id)))


def _check(db: Database, size: int) -> None:
    with db.read() as session:
        taken = session.scalar(sa.select(Capacity.taken).where(_SEATING))
        letters = session.scalar(sa.select(sa.func.count(Letter.id)))
    assert (taken, letters) == (size, size)


def _register(db: Database, drafts: Sequence[PersonDraft]) -> None:
    for draft in drafts:
        with db.write("desk") as session:
            event = get(session, Event, CEREMONY)
            who = find_or_add_guest(session, draft)
            conflict_check.refuse_overlap(session, event, who, force=None, now=common.NOW)
            transitions.register(session, event, transitions.Guest(person=who), now=common.NOW)


# The rivals


def _core(db: Database, said: Sequence[Mapping[str, Any]]) -> None:
    for one in said:
        with common.transaction(db) as connection:
            person = _returned(connection, sa.insert(Person), person_row(one), Person.id)
            _take(connection)
            attendee = _returned(connection, sa.insert(Attendee), attendee_row(person), Attendee.id)
            connection.execute(sa.insert(Letter), _letter(person, attendee))
            connection.execute(sa.insert(Audit), _audit(attendee))


def _least(db: Database, known: Sequence[int]) -> None:
    for person in known:
        with common.transaction(db) as connection:
            _take(connection)
            connection.execute(sa.insert(Attendee), attendee_row(person))


def _returned(connection: sa.Connection, insert: sa.Insert, row: Mapping[str, Any], column: Any) -> int:
    return int(connection.execute(insert.returning(column), row).scalar_one())


_SEATING = sa.and_(Capacity.event_id == EVENT_ID, Capacity.mode == Mode.IN_PERSON)
TAKE = sa.update(Capacity).where(_SEATING, Capacity.taken + 1 <= Capacity.capacity).values(taken=Capacity.taken + 1)


def _take(connection: sa.Connection) -> None:
    assert connection.execute(TAKE).rowcount == 1


def person_row(one: Mapping[str, Any]) -> dict[str, Any]:
    name = Text(one["name"])
    return {
        "identity": make_identity(one["email"], name),
        "name": name,
        "courtesy_title": Text(),
        "position": Text(),
        "email": one["email"],
        "language": one["language"],
        "tzid": one["tz"],
    }


def attendee_row(person: int) -> dict[str, Any]:
    return {
        "event_id": EVENT_ID,
        "person_id": person,
        "role": Role.PARTICIPANT,
        "mode": Mode.IN_PERSON,
        "partstat": Partstat.ACCEPTED,
        "standing": Standing.CONFIRMED,
        "companions": 0,
        "answered_by": Answer.DESK,
        "answered_on": common.NOW.date(),
        "created_at": common.NOW,
        "standing_at": common.NOW,
    }


def _letter(person: int, attendee: int) -> dict[str, Any]:
    return {
        "key": f"confirmed:{attendee}:{common.NOW:%Y%m%dT%H%M%S%f}",
        "kind": LetterKind.CONFIRMED,
        "person_id": person,
        "event_id": EVENT_ID,
        "due_at": common.NOW,
        "expires_at": common.NOW + timedelta(days=30),
        "created_at": common.NOW,
    }


def _audit(attendee: int) -> dict[str, Any]:
    details = {"event": CEREMONY, "standing": "confirmed"}
    return {
        "at": common.NOW,
        "actor": "desk",
        "action": "register",
        "noun": "attendee",
        "row": str(attendee),
        "details": details,
    }


if __name__ == "__main__":
    main()

"""Offers and registrations at once, in processes of their own; and one that dies at every statement of its way."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy import event as on

from scheduler.base.errors import NothingToChange
from scheduler.model.attendance import Attendee, Standing
from scheduler.model.events import Event, Mode
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.places import Person
from scheduler.services.common import lookup, tokens
from scheduler.services.common.drafts import check
from scheduler.services.common.tokens import Purpose
from scheduler.services.events.guests import registration
from scheduler.services.events.guests.registration import RegistrationForm
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.storage.database import Database
from tests.support.builders import NOW, SECRET, a_person, an_event, register
from tests.support.guest_list import GuestList, in_order_of_arrival, wrong_with_places
from tests.support.instance import connect
from tests.support.machine import HANG, is_long
from tests.support.processes import PROCESSES, Undone, at_once, crowd

pytestmark = pytest.mark.crowd

CONTENDERS = 200 if is_long() else 30
# Connections at a time. PostgreSQL takes a hundred; of many who wait for its file SQLite lets some give up.
SLOTS = {"sqlite": 4, "postgresql": 20}
DAY = timedelta(days=1)


def plan(db, **given) -> GuestList:
    with db.write() as session:
        an_event(session, **{"registration": "public", **given})
    return GuestList(db)


def rows(db) -> list[Attendee]:
    with db.read() as session:
        query = sa.select(Attendee).options(sa.orm.joinedload(Attendee.person)).order_by(Attendee.id)
        return list(session.scalars(query))


# A crowd


def look(url):
    """What a process that serves has done before; it leaves no trace."""
    db = connect(url)
    with suppress(Undone), db.write() as session:
        register(session, lookup.get(session, Event, "opening"), lookup.get_person(session, "guest-0"))
        session.flush()
        raise Undone
    db.dispose()


def register_once(url, who, companions):
    db = connect(url)
    try:
        return GuestList(db).register(who, companions=companions)
    finally:
        db.dispose()


def test_processes_that_race_for_10_places_fill_them_exactly_and_the_rest_wait_in_order(db, database_url, engine):
    guests = plan(db, capacity=10)
    with db.write() as session:
        people = [str(a_person(session, f"guest-{n}").key) for n in range(CONTENDERS)]
    parties = {who: n % 3 for n, who in enumerate(people)}

    told = crowd(
        register_once,
        [(database_url, who, parties[who]) for who in people],
        connected=SLOTS[engine],
        warm=partial(look, database_url),
    )

    came = rows(db)
    assert [] == wrong_with_places(db)
    assert (CONTENDERS, 10) == (len(came), guests.taken())
    assert dict(zip(people, told, strict=True)) == {row.person.key: row.standing for row in came}
    placed = in_order_of_arrival(10, [row.seats for row in came])
    assert placed == [row.standing is Standing.CONFIRMED for row in came]
    numbers = [row.queue_number for row in came if row.queue_number is not None]
    assert list(range(1, placed.count(False) + 1)) == numbers
    with db.read() as session:
        assert CONTENDERS == session.scalar(sa.select(sa.func.count(Letter.id)))


# Offers


def accept_one(url, who, later):
    guests = GuestList(Database(url), now=NOW + later)
    try:
        return guests.accept(who)
    except NothingToChange:
        return guests.standing(who)


def lapse_all(url, later):
    return GuestList(Database(url), now=NOW + later).lapse()


def withdraw_one(url, who):
    GuestList(Database(url)).withdraw(who)


def register_one(url, who):
    return GuestList(Database(url)).register(who)


def enlarge(url, capacity):
    GuestList(Database(url)).capacity(capacity)


def act(work, *arguments):
    return work(*arguments)


def test_an_offer_that_lapses_while_it_is_accepted_goes_to_one_of_them_alone(db, database_url):
    guests = plan(db, capacity=4)
    for n in range(12):
        guests.register(f"guest-{n}")
    for n in range(4):
        guests.withdraw(f"guest-{n}")
    offered = sorted(guests.offered())
    late, early = DAY, DAY - timedelta(seconds=1)

    told = at_once(
        act,
        [(accept_one, database_url, who, early if n % 2 else late) for n, who in enumerate(offered)]
        + [(lapse_all, database_url, late)] * 4,
    )

    assert [] == wrong_with_places(db)
    assert 4 == guests.taken()
    stands = [guests.standing(who) for who in offered]
    assert stands == told[:4]
    assert {Standing.LAPSED, Standing.CONFIRMED} >= set(stands)
    assert stands.count(Standing.LAPSED) == len(guests.offered())
    assert Standing.LAPSED is stands[0]


def test_whoever_withdraws_registers_or_is_promoted_at_once_loses_no_place_and_wins_none(db, database_url):
    guests = plan(db, capacity=8)
    for n in range(16):
        guests.register(f"guest-{n}")
    with db.write() as session:
        for n in range(16, 22):
            a_person(session, f"guest-{n}")

    at_once(
        act,
        [(withdraw_one, database_url, f"guest-{n}") for n in range(6)]
        + [(withdraw_one, database_url, f"guest-{n}") for n in range(8, 10)]
        + [(register_one, database_url, f"guest-{n}") for n in range(16, 22)]
        + [(enlarge, database_url, 9)],
    )

    assert [] == wrong_with_places(db)
    assert (9, 7) == (guests.taken(), len(guests.offered()))
    assert {f"guest-{n}" for n in (10, 11, 12, 13, 14, 15)} < guests.offered()


# Killed at every step


def ask_and_confirm(url: str, name: str, dies_after: int = -1) -> int:
    """Ask on the page, then confirm; die before the statement with that number. Returns how many there are."""
    db, done = Database(url), [0]

    def step(*_: object) -> None:
        if done[0] == dies_after:
            os._exit(9)
        done[0] += 1

    for what in ("before_cursor_execute", "commit"):
        on.listen(db.engine, what, step)
    ask(db, name)
    confirm(db, name)
    db.dispose()
    return done[0]


def ask(db, name) -> None:
    given = {"name": name, "email": f"{name}@example.org", "language": "en"}
    wanted = RegistrationForm(
        person=check(PersonDraft, given), mode=Mode.IN_PERSON, companions=1, names=("Child",), form=name
    )
    with db.write() as session:
        registration.ask(session, registration.get_open(session, "opening", now=NOW), wanted, now=NOW)


def confirm(db, name) -> None:
    with db.write() as session:
        row = found(session, name)
        token = tokens.make_attendee_token(Purpose.CONFIRM, row.id, row.created_at, row.epoch, secret=SECRET)
        registration.confirm(session, token, secret=SECRET, now=NOW)


def found(session, name) -> Attendee | None:
    return session.scalar(sa.select(Attendee).where(Attendee.person.has(email=f"{name}@example.org")))


def state(db, name) -> tuple[Standing | None, list[LetterKind], list[str]]:
    """Where somebody stands, what is written to them, who comes along."""
    with db.read() as session:
        row = found(session, name)
        kinds = sa.select(Letter.kind).join(Person, Person.id == Letter.person_id).order_by(Letter.id)
        written = list(session.scalars(kinds.where(Person.email == f"{name}@example.org")))
        return (row.standing, written, row.names) if row else (None, written, [])


WHOLE = (
    (None, [], []),
    (Standing.UNCONFIRMED, [LetterKind.CONFIRM], ["Child"]),
    (Standing.CONFIRMED, [LetterKind.CONFIRM, LetterKind.CONFIRMED], ["Child"]),
)


def test_a_process_killed_at_any_statement_of_a_registration_leaves_all_of_a_step_or_nothing(db, database_url):
    plan(db)
    steps = ask_and_confirm(database_url, "whole")
    assert steps > 25
    seen = set()

    for step in range(steps):
        name = f"guest{step}"
        child = PROCESSES.Process(target=ask_and_confirm, args=(database_url, name, step))
        child.start()
        child.join(HANG)

        assert 9 == child.exitcode
        left = state(db, name)
        assert left in WHOLE, step
        seen.add(left[0])
        again(db, name)
        assert WHOLE[2] == state(db, name), step
    assert {None, Standing.UNCONFIRMED} <= seen
    assert [] == wrong_with_places(db)


def again(db, name) -> None:
    """What a person does whose browser says that it went wrong: the same once more."""
    if state(db, name)[0] is None:
        ask(db, name)
    if state(db, name)[0] is Standing.UNCONFIRMED:
        confirm(db, name)

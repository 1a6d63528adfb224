"""Many at once, in processes of their own; and one that is killed halfway."""

from __future__ import annotations

import random
import signal
import threading
from collections import Counter

import pytest
import sqlalchemy as sa

from scheduler.base.errors import Conflict, Invalid, NotFound, NothingToChange
from scheduler.model.attendance import Attendee, Partstat, Standing
from scheduler.model.events import Event, Mode
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.places import Person
from scheduler.services.common import lookup
from scheduler.services.common.drafts import check
from scheduler.services.events.attendance import transitions
from scheduler.services.events.guests.people import find_or_add_guest
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.storage.database import Database
from scheduler.storage.patience import FairSemaphore
from tests.support.builders import NOW, a_person, an_event, register
from tests.support.guest_list import GuestList, wrong_with_places
from tests.support.machine import HANG, interrupt_main_thread, until
from tests.support.processes import at_once, killed

pytestmark = pytest.mark.crowd

PROCESSES = 20
EACH = 5
LETTER_OF = {Standing.CONFIRMED: LetterKind.CONFIRMED, Standing.WAITLISTED: LetterKind.WAITING}


@pytest.fixture
def guests(db):
    with db.write() as session:
        an_event(session, capacity=10, remote_capacity=5)
    return GuestList(db)


def known(db, count):
    """That many people of the programme, made beforehand: guest-0, guest-1 ..."""
    with db.write() as session:
        return [str(a_person(session, f"guest-{n}").key) for n in range(count)]


def opened(url):
    return GuestList(Database(url))


def rows(db):
    with db.read() as session:
        query = sa.select(Attendee).order_by(Attendee.queue_number, Attendee.id)
        return list(session.scalars(query.options(sa.orm.joinedload(Attendee.person))))


def letters(db):
    with db.read() as session:
        query = sa.select(Person.key, Letter.kind).join(Letter, Letter.person_id == Person.id)
        return sorted(tuple(row) for row in session.execute(query))


def register_all(url, parties):
    """Register parties one after the other; returns how each stands."""
    guests = opened(url)
    return {who: guests.register(who, companions=companions) for who, companions in parties}


def test_of_a_hundred_parties_for_10_places_exactly_those_who_fit_get_one_and_the_rest_wait_in_order(
    guests, database_url
):
    dice = random.Random(7)  # noqa: S311 - no secret
    parties = [(who, dice.choice([0, 0, 1, 2])) for who in known(guests.db, PROCESSES * EACH)]
    lots = [parties[n::PROCESSES] for n in range(PROCESSES)]

    told = at_once(register_all, [(database_url, lot) for lot in lots])

    assert [] == wrong_with_places(guests.db)
    assert 10 == guests.taken()
    stands = {row.person.key: row.standing for row in rows(guests.db)}
    assert stands == {who: standing for lot in told for who, standing in lot.items()}
    waiting = [row for row in rows(guests.db) if row.queue_number is not None]
    assert list(range(1, len(waiting) + 1)) == [row.queue_number for row in waiting]
    numbers = {row.person.key: row.queue_number for row in waiting}
    for lot in lots:
        mine = [numbers[who] for who, _ in lot if who in numbers]
        assert sorted(mine) == mine
    assert [(who, LETTER_OF[standing]) for who, standing in sorted(stands.items())] == letters(guests.db)


def register_anna(url, event="opening"):
    """As the page of an event would: a guest with a name and an address, known or not."""
    db = Database(url)
    try:
        with db.write() as session:
            anna = find_or_add_guest(session, check(PersonDraft, {"name": "Anna", "email": "anna@example.org"}))
            return register(session, lookup.get(session, Event, event), anna, companions=1).standing
    except NothingToChange:
        return "already there"


def test_one_person_who_registers_twenty_times_at_once_is_one_attendee(guests, database_url):
    told = at_once(register_anna, [(database_url,)] * PROCESSES)

    assert {Standing.CONFIRMED: 1, "already there": PROCESSES - 1} == Counter(told)
    assert (1, 2) == (len(rows(guests.db)), guests.taken())


def test_one_person_who_registers_for_several_events_at_once_is_one_person_at_all_of_them(db, database_url):
    events = [f"ceremony-{n}" for n in range(8)]
    with db.write() as session:
        for key in events:
            an_event(session, key)

    told = at_once(register_anna, [(database_url, key) for key in events])

    assert [Standing.CONFIRMED] * 8 == told
    with db.read() as session:
        assert 1 == session.scalar(sa.select(sa.func.count()).select_from(Person))


def come_and_go(url, seed, people):
    """A few acts of one officer on people that other officers act on too; each may be refused."""
    dice, guests = random.Random(seed), opened(url)  # noqa: S311 - no secret
    for _ in range(12):
        who, mode, companions = dice.choice(people), dice.choice(list(Mode)), dice.randrange(3)
        acts = (
            lambda: guests.register(who, companions=companions, mode=mode),  # noqa: B023 - called before the next
            lambda: guests.withdraw(who),  # noqa: B023
            lambda: guests.answer(who, dice.choice(list(Partstat))),  # noqa: B023
            lambda: guests.change(who, companions=companions, mode=mode),  # noqa: B023
            lambda: guests.capacity(dice.choice([4, 6, 8, 12]), mode),  # noqa: B023
        )
        try:
            dice.choices(acts, weights=[5, 4, 2, 2, 1])[0]()
        except (Conflict, Invalid, NotFound) as error:
            if "does not answer" in error.message or "in use" in error.message:
                return str(error)
    return "done"


def test_people_who_come_and_go_at_once_leave_no_place_free_that_somebody_waits_for(guests, database_url):
    people = known(guests.db, 14)

    told = at_once(come_and_go, [(database_url, seed, people) for seed in range(8)])

    assert ["done"] * 8 == told
    assert [] == wrong_with_places(guests.db)


def withdraw_one(url, who):
    opened(url).withdraw(who)


def register_one(url, who):
    return opened(url).register(who)


def act(work, *arguments):
    return work(*arguments)


def test_who_registers_while_others_withdraw_gets_the_place_or_stands_before_it(guests, database_url):
    people = known(guests.db, 20)
    for who in people[:10]:
        guests.register(who)

    at_once(
        act,
        [(withdraw_one, database_url, who) for who in people[:8]]
        + [(register_one, database_url, who) for who in people[10:]],
    )

    assert [] == wrong_with_places(guests.db)
    assert (10, 2) == (guests.taken(), len(guests.waiting()))


# Killed


def register_and_hang(url, here):
    with Database(url).write() as session:
        register(session, lookup.get(session, Event, "opening"), lookup.get_person(session, "anna"), companions=1)
        session.flush()
        here()


def withdraw_and_hang(url, here):
    with Database(url).write() as session:
        event = lookup.get(session, Event, "opening")
        transitions.withdraw(session, lookup.get_attendee(session, event, "anna"), now=NOW)
        session.flush()
        here()


def counts(db):
    with db.read() as session:
        return [session.scalar(sa.select(sa.func.count()).select_from(table)) for table in (Attendee, Letter)]


def test_a_process_killed_while_it_registers_somebody_leaves_nothing_half_done_and_nothing_locked(
    guests, database_url
):
    with guests.db.write() as session:
        a_person(session, "anna", name="Anna", email="anna@example.org")

    killed(register_and_hang, database_url)

    assert ([0, 0], 0) == (counts(guests.db), guests.taken())
    assert Standing.CONFIRMED is guests.register("anna")
    assert [] == wrong_with_places(guests.db)


def test_a_process_killed_while_it_frees_a_place_frees_none(guests, database_url):
    guests.capacity(1)
    guests.register("anna")
    guests.register("bolat")

    killed(withdraw_and_hang, database_url)

    assert ({"anna"}, ["bolat"]) == (guests.confirmed(), guests.waiting())
    guests.withdraw("anna")
    assert {"bolat"} == guests.offered()


# The queue of writers in one process


def until_waiting(lock, count):
    """Until that many stand before the lock."""
    until(lambda: len(lock._waiting) >= count)


def start(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("engine", ["sqlite"])
def test_fifty_writers_of_one_process_write_in_the_order_in_which_they_came(guests):
    written = []

    def write(number):
        with guests.db.write() as session:
            register(session, lookup.get(session, Event, "opening"))
            written.append(number)

    with guests.db.write():
        threads = []
        for number in range(50):
            threads.append(start(lambda number=number: write(number)))
            until_waiting(guests.db._turn._threads, number + 1)
    for thread in threads:
        thread.join(HANG)

    assert list(range(50)) == written
    assert [] == wrong_with_places(guests.db)
    assert list(range(1, 41)) == [row.queue_number for row in rows(guests.db) if row.queue_number]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_writer_that_fails_hands_on_to_the_next(guests):
    with pytest.raises(ZeroDivisionError), guests.db.write():
        raise ZeroDivisionError

    assert Standing.CONFIRMED is guests.register("anna")


class Interrupted(Exception):
    pass


def test_whoever_gives_up_waiting_for_the_lock_does_not_keep_it_from_the_others():
    lock, handed_on = FairSemaphore(), threading.Event()

    def raise_it(*_):
        raise Interrupted

    def take_it():
        with lock:
            handed_on.set()

    before = signal.signal(signal.SIGALRM, raise_it)
    held, free = threading.Event(), threading.Event()

    def hold_it():
        with lock:
            held.set()
            free.wait(HANG)

    start(hold_it)
    held.wait(HANG)
    interrupt_main_thread(when=lambda: lock._waiting)
    try:
        with pytest.raises(Interrupted), lock:
            pass
    finally:
        signal.signal(signal.SIGALRM, before)
    start(take_it)
    free.set()

    assert handed_on.wait(HANG)

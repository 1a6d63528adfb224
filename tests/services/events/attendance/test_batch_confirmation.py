"""Many who press the button at the same moment: one transaction for all, and each is told what is theirs alone."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import event as on

from scheduler.base.errors import NotFound, SchedulerError
from scheduler.model.attendance import Attendee, Standing
from scheduler.model.audit import Audit
from scheduler.model.events import Capacity, Event, Mode, Queue
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.places import Person
from scheduler.services.common import lookup, tokens
from scheduler.services.common.drafts import check
from scheduler.services.common.tokens import Purpose
from scheduler.services.events.attendance import offers, transitions
from scheduler.services.events.attendance.capacity import NeverFits
from scheduler.services.events.attendance.registration_window import RegistrationClosed
from scheduler.services.events.guests import people, registration
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.storage.group_commit import GroupCommit
from tests.support.builders import NOW, SECRET, START, an_event, register
from tests.support.guest_list import in_order_of_arrival, wrong_with_places
from tests.support.machine import HANG

CONTENDERS = 50


def plan(db, key="opening", **given) -> None:
    with db.write() as session:
        an_event(session, key, **{"registration": "public", **given})


def ask(db, seats, *, event="opening", mode=Mode.IN_PERSON, email=True, now=NOW) -> list[str]:
    """Parties of so many who have asked; the links in their letters."""
    with db.write() as session:
        found = lookup.get(session, Event, event)
        asked = []
        for number, party in enumerate(seats):
            name = f"{event} {mode} {number} {party}"
            address = f"{name.replace(' ', '')}@example.org" if email else None
            draft = check(PersonDraft, {"name": name, "email": address, "language": "en"})
            guest = transitions.Guest(
                person=people.find_or_add_guest(session, draft), mode=mode, companions=party - 1
            )
            asked.append(transitions.request_registration(session, found, guest, now=now))
        return [link(attendee) for attendee in asked]


def link(attendee) -> str:
    return tokens.make_attendee_token(
        Purpose.CONFIRM, attendee.id, attendee.created_at, attendee.epoch, secret=SECRET
    )


def confirm_each(db, links, *, now=NOW):
    """What each is told: a standing, or the kind of error."""
    with db.write("page") as session:
        told = registration.confirm_each(session, links, secret=SECRET, now=now)
        return [type(one) if isinstance(one, SchedulerError) else one.standing for one in told]


def standings(db, links):
    with db.read() as session:
        return [session.get_one(Attendee, tokens.read_row_id(one)).standing for one in links]


def counted(db, noun) -> int:
    with db.read() as session:
        return session.scalar(sa.select(sa.func.count(noun.id)))


# At the same moment


def test_fifty_who_confirm_at_once_fill_ten_places_exactly_in_order_of_arrival_each_with_their_own_answer(db):
    plan(db, capacity=10)
    seats = [1 + number % 3 for number in range(CONTENDERS)]
    links = ask(db, seats)
    came: list[str] = []
    start = threading.Barrier(CONTENDERS)

    def work(given):
        came.extend(given)
        with db.write("page") as session:
            return registration.confirm_each(session, given, secret=SECRET, now=NOW)

    together = GroupCommit(work)

    def press(mine):
        start.wait(HANG)
        return together(mine)

    with ThreadPoolExecutor(CONTENDERS) as hands:
        told = list(hands.map(press, links))

    assert [] == wrong_with_places(db)
    assert [tokens.read_row_id(one) for one in links] == [one.id for one in told]
    assert standings(db, links) == [one.standing for one in told]
    size = dict(zip(links, seats, strict=True))
    placed = in_order_of_arrival(10, [size[one] for one in came])
    assert placed == [standing is Standing.CONFIRMED for standing in standings(db, came)]
    with db.read() as session:
        rows = [session.get_one(Attendee, tokens.read_row_id(one)) for one in came]
        assert 10 == session.scalar(sa.select(Capacity.taken).where(Capacity.mode == Mode.IN_PERSON))
        waiting = [row.queue_number for row in rows if row.queue_number]
    assert list(range(1, placed.count(False) + 1)) == waiting
    assert CONTENDERS == counted(db, Letter)


@contextmanager
def poisoned(db, number):
    """The database refuses what is noted of one of them."""

    def refuse(_connection, _cursor, statement, given, _context, _many):
        rows = given if isinstance(given, list) else [given]
        values = [value for row in rows for value in (row.values() if isinstance(row, dict) else row)]
        if "INTO audit" in statement and str(number) in values:
            raise ZeroDivisionError

    on.listen(db.engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        on.remove(db.engine, "before_cursor_execute", refuse)


def test_what_goes_wrong_with_one_harms_nobody_else(db):
    plan(db, capacity=3)
    links = ask(db, [1] * 5)
    opened, begun = threading.Event(), threading.Event()

    def work(given):
        begun.set()
        assert opened.wait(HANG)
        with db.write("page") as session:
            return registration.confirm_each(session, given, secret=SECRET, now=NOW)

    together = GroupCommit(work)
    with poisoned(db, tokens.read_row_id(links[2])), ThreadPoolExecutor(5) as hands:
        told = [hands.submit(together, links[0])]
        assert begun.wait(HANG)
        told += [hands.submit(together, one) for one in links[1:]]
        opened.set()
        errors = [one.exception(HANG) for one in told]

    assert [False, False, True, False, False] == [isinstance(one, ZeroDivisionError) for one in errors]
    stand = standings(db, links)
    assert (Standing.UNCONFIRMED, 3, 1) == (
        stand[2],
        stand.count(Standing.CONFIRMED),
        stand.count(Standing.WAITLISTED),
    )
    assert [] == wrong_with_places(db)
    assert Standing.WAITLISTED is confirm_each(db, [links[2]])[0]


# In one go


def test_each_of_a_batch_is_told_what_is_theirs(db):
    plan(db, capacity=4)
    plan(db, "called-off")
    plan(db, "shrunk", capacity=5)
    plan(db, "approved", approval=True)
    good, double = ask(db, [2, 2])
    (off,) = ask(db, [1], event="called-off")
    (large,) = ask(db, [4], event="shrunk")
    (requested,) = ask(db, [1], event="approved")
    (late,) = ask(db, [1], event="approved", mode=Mode.REMOTE, now=NOW - timedelta(days=2))
    with db.write() as session:
        planning.cancel(session, lookup.get(session, Event, "called-off"), now=NOW)
        offers.set_capacity(session, lookup.get(session, Event, "shrunk"), Mode.IN_PERSON, 3, now=NOW)

    told = confirm_each(db, [good, off, "1-" + "a" * 26, double, "x", large, late, requested, double])

    assert told == [
        Standing.CONFIRMED,
        RegistrationClosed,
        NotFound,
        Standing.CONFIRMED,
        NotFound,
        NeverFits,
        NotFound,
        Standing.REQUESTED,
        Standing.CONFIRMED,
    ]
    assert [Standing.UNCONFIRMED] * 3 == standings(db, [off, large, late])
    with db.read() as session:
        kinds = list(session.scalars(sa.select(Letter.kind).order_by(Letter.id)))
        noted = session.execute(sa.select(Audit.row, Audit.details).where(Audit.action == "register")).all()
    assert [LetterKind.CONFIRMED, LetterKind.CONFIRMED, LetterKind.REQUESTED] == kinds
    expected = {good: "confirmed", double: "confirmed", requested: "requested"}
    assert {str(tokens.read_row_id(one)): standing for one, standing in expected.items()} == {
        row: details["standing"] for row, details in noted
    }
    assert [[]] * 3 == [wrong_with_places(db, key) for key in ("opening", "shrunk", "approved")]


C, W = Standing.CONFIRMED, Standing.WAITLISTED


@pytest.mark.parametrize(
    ("queue", "told"), [(Queue.FIRST_FIT, [C, C, W, W, C, W]), (Queue.STRICT, [C, C, W, W, W, W])]
)
def test_in_one_batch_nobody_overtakes_who_came_before_them(db, queue, told):
    plan(db, capacity=5, queue=str(queue))

    assert told == confirm_each(db, ask(db, [2, 2, 3, 2, 1, 1]))

    assert [] == wrong_with_places(db)


@pytest.mark.parametrize(("queue", "told"), [(Queue.FIRST_FIT, [W, C, W]), (Queue.STRICT, [W, W, W])])
def test_nobody_of_a_batch_overtakes_who_waits_already(db, queue, told):
    plan(db, capacity=5, queue=str(queue))
    with db.write() as session:
        found = lookup.get(session, Event, "opening")
        register(session, found, companions=3)
        register(session, found, companions=1)

    assert told == confirm_each(db, ask(db, [2, 1, 1]))

    assert [] == wrong_with_places(db)


def test_places_that_an_offer_was_not_made_of_belong_to_who_waits_for_them(db):
    """So near the start that none is offered any more."""
    plan(db, capacity=2, dtstart=START.replace(month=1, day=4, hour=16, minute=20))
    with db.write() as session:
        found = lookup.get(session, Event, "opening")
        first = register(session, found, companions=1)
        register(session, found)
        transitions.withdraw(session, first, now=NOW)

    assert [W, W] == confirm_each(db, ask(db, [1, 2]))


def test_hall_and_video_fill_apart_and_where_nothing_is_limited_everybody_has_a_place(db):
    plan(db, capacity=1, remote_capacity=2, video_link="https://video.example.org/1")
    plan(db, "open")
    hall, video = ask(db, [1, 1]), ask(db, [2, 1], mode=Mode.REMOTE)
    free = ask(db, [6] * 3, event="open")

    told = confirm_each(db, [hall[0], video[0], free[0], hall[1], video[1], *free[1:]])

    assert [C, C, C, W, W, C, C] == told
    assert ([], []) == (wrong_with_places(db), wrong_with_places(db, "open"))


def test_who_represents_is_written_to_and_who_has_no_address_stands_in_the_ledger(db):
    plan(db)
    links = [*ask(db, [1, 1]), *ask(db, [1], mode=Mode.IN_PERSON, email=False)]
    with db.write() as session:
        deputy = people.find_or_add_guest(
            session, check(PersonDraft, {"name": "Deputy", "email": "d@example.org", "language": "en"})
        )
        session.flush()
        session.get_one(Attendee, tokens.read_row_id(links[0])).represented_by = deputy

    confirm_each(db, links)

    with db.read() as session:
        query = sa.select(Person.email, Letter.reason).join(Person, Person.id == Letter.person_id)
        told = session.execute(query.order_by(Letter.id)).all()
    assert [("d@example.org", ""), ("openinginperson11@example.org", ""), (None, "no e-mail address")] == told

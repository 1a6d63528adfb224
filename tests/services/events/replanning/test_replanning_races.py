"""Events are moved, deleted and copied while people register and letters leave: nothing is lost, nobody is misled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from scheduler.base.errors import NotFound
from scheduler.model.attendance import Answer, Attendee, Partstat, Standing
from scheduler.model.events import Event
from scheduler.model.letters import Letter, LetterKind
from scheduler.services.common.lookup import get, get_attendee, get_person
from scheduler.services.events.attendance import transitions
from scheduler.services.events.programme import planning
from scheduler.services.events.replanning import copies, deletion, reversal, shifts
from scheduler.services.events.replanning.deletion import AlreadyTold
from scheduler.services.events.replanning.reversal import NewsHasLeft
from scheduler.services.outbox import claims, enqueue
from scheduler.worker import delivery
from tests.support.builders import NOW, a_person, an_event, invite
from tests.support.guest_list import wrong_with_places
from tests.support.letters import ledger
from tests.support.two_at_once import Beside
from tests.support.workers import a_worker

MINUTE = timedelta(minutes=1)
WEEK = timedelta(days=7)


def in_its_own(app, act) -> Callable[[], Any]:
    def run() -> Any:
        with app.db.write() as session:
            return act(session, get(session, Event, "opening"))

    return run


def of(act) -> Callable[[Any], Any]:
    return lambda session: act(session, get(session, Event, "opening"))


@pytest.fixture
def opening(app):
    with app.db.write() as session:
        event = an_event(session, capacity=3, registration="public")
        for name in ("anna", "bolat", "chai"):
            a_person(session, name)
        invite(session, event, get_person(session, "anna"))
    return app


def guest(session, key):
    return transitions.Guest(person=get_person(session, key))


COMING = {
    "registers": lambda session, event: (
        transitions.register(session, event, guest(session, "bolat"), now=NOW).standing
    ),
    "asks on the page": lambda session, event: (
        transitions.request_registration(session, event, guest(session, "bolat"), now=NOW).standing
    ),
    "is invited": lambda session, event: (
        transitions.invite(session, event, guest(session, "bolat"), now=NOW).standing
    ),
    "answers": lambda session, event: transitions.answer(
        session, get_attendee(session, event, "anna"), Partstat.ACCEPTED, by=Answer.PAGE, on=None, now=NOW
    ),
    "sends a deputy": lambda session, event: transitions.set_deputy(
        session, get_attendee(session, event, "anna"), get_person(session, "chai"), now=NOW
    ),
    "is moved": lambda session, event: shifts.shift(session, event, WEEK, now=NOW),
    "is cancelled": lambda session, event: planning.cancel(session, event, now=NOW),
    "is copied": lambda session, event: copies.copy_event(
        session, event, copies.CopyRequest(old="opening", new="second", by=WEEK, guests=True), now=NOW
    ),
    "is deleted": lambda session, event: deletion.delete(session, event, now=NOW),
}


# Of these the event may know nothing yet; who answers on their page knows of it.
KNOWN_BY = {"answers", "asks on the page"}


@pytest.mark.parametrize("what", [what for what in COMING if what != "is copied"])
def test_who_comes_as_an_event_is_being_deleted_is_told_that_it_is_gone(opening, what):
    result = Beside(opening).run(of(COMING["is deleted"]), in_its_own(opening, COMING[what]))

    assert isinstance(result, NotFound), repr(result)
    assert 0 == count(opening, Event) == count(opening, Attendee) == count(opening, Letter)


@pytest.mark.parametrize("what", COMING)
def test_what_somebody_just_comes_to_know_of_is_not_deleted(opening, what):
    result = Beside(opening).run(of(COMING[what]), in_its_own(opening, COMING["is deleted"]))

    if what in KNOWN_BY:
        assert isinstance(result, AlreadyTold), repr(result)
        assert 1 == count(opening, Event)
        assert [] == wrong_with_places(opening.db)
    elif what == "is deleted":
        assert isinstance(result, NotFound), repr(result)
    else:
        assert ["opening"] == [one.event.key for one in result]
        assert (what == "is copied") == count(opening, Event)
    assert 0 == count(opening, Letter) or what in KNOWN_BY


def test_an_event_about_which_a_letter_is_just_queued_is_not_deleted_half(opening, engine):
    def write(session, event):
        enqueue.queue(session, LetterKind.STANDING, get_person(session, "anna"), event, key="1", now=NOW)

    result = Beside(opening).run(of(write), in_its_own(opening, COMING["is deleted"]))

    if engine == "sqlite":  # it came afterwards, and nothing has left
        assert (1, 0) == (result[0].letters, count(opening, Event))
    else:
        assert "something else was changed meanwhile" in str(result)
        assert 1 == count(opening, Event) == count(opening, Attendee) == count(opening, Letter)


def count(app, kind) -> int:
    with app.db.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(kind))


@pytest.fixture
def moved(opening):
    """An event with a guest who knows of it, moved a minute ago: its news is due, and has not left."""
    with opening.db.write() as session:
        transitions.register(session, get(session, Event, "opening"), guest(session, "bolat"), now=NOW)
    delivery.deliver(opening)
    opening.clock.advance(MINUTE)
    with opening.db.write() as session:
        shifts.shift(session, get(session, Event, "opening"), WEEK, now=opening.clock.now())
    opening.clock.advance(10 * MINUTE)
    return opening


def take_back(app):
    return of(lambda session, event: reversal.take_back(session, event, now=app.clock.now()))


def test_a_worker_that_comes_while_a_change_is_taken_back_tells_nobody_of_it(moved):
    done = Beside(moved).run(take_back(moved), lambda: delivery.deliver(moved))

    assert 0 == done.sent
    moved.clock.advance(20 * MINUTE)
    delivery.deliver(moved)
    assert ["confirmed"] == [kind for kind, _name, why in ledger(moved) if why == "sent"]


def test_a_change_is_not_taken_back_once_a_worker_has_its_news(moved):
    worker = a_worker(moved)

    def claim(session):
        assert claims.claim_due(session, worker, now=moved.clock.now(), limit=9)

    result = Beside(moved).run(claim, in_its_own(moved, lambda session, _event: take_back(moved)(session)))

    assert isinstance(result, NewsHasLeft), repr(result)


def test_who_registers_while_a_change_is_taken_back_gets_one_letter(moved):
    register = in_its_own(
        moved,
        lambda session, event: transitions.register(session, event, guest(session, "chai"), now=moved.clock.now()),
    )

    assert Standing.CONFIRMED is Beside(moved).run(take_back(moved), register).standing
    delivery.deliver(moved)

    with moved.db.read() as session:
        chai = session.scalars(sa.select(Letter.kind).join(Letter.person).where(Letter.person.has(key="chai"))).all()
    assert ["confirmed"] == list(chai)
    assert [] == wrong_with_places(moved.db)


def test_who_is_just_registering_when_an_event_moves_is_told_of_the_move(opening):
    result = Beside(opening).run(
        of(COMING["registers"]),
        in_its_own(opening, lambda session, event: shifts.shift(session, event, WEEK, now=NOW)),
    )

    assert 2 == result.letters  # to who was invited before, and to who came just now

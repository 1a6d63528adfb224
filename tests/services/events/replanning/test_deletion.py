"""What nobody was told of can be deleted; what somebody knows of can only be cancelled."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from scheduler.base.errors import Conflict
from scheduler.model.arrivals import Arrival
from scheduler.model.attendance import Answer, Attendee, Partstat
from scheduler.model.audit import Audit
from scheduler.model.events import Event, LastChange
from scheduler.model.feeds import FeedLink, Rendering, Sees
from scheduler.model.letters import Letter
from scheduler.services.common.lookup import get
from scheduler.services.events.attendance import transitions
from scheduler.services.events.programme import planning
from scheduler.services.events.replanning import deletion
from scheduler.services.events.replanning.deletion import AlreadyTold
from scheduler.worker import delivery
from tests.support.builders import NOW, START, a_feed, a_person, an_event, attendees_of, invite, register
from tests.support.workers import a_worker

MINUTE = timedelta(minutes=1)


def delete(app, key="opening"):
    with app.db.write() as session:
        return deletion.delete(session, get(session, Event, key), now=app.clock.now())


def count(app, kind):
    with app.db.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(kind))


def test_an_event_goes_with_its_parts_list_and_letters_that_had_not_left(app):
    with app.db.write() as session:
        an_event(session, "show", kind="exhibition", first_day=date(2027, 2, 2), last_day=date(2027, 2, 20))
        opening = an_event(session, parent="show", reminders=[{"before": "1 day"}])
        register(session, opening)
        invite(session, opening, a_person(session, "anna"))
        planning.move(session, opening, dtstart=START + timedelta(hours=1), now=NOW)

    done = delete(app, "show")

    assert [("opening", 2, 3), ("show", 0, 0)] == [(one.event.key, one.guests, one.letters) for one in done]
    assert {0} == {count(app, kind) for kind in (Event, Attendee, Letter, Rendering, LastChange)}
    with app.db.read() as session:
        actions = session.scalars(sa.select(Audit.row).where(Audit.action == "delete").order_by(Audit.id)).all()
    assert ["opening", "show"] == list(actions)


def test_an_event_that_a_letter_has_left_about_is_not_deleted_nor_what_it_is_part_of(app):
    with app.db.write() as session:
        an_event(session, "show", kind="exhibition", first_day=date(2027, 2, 2), last_day=date(2027, 2, 20))
        register(session, an_event(session, parent="show"))
    delivery.deliver(app)

    with pytest.raises(
        AlreadyTold, match=r"people have already been informed of opening \(1\): it can only be cancelled"
    ):
        delete(app, "show")
    assert 2 == count(app, Event)


def test_an_event_of_which_a_letter_is_just_leaving_is_not_deleted(app):
    with app.db.write() as session:
        register(session, an_event(session))
    worker = a_worker(app)
    with app.db.write() as session:
        session.execute(sa.update(Letter).values(claimed_by=worker))

    with pytest.raises(AlreadyTold):
        delete(app)


@pytest.mark.parametrize("way", [way for way in Answer if way is not Answer.DESK])
def test_who_has_answered_knows_of_the_event(app, way):
    with app.db.write() as session:
        guest = invite(session, an_event(session), a_person(session, email=None))
        transitions.answer(session, guest, Partstat.DECLINED, by=way, on=None, now=NOW)

    with pytest.raises(AlreadyTold):
        delete(app)


def test_who_has_come_knows_of_the_event_and_who_came_elsewhere_does_not(app):
    with app.db.write() as session:
        for key in ("opening", "other"):
            invite(session, an_event(session, key), a_person(session, f"guest-of-{key}"))
        other = attendees_of(session, "other")[0]
        session.add(Arrival(attendee=other, event=other.event, at=NOW, by="door"))

    with pytest.raises(AlreadyTold, match="people have already been informed of other"):
        delete(app, "other")
    assert 1 == len(delete(app, "opening"))


def test_who_has_seen_it_in_their_own_calendar_knows_of_it(app):
    with app.db.write() as session:
        person = a_person(session, "anna")
        link = FeedLink(holder="Anna", feed="all", sees=Sees.OWN, person=person, created_at=NOW, last_used_at=NOW)
        session.add(link)
        invite(session, an_event(session), person, now=NOW + MINUTE)
    app.clock.advance(2 * MINUTE)

    with app.db.write() as session:
        session.execute(sa.update(FeedLink).values(last_used_at=NOW + MINUTE))
    with pytest.raises(AlreadyTold):
        delete(app)

    with app.db.write() as session:
        session.execute(sa.update(FeedLink).values(last_used_at=NOW))
    assert 1 == len(delete(app))


def test_a_tour_that_a_feed_shows_is_not_deleted(app):
    with app.db.write() as session:
        an_event(session, "tour", kind="tour", dtstart=None)
        a_feed(session, "touring", tours=["tour"])

    with pytest.raises(Conflict, match="feed touring shows tour"):
        delete(app, "tour")

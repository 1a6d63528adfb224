"""An event is planned from a form as from a file: with a key and its officials, and only if nothing clashes."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest

from scheduler.base.errors import Conflict, NothingToChange
from scheduler.base.text import Text
from scheduler.model.attendance import Role, Standing
from scheduler.model.events import Event, Kind, Status, Visibility
from scheduler.services.common.lookup import get
from scheduler.services.desk import event_keys, event_plans, plan_choices, venue_days
from scheduler.services.desk.event_plans import EventPlan, PlannedLead
from scheduler.services.events.guests.leads import list_leads
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.conflicts.contradictions import Contradiction
from scheduler.services.events.replanning import registration_switch, reinstatement
from tests.support.builders import DAILY, DAY, NOW, START, a_city, a_person, a_venue, an_event, attendees_of, invite

HOURS = {"dtstart": START, "dtend": START.replace(hour=12)}
CEREMONY = {"kind": "ceremony", "title": {"en": "The Opening"}, **HOURS}


def plan(session, fields=CEREMONY, *, force=None, **given):
    said = EventPlan(fields=fields, **given)
    return event_plans.plan_event(session, said, now=NOW, tz="Asia/Bangkok", language="en", force=force)


def change(session, event, fields, **given):
    said = EventPlan(fields=fields, **given)
    return event_plans.change_plan(session, event, said, now=NOW, language="en")


def test_the_key_of_an_event_is_made_from_its_title_and_no_other_event_has_it(app):
    titles = [
        ({"en": "The Opening", "kk": "Ашылуы"}, "the-opening"),
        ({"kk": "Көшпелі көрменің ашылуы"}, "koshpeli-kormenin-ashyluy"),
        ({"ru": "Щедрый жёлтый цех"}, "shchedryy-zhyoltyy-tsekh"),
        ({"th": "พิธีเปิด"}, "ceremony"),
        ({"en": "Tea"}, "tea"),
        ({"en": "5!", "kk": "Наурыз"}, "nauryz"),
    ]
    with app.db.write() as session:
        made = [event_keys.make_event_key(session, title, Kind.CEREMONY) for title, _key in titles]
        first, second, third = (plan(session, {**CEREMONY, "first_day": None}).event.key for _ in range(3))
    assert [key for _title, key in titles] == made
    assert ("the-opening", "the-opening-2027-02", "the-opening-2") == (first, second, third)


def test_those_who_lead_an_event_are_invited_with_it_and_who_no_longer_does_stays_on_the_list(app):
    with app.db.write() as session:
        a_person(session, "governor", precedence=1)
        a_person(session, "mayor", precedence=2)
        leads = [PlannedLead("mayor", Role.SPEAKER), PlannedLead("governor", Role.PRESIDES)]
        event = plan(session, leads=leads).event
        assert ["governor", "mayor"] == [row.person.key for row in list_leads(session, event)]

        done = change(session, event, {}, leads=[PlannedLead("mayor", Role.PRESIDES)])

        assert 2 == done.leads
        rows = {row.person.key: (row.role, row.standing) for row in attendees_of(session, event.key)}
    invited = Standing.INVITED
    assert {"governor": (Role.PARTICIPANT, invited), "mayor": (Role.PRESIDES, invited)} == rows


def test_what_contradicts_the_plan_is_refused_unless_there_is_a_reason(app):
    with app.db.write() as session:
        governor = a_person(session, "governor")
        an_event(session, "other", venue=a_venue(session).key)
        invite(session, an_event(session, "talks"), governor)
    for fields, leads in (
        ({**CEREMONY, "venue": "hall"}, None),
        (CEREMONY, [PlannedLead("governor", Role.PRESIDES)]),
    ):
        with pytest.raises(Contradiction), app.db.write() as session:
            plan(session, fields, leads=leads)
    with app.db.write() as session:
        assert plan(session, {**CEREMONY, "venue": "hall"}, force="The minister wishes it").event.venue.key == "hall"


def test_a_change_keeps_what_the_form_does_not_have_and_moves_to_the_clock_of_its_venue(app):
    with app.db.write() as session:
        a_city(session, "astana", country="KZ", tz="Asia/Almaty")
        a_venue(session, "palace", city="astana")
        event = an_event(session, url="https://example.org/opening", reminders=[{"before": "1 day"}])
        done = change(session, event, {**HOURS, "venue": "palace", "tz": None}, reason={"en": "The hall is closed"})

        assert ("Asia/Almaty", START, "https://example.org/opening") == (event.tzid, event.dtstart, event.url)
        assert 1 == len(event.reminders)
        assert Text({"en": "The hall is closed"}) == event.reason
        assert done.is_change
        assert not change(session, event, {"title": {"en": "Opening"}}).is_change
        assert Text({"en": "The hall is closed"}) == event.reason
        change(session, event, {"dtend": START.replace(hour=13)})
        assert Text() == event.reason


def test_the_free_hours_of_a_venue_leave_out_what_is_planned_there_and_days_on_which_it_is_closed(app):
    everything = tuple(Visibility)
    with app.db.write() as session:
        a_venue(session, hours=DAILY, closed=[{"on": date(2027, 2, 3)}], holidays="TH")
        mine = an_event(session, venue="hall")
        an_event(session, "talks", venue="hall", dtstart=START.replace(hour=15), visibility="confidential")

        def free(day, seen=everything, but=None):
            found = venue_days.read_venue_day(session, "hall", day, visibilities=seen, but=but)
            return [(start.time(), end.time()) for start, end in found.free]

        ten, noon, three, five, six = (time(hour) for hour in (10, 12, 15, 17, 18))
        assert [(noon, three), (five, six)] == free(START.date())
        assert [(noon, six)] == free(START.date(), [Visibility.PUBLIC])
        assert [(ten, three), (five, six)] == free(START.date(), but=mine)
        assert [] == free(date(2027, 2, 3)) == free(date(2027, 4, 13))  # closed; Songkran


def test_a_cancelled_event_comes_back_with_its_parts_that_are_to_come(app):
    with app.db.write() as session:
        show = an_event(session, "show", kind="exhibition", first_day=date(2027, 2, 2), last_day=date(2027, 2, 20))
        an_event(session, parent="show")
        planning.cancel(session, show, now=NOW)
    with app.db.write() as session, pytest.raises(Conflict, match="reinstate that first"):
        reinstatement.reinstate(session, get(session, Event, "opening"), now=NOW)
    with app.db.write() as session:
        done = reinstatement.reinstate(session, get(session, Event, "show"), now=NOW, status=Status.TENTATIVE)
        assert ["show", "opening"] == [one.event.key for one in done]
        assert {Status.TENTATIVE} == {one.event.status for one in done}
        with pytest.raises(NothingToChange):
            reinstatement.reinstate(session, get(session, Event, "show"), now=NOW)


def test_registration_opens_and_closes_at_once_whatever_was_planned(app):
    with app.db.write() as session:
        event = an_event(session, registration_opens=START - 5 * DAY, registration_closes=START - DAY)
        registration_switch.open_registration(session, event, now=NOW)
        assert ("public", None, START - DAY) == (
            event.registration,
            event.registration_opens,
            event.registration_closes,
        )
        with pytest.raises(NothingToChange):
            registration_switch.open_registration(session, event, now=NOW)

        registration_switch.close_registration(session, event, now=NOW)
        assert datetime(2027, 1, 4, 16) == event.registration_closes  # noqa: DTZ001 - a wall time
        with pytest.raises(NothingToChange):
            registration_switch.close_registration(session, event, now=NOW)

        registration_switch.open_registration(session, event, now=NOW + DAY)
        assert event.registration_closes is None


def test_registration_is_not_opened_for_what_does_not_take_place_nor_closed_where_nobody_registers(app):
    with app.db.write() as session:
        by_list, event = an_event(session, "by-list"), an_event(session, registration="public")
        with pytest.raises(NothingToChange, match="closed already"):
            registration_switch.close_registration(session, by_list, now=NOW)
        with pytest.raises(Conflict, match="is over"):
            registration_switch.open_registration(session, event, now=NOW + 365 * DAY)
        planning.cancel(session, event, now=NOW)
        with pytest.raises(Conflict, match="is cancelled"):
            registration_switch.open_registration(session, event, now=NOW)


def test_an_event_is_not_cancelled_by_a_form_and_nothing_is_part_of_a_cancelled_one(app):
    with app.db.write() as session:
        for key in ("show", "gone"):
            an_event(session, key, kind="exhibition", first_day=date(2027, 2, 2), last_day=date(2027, 2, 20))
        planning.cancel(session, get(session, Event, "gone"), now=NOW)
        found = plan_choices.list_wholes(session, Kind.CEREMONY, visibilities=tuple(Visibility), now=NOW)
        assert ["show"] == [event.key for event in found]
        with pytest.raises(Conflict, match="to cancel an event"):
            change(session, get(session, Event, "show"), {"status": "cancelled"})

"""Registering on a page: what is asked for holds nothing; places are taken by who confirms."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from scheduler.base.errors import NotFound
from scheduler.base.text import Text
from scheduler.model.attendance import Attendee, Partstat, Standing
from scheduler.model.events import Event, Mode
from scheduler.model.feeds import Sees
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.places import Person
from scheduler.services.common import tokens
from scheduler.services.common.drafts import check
from scheduler.services.common.tokens import Purpose
from scheduler.services.events.attendance import transitions
from scheduler.services.events.attendance.capacity import NeverFits, NoRoom
from scheduler.services.events.attendance.registration_window import RegistrationClosed
from scheduler.services.events.guests import own_page, registration
from scheduler.services.events.guests.registration import (
    CONFIRM_WITHIN,
    LINK_VALID_AFTER,
    MAX_LETTERS,
    RegistrationForm,
)
from scheduler.services.events.programme.event_reading import get_capacity
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.services.feeds import event_feeds, own_calendar, scopes
from scheduler.services.outbox import enqueue
from scheduler.services.privacy import personal_data
from scheduler.storage.database import Database
from tests.support.builders import NOW, SECRET, START, a_person, an_event, invite, register
from tests.support.guest_list import wrong_with_places
from tests.support.processes import at_once

MINUTE = timedelta(minutes=1)
ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])


def plan(db, **given) -> None:
    with db.write() as session:
        an_event(session, **{"registration": "public", **given})


def ask(db, name="Anna", *, email=None, mode=Mode.IN_PERSON, companions=0, form="one", now=NOW) -> None:
    given = {"name": name, "email": email or f"{name.lower()}@example.org", "language": "en"}
    wanted = RegistrationForm(person=check(PersonDraft, given), mode=mode, companions=companions, form=form)
    with db.write() as session:
        registration.ask(session, registration.get_open(session, "opening", now=now), wanted, now=now)


def row(session, name="Anna") -> Attendee | None:
    found = session.scalars(sa.select(Attendee).join(Person, Person.id == Attendee.person_id)).all()
    return next((one for one in found if str(one.person.name) == name), None)


def token(db, name="Anna", purpose=Purpose.CONFIRM) -> str:
    with db.read() as session:
        found = row(session, name)
        return tokens.make_attendee_token(purpose, found.id, found.created_at, found.epoch, secret=SECRET)


def confirm(db, given, *, now=NOW) -> Standing:
    with db.write() as session:
        return registration.confirm(session, given, secret=SECRET, now=now).standing


def standing(db, name="Anna") -> Standing | None:
    with db.read() as session:
        found = row(session, name)
        return found.standing if found else None


def taken(db, mode=Mode.IN_PERSON) -> int:
    with db.read() as session:
        return get_capacity(session.scalars(sa.select(Event)).one(), mode).taken


def written(db) -> list[LetterKind]:
    with db.read() as session:
        return list(session.scalars(sa.select(Letter.kind).order_by(Letter.id)))


# Who may


@pytest.mark.both_engines
def test_the_officer_opens_an_event_to_the_public_and_a_file_keeps_it(db, scheduler, tmp_path):
    plan(db, registration="desk")
    scheduler("event", "change", "opening", "--registration", "public")
    file = tmp_path / "programme.toml"

    scheduler("export", str(file), "--key", "season")

    assert 'registration = "public"' in file.read_text()
    assert "unchanged" in scheduler("apply", str(file)).output
    ask(db)
    assert Standing.UNCONFIRMED is standing(db)


# Asking


def test_who_asks_holds_no_place_draws_no_number_and_gets_a_letter(db):
    plan(db, capacity=1)

    ask(db, companions=0)

    assert (Standing.UNCONFIRMED, 0, [LetterKind.CONFIRM]) == (standing(db), taken(db), written(db))
    with db.read() as session:
        assert row(session).queue_number is None
        assert NOW + CONFIRM_WITHIN == session.scalars(sa.select(Letter)).one().expires_at


def test_the_same_form_twice_is_one_registration_and_one_letter(db):
    plan(db)

    for _ in range(2):
        ask(db, form="the same")
    ask(db, "ANNA", email="anna@example.org", form="another tab")

    with db.read() as session:
        assert 1 == session.scalar(sa.select(sa.func.count(Attendee.id)))
    assert [LetterKind.CONFIRM] * 2 == written(db)


def test_two_people_who_share_an_address_are_two_registrations(db):
    plan(db)

    ask(db, "Anna", email="secretariat@example.org")
    ask(db, "Bolat", email="secretariat@example.org", form="two")

    assert (Standing.UNCONFIRMED,) * 2 == (standing(db, "Anna"), standing(db, "Bolat"))


@pytest.mark.both_engines
def test_a_stranger_who_types_a_guests_name_and_address_changes_nothing(db):
    plan(db, capacity=9)
    with db.write() as session:
        anna = a_person(session, name="Anna", email="anna@example.org")
        register(session, session.scalars(sa.select(Event)).one(), anna, companions=2)

    ask(db, companions=0)

    assert (Standing.CONFIRMED, 3) == (standing(db), taken(db))
    assert [LetterKind.CONFIRMED, LetterKind.STANDING] == written(db)


def test_a_known_address_costs_the_statements_that_an_unknown_one_costs(db):
    """Less work would be an answer sooner, by which a stranger could tell."""
    plan(db, capacity=9)
    with db.write() as session:
        event = session.scalars(sa.select(Event)).one()
        register(session, event, a_person(session, name="Known", email="known@example.org"))
    writes = []
    sa.event.listen(db.engine, "before_cursor_execute", lambda *args: writes.append(args[2].split("(")[0]))

    def written(name, form, email=None):
        writes.clear()
        ask(db, name, form=form, email=email or f"{name.lower()}@example.org")
        return sorted(one.split(" FROM ")[-1] for one in writes if one.startswith(("INSERT", "SELECT")))

    for number in range(MAX_LETTERS):
        ask(db, f"Name {number}", email="victim@example.org", form=f"victim {number}")
    unknown, known = written("Unknown", "one"), written("Known", "two")
    flooded = written("Another", "three", "victim@example.org")

    assert unknown == known
    inserted = {one for one in unknown if one.startswith("INSERT")}
    assert inserted - set(flooded) == {one for one in inserted if "letter" in one}
    assert (Standing.CONFIRMED, None) == (standing(db, "Known"), standing(db, "Another"))


def test_who_is_invited_or_has_withdrawn_stays_so_until_they_say_otherwise_on_their_page(db):
    plan(db)
    with db.write() as session:
        event = session.scalars(sa.select(Event)).one()
        invite(session, event, a_person(session, name="Anna", email="anna@example.org"))
        gone = register(session, event, a_person(session, name="Bolat", email="bolat@example.org"))
        transitions.withdraw(session, gone, now=NOW)

    ask(db, "Anna")
    ask(db, "Bolat", form="two")

    assert (Standing.INVITED, Standing.WITHDRAWN) == (standing(db, "Anna"), standing(db, "Bolat"))
    assert [LetterKind.STANDING] * 2 == written(db)[-2:]


def test_no_mailbox_is_filled_by_a_stranger(db):
    plan(db)

    for number in range(MAX_LETTERS + 3):
        ask(db, f"Name {number}", email="victim@example.org", form=str(number))

    assert MAX_LETTERS == len(written(db))
    ask(db, "Somebody else", email="other@example.org")
    assert MAX_LETTERS + 1 == len(written(db))


CLOSED = {
    "left to the desk": {"registration": "desk"},
    "not public": {"visibility": "private"},
    "cancelled": {"status": "cancelled"},
    "not open yet": {"registration_opens": START - timedelta(days=9)},
    "closed already": {"registration_closes": START - timedelta(days=60)},
    "over": {"dtstart": START - timedelta(days=60)},
    "begun": {"dtstart": START.replace(month=1, day=4, hour=15, minute=30)},
    "without any place": {"capacity": 0, "remote_capacity": 0},
}


@pytest.mark.parametrize("given", CLOSED.values(), ids=CLOSED)
def test_an_event_takes_registrations_only_while_it_is_open_to_the_public(db, given):
    plan(db, **given)

    with pytest.raises((RegistrationClosed, NotFound)):
        ask(db)

    assert (None, []) == (standing(db), written(db))


def test_an_event_without_a_date_takes_registrations(db):
    plan(db, dtstart=None)

    ask(db)

    assert Standing.CONFIRMED is confirm(db, token(db))


def test_a_party_that_could_never_fit_is_refused_when_it_asks(db):
    plan(db, capacity=2)

    with pytest.raises(NeverFits):
        ask(db, companions=2)


@ONE_ENGINE
@pytest.mark.parametrize(
    ("given", "offered"),
    [
        ({}, [Mode.IN_PERSON]),
        ({"video_link": "https://video.example.org/1"}, [Mode.IN_PERSON, Mode.REMOTE]),
        ({"remote_capacity": 5}, [Mode.IN_PERSON, Mode.REMOTE]),
        ({"capacity": 0, "remote_capacity": 5}, [Mode.REMOTE]),
        ({"remote_capacity": 0, "video_link": "https://video.example.org/1"}, [Mode.IN_PERSON]),
    ],
)
def test_the_screen_is_offered_where_there_is_one(db, given, offered):
    plan(db, **given)

    with db.read() as session:
        assert offered == registration.offered_modes(session.scalars(sa.select(Event)).one())


# Confirming


def test_confirming_takes_the_place_or_the_end_of_the_queue(db):
    plan(db, capacity=1)
    for name in ("Anna", "Bolat"):
        ask(db, name, form=name)

    later = confirm(db, token(db, "Bolat"))
    first = confirm(db, token(db, "Anna"))

    assert (Standing.CONFIRMED, Standing.WAITLISTED, 1) == (later, first, taken(db))
    assert [LetterKind.CONFIRMED, LetterKind.WAITING] == written(db)[-2:]
    assert [] == wrong_with_places(db)


def test_confirming_twice_is_confirming_once_and_for_an_hour_leads_on(db):
    plan(db, capacity=1)
    ask(db)
    link = token(db)

    answers = [confirm(db, link), confirm(db, link, now=NOW + LINK_VALID_AFTER - MINUTE)]

    assert [Standing.CONFIRMED] * 2 == answers
    assert (1, [LetterKind.CONFIRM, LetterKind.CONFIRMED]) == (taken(db), written(db))
    with pytest.raises(NotFound):
        confirm(db, link, now=NOW + LINK_VALID_AFTER)


def test_a_link_that_was_used_does_not_bring_back_who_withdrew(db):
    plan(db)
    ask(db)
    link = token(db)
    confirm(db, link)
    with db.write() as session:
        own_page.withdraw(session, row(session), now=NOW)

    with pytest.raises(NotFound):
        confirm(db, link)

    assert Standing.WITHDRAWN is standing(db)


def test_a_link_lapses_after_a_day_and_at_the_start(db):
    plan(db)
    ask(db)
    near = NOW + timedelta(days=28, hours=17)  # an hour before it begins

    with pytest.raises(NotFound):
        confirm(db, token(db), now=NOW + CONFIRM_WITHIN)

    ask(db, "Bolat", now=near)
    with pytest.raises(NotFound):
        confirm(db, token(db, "Bolat"), now=near + timedelta(hours=1))


def test_what_closed_meanwhile_is_not_confirmed(db):
    plan(db, registration_closes=START.replace(month=1, day=4, hour=17))
    ask(db)

    with pytest.raises(RegistrationClosed):
        confirm(db, token(db), now=NOW + timedelta(hours=2))

    assert (Standing.UNCONFIRMED, 0) == (standing(db), taken(db))


@pytest.mark.both_engines
@pytest.mark.parametrize(
    "forged", ["", "1", "1-" + "a" * 26, "0-" + "a" * 26, "9" * 30, "1-" + "A" * 26, "é-" + "a" * 26]
)
def test_a_link_that_is_not_ours_leads_nowhere(db, forged):
    plan(db)
    ask(db)

    with pytest.raises(NotFound):
        confirm(db, forged)


@pytest.mark.both_engines
def test_a_link_is_good_for_one_purpose_and_for_one_epoch(db):
    plan(db)
    ask(db)
    links = {purpose: token(db, purpose=purpose) for purpose in Purpose}
    with db.write() as session:
        with pytest.raises(NotFound):
            registration.get_by_own_token(session, links[Purpose.CONFIRM], secret=SECRET)
        with pytest.raises(NotFound):  # there is no page before it is confirmed
            registration.get_by_own_token(session, links[Purpose.OWN], secret=SECRET)
        with pytest.raises(NotFound):
            registration.confirm(session, links[Purpose.OWN], secret=SECRET, now=NOW)
        row(session).epoch += 1

    with pytest.raises(NotFound):
        confirm(db, links[Purpose.CONFIRM])


# Races


def _confirm_in_process(url: str, given: str) -> Standing:
    database = Database(url)
    try:
        return confirm(database, given)
    finally:
        database.dispose()


@pytest.mark.both_engines
@pytest.mark.crowd
def test_twenty_who_confirm_at_once_for_the_last_place_are_one_guest_and_nineteen_in_the_queue(db, database_url):
    plan(db, capacity=1)
    names = [f"Guest {number}" for number in range(20)]
    for name in names:
        ask(db, name, email=f"{name.replace(' ', '')}@example.org", form=name)
    work = [(database_url, token(db, name)) for name in names]

    answers = at_once(_confirm_in_process, work)

    assert (1, 19) == (answers.count(Standing.CONFIRMED), answers.count(Standing.WAITLISTED))
    assert (1, []) == (taken(db), wrong_with_places(db))


@pytest.mark.both_engines
def test_one_link_in_many_hands_at_once_is_one_registration(db):
    plan(db, capacity=9)
    ask(db, companions=1)
    link = token(db)

    with ThreadPoolExecutor(8) as hands:
        answers = list(hands.map(lambda _: confirm(db, link), range(8)))

    assert ([Standing.CONFIRMED] * 8, 2) == (answers, taken(db))
    assert 1 == written(db).count(LetterKind.CONFIRMED)


# Lapsing


def test_who_never_confirmed_is_forgotten_without_a_trace_but_not_who_is_known_otherwise(db):
    plan(db)
    with db.write() as session:
        a_person(session, "minister", name="Minister", email="minister@example.org")
    ask(db, "Anna")
    ask(db, "Minister", form="two")

    with db.write() as session:
        assert [] == registration.purge_unconfirmed(session, now=NOW + CONFIRM_WITHIN - MINUTE)
        assert 2 == len(registration.purge_unconfirmed(session, now=NOW + CONFIRM_WITHIN))

    with db.read() as session:
        assert ["Minister"] == [str(name) for name in session.scalars(sa.select(Person.name))]
    assert [] == written(db)


def test_who_confirmed_is_not_forgotten(db):
    plan(db)
    ask(db)
    confirm(db, token(db))

    with db.write() as session:
        assert [] == registration.purge_unconfirmed(session, now=NOW + CONFIRM_WITHIN * 9)

    assert Standing.CONFIRMED is standing(db)


def test_a_link_of_somebody_forgotten_does_not_open_another_who_got_their_number(db):
    plan(db)
    ask(db)
    link = token(db)
    with db.write() as session:
        registration.purge_unconfirmed(session, now=NOW + CONFIRM_WITHIN)
    ask(db, "Bolat", now=NOW + CONFIRM_WITHIN)

    with pytest.raises(NotFound):
        confirm(db, link, now=NOW + CONFIRM_WITHIN)


def test_news_and_reminders_are_not_for_who_has_not_confirmed(db):
    plan(db)
    ask(db)

    with db.write() as session:
        event = session.scalars(sa.select(Event)).one()
        told = enqueue.queue_for_list(session, LetterKind.MOVED, event, facts={}, now=NOW)
        agenda = scopes.get(session, "all")

    assert 0 == told
    assert Sees.PUBLIC is agenda.sees


# The own page


@pytest.fixture
def anna(db):
    plan(db, capacity=3, remote_capacity=1, video_link="https://video.example.org/1")
    ask(db)
    confirm(db, token(db))
    return db


def act(db, verb, *given, name="Anna", now=NOW, **more):
    with db.write() as session:
        return verb(session, row(session, name), *given, now=now, **more)


def test_they_change_their_party_and_keep_what_they_hold_where_there_is_no_room(anna):
    act(anna, own_page.change, mode=Mode.IN_PERSON, companions=2)
    with pytest.raises(NoRoom):
        act(anna, own_page.change, mode=Mode.REMOTE, companions=2)
    with anna.write() as session:
        register(session, session.scalars(sa.select(Event)).one(), mode=Mode.REMOTE)
    with pytest.raises(NoRoom):
        act(anna, own_page.change, mode=Mode.REMOTE, companions=0)

    assert (3, []) == (taken(anna), wrong_with_places(anna))


def test_they_withdraw_and_come_back_while_registration_is_open(anna):
    act(anna, own_page.withdraw)
    assert (Standing.WITHDRAWN, 0) == (standing(anna), taken(anna))

    act(anna, own_page.accept_or_return)

    assert (Standing.CONFIRMED, 1) == (standing(anna), taken(anna))


def test_an_invitation_is_accepted_on_the_page_also_where_the_public_may_not_register(db):
    plan(db, registration="desk")
    with db.write() as session:
        invite(session, session.scalars(sa.select(Event)).one(), a_person(session, name="Anna"))

    act(db, own_page.accept_or_return)

    with db.read() as session:
        assert (Standing.CONFIRMED, Partstat.ACCEPTED) == (row(session).standing, row(session).partstat)


def test_nothing_is_changed_once_it_has_begun(anna):
    late = NOW + timedelta(days=28, hours=18)

    for verb, given in ((own_page.withdraw, {}), (own_page.change, {"mode": Mode.REMOTE, "companions": 0})):
        with pytest.raises(own_page.RegistrationTooLate):
            act(anna, verb, now=late, **given)


def test_their_calendar_is_one_link_that_shows_what_they_have_and_nothing_else(anna):
    with anna.write() as session:
        an_event(session, "other", dtstart=START + timedelta(days=1))
        made = [own_calendar.find_or_add_link(session, row(session).person, now=NOW).id for _ in range(2)]
        link = own_calendar.find_link(session, row(session).person)
        scope = scopes.get(session, "all").for_link(link)
        shown = event_feeds.write(session, scope, language="en", house=Text({"en": "Embassy"}), now=NOW)

    assert made[0] == made[1]
    assert (Sees.OWN, 1) == (link.sees, shown.count(b"BEGIN:VEVENT"))


def test_their_data_holds_all_that_is_kept_of_them_and_of_nobody_else(anna):
    ask(anna, "Bolat", form="two")
    with anna.read() as session:
        found = personal_data.export_personal_data(session, row(session).person)

    assert "anna@example.org" == found["person"]["email"]
    assert ["opening"] == [one["event"] for one in found["registrations"]]
    assert ["confirm", "confirmed"] == [one["kind"] for one in found["letters"]]
    assert "bolat" not in str(found).lower()

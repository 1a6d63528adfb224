"""People, organisations, venues and cities at the desk, and the search over everything."""

from __future__ import annotations

import re
from datetime import time

import pytest
import sqlalchemy as sa

from scheduler.model.accounts import AccountRole
from scheduler.model.attendance import Answer, Partstat
from scheduler.model.events import Visibility
from scheduler.model.places import City, Organisation, Person, Venue
from scheduler.services.common.lookup import get, get_person
from scheduler.services.directory import people
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.events.attendance import transitions
from tests.support.accounts import an_account, seal, sign_in, text
from tests.support.builders import NOW, a_city, a_person, a_venue, an_event, an_organisation, invite
from tests.support.consulate import Consulate, a_post, give
from tests.support.instance import pages_of

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])  # its services are tested on both


@pytest.fixture
def web(app):
    an_account(app, role=AccountRole.ADMINISTRATOR)
    client = pages_of(app).test_client()
    sign_in(client)
    return client


@pytest.fixture
def governor(app):
    """Who was written to about last year's opening, and has answered."""
    with app.db.write() as session:
        office = an_organisation(session, "province", name={"en": "Phuket Province", "ru": "Провинция Пхукет"})
        person = a_person(session, "governor", name={"th": "สมชาย ใจดี"}, organisation=office.key)
        row = invite(session, an_event(session, organizer="province"), person)
        transitions.answer(session, row, Partstat.ACCEPTED, by=Answer.LETTER, on=NOW.date(), now=NOW)
        transitions.renew_link(session, row, now=NOW)
        return person.id


def send(web, path, **typed):
    return web.post(path, data={"csrf_token": seal(web, path), **typed})


def found(web, typed):
    return web.get("/en/desk/search/suggestions.json", query_string={"q": typed}).json


@pytest.mark.parametrize("typed", ["Somchai", "Сомчай", "สมชาย", "провинция", "governor", "phuket somchai"])
def test_a_person_is_found_by_name_organisation_and_key_in_any_script(web, governor, typed):
    assert f"/en/desk/people/{governor}" in text(web.get("/en/desk/people", query_string={"q": typed}))
    assert f"/en/desk/people/{governor}" in {one["address"] for one in found(web, typed)["found"]}


def test_the_page_of_a_person_has_the_letter_of_last_year_and_its_answer(web, governor):
    page = text(web.get(f"/en/desk/people/{governor}"))

    assert "accepted (letter, 4 January 2027)" in page
    (letter,) = {part.split('"')[0] for part in page.split('href="') if "/letters/" in part.split('"')[0]}
    assert 200 == web.get(letter).status_code


@pytest.mark.parametrize("number", ["0", "-1", "x", "9" * 23])
def test_a_page_of_people_that_there_cannot_be_is_the_first(web, governor, number):
    assert f"/desk/people/{governor}" in text(web.get(f"/en/desk/people?page={number}"))


def test_a_person_is_added_without_a_key_of_their_own_and_changed(app, web):
    added = send(web, "/en/desk/people/new", name_th="ธนพร วงศ์สวัสดิ์", language="th", email="t@example.org")
    path = added.location.partition("?")[0]
    send(web, f"{path}/change", name_th="ธนพร วงศ์สวัสดิ์", name_en="Thanaporn W.", language="th", precedence="7")

    with app.db.read() as session:
        (person,) = session.scalars(sa.select(Person))
        assert ("Thanaporn W.", 7, None, "th") == (
            person.name.to("en"),
            person.precedence,
            person.email,
            person.language,
        )
        assert person.key
        assert person.key.isascii()


def test_what_is_wrong_names_its_field_in_the_summary_too(web, governor):
    refused = send(web, f"/en/desk/people/{governor}/change", name_en="", precedence="x1", email="governor")
    summary = refused.get_data(as_text=True).partition("<h1")[0]

    assert 'href="#precedence">Precedence, 1 is the highest: Enter a whole number.</a>' in summary
    assert 'href="#name_en">Full name (English): Fill in this field.</a>' in summary
    assert 'href="#email">E-mail: ' in summary


def test_a_second_officer_sees_what_the_first_changed_and_overwrites_nothing(app, web, governor):
    path = f"/en/desk/people/{governor}/change"
    opened = {
        "name_th": "สมชาย ใจดี",
        "seen_name_th": "สมชาย ใจดี",
        "language": "en",
        "telephone": "",
        "seen_telephone": "",
    }
    send(web, path, **opened | {"telephone": "+66 2 000 0001"})

    second = send(web, path, **opened | {"position_en": "Governor"})

    assert 422 == second.status_code
    assert "Another officer changed this meanwhile." in text(second)
    with app.db.read() as session:
        assert "+66 2 000 0001" == session.get_one(Person, governor).telephone


def test_two_people_are_merged_with_what_was_chosen_and_the_old_address_leads_to_the_one(app, web, governor):
    with app.db.write() as session:
        other = a_person(session, name="Somchai Jaidee", email="new@example.org").id
    sheet = text(web.get(f"/en/desk/people/{governor}/merge?other={other}"))
    assert "Merge into one" in sheet
    assert "new@example.org" in sheet

    done = send(web, f"/en/desk/people/{governor}/merge", other=str(other), take_email="other")

    assert f"/en/desk/people/{governor}?done=merged" == done.location
    assert f"/en/desk/people/{governor}" == web.get(f"/en/desk/people/{other}").location
    with app.db.read() as session:
        assert "new@example.org" == session.get_one(Person, governor).email


def test_an_erased_person_is_there_no_more(app, web, governor):
    assert "Opening" in text(web.get(f"/en/desk/people/{governor}/erase"))
    send(web, f"/en/desk/people/{governor}/erase", by="letter")

    assert 404 == web.get(f"/en/desk/people/{governor}").status_code
    assert [] == found(web, "Somchai")["found"]


def test_a_venue_is_added_closed_merged_and_deleted(app, web):
    with app.db.write() as session:
        a_city(session)
    typed = {"name_en": "Great Hall", "city": "bangkok", "coordinates": "13.75, 100.5", "capacity": "300"}
    added = send(web, "/en/desk/directory/venues/new", **typed, hours_0="9-12, 13–17", directions_en="Metro")
    assert "/en/desk/directory/venues/great-hall?done=added" == added.location
    closed = {"first_day": "31.12.2027", "hours": "9-14", "reason_en": "Inventory"}
    send(web, "/en/desk/directory/venues/great-hall/closed", **closed)
    with app.db.write() as session:
        hall = get(session, Venue, "great-hall")
        assert (300, 13.75, 2, "Metro") == (hall.capacity, hall.latitude, len(hall.hours), hall.directions.to("en"))
        assert [(time(9), "Inventory")] == [(one.opens, one.reason.to("en")) for one in hall.closures]
        an_event(session, venue=a_venue(session, "old-hall").key)

    refused = send(web, "/en/desk/directory/venues/old-hall/delete")
    send(web, "/en/desk/directory/venues/great-hall/merge", other="old-hall")

    assert 422 == refused.status_code
    assert "/en/desk/directory/venues/great-hall" == web.get("/en/desk/directory/venues/old-hall").location
    assert "Opening" in text(web.get("/en/desk/directory/venues/great-hall"))


def test_how_long_a_journey_takes_is_stated_on_the_page_of_a_city(app, web):
    with app.db.write() as session:
        a_city(session)
        a_city(session, "phuket")
    path = "/en/desk/directory/cities/bangkok"

    web.post(f"{path}/travel", data={"csrf_token": seal(web, path), "to": "phuket", "takes": "6 hours"})

    assert "6 hours" in text(web.get(path))
    with app.db.read() as session:
        assert get(session, City, "bangkok").tzid


def test_the_search_shows_no_confidential_event_and_no_visit_to_a_post_of_others(app):
    with app.db.write() as session:
        an_event(session, "talks", title="Falcontalks", visibility="confidential")
        a_post(session)
    reference = Consulate(app.db).book("Heronvisitor")
    an_account(app, "viewer", AccountRole.VIEWER)
    an_account(app, "consular", AccountRole.CONSULAR)
    give(app, "consular", "phuket")
    answers = {}
    for name in ("viewer", "consular"):
        client = pages_of(app).test_client()
        sign_in(client, name)
        answers[name] = [len(found(client, typed)["found"]) for typed in ("Falcontalks", reference, "heronvisitor")]

    assert {"viewer": [0, 0, 0], "consular": [0, 1, 1]} == answers


def test_a_confidential_event_does_not_keep_the_search_from_finding_what_is_spelt_alike(app):
    with app.db.write() as session:
        an_event(session, "heroes", title="Falkentalks")
    an_account(app, "viewer", AccountRole.VIEWER)
    client = pages_of(app).test_client()
    sign_in(client, "viewer")
    before = found(client, "Falcontalks")

    with app.db.write() as session:
        an_event(session, "talks", title="Falcontalks", visibility="confidential")

    assert ["Falkentalks"] == [one["label"] for one in before["found"]]
    assert before == found(client, "Falcontalks")


def test_what_is_called_exactly_so_is_opened_by_enter(app, web):
    with app.db.write() as session:
        an_organisation(session, "ministry", name={"en": "Ministry of Culture", "ru": "Министерство культуры"})
        an_organisation(session, "museum", name={"en": "Ministry of Culture Museum"})

    assert (True, False) == (found(web, "министерство культуры")["exact"], found(web, "culture")["exact"])
    assert "/en/desk/directory/organisations/museum" in text(web.get("/en/desk/search?q=culture"))
    with app.db.read() as session:
        assert get(session, Organisation, "museum")


def test_a_person_stays_with_their_organisation_when_another_is_called_the_same(app, web):
    with app.db.write() as session:
        for key in ("embassy", "embassy-2"):
            an_organisation(session, key, name="Embassy")
        people_of = {
            key: a_person(session, f"of-{key}", name=key, organisation=key).id for key in ("embassy", "embassy-2")
        }
    for key, number in people_of.items():
        page = f"/en/desk/people/{number}/change"
        shown = re.search(r'name="organisation"[^>]* value="([^"]*)"', text(web.get(page)))[1]
        assert 303 == send(web, page, name_en=key, language="en", organisation=shown, position_en="Clerk").status_code
    with app.db.read() as session:
        kept = {key: session.get(Person, number).organisation.key for key, number in people_of.items()}

    assert {"embassy": "embassy", "embassy-2": "embassy-2"} == kept


def test_a_field_suggests_what_it_may_name_and_the_other_of_a_merge_is_typed(app, web):
    with app.db.write() as session:
        a_venue(session, "hall", name={"en": "Hall", "th": "หอประชุม"})
        a_venue(session, "old-hall", name="Old Hall")
    asked = {"q": "หอประชุม", "noun": "venue"}
    found = web.get("/en/desk/search/suggestions.json", query_string=asked).json["found"]
    page = "/en/desk/directory/venues/hall/merge"

    assert ["Hall, Bangkok"] == [one["label"] for one in found]
    assert 404 == web.get("/en/desk/search/suggestions.json?q=a&noun=post").status_code
    assert "Becomes part of it" in text(web.get(f"{page}?other=Old Hall"))
    assert "There is no venue “Nothing”" in text(web.get(f"{page}?other=Nothing"))
    assert "This is the entry itself" in text(web.get(f"{page}?other=hall"))


# From a person to an event


def test_a_person_is_invited_from_their_page_to_an_event_that_is_found_by_its_title(app, web):
    with app.db.write() as session:
        event = an_event(session, title={"en": "Opening", "th": "พิธีเปิด"})
        an_event(session, "reception", title="Reception")
        an_event(session, "secret", title="Secret opening", visibility=Visibility.CONFIDENTIAL)
        guest = a_person(session, "guest", name="Guest")
        number, listed = guest.id, invite(session, event, guest).id
    page = f"/en/desk/people/{number}"
    every, found = text(web.get(f"{page}/invite")), text(web.get(f"{page}/invite?q=พิธี"))
    (form,) = re.findall(r'href="([^"]+/invite\?to=[^"]+)"', found)

    assert f'href="{page}/invite"' in text(web.get(page))
    assert "/events/reception/invite?to=" in every
    assert f"/guests/{listed}" in every, "already on the list"
    assert re.search(rf'name="to" value="{number}" checked', text(web.get(form)))


def test_an_event_that_an_officer_may_not_know_of_is_none_to_invite_to(app):
    with app.db.write() as session:
        guest = a_person(session, "guest", name="Guest")
        event = an_event(session, "secret", title="Secret opening", visibility=Visibility.CONFIDENTIAL)
        invite(session, event, guest)
        known = people.list_coming_events(session, DirectoryIndex(), "secret", [Visibility.PUBLIC], now=NOW)
        everything = people.list_coming_events(session, DirectoryIndex(), "secret", list(Visibility), now=NOW)

        assert ([], [event]) == (list(known), list(everything))


def test_who_is_written_to_from_their_page_is_the_only_reader_unless_others_are_added(app, web):
    with app.db.write() as session:
        guest, nobody = a_person(session, "guest", name="Guest"), a_person(session, "nobody", name="Nobody")
        row = invite(session, an_event(session), guest)
        number, stranger, place = guest.id, nobody.id, row.id
    alone = web.get(f"/en/desk/people/{number}/write")
    form = text(web.get(alone.location))
    with app.db.write() as session:
        invite(session, an_event(session, "reception", title="Reception"), get_person(session, "guest"))
    several = text(web.get(f"/en/desk/people/{number}/write"))

    assert f"/en/desk/events/opening/message?to={place}" == alone.location
    assert "1 chosen guest" in form
    assert 'name="to_everyone" value="yes" checked' not in form
    assert "/events/reception/message?to=" in several
    assert "Invite them first" in text(web.get(f"/en/desk/people/{stranger}/write"))

"""The desk over HTTP: what officers see and do, in whose name, and what they are refused in words."""

from __future__ import annotations

import csv
import io
import re
from html import unescape

import pytest
import sqlalchemy as sa

from scheduler.base.text import Text
from scheduler.model.accounts import AccountRole
from scheduler.model.attendance import Answer, Attendee, Partstat, Role, Standing
from scheduler.model.audit import Audit
from scheduler.model.events import Mode, Visibility
from scheduler.model.places import Person
from scheduler.services.events.attendance import transitions
from scheduler.web.officers.guests.guest_actions import OFFERED, VERBS
from tests.support.accounts import an_account, seal, sign_in, text
from tests.support.builders import NOW, a_person, an_event, invite, register
from tests.support.guest_list import GuestList, wrong_with_places
from tests.support.instance import pages_of

ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])
LIST = "/en/desk/events/opening"


@pytest.fixture
def web(app):
    an_account(app)
    client = pages_of(app).test_client()
    sign_in(client)
    return client


def as_role(app, role):
    an_account(app, str(role).replace(" ", "-"), role)
    client = pages_of(app).test_client()
    sign_in(client, str(role).replace(" ", "-"))
    return client


def plan(app, **given) -> None:
    with app.db.write() as session:
        an_event(session, **given)


def put(app, deed, **given) -> int:
    """A guest of the opening; their number on the list."""
    with app.db.write() as session:
        return deed(session, an_event(session, capacity=3), a_person(session, "ann", name="Ann"), **given).id


def send(web, path, page=None, **typed):
    return web.post(path, data={"csrf_token": seal(web, page or path), **typed})


def row(app, number=1) -> Attendee:
    with app.db.read() as session:
        query = sa.select(Attendee).options(sa.orm.joinedload(Attendee.represented_by)).where(Attendee.id == number)
        return session.scalars(query).one()


# Reading


def test_the_desk_shows_what_is_on_with_how_many_come(app, web):
    with app.db.write() as session:
        event = an_event(session, capacity=1)
        register(session, event)
        register(session, event)
        invite(session, event)
        an_event(session, "talks", visibility="confidential")

    page = text(web.get("/en/desk/list?at=2027-02"))

    assert "in person: 1 of 1" in page
    assert "on the waiting list: 1" in page
    assert "no reply yet: 1" in page
    assert "/en/desk/events/talks" in page


@ONE_ENGINE
@pytest.mark.parametrize(
    ("role", "addresses", "confidential"),
    [
        (AccountRole.VIEWER, False, 404),
        (AccountRole.DOOR, False, 404),
        (AccountRole.OFFICER, True, 200),
        (AccountRole.ADMINISTRATOR, True, 200),
    ],
)
def test_addresses_and_what_is_confidential_are_for_those_who_may(app, role, addresses, confidential):
    number = put(app, register)
    with app.db.write() as session:
        session.get_one(Person, 1).telephone = "+66 2 234 6398"
        an_event(session, "talks", visibility="confidential")
    client = as_role(app, role)

    pages = [
        text(client.get(path))
        for path in (LIST, f"{LIST}/guests/{number}", f"{LIST}?name=ann", "/en/desk?at=2027-02")
    ]

    assert "Ann" in pages[0]
    assert addresses == any("@example.org" in page or "234 6398" in page for page in pages)
    assert (confidential == 200) == any("talks" in page for page in pages)
    assert confidential == client.get("/en/desk/events/talks").status_code


@ONE_ENGINE
def test_a_name_that_is_no_text_but_marks_does_no_harm(app, web):
    with app.db.write() as session:
        register(session, an_event(session), a_person(session, name='<b>"Ann"</b> & {{ 7 * 7 }}'))

    for path in (LIST, f"{LIST}?name=%3Cscript%3E%27&standing=none&mode=x&role=%00", f"{LIST}/guests/1"):
        page = web.get(path).get_data(as_text=True)
        assert "<b>&#34;Ann" not in page
        assert "<script>" not in page
        assert '<b>"Ann"</b> & {{ 7 * 7 }}' in unescape(page) or "name=" in path


@ONE_ENGINE
@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999999", "²", "9999"])
def test_no_page_number_breaks_a_list(app, web, page):
    put(app, register)

    assert 200 == web.get(f"{LIST}?page={page}").status_code
    assert 200 == web.get(f"/en/desk?at={page}&day={page}").status_code


@ONE_ENGINE
def test_who_is_not_on_this_list_has_no_page_on_it(app, web):
    number = put(app, register)
    plan(app, key="other")

    for path in (f"other/guests/{number}", "opening/guests/999", f"opening/guests/{2**70}", "none", "%00", "ключ"):
        assert 404 == web.get(f"/en/desk/events/{path}").status_code, path
    assert 404 == web.get(f"{LIST}/guests/{number}/dance").status_code


@ONE_ENGINE
def test_the_list_is_taken_away_as_a_file_whose_cells_are_no_formulas(app, web):
    with app.db.write() as session:
        register(session, an_event(session), a_person(session, name="=cmd|'/c calc'!A1", email="x@example.org"))

    answer = web.get(f"{LIST}/guests.csv")
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))

    assert 'attachment; filename="opening.csv"' == answer.headers["Content-Disposition"]
    assert any("x@example.org" in row for row in rows)
    assert not any(cell.startswith("=") for row in rows for cell in row)
    assert web.get(f"{LIST}/guests.xlsx").get_data().startswith(b"PK")


@ONE_ENGINE
def test_the_ledger_says_what_left_and_what_did_not_and_why(app, web):
    with app.db.write() as session:
        event = an_event(session)
        register(session, event, a_person(session, name="Ann"))
        register(session, event, a_person(session, name="Ben", email=None))

    page = text(web.get(f"{LIST}/letters"))

    assert "no e-mail address" in page
    assert "Ann" in page
    assert "Ann" not in text(web.get(f"{LIST}/letters?outcome=skipped"))
    assert 404 == web.get(f"{LIST}/letters?outcome=lost").status_code


# Doing


def test_an_officer_registers_somebody_and_the_audit_names_them(app, web):
    plan(app)

    sent = send(web, f"{LIST}/register", name="Айгүл Нұрланқызы", email="a@example.org", mode="remote",
                companions="2", role="speaker", language="kk", telephone="")  # fmt: skip

    assert 303 == sent.status_code
    assert "The guest is on the list." in text(web.get(sent.headers["Location"]))
    found = row(app)
    assert (Mode.REMOTE, 2, Role.SPEAKER, Standing.CONFIRMED, Answer.DESK) == (
        found.mode,
        found.companions,
        found.role,
        found.standing,
        found.answered_by,
    )
    with app.db.read() as session:
        acts = session.execute(sa.select(Audit.actor, Audit.action).where(Audit.noun == "attendee")).all()
    assert [("aigerim@web", "register")] == acts


@ONE_ENGINE
@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"name": " "}, "name", "Enter a name."),
        ({"email": "a at b"}, "email", "is not an e-mail address"),
        ({"companions": "51"}, "companions", "Enter a whole number from 0 to 50."),
        ({"mode": "by horse"}, "mode", "Choose how the guest takes part."),
        ({"role": "king"}, "role", "Choose the role of the guest."),
        ({"language": "tlh"}, "language", "Choose a language."),
        ({"telephone": "call me"}, "telephone", "is not a telephone number"),
        ({"name": "x\u202ey"}, "name", "control character"),
        ({"companions": "9"}, "", "a group of 10 cannot fit"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_is_kept(app, web, typed, field, said):
    plan(app, capacity=3)
    good = {"name": "Ann", "email": "kept@example.org", "mode": "in person", "companions": "", "role": "participant"}

    sent = send(web, f"{LIST}/register", **{**good, "language": "en", **typed})
    page = text(sent)

    assert 422 == sent.status_code
    assert said in page
    assert not field or f'id="{field}-wrong"' in page or f'href="#{field}"' in page
    assert "kept@example.org" in page or "email" in typed
    with app.db.read() as session:
        assert [] == session.scalars(sa.select(Person)).all()


@ONE_ENGINE
def test_the_hall_and_the_screen_are_told_apart(app, web):
    plan(app)

    page = text(web.get(f"{LIST}/register"))

    assert (1, 1) == tuple(page.count(f"<span>{words}</span>") for words in ("in the hall", "by video link"))


@ONE_ENGINE
def test_who_is_registered_already_is_told_in_words(app, web):
    plan(app)
    typed = {"name": "Ann", "email": "a@example.org", "mode": "in person", "role": "participant", "language": "en"}
    send(web, f"{LIST}/register", **typed)

    again = send(web, f"{LIST}/register", **typed)

    assert 422 == again.status_code
    assert "Ann is already registered for Opening: confirmed." in text(again)


@ONE_ENGINE
def test_what_contradicts_is_said_and_can_be_overruled_with_a_reason(app, web):
    with app.db.write() as session:
        busy = a_person(session, name="Ann", email="a@example.org")
        register(session, an_event(session, "elsewhere"), busy, role=Role.SPEAKER)
        an_event(session)
    typed = {"name": "Ann", "email": "a@example.org", "mode": "in person", "role": "speaker", "language": "en"}

    refused = send(web, f"{LIST}/register", **typed)
    overruled = send(web, f"{LIST}/register", **typed, reason="She speaks by telephone")

    assert 422 == refused.status_code
    assert 'name="reason"' in text(refused)
    assert 'name="reason"' not in text(web.get(f"{LIST}/register"))
    assert 303 == overruled.status_code
    with app.db.read() as session:
        said = session.scalars(sa.select(Audit.details).where(Audit.action == "force")).one()
    assert "She speaks by telephone" == said["reason"]


def test_an_answer_is_recorded_with_how_and_when_it_came(app, web):
    number = put(app, invite)

    sent = send(web, f"{LIST}/guests/{number}/answer", reply="accepted", way="note verbale", on="2026-12-20")

    assert 303 == sent.status_code
    found = row(app, number)
    assert (Partstat.ACCEPTED, Standing.CONFIRMED, Answer.NOTE_VERBALE) == (
        found.partstat,
        found.standing,
        found.answered_by,
    )
    assert "2026-12-20" == found.answered_on.isoformat()
    page = text(web.get(sent.headers["Location"]))
    assert "The answer is recorded." in page
    assert "accepted (note verbale, 20 December 2026)" in page


@ONE_ENGINE
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"reply": ""}, "Choose the answer."),
        ({"reply": "not answered"}, "Choose the answer."),
        ({"way": "pigeon"}, "Choose how the answer was received."),
        ({"on": "2027-01-05"}, "The day cannot be later than today"),
        ({"on": "never"}, "Enter a date as YYYY-MM-DD, for example 2027-01-04."),
        ({"on": "2026-02-30"}, "Enter a date as YYYY-MM-DD, for example 2027-01-04."),
    ],
)
def test_an_answer_that_cannot_be_is_refused_and_stays_as_typed(app, web, typed, said):
    number = put(app, invite)

    sent = send(web, f"{LIST}/guests/{number}/answer", **{"reply": "accepted", "way": "telephone", "on": "", **typed})

    assert 422 == sent.status_code
    assert said in text(sent)
    assert Standing.INVITED is row(app, number).standing


@ONE_ENGINE
def test_the_same_answer_twice_is_told_and_changes_nothing(app, web):
    number = put(app, invite)
    path = f"{LIST}/guests/{number}/answer"
    send(web, path, reply="regrets", way="letter")

    again = send(web, path, reply="regrets", way="telephone")

    assert 422 == again.status_code
    assert "has already given this answer" in text(again)
    assert Answer.LETTER is row(app, number).answered_by


def test_a_place_that_an_officer_takes_back_is_offered_to_who_waits(app, web):
    with app.db.write() as session:
        event = an_event(session, capacity=1)
        register(session, event, a_person(session, "first"))
        register(session, event, a_person(session, "second"))

    send(web, f"{LIST}/guests/1/removal")

    assert {"second"} == GuestList(app.db).offered()
    assert (Standing.WITHDRAWN, None) == (row(app).standing, row(app).answered_by)
    assert [] == wrong_with_places(app.db)


def test_a_party_that_finds_no_room_keeps_what_it_has(app, web):
    number = put(app, register)

    larger = send(web, f"{LIST}/guests/{number}/party", mode="in person", companions="2")
    too_large = send(web, f"{LIST}/guests/{number}/party", mode="in person", companions="3")

    assert (303, 422) == (larger.status_code, too_large.status_code)
    assert "not enough places" in text(too_large)
    assert 2 == row(app, number).companions
    assert [] == wrong_with_places(app.db)


@ONE_ENGINE
def test_somebody_comes_in_their_place_and_they_come_themselves_after_all(app, web):
    number = put(app, register)
    path = f"{LIST}/guests/{number}/deputy"

    send(web, path, name="Ben Deputy", email="ben@example.org")
    assert "Ben Deputy" == str(row(app, number).represented_by.name)
    assert "represented by Ben Deputy" in text(web.get(LIST))
    assert 'value="Ben Deputy"' in text(web.get(path))
    send(web, path, name="", email="")

    assert row(app, number).represented_by is None


@ONE_ENGINE
def test_a_deputys_regrets_are_recorded_and_the_desk_shows_whom_to_ask(app, web):
    number = put(app, register)
    send(web, f"{LIST}/guests/{number}/deputy", name="Ben Deputy", email="ben@example.org")
    assert f"/guests/{number}/regrets" in text(web.get(f"{LIST}/guests/{number}"))

    assert 303 == send(web, f"{LIST}/guests/{number}/regrets", way="telephone").status_code

    guest = text(web.get(f"{LIST}/guests/{number}"))
    assert "has sent regrets (" in guest
    assert "The place is reserved until the guest has answered." in guest
    assert f"/guests/{number}/regrets" not in guest
    assert "the deputy has sent regrets" in text(web.get(LIST))
    assert "because their deputy has sent regrets: 1" in text(web.get("/en/desk?at=2027-02"))
    assert (Standing.INVITED, Partstat.NEEDS_ACTION) == (row(app, number).standing, row(app, number).partstat)


@ONE_ENGINE
def test_a_deputy_on_the_list_is_refused_in_words_and_one_with_regrets_for_want_of_a_reason(app, web):
    number = put(app, register)
    with app.db.write() as session:
        event = an_event(session, capacity=3)
        register(session, event, a_person(session, name="Chai", email="chai@example.org"))
        gone = register(session, event, a_person(session, name="Ben", email="ben@example.org"))
        transitions.withdraw(session, gone, by=Answer.MAIL, now=NOW)
    path = f"{LIST}/guests/{number}/deputy"

    listed = send(web, path, name="Chai", email="chai@example.org")
    regretted = send(web, path, name="Ben", email="ben@example.org")
    overruled = send(web, path, name="Ben", email="ben@example.org", reason="came back")

    assert (422, 422, 303) == (listed.status_code, regretted.status_code, overruled.status_code)
    assert "is on the list of opening already" in text(listed)
    assert 'name="reason"' in text(listed)
    assert 'name="reason"' in text(regretted)
    assert "Ben" == str(row(app, number).represented_by.name)


@ONE_ENGINE
def test_places_are_kept_for_officials_on_a_page(app, web):
    put(app, register)

    assert "Places for officials" in text(web.get(LIST))
    assert 303 == send(web, f"{LIST}/kept", kept="2").status_code
    assert "reserved for officials: 2, not taken: 2" in text(web.get(LIST))
    assert 'value="2"' in text(web.get(f"{LIST}/kept"))
    too_many = send(web, f"{LIST}/kept", kept="4")

    assert 422 == too_many.status_code
    assert "4 are more than the capacity of 3" in text(too_many)
    assert 422 == send(web, f"{LIST}/kept", kept="many").status_code


@ONE_ENGINE
def test_the_list_as_a_file_says_who_comes_in_whose_place(app, web):
    number = put(app, register)
    send(web, f"{LIST}/guests/{number}/deputy", name="Ben Deputy", email="ben@example.org")

    (one,) = csv.DictReader(io.StringIO(web.get(f"{LIST}/guests.csv").get_data(as_text=True).lstrip("\ufeff")))

    assert ("Ann", "Ben Deputy") == (one["Full name"], one["Represented by"])


@ONE_ENGINE
def test_each_standing_offers_its_verbs_and_a_viewer_none(app, web):
    number = put(app, invite)
    viewer = as_role(app, AccountRole.VIEWER)

    page, theirs = (text(one.get(f"{LIST}/guests/{number}")) for one in (web, viewer))

    assert set(Standing) == set(OFFERED)  # somebody must have thought of each
    assert set(VERBS) >= {verb for verbs in OFFERED.values() for verb in verbs}
    assert all(f"/guests/{number}/{verb}" in page for verb in OFFERED[Standing.INVITED])
    assert not any(f"/guests/{number}/{verb}" in theirs for verb in VERBS)


@ONE_ENGINE
def test_what_has_changed_meanwhile_is_said_when_the_button_is_pressed(app, web):
    number = put(app, register)
    sealed = seal(web, f"{LIST}/guests/{number}/removal")
    with app.db.write() as session:
        transitions.withdraw(session, session.get_one(Attendee, number), now=NOW)

    sent = web.post(f"{LIST}/guests/{number}/removal", data={"csrf_token": sealed})

    assert 422 == sent.status_code
    assert "has already withdrawn from Opening" in text(sent)


@ONE_ENGINE
@pytest.mark.parametrize("language", ["kk", "ru", "th"])
def test_refusals_speak_the_language_of_the_page(app, web, language):
    put(app, register)
    path = f"/{language}/desk/events/opening/guests/1/answer"

    page = text(send(web, path, reply="accepted", way="letter"))

    said = {"kk": "жауап", "ru": "ответ", "th": "ตอบ"}[language]
    assert said in page.partition('role="alert"')[2].partition("</div>")[0]
    assert "has already" not in page


# Putting right


def person_of(app, number: int) -> Person:
    with app.db.read() as session:
        return session.get_one(Attendee, number).person


def test_a_wrong_address_is_put_right_at_the_desk_and_a_letter_goes_to_the_right_one(app, web):
    number = put(app, register)
    path = f"{LIST}/guests/{number}/correction"

    assert "ann" in text(web.get(path)).lower()
    wrong = send(web, path, called="", address="no address", spoken="en", zone="Mars")
    answer = send(web, path, called="Ann Lee", address="ann@example.com", spoken="kk", zone="Asia/Almaty")

    assert 422 == wrong.status_code
    assert 3 == wrong.get_data(as_text=True).count('class="field is-wrong"')
    assert "The correction is saved." in text(web.get(answer.headers["Location"]))
    person = person_of(app, number)
    assert ("Ann Lee", "ann@example.com", "kk", "Asia/Almaty") == (
        person.name.to("en"),
        person.email,
        person.language,
        person.tzid,
    )
    assert (
        422
        == send(web, path, called="Ann Lee", address="ann@example.com", spoken="kk", zone="Asia/Almaty").status_code
    )


@ONE_ENGINE
def test_a_name_that_somebody_asks_for_is_shown_and_taken_over_or_left(app, web):
    number = put(app, register)
    guest = f"{LIST}/guests/{number}"
    assert "Name asked for" not in text(web.get(guest))
    with app.db.write() as session:
        session.get_one(Attendee, number).person.name_asked = "Anne Boleyn"

    assert "Anne Boleyn" in text(web.get(guest))
    correction = text(web.get(f"{guest}/correction"))
    assert 'value="Anne Boleyn"' in correction
    assert "Present name: Ann" in correction, "nobody takes the new name over unawares"
    assert 303 == send(web, f"{guest}/keep-name").status_code

    assert "Anne Boleyn" not in text(web.get(guest))
    assert "Ann" == person_of(app, number).name.to("en")


@ONE_ENGINE
def test_how_a_guest_is_addressed_is_shown_and_put_right_in_each_language(app, web):
    number = put(app, register)
    guest = f"{LIST}/guests/{number}"

    assert "Здравствуйте, Ann!" in text(web.get(guest))
    known = {"gender": "f", "office_class": "consul-general", "office_state": "receiving"}
    lines = {"own_salutation_ru": "Дорогая Анна!", "courtesy_title_en": "Dr", "position_th": "กงสุลใหญ่"}
    answer = send(web, f"{guest}/address", **known, **lines)

    page = text(web.get(answer.headers["Location"]))
    for words in (
        "The correction is saved.",
        "Dr Ann",
        "Дорогая Анна!",
        "Құрметті Бас консул ханым!",
        "เรียน กงสุลใหญ่",
    ):
        assert words in page
    form = text(web.get(f"{guest}/address"))
    assert 'value="Дорогая Анна!"' in form
    assert '<option value="consul-general" selected>' in form
    assert "Dr Ann" in text(web.get(LIST))
    assert 422 == send(web, f"{guest}/address", **known, **lines).status_code
    assert 422 == send(web, f"{guest}/address", gender="f", office_class="tsar", office_state="third").status_code
    assert 422 == send(web, f"{guest}/address", gender="x", office_class="", office_state="third").status_code
    assert "Ann" == person_of(app, number).name.to("en")
    send(web, f"{guest}/address", gender="none", office_class="", office_state="unknown")
    assert "Здравствуйте, Ann!" in text(web.get(guest))


@ONE_ENGINE
def test_the_offices_to_choose_from_stand_in_the_order_of_their_words(app, web):
    number = put(app, register)

    choice = (
        text(web.get(f"{LIST}/guests/{number}/address")).partition('name="office_class"')[2].partition("</select>")[0]
    )

    offices = re.findall(r"<option[^>]*>([^<]+)", choice)[1:]
    assert 20 < len(offices)
    assert sorted(offices) == offices


@ONE_ENGINE
def test_the_form_of_an_address_keeps_what_is_written_in_languages_that_it_does_not_show(app, web):
    number = put(app, register)
    with app.db.write() as session:
        session.get(Attendee, number).person.position = Text({"es": "Cónsul", "en": "Consul", "ru": "Консул"})

    send(web, f"{LIST}/guests/{number}/address", gender="none", office_state="unknown", position_en="Consul General")

    assert {"es": "Cónsul", "en": "Consul General"} == dict(person_of(app, number).position)


@ONE_ENGINE
def test_an_address_of_nothing_leads_officers_back_to_the_desk_and_others_to_the_programme(app, web):
    plan(app, key="secret", visibility=Visibility.CONFIDENTIAL)
    viewer = as_role(app, AccountRole.VIEWER)
    nothing = ("/ru/desk/nothing", "/ru/desk/events/none", "/ru/desk/people/99")
    pages = [web.get(path) for path in nothing]
    hidden, absent = (text(viewer.get(f"/en/desk/events/{key}")) for key in ("secret", "secres"))

    assert [404] * 3 == [page.status_code for page in pages]
    assert all('class="button first" href="/ru/desk"' in text(page) for page in pages)
    assert 'href="/ru/"' in text(pages_of(app).test_client().get(nothing[0]))
    assert _unsealed(hidden) == _unsealed(absent.replace("secres", "secret"))


def _unsealed(page: str) -> str:
    return re.sub(r'(name="csrf_token" value=)"[^"]+"', r"\1", page)

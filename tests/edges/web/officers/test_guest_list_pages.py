"""The guest list at the desk: its numbers filter it, many are acted on at once, people invited, lists brought in."""

from __future__ import annotations

import io
import re

import openpyxl
import pytest
import sqlalchemy as sa

from scheduler.formats import sheets
from scheduler.model.accounts import AccountRole
from scheduler.model.attendance import Answer, Attendee, Partstat, Standing
from scheduler.model.events import Event
from scheduler.model.imports import ListUpload
from scheduler.model.letters import Letter, LetterKind
from scheduler.services.common.lookup import get
from scheduler.services.events.attendance import transitions
from scheduler.services.events.programme import planning
from tests.support.accounts import an_account, seal, sign_in, text
from tests.support.builders import NOW, a_person, an_event, attendees_of, invite, register
from tests.support.instance import pages_of

LIST = "/en/desk/events/opening"
pytestmark = pytest.mark.parametrize("engine", ["sqlite"])  # its services are tested on both


@pytest.fixture
def web(app):
    """An officer; Ann comes, Bob and Cyrus have not answered, Dina has sent regrets, Eve asks for a place."""
    with app.db.write() as session:
        event = an_event(session, capacity=5, registration="public", approval=True)
        register(session, event, a_person(session, "ann", name="Ann"))
        for name in ("Bob", "Cyrus"):
            invite(session, event, a_person(session, name.lower(), name=name, email=f"{name}@example.org"))
        dina = invite(session, event, a_person(session, "dina", name="Dina"))
        transitions.answer(session, dina, Partstat.DECLINED, by=Answer.LETTER, on=None, now=NOW)
        guest = transitions.Guest(person=a_person(session, "eve", name="Eve"))
        transitions.register(session, event, guest, now=NOW, by=Answer.PAGE)
    an_account(app)
    client = pages_of(app).test_client()
    sign_in(client)
    return client


def numbers(app) -> dict[str, int]:
    with app.db.read() as session:
        return {str(row.person.name): row.id for row in attendees_of(session)}


def standings(app) -> dict[str, str]:
    with app.db.read() as session:
        return {str(row.person.name): str(row.standing) for row in attendees_of(session)}


def send(web, path, **typed):
    return web.post(path, data={"csrf_token": seal(web, LIST), **typed})


def hidden(page, name) -> str:
    return re.search(f'name="{name}"[^>]* value="([^"]*)"', page)[1]


def test_each_number_shows_those_whom_it_counts(app, web):
    page = text(web.get(LIST))
    assert "no reply yet" in page

    who = numbers(app)
    shown = {
        group: [
            name for name, number in who.items() if f'id="who-{number}"' in text(web.get(f"{LIST}?group={group}"))
        ]
        for group in ("coming", "silent", "regrets", "requested")
    }

    assert {"coming": ["Ann"], "silent": ["Bob", "Cyrus"], "regrets": ["Dina"], "requested": ["Eve"]} == shown
    assert 5 == text(web.get(f"{LIST}?group=nonsense")).count('id="who-')
    assert "everybody" in text(web.get(f"{LIST}/numbers?group=silent"))


def test_chasing_shows_the_email_and_whom_it_leaves_out_then_asks_once(app, web):
    who = numbers(app)
    seen = text(send(web, f"{LIST}/several/chase", to=[who["Bob"], who["Ann"]]))
    assert "We would be grateful to know" in seen
    assert "Ann has answered" in seen or "has answered" in seen
    with app.db.read() as session:
        asked = sa.select(sa.func.count()).where(Letter.kind == LetterKind.REMINDER)
        assert 0 == session.scalar(asked), "nothing is sent by looking"

    given = {"to": hidden(seen, "to"), "by": hidden(seen, "by"), "shown": hidden(seen, "shown"), "act": "do"}
    done = send(web, f"{LIST}/several/chase", **given)

    assert "Guests asked for a reply: 1" in text(web.get(done.location))
    with app.db.read() as session:
        assert 1 == session.scalar(asked)
    again = text(send(web, f"{LIST}/several/chase", to=[who["Bob"]]))
    assert "less than a day ago" in again
    assert 'value="do"' not in again, "there is nothing to be done"


def test_of_a_list_without_replies_all_are_asked_unless_some_are_chosen(app, web):
    everybody = send(web, f"{LIST}/several/chase", group="silent")
    one = send(web, f"{LIST}/several/chase", group="silent", to=[numbers(app)["Bob"]])

    assert {numbers(app)["Bob"], numbers(app)["Cyrus"]} == set(map(int, hidden(text(everybody), "to").split(",")))
    assert str(numbers(app)["Bob"]) == hidden(text(one), "to")


def test_an_answer_of_many_is_shown_and_recorded_and_shown_again_if_something_changed(app, web):
    who = numbers(app)
    both = f"{who['Bob']},{who['Cyrus']}"
    answer = {"to": both, "reply": "accepted", "way": "note verbale", "reference": "48/2027"}
    assert "What is the answer?" in text(send(web, f"{LIST}/several/answer", to=both))
    seen = text(send(web, f"{LIST}/several/answer", **answer, act="show"))
    with app.db.write() as session:
        bob = session.get_one(Attendee, who["Bob"])
        transitions.withdraw(session, bob, now=NOW, by=Answer.MAIL)
        transitions.refuse(session, session.get_one(Attendee, who["Eve"]), now=NOW)

    done = send(web, f"{LIST}/several/answer", **answer, act="do", shown="another")
    assert "The list has changed" in text(done)
    assert standings(app)["Cyrus"] == "invited"
    done = send(web, f"{LIST}/several/answer", **answer, act="do", shown=hidden(seen, "shown"))

    assert "Answers recorded: 2" in text(web.get(done.location))
    assert (standings(app)["Bob"], standings(app)["Cyrus"]) == ("confirmed", "confirmed")
    wrong = send(web, f"{LIST}/several/answer", to=both, act="show", way="letter", on="1 January 2030")
    assert (422, True) == (wrong.status_code, "Choose the answer" in text(wrong))


def test_all_whom_a_number_counts_can_be_chosen_and_nobody_is_said(app, web):
    seen = text(send(web, f"{LIST}/several/removal", all="yes", group="silent"))
    assert ("Bob" in seen, "Cyrus" in seen, "Dina" in seen) == (True, True, False)
    done = send(web, f"{LIST}/several/removal", to=hidden(seen, "to"), act="do", shown=hidden(seen, "shown"))
    assert "Guests removed from the list: 2" in text(web.get(done.location))

    assert "Choose at least one guest first" in text(web.get(send(web, f"{LIST}/several/chase").location))
    who = numbers(app)
    written = send(web, f"{LIST}/several/write", to=[who["Ann"], who["Dina"]])
    assert written.location.endswith(f"/message?to={who['Ann']},{who['Dina']}")
    assert 404 == send(web, f"{LIST}/several/dance", to=who["Ann"]).status_code
    file = send(web, f"{LIST}/guests.csv", to=[who["Dina"]])
    assert ("Dina" in text(file), "Ann" in text(file)) == (True, False)


def test_requests_are_approved_and_refused_together(app, web):
    who = numbers(app)
    seen = text(send(web, f"{LIST}/several/approval", to=who["Eve"]))
    assert "Standing" not in seen
    send(web, f"{LIST}/several/approval", to=who["Eve"], act="do", shown=hidden(seen, "shown"))
    assert "confirmed" == standings(app)["Eve"]
    refused = text(send(web, f"{LIST}/several/refusal", to=who["Eve"]))
    assert "has no open request" in refused


def test_an_answer_is_recorded_on_the_page_of_a_guest_also_that_somebody_else_comes(app, web):
    bob = f"{LIST}/guests/{numbers(app)['Bob']}"
    page = text(web.get(bob))
    assert "somebody else comes instead" in page
    assert "Added to the list" in page

    answer = {"way": "letter", "reply": "represented"}
    assert 422 == send(web, f"{bob}/answer", **answer).status_code, "who comes is to be said"
    done = send(web, f"{bob}/answer", **answer, name="Deputy", email="deputy@example.org", reference="12")

    page = text(web.get(done.location))
    assert "Deputy" in page
    assert "Answer: accepted (letter)" in page
    assert "confirmed" == standings(app)["Bob"]


def test_people_are_invited_many_at_once_and_all_or_nobody(app, web):
    with app.db.write() as session:
        people = [a_person(session, name=name).id for name in ("Иван Иванов", "Ivanna Ivanova")]
        busy = a_person(session, "busy", name="Ivan Busy")
        register(session, an_event(session, "elsewhere"), busy)
        listed = get(session, Event, "opening")
        ann = next(row.person_id for row in attendees_of(session) if str(row.person.name) == "Ann")
        assert listed
        busy_id = busy.id

    found = text(send(web, f"{LIST}/invite", act="find", find="ivan", to=[ann]))
    assert all(name in found for name in ("Иван Иванов", "Ivan Busy"))
    assert "already on the list: confirmed" in found

    given = {"role": "speaker", "mode": "in person", "act": "do"}
    refused = send(web, f"{LIST}/invite", **given, to=[*people, busy_id])
    assert 422 == refused.status_code
    assert "Ivan Busy" in text(refused)
    assert 5 == len(numbers(app)), "nobody is invited if somebody cannot be"
    done = send(web, f"{LIST}/invite", **given, to=[*people, busy_id], reason="the minister asked")
    assert "Guests invited: 3" in text(web.get(done.location))
    send(web, f"{LIST}/invite", **given, name="Newcomer", email="new@example.org", language="th")
    assert "invited" == standings(app)["Newcomer"]
    nobody = send(web, f"{LIST}/invite", **given)
    assert "Choose at least one person" in text(nobody)


def test_nobody_is_left_out_unseen_of_more_guests_than_can_be_chosen(app, web):
    for path, most in (("several/write", 500), ("guests.xlsx", 1_000)):
        chosen = ",".join(map(str, range(1, most + 2)))
        refused = text(web.get(send(web, f"{LIST}/{path}", to=chosen).location))
        assert f"At most {most} guests can be chosen at once." in refused


GUESTS = [
    ["Name", "E-mail", "Answer"],
    ["New Guest", "new@example.org", ""],
    ["Bob", "other@example.org", ""],
    ["Odd Answer", "odd@example.org", "perhaps so"],
]


def upload(web, content=None, name="guests.xlsx"):
    content = sheets.write_table(GUESTS, delimiter="", name="Guests") if content is None else content
    data = {"csrf_token": seal(web, LIST), "file": (io.BytesIO(content), name)}
    return web.post(f"{LIST}/import", data=data, content_type="multipart/form-data")


def fields(page) -> dict[str, str]:
    return {name: hidden(page, name) for name in ("asked", "certain", "seen_heading_row")}


def test_a_list_is_read_decided_and_brought_in_and_what_is_left_comes_back_as_a_file(app, web):
    assert "drag it here" in text(web.get(f"{LIST}/import"))
    page_of = upload(web).location
    page = text(web.get(page_of))
    assert "the same person: Bob" in page
    assert "perhaps so" in page
    assert "Bring in: 1" in page

    again = send(web, page_of, act="read", **fields(page), **{"column=Answer": "", "seen=Answer": "answer"})
    page = text(web.get(again.location))
    assert "perhaps so" not in page.partition("To decide")[2]
    send(web, page_of, act="read", **fields(page), **{"column=Answer": "answer", "seen=Answer": ""})
    page = text(web.get(page_of))
    done = send(web, page_of, act="do", **fields(page), row_3="new")

    page = text(web.get(done.location))
    assert "The list is brought in" in page
    assert {"New Guest", "Bob"} <= set(standings(app))
    assert 2 == sum(name == "Bob" for name in [str(row) for row in names_of(app)])
    returned = text(web.get(f"{page_of}/returned.csv"))
    assert ("Odd Answer" in returned, "New Guest" in returned) == (True, False)
    assert 303 == send(web, page_of, act="do").status_code, "pressed twice, it is done once"


def a_workbook(**sheets_of) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets_of.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def test_a_file_whose_first_sheet_is_no_list_still_offers_its_other_sheets(app, web):
    for first in ([], [["Season of 2027"]]):
        page_of = upload(web, a_workbook(Cover=first, Guests=GUESTS)).location
        assert 'name="sheet"' in text(web.get(page_of)), first

        again = send(web, page_of, act="read", sheet="Guests")
        assert "perhaps so" in text(web.get(again.location))
        send(web, page_of, act="read", sheet="of nobody")
        assert 200 == web.get(page_of).status_code


def test_what_is_decided_of_a_list_with_two_sheets_and_ids_is_done_at_the_first_press(app, web):
    rows = [[*row, number] for number, row in zip(("ID", 1, 2, 3), GUESTS, strict=True)]
    page_of = upload(web, a_workbook(Guests=rows, Notes=[["bring flowers"]])).location
    page = text(web.get(page_of))
    shown = {
        **fields(page),
        "sheet": "Guests",
        "source": hidden(page, "source"),
        "seen_source": hidden(page, "seen_source"),
    }

    done = send(web, page_of, act="do", **shown, row_3="new")

    assert "The list is brought in" in text(web.get(done.location))
    assert 2 == names_of(app).count("Bob")


def test_what_the_officer_has_not_seen_is_shown_first_and_says_so(app, web):
    page_of = upload(web).location
    shown = fields(text(web.get(page_of)))

    done = send(web, page_of, act="do", **shown, spoken="kk", row_3="new")

    assert "Something has changed" in text(web.get(done.location))
    shown = fields(text(web.get(page_of)))
    with app.db.write() as session:
        planning.cancel(session, get(session, Event, "opening"), now=NOW)
    refused = send(web, page_of, act="do", **{**shown, "asked": "9" * 5000}, row_4="out")
    assert 422 == refused.status_code
    with app.db.read() as session:
        (kept,) = session.scalars(sa.select(ListUpload))
        assert {"3": "new", "4": "out"} == kept.choices["decisions"], "what was decided is not lost"


def test_a_list_without_a_name_is_refused_without_words_of_the_command(app, web):
    page_of = upload(web, b"Wer,Was\nHans,x\n", "liste.csv").location
    assert "--" not in re.sub(r"<!--.*?-->", "", text(send(web, page_of, act="do")))


def test_a_list_of_headings_alone_says_so_and_offers_nothing_to_bring_in(web):
    shown = text(web.get(upload(web, b"Full name,E-mail\n", "guests.csv").location))

    assert "There is no guest in this list" in shown
    assert 'value="do"' not in shown


def names_of(app) -> list[str]:
    with app.db.read() as session:
        return [str(row.person.name) for row in attendees_of(session)]


def test_what_changed_meanwhile_is_shown_before_anything_is_brought_in(app, web):
    page_of = upload(web).location
    shown = fields(text(web.get(page_of)))
    with app.db.write() as session:
        new = a_person(session, name="New Guest", email="new@example.org")
        transitions.withdraw(session, invite(session, get(session, Event, "opening"), new), now=NOW)

    done = send(web, page_of, act="do", **shown, row_3="out")

    assert "Something has changed" in text(web.get(str(done.location)))
    assert "Odd Answer" not in standings(app)
    with app.db.read() as session:
        (kept,) = session.scalars(sa.select(ListUpload))
        assert {"3": "out"} == kept.choices["decisions"], "what was decided is not asked again"


def test_a_list_is_there_for_its_officer_alone_and_a_file_that_is_none_is_refused(app, web):
    assert "Choose a file first" in text(upload(web, b"", name=""))
    refused = upload(web, b"BEGIN:VCARD", name="people.vcf")
    assert (422, True) == (refused.status_code, "business cards" in text(refused))
    page_of = upload(web).location
    number = page_of.rpartition("/")[2]
    assert 404 == web.get(f"{LIST}/import/999").status_code
    with app.db.write() as session:
        an_event(session, "other")
    assert 404 == web.get(f"/en/desk/events/other/import/{number}").status_code

    an_account(app, "other", AccountRole.OFFICER)
    other = pages_of(app).test_client()
    sign_in(other, "other")
    assert 404 == other.get(page_of).status_code
    assert Standing.CONFIRMED == standings(app)["Ann"]


def test_a_list_whose_columns_nobody_knows_is_read_once_the_officer_says_which_has_the_name(app, web):
    content = sheets.write_table([["Wer", "Was"], ["Hans", "x"]], delimiter=",", name="x")
    page_of = upload(web, content, "liste.csv").location
    page = text(web.get(page_of))
    assert "No column has the name" in page

    send(web, page_of, act="read", **{"column=Wer": "name", "seen=Wer": ""})
    page = text(web.get(page_of))
    assert "Bring in: 1" in page

"""Letters, cards and lists address people by the forms of address, in the language of the reader."""

from __future__ import annotations

import json

import pypdfium2
import pytest
import sqlalchemy as sa

from scheduler.base.text import Text
from scheduler.formats.printing import PrintForm
from scheduler.model.places import Person
from scheduler.services.address.library import OWN_DIRECTORY
from scheduler.services.events.attendance import transitions
from scheduler.services.events.door import cards
from scheduler.services.letters.event_letters import NOT_WRITTEN_TO
from tests.support.approved import APPROVED, LANGUAGES
from tests.support.builders import NOW, a_person, an_event, register
from tests.support.consulate import Consulate, a_post
from tests.support.letters import Round, body
from tests.support.recipients import RECIPIENTS


def approved(language: str, name: str) -> dict[str, str]:
    """The approved words for a recipient, by their kind."""
    part = (
        (APPROVED / "addresses" / f"{language}.txt")
        .read_text(encoding="utf-8")
        .partition(f"{name}\n")[2]
        .partition("\n\n")[0]
    )
    return {line.split()[0]: " ".join(line.split()[1:]) for line in part.splitlines()}


def opening_and_closing(letter):
    """The first paragraph, and the last one above the signature."""
    paragraphs = "\n".join(body(letter).splitlines()).split("\n\n")
    return paragraphs[0], paragraphs[-2]


def test_ten_recipients_get_letters_that_open_and_close_as_approved(app):
    with app.db.write() as session:
        event = an_event(session)
        for name, said in RECIPIENTS.items():
            for language in LANGUAGES:
                address = f"{name}.{language}@example.org"
                register(session, event, a_person(session, **said, language=language, email=address))

    letters = {str(letter["To"].addresses[0].addr_spec): letter for letter in Round(app).letters}

    assert len(RECIPIENTS) * len(LANGUAGES) == len(letters)
    for address, letter in letters.items():
        name, _, language = address.partition("@")[0].rpartition(".")
        words = approved(language, name)
        html = letter.get_body(("html",)).get_content()
        assert (words["salutation"], words["closing"]) == opening_and_closing(letter), address
        assert f"<p>{words['salutation']}</p>" in html, address
        assert f"<p>{words['closing']}</p>" in html, address


def test_a_deputy_is_addressed_by_an_office_of_their_own(app):
    with app.db.write() as session:
        event = an_event(session)
        governor = a_person(
            session, name="Anan Rattana", office_class="governor", office_state="receiving", gender="m"
        )
        row = register(session, event, governor)
        deputy = a_person(session, **RECIPIENTS["deputy"], email="deputy@example.org")
        transitions.set_deputy(session, row, deputy, now=NOW)

    (letter,) = (one for one in Round(app).letters if "deputy@example.org" in str(one["To"]))

    assert "Dear Deputy Governor," == body(letter).splitlines()[0]


def test_html_escapes_a_salutation_that_somebody_wrote(app):
    with app.db.write() as session:
        who = a_person(session, own_salutation="Dear <b>A</b> & B,", own_closing="Yours & ours,")
        register(session, an_event(session), who)

    html = Round(app).letters[0].get_body(("html",)).get_content()

    assert "<p>Dear &lt;b&gt;A&lt;/b&gt; &amp; B,</p>" in html
    assert "<p>Yours &amp; ours,</p>" in html


def test_no_letter_is_written_to_whom_the_forms_say_so(app):
    with app.db.write() as session:
        who = a_person(session, name={"th": "ก"}, language="th", office_class="king")
        register(session, an_event(session), who)

    assert [NOT_WRITTEN_TO] == [why for _kind, _name, why in Round(app).ledger]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_form_of_the_installation_is_used_in_its_letters(app):
    own = app.settings.data_dir / OWN_DIRECTORY
    own.mkdir(parents=True)
    (own / "ours.toml").write_text(
        'language = "en"\n[sources]\nus = "the ambassador"\n[offices]\nmarshal = "Marshal"\n'
        '[forms]\nsalutation = [{ office = ["marshal"], text = "Marshal,", mark = "A", source = "us" }]\n'
    )
    with app.db.write() as session:
        register(session, an_event(session), a_person(session, office_class="marshal"))

    assert "Marshal," == body(Round(app).letters[0]).splitlines()[0]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_cards_show_the_style_above_the_name(app):
    with app.db.write() as session:
        event = an_event(session, capacity=3)
        register(
            session, event, a_person(session, name="Claire Dubois", office_class="ambassador", office_state="third")
        )
        printed = cards.render_pdf(
            session, event, PrintForm.PLACE_CARDS, language="en", gettext=str, secret="s", now=NOW
        )

    with pypdfium2.PdfDocument(printed.pdf) as document:
        lines = document[0].get_textpage().get_text_range().split("\r\n")
    assert ["H.E.", "Claire Dubois"] == lines[-2:]


# What a person has, wherever it is read and written


@pytest.mark.both_engines
def test_the_shell_writes_reads_and_previews_an_address(scheduler):
    scheduler("person", "add", "dana", "--name", "Dana", "--gender", "f", "--office-class", "ambassador",
              "--office-state", "third", "--own-closing", "ru=С почтением,")  # fmt: skip
    scheduler("person", "change", "dana", "--own-closing", "en=Ever yours,", "--envelope-name", "kk=Дана ханымға")

    shown = json.loads(scheduler("person", "show", "dana", "--json").output)
    lines = json.loads(scheduler("person", "address", "dana", "--lang", "en", "--lang", "ru", "--json").output)

    assert {"gender": "f", "office_class": "ambassador", "office_state": "third"}.items() <= shown.items()
    assert {"en": "Ever yours,", "ru": "С почтением,"} == shown["own_closing"]
    told = {(line["language"], line["kind"]): line for line in lines}
    assert 12 == len(told)
    assert ("Ваше Превосходительство!", "B", False) == tuple(
        told["ru", "salutation"][name] for name in ("text", "mark", "own")
    )
    assert "Титулы" in told["ru", "salutation"]["source"]
    assert ("Ever yours,", None, True) == tuple(told["en", "closing"][name] for name in ("text", "mark", "own"))
    assert "not confirmed: เรียน ฯพณฯ" in scheduler("person", "address", "dana").output
    assert "consul-general" in scheduler("person", "offices").output


def test_an_office_that_nobody_knows_is_refused_with_those_that_are(scheduler):
    said = scheduler("person", "add", "dana", "--name", "Dana", "--office-class", "embassador", code=2).output
    scheduler("person", "add", "dana", "--name", "Dana")
    lang = scheduler("person", "address", "dana", "--lang", "xx", code=2).output

    assert "office_class: embassador is not known; write one of:" in said
    assert "ambassador" in said
    assert "language: there are no forms of address in xx; there are en, kk, ru, th" in lang


@pytest.mark.both_engines
def test_a_programme_file_and_the_desk_each_keep_what_they_changed(app, scheduler, tmp_path):
    file = tmp_path / "p.toml"
    text = '[programme]\nkey = "p"\nname = "P"\n[person.dana]\nname = "Dana"\noffice_class = "minister"\n'
    file.write_text(text)
    scheduler("apply", str(file), "--yes")
    scheduler("person", "change", "dana", "--gender", "f", "--own-salutation", "ru=Дорогая Дана!")
    file.write_text(text + 'office_state = "third"\nown_salutation = { en = "Dear Dana," }\n')

    scheduler("apply", str(file), "--yes")

    with app.db.read() as session:
        dana = session.scalars(sa.select(Person)).one()
        assert ("f", "minister", "third") == (dana.gender, dana.office_class, dana.office_state)
        assert {"en": "Dear Dana,", "ru": "Дорогая Дана!"} == dict(dana.own_salutation)
    scheduler("export", str(tmp_path / "out.toml"))
    exported = (tmp_path / "out.toml").read_text(encoding="utf-8")
    for word in ('gender = "f"', 'office_class = "minister"', 'office_state = "third"', "Дорогая Дана!"):
        assert word in exported


def test_a_guest_list_brings_addresses_in_and_out(app, scheduler, tmp_path):
    with app.db.write() as session:
        an_event(session)
    file = tmp_path / "guests.csv"
    file.write_text(
        "Name,E-mail,Gender,Office class,State of the office,Line on the envelope,Own salutation (ru),Closing\n"
        "Claire Dubois,c@example.org,Ж,Посол,third,Mme Claire Dubois,Дорогая Клэр!,Yours ever,\n"
        "Ann Lee,a@example.org,,trainer,,,,\n"
        "Bob Lee,b@example.org,maybe,,,,,\n",
        encoding="utf-8",
    )

    told = json.loads(scheduler("attendee", "import", "opening", str(file), "--yes", "--json").output)

    assert ["added", "refused", "refused"] == [row["outcome"] for row in told["rows"]]
    assert "office_class: trainer is not known" in str(told["rows"][1])
    assert "gender: maybe is not known" in str(told["rows"][2])
    with app.db.read() as session:
        who = session.scalars(sa.select(Person)).one()
        assert ("f", "ambassador", "third") == (who.gender, who.office_class, who.office_state)
        assert Text({"en": "Mme Claire Dubois"}) == who.envelope_name
        assert (Text({"ru": "Дорогая Клэр!"}), Text({"en": "Yours ever"})) == (who.own_salutation, who.own_closing)
    out = tmp_path / "out.csv"
    scheduler("attendee", "export", "opening", str(out))
    again = json.loads(scheduler("attendee", "import", "opening", str(out), "--yes", "--json").output)
    assert ["unchanged"] == [row["outcome"] for row in again["rows"]]


def test_a_list_names_people_in_their_short_form(app, scheduler):
    with app.db.write() as session:
        said = {"office_class": "ambassador", "office_state": "third"}
        register(session, an_event(session), a_person(session, name="Claire Dubois", **said))

    assert "H.E. Claire Dubois" in scheduler("attendee", "list", "opening").output


@pytest.mark.both_engines
def test_a_letter_about_an_appointment_addresses_the_applicant(app):
    with app.db.write() as session:
        a_post(session)
    reference = Consulate(app.db).book("Aliya Serik", language="ru", email="aliya@example.org")

    letters = Round(app).letters

    assert reference
    assert {("Здравствуйте, Aliya Serik!", "С уважением,")} == {opening_and_closing(letter) for letter in letters}

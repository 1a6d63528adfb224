"""The words of the cards of an event: an officer changes them, sees them as a guest does, and goes back."""

from __future__ import annotations

import pypdfium2
import pytest

from scheduler.base.errors import Invalid, NothingToChange, Problems
from scheduler.base.text import Text
from scheduler.model.audit import Audit
from scheduler.model.events import Event, Mode
from scheduler.model.letters import Letter
from scheduler.services.common.lookup import get
from scheduler.services.events.attendance import invitations
from scheduler.services.events.programme.rendering.card_words import CardKind
from scheduler.services.events.replanning import copies, reversal
from scheduler.services.exchange.file_export import export_event_tables
from scheduler.services.letters.inviting import wording
from tests.support.builders import NOW, a_person, an_event, attendees_of, invite
from tests.support.letters import Round, body

OWN = "On the occasion of {occasion}\n{host}\ninvites {guest}\n{when}\nto come to {where}"


@pytest.fixture
def guest(app):
    with app.db.write() as session:
        event = an_event(session, capacity=5)
        return invite(session, event, a_person(session, "anna", name="Anna <b>", email="anna@example.org")).id


def change(app, words=OWN, subject="", kind=CardKind.INVITATION, language="en"):
    with app.db.write("cli:dana") as session:
        event = get(session, Event, "opening")
        return wording.change_wording(session, event, kind, language, subject=subject, words=words, now=NOW)


def read(app, kind=CardKind.INVITATION):
    with app.db.write() as session:
        (attendee,) = attendees_of(session)
        return wording.read_card(session, attendee, kind, house=app.house, now=NOW)


def lines_of(reading):
    return [line.text for line in reading.lines]


def test_a_guest_reads_the_words_of_the_event_in_the_mail_and_on_paper(app, guest):
    change(app, subject="You are asked to {occasion}")

    reading = read(app)
    assert "invites Anna <b>" in lines_of(reading)
    assert reading.letter.subject == "You are asked to Opening"
    assert "invites Anna <b>" in reading.letter.text
    assert "invites Anna &lt;b&gt;" in reading.letter.html
    with app.db.write() as session:
        (attendee,) = attendees_of(session)
        made = wording.print_reading(session, attendee, CardKind.INVITATION, house=app.house, now=NOW)
    with pypdfium2.PdfDocument(made) as document:
        assert "On the occasion of Opening" in document[0].get_textpage().get_text_range()


def test_the_reading_is_what_is_sent_and_queues_nothing(app, guest):
    change(app, subject="Come to {occasion}")
    reading = read(app)
    with app.db.write() as session:
        assert session.query(Letter).count() == 0
        (attendee,) = attendees_of(session)
        invitations.send_invitation(session, attendee, now=NOW)

    sent = Round(app).letters[-1]
    assert sent["Subject"] == reading.letter.subject
    card = body(sent).partition("When:")[0]
    assert card == reading.letter.text.partition("When:")[0]


def test_other_cards_and_other_languages_keep_the_standard_words(app, guest):
    change(app)

    with app.db.read() as session:
        own = [(one.kind, one.language) for one in wording.list_wordings(get(session, Event, "opening")) if one.own]
    assert own == [(CardKind.INVITATION, "en")]
    assert "invites" not in " ".join(lines_of(read(app, CardKind.SAVE_THE_DATE)))


def test_without_words_of_its_own_and_with_the_standard_ones_an_event_has_the_standard(app, guest):
    standard = wording.get_standard(CardKind.INVITATION, "en")
    change(app)
    assert not change(app, words=standard.words, subject=standard.subject).own
    change(app)
    assert not change(app, words="").own
    with pytest.raises(NothingToChange):
        change(app, words=standard.words)


@pytest.mark.parametrize("words", ["{hots} invites", "{{ config }} {x.__class__}", "{date and hour}"])
def test_a_placeholder_that_nothing_fills_is_refused_by_name_with_those_there_are(app, guest, words):
    with pytest.raises(
        (Invalid, Problems), match=r"invitation_words: .*not a known placeholder.*\{host\}, \{honour\}"
    ):
        change(app, words=words)


def test_a_subject_is_one_line_and_nobodys_own(app, guest):
    for subject in ("Come\nBcc: all@example.org", "Dear {guest}"):
        with pytest.raises((Invalid, Problems), match="invitation_subject"):
            change(app, subject=subject)


def test_what_a_title_has_in_braces_is_filled_by_nothing(app, guest):
    with app.db.write() as session:
        get(session, Event, "opening").title = Text({"en": "{guest} and {{ 7 * 7 }}"})
    change(app)

    assert "On the occasion of {guest} and {{ 7 * 7 }}" in lines_of(read(app))


def test_a_line_without_its_fact_is_left_out_and_a_guest_by_video_is_told_so(app, guest):
    change(app, words="{occasion}\nto come to {where}\nYours")
    with app.db.write() as session:
        (attendee,) = attendees_of(session)
        attendee.event.venue, attendee.event.cities = None, []

    assert lines_of(read(app)) == ["Opening", "Yours"]
    with app.db.write() as session:
        (attendee,) = attendees_of(session)
        attendee.mode = Mode.REMOTE
    assert lines_of(read(app)) == ["Opening", "by video", "Yours"]


def test_an_ambassador_is_asked_for_the_honour_others_for_the_pleasure(app, guest):
    change(app, words="{honour} and {occasion}")
    assert lines_of(read(app))[0] == "pleasure and Opening"
    with app.db.write() as session:
        (attendee,) = attendees_of(session)
        attendee.person.office_class = "ambassador"
    assert lines_of(read(app))[0] == "honour and Opening"


def test_a_pour_memoire_keeps_its_mark_whatever_its_words(app, guest):
    change(app, words="{occasion}", kind=CardKind.POUR_MEMOIRE)

    assert lines_of(read(app, CardKind.POUR_MEMOIRE)) == ["p.m.", "Opening"]


@pytest.mark.both_engines
def test_words_are_copied_exported_audited_and_taken_back(app, guest):
    change(app)
    with app.db.write() as session:
        event = get(session, Event, "opening")
        asked = copies.CopyRequest(old="opening", new="second")
        copies.copy_event(session, event, asked, now=NOW)
        tables = export_event_tables(session, event, name="x", language="en", tz="UTC", guests=False)
        audit = session.query(Audit).filter_by(actor="cli:dana", row="opening").all()

    with app.db.read() as session:
        assert wording.get_wording(get(session, Event, "second"), CardKind.INVITATION, "en").words == OWN
    assert tables["event"]["opening"]["invitation_words"] == {"en": OWN}
    assert any("invitation_words" in str(row.details) for row in audit)
    with app.db.write() as session:
        reversal.take_back(session, get(session, Event, "opening"), now=NOW)
        assert not wording.get_wording(get(session, Event, "opening"), CardKind.INVITATION, "en").own


def test_the_line_with_the_occasion_is_the_title_and_a_day_to_keep_free_stands_in_figures(app, guest):
    change(app, words="For you\n{occasion}\n{when}", kind=CardKind.SAVE_THE_DATE)

    lines = read(app, CardKind.SAVE_THE_DATE).lines
    assert [line.style for line in lines] == ["", "title", ""]
    assert "2027" in lines[-1].text
    assert "two thousand" not in lines[-1].text
    with app.db.read() as session:
        event = get(session, Event, "opening")
        assert wording.get_wording(event, CardKind.SAVE_THE_DATE, "en").subject == "Save the date: {occasion}"
        assert [one.id for one in wording.list_readers(session, event, "en")] == [guest]
        assert wording.list_readers(session, event, "th") == []

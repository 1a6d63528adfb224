"""Writing to some, recording what came on paper, and forgetting people, from the shell."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from scheduler.model.letters import Letter, Outcome
from scheduler.services.events.attendance import transitions
from scheduler.worker import delivery
from tests.support.builders import DAY, NOW, a_person, an_event, an_organisation, invite, register

ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])
pytestmark = ONE_ENGINE


@pytest.fixture
def opening(app, tmp_path):
    with app.db.write() as session:
        event = an_event(session, capacity=5)
        invite(
            session, event, a_person(session, "minister", name="Minister", organisation=an_organisation(session).key)
        )
        a_person(session, "deputy", name="Deputy")
        register(session, event, a_person(session, name="Aigerim", language="kk"))
        register(session, event, a_person(session, name="Sultan", email=None, telephone="+77010000000"))
    delivery.deliver(app)
    (tmp_path / "en.txt").write_text("The doors open at nine.\n\nWelcome, {name}.")
    (tmp_path / "ru.txt").write_text("Двери откроются в девять.")
    return app


def message(scheduler, tmp_path, *more: str, to=("everyone",), code: int = 0):
    words = [part for word in to for part in ("--to", word)]
    texts = ("--text", f"en={tmp_path / 'en.txt'}", "--text", f"ru=@{tmp_path / 'ru.txt'}")
    said = ("--subject", "en=The doors", "--subject", "ru=Двери")
    return scheduler("message", "send", "opening", *words, *said, *texts, *more, code=code)


# Messages


def test_a_dry_run_shows_whom_in_which_language_and_the_letter_itself(scheduler, opening, tmp_path):
    said = message(scheduler, tmp_path, "--dry-run").output

    assert "Aigerim" in said
    assert "--- kk ---" in said
    assert "Двери откроются в девять." in said
    assert "Welcome, Minister." in said
    assert "To be informed by other means: Sultan +77010000000" in said
    assert "Nothing has been sent." in said
    assert "No messages." in scheduler("message", "list").output


def test_a_text_may_come_from_another_program_and_must_be_text(scheduler, opening):
    args = ("message", "send", "opening", "--to", "everyone", "--subject", "A", "--text", "-", "--dry-run")

    said = scheduler(*args, input="Двери откроются.\r\nДобро пожаловать.".encode()).output
    assert "Двери откроются.\nДобро пожаловать." in said
    assert "text: - is not UTF-8 text" in scheduler(*args, input=b"\xff", code=2).output


def test_where_nobody_can_be_asked_nothing_is_sent_without_yes(scheduler, opening, tmp_path):
    assert "give --yes" in message(scheduler, tmp_path, code=1).output
    assert "No messages." in scheduler("message", "list").output


def test_sent_listed_shown_and_kept_back(scheduler, opening, tmp_path):
    assert "Message 1: skipped 1, to do 2" in message(scheduler, tmp_path, "--yes", "--at", "2027-01-05 10:00").output
    listed = json.loads(scheduler("message", "list", "--event", "opening", "--json").output)
    shown = scheduler("message", "show", "1").output
    waits = scheduler("letter", "list", "--kind", "message", "--outcome", "to do").output

    assert [{"skipped": 1, "to do": 2}] == [one["outcomes"] for one in listed]
    assert "2027-01-05 10:00 UTC+7" == listed[0]["leaves"]
    assert "Двери откроются в девять." in shown
    assert "To be informed by other means: Sultan" in shown
    assert "waits for its time" in waits
    assert "Stopped: 2" in scheduler("message", "withdraw", "1", "--yes").output
    assert "has been sent" in scheduler("message", "withdraw", "1", "--yes", code=1).output


def test_a_reminder_of_the_unanswered_reaches_them_alone(scheduler, opening, tmp_path):
    message(scheduler, tmp_path, "--yes", to=("unanswered", "delegation:embassy"))
    assert 1 == delivery.deliver(opening).sent

    (reached,) = json.loads(scheduler("message", "show", "1", "--json").output)["reached"]

    assert ("minister", "sent", "en") == (reached["person"], reached["outcome"], reached["written_in"])


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (["--to", "strangers", "--subject", "A", "--text", "en.txt"], "to: strangers is not known"),
        (["--to", "everyone", "--subject", "A", "--text", "nowhere.txt"], "text: there is no file nowhere.txt"),
        (["--to", "everyone", "--subject", "A", "--text", "latin.txt"], "text: latin.txt is not UTF-8 text"),
        (["--to", "everyone", "--subject", "A", "--text", "."], "text: . cannot be read"),
        (["--to", "everyone", "--subject", "A", "--text", "ru=ru.txt"], "text: is missing in en"),
        (["--to", "everyone", "--subject", "A {x}", "--text", "en.txt"], "subject: {x} is not a known placeholder"),
        (["--to", "everyone", "--subject", "A", "--text", "en.txt", "--at", "2026-01-01 10:00"], "has passed"),
        (["--to", "everyone", "--subject", "A", "--text", "en.txt", "--tz", "Nowhere", "--at", "9:00"], "Nowhere"),
    ],
)
def test_bad_input_is_one_line_that_names_the_field(scheduler, opening, tmp_path, monkeypatch, given, complaint):
    (tmp_path / "latin.txt").write_bytes(b"\xe9t\xe9")
    monkeypatch.chdir(tmp_path)

    said = scheduler("message", "send", "opening", *given, "--yes", code=2).output

    assert complaint in said
    assert 1 == len(said.strip().splitlines())


# Answers on paper


def test_apologies_by_note_verbale_are_on_record_with_date_and_number(scheduler, opening):
    given = ("--by", "note verbale", "--on", "2027-01-03", "--reference", "No. 123/2027")
    scheduler("attendee", "answer", "opening", "minister", "excused", *given)

    listed = scheduler("attendee", "list", "opening").output
    shown = json.loads(scheduler("attendee", "show", "opening", "minister", "--json").output)

    assert "excused (note verbale, 2027-01-03, No. 123/2027)" in listed
    said = {"answer": "excused", "partstat": "DECLINED", "standing": "withdrawn", "answer_reference": "No. 123/2027"}
    assert said == {name: shown[name] for name in said}


def test_excused_is_neither_regrets_nor_no_answer_and_each_can_follow_the_other(scheduler, opening):
    for answer in ("regrets", "excused", "regrets", "tentative", "excused", "accepted"):
        scheduler("attendee", "answer", "opening", "minister", answer, "--reference", f"of {answer}")
        shown = json.loads(scheduler("attendee", "show", "opening", "minister", "--json").output)
        assert (answer, f"of {answer}") == (shown["answer"], shown["answer_reference"])

    again = scheduler("attendee", "answer", "opening", "minister", "accepted", code=1).output
    assert "has already given this answer" in again


def test_represented_by_another_is_one_step_with_the_answer_and_the_deputy_is_written_to(scheduler, opening):
    given = ("--represented-by", "deputy", "--by", "letter", "--on", "2027-01-02")
    scheduler("attendee", "answer", "opening", "minister", "accepted", *given)
    delivery.deliver(opening)

    shown = json.loads(scheduler("attendee", "show", "opening", "minister", "--json").output)
    letters = json.loads(scheduler("letter", "list", "--json").output)

    assert ("accepted", "Deputy", "confirmed") == (shown["answer"], shown["represented_by"], shown["standing"])
    assert ("confirmed", "Deputy", "sent") == tuple(letters[-1][name] for name in ("kind", "to", "outcome"))
    assert "represented by Deputy" in scheduler("attendee", "list", "opening").output


def test_another_deputy_is_another_answer_and_the_links_of_the_first_are_dead(scheduler, opening):
    with opening.db.write() as session:
        a_person(session, "third", name="Third")
    scheduler("attendee", "answer", "opening", "minister", "accepted", "--represented-by", "deputy")
    before = json.loads(scheduler("attendee", "show", "opening", "minister", "--json").output)
    scheduler("attendee", "answer", "opening", "minister", "accepted", "--represented-by", "third")
    after = json.loads(scheduler("attendee", "show", "opening", "minister", "--json").output)

    assert ("Deputy", "Third") == (before["represented_by"], after["represented_by"])
    with opening.db.read() as session:
        from scheduler.model.events import Event
        from scheduler.services.common.lookup import get, get_attendee

        assert 2 == get_attendee(session, get(session, Event, "opening"), "minister").epoch


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (["regrets", "--represented-by", "deputy"], "who sends somebody in their place accepts"),
        (["accepted", "--represented-by", "minister"], "nobody can represent themselves"),
        (["accepted", "--reference", "x" * 121], "reference: is 121 characters long"),
        (["accepted", "--reference", "a\nb"], "reference: must be on one line"),
    ],
)
def test_what_does_not_go_together_is_refused(scheduler, opening, given, complaint):
    assert complaint in scheduler("attendee", "answer", "opening", "minister", *given, code=2).output


def test_apologies_go_out_with_the_guest_list_and_come_in_with_one(scheduler, opening, tmp_path):
    scheduler("attendee", "answer", "opening", "minister", "excused")
    scheduler("attendee", "export", "opening", str(tmp_path / "out.csv"))
    (tmp_path / "in.csv").write_text("Name,E-mail,Answer\nEnvoy,envoy@example.org,sends apologies\n")
    scheduler("attendee", "import", "opening", str(tmp_path / "in.csv"), "--yes")

    assert "excused" in (tmp_path / "out.csv").read_text()
    assert (
        "excused"
        == json.loads(scheduler("attendee", "show", "opening", "envoy@example.org", "--json").output)["answer"]
    )


def test_a_programme_file_keeps_apologies_and_their_reference(scheduler, opening, tmp_path):
    scheduler("attendee", "answer", "opening", "minister", "excused", "--reference", "No. 7")
    scheduler("export", str(tmp_path / "programme.toml"))

    written = (tmp_path / "programme.toml").read_text()

    assert 'answer = "excused"' in written
    assert 'reference = "No. 7"' in written
    assert "Done. unchanged: 5" in scheduler("apply", str(tmp_path / "programme.toml"), "--yes").output


# Erasing


def test_erasing_shows_first_what_happens_and_asks(scheduler, opening):
    dry = scheduler("person", "erase", "minister", "--dry-run").output
    refused = scheduler("person", "erase", "minister", code=1).output
    done = scheduler("person", "erase", "minister", "--yes").output

    assert "Minister" in dry
    assert "Withdrawn from: opening" in dry
    assert "give --yes" in refused
    assert "Erased: #1" in done
    assert "there is no person minister" in scheduler("person", "show", "minister", code=1).output
    assert "the data of #1 has been erased already" in scheduler("person", "erase", "#1", "--yes", code=1).output


def test_an_address_that_several_share_erases_nobody(scheduler, opening):
    with opening.db.write() as session:
        for name in ("A", "B"):
            register(session, an_event(session), a_person(session, name=name, email="office@example.org"))

    assert (
        "several people share the e-mail address" in scheduler("person", "erase", "office@example.org", code=1).output
    )


def test_retention_says_who_is_forgotten_when_and_does_it_when_told(scheduler, opening, clock):
    listed = json.loads(scheduler("person", "retention", "--json").output)
    early = scheduler("doctor").output
    clock.advance(200 * DAY)
    late = scheduler("doctor").output
    done = scheduler("person", "retention", "--run", "--yes").output

    assert ["2027-05-03 12:00 UTC+7"] * 2 == [one["forgotten"] for one in listed]
    assert "days for which visitors' data is kept: 90; due: 0, last run: never" in " ".join(early.split())
    assert "due: 2" in late
    assert "start a worker" in late
    assert "Erased: people 2" in done
    assert "No visitors are recorded." in scheduler("person", "retention").output
    assert "due: 0, last run: 2027-07-23" in " ".join(scheduler("doctor").output.split())


@pytest.mark.parametrize("days", ["-1", "ninety", "1.5", "123456"])
def test_a_setting_that_is_no_number_of_days_is_refused(scheduler, monkeypatch, days):
    monkeypatch.setenv("SCHEDULER_RETENTION_DAYS", days)

    assert f"retention_days: {days} is not a number of days" in scheduler("doctor", code=2).output


def test_set_to_nought_it_says_so(scheduler, opening, monkeypatch):
    monkeypatch.setenv("SCHEDULER_RETENTION_DAYS", "0")

    assert "visitors' data is kept until they ask us to erase it" in " ".join(scheduler("doctor").output.split())
    assert "so nothing is due" in scheduler("person", "retention", "--run", code=2).output


def test_who_answered_before_is_not_excused_by_withdrawing(opening):
    """A new answer, however it comes, has not the apologies of the one before."""
    from scheduler.model.attendance import Answer, Partstat
    from scheduler.model.events import Event
    from scheduler.services.common.lookup import get, get_attendee

    with opening.db.write() as session:
        row = get_attendee(session, get(session, Event, "opening"), "minister")
        more = transitions.AnswerDetails(excused=True, reference="No. 1")
        later = NOW + timedelta(hours=1)
        transitions.answer(session, row, Partstat.DECLINED, by=Answer.LETTER, on=None, now=NOW, details=more)
        guest = transitions.Guest(person=row.person)
        transitions.register(session, row.event, guest, now=later)

        assert (False, None) == (row.excused, row.answer_reference)


# Messages again, e-mails that did not arrive, reminders of new events


def test_an_earlier_message_is_written_again_and_withdrawn_from_one(scheduler, opening, tmp_path):
    message(scheduler, tmp_path, "--yes", "--at", "2027-01-05 10:00", "--reply-to", "protocol@example.org")
    again = ("message", "send", "opening", "--to", "everyone", "--like", "1", "--subject", "en=Once more")
    shown = json.loads(scheduler(*again, "--dry-run", "--json").output)
    letter = json.loads(scheduler("message", "show", "1", "--json").output)["reached"][0]["letter"]

    assert {"en": "Once more", "ru": "Двери"} == shown["subject"]
    assert "protocol@example.org" == shown["reply_to"]
    assert "Stopped: 1" in scheduler("message", "withdraw", "1", "--letter", str(letter), "--dry-run").output
    stopped = scheduler("message", "withdraw", "1", "--letter", str(letter), "--yes", "--json").output
    assert {"number": 1, "stopped": 1} == json.loads(stopped)
    assert "has been sent" in scheduler("message", "withdraw", "1", "--letter", str(letter), "--yes", code=1).output
    assert "subject: " in scheduler("message", "send", "opening", "--to", "everyone", "--yes", code=2).output


def test_an_e_mail_that_did_not_arrive_is_found_mended_and_settled(scheduler, opening):
    with opening.db.write() as session:
        register(session, an_event(session), a_person(session, "ann", name="Ann", email="ann@exmaple.org"))
    delivery.deliver(opening)
    with opening.db.write() as session:
        letter = session.scalars(sa.select(Letter).where(Letter.address == "ann@exmaple.org")).one()
        letter.outcome, letter.reason, number = Outcome.FAILED, "no such mailbox", str(letter.id)

    listed = json.loads(scheduler("letter", "list", "--outcome", "not arrived", "--json").output)
    assert ["Sultan", "Ann"] == [one["to"] for one in listed]
    assert "Ann" in scheduler("letter", "list", "--to", "ann", "--day", "2027-01-04").output
    assert "No e-mails." in scheduler("letter", "list", "--to", "ann", "--day", "2027-01-05").output
    given = ("letter", "retry", number, "--address", "ann@example.org")
    assert "Nothing has been changed yet." in scheduler(*given, "--dry-run").output
    assert json.loads(scheduler(*given, "--json").output)["done"]
    assert "has not failed" in scheduler(*given, code=1).output
    assert "one e-mail at a time" in scheduler(*given, "1", code=2).output
    assert "none of these e-mails has failed" in scheduler("letter", "retry", number, "1", code=1).output
    silent = str(listed[0]["id"])
    assert "informed by other means" in scheduler("letter", "settle", silent).output
    assert "No e-mails." in scheduler("letter", "list", "--outcome", "not arrived").output


def test_new_events_of_a_kind_begin_with_reminders_that_are_set_once(scheduler, opening):
    scheduler("reminder", "kind", "add", "meeting", "1 day", "--at", "9:00", "--yes")
    again = scheduler("reminder", "kind", "add", "meeting", "1 day", "--yes", code=1).output
    listed = json.loads(scheduler("reminder", "kind", "list", "--json").output)
    scheduler(
        "event",
        "add",
        "talks",
        "--title",
        "en=Talks",
        "--kind",
        "meeting",
        "--start",
        "2027-02-02 10:00",
        *("--duration", "1 hour"),
    )

    assert "begin with this reminder already" in again
    assert [("meeting", "1d", "09:00")] == [(one["kind"], one["before"], one["at"][:5]) for one in listed]
    assert "1d" in scheduler("reminder", "list", "talks").output
    assert (
        "New events begin without reminders."
        in scheduler("reminder", "kind", "remove", "meeting", "1 day", "--yes").output
    )
    changed = scheduler("reminder", "change", "talks", "1 day", "--to", "2 days", "--json", "--yes").output
    assert ["2d"] == [one["before"] for one in json.loads(changed)]

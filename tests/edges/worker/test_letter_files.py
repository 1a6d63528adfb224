"""E-mails kept as files, after their people were forgotten: in whatever way, nothing of theirs is left."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from scheduler.app import App
from scheduler.base.clock import ManualClock
from scheduler.base.config import load_settings
from scheduler.letter_files import remove_forgotten
from scheduler.model.attendance import Answer, Attendee
from scheduler.model.events import Mode
from scheduler.model.letters import Letter, Outcome
from scheduler.model.places import Person
from scheduler.services.common.drafts import check
from scheduler.services.events.guests import registration
from scheduler.services.events.guests.registration import RegistrationForm
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.services.privacy import erasure
from scheduler.worker import delivery, jobs
from tests.support.builders import NOW, a_person, an_event, register
from tests.support.consulate import Consulate, a_post
from tests.support.instance import Scheduler, connect, pages_of

ZHANNA = "zhanna@example.org"
HERS = "000001-confirmed-en.eml"


@pytest.fixture(params=["sqlite"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    return tmp_path / "letters"


@pytest.fixture
def zhanna(app: App) -> int:
    """On a list, with somebody else; both have their letters."""
    with app.db.write() as session:
        event = an_event(session)
        who = a_person(session, name="Zhanna", email=ZHANNA)
        register(session, event, who)
        register(session, event, a_person(session, name="Bolat", email="bolat@example.org"))
        number = who.id
    delivery.deliver(app)
    return number


def erase(app: App, number: int) -> None:
    with app.db.write() as session:
        erasure.erase(session, session.get_one(Person, number), by=Answer.DESK, now=app.clock.now())


def names(letters: Path) -> list[str]:
    return sorted(file.name for file in letters.iterdir())


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True)
def test_the_command_removes_their_letters_and_names_what_it_cannot_reach(
    app: App, scheduler: Scheduler, zhanna: int, letters: Path, tmp_path: Path
) -> None:
    scheduler("attendee", "export", "opening", str(tmp_path / "list.csv"))
    scheduler("attendee", "badges", "opening", str(tmp_path / "badges.pdf"))
    scheduler("db", "backup", str(tmp_path / "b"))
    (letters / "000009-confirmed-en.eml").write_text(f"To: {ZHANNA}\nMessage-ID: <of-another-database@x>\n\n")

    told = scheduler("person", "erase", ZHANNA, "--yes").output

    assert "E-mails kept as files, removed: 1\n" in told
    assert ["000002-confirmed-en.eml", "000009-confirmed-en.eml"] == names(letters)
    left = told.partition("The data remain in these files; delete them, or remove this person from them:\n")[
        2
    ].splitlines()
    assert [line.split(", made by ")[0].strip() for line in left] == [
        f"{tmp_path / 'list.csv'}: list of opening of 2027-01-04",
        f"{tmp_path / 'badges.pdf'}: list of opening of 2027-01-04",
        f"{tmp_path / 'b'}: backup of 2027-01-04",
        str(letters / "000009-confirmed-en.eml"),
    ]


def test_copies_that_do_not_name_them_are_not_named(app: App, scheduler: Scheduler, tmp_path: Path) -> None:
    with app.db.write() as session:
        register(session, an_event(session, "other"), a_person(session, name="Bolat"))
    scheduler("attendee", "export", "other", str(tmp_path / "other.csv"))
    scheduler("db", "backup", str(tmp_path / "b"))
    app.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    with app.db.write() as session:
        register(session, an_event(session), a_person(session, email=ZHANNA), now=app.clock.now())

    assert "The data remain" not in scheduler("person", "erase", ZHANNA, "--yes").output


def test_backups_are_named_also_for_somebody_who_was_on_no_list_when_they_were_made(
    scheduler: Scheduler, tmp_path: Path
) -> None:
    scheduler("person", "add", "zhanna", "--name", "Zhanna", "--email", ZHANNA)
    scheduler("db", "backup", str(tmp_path / "b"))

    assert f"{tmp_path / 'b'}: backup of 2027-01-04" in scheduler("person", "erase", "zhanna", "--yes").output


def test_who_erases_themselves_on_their_page_leaves_no_letter(app: App, zhanna: int, letters: Path) -> None:
    with app.db.read() as session:
        attendee = session.scalars(sa.select(Attendee).where(Attendee.person_id == zhanna)).one()
        page = f"/en/registration/{registration.make_own_token(attendee, secret=app.secret)}"

    assert 303 == pages_of(app).test_client().post(f"{page}/erasure").status_code

    assert ["000002-confirmed-en.eml"] == names(letters)


def test_who_is_forgotten_after_their_last_event_leaves_no_letter(
    app: App, zhanna: int, letters: Path, clock: ManualClock
) -> None:
    clock.advance(timedelta(days=300))

    jobs.run_retention(app)

    assert [] == names(letters)


def test_who_never_confirmed_leaves_no_letter(app: App, letters: Path, clock: ManualClock) -> None:
    guest = check(PersonDraft, {"name": "Zhanna", "email": ZHANNA, "language": "en"})
    form = RegistrationForm(person=guest, mode=Mode.IN_PERSON, companions=0, form="one")
    with app.db.write() as session:
        event = an_event(session, registration="public")
        registration.ask(session, registration.get_open(session, event.key, now=NOW), form, now=NOW)
    delivery.deliver(app)
    before = names(letters)
    clock.advance(timedelta(days=3))

    jobs.purge(app)

    assert ["000001-confirm-en.eml"] == before
    assert [] == names(letters)


def test_an_applicant_who_is_forgotten_leaves_no_letter(app: App, letters: Path, clock: ManualClock) -> None:
    with app.db.write() as session:
        a_post(session)
    Consulate(app.db).book("Zhanna")
    delivery.deliver(app)
    before = names(letters)
    clock.advance(timedelta(days=300))

    jobs.run_visit_upkeep(app)

    assert before
    assert [] == names(letters)


def test_an_erasure_that_was_interrupted_is_finished_by_the_next(app: App, zhanna: int, letters: Path) -> None:
    erase(app, zhanna)
    assert HERS in names(letters)

    jobs.run_retention(app)

    assert ["000002-confirmed-en.eml"] == names(letters)


def test_a_letter_that_left_in_a_crash_before_that_was_recorded_is_removed_too(
    app: App, zhanna: int, letters: Path
) -> None:
    unrecorded = {"outcome": None, "finished_at": None, "address": None, "message_id": None}
    with app.db.write() as session:
        session.execute(sa.update(Letter).where(Letter.id == 1).values(unrecorded))
    erase(app, zhanna)

    assert 1 == remove_forgotten(app)
    with app.db.read() as session:
        assert Outcome.SKIPPED == session.scalar(sa.select(Letter.outcome).where(Letter.id == 1))


@pytest.mark.parametrize("made", ["another Message-ID", "link", "directory", "another number"])
def test_nothing_is_removed_that_is_not_such_a_letter(app: App, zhanna: int, letters: Path, made: str) -> None:
    content, other = (letters / HERS).read_bytes(), letters / "000001-confirmed-en-2.eml"
    match made:
        case "another Message-ID":
            other.write_bytes(content.replace(b"Message-ID: <", b"Message-ID: <0"))
        case "link":
            (letters.parent / "elsewhere").write_bytes(content)
            other.symlink_to(letters.parent / "elsewhere")
        case "directory":
            other.mkdir()
        case "another number":
            other = letters / "000002-copy-en.eml"
            other.write_bytes(content)
    erase(app, zhanna)

    assert 1 == remove_forgotten(app)

    assert os.path.lexists(other)
    assert made != "link" or content == (letters.parent / "elsewhere").read_bytes()


def test_letters_are_found_also_where_they_were_kept_before_there_was_a_mail_server(
    environment: dict[str, str], clock: ManualClock, tmp_path: Path
) -> None:
    environment["SCHEDULER_MAIL_URL"] = f"file:{tmp_path / 'data' / 'letters'}"
    before = App.open(load_settings(environment), clock, connect)
    with before.db.write() as session:
        who = a_person(session, email=ZHANNA)
        register(session, an_event(session), who)
    delivery.deliver(before)
    after = App.open(load_settings({**environment, "SCHEDULER_MAIL_URL": "smtp://127.0.0.1:1"}), clock, connect)
    erase(after, who.id)

    assert 1 == remove_forgotten(after)
    assert [] == names(tmp_path / "data" / "letters")

"""The drill of the operator's manual: a backup while everything runs, the loss of the database, running again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from scheduler.app import App
from scheduler.base.clock import Clock
from scheduler.base.config import load_settings
from scheduler.model.attendance import Attendee
from scheduler.model.letters import Letter, Outcome
from scheduler.model.places import Person
from scheduler.model.visits import Appointment
from scheduler.services.events.guests import registration
from scheduler.storage.database import Database
from tests.support.builders import a_person, an_event, register
from tests.support.consulate import Consulate, a_post
from tests.support.instance import Pool, connect, engine_for
from tests.support.machine import until
from tests.support.servers import Command, Server


def run(environment: dict[str, str], *args: str) -> str:
    """What a command of the manual prints."""
    with Command(environment, args) as command:
        code, printed, complaints = command.end()
    assert 0 == code, complaints
    return printed


@contextmanager
def worker(environment: dict[str, str]) -> Iterator[None]:
    with Command(environment, ("worker",)) as command:
        yield
        command.send_signal(signal.SIGTERM)
        command.end()


class Season:
    """Guests who register and applicants who book, one after the other, until the end is told."""

    def __init__(self, app: App) -> None:
        self.app, self.ended = app, threading.Event()
        now = app.clock.now()
        with app.db.write() as session:
            an_event(session, registration="public", now=now, dtstart=None)
            a_post(session, now=now)
        self.consulate = Consulate(app.db, now=now)
        self.times = iter(self.consulate.free())
        self.registered: list[str] = []
        self.booked: list[str] = []

    def go_on(self) -> None:
        number = len(self.registered)
        with self.app.db.write() as session:
            event = an_event(session, registration="public", now=self.app.clock.now(), dtstart=None)
            guest = a_person(session, name=f"Guest {number}", email=f"drill{number}@example.org")
            register(session, event, guest, now=self.app.clock.now())
        self.registered.append(f"drill{number}@example.org")
        free = next(self.times, None) if number % 3 == 0 else None
        if free:
            self.booked.append(self.consulate.book(f"applicant{number}", free))

    def run(self) -> None:
        while not self.ended.is_set():
            self.go_on()


@pytest.fixture
def another(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty database."""
    if engine == "sqlite":
        url = f"sqlite:///{tmp_path / 'another.db'}"
        yield url
        engine_for(url).dispose()
        return
    pool: Pool = request.getfixturevalue("postgresql_pool")
    lent = pool.lend()
    yield lent.render_as_string(hide_password=False)
    pool.take_back(lent)


def test_nothing_that_was_confirmed_before_the_backup_is_lost_and_the_pages_answer_again(
    environment: dict[str, str], tmp_path: Path, another: str
) -> None:
    """Links in letters open the same pages, and nothing leaves before an officer has looked."""
    app = App.open(load_settings(environment), Clock(), connect)
    season, file = Season(app), tmp_path / "drill.backup"
    with Server(environment, workers=1) as server, worker(environment):
        for _ in range(6):
            season.go_on()
        until(lambda: count_sent(app.db) > 0)
        before = list(season.registered), list(season.booked)
        link = own_page_of(app, season.registered[0])
        assert server.answers(link)
        guests = threading.Thread(target=season.run)
        guests.start()
        told = run(environment, "db", "backup", str(file))
        season.ended.set()
        guests.join()

    lost = {**environment, "SCHEDULER_DATABASE_URL": another}
    run(lost, "db", "restore", str(file))
    with Server(lost, workers=1) as server:
        assert server.answers("/en/")
        assert server.answers(link)

    assert "read again and found complete" in told
    restored = connect(another)
    with restored.read() as session:
        people = set(session.scalars(sa.select(Person.email).join(Attendee, Attendee.person_id == Person.id)))
        visits = set(session.scalars(sa.select(Appointment.reference)))
        due = (Letter.outcome.is_(None), Letter.due_at <= app.clock.now())
        leaving = session.scalar(sa.select(sa.func.count()).select_from(Letter).where(*due))
    assert set(before[0]) <= people <= set(season.registered)
    assert set(before[1]) <= visits <= set(season.booked)
    assert 0 == leaving


def count_sent(db: Database) -> int:
    with db.read() as session:
        sent = sa.select(sa.func.count()).select_from(Letter).where(Letter.outcome == Outcome.SENT)
        return session.scalar(sent) or 0


def own_page_of(app: App, email: str) -> str:
    with app.db.read() as session:
        query = sa.select(Attendee).join(Person, Attendee.person_id == Person.id).where(Person.email == email)
        token = registration.make_own_token(session.scalars(query).one(), secret=app.secret)
        return f"/en/registration/{token}"

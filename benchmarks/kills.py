"""Workers killed 100 times while 20,000 letters flow: none is lost, few are repeated, none is late.

Two workers send to a mail server that takes its time. At random moments one of them is killed (SIGKILL) and started
anew: mostly with its data directory, where the lock of its process proves that it has ended, and sometimes with a new
one, as on another machine, so that its claims have to lapse. Reminders of one to ten minutes fall due meanwhile.
"""

from __future__ import annotations

import os
import random
import re
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp

import sqlalchemy as sa

from benchmarks import common
from benchmarks.letters import queued
from benchmarks.register import EVENT_ID
from benchmarks.servers import HOST, SECRET
from benchmarks.sink import Swallow
from scheduler.base.clock import wall
from scheduler.model.events import Reminder
from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.model.operations import Worker
from scheduler.services.common.drafts import check
from scheduler.services.common.lookup import Lookup
from scheduler.services.events.attendance import transitions
from scheduler.services.events.guests.people import find_or_add_guest
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.event_drafts import EventDraft
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.storage.database import Database

LATEST = 60.0  # seconds after a kill until what the killed worker held has arrived
LEADS = (1, 2, 3, 5, 10)  # minutes
TAKES = 0.01  # seconds that the mail server takes for a letter
HANG = 180.0  # seconds in which something must arrive


def main() -> None:
    given = common.arguments(__doc__, rounds=1)
    kills, letters = max(1, int(100 * given.scale)), int(20_000 * given.scale)
    for engine in given.engines:
        with common.databases(engine) as fresh, keeping_sink() as sink:
            _measure(engine, fresh(), sink, kills, letters)


def _measure(engine: str, db: Database, sink: Sink, kills: int, letters: int) -> None:
    _fill(db, letters, reminders=max(len(LEADS), kills // 2), over=timedelta(seconds=max(20, 2 * kills)))
    start = time.monotonic()
    played = Play(db, sink)
    played.run(kills, among=letters)
    took = time.monotonic() - start
    judged = Judgement(db, sink, played.deaths)
    first, last = judged.waits(min), judged.waits(max)
    common.show(
        f"{engine}: {judged.total:,} letters, two workers, {kills} kills",
        ("", ""),
        [
            ("lost", judged.lost),
            ("repeated, with the same Message-ID", judged.repeated),
            ("seconds until what the killed one held goes on leaving, same data directory", first[False]),
            ("the same, new data directory", first[True]),
            ("seconds until the last of it has left, same data directory", last[False]),
            ("the same, new data directory", last[True]),
            ("short reminders in time", f"{judged.in_time} of {judged.reminders}"),
            ("seconds", took),
        ],
    )
    assert judged.lost == 0
    assert judged.repeated <= kills
    assert max(last.values()) <= LATEST
    assert judged.in_time == judged.reminders


# A mail server that keeps what it takes


@dataclass(frozen=True, slots=True)
class Arrival:
    """A letter that was taken, by its Message-ID, and when (seconds of the clock of this machine)."""

    message_id: str
    at: float


@dataclass
class Sink:
    """The letters that have arrived so far."""

    port: int
    arrivals: list[Arrival] = field(default_factory=list)


@contextmanager
def keeping_sink() -> Iterator[Sink]:
    """Run a mail server on loopback for the block."""

    class Keep(Swallow):
        def keep(self, content: bytes) -> None:
            found = re.search(rb"^message-id: *(\S+)", content, re.IGNORECASE | re.MULTILINE)
            time.sleep(TAKES)
            sink.arrivals.append(Arrival(found[1].decode() if found else "", time.time()))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing: those who were killed hang up in the middle of a letter."""

    with Server((HOST, 0), Keep) as server:
        sink = Sink(server.server_address[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield sink
        server.shutdown()


# What is to be sent


def _fill(db: Database, size: int, *, reminders: int, over: timedelta) -> None:
    """Queue so many letters that are due now, and plan reminders that fall due one after the other."""
    queued(db, size)
    if not db.embedded:  # rows that were inserted with their numbers
        with common.transaction(db) as connection:
            for table in ("person", "attendee"):
                connection.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
                )
    now = datetime.now(UTC)
    with db.write() as session:
        session.execute(sa.update(Letter).values(due_at=now, expires_at=now + timedelta(hours=12)))
        for number in range(reminders):
            lead = LEADS[number % len(LEADS)]
            start = now + timedelta(minutes=lead) + over * (number + 1) / reminders
            said = {
                "kind": "ceremony",
                "title": f"Ceremony {number}",
                "tz": "Asia/Bangkok",
                "dtstart": wall(start, "Asia/Bangkok").replace(microsecond=0),
                "duration": "1 hour",
                "reminders": [{"before": f"{lead} minutes"}],
            }
            draft, person = (
                check(EventDraft, said),
                {"name": f"Guest {number}", "email": f"short{number}@mail.example"},
            )
            event = planning.put(session, f"short-{number}", draft, now=now, lookup=Lookup(session)).event
            guest = find_or_add_guest(session, check(PersonDraft, person))
            transitions.register(session, event, transitions.Guest(person=guest), now=now)


# Killing


@dataclass(frozen=True, slots=True)
class Death:
    """A kill, the ids of the letters that the worker held, and whether it forgets which worker it was."""

    at: float
    held: frozenset[int]
    forgets: bool


@dataclass
class Play:
    """Two workers, and those that died."""

    db: Database
    sink: Sink
    deaths: list[Death] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(12))

    def run(self, kills: int, *, among: int) -> None:
        """Kill so often while so many letters arrive; then wait for the last ones."""
        directories = [Path(mkdtemp(prefix="kills-")) for _ in range(2)]
        workers = [self._start(directory) for directory in directories]
        try:
            for arrived in sorted(self.chance.sample(range(among * 9 // 10), kills)):
                self._wait_for(arrived)
                victim, forgets = self.chance.randrange(2), self.chance.random() < 0.2
                self._kill(workers[victim], forgets=forgets)
                if forgets:
                    directories[victim] = Path(mkdtemp(prefix="kills-"))
                workers[victim] = self._start(directories[victim])
            _until(lambda: not self._to_do(), lambda: len(self.sink.arrivals))
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait()

    def _start(self, directory: Path) -> subprocess.Popen[bytes]:
        environment = {
            "SCHEDULER_DATA_DIR": str(directory),
            "SCHEDULER_DATABASE_URL": common.url_of(self.db),
            "SCHEDULER_MAIL_URL": f"smtp://{HOST}:{self.sink.port}",
            "SCHEDULER_SECRET": SECRET,
        }
        log = (directory / "log").open("ab")
        command = [sys.executable, "-m", "scheduler", "worker"]
        with log:
            return subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log)

    def _wait_for(self, arrived: int) -> None:
        """Wait until so many letters have arrived, and a moment that ends anywhere within one."""
        _until(lambda: len(self.sink.arrivals) >= arrived, lambda: len(self.sink.arrivals))
        time.sleep(self.chance.random() / 100)

    def _kill(self, worker: subprocess.Popen[bytes], *, forgets: bool) -> None:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        at = time.time()
        mine = sa.select(Worker.id).where(Worker.pid == worker.pid)
        held = sa.select(Letter.id).where(Letter.outcome.is_(None), Letter.claimed_by.in_(mine))
        with self.db.read() as session:
            self.deaths.append(Death(at, frozenset(session.scalars(held)), forgets))

    def _to_do(self) -> bool:
        """Return whether letters are waiting, or reminders that fall due within the hour."""
        left = sa.select(Letter.id).where(Letter.outcome.is_(None)).limit(1)
        planned = sa.select(Reminder.id).where(Reminder.next_due_at < datetime.now(UTC) + timedelta(hours=1)).limit(1)
        with self.db.read() as session:
            return session.scalar(left) is not None or session.scalar(planned) is not None


def _until(true: Callable[[], object], progress: Callable[[], int]) -> None:
    """Wait until it is true. Raise TimeoutError if there is no progress for HANG seconds."""
    last, since = progress(), time.monotonic()
    while not true():
        time.sleep(0.05)
        if progress() != last:
            last, since = progress(), time.monotonic()
        if time.monotonic() - since > HANG:
            raise TimeoutError(f"nothing has arrived for {HANG} s")


# Judging


@dataclass
class Judgement:
    """The fate of the letters, by the ledger and by the mail server."""

    db: Database
    sink: Sink
    deaths: list[Death]
    rows: list[Letter] = field(init=False)
    arrivals: dict[str, list[float]] = field(init=False)

    def __post_init__(self) -> None:
        with self.db.read() as session:
            self.rows = list(session.scalars(sa.select(Letter).order_by(Letter.id)))
        self.arrivals = {}
        for arrival in self.sink.arrivals:
            self.arrivals.setdefault(arrival.message_id, []).append(arrival.at)

    @property
    def total(self) -> int:
        return len(self.rows)

    @property
    def lost(self) -> int:
        """Letters that are not recorded as sent, or have not arrived."""
        return sum(row.outcome is not Outcome.SENT or row.message_id not in self.arrivals for row in self.rows)

    @property
    def repeated(self) -> int:
        return len(self.sink.arrivals) - len(self.arrivals)

    def waits(self, which: Callable[[list[float]], float]) -> dict[bool, float]:
        """Return the longest wait for the first (``min``) or the last (``max``) letter that a killed worker had held.

        Apart for the workers that forgot which one they were. What another worker held later, when it was killed,
        counts for that death.
        """
        last = {number: death for death in self.deaths for number in death.held}
        sent = {row.id: self.arrivals[str(row.message_id)][-1] for row in self.rows if row.id in last}
        longest = {False: 0.0, True: 0.0}
        for death in self.deaths:
            if taken := [sent[number] - death.at for number in death.held if last[number] is death]:
                longest[death.forgets] = max(longest[death.forgets], which(taken))
        return longest

    @property
    def reminders(self) -> int:
        return len(self._short())

    @property
    def in_time(self) -> int:
        """Short reminders of which the first copy arrived before the event began."""
        return sum(self.arrivals[str(row.message_id)][0] < self._start(row) for row in self._short())

    def _short(self) -> list[Letter]:
        return [row for row in self.rows if row.kind is LetterKind.REMINDER and row.event_id != EVENT_ID]

    @staticmethod
    def _start(row: Letter) -> float:
        return datetime.fromisoformat(row.facts["start"]).timestamp()


if __name__ == "__main__":
    main()

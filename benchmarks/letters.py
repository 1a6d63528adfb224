"""Fan-out of one reminder to 200,000 attendees; a worker that sends 10,000 letters against bare smtplib.

The worker claims, composes, sends and records; bare smtplib sends the same bytes, ready-made, over one kept
connection. Both send to Postfix's smtp-sink where it is installed (Debian: postfix), else to a sink of our own.
"""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from benchmarks import common
from benchmarks.apply import apply
from benchmarks.register import EVENT_ID, attendee_row, person_row
from benchmarks.sample import people, with_ceremony
from benchmarks.sink import sink
from scheduler.app import App
from scheduler.base import config
from scheduler.base.clock import ManualClock
from scheduler.model.attendance import Attendee
from scheduler.model.events import Capacity, Mode, Reminder
from scheduler.model.letters import Letter
from scheduler.model.places import Person
from scheduler.services.letters.envelope import OutgoingMessage
from scheduler.services.letters.event_letters import compose_event_letters
from scheduler.services.outbox import reminders
from scheduler.storage.database import Database
from scheduler.worker import delivery

LABELS = {
    "delivered": "worker: claim, compose, send, record",
    "unsent": "the same without sending",
    "composed": "composing alone",
    "bare": "bare smtplib, ready-made bytes",
}


def main() -> None:
    given = common.arguments(__doc__, rounds=10)
    for engine in given.engines:
        with common.databases(engine) as fresh:
            _measure_fan_out(engine, fresh, int(200_000 * given.scale))
            with sink() as port:
                _measure_delivery(engine, fresh, int(10_000 * given.scale), given.rounds, port)


# Fan-out


def _measure_fan_out(engine: str, fresh: common.Fresh, most: int) -> None:
    rows = []
    for size in (most // 10, most):
        url = common.url_of(invited(fresh(), size))
        took, grown = common.in_child(fan_out, url, size)
        rows.append((f"{size:,} letters", took, size / took, grown))
    common.show(f"{engine}: one reminder fanned out", ("", "seconds", "letters/s", "peak grows by MB"), rows)


def fan_out(url: str, expected: int) -> float:
    db = Database(url)
    due = _due(db)

    def work() -> None:
        with db.write("worker") as session:
            reminders.fire_reminders(session, now=due)

    took = common.seconds(work)
    with db.read() as session:
        assert session.scalar(sa.select(sa.func.count(Letter.id))) == expected
    db.dispose()
    return took


def _due(db: Database) -> datetime:
    """Return when the first reminder is due, or was."""
    with db.read() as session:
        queued = session.scalars(sa.select(Letter.due_at).order_by(Letter.due_at).limit(1)).one_or_none()
        waiting = sa.select(Reminder.next_due_at).order_by(Reminder.next_due_at).limit(1)
        due = queued or session.scalars(waiting).one()
    assert due is not None
    return due


def invited(db: Database, size: int) -> Database:
    """Make a ceremony with so many confirmed attendees, one in five by video."""
    apply(db, with_ceremony())
    for chunk in common.chunks(enumerate(people(size), 1), 10_000):
        with common.transaction(db) as connection:
            connection.execute(sa.insert(Person), [{"id": number, **person_row(one)} for number, one in chunk])
            connection.execute(sa.insert(Attendee), [_attendee(number) for number, _ in chunk])
    with common.transaction(db) as connection:
        connection.execute(sa.update(Capacity).where(Capacity.event_id == EVENT_ID).values(taken=size))
    common.analyze(db)
    return db


def _attendee(person: int) -> dict[str, object]:
    return {**attendee_row(person), "mode": Mode.IN_PERSON if person % 5 else Mode.REMOTE}


# Delivery


def _measure_delivery(engine: str, fresh: common.Fresh, size: int, rounds: int, port: int) -> None:
    peaks = [_peak(fresh(), part, port) for part in (size // 10, size)]
    app = open_app(common.url_of(queued(fresh(), size)), port)
    parts = list(common.chunks(_ready_made(app), size // rounds))
    taken = common.turns(
        rounds,
        delivered=lambda number: deliver(app, parts[number]),
        unsent=lambda number: _ready_made(app, parts[number]),
        composed=lambda number: _compose(app, parts[number]),
        bare=lambda number: _send(parts[number], port),
    )
    app.close()
    common.show(
        f"{engine}: {size:,} letters in four languages, {len(parts[0][0].content) / 1000:.1f} kB each",
        ("", "ms each", "letters/s", "of bare smtplib"),
        [
            (LABELS[name], min(took) / len(parts[0]) * 1000, len(parts[0]) / min(took), f"{share:.0%}")
            for name, took, share in common.shares(taken, of="bare")
        ],
    )
    print(f"peak grows by {peaks[0]:.1f} MB over {size // 10:,} letters, by {peaks[1]:.1f} MB over {size:,}")


def _peak(db: Database, size: int, port: int) -> float:
    _, grown = common.in_child(deliver_in_child, common.url_of(queued(db, size)), port, size)
    return grown


def deliver_in_child(url: str, port: int, size: int) -> None:
    app = open_app(url, port)
    assert deliver(app) == size
    app.close()


def queued(db: Database, size: int) -> Database:
    fan_out(common.url_of(invited(db, size)), size)
    common.analyze(db)
    return db


def open_app(url: str, port: int) -> App:
    environment = {
        "SCHEDULER_DATABASE_URL": url,
        "SCHEDULER_MAIL_URL": f"smtp://127.0.0.1:{port}",
        "SCHEDULER_MAIL_FROM": "Embassy <programme@embassy.example>",
        "SCHEDULER_SECRET": "0" * 64,
        "SCHEDULER_HOUSE": "Embassy of Kazakhstan",
    }
    db = Database(url)
    clock = ManualClock(_due(db))
    db.dispose()
    return App.open(config.load_settings(environment), clock)


def deliver(app: App, again: Sequence[OutgoingMessage] = ()) -> int:
    """Send all there is to do, after setting back what was sent before."""
    if again:
        unsent = sa.update(Letter).values(outcome=None, finished_at=None, claimed_until=None, attempts=0)
        with common.transaction(app.db) as connection:
            connection.execute(unsent.where(Letter.id.between(again[0].letter_id, again[-1].letter_id)))
    sent = delivery.deliver(app).sent
    assert sent == len(again) or not again
    return sent


class Kept:
    """A channel that keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[OutgoingMessage] = []

    def send(self, message: OutgoingMessage) -> None:
        self.messages.append(message)

    def close(self) -> None: ...

    def check(self) -> None: ...


def _ready_made(app: App, again: Sequence[OutgoingMessage] = ()) -> list[OutgoingMessage]:
    kept, real = Kept(), app.channel
    app.__dict__["channel"] = kept
    try:
        deliver(app, again)
    finally:
        app.__dict__["channel"] = real
    return kept.messages


def _compose(app: App, again: Sequence[OutgoingMessage]) -> None:
    for batch in common.chunks([message.letter_id for message in again], delivery.BATCH_SIZE):
        with app.db.read() as session:
            composed = compose_event_letters(session, batch, house=app.house, now=app.clock.now())
            assert all(isinstance(one, OutgoingMessage) for one in composed)


def _send(ready: Sequence[OutgoingMessage], port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port) as server:
        for message in ready:
            server.sendmail("programme@embassy.example", [message.address], message.content)


if __name__ == "__main__":
    main()

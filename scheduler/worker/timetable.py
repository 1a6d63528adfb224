"""The timetable on one page. APScheduler ticks and nothing else: what is due lives in tables, so that any number
of workers can run on one PostgreSQL and a restart forgets nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa

from scheduler.app import App
from scheduler.base.errors import Conflict, Forbidden, SchedulerError
from scheduler.channels import ChannelError
from scheduler.model import Event, Letter, Outcome
from scheduler.services.consulate.visits import displacement
from scheduler.services.consulate.visits import rezoning as visit_rezoning
from scheduler.services.events.attendance import capacity
from scheduler.services.events.guests import registration
from scheduler.services.events.programme import rezoning as event_rezoning
from scheduler.services.letters.envelope import OutgoingMessage, Skip
from scheduler.services.letters.visit_letters import compose
from scheduler.services.outbox import enqueue
from scheduler.services.privacy import retention

if TYPE_CHECKING:
    from apscheduler.schedulers.base import BaseScheduler

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=10)  # a batch takes seconds; a worker that died gives its letters back after this
BATCH = 1000
FRESH = timedelta(minutes=1)  # a letter composed longer ago is composed anew: the facts, or the lease, may be gone
TICK = timedelta(seconds=10)
PURGE = timedelta(minutes=10)  # how often registrations that nobody confirmed are forgotten
LAPSE = timedelta(minutes=1)  # how often offers that nobody answered go on to the next
TEND = timedelta(minutes=1)  # how often visits are looked after; who books does not wait for it
PAUSE = timedelta(minutes=1)  # while the channel is down


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one round did."""

    sent: int = 0
    skipped: int = 0
    failed: int = 0
    postponed: int = 0
    down: bool = False  # the channel took nothing more

    def __add__(self, other: Delivery) -> Delivery:
        return Delivery(
            self.sent + other.sent,
            self.skipped + other.skipped,
            self.failed + other.failed,
            self.postponed + other.postponed,
            self.down or other.down,
        )


@dataclass(frozen=True, slots=True)
class Broken:
    """A letter that our own mistake keeps from being composed; `scheduler letter retry` once it is mended."""

    letter_id: int
    reason: str


Item = OutgoingMessage | Skip | Broken
Seen = Callable[[Item, "Verdict"], None]
Stop = Callable[[], bool]


def _never() -> bool:
    """Nobody asks to stop."""
    return False


def timetable(app: App, scheduler: BaseScheduler, stop: Stop = _never) -> None:
    """Every job there is."""
    letters_out = partial(deliver, stop=stop)
    scheduler.add_job(_calmly, "interval", [letters_out, app], seconds=TICK.total_seconds(), id="deliver", **_ONE)
    scheduler.add_job(_calmly, "interval", [lapse, app], seconds=LAPSE.total_seconds(), id="lapse", **_ONE)
    scheduler.add_job(_calmly, "interval", [tend, app], seconds=TEND.total_seconds(), id="visits", **_ONE)
    scheduler.add_job(_calmly, "interval", [purge, app], seconds=PURGE.total_seconds(), id="purge", **_ONE)
    scheduler.add_job(_calmly, "cron", [check_zones, app], hour=3, minute=15, id="zones", **_ONE)
    scheduler.add_job(_calmly, "cron", [partial(retain, stop=stop), app], hour=3, minute=45, id="retain", **_ONE)


# One run at a time, a missed one made up for once, however late.
_ONE = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}


def _calmly(job: Callable[[App], object], app: App) -> None:
    """A database that is away, or a disk that is full, is one line in the log; the next tick tries again."""
    try:
        job(app)
    except SchedulerError as error:
        log.warning("%s", error)


def deliver(app: App, seen: Seen | None = None, *, stop: Stop = _never) -> Delivery:
    """Fire the reminders that are due, then send what is due: until nothing is left, the channel is down, or
    somebody asks to ``stop``, which is heeded after the letter in flight."""
    with app.db.write("worker") as session:
        enqueue.fire_reminders(session, now=app.clock.now())
    total = Delivery()
    try:
        while not (total.down or stop()):
            done = _batch(app, seen, stop)
            if done is None:
                break
            total += done
    finally:
        app.channel.close()
    return total


def lapse(app: App) -> int:
    """One event at a time, so that registrations wait for no other's offers; returns how many lapsed."""
    with app.db.read() as session:
        events = capacity.lapsed(session, now=app.clock.now())
    return sum(_lapse(app, event) for event in events)


def _lapse(app: App, number: int) -> int:
    with app.db.write("worker") as session:
        return capacity.lapse(session, session.get_one(Event, number), now=app.clock.now())


def purge(app: App) -> None:
    with app.db.write("worker") as session:
        registration.purge(session, now=app.clock.now())


def retain(app: App, *, stop: Stop = _never) -> dict[str, int]:
    """Forget whom and what is no longer needed, a few rows at a time: nobody waits long for the database."""
    now, done = app.clock.now(), {}
    for step in retention.STEPS:
        done[step.name] = sum(_forgotten(app, step, now, stop))
    with app.db.write("worker") as session:
        retention.note_run(session, done, now=now)
    return done


def _forgotten(app: App, step: retention.Step, now: datetime, stop: Stop) -> Iterator[int]:
    """Found without holding up any writer; looked at again, and forgotten, in a short transaction for each batch."""
    after = 0
    while not stop():
        with app.db.read() as session:
            found = step.find(session, keep=app.settings.retention, after=after, now=now)
        if not found:
            return
        with app.db.write("worker") as session:
            yield step.forget(session, found, keep=app.settings.retention, now=now)
        after = found[-1]


def tend(app: App) -> None:
    """Visits that lapsed, times to offer, applicants to forget."""
    with app.db.write("worker") as session:
        displacement.tend(session, now=app.clock.now())


def check_zones(app: App) -> None:
    """After an update of the tz data: what was promised on the wall keeps its hour, what hangs on it moves."""
    with app.db.write("worker") as session:
        moved = [(row.key, *at) for row, *at in event_rezoning.recheck(session, now=app.clock.now())]
        moved += [(row.reference, *at) for row, *at in visit_rezoning.check(session, now=app.clock.now())]
    for what, before, now in moved:
        log.warning("%s: %s is now %s under the installed tz data", what, before, now)


def _batch(app: App, seen: Seen | None, stop: Stop) -> Delivery | None:
    """Claim, compose, send, record; None when nothing is due."""
    now = app.clock.now()
    with app.db.write("worker") as session:
        ids = enqueue.claim_due(session, now=now, lease=LEASE, limit=BATCH)
    if not ids:
        return None
    return _send_all(app, _compose(app, ids, now), seen, lambda: stop() or app.clock.now() >= now + FRESH)


def _compose(app: App, ids: list[int], now: datetime) -> list[Item]:
    """Compose a batch; one letter that cannot be composed must not hold up the others."""
    try:
        with app.db.read() as session:
            return list(compose(session, ids, house=app.house, now=now))
    except (Conflict, Forbidden):
        raise  # the database is away: the lease lapses
    except Exception as error:
        log.exception("letters %s cannot be composed", ids)
        if len(ids) == 1:
            return [Broken(ids[0], f"cannot be composed: {error}"[:500])]
        return [item for letter in ids for item in _compose(app, [letter], now)]


def _send_all(app: App, composed: list[Item], seen: Seen | None, stop: Stop) -> Delivery:
    """Each outcome is written before the next letter leaves: a crash repeats at most the one in flight."""
    total = Delivery()
    with app.db.each() as execute:
        for index, item in enumerate(composed):
            if index and stop():
                break
            verdict = _verdict(app, item)
            if verdict.down:
                total += Delivery(postponed=len(composed) - index, down=True)
                break
            execute(_OUTCOME, _outcome(app, item, verdict))
            total += _counted(verdict)
            if seen:
                seen(item, verdict)
        else:
            return total
    _put_back(app, composed[index:], pause=PAUSE if total.down else timedelta())
    return total


def _verdict(app: App, item: Item) -> Verdict:
    match item:
        case Skip():
            return Verdict(Outcome.SKIPPED, item.reason)
        case Broken():
            return Verdict(Outcome.FAILED, item.reason)
        case OutgoingMessage():
            return _send(app, item)


def _counted(verdict: Verdict) -> Delivery:
    match verdict.outcome:
        case Outcome.SENT:
            return Delivery(sent=1)
        case Outcome.SKIPPED:
            return Delivery(skipped=1)
        case Outcome.FAILED:
            return Delivery(failed=1)
        case None:
            return Delivery(postponed=1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a letter; no outcome means that it will be tried again at ``again_at``."""

    outcome: Outcome | None
    reason: str = ""
    again_at: datetime | None = None
    down: bool = False


def _send(app: App, message: OutgoingMessage) -> Verdict:
    try:
        app.channel.send(message)
    except ChannelError as error:
        if error.down:
            log.warning("%s; trying again in %s", error, PAUSE)
            return Verdict(None, str(error), down=True)
        again = None if error.permanent else enqueue.next_attempt(message.attempts, app.clock.now())
        return Verdict(None if again else Outcome.FAILED, str(error)[:500], again)
    return Verdict(Outcome.SENT)


def _outcome(app: App, item: Item, verdict: Verdict) -> dict[str, object]:
    sent = item if isinstance(item, OutgoingMessage) else None
    return {
        "letter": item.letter_id,
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "claimed_until": verdict.again_at,
        "finished_at": app.clock.now() if verdict.outcome else None,
        "language": sent and sent.language,
        "address": sent and sent.address,
        "message_id": sent and sent.message_id,
    }


def _outcome_statement() -> sa.Update:
    """One statement for every outcome, made once: it runs after each of 200,000 letters. What an earlier attempt
    has written of the address stays where this one was not composed."""
    letter: sa.Table = Letter.metadata.tables[Letter.__tablename__]
    plain = ("outcome", "reason", "claimed_until", "finished_at")
    kept = ("language", "address", "message_id")
    bound = {name: sa.bindparam(name, type_=letter.c[name].type) for name in (*plain, *kept)}
    values = bound | {name: sa.func.coalesce(bound[name], letter.c[name]) for name in kept}
    return sa.update(letter).where(letter.c.id == sa.bindparam("letter")).values(values)


_OUTCOME = _outcome_statement()


def _put_back(app: App, items: list[Item], *, pause: timedelta) -> None:
    with app.db.write("worker") as session:
        enqueue.release(session, [item.letter_id for item in items], until=app.clock.now() + pause)


def run(app: App, wait: Callable[[], object]) -> None:
    """Work until `wait` returns. Starts with one round, so that a restart catches up at once."""
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.schedulers.background import BackgroundScheduler

    scheduler = BackgroundScheduler(timezone="UTC", executors={"default": ThreadPoolExecutor(2)})
    stopping = threading.Event()
    timetable(app, scheduler, stopping.is_set)
    _calmly(check_zones, app)  # before the first reminder is fired by an instant that no longer holds
    _calmly(lapse, app)
    scheduler.modify_job("deliver", next_run_time=app.clock.now())
    scheduler.start()
    try:
        wait()
    finally:
        stopping.set()
        scheduler.shutdown(wait=True)  # the letter in flight is finished and recorded
        app.close()

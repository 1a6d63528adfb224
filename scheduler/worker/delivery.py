"""Deliver the letters that are due: claim them, compose them, send them, record the outcome of each."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from scheduler.app import App
from scheduler.base.errors import Conflict, Forbidden
from scheduler.channels.base import ChannelError
from scheduler.model.letters import Letter, Outcome
from scheduler.services.letters.composing import compose
from scheduler.services.letters.envelope import CompositionResult, OutgoingMessage, Skip
from scheduler.services.outbox import leases, reminders
from scheduler.worker.presence import Presence

log = logging.getLogger(__name__)

BATCH_SIZE = 1000  # letters claimed at once
COMPOSED_FOR = timedelta(minutes=1)  # letters composed longer ago are composed anew: facts change
CHANNEL_RETRY_AFTER = timedelta(minutes=1)  # while the channel is down


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """How many letters a round sent, skipped, gave up (failed) and put off."""

    sent: int = 0
    skipped: int = 0
    failed: int = 0
    postponed: int = 0
    down: bool = False  # the channel accepts no letters now

    def __add__(self, other: DeliveryCounts) -> DeliveryCounts:
        return DeliveryCounts(
            self.sent + other.sent,
            self.skipped + other.skipped,
            self.failed + other.failed,
            self.postponed + other.postponed,
            self.down or other.down,
        )


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """The result of an attempt. No outcome means that the letter will be tried again at ``again_at``."""

    outcome: Outcome | None
    reason: str = ""
    again_at: datetime | None = None
    down: bool = False


@dataclass(frozen=True, slots=True)
class Broken:
    """A letter that a bug keeps from being composed; when that is mended: ``scheduler letter retry``."""

    letter_id: int
    reason: str


Item = CompositionResult | Broken
Report = Callable[[Item, DeliveryResult], None]
Stop = Callable[[], bool]


def never() -> bool:
    """Return False: for jobs that nobody stops."""
    return False


def deliver(
    app: App, report: Report | None = None, *, stop: Stop = never, worker: Presence | None = None
) -> DeliveryCounts:
    """Fire the reminders that are due, then send the letters that are due; return what was done.

    It ends when nothing is due any more, when the channel is down, or, after the letter in flight, when ``stop``
    returns True. ``report`` is called after each letter with its outcome. ``worker`` claims the letters; without
    one, a worker is there for this round only.
    """
    if worker is None:
        with Presence(app) as present:
            return deliver(app, report, stop=stop, worker=present)
    _record_left_over(app, worker)
    with app.db.write("worker") as session:
        reminders.fire_reminders(session, now=app.clock.now())
    total = DeliveryCounts()
    try:
        while not (total.down or stop()):
            done = _deliver_batch(app, worker, report, stop)
            if done is None:
                break
            total += done
    finally:
        app.channel.close()
    return total


def _record_left_over(app: App, worker: Presence) -> None:
    """Record the outcome that the database was not there to take, so that its letter is not sent again."""
    if worker.unrecorded is not None:
        with app.db.autocommit() as execute:
            execute(_RECORD_OUTCOME, worker.unrecorded)
        worker.unrecorded = None


def _deliver_batch(app: App, worker: Presence, report: Report | None, stop: Stop) -> DeliveryCounts | None:
    """Deliver up to BATCH_SIZE letters; return None if nothing is due, or if this worker may lose its claims."""
    now = app.clock.now()
    if not worker.holds_claims():
        return None
    with app.db.write("worker") as session:
        ids = leases.claim_due(session, worker.id, now=now, limit=BATCH_SIZE)
    if not ids:
        return None

    def outdated_or_stopped() -> bool:
        return stop() or app.clock.now() >= now + COMPOSED_FOR

    return _send_all(app, worker, _compose(app, ids, now), report, outdated_or_stopped)


def _compose(app: App, ids: list[int], now: datetime) -> list[Item]:
    """Compose letters, alone if that fails for all: one that cannot be composed must not hold up the others."""
    try:
        with app.db.read() as session:
            return list(compose(session, ids, house=app.house, now=now))
    except (Conflict, Forbidden):
        raise  # the database is away; the next round claims them again
    except Exception as error:
        log.exception("letters %s cannot be composed", ids)
        if len(ids) == 1:
            return [Broken(ids[0], f"cannot be composed: {error}"[:500])]
        return [item for letter in ids for item in _compose(app, [letter], now)]


def _send_all(app: App, worker: Presence, composed: list[Item], report: Report | None, stop: Stop) -> DeliveryCounts:
    """Send letters and record the outcome of each before the next is sent; release those that are left.

    So a crash repeats at most the letter in flight. A worker that was stopped for so long that others have taken its
    letters learns it when it records the one in flight, and sends no more of them.
    """
    total = DeliveryCounts()
    with app.db.autocommit() as execute:
        for index, item in enumerate(composed):
            if not worker.holds_claims() or (index and stop()):
                break
            result = _deliver_one(app, item)
            if result.down:
                total += DeliveryCounts(postponed=len(composed) - index, down=True)
                break
            worker.unrecorded = _outcome_values(app, worker, item, result)
            recorded, worker.unrecorded = execute(_RECORD_OUTCOME, worker.unrecorded), None
            total += _count(result)
            if report:
                report(item, result)
            if not recorded:
                log.warning("another worker has taken over the letters of this one, which seemed to have stopped")
                break
        else:
            return total
    _release(app, worker, composed[index:], pause=CHANNEL_RETRY_AFTER if total.down else timedelta())
    return total


def _deliver_one(app: App, item: Item) -> DeliveryResult:
    match item:
        case Skip():
            return DeliveryResult(Outcome.SKIPPED, item.reason)
        case Broken():
            return DeliveryResult(Outcome.FAILED, item.reason)
        case OutgoingMessage():
            return _send(app, item)


def _count(result: DeliveryResult) -> DeliveryCounts:
    match result.outcome:
        case Outcome.SENT:
            return DeliveryCounts(sent=1)
        case Outcome.SKIPPED:
            return DeliveryCounts(skipped=1)
        case Outcome.FAILED:
            return DeliveryCounts(failed=1)
        case None:
            return DeliveryCounts(postponed=1)


def _send(app: App, message: OutgoingMessage) -> DeliveryResult:
    """Hand a letter to the channel; return that it was sent, refused for good, or is to be tried again."""
    try:
        app.channel.send(message)
    except ChannelError as error:
        if error.down:
            log.warning("%s; trying again in %s", error, CHANNEL_RETRY_AFTER)
            return DeliveryResult(None, str(error), down=True)
        again = None if error.permanent else leases.next_attempt(message.attempts, app.clock.now())
        return DeliveryResult(None if again else Outcome.FAILED, str(error)[:500], again)
    return DeliveryResult(Outcome.SENT)


def _outcome_values(app: App, worker: Presence, item: Item, result: DeliveryResult) -> dict[str, object]:
    """Return the parameters of `_outcome_statement`."""
    sent = item if isinstance(item, OutgoingMessage) else None
    return {
        "letter": item.letter_id,
        "worker": worker.id,
        "outcome": result.outcome,
        "reason": result.reason,
        "claimed_until": result.again_at,
        "finished_at": app.clock.now() if result.outcome else None,
        "language": sent and sent.language,
        "address": sent and sent.address,
        "message_id": sent and sent.message_id,
    }


def _outcome_statement() -> sa.Update:
    """Return the statement that records an outcome; it is built once, because it runs after each of 200,000 letters.

    Where this attempt gives no language, address or Message-ID, those of an earlier attempt are kept. It returns no
    row if the letter is no longer claimed by this worker.
    """
    letter: sa.Table = Letter.metadata.tables[Letter.__tablename__]
    replaced = ("outcome", "reason", "claimed_until", "finished_at")
    kept = ("language", "address", "message_id")
    parameters = {name: sa.bindparam(name, type_=letter.c[name].type) for name in (*replaced, *kept)}
    values = parameters | {name: sa.func.coalesce(parameters[name], letter.c[name]) for name in kept}
    mine = (letter.c.id == sa.bindparam("letter"), letter.c.claimed_by == sa.bindparam("worker"))
    return sa.update(letter).where(*mine).values({**values, "claimed_by": None}).returning(letter.c.id)


_RECORD_OUTCOME = _outcome_statement()


def _release(app: App, worker: Presence, items: list[Item], *, pause: timedelta) -> None:
    """Give up the claims on letters that were not tried; they can be claimed again after the pause."""
    with app.db.write("worker") as session:
        leases.release(session, worker.id, [item.letter_id for item in items], until=app.clock.now() + pause)

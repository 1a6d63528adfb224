"""Deliver what is due: claim, compose, send, record each outcome."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from scheduler.app import App
from scheduler.base.errors import Conflict, Forbidden
from scheduler.channels.base import ChannelError
from scheduler.model import Letter, Outcome
from scheduler.services.letters.composing import compose
from scheduler.services.letters.envelope import OutgoingMessage, Skip
from scheduler.services.outbox import leases, reminders

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=10)  # a batch takes seconds; a worker that died gives its letters back after this


BATCH = 1000


COMPOSED_FOR = timedelta(
    minutes=1
)  # a letter composed longer ago is composed anew: the facts, or the lease, may be gone


CHANNEL_RETRY_AFTER = timedelta(minutes=1)  # while the channel is down


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


Seen = Callable[[Item, "DeliveryResult"], None]


Stop = Callable[[], bool]


def _never() -> bool:
    """Nobody asks to stop."""
    return False


def deliver(app: App, seen: Seen | None = None, *, stop: Stop = _never) -> Delivery:
    """Fire the reminders that are due, then send what is due: until nothing is left, the channel is down, or
    somebody asks to ``stop``, which is heeded after the letter in flight."""
    with app.db.write("worker") as session:
        reminders.fire_reminders(session, now=app.clock.now())
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


def _batch(app: App, seen: Seen | None, stop: Stop) -> Delivery | None:
    """Claim, compose, send, record; None when nothing is due."""
    now = app.clock.now()
    with app.db.write("worker") as session:
        ids = leases.claim_due(session, now=now, lease=LEASE, limit=BATCH)
    if not ids:
        return None
    return _send_all(app, _compose(app, ids, now), seen, lambda: stop() or app.clock.now() >= now + COMPOSED_FOR)


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
    with app.db.autocommit() as execute:
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
    _release(app, composed[index:], pause=CHANNEL_RETRY_AFTER if total.down else timedelta())
    return total


def _verdict(app: App, item: Item) -> DeliveryResult:
    match item:
        case Skip():
            return DeliveryResult(Outcome.SKIPPED, item.reason)
        case Broken():
            return DeliveryResult(Outcome.FAILED, item.reason)
        case OutgoingMessage():
            return _send(app, item)


def _counted(verdict: DeliveryResult) -> Delivery:
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
class DeliveryResult:
    """What became of a letter; no outcome means that it will be tried again at ``again_at``."""

    outcome: Outcome | None
    reason: str = ""
    again_at: datetime | None = None
    down: bool = False


def _send(app: App, message: OutgoingMessage) -> DeliveryResult:
    try:
        app.channel.send(message)
    except ChannelError as error:
        if error.down:
            log.warning("%s; trying again in %s", error, CHANNEL_RETRY_AFTER)
            return DeliveryResult(None, str(error), down=True)
        again = None if error.permanent else leases.next_attempt(message.attempts, app.clock.now())
        return DeliveryResult(None if again else Outcome.FAILED, str(error)[:500], again)
    return DeliveryResult(Outcome.SENT)


def _outcome(app: App, item: Item, verdict: DeliveryResult) -> dict[str, object]:
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


def _release(app: App, items: list[Item], *, pause: timedelta) -> None:
    with app.db.write("worker") as session:
        leases.release(session, [item.letter_id for item in items], until=app.clock.now() + pause)

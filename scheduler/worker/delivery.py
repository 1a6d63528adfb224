"""Deliver the letters that are due: claim them, compose them, send them, record the outcome of each."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from scheduler.app import App
from scheduler.base.errors import Conflict, Forbidden
from scheduler.channels.base import ChannelError, Failure
from scheduler.channels.replies import judge_reason
from scheduler.model.letters import Letter, Outcome
from scheduler.monitoring import metrics
from scheduler.services.events.attendance import invitations
from scheduler.services.letters.composing import compose
from scheduler.services.letters.envelope import CompositionResult, OutgoingMessage, Skip
from scheduler.services.operations.workers import Execute
from scheduler.services.outbox import backlog, claims, reminders
from scheduler.services.outbox.backlog import PAUSED
from scheduler.worker.delivery_state import DeliveryState, Pause, domain_of
from scheduler.worker.presence import Presence, at_work

log = logging.getLogger(__name__)

SMALLEST_BATCH, BATCH_SIZE = 20, 1000  # letters claimed at once; as many as leave within BATCH_TIME
# A batch that takes longer is given back: facts change, urgent letters wait for its end, and if the worker dies, what
# it holds waits until that is noticed.
BATCH_TIME = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """Numbers of the letters that a round sent, skipped, gave up (failed) and put off."""

    sent: int = 0
    skipped: int = 0
    failed: int = 0
    postponed: int = 0
    down: bool = False  # the channel takes no letters now

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
    app: App,
    report: Report | None = None,
    *,
    stop: Stop = never,
    state: DeliveryState | None = None,
    worker: Presence | None = None,
) -> DeliveryCounts:
    """Fire the reminders that are due, then send the letters that are due; return what was done.

    It ends when nothing is due any more, when the channel takes no letters, or, after the letter in flight, when
    ``stop`` returns True. ``report`` is called after each letter with its outcome. ``state`` is what earlier rounds
    have found out about the channel. ``worker`` claims the letters; without one, there is one for this round only.
    """
    if worker is None:
        with at_work(app) as present:
            return deliver(app, report, stop=stop, state=state, worker=present)
    state = state or worker.delivery
    _record_left_over(app, worker)
    _fire_reminders(app)
    total = DeliveryCounts(down=state.find_pause(app.clock.now()) is not None)
    try:
        while not (total.down or stop()):
            done = _deliver_batch(app, worker, report, stop, state)
            if done is None:
                break
            total += done
            _fire_reminders(app)  # those that have become due while a long queue was sent
    finally:
        app.channel.close()
    _warn_of_late_letters(app, state)
    return total


def _fire_reminders(app: App) -> None:
    with app.db.write("worker") as session:
        reminders.fire_reminders(session, now=app.clock.now())


def _warn_of_late_letters(app: App, state: DeliveryState) -> None:
    now = app.clock.now()
    if not state.is_warning_due(now):
        return
    with app.db.read() as session:
        found = backlog.find_backlog(session, now=now)
    if found.late and found.oldest:
        log.warning(
            "%s letters have been due for more than %s, the oldest for %s; the last reason: %s",
            found.late,
            backlog.LATE,
            now - found.oldest,
            found.reason or "none of them was tried",
        )


def _record_left_over(app: App, worker: Presence) -> None:
    """Record the outcome that the database was not there to take, so that its letter is not sent again."""
    if worker.unrecorded is not None:
        with app.db.autocommit() as execute:
            execute(_RECORD_OUTCOME, worker.unrecorded)
        worker.unrecorded = None


def _deliver_batch(
    app: App, worker: Presence, report: Report | None, stop: Stop, state: DeliveryState
) -> DeliveryCounts | None:
    """Deliver one batch; return None if nothing is due, or if this worker may lose its claims."""
    now = app.clock.now()
    if not worker.holds_claims():
        return None
    with app.db.write("worker") as session:
        ids = claims.claim_due(session, worker.id, now=now, limit=worker.batch_size)
    if not ids:
        return None

    def outdated_or_stopped() -> bool:
        return stop() or app.clock.now() >= now + BATCH_TIME

    with app.db.autocommit() as execute:
        batch = Batch(app, worker, _compose(app, ids, now), state, execute, report)
        counts = batch.deliver(outdated_or_stopped)
    worker.batch_size = fit_batch(worker.batch_size, len(ids) - len(batch.waiting), app.clock.now() - now)
    return counts


def fit_batch(size: int, tried: int, took: timedelta) -> int:
    """Return the size of the next batch, after one of which so many letters were tried in that time."""
    if took >= BATCH_TIME:
        return max(SMALLEST_BATCH, tried)
    return min(2 * size, BATCH_SIZE) if tried == size and took < BATCH_TIME / 4 else size


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


@dataclass
class Batch:
    """The letters of one claim: each outcome is recorded before the next letter leaves.

    So a crash repeats at most the letter in flight. A worker that was stopped for so long that others have taken its
    letters learns it when it records the one in flight, and sends no more of them.
    """

    app: App
    worker: Presence
    waiting: list[Item]
    state: DeliveryState
    execute: Execute
    report: Report | None = None
    counts: DeliveryCounts = DeliveryCounts()
    is_lost: bool = False  # others have the letters
    # Letters that were refused for good. Whether that is their own fault shows when another letter is taken, or at
    # the end of the batch; if the worker dies before, they are tried again.
    refused: list[tuple[OutgoingMessage, ChannelError]] = field(default_factory=list)
    put_off: dict[Pause, list[Item]] = field(default_factory=dict)

    def deliver(self, stop: Stop) -> DeliveryCounts:
        """Send the letters, at least one whatever ``stop`` says; give back those that are left; return the counts."""
        while self.waiting and not self.is_lost and self.worker.holds_claims():
            self._deliver_one(self._take_next())
            if stop() or self._find_pause():
                break
        self._settle_refused()
        self._give_back_waiting()
        for domain_pause, items in self.put_off.items():
            self._put_off(items, domain_pause, domain_pause.reason)
        return self.counts

    def _give_back_waiting(self) -> None:
        pause = self._find_pause()
        if pause:
            self.counts += DeliveryCounts(down=True)
            self._put_off(self.waiting, pause, f"{PAUSED}{pause.reason}")
        elif self.waiting:
            self._release(self.waiting, until=self.app.clock.now())

    def _put_off(self, items: list[Item], pause: Pause, reason: str) -> None:
        self.counts += DeliveryCounts(postponed=len(items))
        if items:
            self._release(items, until=pause.until, reason=reason)

    def _release(self, items: list[Item], *, until: datetime, reason: str = "") -> None:
        """Give up the claims on letters that were not tried; they can be claimed again at ``until``."""
        with self.app.db.write("worker") as session:
            numbers = [item.letter_id for item in items]
            claims.release(session, self.worker.id, numbers, until=until, reason=reason)

    def _find_pause(self, domain: str = "") -> Pause | None:
        return self.state.find_pause(self.app.clock.now(), domain)

    def _take_next(self) -> Item:
        """Take the next letter; after one that was not taken, the next to another domain, if there is one.

        That one shows whether the letter, its domain or the channel is at fault.
        """
        suspects = self.state.suspects
        rest = (index for index, item in enumerate(self.waiting) if _domain_of(item) not in suspects)
        return self.waiting.pop(next(rest, 0))

    def _deliver_one(self, item: Item) -> None:
        match item:
            case Skip():
                self._record(item, DeliveryResult(Outcome.SKIPPED, item.reason))
            case Broken():
                self._record(item, DeliveryResult(Outcome.FAILED, item.reason))
            case OutgoingMessage():
                pause = self._find_pause(_domain_of(item))
                if pause:
                    self.put_off.setdefault(pause, []).append(item)
                else:
                    self._send(item)

    def _send(self, message: OutgoingMessage) -> None:
        try:
            self.app.channel.send(message)
        except ChannelError as error:
            self._keep(message, error)
        else:
            self._record(message, DeliveryResult(Outcome.SENT))
            self._note_success(message)

    def _note_success(self, message: OutgoingMessage) -> None:
        if self.state.note_success(message.address):
            with self.app.db.write("worker") as session:
                backlog.end_pause(session)
        self._settle_refused()

    def _keep(self, message: OutgoingMessage, error: ChannelError) -> None:
        """Keep a letter that was not taken, to be tried again or to be judged later."""
        if error.failure.is_permanent:
            self._recall_refused()
        self.state.note_failure(message.address, error, self.app.clock.now())
        if error.failure is Failure.DOWN:
            self.waiting.insert(0, message)
        elif error.failure.is_permanent:
            self.refused.append((message, error))
        else:
            self._try_again_later(message, error)

    def _recall_refused(self) -> None:
        """Consider what was refused before this process started, if that has not been done."""
        if not self.state.has_recalled:
            with self.app.db.read() as session:
                refused = backlog.find_refused(session, now=self.app.clock.now())
            self.state.recall((letter.address or "", judge_reason(letter.reason)) for letter in refused)

    def _settle_refused(self) -> None:
        """Fail the letters that were refused for good; if the server refuses every letter, try them again later."""
        refused, self.refused = self.refused, []
        pause = self._find_pause()
        if refused and pause and self.state.is_channel_at_fault:
            with self.app.db.write("worker") as session:
                backlog.reopen_refused(session, until=pause.until, now=self.app.clock.now())
        for message, error in refused:
            if pause:
                self._try_again_later(message, error)
            else:
                self._record(message, DeliveryResult(Outcome.FAILED, str(error)[:500]))

    def _try_again_later(self, message: OutgoingMessage, error: ChannelError) -> None:
        """Put a letter off until its next attempt; fail it if it has had its last one."""
        again = claims.next_attempt(message.attempts + 1, self.app.clock.now())
        pauses = error.failure is Failure.CLOSED or self.state.is_channel_at_fault
        reason = f"{PAUSED}{error}" if again and pauses else str(error)
        self._record(message, DeliveryResult(None if again else Outcome.FAILED, reason[:500], again))

    def _record(self, item: Item, result: DeliveryResult) -> None:
        values = self.worker.unrecorded = _outcome_values(self.app, self.worker, item, result)
        if not self._store(item, values, result):
            log.warning("another worker has taken over the letters of this one, which seemed to have stopped")
            self.is_lost = True
        self.worker.unrecorded = None
        self.counts += _count(result)
        metrics.count_letter(result.outcome)
        if self.report:
            self.report(item, result)

    def _store(self, item: Item, values: dict[str, object], result: DeliveryResult) -> bool:
        """Store an outcome, with what a letter that has left asks its guest; return False if the claim is lost."""
        asks = item.asks if isinstance(item, OutgoingMessage) and result.outcome is Outcome.SENT else None
        if asks is None:
            return bool(self.execute(_RECORD_OUTCOME, values))
        with self.app.db.write("worker") as session:
            is_ours = session.execute(_RECORD_OUTCOME, values).first() is not None
            if is_ours:
                invitations.note_asked(session, asks, sent_at=self.app.clock.now())
        return is_ours


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
        "kind": sent and sent.kind,
        "language": sent and sent.language,
        "address": sent and sent.address,
        "message_id": sent and sent.message_id,
    }


def _outcome_statement() -> sa.Update:
    """Return the statement that records an outcome; it is built once, because it runs after each of 200,000 letters.

    Where this attempt gives no kind, language, address or Message-ID, those from before are kept; several changes
    can come to news of another kind than that of the last one. It returns no row if the letter is no longer claimed
    by this worker.
    """
    letter: sa.Table = Letter.metadata.tables[Letter.__tablename__]
    replaced = ("outcome", "reason", "claimed_until", "finished_at")
    kept = ("kind", "language", "address", "message_id")
    parameters = {name: sa.bindparam(name, type_=letter.c[name].type) for name in (*replaced, *kept)}
    values = parameters | {name: sa.func.coalesce(parameters[name], letter.c[name]) for name in kept}
    mine = (letter.c.id == sa.bindparam("letter"), letter.c.claimed_by == sa.bindparam("worker"))
    ended = {"claimed_by": None, "attempts": letter.c.attempts + 1}
    return sa.update(letter).where(*mine).values(values | ended).returning(letter.c.id)


_RECORD_OUTCOME = _outcome_statement()


def _domain_of(item: Item) -> str:
    return domain_of(item.address) if isinstance(item, OutgoingMessage) else ""

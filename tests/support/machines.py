"""State machines over the services: random acts, each a transaction of its own, on a fresh database per run.

    class Guests(StateMachine):
        @rule(who=WHO)
        def register(self, who): self.act(lambda session: ...)

        def find_problems(self): ...  # after each act, and after each letter

A run is short, and the same each time. To search for long: ``pytest --hypothesis-profile=long FILE``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import hypothesis
import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy.orm import Session

from scheduler.app import App
from scheduler.base import config
from scheduler.base.clock import ManualClock
from scheduler.base.errors import SchedulerError
from scheduler.channels.base import ChannelError, Failure
from scheduler.model.audit import Audit
from scheduler.model.letters import Letter, Outcome
from scheduler.services import health
from scheduler.services.letters.envelope import OutgoingMessage
from scheduler.worker import delivery
from tests.support.instance import connect, settings_of
from tests.support.machine import is_long

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SOON = timedelta(minutes=20)  # longer than news waits for more news
MOST_ROUNDS = 60  # of the worker, until nothing is due any more


def run(machine: Callable[[], StateMachine], *, examples: int, steps: int) -> None:
    """Play a machine: as often as said, and the same each time, unless the profile ``long`` is chosen."""
    slow = (hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large)
    chosen = hypothesis.settings(max_examples=examples, stateful_step_count=steps, derandomize=True, database=None)
    if is_long():
        chosen = hypothesis.settings(max_examples=1000, stateful_step_count=60, print_blob=True)
    run_state_machine_as_test(machine, settings=hypothesis.settings(chosen, suppress_health_check=slow))


def refuse(problems: Sequence[str]) -> None:
    if problems:
        raise AssertionError("\n".join(problems))


class Killed(BaseException):
    """The death of a worker in the middle of a letter."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A letter that the mail server has taken."""

    letter: int
    message: OutgoingMessage
    at: datetime
    text: str
    calendar: str


class MailServer:
    """A channel that does with each letter what ``moods`` say, and takes it when they are used up."""

    REFUSALS: ClassVar = {
        "put off": Failure.NOT_NOW,
        "refuse": Failure.NEVER,
        "hang up": Failure.LOST,
        "be busy": Failure.BUSY,
        "be closed": Failure.CLOSED,
        "be down": Failure.DOWN,
    }
    MOODS = ("take", "take", "die before", "die after", *REFUSALS)

    def __init__(self, clock: ManualClock, heard: Callable[[Sent], None]) -> None:
        self.clock, self.heard = clock, heard
        self.moods: list[str] = []
        self.taken: list[Sent] = []
        self.deaths = 0

    def send(self, message: OutgoingMessage) -> None:
        mood = self.moods.pop(0) if self.moods else "take"
        if mood in self.REFUSALS:
            raise ChannelError(f"450 {mood}", self.REFUSALS[mood])
        if mood == "die before":
            raise Killed
        self.taken.append(self._read(message))
        self.heard(self.taken[-1])
        if mood == "die after":
            self.deaths += 1
            raise Killed

    def _read(self, message: OutgoingMessage) -> Sent:
        parsed = message_from_bytes(message.content, policy=policy.default)
        parts = {part.get_content_type(): part.get_content() for part in parsed.walk() if not part.is_multipart()}
        calendar = parts.get("text/calendar", "")
        calendar = calendar if isinstance(calendar, str) else calendar.decode()
        return Sent(
            message.letter_id,
            message,
            self.clock.now(),
            parts["text/plain"],
            calendar.replace("\r\n", "\n").replace("\n ", ""),
        )

    def close(self) -> None:
        """Keep no connection."""

    def check(self) -> None:
        """Be there."""


Fate = tuple[Outcome | None, str]


class StateMachine(RuleBasedStateMachine):
    """Acts on one instance; what must hold is asked after each of them."""

    START: datetime

    def __init__(self, url: str, give_back: Callable[[], None]) -> None:
        super().__init__()
        self.clock = ManualClock(self.START)
        self.place = TemporaryDirectory(prefix="machine-")
        settings = config.load_settings(settings_of(url, Path(self.place.name)))
        self.app = App.open(settings, self.clock, connect)
        self.give_back = give_back
        self.server = MailServer(self.clock, self._listen)
        self.app.channel = self.server
        self.untrue: list[str] = []  # what letters have said
        self.fates: dict[tuple[int, str], Fate] = {}
        with self.app.db.write("officer") as session:
            self.set_up(session)
        self.lines = self._read_lines()
        self.before = self.read_rows()

    # To be said by each machine

    def set_up(self, session: Session) -> None:
        """Make what there is in the beginning."""

    def read_rows(self) -> dict[Any, Any]:
        """Return the rows that acts change, by noun and id: an act that is refused changes none of them."""
        raise NotImplementedError

    def hear(self, session: Session, sent: Sent, letter: Letter) -> Iterator[str]:
        """Note what a letter says; yield what is not true of it at this moment."""
        raise NotImplementedError

    def find_problems(self, session: Session) -> Iterator[str]:
        """Yield what must not be, whatever has happened."""
        raise NotImplementedError

    def find_unsaid(self, session: Session) -> Iterator[str]:
        """Yield what somebody has not been told, once every letter has left."""
        raise NotImplementedError

    def run_jobs(self) -> None:
        """Run the jobs of the worker beside delivery."""

    # Acts

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def act(self, work: Callable[[Session], Any], actor: str = "officer") -> Any:
        """Do it, one second after the act before. What is refused changes nothing."""
        self.clock.advance(SECOND)
        try:
            with self.app.db.write(actor) as session:
                return work(session)
        except SchedulerError as refusal:
            refuse([] if self.before == self.read_rows() else [f"refused ({refusal}), and yet something was changed"])
            return None

    @rule(by=st.sampled_from([SECOND, MINUTE, 5 * MINUTE, 16 * MINUTE, HOUR, HOUR, 7 * HOUR, 7 * HOUR, DAY, 3 * DAY]))
    def let_time_pass(self, by):
        self.clock.advance(by)

    @rule(moods=st.lists(st.sampled_from(MailServer.MOODS), max_size=4))
    def deliver(self, moods):
        self.server.moods = list(moods)
        with suppress(Killed):
            delivery.deliver(self.app)
        self.server.moods = []

    @rule()
    def work(self):
        self.run_jobs()

    @rule()
    def settle(self):
        """Work until no letter is due; then everybody knows how they stand."""
        for _ in range(MOST_ROUNDS):
            self.run_jobs()
            delivery.deliver(self.app)
            due = self._next_due()
            if due is None:
                break
            self.clock.set(max(self.now, due) + SECOND)
        else:
            raise AssertionError("there is no end of letters")
        refuse(self.untrue)
        with self.app.db.read() as session:
            refuse([*self.find_unsaid(session), *self._find_unwell(session)])

    def _next_due(self) -> datetime | None:
        from_then = sa.func.coalesce(Letter.claimed_until, Letter.due_at)
        waiting = sa.select(Letter.due_at, Letter.claimed_until).where(
            Letter.outcome.is_(None), sa.or_(Letter.due_at <= self.now + SOON, from_then <= self.now + SOON)
        )
        with self.app.db.read() as session:
            times = [max(filter(None, row)) for row in session.execute(waiting)]
        return min(times, default=None)

    # What must hold

    @invariant()
    def nothing_is_wrong(self):
        with self.app.db.read() as session:
            problems = [*self.untrue, *self._find_changed_fates(session), *self.find_problems(session)]
        after = self.read_rows()
        lines = self._read_lines()
        problems += self._find_unaudited(after, lines[len(self.lines) :])
        self.before, self.lines = after, lines
        refuse(problems)

    def _listen(self, sent: Sent) -> None:
        """Ask of a letter that is just leaving whether it is true."""
        with self.app.db.read() as session:
            letter = session.get_one(Letter, sent.letter)
            self.untrue += [f"{letter.kind}: {said}" for said in self.hear(session, sent, letter)]
        repeated = len(self.server.taken) - len({one.message.message_id for one in self.server.taken})
        if repeated > self.server.deaths:
            self.untrue.append(f"{letter.kind}: has left twice without a death")

    def _find_changed_fates(self, session: Session) -> Iterator[str]:
        """Yield letters whose outcome was changed, or who had several."""
        fates: dict[tuple[int, str], Fate] = {}
        for letter in session.execute(sa.select(Letter.id, Letter.key, Letter.outcome, Letter.reason)):
            was, _ = self.fates.get((letter.id, letter.key), (None, ""))
            fates[letter.id, letter.key] = (letter.outcome, letter.reason)
            if was and was is not letter.outcome:
                yield f"letter {letter.key} was {was}, and is {letter.outcome}"
        taken = {sent.letter: sent for sent in self.server.taken}
        for (number, key), (outcome, reason) in fates.items():
            known = taken.get(number)
            if outcome is Outcome.SENT and known is None:
                yield f"letter {key} is said to be sent, and was not"
            if outcome in (Outcome.SKIPPED, Outcome.FAILED) and number in taken and not self.server.deaths:
                yield f"letter {key} was sent, and is said to be {outcome}: {reason}"
        self.fates = fates

    def _find_unwell(self, session: Session) -> Iterator[str]:
        for finding in health.check_database(session, read_clock=self.clock.now, gettext=str):
            if finding.state is health.CheckResult.FAILURE and finding.what != "clock":  # ours is not the machine's
                yield f"{finding.what}: {finding.found}"

    def _read_lines(self) -> list[tuple[str, str]]:
        with self.app.db.read() as session:
            query = sa.select(Audit.noun, Audit.row).order_by(Audit.id)
            return [(noun, row) for noun, row in session.execute(query)]

    def _find_unaudited(self, after: dict[Any, Any], lines: Sequence[tuple[str, str]]) -> list[str]:
        written = set(lines)
        changed = [one for one in {*self.before, *after} if self.before.get(one) != after.get(one)]
        return [
            f"{one}: the audit says nothing of {self._compare(self.before.get(one), after.get(one))}"
            for one in changed
            if not written.intersection(self.lines_about(one))
        ]

    @staticmethod
    def _compare(was: Any, now: Any) -> str:
        """Return what differs between two rows."""
        return ", ".join(
            f"{one} > {two}" for one, two in zip(was or [None] * 99, now or [None] * 99, strict=False) if one != two
        )

    def lines_about(self, one: Any) -> list[tuple[str, str]]:
        """Return what the audit may say of a row that was changed."""
        noun, row = one
        return [(noun, str(row))]

    def teardown(self):
        try:
            self.settle()
            self.nothing_is_wrong()
        finally:
            self.app.close()
            self.give_back()
            self.place.cleanup()

"""What waits at the same moment is done at once: in order, each told what is theirs, nobody harmed by another."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from scheduler.storage.group_commit import GroupCommit
from scheduler.storage.patience import limit_patience
from scheduler.storage.refusals import Busy
from tests.support.machine import HANG, interrupt_main_thread, until


class Desk:
    """Does nothing until it opens; then remembers what it was given at once."""

    def __init__(self, **given) -> None:
        self.opened, self.begun = threading.Event(), threading.Event()
        self.given: list[list[object]] = []
        self.together = GroupCommit(self._work, **given)
        self.hands = ThreadPoolExecutor(20)

    def _work(self, items):
        self.begun.set()
        assert self.opened.wait(HANG)
        self.given.append(list(items))
        for item in items:
            if isinstance(item, Exception):
                raise item
        return [ValueError(item) if item == "wrong" else f"done {item}" for item in items]

    def come(self, *items) -> list[Future[str]]:
        """One after the other, behind who is being served."""
        told = []
        for item in items:
            told.append(self.hands.submit(self.together, item))
            until(lambda: len(self.together._lines[None]) == len(told))
        return told


@pytest.fixture
def desk():
    made = Desk()
    yield made
    made.opened.set()
    made.hands.shutdown()


def first(desk):
    """Who is being served while the others come."""
    told = desk.hands.submit(desk.together, "first")
    assert desk.begun.wait(HANG)
    return told


def answers(told):
    return [one.exception(HANG) or one.result(HANG) for one in told]


def test_what_comes_while_one_is_served_is_done_at_once_in_the_order_in_which_it_came(desk):
    first(desk)
    told = desk.come(*range(12))

    desk.opened.set()

    assert [f"done {number}" for number in range(12)] == answers(told)
    assert [["first"], list(range(12))] == desk.given


def test_no_more_are_done_at_once_than_agreed():
    desk = Desk(most=5)
    first(desk)
    told = desk.come(*range(12))

    desk.opened.set()

    assert 12 == len(answers(told))
    assert [1, 5, 5, 2] == [len(batch) for batch in desk.given]
    desk.hands.shutdown()


def test_each_is_told_their_own_error(desk):
    first(desk)
    told = desk.come("a", "wrong", "b")

    desk.opened.set()

    assert ["done a", "wrong", "done b"] == [str(answer) for answer in answers(told)]
    assert isinstance(told[1].exception(), ValueError)


def test_what_is_wrong_with_one_harms_nobody_else(desk):
    first(desk)
    poison = ZeroDivisionError()
    told = desk.come("a", poison, "b")

    desk.opened.set()

    assert ["done a", poison, "done b"] == answers(told)
    assert [["a", poison, "b"], ["a"], [poison], ["b"]] == desk.given[1:]
    assert "done later" == desk.together("later")


@pytest.mark.parametrize("locked", [OperationalError("COMMIT", {}, Exception("database is locked")), Busy()])
def test_what_the_database_suffers_from_is_told_to_all_and_not_waited_for_again(desk, locked):
    first(desk)
    told = desk.come("a", locked, "b")

    desk.opened.set()

    assert [locked] * 3 == answers(told)
    assert 2 == len(desk.given)


def test_lines_do_not_wait_for_one_another():
    opened, begun = threading.Event(), threading.Event()

    def work(items):
        if "slow" in items:
            begun.set()
            assert opened.wait(HANG)
        return items

    together = GroupCommit(work)
    with ThreadPoolExecutor(2) as hands:
        slow = hands.submit(together, "slow", 1)
        assert begun.wait(HANG)

        assert "quick" == together("quick", 2)

        assert not slow.done()
        opened.set()


def test_a_line_that_is_empty_is_forgotten(desk):
    desk.opened.set()

    for line in range(3):
        desk.together("one", line)

    assert {} == desk.together._lines


class Interrupted(BaseException):
    pass


def test_whoever_gives_up_waiting_keeps_nobody_from_being_served(desk):
    def raise_it(*_):
        raise Interrupted

    first(desk)
    before = signal.signal(signal.SIGALRM, raise_it)
    interrupt_main_thread(when=lambda: desk.together._lines[None])
    try:
        with pytest.raises(Interrupted):
            desk.together("impatient")
    finally:
        signal.signal(signal.SIGALRM, before)
    told = desk.come("patient")

    desk.opened.set()

    assert ["done patient"] == answers(told)
    assert ["patient"] == desk.given[-1]


def test_nobody_waits_for_ever_behind_a_leader_that_was_interrupted(desk):
    def work(items):
        assert desk.opened.wait(HANG)
        if len(items) > 1:
            raise Interrupted
        return items

    desk.together._work = work
    leading = desk.hands.submit(desk.together, "first")
    until(lambda: None in desk.together._lines and not desk.together._lines[None])
    told = desk.come("a", "b")

    desk.opened.set()

    assert [Interrupted, RuntimeError] == [type(one.exception(HANG)) for one in told]
    assert "first" == leading.result(HANG)
    assert "later" == desk.together("later")


# Patience


def test_whoever_loses_patience_leaves_the_line_and_the_others_are_served(desk):
    first(desk)
    told = desk.come("a")

    with pytest.raises(Busy), limit_patience(timedelta()):
        desk.together("impatient")
    told += [desk.hands.submit(desk.together, "b")]
    until(lambda: len(desk.together._lines[None]) == 2)
    desk.opened.set()

    assert ["done a", "done b"] == answers(told)
    assert [["first"], ["a", "b"]] == desk.given


def test_whoever_is_being_served_is_told_however_little_patience_is_left(desk):
    def come() -> str:
        with limit_patience(timedelta()):
            return desk.together("impatient")

    told = desk.hands.submit(come)
    assert desk.begun.wait(HANG)
    desk.opened.set()

    assert "done impatient" == told.result(HANG)

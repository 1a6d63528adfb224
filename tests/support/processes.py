"""Real processes, a few or hundreds, that do something at one moment.

The server they are forked from has imported everything, so that a hundred cost what ten would.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from sqlalchemy.orm import configure_mappers

from tests.support.instance import close_engines
from tests.support.machine import HANG, until

configure_mappers()
PROCESSES = multiprocessing.get_context("forkserver")
READY = ("psycopg", "email_validator", "tests.support.consulate", "tests.support.guest_list")
LAST = "tests.support.shared_memory"
PAGES = "tests.support.warm_start"  # takes seconds: crowds show no pages
_start: Any = None  # in a contender: where all of them wait for the last


def make_ready(modules: Iterable[str]) -> None:
    """Have these modules imported in the process that all others are forked from, which has not started yet."""
    PROCESSES.set_forkserver_preload([*READY, *sorted(modules), LAST])


def at_once(
    work: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], *, timeout: float = 2 * HANG
) -> list[Any]:
    """What ``work`` returns for each of the arguments, each in a process of its own, all let go at one moment."""
    count, start = len(arguments), PROCESSES.Barrier(len(arguments))
    with ProcessPoolExecutor(count, PROCESSES, initializer=_prepare, initargs=(start,)) as pool:
        return list(pool.map(_contend, [work] * count, arguments, timeout=timeout))


class Undone(Exception):
    """Done only to have done it: nothing of it stays."""


def _prepare(start: Any) -> None:
    global _start
    _start = start


def _contend(work: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    _start.wait(HANG)
    return work(*arguments)


def killed(work: Callable[..., None], *arguments: Any) -> None:
    """Let ``work(*arguments, here)`` run in a process of its own until it says ``here()``, and kill it there."""
    hears, says = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=_run_until, args=(work, arguments, says))
    process.start()
    try:
        assert hears.poll(HANG), "it never came to the place where it was to be killed"
    finally:
        process.kill()
        process.join()
        hears.close()
        says.close()


def kill(work: Callable[..., None], *arguments: Any, when: Callable[[], object]) -> None:
    """Let ``work(*arguments)`` run in a process of its own, and kill it as soon as ``when`` is true."""
    process = PROCESSES.Process(target=work, args=arguments)
    process.start()
    try:
        until(when)
    finally:
        process.kill()
        process.join()
        process.close()


def _run_until(work: Callable[..., None], arguments: tuple[Any, ...], says: Any) -> None:
    def here() -> None:
        says.send(True)
        time.sleep(2 * HANG)  # until it is killed

    work(*arguments, here)


# Hundreds: forked from one process that has everything ready, which costs 2 ms each.

MOST = 4000  # bytes of an answer: a pipe takes so many at once, whoever else writes (PIPE_BUF)


def crowd(
    work: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], *, connected: int, warm: Callable[[], Any]
) -> list[Any]:
    """What ``work`` returns for each of the arguments, all let go at one moment; an exception comes back as its text.

    ``warm`` runs once before, in the process that they are forked from: what a server has
    read, and compiled, when it is up.
    No more than ``connected`` work at a time: as behind a pool, because a server takes so many connections.
    """
    hears, says = PROCESSES.Pipe(duplex=False)
    parent = PROCESSES.Process(target=_fork, args=(work, arguments, connected, warm, says))
    parent.start()
    try:
        assert hears.poll(2 * HANG), "the crowd did not come back"
        answers: list[Any] = hears.recv()
        return answers
    finally:
        parent.join(HANG)
        if parent.is_alive():
            parent.kill()
        hears.close()
        says.close()


def _fork(
    work: Callable[..., Any],
    arguments: Sequence[tuple[Any, ...]],
    connected: int,
    warm: Callable[[], Any],
    says: Any,
) -> None:
    warm()
    close_engines()
    gc.collect()
    gc.freeze()  # what all share stays shared
    (gun, fire), (answers, answer), (places, leave) = os.pipe(), os.pipe(), os.pipe()
    os.write(leave, b"." * connected)
    children = []
    for number, given in enumerate(arguments):
        pid = os.fork()
        if pid == 0:
            os.close(fire)
            os.read(gun, 1)  # returns when the last who could write has closed it
            _work(work, given, number, answer, places, leave)
        children.append(pid)
    os.close(fire)
    os.close(answer)
    told = _collect(answers)
    for pid in children:
        os.waitpid(pid, 0)
    says.send([told.get(number, "never answered") for number in range(len(arguments))])


def _work(
    work: Callable[..., Any], given: tuple[Any, ...], number: int, answer: int, places: int, leave: int
) -> None:
    place = os.read(places, 1)
    try:
        told = work(*given)
    except BaseException as error:  # noqa: BLE001
        told = f"{type(error).__name__}: {error}"
    close_engines()
    os.write(leave, place)
    data = pickle.dumps((number, told))[:MOST]
    os.write(answer, len(data).to_bytes(4, "big") + data)
    os._exit(0)


def _collect(answers: int) -> dict[int, Any]:
    told = {}
    with os.fdopen(answers, "rb") as stream:
        while head := stream.read(4):
            number, answer = pickle.loads(stream.read(int.from_bytes(head, "big")))  # noqa: S301
            told[number] = answer
    return told

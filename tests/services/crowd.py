"""Hundreds of real processes at one moment: forked from one that has imported everything, which costs 2 ms each."""

from __future__ import annotations

import gc
import os
import pickle
from collections.abc import Callable, Sequence
from typing import Any

from tests import statements  # noqa: F401 - what `warm` has compiled, all have
from tests.services.builders import PROCESSES

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
        assert hears.poll(240), "the crowd did not come back"
        answers: list[Any] = hears.recv()
        return answers
    finally:
        parent.join(10)
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

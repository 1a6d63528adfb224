"""The waiting room: 10,000 contenders for 200 times, and what it costs to tell one of them to wait.

They come within ten seconds, each with an address and a cookie of their own, over connections that are kept as those
of a proxy are. Whoever is let in sends a form for a time that nobody is known to have, and others if it is taken.
They ask again when they are told to, as a browser does: the first time for the page, then by its script.

The servers, the database and the crowd share the cores.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from urllib.parse import urlencode

import sqlalchemy as sa

from benchmarks import common
from benchmarks.crowds import count_booked, planned_season
from benchmarks.servers import HOST, Load, Request, Server, cpu_seconds, load, serving
from scheduler.app import App
from scheduler.model.operations import WaitingPlace
from scheduler.web.application import create_app
from tests.support.route_requests import RouteRequest, Season

PROCESSES, CONNECTIONS = 2, 128
CONTENDERS, TIMES, INSIDE = 10_000, 200, 100
COME_WITHIN, WATCHED_FOR = 10.0, 60.0  # seconds
FILL_IN = (1.0, 3.0)  # seconds, as nobody does
FORMS = 3 * TIMES
SETTINGS = {"SCHEDULER_WAITING_ROOM": "always", "SCHEDULER_WAITING_ROOM_INSIDE": str(INSIDE)}
HEADINGS = ("", "answers", "p50 ms", "p99 ms", "longest ms")


def main() -> None:
    given = common.arguments(__doc__, rounds=3)
    for engine in given.engines:
        with common.databases(engine) as fresh, planned_season(fresh, counters=1) as (app, season):
            _show_rush(engine, app, season, int(CONTENDERS * given.scale))
        with common.databases(engine) as fresh, planned_season(fresh, counters=1) as (app, season):
            _show_cost(engine, app, given.rounds)


# The rush


@dataclass
class Rush:
    """A rush as its contenders see it: what they were told, how soon, who was let in, and which times are left."""

    site_address: str
    form_address: str
    forms: list[dict[str, str]]
    times: list[str]
    seconds: dict[str, list[float]] = field(default_factory=dict)
    let_in: list[float] = field(default_factory=list)  # when each came who was let in, in that order
    served: int = 0
    over: bool = False
    other: Counter[str] = field(default_factory=Counter)


def _show_rush(engine: str, app: App, season: Season, contenders: int) -> None:
    site, book = create_app(app), {"key": "phuket", "name": "passport"}
    times = [f"{at:%Y-%m-%dT%H:%M}" for at in season.left[40 : 40 + TIMES]]
    rush = Rush(
        RouteRequest(book).address(site, "visiting.party"),
        RouteRequest(book, {"people": "1"}).address(site, "visiting.ask"),
        [season.visitor(number) for number in range(FORMS)],
        times,
    )
    before = count_booked(app)
    with serving(app.settings.database_url, workers=PROCESSES, pinned=False, more=SETTINGS) as server:
        cpu = cpu_seconds(server)
        asyncio.run(_run(rush, server, contenders))
        cpu = cpu_seconds(server) - cpu
        with app.db.read() as session:
            waiting = session.scalar(sa.select(sa.func.count()).where(WaitingPlace.called_at.is_(None))) or 0
    answers = sum(map(len, rush.seconds.values()))
    every = [one for some in rush.seconds.values() for one in some]
    rows = [_row(name, took) for name, took in sorted(rush.seconds.items())]
    common.show(
        f"{engine}: {contenders:,} contenders for {TIMES} times, {INSIDE} inside at a time, {PROCESSES} processes",
        HEADINGS,
        [*rows, _row("all", every)],
    )
    booked = count_booked(app) - before
    print(f"served: {rush.served}, booked: {booked}, let in: {len(rush.let_in)}, waiting at the end: {waiting}")
    print(f"let in before somebody who came earlier, by at most: {_unfair_seconds(rush.let_in):.2f} s")
    print(f"CPU of the server: {cpu:.1f} s, {cpu / answers * 1000:.2f} ms an answer; other answers: {rush.other}")
    assert booked == rush.served == TIMES, "every time was given once"


def _row(name: str, took: Sequence[float]) -> tuple[object, ...]:
    cut = quantiles(took, n=100) if len(took) > 1 else [took[0]] * 99
    return (name, len(took), median(took) * 1000, cut[98] * 1000, max(took) * 1000)


def _unfair_seconds(let_in: Sequence[float]) -> float:
    """Return by how many seconds at most somebody came later who was inside earlier."""
    latest, unfair = 0.0, 0.0
    for came in let_in:
        unfair = max(unfair, latest - came)
        latest = max(latest, came)
    return unfair


async def _run(rush: Rush, server: Server, contenders: int) -> None:
    proxy = Proxy(server)
    dice = random.Random(5)
    all_of_them = [
        asyncio.create_task(_contend(rush, proxy, number, dice.uniform(0, COME_WITHIN), random.Random(number)))
        for number in range(contenders)
    ]
    await asyncio.sleep(COME_WITHIN + WATCHED_FOR)
    rush.over = True
    for one in all_of_them:
        one.cancel()
    for result in await asyncio.gather(*all_of_them, return_exceptions=True):
        if isinstance(result, Exception):
            rush.other[repr(result)] += 1


async def _contend(rush: Rush, proxy: Proxy, number: int, comes_after: float, dice: random.Random) -> None:
    await asyncio.sleep(comes_after)
    came = time.monotonic()
    me = Contender(rush, proxy, number)
    answer = await me.ask("waiting page", "GET", rush.site_address)
    while answer.status != 200:
        await asyncio.sleep(answer.retry_after)
        told = await me.ask("waiting, by script", "GET", rush.site_address, json=True)
        if json.loads(told.body).get("turn"):
            answer = await me.ask("page inside", "GET", rush.site_address)
        else:
            answer.retry_after = json.loads(told.body)["seconds"]
    rush.let_in.append(came)
    while rush.times and rush.forms:
        await asyncio.sleep(dice.uniform(*FILL_IN))
        if await _book(rush, me, dice):
            return


async def _book(rush: Rush, me: Contender, dice: random.Random) -> bool:
    if not rush.times or not rush.forms:
        return False
    wanted, form = dice.choice(rush.times), rush.forms.pop()
    answer = await me.ask("form", "POST", rush.form_address, form={**form, "at": wanted})
    if answer.status in (303, 409) and wanted in rush.times:
        rush.times.remove(wanted)
    rush.served += answer.status == 303
    if answer.status not in (303, 409):
        rush.other[f"form {answer.status}"] += 1
        rush.forms.append(form)
        await asyncio.sleep(answer.retry_after)
    return answer.status == 303


@dataclass
class Contender:
    """Somebody with an address and a cookie of their own."""

    rush: Rush
    proxy: Proxy
    number: int
    cookie: str = ""

    async def ask(
        self, kind: str, method: str, path: str, *, form: Mapping[str, str] | None = None, json: bool = False
    ) -> Answer:
        body = urlencode(form).encode() if form else b""
        head = [f"{method} {path} HTTP/1.1", f"Host: {HOST}:{self.proxy.server.port}"]
        head += [f"X-Forwarded-For: 10.{self.number // 62500}.{self.number // 250 % 250}.{self.number % 250}"]
        head += [f"Cookie: {self.cookie}"] if self.cookie else []
        head += ["Accept: application/json"] if json else ["Accept: text/html"]
        if form:
            head += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
        begun = time.monotonic()
        answer = await self.proxy.send("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        self.rush.seconds.setdefault(kind, []).append(time.monotonic() - begun)
        self.cookie = answer.cookie or self.cookie
        return answer


@dataclass
class Answer:
    status: int
    body: bytes
    cookie: str
    retry_after: float


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    """Connections that are kept and shared, as a proxy in front of the server does."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._free: asyncio.LifoQueue[Connection | None] = asyncio.LifoQueue()
        for _ in range(CONNECTIONS):
            self._free.put_nowait(None)

    async def send(self, octets: bytes) -> Answer:
        connection = await self._free.get()
        try:
            answer = await self._exchange(connection, octets) if connection else None
            if answer is None:
                connection = await asyncio.open_connection(HOST, self.server.port)
                answer = await self._exchange(connection, octets)
            assert answer, "a new connection was closed without an answer"
        except BaseException:
            connection = None  # half an answer may be left in it
            raise
        finally:
            self._free.put_nowait(connection)
        return answer

    async def _exchange(self, connection: Connection, octets: bytes) -> Answer | None:
        """Send a request; return its answer, or None if the server had closed the idle connection."""
        reader, writer = connection
        try:
            writer.write(octets)
            return await _read_answer(reader)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            return None


async def _read_answer(reader: asyncio.StreamReader) -> Answer:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    cookie = headers.get("set-cookie", "").partition(";")[0]
    return Answer(int(first.split()[1]), body, cookie, float(headers.get("retry-after", "5")))


# What it costs to tell somebody to wait


def _show_cost(engine: str, app: App, rounds: int) -> None:
    site, book = create_app(app), {"key": "phuket", "name": "passport"}
    party = RouteRequest(book).address(site, "visiting.party")
    times = RouteRequest(book, {"people": "1"}).address(site, "visiting.times")
    rows = []
    with serving(app.settings.database_url, more={**SETTINGS, "SCHEDULER_WAITING_ROOM_INSIDE": "1"}) as server:
        Request(server, party, 200).answer()  # somebody is inside
        by_script = {"Accept": "application/json"}
        waits = Request(server, party, 200, by_script).answer().headers["set-cookie"].partition(";")[0]
        for name, request in (
            ("told to wait, by script", Request(server, party, 200, {**by_script, "Cookie": waits})),
            ("free times, from memory", Request(server, times, 200)),
        ):
            loads = [load(request, 3.0) for _ in range(rounds)]
            rows.append((name, *(median(values) for values in zip(*map(_figures, loads), strict=True))))
    common.show(f"{engine}: one process on one core", ("", "per second", "p50 ms", "p99 ms", "CPU µs each"), rows)


def _figures(seen: Load) -> tuple[float, float, float, float]:
    return (seen.rate, seen.p50, seen.p99, seen.cpu * 1e6)


if __name__ == "__main__":
    main()

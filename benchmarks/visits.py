"""Visits over HTTP: a week of free times as a page, and bookings that are confirmed, by 1, 2 and 4 processes.

The post is open for 60 days of 8 hours at 5 counters, in cells of 15 minutes. For the page half of all cells are
taken, and 50 visits a second are booked meanwhile. For confirmations each citizen holds a time and now presses the
button behind the link in the letter: over HTTP, and from fifty threads of one process, against the bare write of the
same rows, one visit in a transaction. In a rush 10,000 want 200 times, fifty at a time.

Needs wrk (Debian). The servers, wrk and the database share the cores of the machine.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from itertools import count

import sqlalchemy as sa
from sqlalchemy.orm import Session

from benchmarks import common, contending
from benchmarks.contending import CONTENDERS, contend
from benchmarks.servers import HOST, SECRET, Request, load, post_each, serving
from scheduler.base.clock import wall
from scheduler.base.errors import SchedulerError
from scheduler.base.text import Text
from scheduler.model.places import City
from scheduler.model.posts import Counter, Post
from scheduler.model.visits import Appointment, SlotClaim, VisitStatus
from scheduler.services.common.drafts import check
from scheduler.services.common.lookup import Lookup
from scheduler.services.consulate.posts import post_mapping, posts, public_posts
from scheduler.services.consulate.posts.free_times import Party, find_free_times
from scheduler.services.consulate.posts.post_drafts import PostDraft
from scheduler.services.consulate.visits import booking
from scheduler.services.consulate.visits import links as visit_links
from scheduler.services.consulate.visits.batches import bookings
from scheduler.services.consulate.visits.batches.bookings import VisitRequest
from scheduler.services.consulate.visits.batches.confirmations import confirm_each
from scheduler.services.consulate.visits.booking import SlotTaken
from scheduler.services.consulate.visits.links import PATHS, VisitPurpose
from scheduler.services.consulate.visits.public_requests import SentRequest, request_each
from scheduler.services.consulate.visits.visit_drafts import VisitDraft
from scheduler.storage.database import Database
from scheduler.storage.group_commit import GroupCommit
from scheduler.storage.patience import FairSemaphore
from scheduler.web.entrance.load_limit import AT_ONCE

PROCESSES = (1, 2, 4)
CONNECTIONS = 50
LOADED = 4  # seconds
WARMING = 40  # visits that are confirmed before, for each process
DAYS, COUNTERS, CELL = 60, 5, 15
TZID = "Asia/Bangkok"
PAGE = "/en/posts/phuket/book/passport/time"
BOOKED_A_SECOND = 50  # while others look at the times
TIMES = 40  # that a rush wants, at five counters: 200 visits


def main() -> None:
    given = common.arguments(__doc__, rounds=1)
    size = int(4_000 * given.scale)
    for engine in given.engines:
        with common.databases(engine) as fresh:
            rows = [_page(fresh(), processes) for processes in PROCESSES]
            title = f"{engine}: a week of free times, half of {DAYS} days taken, {BOOKED_A_SECOND} booked a second"
            common.show(title, PAGES, rows)
            rows = [_bookings(fresh(), size, processes) for processes in PROCESSES]
            common.show(f"{engine}: {size:,} confirm a visit, {CONNECTIONS} at a time", BOOKINGS, rows)
            rows = [_confirmations(fresh(), size), _bare(fresh(), size), _rush(fresh(), int(10_000 * given.scale))]
            common.show(f"{engine}: {CONTENDERS} contenders in one process", contending.HEADINGS, rows)


PAGES = ("processes", "per second", "p50 ms", "p99 ms", "CPU ms each")
BOOKINGS = PAGES


def _page(db: Database, processes: int) -> Sequence[object]:
    plan_post(db)
    _take_half(db)
    with serving(common.url_of(db), workers=processes, pinned=False) as server, _booking(db):
        seen = load(Request(server, PAGE, headers={"X-Forwarded-For": HOST}), LOADED)
    return (str(processes), seen.rate, seen.p50, seen.p99, seen.cpu * 1000)


@contextmanager
def _booking(db: Database) -> Iterator[None]:
    """Book so many visits a second inside the block."""
    with db.read() as session:
        service = posts.get_service(_post(session), "passport")
        times = iter(find_free_times(session, service, Party(), now=datetime.now(UTC)))
    ended = threading.Event()

    def book() -> None:
        for number in count():
            if ended.wait(1 / BOOKED_A_SECOND):
                return
            with db.write("page") as session:
                service = posts.get_service(_post(session), "passport")
                draft, now = _draft(number), datetime.now(UTC)
                bookings.book(session, service, next(times).dtstart, draft, secret=SECRET, now=now)

    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(book)
        try:
            yield
        finally:
            ended.set()
            done.result()


def _bookings(db: Database, size: int, processes: int) -> Sequence[object]:
    plan_post(db, counters=40)
    paths = hold_times(db, size)
    first, rest = paths[: WARMING * processes], paths[WARMING * processes :]
    with serving(common.url_of(db), workers=processes, pinned=False) as server:
        with ThreadPoolExecutor(CONNECTIONS) as threads:  # each process has yet to compile its statements
            list(threads.map(lambda path: Request(server, path, 303, method="POST").answer(), first))
        seen = post_each(server, rest, seconds=LOADED, connections=CONNECTIONS)
    with db.read() as session:
        mine = sa.select(sa.func.count(Appointment.id)).where(Appointment.status == VisitStatus.CONFIRMED)
        done = session.scalar(mine) or 0
    # Whose answer was on its way when it ended may be confirmed.
    assert 0 <= done - len(first) - round(seen.rate * LOADED) <= 2 * CONNECTIONS, (done, seen)
    return (str(processes), seen.rate, seen.p50, seen.p99, seen.cpu * 1000)


# In one process


def _confirmations(db: Database, size: int) -> Sequence[object]:
    """Confirm visits by their links, as the page does, without HTTP."""
    plan_post(db, counters=40)
    first, *tokens = [path.rpartition("/")[2] for path in hold_times(db, size + 1)]

    def work(given: Sequence[str]) -> Sequence[tuple[Appointment, bool] | SchedulerError]:
        with db.write("page") as session:
            return confirm_each(session, given, secret=SECRET, now=datetime.now(UTC), waits=False)

    confirmed = GroupCommit(work)
    confirmed(first)  # a process that has just begun has yet to compile its statements
    return contend(tokens, confirmed).row("confirm")


def _bare(db: Database, size: int) -> Sequence[object]:
    """Write the same for each visit in a transaction of its own, by bare statements, from one thread."""
    plan_post(db, counters=40)
    paths = hold_times(db, size)
    with common.transaction(db) as connection:
        numbers = connection.scalars(sa.select(Appointment.id).order_by(Appointment.id)).all()

    def confirm(number: int) -> None:
        confirmed = {"status": VisitStatus.CONFIRMED, "expires_at": None}
        with common.transaction(db) as connection:
            connection.execute(sa.update(Appointment).where(Appointment.id == number).values(**confirmed))
            mine = SlotClaim.appointment_id == number
            connection.execute(sa.update(SlotClaim).where(mine).values(until=None))

    confirm(numbers[0])
    return contend(numbers[: len(paths)], confirm, contenders=1).row("bare, one by one")


def _rush(db: Database, size: int) -> Sequence[object]:
    """Ask for a few times, as the page does: look, then ask with all others of the moment. Who is late is told."""
    plan_post(db)
    with db.read() as session:
        service = posts.get_service(_post(session), "passport")
        times = [slot.dtstart for slot in find_free_times(session, service, Party(), now=datetime.now(UTC))][:TIMES]
    sent = [
        SentRequest(service="passport", at=times[number % TIMES], draft=_draft(number), form=f"form {number}")
        for number in range(size)
    ]

    def work(given: Sequence[SentRequest]) -> Sequence[SchedulerError | None]:
        with db.write("page") as session:
            return request_each(session, _post(session), given, secret=SECRET, now=datetime.now(UTC))

    together: GroupCommit[SentRequest, SchedulerError | None] = GroupCommit(work)
    told, at_work = list[int](), FairSemaphore(AT_ONCE)  # as many as read at a time in a process that serves

    def ask(one: SentRequest) -> None:
        try:
            with at_work, db.read() as session:
                service = public_posts.get_bookable_service(session, "phuket", one.service)
                booking.require_free(session, service, one.draft.party, one.at, now=datetime.now(UTC))
            together(one)
        except SlotTaken as refusal:
            told.append(len(refusal.nearest))

    contest = contend(sent, ask)
    assert size - TIMES * COUNTERS == len(told), "every time had one visit, and no time two"
    assert all(told), "everybody else is told what is free"
    return contest.row(f"{size:,} want {TIMES * COUNTERS} times")


# The post


def plan_post(db: Database, *, counters: int = COUNTERS) -> None:
    """Open every day, whatever the holidays, and booked until the last minute."""
    with db.write() as session:
        session.add(City(key="phuket", name=Text({"en": "Phuket"}), country="TH", tzid=TZID))
        session.flush()
        said = {
            "name": "Consulate in Phuket",
            "city": "phuket",
            "sending_state": "KZ",
            "receiving_state": "TH",
            "hours": {"mon-sun": "09:00-17:00"},
            "special": [{"first_day": _first(), "last_day": _first() + timedelta(days=DAYS), "open": True}],
            "cell": CELL,
            "horizon": f"{DAYS} days",
            "notice": "1 day",
            "hold": "1 day",
            "counter": {f"{n:02}": {"name": f"Counter {n}"} for n in range(1, counters + 1)},
            "service": {"passport": {"name": "Passport", "minutes": CELL}},
        }
        post_mapping.put(session, "phuket", check(PostDraft, said), now=datetime.now(UTC), lookup=Lookup(session))


def _first() -> date:
    return wall(datetime.now(UTC), TZID).date()


def _take_half(db: Database) -> None:
    dice, cells = random.Random(5), range(9 * 60 // CELL, 17 * 60 // CELL)
    with common.transaction(db) as connection:
        known = connection.scalars(sa.select(Counter.id)).all()
        days = [_first() + timedelta(days=n) for n in range(DAYS)]
        every = [(counter, day, cell) for counter in known for day in days for cell in cells]
        until = datetime.now(UTC) + timedelta(days=DAYS)
        rows = [
            {"counter_id": counter, "day": day, "cell": cell, "appointment_id": None, "until": until}
            for counter, day, cell in dice.sample(every, len(every) // 2)
        ]
        connection.execute(sa.insert(SlotClaim), rows)
    common.analyze(db)


def hold_times(db: Database, size: int) -> list[str]:
    """Return the paths behind the links of so many letters."""
    now = datetime.now(UTC)
    with db.write() as session:
        service = posts.get_service(_post(session), "passport")
        times = [slot.dtstart for slot in find_free_times(session, service, Party(), now=now)]
        midday = [at for at in times if at.time() >= time(9)]
        drafts = [(midday[number % len(midday)], _draft(number)) for number in range(size)]
        wanted = [
            VisitRequest(
                service=service, at=at, draft=draft, fingerprints=booking.make_fingerprints(service, draft, SECRET)
            )
            for at, draft in drafts
        ]
        together = bookings.VisitBookings(session, service.post, wanted, now=now)
        made = [together.book(one) for one in wanted]
        together.write()
        tokens = [visit_links.make_token(one, VisitPurpose.CONFIRM, secret=SECRET) for one in made]
    common.analyze(db)
    return [f"/en/{PATHS[VisitPurpose.CONFIRM]}/{token}" for token in tokens]


def _draft(number: int) -> VisitDraft:
    return check(VisitDraft, {"people": [_person(number)], "email": f"citizen{number}@example.org"})


def _person(number: int) -> dict[str, str]:
    return {"name": f"Citizen {number}", "document": f"N{number:08}"}


def _post(session: Session) -> Post:
    return posts.get(session, "phuket")


if __name__ == "__main__":
    main()

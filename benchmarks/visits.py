"""Visits over HTTP: a week of free times as a page, and bookings that are confirmed, by 1, 2 and 4 processes.

The post is open for 60 days of 8 hours at 5 counters, in cells of 15 minutes. For the page half of all cells are
taken; each answer is found anew, nothing is kept. For bookings each citizen holds a time and now presses the button
behind the link in the letter.

Needs wrk (Debian). The servers, wrk and the database share the cores of the machine.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

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
from scheduler.services.consulate.posts import post_mapping, posts
from scheduler.services.consulate.posts.free_times import Party, find_free_times
from scheduler.services.consulate.posts.post_drafts import PostDraft
from scheduler.services.consulate.visits import links as visit_links
from scheduler.services.consulate.visits.batches import bookings
from scheduler.services.consulate.visits.batches.confirmations import confirm_each
from scheduler.services.consulate.visits.links import PATHS, VisitPurpose
from scheduler.services.consulate.visits.visit_drafts import VisitDraft
from scheduler.storage.database import Database
from scheduler.storage.group_commit import GroupCommit

PROCESSES = (1, 2, 4)
CONNECTIONS = 50
LOADED = 4  # seconds
DAYS, COUNTERS, CELL = 60, 5, 15
TZID = "Asia/Bangkok"
PAGE = "/en/posts/phuket/book/passport/time"


def main() -> None:
    given = common.arguments(__doc__, rounds=1)
    size = int(2_000 * given.scale)
    for engine in given.engines:
        with common.databases(engine) as fresh:
            rows = [_page(fresh(), processes) for processes in PROCESSES]
            common.show(f"{engine}: a week of free times, half of {DAYS} days taken", PAGES, rows)
            rows = [_bookings(fresh(), size, processes) for processes in PROCESSES]
            common.show(f"{engine}: {size:,} confirm a visit, {CONNECTIONS} at a time", BOOKINGS, rows)
            rows = [_confirmations(fresh(), size)]
            common.show(f"{engine}: {CONTENDERS} contenders in one process", contending.HEADINGS, rows)


PAGES = ("processes", "per second", "p50 ms", "p99 ms", "CPU ms each")
BOOKINGS = ("processes", "per second", "p50 ms", "p99 ms")


def _page(db: Database, processes: int) -> Sequence[object]:
    _planned(db)
    _take_half(db)
    with serving(common.url_of(db), workers=processes, pinned=False) as server:
        # From one address more would be told to wait: each is asked for from another.
        seen = load(Request(server, PAGE, headers={"X-Forwarded-For": HOST}), LOADED)
    return (str(processes), seen.rate, seen.p50, seen.p99, seen.cpu * 1000)


def _bookings(db: Database, size: int, processes: int) -> Sequence[object]:
    _planned(db, counters=40)
    paths = list(_held(db, size))
    with serving(common.url_of(db), workers=processes, pinned=False) as server:
        seen = post_each(server, paths, seconds=LOADED, connections=CONNECTIONS)
    with db.read() as session:
        mine = sa.select(sa.func.count(Appointment.id)).where(Appointment.status == VisitStatus.CONFIRMED)
        done = session.scalar(mine) or 0
    # Whose answer was on its way when it ended may be confirmed.
    assert 0 <= done - round(seen.rate * LOADED) <= 2 * CONNECTIONS, (done, seen)
    return (str(processes), seen.rate, seen.p50, seen.p99)


# In one process


def _confirmations(db: Database, size: int) -> Sequence[object]:
    """Confirm visits by their links, as the page does, without HTTP."""
    _planned(db, counters=40)
    first, *tokens = [path.rpartition("/")[2] for path in _held(db, size + 1)]

    def work(given: Sequence[str]) -> Sequence[tuple[Appointment, bool] | SchedulerError]:
        with db.write("page") as session:
            return confirm_each(session, given, secret=SECRET, now=datetime.now(UTC), waits=False)

    confirmed = GroupCommit(work)
    confirmed(first)  # a process that has just begun has yet to compile its statements
    return contend(tokens, confirmed).row("confirm")


# The post


def _planned(db: Database, *, counters: int = COUNTERS) -> None:
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


def _held(db: Database, size: int) -> Iterator[str]:
    """Return the paths behind the links of so many letters."""
    now = datetime.now(UTC)
    with db.write() as session:
        service = posts.get_service(_post(session), "passport")
        times = [slot.dtstart for slot in find_free_times(session, service, Party(), now=now)]
        midday = [at for at in times if at.time() >= time(9)]
        for number in range(size):
            draft = check(VisitDraft, {"people": [_person(number)], "email": f"citizen{number}@example.org"})
            made = bookings.book(session, service, midday[number % len(midday)], draft, secret=SECRET, now=now)
            token = visit_links.make_token(made, VisitPurpose.CONFIRM, secret=SECRET)
            yield f"/en/{PATHS[VisitPurpose.CONFIRM]}/{token}"
    common.analyze(db)


def _person(number: int) -> dict[str, str]:
    return {"name": f"Citizen {number}", "document": f"N{number:08}"}


def _post(session: Session) -> Post:
    return posts.get(session, "phuket")


if __name__ == "__main__":
    main()

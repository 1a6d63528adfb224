"""A post in one line, and visits to it as people make them: each act a transaction of its own.

The post, with its front desk, is in Phuket, open from Monday to Friday, 09:00-12:00 and 13:00-16:00, with two
counters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.app import App
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.posts import Counter, Layout, Post, Service
from scheduler.model.visits import ACTIVE, Appointment, ServiceDay, Side, SlotClaim, VisitStatus
from scheduler.services.accounts import accounts, assigned_posts
from scheduler.services.common.drafts import check
from scheduler.services.common.lookup import Lookup
from scheduler.services.consulate.front_desk import actions as desk_actions
from scheduler.services.consulate.front_desk import board as queue_board
from scheduler.services.consulate.front_desk import statistics as visit_statistics
from scheduler.services.consulate.front_desk import today as desk_today
from scheduler.services.consulate.front_desk import walk_ins
from scheduler.services.consulate.posts import opening_days, post_mapping, posts
from scheduler.services.consulate.posts.free_times import Party, compute_need, find_free_times
from scheduler.services.consulate.posts.post_drafts import PostDraft, SpecialDraft
from scheduler.services.consulate.visits import booking, lifecycle, references
from scheduler.services.consulate.visits.batches import bookings
from scheduler.services.consulate.visits.lifecycle import get_party
from scheduler.services.consulate.visits.visit_drafts import VisitDraft
from scheduler.services.privacy import access_log
from scheduler.storage.database import Database
from tests.support.builders import NOW, SECRET, a_city

# A Tuesday, no holiday of either State.
MORNING = datetime(2027, 1, 12, 9, 0)  # noqa: DTZ001
PASSPORT = {"name": {"en": "Passport", "ru": "Паспорт"}, "minutes": 30, "checklist": "Old passport\nTwo photographs"}


def a_post(session: Session, key: str = "phuket", *, now: datetime = NOW, **given: Any) -> Post:
    """Made, or changed to be as said; ``service`` and ``counter`` are tables by key, as in a file."""
    a_city(session, given.setdefault("city", "phuket"))
    said = {
        "name": {"en": "Consulate in Phuket"},
        "sending_state": "KZ",
        "receiving_state": "TH",
        "hours": {"mon-fri": "09:00-12:00, 13:00-16:00"},
        "counter": {"1": {"name": "Counter 1"}, "2": {"name": "Counter 2"}},
        "service": {"passport": PASSPORT},
        **given,
    }
    post_mapping.put(session, key, check(PostDraft, said), now=now, lookup=Lookup(session))
    session.expire_all()
    return posts.get(session, key)


def a_party(name: str = "Aliya", *documents: str, **given: Any) -> VisitDraft:
    """Somebody with a document, an address and whoever comes along: a_party("Aliya", "N1", "N2")."""
    numbers = documents or (f"N-{name}",)
    people = [{"name": f"{name} {n}" if n else name, "document": f"{number:>5}"} for n, number in enumerate(numbers)]
    return check(VisitDraft, {"people": people, "email": f"{name.lower()}@example.org", **given})


class Consulate:
    """The visits of one post; ``now`` is the hour at which everything happens from here on."""

    def __init__(self, db: Database, post: str = "phuket", *, service: str = "passport", now: datetime = NOW) -> None:
        self.db, self.post, self.service, self.now = db, post, service, now

    def hold(self, name: str, at: datetime = MORNING, *documents: str, desk: bool = False, **given: Any) -> str:
        with self.db.write() as session:
            draft = a_party(name, *documents, **given)
            made = bookings.book(session, self._service(session), at, draft, secret=SECRET, now=self.now, desk=desk)
            return made.reference

    def book(self, name: str, at: datetime = MORNING, *documents: str, **given: Any) -> str:
        """Held and confirmed."""
        reference = self.hold(name, at, *documents, **given)
        self.confirm(reference)
        return reference

    def confirm(self, reference: str) -> None:
        with self.db.write() as session:
            booking.confirm(session, references.get(session, reference), now=self.now)

    def move(self, reference: str, at: datetime) -> None:
        with self.db.write() as session:
            booking.move(session, references.get(session, reference), at, now=self.now)

    def cancel(self, reference: str, by: Side = Side.APPLICANT) -> None:
        with self.db.write() as session:
            booking.cancel(session, references.get(session, reference), by=by, now=self.now)

    def wait(self, name: str, days: Sequence[date], *documents: str, **given: Any) -> str:
        with self.db.write() as session:
            draft = a_party(name, *documents, **given)
            made = booking.join_waiting_list(
                session, self._service(session), days, draft, secret=SECRET, now=self.now
            )
            return made.reference

    def sweep(self) -> int:
        with self.db.write() as session:
            return lifecycle.expire_and_offer(session, posts.get(session, self.post), now=self.now)

    def days(self, **given: Any) -> None:
        """Close or open days, as `scheduler post close` does."""
        with self.db.write() as session:
            opening_days.set_days(session, posts.get(session, self.post), check(SpecialDraft, given), now=self.now)

    def free(self, day: date | None = None, *, people: int = 1, layout: Layout = Layout.ADJOINING) -> list[datetime]:
        """The free times, of a day or of all there are."""
        party = Party(people=people, documents=people, layout=layout)
        with self.db.read() as session:
            service = self._service(session)
            found = find_free_times(session, service, party, now=self.now, first_on=day, last_on=day, cached=True)
        return [slot.dtstart for slot in found]

    def row(self, reference: str) -> Appointment:
        with self.db.read() as session:
            return references.get(session, reference)

    def status(self, reference: str) -> VisitStatus:
        return self.row(reference).status

    def claims(self, reference: str | None = None) -> list[tuple[str, date, int]]:
        """The cells of a visit, or all there are: counter, day, number."""
        query = sa.select(Counter.key, SlotClaim.day, SlotClaim.cell).join(
            Counter, Counter.id == SlotClaim.counter_id
        )
        query = query.order_by(Counter.key, SlotClaim.day, SlotClaim.cell)
        if reference:
            query = query.where(SlotClaim.appointment_id == self.row(reference).id)
        with self.db.read() as session:
            return [tuple(row) for row in session.execute(query)]  # type: ignore[misc]

    def letters(self, reference: str) -> list[LetterKind]:
        """The kinds of letters about a visit, in the order they were asked for."""
        with self.db.read() as session:
            query = sa.select(Letter.kind).where(Letter.appointment_id == references.get(session, reference).id)
            return list(session.scalars(query.order_by(Letter.id)))

    def _service(self, session: Session) -> Service:
        return posts.get_service(posts.get(session, self.post), self.service)


def wrong_with_cells(db: Database, *, now: datetime = NOW) -> list[str]:
    """What is wrong with the cells; nothing when every promise holds: each active visit with a time has as many cells
    as it needs, nobody else has any, each day's count is that of its visits, and who comes has no other until it is
    over."""
    with db.read() as session:
        return list(find_wrong_cells(session, now=now))


def find_wrong_cells(session: Session, *, now: datetime) -> Iterator[str]:
    """The same in a session that is open already."""
    counts: dict[tuple[int, date], int] = {}
    for one in session.scalars(sa.select(Appointment)):
        needed = compute_need(one.service, get_party(one))
        stands = one.status in ACTIVE and one.status is not VisitStatus.WAITING
        wanted = needed.cells * needed.counters if stands and not one.walk_in else 0
        if len(one.claims) != wanted:
            yield f"{one.reference} ({one.status}) has {len(one.claims)} cells of {wanted}"
        past = one.ends_at is not None and one.ends_at < now
        if {applicant.active for applicant in one.applicants} - {
            one.status in ACTIVE,
            one.status in ACTIVE and not past,
        }:
            yield f"{one.reference} ({one.status}) and its applicants differ"
        counted = one.status in (VisitStatus.SERVED, VisitStatus.NO_SHOW) or stands
        if counted and one.day and not one.walk_in:
            counts[one.service_id, one.day] = counts.get((one.service_id, one.day), 0) + one.units
    for day in session.scalars(sa.select(ServiceDay)):
        if counts.get((day.service_id, day.day), 0) != day.taken:
            yield f"{day.day}: {day.taken} are counted, there are {counts.get((day.service_id, day.day))}"


# The front desk

NINE = datetime(2027, 1, 12, 2, 0, tzinfo=UTC)  # 09:00 in Phuket, on the day of MORNING
DAY = MORNING.date()


class FrontDesk(Consulate):
    """The front desk of the post, each act a transaction of its own; ``at`` sets the clock, in minutes from nine."""

    def at(self, minutes: float) -> FrontDesk:
        self.now = NINE + timedelta(minutes=minutes)
        return self

    def check_in(self, reference):
        return self._act(desk_actions.check_in, reference).ticket

    def walk_in(self, name, service="passport", **given):
        with self.db.write("officer@web") as session:
            offered = posts.get_service(posts.get(session, self.post), service)
            row = walk_ins.record_walk_in(session, offered, name, language="ru", secret=SECRET, now=self.now, **given)
            return row.reference

    def call(self, counter="1", reference=None):
        with self.db.write("officer@web") as session:
            post = posts.get(session, self.post)
            to = posts.get_counter(post, counter)
            return desk_actions.call(session, post, to, now=self.now, reference=reference).reference

    def recall(self, reference):
        return self._act(desk_actions.recall, reference).recalls

    def finish(self, reference):
        self._act(desk_actions.finish, reference)

    def no_show(self, reference):
        self._act(desk_actions.record_no_show, reference)

    def send_back(self, reference):
        self._act(desk_actions.send_back, reference)

    def undo(self, reference):
        return self._act(desk_actions.undo, reference).status

    def look(self, reference, who="officer@web"):
        with self.db.write(who) as session:
            access_log.record_visit_view(session, references.get(session, reference), now=self.now)

    def day(self, day=DAY):
        with self.db.read() as session:
            return desk_today.read_day(session, posts.get(session, self.post), day, now=self.now)

    def queue(self):
        return [entry.reference for entry in self.day().queue]

    def entry(self, reference):
        return next(entry for entry in self.day().entries if entry.reference == reference)

    def board(self):
        with self.db.read() as session:
            return queue_board.read_board(session, posts.get(session, self.post), now=self.now)

    def statistics(self):
        with self.db.read() as session:
            return visit_statistics.compute_statistics(session, posts.get(session, self.post), DAY, DAY)

    def _act(self, act, reference):
        with self.db.write("officer@web") as session:
            return act(session, references.get(session, reference), now=self.now)


NAMES = {
    "en": "Consulate of Kazakhstan in Phuket",
    "kk": "Қазақстанның Пхукеттегі консулдығы",
    "ru": "Консульство Казахстана на Пхукете",
    "th": "สถานกงสุลคาซัคสถาน ณ จังหวัดภูเก็ต",
}
COUNTERS = {
    number: {
        "name": {
            "en": f"Counter {number}",
            "kk": f"{number}-терезе",
            "ru": f"Окно {number}",
            "th": f"ช่องบริการ {number}",
        }
    }
    for number in ("1", "2")
}
SERVICES = {
    "passport": {
        **PASSPORT,
        "name": {"en": "Passport", "kk": "Төлқұжат", "ru": "Паспорт", "th": "หนังสือเดินทาง"},
        "walk_ins": True,
    },
    "visa": {"name": {"en": "Visa", "kk": "Виза", "ru": "Виза", "th": "วีซ่า"}, "minutes": 15},
}


def a_day(app: App, names: dict[str, tuple[int, int]], key: str = "phuket") -> dict[str, str]:
    """The references of those who have booked for the morning, by name: {"Aliya": (9, 0)}."""
    with app.db.write() as session:
        a_post(session, key, name=NAMES, counter=COUNTERS, service=SERVICES, address="12 Sample Road")
    made = Consulate(app.db, key)
    at = {name: MORNING.replace(hour=hour, minute=minute) for name, (hour, minute) in names.items()}
    return {
        name: made.book(name, when, email=f"guest{number}@example.org", telephone="+66 76 123456")
        for number, (name, when) in enumerate(at.items())
    }


def give(app: App, name: str, *keys: str) -> None:
    """These posts are the account's from now on."""
    with app.db.write() as session:
        account = accounts.get_for_update(session, name)
        assigned_posts.assign(session, account, [posts.get(session, key) for key in keys], now=app.clock.now())

"""Applicants, officers, the front desk, the clock and the worker act at random on one post; no promise is broken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time
from functools import partial
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import rule
from sqlalchemy.orm import Session, selectinload

from scheduler.base.clock import wall
from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.model.visits import ACTIVE, PENDING, Appointment, ServiceDay, Side, VisitStatus
from scheduler.services.common.drafts import check
from scheduler.services.common.lookup import Lookup, NotFound
from scheduler.services.consulate.front_desk import actions, walk_ins
from scheduler.services.consulate.posts import free_times, opening_days, post_mapping, posts
from scheduler.services.consulate.posts.post_drafts import CounterDraft, SpecialDraft
from scheduler.services.consulate.visits import booking, displacement, links, public_requests
from scheduler.services.consulate.visits.batches import bookings
from scheduler.services.consulate.visits.batches.confirmations import confirm_each
from scheduler.services.consulate.visits.lifecycle import get_party
from scheduler.services.consulate.visits.links import VisitPurpose
from scheduler.services.consulate.visits.public_requests import SentRequest, request_each
from scheduler.worker import jobs
from tests.support.builders import SECRET, a_city
from tests.support.consulate import a_party, a_post, find_wrong_cells
from tests.support.machines import DAY, Sent, StateMachine, run

SERVICES, COUNTERS = ("passport", "notary"), ("1", "2")
APPLICANTS = ("Aliya", "Bolat", "Chai", "Dana", "Egor")
SERVICE, WHO = st.sampled_from(SERVICES), st.sampled_from(APPLICANTS)
ROW, SLOT = st.integers(0, 5), st.integers(0, 12)
IN_DAYS = st.integers(0, 6)
PARTY = st.sampled_from((1, 1, 1, 2))

STANDS = (VisitStatus.CONFIRMED, VisitStatus.CHECKED_IN, VisitStatus.CALLED)
ENDED = (VisitStatus.CANCELLED, VisitStatus.LAPSED)
# What the status of a visit is as long as a letter about it is true.
TRUE_FOR = {
    LetterKind.VISIT_CONFIRM: (VisitStatus.HELD,),
    LetterKind.VISIT_BOOKED: STANDS,
    LetterKind.VISIT_MOVED: STANDS,
    LetterKind.VISIT_REMINDER: STANDS,
    LetterKind.VISIT_RECONFIRM: STANDS,
    LetterKind.VISIT_CANCELLED: ENDED,
    LetterKind.VISIT_WAITING: (VisitStatus.WAITING,),
    LetterKind.VISIT_OFFERED: (VisitStatus.OFFERED,),
    LetterKind.VISIT_CLOSURE: (VisitStatus.OFFERED,),
    LetterKind.VISIT_STANDING: (*ACTIVE, VisitStatus.NO_SHOW),
}

COLUMNS = [column.name for column in Appointment.__table__.columns]


class Visits(StateMachine):
    # On the last Sunday of March the clocks are changed; Friday and Monday around it are holidays.
    START = datetime(2027, 3, 22, 7, 0, tzinfo=UTC)

    def set_up(self, session: Session) -> None:
        self.told: dict[int, Any] = {}  # by visit: what its contact knows of it
        self.forms = 0
        a_city(session, "berlin", country="DE", tz="Europe/Berlin")
        service = {"minutes": 30, "name": "Service"}
        a_post(
            session,
            "berlin",
            now=self.now,
            city="berlin",
            receiving_state="DE",
            hours={"mon-sun": "09:00-11:00"},
            cell=30,
            horizon="10 days",
            notice="2 h",
            reconfirm_from="4 days",
            reconfirm_until="1 day",
            no_shows=2,
            keep="8 days",
            largest_party=2,
            service={"passport": service, "notary": {**service, "quota": 2, "counters": ["2"], "walk_ins": True}},
        )

    # Applicants, on the web

    @rule(service=SERVICE, who=WHO, slot=SLOT, people=PARTY)
    def request(self, service, who, slot, people):
        self.forms += 1

        def work(session):
            offered, draft = self.service(session, service), self.party(who, people)
            free = free_times.find_free_times(session, offered, draft.party, now=self.now)
            at = self.choose(free, slot).dtstart
            sent = SentRequest(service=offered.key, at=at, draft=draft, form=f"form-{self.forms}")
            (refusal,) = request_each(session, offered.post, [sent], secret=SECRET, now=self.now)
            if refusal is not None:
                raise refusal

        self.act(work, "page")

    @rule(row=ROW)
    def confirm(self, row):
        def work(session):
            token = links.make_token(self.row(session, row), VisitPurpose.CONFIRM, secret=SECRET)
            (result,) = confirm_each(session, [token], secret=SECRET, now=self.now)
            if isinstance(result, Exception):
                raise result

        self.act(work, "page")

    @rule(service=SERVICE, who=WHO, slot=SLOT, people=PARTY)
    def request_and_confirm(self, service, who, slot, people):
        self.request(service, who, slot, people)
        with self.app.db.read() as session:
            held = sa.select(Appointment.id).where(
                Appointment.status == VisitStatus.HELD, Appointment.applicants.any()
            )
            newest = session.scalar(held.order_by(Appointment.id.desc()).limit(1))
        if newest is not None:
            self.before = self.read_rows()
            self.act(lambda s: booking.confirm(s, s.get_one(Appointment, newest), now=self.now), "page")

    @rule(service=SERVICE, who=WHO, first=IN_DAYS, days=st.integers(1, 3), people=PARTY)
    def wait(self, service, who, first, days, people):
        self.forms += 1

        def work(session):
            offered = self.service(session, service)
            today = wall(self.now, offered.post.tzid).date()
            wanted = [today + (first + n) * DAY for n in range(days)]
            public_requests.request_waiting_place(
                session,
                offered,
                wanted,
                self.party(who, people),
                form=f"form-{self.forms}",
                secret=SECRET,
                now=self.now,
            )

        self.act(work, "page")

    @rule(row=ROW, slot=SLOT, desk=st.booleans())
    def move(self, row, slot, desk):
        def work(session):
            one = self.row(session, row)
            party = get_party(one)
            free = free_times.find_free_times(session, one.service, party, now=self.now, desk=desk, ignoring=one.id)
            booking.move(session, one, self.choose(free, slot).dtstart, now=self.now, desk=desk)

        self.act(work)

    @rule(row=ROW, by=st.sampled_from(Side))
    def cancel(self, row, by):
        self.act(lambda s: booking.cancel(s, self.row(s, row), by=by, now=self.now))

    # Officers

    @rule(service=SERVICE, who=WHO, slot=SLOT, people=PARTY, soon=st.booleans())
    def book(self, service, who, slot, people, soon):
        def work(session):
            offered, draft = self.service(session, service), self.party(who, people)
            free = free_times.find_free_times(session, offered, draft.party, now=self.now, desk=True)
            at = self.choose(free, 0 if soon else slot).dtstart
            bookings.book(session, offered, at, draft, secret=SECRET, now=self.now, desk=True)

        self.act(work)

    @rule(row=ROW, status=st.sampled_from((VisitStatus.SERVED, VisitStatus.NO_SHOW)))
    def conclude(self, row, status):
        self.act(lambda s: booking.record_outcome(s, self.row(s, row), status, now=self.now))

    @rule(row=ROW)
    def excuse(self, row):
        self.act(lambda s: booking.excuse(s, self.row(s, row), now=self.now))

    @rule(
        first=IN_DAYS,
        days=st.integers(0, 2),
        hours=st.sampled_from((None, None, "09:00-10:00")),
        counter=st.sampled_from((None, None, *COUNTERS)),
        opened=st.booleans(),
        rebook=st.booleans(),
    )
    def set_days(self, first, days, hours, counter, opened, rebook):
        def work(session):
            post = self.post(session)
            day = wall(self.now, post.tzid).date() + first * DAY
            said = {
                "first_day": day,
                "last_day": day + days * DAY,
                "open": opened,
                "hours": hours,
                "counter": counter,
            }
            draft = check(SpecialDraft, {name: value for name, value in said.items() if value is not None})
            opening_days.set_days(session, post, draft, now=self.now)
            if rebook:
                displacement.offer_replacements(session, post, now=self.now)

        self.act(work)

    @rule(first=IN_DAYS)
    def keep_the_week(self, first):
        def work(session):
            post = self.post(session)
            opening_days.forget_days(session, post, wall(self.now, post.tzid).date() + first * DAY, now=self.now)

        self.act(work)

    @rule()
    def offer_replacements(self):
        self.act(lambda s: displacement.offer_replacements(s, self.post(s), now=self.now))

    @rule(closes=st.sampled_from((10, 11, 12)))
    def set_hours(self, closes):
        hours = tuple((day, (time(9), time(closes))) for day in range(7))
        self.change_post(lambda draft: draft.model_copy(update={"hours": hours}))

    @rule(counter=st.sampled_from(COUNTERS), staffed=st.booleans())
    def staff(self, counter, staffed):
        def change(draft):
            counters = {**draft.counter, counter: draft.counter[counter].model_copy(update={"staffed": staffed})}
            return draft.model_copy(update={"counter": counters})

        self.change_post(change)

    @rule()
    def add_a_counter(self):
        more = {"3": check(CounterDraft, {"name": "Counter 3"})}
        self.change_post(lambda draft: draft.model_copy(update={"counter": {**draft.counter, **more}}))

    @rule(service=SERVICE, quota=st.sampled_from((None, 0, 1, 2, 3)), offered=st.booleans())
    def set_service(self, service, quota, offered):
        def change(draft):
            changed = draft.service[service].model_copy(update={"quota": quota, "offered": offered})
            return draft.model_copy(update={"service": {**draft.service, service: changed}})

        self.change_post(change)

    def change_post(self, change):
        def work(session):
            draft = change(post_mapping.make_draft(self.post(session)))
            post_mapping.put(session, "berlin", draft, now=self.now, lookup=Lookup(session))

        self.act(work)

    # The front desk

    @rule(row=ROW)
    def check_in(self, row):
        self.act(lambda s: actions.check_in(s, self.row(s, row), now=self.now), "desk")

    @rule(counter=st.sampled_from(COUNTERS))
    def call(self, counter):
        def work(session):
            post = self.post(session)
            actions.call(session, post, posts.get_counter(post, counter), now=self.now)

        self.act(work, "desk")

    @rule(row=ROW, act=st.sampled_from(("recall", "finish", "send_back", "record_no_show", "undo")))
    def at_the_counter(self, row, act):
        self.act(lambda s: getattr(actions, act)(s, self.row(s, row), now=self.now), "desk")

    @rule(who=WHO, known=st.booleans())
    def walk_in(self, who, known):
        def work(session):
            offered = self.service(session, "notary")
            document = f"N-{who}" if known else None
            walk_ins.record_walk_in(
                session, offered, who, language="en", document=document, secret=SECRET, now=self.now
            )

        self.act(work, "desk")

    @rule(day=st.integers(0, 2), hour=st.sampled_from((7, 8, 9)))
    def come_in_the_morning(self, day, hour):
        """To the hours at which there is somebody at the post."""
        at = (self.now + day * DAY).replace(hour=hour, minute=5)
        self.clock.set(max(self.now, at))

    def post(self, session):
        return posts.get(session, "berlin")

    def service(self, session, key):
        return posts.get_service(self.post(session), key)

    def party(self, who, people):
        given = {"telephone": "+49 30 1", "email": None} if who == "Egor" else {}
        return a_party(who, *(f"N-{who}", f"M-{who}")[:people], **given)

    def choose(self, free, number):
        if not free:
            raise NotFound("nothing is free")
        return free[number % len(free)]

    def row(self, session, number):
        """One of the visits, the latest first."""
        found = session.scalars(sa.select(Appointment).order_by(Appointment.id.desc()).limit(12)).all()
        if not found:
            raise NotFound("nobody has booked")
        return found[number % len(found)]

    # The worker

    def run_jobs(self) -> None:
        jobs.run_visit_upkeep(self.app)
        jobs.check_zones(self.app)
        jobs.run_retention(self.app)
        self.refuse_passed_over()

    # What must hold

    def read_rows(self) -> dict[Any, Any]:
        with self.app.db.read() as session:
            visits = session.execute(sa.select(Appointment.__table__)).all()
        return {("appointment", one.id): tuple(one) for one in visits}

    def find_problems(self, session: Session) -> Iterator[str]:
        yield from find_wrong_cells(session, now=self.now)
        rows = session.scalars(sa.select(Appointment).options(selectinload(Appointment.applicants))).all()
        yield from self.find_doubles(rows)
        yield from self.find_overlaps(rows)
        yield from self.find_overtaken(rows)
        for day in session.scalars(sa.select(ServiceDay)):
            if day.quota is not None and day.taken > day.quota:
                yield f"{day.taken} of {day.quota} on {day.day}"

    def find_doubles(self, rows) -> Iterator[str]:
        known: dict[tuple[int, str], str] = {}
        for row in rows:
            for one in (
                row.applicants if row.status in ACTIVE and (row.ends_at is None or row.ends_at > self.now) else ()
            ):
                other = known.setdefault((row.service_id, one.fingerprint), row.reference)
                if other != row.reference:
                    yield f"{one.name} has {other} and {row.reference}"

    def find_overlaps(self, rows) -> Iterator[str]:
        """Of two visits at one counter none begins before the other ends."""
        at_counter: dict[int, list[Appointment]] = {}
        for row in rows:
            if row.status in ACTIVE and not row.has_expired(self.now):
                for counter in {claim.counter_id for claim in row.claims}:
                    at_counter.setdefault(counter, []).append(row)
        for visits in at_counter.values():
            for one, other in pairwise(sorted(visits, key=lambda row: row.starts_at)):
                if other.starts_at < one.ends_at:
                    yield f"{one.reference} and {other.reference} at {one.dtstart}"

    def find_overtaken(self, rows) -> Iterator[str]:
        """Yield whoever waits for the same as somebody who came later and has just been offered it."""
        waiting = [row for row in rows if row.status is VisitStatus.WAITING]
        for row in rows:
            if (
                row.status is not VisitStatus.OFFERED
                or row.queued_at is None
                or self.was(row, "status") is row.status
            ):
                continue
            for one in waiting:
                same = (one.service_id, one.people, one.documents) == (row.service_id, row.people, row.documents)
                if same and one.queued_at < row.queued_at and row.day.isoformat() in one.days:
                    yield f"{row.reference} has gone before {one.reference}"

    def refuse_passed_over(self) -> None:
        """After upkeep nobody waits for a time that is free."""
        with self.app.db.read() as session:
            waiting = session.scalars(sa.select(Appointment).where(Appointment.status == VisitStatus.WAITING)).all()
            for one in waiting:
                free = free_times.find_free_times(session, one.service, get_party(one), now=self.now)
                times = [slot.dtstart for slot in free if slot.dtstart.date().isoformat() in one.days]
                assert not times, f"{one.reference} waits, and {times[0]} is free"

    def was(self, one: Appointment, name: str) -> Any:
        row = self.before.get(("appointment", one.id))
        return row[COLUMNS.index(name)] if row else None

    # Letters

    def hear(self, session: Session, sent: Sent, letter: Letter) -> Iterator[str]:
        visit, kind = session.get_one(Appointment, letter.appointment_id), sent.message.kind
        who = f"to {sent.message.name} of {visit.reference}"
        if visit.status not in TRUE_FOR[kind]:
            yield f"{who}, which is {visit.status}"
        if visit.has_expired(self.now):
            yield f"{who}, which has expired"
        if kind in (LetterKind.VISIT_REMINDER, LetterKind.VISIT_RECONFIRM) and self.now >= visit.starts_at:
            yield f"{who}, which has begun"
        if sent.calendar and visit.status not in ENDED:
            start = f"\nDTSTART:{visit.starts_at:%Y%m%dT%H%M%SZ}\n"
            if start not in sent.calendar or f"\nSEQUENCE:{visit.sequence}\n" not in sent.calendar:
                yield f"{who}: its calendar has no {start} with {visit.sequence}"
        if visit.dtstart and visit.status not in ENDED and f"{visit.dtstart:%H:%M}" not in sent.text:
            yield f"{who}: says nothing of {visit.dtstart}"
        same = [one for one in self.server.taken[:-1] if one.at == sent.at and one.letter != sent.letter]
        if any((one.message.address, one.text) == (sent.message.address, sent.text) for one in same):
            yield f"{who}: says the same as another one at this moment"
        self.told[visit.id] = self.facts(visit)

    @staticmethod
    def facts(visit: Appointment) -> Any:
        """Return what its contact must know of a visit."""
        if visit.status in STANDS:
            return "stands", visit.dtstart
        return ("ended", None) if visit.status in ENDED else (str(visit.status), visit.dtstart)

    def find_unsaid(self, session: Session) -> Iterator[str]:
        for visit in session.scalars(sa.select(Appointment).options(selectinload(Appointment.applicants))):
            over = visit.ends_at is not None and visit.ends_at <= self.now
            if (
                over
                or visit.walk_in
                or visit.contact is None
                or not visit.contact.email
                or self.has_failed(session, visit)
            ):
                continue
            told, must_know = self.told.get(visit.id), self.facts(visit)
            who = f"{visit.contact.name} of {visit.reference} ({visit.status} by {visit.ended_by})"
            if visit.status in (*STANDS, *PENDING) and told != must_know:
                yield f"{who} knows {told}, not {must_know}"
            if visit.status in ENDED and told is not None and told[0] == "stands":
                yield f"{who} believes {told}"

    def has_failed(self, session, visit) -> bool:
        """A letter that the mail server has refused for good tells nobody anything."""
        failed = sa.select(Letter.id).where(Letter.appointment_id == visit.id, Letter.outcome == Outcome.FAILED)
        return session.scalar(failed.limit(1)) is not None


def test_whatever_applicants_officers_the_clock_and_the_worker_do_no_promise_of_a_post_is_broken(
    database_lender, engine
):
    run(partial(database_lender, Visits), examples={"sqlite": 3, "postgresql": 1}[engine], steps=30)

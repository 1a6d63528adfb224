"""Guests, officers, the clock and the worker act at random on two lists, and no promise is broken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import rule
from sqlalchemy.orm import Session, joinedload

from scheduler.base.text import Text
from scheduler.model.attendance import BOUND, HOLDING, ON_LIST, Answer, Attendee, Partstat, Reminded, Role, Standing
from scheduler.model.events import Capacity, Event, Mode, Queue, Status, Timing
from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.model.places import Person
from scheduler.services.common import lookup, tokens
from scheduler.services.common.audit import note
from scheduler.services.common.drafts import check
from scheduler.services.common.tokens import Purpose
from scheduler.services.events.attendance import offers, parties, transitions
from scheduler.services.events.attendance.transitions import AnswerDetails, Guest
from scheduler.services.events.door import arrivals
from scheduler.services.events.door.arrivals import ScanDetails
from scheduler.services.events.guests import own_page, registration
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.services.letters import message_drafts, messages
from scheduler.services.privacy import erasure
from scheduler.worker import jobs
from tests.support.builders import SECRET, a_person, a_venue, an_event
from tests.support.machines import DAY, HOUR, MINUTE, Sent, StateMachine, refuse, run

# On the evening before the clocks are put forward.
START = datetime(2027, 3, 27, 23, 30)  # noqa: DTZ001 - a wall time
EVENTS = ("opening", "salon")
GUESTS = ("Anna", "Boris", "Chai", "Dana")
KNOWN = ("minister", "silent")  # silent has no address
DEPUTIES = ("deputy", "second")

EVENT, MODE = st.sampled_from(EVENTS), st.sampled_from(Mode)
GUEST, KNOWN_GUEST = st.sampled_from(GUESTS), st.sampled_from((*KNOWN, *DEPUTIES[:1]))
ROW = st.integers(0, 5)  # of those who are on the list of an event, or were
FEW = st.integers(0, 2)
WHEN = st.sampled_from([-DAY, -HOUR, -15 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, DAY, 2 * DAY, 8 * DAY])

# What a letter of a kind says of the standing of its reader.
SAYS = {
    LetterKind.CONFIRM: Standing.UNCONFIRMED,
    LetterKind.CONFIRMED: Standing.CONFIRMED,
    LetterKind.PLACE_FREED: Standing.CONFIRMED,
    LetterKind.WAITING: Standing.WAITLISTED,
    LetterKind.OFFERED: Standing.OFFERED,
    LetterKind.LAPSED: Standing.LAPSED,
    LetterKind.REQUESTED: Standing.REQUESTED,
    LetterKind.REFUSED: Standing.REFUSED,
    LetterKind.REMOVED: Standing.WITHDRAWN,
}
# Letters about the place of their reader alone: they say nothing of the event that could become untrue.
PARTING = (LetterKind.LAPSED, LetterKind.REFUSED, LetterKind.REMOVED, LetterKind.MESSAGE)
# Who stands so must have heard of it by letter.
TOLD = (
    Standing.CONFIRMED,
    Standing.WAITLISTED,
    Standing.OFFERED,
    Standing.REQUESTED,
    Standing.LAPSED,
    Standing.REFUSED,
)

COLUMNS = [column.name for column in Attendee.__table__.columns]


class Attendance(StateMachine):
    START = datetime(2027, 3, 22, 9, 0, tzinfo=UTC)

    def set_up(self, session: Session) -> None:
        self.told: dict[tuple[int, datetime, int], Standing] = {}  # by attendee and reader
        self.known: dict[tuple[int, int], Any] = {}  # what a reader knows of an event
        self.seated: set[int] = set()  # by an officer, over the heads of others
        self.forms = 0
        self.events_before: dict[int, tuple[Any, ...]] = {}
        for name in ("hall", "library"):
            a_venue(session, name)
        said = {"dtstart": START, "tz": "Europe/Berlin", "now": self.now}
        said |= {"registration": "public", "reminders": [{"before": "1 day"}, {"before": "15 min"}]}
        an_event(session, "opening", capacity=3, remote_capacity=2, **said)
        an_event(session, "salon", capacity=2, queue="strict", approval=True, **said)
        for who in (*KNOWN, *DEPUTIES):
            a_person(session, who, name=who.title(), email=None if who == "silent" else f"{who}@example.org")

    # Guests, on the web

    @rule(event=EVENT, who=GUEST, mode=MODE, companions=FEW)
    def ask(self, event, who, mode, companions):
        self.forms += 1
        person = check(PersonDraft, {"name": who, "email": f"{who.lower()}@example.org", "language": "en"})
        form = registration.RegistrationForm(
            person=person, mode=mode, companions=companions, form=f"form-{self.forms}"
        )
        self.act(lambda s: registration.ask(s, self.open(s, event), form, now=self.now), "page")

    def open(self, session, event):
        return registration.get_open(session, event, now=self.now)

    @rule(event=EVENT, row=ROW)
    def confirm(self, event, row):
        self.act(lambda s: registration.confirm(s, self.link(s, event, row), secret=SECRET, now=self.now), "page")

    def link(self, session, event, row):
        one = self.row(session, event, row)
        return tokens.make_attendee_token(Purpose.CONFIRM, one.id, one.created_at, one.epoch, secret=SECRET)

    @rule(event=EVENT, who=GUEST, mode=MODE, companions=FEW)
    def ask_and_confirm(self, event, who, mode, companions):
        self.ask(event, who, mode, companions)
        with self.app.db.read() as session:
            asking = sa.select(Attendee.id).where(Attendee.standing == Standing.UNCONFIRMED)
            newest = session.scalar(asking.order_by(Attendee.standing_at.desc()).limit(1))
        if newest is not None:
            self.before = self.read_rows()
            self.act(lambda s: self.confirm_one(s, newest), "page")

    def confirm_one(self, session, number):
        one = session.get_one(Attendee, number)
        token = tokens.make_attendee_token(Purpose.CONFIRM, one.id, one.created_at, one.epoch, secret=SECRET)
        return registration.confirm(session, token, secret=SECRET, now=self.now)

    @rule(event=EVENT, row=ROW, mode=MODE, companions=FEW)
    def change(self, event, row, mode, companions):
        self.own(event, row, own_page.change, mode=mode, companions=companions)

    @rule(event=EVENT, row=ROW)
    def withdraw(self, event, row):
        self.own(event, row, own_page.withdraw)

    @rule(event=EVENT, row=ROW)
    def accept_or_return(self, event, row):
        self.own(event, row, own_page.accept_or_return)

    @rule(event=EVENT, row=ROW, reminded=st.sampled_from(Reminded))
    def choose_reminders(self, event, row, reminded):
        self.act(lambda s: own_page.choose_reminders(s, self.row(s, event, row), reminded, now=self.now), "page")

    def own(self, event, row, act, **given):
        """On one's own page, which is there once one has confirmed."""

        def work(session):
            one = self.row(session, event, row)
            found = registration.get_by_own_token(
                session, registration.make_own_token(one, secret=SECRET), secret=SECRET
            )
            act(session, found, now=self.now, **given)

        self.act(work, "page")

    # Officers, with the list

    @rule(event=EVENT, who=KNOWN_GUEST, mode=MODE, companions=FEW)
    def register(self, event, who, mode, companions):
        self.act(
            lambda s: transitions.register(
                s, self.event(s, event), self.guest(s, who, mode, companions), now=self.now
            )
        )

    @rule(event=EVENT, who=KNOWN_GUEST, mode=MODE, companions=FEW)
    def invite(self, event, who, mode, companions):
        self.act(
            lambda s: transitions.invite(s, self.event(s, event), self.guest(s, who, mode, companions), now=self.now)
        )

    @rule(event=EVENT, row=ROW, partstat=st.sampled_from(Partstat), deputy=st.sampled_from((None, None, *DEPUTIES)))
    def answer(self, event, row, partstat, deputy):
        def work(session):
            details = AnswerDetails(represented_by=self.person(session, deputy) if deputy else None)
            one = self.row(session, event, row)
            transitions.answer(session, one, partstat, by=Answer.LETTER, on=None, now=self.now, details=details)

        self.act(work)

    @rule(event=EVENT, row=ROW)
    def approve(self, event, row):
        self.act(lambda s: transitions.approve(s, self.row(s, event, row), now=self.now))

    @rule(event=EVENT, row=ROW)
    def refuse(self, event, row):
        self.act(lambda s: transitions.refuse(s, self.row(s, event, row), reason=Text({"en": "Full."}), now=self.now))

    @rule(event=EVENT, row=ROW)
    def seat(self, event, row):
        def work(session):
            one = self.row(session, event, row)
            transitions.seat_ahead_of_queue(session, one, reason="protocol", now=self.now)
            self.seated.add(one.id)

        self.act(work)

    @rule(event=EVENT, row=ROW, quiet=st.booleans())
    def remove(self, event, row, quiet):
        self.act(lambda s: transitions.withdraw(s, self.row(s, event, row), quiet=quiet, now=self.now))

    @rule(event=EVENT, row=ROW, deputy=st.sampled_from((None, *DEPUTIES)))
    def represent(self, event, row, deputy):
        def work(session):
            who = self.person(session, deputy) if deputy else None
            transitions.set_deputy(session, self.row(session, event, row), who, now=self.now)

        self.act(work)

    @rule(event=EVENT, row=ROW)
    def lose_deputy(self, event, row):
        self.act(
            lambda s: transitions.record_deputy_regrets(s, self.row(s, event, row), by=Answer.MAIL, now=self.now)
        )

    @rule(event=EVENT, row=ROW, role=st.sampled_from((Role.PRESIDES, Role.PARTICIPANT)))
    def set_role(self, event, row, role):
        def work(session):
            one = self.row(session, event, row)
            if transitions.set_role(session, one, role, now=self.now):
                note(session, "change", "attendee", one.id, now=self.now, role=role)

        self.act(work)

    @rule(event=EVENT, kept=FEW)
    def keep_for_officials(self, event, kept):
        self.plan(event, kept_for_officials=kept)

    @rule(event=EVENT, row=ROW)
    def renew_link(self, event, row):
        self.act(lambda s: transitions.renew_link(s, self.row(s, event, row), now=self.now))

    @rule(event=EVENT, row=ROW, mode=MODE, companions=FEW)
    def change_party(self, event, row, mode, companions):
        self.act(
            lambda s: parties.change_party(s, self.row(s, event, row), mode=mode, companions=companions, now=self.now)
        )

    @rule(event=EVENT, row=ROW, companions=st.none() | FEW, admit=st.booleans())
    def let_in(self, event, row, companions, admit):
        def work(session):
            one = self.row(session, event, row)
            came = ScanDetails(companions=companions, any_day=True)
            (arrivals.admit if admit else arrivals.check_in)(session, one, came, now=self.now)
            self.seated.add(one.id)
            self.told[self.reader(one)] = one.standing  # at the door

        self.act(work, "door")

    @rule(
        event=EVENT,
        to=st.sampled_from(("everyone", "waiting", "confirmed", "regrets")),
        after=st.sampled_from((None, HOUR)),
    )
    def write_message(self, event, to, after):
        self.forms += 1
        text = message_drafts.draft({"subject": "News", "text": f"Dear {{name}}, {self.forms}"}, language="en")
        at = self.now + after if after else None
        self.act(lambda s: messages.send(s, self.event(s, event), text, to=[to], at=at, now=self.now))

    @rule(event=EVENT, row=ROW)
    def erase(self, event, row):
        def work(session):
            person = self.row(session, event, row).attending
            erasure.erase(session, person, by=Answer.LETTER, now=self.now)
            left = session.scalars(sa.select(Attendee).where(Attendee.person_id == person.id)).all()
            to_come = [one for one in left if not (one.event.is_over(self.now) or one.event.has_begun(self.now))]
            refuse([f"{one.standing} at {one.event.key}, and erased" for one in to_come if one.standing in ON_LIST])

        self.act(work)

    # Officers, with the programme

    @rule(event=EVENT, by=WHEN)
    def move(self, event, by):
        def work(session):
            found = self.event(session, event)
            start = found.dtstart or START
            planning.move(session, found, dtstart=start + by, now=self.now, force="it must be")

        self.act(work)

    @rule(event=EVENT)
    def cancel(self, event):
        self.act(lambda s: planning.cancel(s, self.event(s, event), now=self.now))

    @rule(event=EVENT)
    def reinstate(self, event):
        self.plan(event, status=Status.CONFIRMED)

    @rule(event=EVENT)
    def take_the_date_back(self, event):
        self.plan(
            event,
            **dict.fromkeys(("dtstart", "dtend", "duration", "first_day", "last_day")),
            hour_to_be_announced=False,
        )

    @rule(event=EVENT, day=st.integers(1, 9), known=st.booleans())
    def announce(self, event, day, known):
        def work(session):
            first = (self.now + day * DAY).date()
            when = {
                "dtstart": datetime.combine(first, datetime.min.time()) + timedelta(hours=19),
                "duration": 2 * HOUR,
            }
            when = when if known else {"first_day": first, "last_day": first, "hour_to_be_announced": True}
            planning.announce(session, self.event(session, event), now=self.now, force="it must be", **when)

        self.act(work)

    @rule(event=EVENT, mode=MODE, capacity=st.sampled_from((None, 0, 1, 2, 3, 4, 6)))
    def set_capacity(self, event, mode, capacity):
        name = "capacity" if mode is Mode.IN_PERSON else "remote_capacity"
        self.plan(event, **{name: capacity})

    @rule(event=EVENT, queue=st.sampled_from(Queue))
    def set_queue(self, event, queue):
        self.plan(event, queue=queue)

    @rule(event=EVENT, approval=st.booleans())
    def set_approval(self, event, approval):
        self.plan(event, approval=approval)

    @rule(event=EVENT, before=st.sampled_from((None, HOUR, DAY, 4 * DAY)))
    def close_registration(self, event, before):
        def work(session):
            found = self.event(session, event)
            closes = found.dtstart - before if before and found.dtstart else None
            planning.change_event(session, found, now=self.now, registration_closes=closes)

        self.act(work)

    @rule(event=EVENT, venue=st.sampled_from((None, "hall", "library")))
    def set_venue(self, event, venue):
        self.plan(event, venue=venue)

    @rule(
        event=EVENT,
        link=st.sampled_from((None, "https://video.example.org/1", "https://video.example.org/2")),
        public=st.booleans(),
    )
    def set_video_link(self, event, link, public):
        self.plan(event, video_link=link, video_public=public)

    def plan(self, event, **changes):
        self.act(
            lambda s: planning.change_event(s, self.event(s, event), now=self.now, force="it must be", **changes)
        )

    def event(self, session, key):
        return lookup.get_for_update(session, Event, key)

    def row(self, session, event, number):
        """One of the rows on the list of an event."""
        query = sa.select(Attendee).join(Event, Event.id == Attendee.event_id).where(Event.key == event)
        found = session.scalars(query.order_by(Attendee.id)).all()
        if not found:
            raise lookup.NotFound("nobody is there")
        return found[number % len(found)]

    def person(self, session, key):
        return lookup.get(session, Person, key)

    def guest(self, session, who, mode, companions):
        return Guest(person=self.person(session, who), mode=mode, companions=companions)

    # The worker

    def run_jobs(self) -> None:
        jobs.lapse_offers(self.app)
        jobs.purge(self.app)
        jobs.check_zones(self.app)
        jobs.run_retention(self.app)

    # What must hold

    def read_rows(self) -> dict[Any, Any]:
        with self.app.db.read() as session:
            people = session.execute(sa.select(Attendee.__table__)).all()
            events = session.execute(
                sa.select(Event.id, Event.key, Event.status, Event.starts_at, Event.dtstart, Event.queue)
            ).all()
            places = session.execute(
                sa.select(Event.key, Capacity.mode, Capacity.capacity)
                .join(Event, Event.id == Capacity.event_id)
                .order_by(Event.key, Capacity.mode)
            ).all()
        rows: dict[Any, Any] = {
            ("attendee", one.id): tuple(one) for one in people if one.standing is not Standing.UNCONFIRMED
        }
        by_key: dict[Any, Any] = {("event", one.key): tuple(one) for one in events}
        for key, mode, capacity in places:
            by_key["event", key] += ((mode, capacity),)
        return rows | by_key

    def lines_about(self, one: Any) -> list[tuple[str, str]]:
        """An attendee is changed with the person, too, by erasing them."""
        people = [
            ("person", str(row[COLUMNS.index("person_id")]))
            for row in [self.before.get(one)]
            if row and one[0] == "attendee"
        ]
        people += [
            ("person", str(row[COLUMNS.index("represented_by_id")]))
            for row in [self.before.get(one)]
            if row and one[0] == "attendee"
        ]
        return [*super().lines_about(one), *people]

    def find_problems(self, session: Session) -> Iterator[str]:
        session.expire_all()
        attendees = session.scalars(
            sa.select(Attendee).options(joinedload(Attendee.event), joinedload(Attendee.person))
        ).all()
        for place in session.scalars(sa.select(Capacity).options(joinedload(Capacity.event))):
            here = [one for one in attendees if (one.event_id, one.mode) == (place.event_id, place.mode)]
            yield from (f"{place.event.key} {place.mode}: {said}" for said in self.find_wrong_places(place, here))
        yield from self.find_wrong_representation(attendees)
        self.note_what_was_said_otherwise(attendees)
        self.seated.clear()

    def find_wrong_places(self, place: Capacity, here: list[Attendee]) -> Iterator[str]:
        held = sum(one.seats for one in here if one.holds_places)
        waiting = sorted((one for one in here if one.queue_number is not None), key=lambda one: one.queue_number or 0)
        if held != place.taken:
            yield f"{place.taken} are counted, {held} are held"
        if place.capacity is not None and held > place.capacity:
            yield f"{held} are held of {place.capacity}"
        if len({one.queue_number for one in waiting}) < len(waiting):
            yield "two have one number"
        strict = place.event.queue is Queue.STRICT
        fitting = [one for one in waiting[: 1 if strict else None] if self.fits(one, place)]
        if fitting and offers.find_deadline(place.event, self.now) is not None:
            yield f"{place.free} are free, and yet {fitting[0].person.name} waits"
        for one in waiting:
            was = self.before.get(("attendee", one.id))
            if (
                was
                and was.__class__
                and self.number_before(one) not in (None, one.queue_number)
                and self.mode_before(one) is one.mode
            ):
                yield f"{one.person.name} has lost their turn"
        for new in (
            one for one in here if one.standing in HOLDING and self.is_new(one) and one.id not in self.seated
        ):
            passed = [
                one
                for one in waiting
                if self.number_before(one) == one.queue_number and self.mode_before(one) is one.mode
            ]
            passed = [
                one
                for one in passed
                if one.queue_number < (self.number_before(new) or 10**9) or self.mode_before(new) is not new.mode
            ]
            over = [one for one in passed if strict or one.seats <= new.seats]
            from_the_reserve = place.kept and new.official
            if over and place.capacity is not None and not from_the_reserve:
                yield f"{new.person.name} ({new.standing}) has gone before {over[0].person.name}"

    @staticmethod
    def fits(one: Attendee, place: Capacity) -> bool:
        return place.free is None or one.seats <= place.free - (0 if one.official else place.reserve)

    @staticmethod
    def find_wrong_representation(attendees) -> Iterator[str]:
        """One body comes once: for itself, or in the place of one guest."""
        for event in {one.event_id for one in attendees}:
            here = [one for one in attendees if one.event_id == event and one.standing in ON_LIST]
            come = [one.represented_by_id or one.person_id for one in here]
            deputies = [one.represented_by_id for one in here if one.represented_by_id]
            if len({*come}) < len(come) or {*deputies} & {one.person_id for one in here}:
                yield f"somebody comes twice: {come}, of {[one.person_id for one in here]}"
        for one in attendees:
            if one.standing not in ON_LIST and one.represented_by_id:
                yield f"{one.person.name} is off the list, and represented"
            if one.represented_by_id and (one.place_kept and one.partstat is Partstat.ACCEPTED):
                yield f"a place is kept for {one.person.name}, who has accepted"

    def was(self, one: Attendee, name: str) -> Any:
        row = self.before.get(("attendee", one.id))
        return row[COLUMNS.index(name)] if row else None

    def number_before(self, one: Attendee) -> int | None:
        return self.was(one, "queue_number")

    def mode_before(self, one: Attendee) -> Mode | None:
        return self.was(one, "mode")

    def is_new(self, one: Attendee) -> bool:
        held = self.was(one, "standing") in HOLDING or self.was(one, "place_kept")
        return not held or self.mode_before(one) is not one.mode

    def note_what_was_said_otherwise(self, attendees) -> None:
        """People know what they have done themselves, and what the organizer has told them on paper."""
        for one in attendees:
            if (
                one.standing in (Standing.INVITED, Standing.WITHDRAWN)
                and self.was(one, "standing") is not one.standing
            ):
                self.told[self.reader(one)] = one.standing

    @staticmethod
    def reader(one: Attendee) -> tuple[int, datetime, int]:
        return one.id, one.created_at, one.represented_by_id or one.person_id

    # Letters

    def hear(self, session: Session, sent: Sent, letter: Letter) -> Iterator[str]:
        event, kind = session.get_one(Event, letter.event_id), sent.message.kind
        of_reader = sa.func.coalesce(Attendee.represented_by_id, Attendee.person_id) == letter.person_id
        rows = session.scalars(sa.select(Attendee).where(Attendee.event_id == event.id, of_reader)).all()
        yield from self.find_untrue(kind, event, rows, letter, sent)
        for one in rows:
            said = SAYS.get(kind, one.standing if kind is not LetterKind.MESSAGE else None)
            if said is one.standing and kind is not LetterKind.CANCELLED:
                self.told[self.reader(one)] = said
        if kind not in PARTING:
            self.known[event.id, letter.person_id] = self.facts(event)
        same = [one for one in self.server.taken[:-1] if one.at == sent.at and one.letter != sent.letter]
        if kind is not LetterKind.STANDING and any(
            (one.message.address, one.text) == (sent.message.address, sent.text) for one in same
        ):
            yield "says the same as another one at this moment"

    @staticmethod
    def facts(event: Event) -> Any:
        venue = dict(event.venue.name) if event.venue else None
        return event.cancelled, None if event.cancelled else (
            event.timing,
            event.dtstart,
            event.dtend,
            event.tzid,
            venue,
        )

    def find_untrue(self, kind, event, rows, letter, sent) -> Iterator[str]:
        standings = {one.standing for one in rows}
        name = f"to {sent.message.name}"
        if kind in SAYS and SAYS[kind] not in standings:
            yield f"{name}, who stands {[*map(str, standings)]}"
        if kind in (LetterKind.MOVED, LetterKind.DATE_ANNOUNCED, LetterKind.CANCELLED) and not standings & {*ON_LIST}:
            yield f"{name}, who stands {[*map(str, standings)]}"
        if (kind is LetterKind.CANCELLED) != event.cancelled and kind is not LetterKind.MESSAGE:
            yield f"{name}: the event is {event.status}"
        if kind is LetterKind.OFFERED:
            said = datetime.fromisoformat(letter.facts["until"])
            if self.now >= said or said not in {one.offered_until for one in rows}:
                yield f"{name}: no offer is held until {said}"
        if kind is LetterKind.REMINDER:
            yield from self.find_untrue_reminder(event, standings, letter, name)
        if sent.calendar and event.timing is Timing.HOURS:
            start = f"\nDTSTART:{event.starts_at:%Y%m%dT%H%M%SZ}\n"
            if start not in sent.calendar or f"\nSEQUENCE:{event.sequence}\n" not in sent.calendar:
                yield f"{name}: its calendar has no {start} with {event.sequence}"

    def find_untrue_reminder(self, event, standings, letter, name) -> Iterator[str]:
        if not standings & {*BOUND}:
            yield f"{name}, who stands {[*map(str, standings)]}"
        if datetime.fromisoformat(letter.facts["start"]) != event.starts_at or self.now >= event.starts_at:
            yield f"{name} of {letter.facts['start']}: it starts at {event.starts_at}, it is {self.now}"

    def find_unsaid(self, session: Session) -> Iterator[str]:
        query = sa.select(Attendee).options(joinedload(Attendee.event), joinedload(Attendee.person))
        for one in session.scalars(query):
            event, reader = one.event, one.attending
            if not reader.email or event.is_over(self.now) or self.has_failed(session, event, reader):
                continue
            told, known = self.told.get(self.reader(one)), self.known.get((event.id, reader.id))
            who = f"{reader.name} at {event.key} ({one.standing})"
            expected = (one.standing, Standing.INVITED) if one.standing is Standing.CONFIRMED else (one.standing,)
            if one.standing in TOLD and told not in expected and not event.cancelled:
                yield f"{who} was told {told}"
            if one.standing in ON_LIST and known is not None and known != self.facts(event):
                yield f"{who} knows {known}, not {self.facts(event)}"

    def has_failed(self, session, event, reader) -> bool:
        """A letter that the mail server has refused for good tells nobody anything."""
        failed = sa.select(Letter.id).where(Letter.event_id == event.id, Letter.person_id == reader.id)
        return session.scalar(failed.where(Letter.outcome == Outcome.FAILED).limit(1)) is not None


def test_whatever_guests_officers_the_clock_and_the_worker_do_no_promise_of_a_list_is_broken(database_lender, engine):
    run(partial(database_lender, Attendance), examples={"sqlite": 3, "postgresql": 1}[engine], steps=30)

"""Bookings at one post in one transaction, with a few statements for all of them.

Fifty people who ask for a time at the same moment wait for one transaction, not each for those of all before them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.model.letters import LetterKind
from scheduler.model.posts import Post, Service
from scheduler.model.visits import Appointment, VisitStatus
from scheduler.services.common.audit import AuditLine, note_lines
from scheduler.services.consulate.posts import free_times, opening_days, posts, slot_claims
from scheduler.services.consulate.posts.free_times import CounterAssignment, KnownTimes
from scheduler.services.consulate.posts.open_cells import make_mask
from scheduler.services.consulate.visits import lifecycle, notices
from scheduler.services.consulate.visits.booking import KnownApplicants, make_fingerprints, make_refusal
from scheduler.services.consulate.visits.visit_drafts import VisitDraft
from scheduler.services.outbox import enqueue


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRequest:
    """A time that a party asks for; ``at`` is a wall time at the post, ``fingerprints`` are those of the people."""

    service: Service
    at: datetime
    draft: VisitDraft
    fingerprints: Sequence[str]


class VisitBookings:
    """Bookings at one post whose row is locked.

    What decides on them is read once. `book` and `hold_decoy` decide in memory, `write` writes.
    """

    def __init__(
        self, session: Session, post: Post, wanted: Sequence[VisitRequest], *, now: datetime, desk: bool = False
    ) -> None:
        """End what has expired, and read what stands against these requests. With ``desk`` an officer books."""
        self.session, self.post, self.now, self.desk = session, post, now, desk
        lifecycle.expire_and_offer(session, post, now=now)
        people = {fingerprint for one in wanted for fingerprint in one.fingerprints}
        self.applicants = KnownApplicants(session, post, people, now=now)
        self._references = lifecycle.draw_references(session, len(wanted))
        self._days = [one.at.date() for one in wanted]
        self._taken: list[tuple[Appointment, CounterAssignment]] = []
        self._known = self._read(min(self._days), max(self._days))
        self._knows_all_days = False

    def book(self, wanted: VisitRequest) -> Appointment:
        """Book a time for a whole party, or for nobody of it; nothing is written yet.

        An officer's booking is confirmed at once. Otherwise the time is held until the applicant confirms by the link
        in an e-mail. Raise as `book` below does.
        """
        self.applicants.refuse(wanted.service, wanted.fingerprints, desk=self.desk)
        made = self._place(wanted, wanted.fingerprints)
        self.applicants.add(wanted.service, wanted.fingerprints)
        return made

    def hold_decoy(self, wanted: VisitRequest) -> Appointment:
        """Hold the time as a booking would, with a visit that has no applicants and that nobody can confirm.

        Raise SlotTaken or NotOffered as `book` does.
        """
        return self._place(wanted, ())

    def write(self) -> None:
        """Write what was booked, with a line of the audit for each and its e-mails."""
        if not self._taken:
            return
        made = [appointment for appointment, _ in self._taken]
        self.session.add_all(made)
        self.session.flush()
        slot_claims.take_from_quota(self.session, made)
        cells = [lifecycle.make_wanted_cells(appointment, assignment) for appointment, assignment in self._taken]
        slot_claims.take(self.session, cells, now=self.now)
        note_lines(self.session, "appointment", [self._make_line(one) for one in made], now=self.now)
        letters = [letter for one in made if one.applicants for letter in self._list_letters(one)]
        enqueue.queue_many(self.session, letters)
        self.session.flush()

    def _place(self, wanted: VisitRequest, fingerprints: Sequence[str]) -> Appointment:
        service, party = wanted.service, wanted.draft.party
        assignment = free_times.find_counters(
            self.session, service, party, wanted.at, now=self.now, desk=self.desk, known=self._known
        )
        if not isinstance(assignment, CounterAssignment):
            self._know_all_days()
            raise make_refusal(self.session, service, party, wanted.at, assignment, now=self.now, known=self._known)
        status = VisitStatus.CONFIRMED if self.desk else VisitStatus.HELD
        made = lifecycle.create_visit(
            self.session,
            service,
            wanted.draft,
            fingerprints,
            status=status,
            now=self.now,
            reference=self._references.pop(),
        )
        made.expires_at = None if self.desk else self.now + self.post.hold
        made.place(wanted.at, wanted.at + free_times.compute_length(service, party))
        self._taken.append((made, assignment))
        self._note_taken(self._known, made, assignment)
        return made

    def _make_line(self, made: Appointment) -> AuditLine:
        if made.applicants:
            return AuditLine("book", made.id, {"service": made.service.key, "status": made.status})
        return AuditLine("keep", made.id, {"service": made.service.key})

    def _list_letters(self, made: Appointment) -> Sequence[Mapping[str, Any]]:
        if self.desk:
            return notices.list_confirmation_and_reminders(made, now=self.now)
        until = made.expires_at
        return [notices.make_letter(LetterKind.VISIT_CONFIRM, made, now=self.now, expires_at=until)]

    # What is known of the times

    def _know_all_days(self) -> None:
        """Read what is taken on all days on which another time may be offered, which only a refusal needs."""
        if self._knows_all_days:
            return
        today = wall(self.now, self.post.tzid).date()
        horizon = max(posts.get_horizon(service) for service in self.post.services)
        self._known = self._read(today, max(today + horizon, *self._days))
        self._knows_all_days = True

    def _read(self, first: date, last: date) -> KnownTimes:
        counters, services = [one.id for one in self.post.counters], [one.id for one in self.post.services]
        occupancy = slot_claims.read_occupancy(self.session, counters, services, first, last, now=self.now)
        known = KnownTimes(opening_days.compute_open_cells(self.post, first, last), occupancy)
        for made, assignment in self._taken:
            self._note_taken(known, made, assignment)
        return known

    @staticmethod
    def _note_taken(known: KnownTimes, made: Appointment, assignment: CounterAssignment) -> None:
        assert made.day is not None  # noqa: S101 - it was placed
        known.occupancy.take(assignment.counters, made.day, make_mask(assignment.first_cell, assignment.need.cells))
        known.occupancy.count(made.service_id or made.service.id, made.day, made.units)


def book(
    session: Session,
    service: Service,
    at: datetime,
    draft: VisitDraft,
    *,
    secret: str,
    now: datetime,
    desk: bool = False,
) -> Appointment:
    """Book a time, given as a wall time at the post, for a whole party or for nobody of it.

    With ``desk`` an officer books, and the visit is confirmed at once. Otherwise the time is held until the applicant
    confirms by the link in an e-mail.

    Raise SlotTaken if somebody else has the time, and NotOffered if it is not offered, each with the nearest free
    times; AlreadyBooked or Paused if one of the people may not book; Invalid if the party is too large.
    """
    fingerprints = make_fingerprints(service, draft, secret)
    posts.lock_post(session, service.post)
    wanted = VisitRequest(service=service, at=at, draft=draft, fingerprints=fingerprints)
    bookings = VisitBookings(session, service.post, [wanted], now=now, desk=desk)
    made = bookings.book(wanted)
    bookings.write()
    return made

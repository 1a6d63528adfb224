"""Confirmation of several visits in one transaction, with a few statements for all of them.

Fifty people who press the button at the same moment wait for one transaction, not each for those of all before them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, load_only, selectinload

from scheduler.base.errors import SchedulerError
from scheduler.model.places import City
from scheduler.model.posts import Post, Service
from scheduler.model.visits import PENDING, Applicant, Appointment, VisitStatus
from scheduler.services.common import tokens
from scheduler.services.common.audit import AuditLine, note_lines
from scheduler.services.consulate.posts import posts, slot_claims
from scheduler.services.consulate.visits import links, notices
from scheduler.services.consulate.visits.lifecycle import refuse_ended
from scheduler.services.consulate.visits.links import VisitPurpose
from scheduler.services.outbox import enqueue
from scheduler.storage.refusals import Held


class PostHeld(Held):
    """Somebody else holds the post of a visit, whose id is ``post``."""

    def __init__(self, post: int) -> None:
        super().__init__()
        self.post = post


class VisitConfirmations:
    """Visits that are confirmed or reconfirmed together, of posts that are locked.

    `confirm` and `reconfirm` decide in memory, `write` writes.
    """

    def __init__(self, session: Session, *, now: datetime) -> None:
        self.session, self.now = session, now
        self.confirmed: list[Appointment] = []
        self.letters: list[Mapping[str, Any]] = []
        self.lines: list[AuditLine] = []

    def confirm(self, appointment: Appointment) -> None:
        """Confirm a held or offered time; a second time changes nothing.

        Raise NoLongerStands if the visit has lapsed or was cancelled.
        """
        if appointment.status is VisitStatus.CONFIRMED:
            return
        refuse_ended(appointment, PENDING, self.now)
        appointment.status, appointment.expires_at = VisitStatus.CONFIRMED, None
        appointment.displaced_at = appointment.queued_at = None
        self.confirmed.append(appointment)
        self.lines.append(AuditLine("confirm", appointment.id, {}))
        self.letters += notices.list_confirmation_and_reminders(appointment, now=self.now)

    def reconfirm(self, appointment: Appointment) -> None:
        """Record that the applicant says once more that they will come.

        Raise NoLongerStands if the visit has ended.
        """
        refuse_ended(appointment, (VisitStatus.CONFIRMED,), self.now)
        if appointment.reconfirmed_at is None:
            appointment.reconfirmed_at = self.now
            self.lines.append(AuditLine("reconfirm", appointment.id, {}))

    def write(self) -> None:
        """Write what was decided, with a line of the audit for each visit and its letters."""
        if not self.lines:
            return
        self.session.flush()
        if self.confirmed:
            slot_claims.keep_for_good(self.session, [one.id for one in self.confirmed])
            enqueue.queue_many(self.session, self.letters)
        note_lines(self.session, "appointment", self.lines, now=self.now)


def confirm_each(
    session: Session, given: Sequence[str], *, secret: str, now: datetime, waits: bool = True
) -> list[tuple[Appointment, bool] | SchedulerError]:
    """Confirm or reconfirm visits by the links in their e-mails, in this order; a second time changes nothing.

    Return for each its visit and whether it was reconfirmed, or its error: NotFound, NoLongerStands, or PostHeld if
    its post would have to be waited for. ``waits`` is False where the visits may be of several posts, so that nobody
    waits for another post than their own.
    """
    numbers = {number for token in given if (number := tokens.read_row_id(token))}
    locked = posts.lock_posts(session, _posts_of(numbers), waits=waits)
    visits = {one.id: one for one in _read_visits(session, numbers)}
    batch = VisitConfirmations(session, now=now)
    with session.no_autoflush:
        results = [_confirm(batch, visits, locked, token, secret) for token in given]
    batch.write()
    return results


def _posts_of(numbers: Collection[int]) -> sa.Select[int]:
    theirs = sa.select(Appointment.service_id).where(Appointment.id.in_(numbers))
    return sa.select(Service.post_id).where(Service.id.in_(theirs))


def _read_visits(session: Session, numbers: Collection[int]) -> Sequence[Appointment]:
    """Read visits with what their letters and links are made of; other columns are read when they are asked for."""
    query = sa.select(Appointment).where(Appointment.id.in_(numbers)).options(*_TO_CONFIRM)
    return session.scalars(query, execution_options={"populate_existing": True}).all()


_TERMS = (Post.remind, Post.reconfirm_from, Post.reconfirm_until)
_TO_CONFIRM = (
    load_only(
        *(Appointment.status, Appointment.expires_at, Appointment.starts_at, Appointment.ends_at, Appointment.epoch),
        *(Appointment.sequence, Appointment.offers, Appointment.created_at, Appointment.reconfirmed_at),
        *(Appointment.displaced_at, Appointment.queued_at, Appointment.reference, Appointment.service_id),
    ),
    joinedload(Appointment.service).load_only(Service.post_id).joinedload(Service.post).load_only(*_TERMS),
    joinedload(Appointment.service).joinedload(Service.post).joinedload(Post.city).load_only(City.tzid),
    selectinload(Appointment.applicants).load_only(Applicant.position, Applicant.email),
)


def _confirm(
    batch: VisitConfirmations, visits: Mapping[int, Appointment], locked: Collection[int], token: str, secret: str
) -> tuple[Appointment, bool] | SchedulerError:
    try:
        visit = links.require(visits.get(tokens.read_row_id(token) or 0), token, VisitPurpose.CONFIRM, secret=secret)
        if visit.service.post_id not in locked:
            return PostHeld(visit.service.post_id)
        again = notices.needs_reconfirmation(visit, batch.now)
        (batch.reconfirm if again else batch.confirm)(visit)
    except SchedulerError as error:
        return error
    return visit, again

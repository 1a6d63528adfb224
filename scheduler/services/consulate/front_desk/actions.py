"""The acts of the front desk on a visit: check in, call, record the outcome, undo. Their order is in `turn_order`.

    with app.db.write(officer.actor) as session:
        visit = actions.check_in(session, references.get(session, reference), now=now)
        called = actions.call(session, post, counter, now=now)
        actions.finish(session, called, now=now)

Every act holds the post first, so that two counters never call the same person and no ticket is given twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.base.errors import Conflict
from scheduler.model.posts import Counter, Post
from scheduler.model.visits import PENDING, Applicant, Appointment, SlotClaim, VisitStatus
from scheduler.services.common.audit import note
from scheduler.services.consulate.front_desk.tickets import check_in_with_ticket
from scheduler.services.consulate.front_desk.today import (
    PRESENT,
    can_undo,
    get_today,
    list_present,
    list_services_served,
    sort_by_turn,
)
from scheduler.services.consulate.posts import posts, slot_claims
from scheduler.services.consulate.visits import booking, lifecycle, references
from scheduler.services.consulate.visits.booking import Unchanged
from scheduler.services.consulate.visits.lifecycle import NoLongerStands


class AnotherDay(Conflict):
    """The visit is for another day."""


class NobodyWaits(Conflict):
    """Nobody waits whom this counter serves."""


# Checking in


def check_in(session: Session, appointment: Appointment, *, now: datetime) -> Appointment:
    """Check a visit in: from now on it waits, with a ticket.

    Raise AnotherDay if it is not for today, Unchanged if it is checked in already, NoLongerStands if it has ended,
    and Conflict if it is not confirmed.
    """
    lifecycle.lock_visit(session, appointment)
    _refuse_checked_in(appointment)
    _refuse_unconfirmed(appointment, now)
    _refuse_other_day(appointment, now)
    before = _record_state(appointment, "check in", now)
    check_in_with_ticket(session, appointment, now)
    appointment.before = before
    note(session, "check in", "appointment", appointment.id, now=now, ticket=appointment.ticket)
    session.flush()
    return appointment


def _refuse_checked_in(row: Appointment) -> None:
    if row.status in PRESENT and row.checked_in_at is not None:
        raise Unchanged(
            "{reference} has already checked in, at {time} ({tz}), with ticket {ticket}",
            reference=row.reference,
            time=f"{wall(row.checked_in_at, row.service.post.tzid):%H:%M}",
            tz=row.service.post.tzid,
            ticket=row.ticket,
        )


def _refuse_unconfirmed(row: Appointment, now: datetime) -> None:
    """Raise NoLongerStands if a visit has ended, and Conflict if it is not confirmed yet."""
    if row.status in PENDING and not row.has_expired(now):
        raise Conflict("{reference} is not confirmed yet; confirm it first", reference=row.reference)
    if row.status is not VisitStatus.CONFIRMED:
        status = VisitStatus.LAPSED if row.has_expired(now) else row.status
        raise NoLongerStands(
            "appointment {reference} is no longer valid: {status}", reference=row.reference, status=status
        )


def _refuse_other_day(row: Appointment, now: datetime) -> None:
    assert row.dtstart is not None  # noqa: S101 - it is confirmed
    tzid, today = row.service.post.tzid, get_today(row.service.post, now=now)
    if row.day != today:
        raise AnotherDay(
            "appointment {reference} is for {time} ({tz}); today is {today}",
            reference=row.reference,
            time=f"{row.dtstart:%Y-%m-%d %H:%M}",
            tz=tzid,
            today=today,
        )


# Calling


def call(
    session: Session, post: Post, counter: Counter, *, now: datetime, reference: str | None = None
) -> Appointment:
    """Call a visit to a counter: the next in order of those that it serves, or the one with this reference.

    Raise NobodyWaits if there is none, and Conflict if the counter still has a visit or the one named does not wait.
    """
    posts.lock_post(session, post)
    rows = list_present(session, post, now)
    _refuse_busy_counter(rows, counter.id)
    served = list_services_served(post, counter)
    candidates = [row for row in sort_by_turn(rows, now) if row.service_id in served or reference is not None]
    row = _choose(candidates, counter, reference)
    row.before = _record_state(row, "call", now)
    row.status, row.counter_id, row.called_at, row.recalls = VisitStatus.CALLED, counter.id, now, 0
    session.flush()
    session.expire(row, ["counter"])
    note(session, "call", "appointment", row.id, now=now, counter=counter.key, ticket=row.ticket)
    return row


def _refuse_busy_counter(rows: Sequence[Appointment], counter_id: int | None) -> None:
    busy = next((row for row in rows if row.status is VisitStatus.CALLED and row.counter_id == counter_id), None)
    if busy is not None:
        raise Conflict(
            "counter {counter} is still serving {ticket}; first choose the result: served, no-show or sent back",
            counter=busy.counter.key if busy.counter else "",
            ticket=busy.ticket,
        )


def _choose(candidates: Sequence[Appointment], counter: Counter, reference: str | None) -> Appointment:
    if reference is None:
        if not candidates:
            raise NobodyWaits("nobody is waiting for counter {counter}", counter=counter.key)
        return candidates[0]
    wanted = references.read(reference)
    found = next((row for row in candidates if row.reference == wanted), None)
    if found is None:
        raise Conflict("{reference} is not waiting here now", reference=wanted)
    return found


def recall(session: Session, appointment: Appointment, *, now: datetime) -> Appointment:
    """Call a visit once more whose people have not come to the counter. Raise Conflict if it is not called."""
    lifecycle.lock_visit(session, appointment)
    _refuse_uncalled(appointment)
    appointment.before = _record_state(appointment, "recall", now)
    appointment.recalls += 1
    session.flush()
    note(session, "recall", "appointment", appointment.id, now=now, recalls=appointment.recalls)
    return appointment


def send_back(session: Session, appointment: Appointment, *, now: datetime) -> Appointment:
    """Send a called visit back to its former place in the queue. Raise Conflict if it is not called."""
    lifecycle.lock_visit(session, appointment)
    _refuse_uncalled(appointment)
    appointment.before = _record_state(appointment, "send back", now)
    appointment.status, appointment.recalls = VisitStatus.CHECKED_IN, 0
    appointment.counter_id = appointment.called_at = None
    session.flush()
    session.expire(appointment, ["counter"])
    note(session, "send back", "appointment", appointment.id, now=now)
    return appointment


def _refuse_uncalled(row: Appointment) -> None:
    if row.status is not VisitStatus.CALLED:
        raise Conflict("{reference} has not been called: {status}", reference=row.reference, status=row.status)


# Outcomes


def finish(session: Session, appointment: Appointment, *, now: datetime) -> Appointment:
    """Record that a called visit was served. Raise Conflict if it is not called."""
    lifecycle.lock_visit(session, appointment)
    _refuse_uncalled(appointment)
    return _record_outcome(session, appointment, VisitStatus.SERVED, "finish", now)


def record_no_show(session: Session, appointment: Appointment, *, now: datetime) -> Appointment:
    """Record that nobody came to the post or to the counter; only an officer decides this.

    Raise NoLongerStands and Unchanged as `booking.record_outcome` does.
    """
    lifecycle.lock_visit(session, appointment)
    return _record_outcome(session, appointment, VisitStatus.NO_SHOW, "no-show", now)


def _record_outcome(
    session: Session, row: Appointment, status: VisitStatus, action: str, now: datetime
) -> Appointment:
    before = _record_state(row, action, now)
    before["cells"] = [[claim.counter_id, claim.day.isoformat(), claim.cell] for claim in _list_claims(session, row)]
    booking.record_outcome(session, row, status, now=now)
    row.before = before
    session.flush()
    return row


def _list_claims(session: Session, row: Appointment) -> Sequence[SlotClaim]:
    return session.scalars(sa.select(SlotClaim).where(SlotClaim.appointment_id == row.id)).all()


# Undo


_INSTANTS = ("checked_in_at", "called_at", "ended_at")


def _record_state(row: Appointment, action: str, now: datetime) -> dict[str, Any]:
    """Return the state of a visit before an act, for `undo`; it holds no personal data."""
    instants = {name: getattr(row, name) for name in _INSTANTS}
    return {
        "act": action,
        "at": now.isoformat(),
        "status": str(row.status),
        "counter_id": row.counter_id,
        "recalls": row.recalls,
        "ticket": row.ticket,
        **{name: at.astimezone(UTC).isoformat() if at else None for name, at in instants.items()},
    }


def undo(session: Session, appointment: Appointment, *, now: datetime) -> Appointment:
    """Undo the last act of the front desk on a visit, once and within `today.UNDO_WITHIN`.

    Raise Conflict if there is nothing to undo, if the counter has another visit by now, or if one of the people has
    booked again since.
    """
    lifecycle.lock_visit(session, appointment)
    row, before = appointment, appointment.before
    if not can_undo(row, now):
        raise Conflict("{reference}: there is nothing to undo", reference=row.reference)
    status = VisitStatus(before["status"])
    if status is VisitStatus.CALLED and row.status is not VisitStatus.CALLED:
        _refuse_busy_counter(list_present(session, row.service.post, now), before["counter_id"])
    _reactivate_applicants(session, row)
    row.status, row.counter_id, row.recalls = status, before["counter_id"], before["recalls"]
    row.ticket = before["ticket"]
    for name in _INSTANTS:
        setattr(row, name, datetime.fromisoformat(before[name]) if before[name] else None)
    row.before = {}
    session.flush()
    _reclaim_cells(session, before.get("cells", ()), row)
    session.expire(row, ["counter", "claims"])
    note(session, "undo", "appointment", row.id, now=now, act=before["act"])
    return row


def _reactivate_applicants(session: Session, row: Appointment) -> None:
    """Make the applicants of a visit active again.

    Raise Conflict if one has booked again since: nobody has two active visits for a service.
    """
    for applicant in row.applicants:
        if not applicant.active:
            other = sa.select(Applicant.id).where(
                Applicant.service_id == row.service_id,
                Applicant.fingerprint == applicant.fingerprint,
                Applicant.active.is_(True),
            )
            if session.scalar(other.limit(1)) is not None:
                raise Conflict(
                    "another appointment has been booked since; {reference} stays as it is", reference=row.reference
                )
            applicant.active = True


def _reclaim_cells(session: Session, cells: Sequence[Sequence[Any]], row: Appointment) -> None:
    """Claim the cells once more that nobody else has taken; the others are not needed, as their time has come."""
    slot_claims.take_again(session, row, [(counter, date.fromisoformat(day), cell) for counter, day, cell in cells])

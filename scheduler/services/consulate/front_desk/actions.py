"""The front desk of a post: who has come, whose turn it is, who is at which counter. In which order: `turns`.

    with app.db.write(officer.actor) as session:
        visit = queueing.check_in(session, visits.get(session, reference), now=now)
        called = queueing.call(session, post, counter, now=now)
        queueing.finish(session, called, now=now)

Everybody here holds the post first, so that two counters never call the same person and no two get one ticket.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.base.errors import Conflict, Invalid, SchedulerError
from scheduler.base.text import check_line
from scheduler.model import (
    Applicant,
    Appointment,
    Counter,
    Post,
    Service,
    SlotClaim,
    Ticket,
    VisitStatus,
)
from scheduler.model.visits import PENDING
from scheduler.services.common.audit import note
from scheduler.services.consulate.front_desk.today import HERE, can_undo, get_today, here, ordered, serves
from scheduler.services.consulate.posts import free_times, opening_days, posts, slot_claims, slots
from scheduler.services.consulate.posts.free_times import Party
from scheduler.services.consulate.posts.reasons import explained
from scheduler.services.consulate.posts.slots import Need, Window
from scheduler.services.consulate.visits import booking, lifecycle, references
from scheduler.services.consulate.visits.booking import AlreadyBooked, Unchanged
from scheduler.services.consulate.visits.lifecycle import NoLongerStands
from scheduler.services.consulate.visits.visit_drafts import MOST_DOCUMENTS


class AnotherDay(Conflict):
    """The visit is for another day."""


class NobodyWaits(Conflict):
    """Nobody waits whom this counter serves."""


class NoWalkIns(Conflict):
    """Nobody is taken without an appointment."""


# Coming


def check_in(session: Session, appointment: Appointment, *, now: datetime) -> Appointment:
    """They are here: from now on they wait, with a ticket.

    Raises AnotherDay (naming the day that the visit is for), Unchanged for who is checked in already (naming since
    when), Over for a visit that does not stand, Conflict for one that is not confirmed.
    """
    lifecycle.hold(session, appointment)
    _refuse_here(appointment)
    _refuse_ended(appointment, now)
    _refuse_other_day(appointment, now)
    before = _state(appointment, "check in", now)
    _arrive(session, appointment, now)
    appointment.before = before
    note(session, "check in", "appointment", appointment.id, now=now, ticket=appointment.ticket)
    session.flush()
    return appointment


def _refuse_here(row: Appointment) -> None:
    if row.status in HERE and row.checked_in_at is not None:
        raise Unchanged(
            "{reference} is checked in already, since {time} ({tz}), with ticket {ticket}",
            reference=row.reference,
            time=f"{wall(row.checked_in_at, row.service.post.tzid):%H:%M}",
            tz=row.service.post.tzid,
            ticket=row.ticket,
        )


def _refuse_ended(row: Appointment, now: datetime) -> None:
    if row.status in PENDING and not row.has_expired(now):
        raise Conflict("{reference} is not confirmed yet; confirm it first", reference=row.reference)
    if row.status is not VisitStatus.CONFIRMED:
        status = VisitStatus.LAPSED if row.has_expired(now) else row.status
        raise NoLongerStands(
            "booking {reference} does not stand any more: {status}", reference=row.reference, status=status
        )


def _refuse_other_day(row: Appointment, now: datetime) -> None:
    assert row.dtstart is not None  # noqa: S101 - it is confirmed
    tzid, today = row.service.post.tzid, get_today(row.service.post, now=now)
    if row.day != today:
        raise AnotherDay(
            "the visit {reference} is for {time} ({tz}); today is {today}",
            reference=row.reference,
            time=f"{row.dtstart:%Y-%m-%d %H:%M}",
            tz=tzid,
            today=today,
        )


def _arrive(session: Session, row: Appointment, now: datetime) -> None:
    row.status, row.checked_in_at, row.recalls = VisitStatus.CHECKED_IN, now, 0
    row.ticket = _ticket(session, row)
    session.flush()


def _ticket(session: Session, row: Appointment) -> str:
    """The letter of the service and the number of the day; the same again for who was checked in before today."""
    post, day = row.service.post, row.day
    assert day is not None  # noqa: S101 - it is today
    mine = sa.select(Ticket.number).where(Ticket.appointment_id == row.id, Ticket.day == day)
    number = session.scalar(mine.order_by(Ticket.number).limit(1))
    if number is None:
        drawn = sa.select(sa.func.max(Ticket.number)).where(Ticket.post_id == post.id, Ticket.day == day)
        number = (session.scalar(drawn) or 0) + 1  # the post is held; and the primary key refuses a second one
        session.execute(sa.insert(Ticket).values(post_id=post.id, day=day, number=number, appointment_id=row.id))
    return f"{_letter(row.service)}-{number:03}"


def _letter(service: Service) -> str:
    return next((sign.upper() for sign in service.key if sign.isascii() and sign.isalpha()), "A")


def walk_in(
    session: Session,
    service: Service,
    name: str,
    *,
    language: str,
    people: int = 1,
    documents: int = 1,
    document: str | None = None,
    secret: str,
    now: datetime,
) -> Appointment:
    """Somebody without an appointment: they wait from now on, with a ticket, and no cell is kept for them.

    ``document``, its number, is needed only where one person may have one visit: who has booked is not taken as a
    walk-in. Raises NoWalkIns where the service takes none or the post is closed now, AlreadyBooked, Invalid.
    """
    called = _named(name)
    post = service.post
    _refuse_party(post, people, documents)
    posts.hold(session, post)
    _refuse_walk_ins(service, now)
    fingerprint = _fingerprint(session, service, document, secret=secret, now=now)
    row = _walked_in(session, service, people, documents, now)
    row.applicants = [
        Applicant(
            position=0, name=called, language=language, fingerprint=fingerprint, service_id=service.id, active=True
        )
    ]
    session.add(row)
    session.flush()
    _arrive(session, row, now)
    note(session, "walk in", "appointment", row.id, now=now, service=service.key, ticket=row.ticket)
    return row


def _named(name: str) -> str:
    try:
        return check_line(name, most=300)
    except Invalid as error:
        raise Invalid("{place}: {problem}", place="name", problem=error) from error


def _refuse_party(post: Post, people: int, documents: int) -> None:
    if not 1 <= people <= post.largest_party:
        raise Invalid("people: at most {most} are received together", most=post.largest_party)
    if not 1 <= documents <= MOST_DOCUMENTS:
        raise Invalid("documents: write a number from 1 to {most}", most=MOST_DOCUMENTS)


def _refuse_walk_ins(service: Service, now: datetime) -> None:
    if not service.walk_ins:
        raise NoWalkIns("{service} is by appointment only; book a time for them", service=service.key)
    post = service.post
    at = wall(now, post.tzid).replace(second=0, microsecond=0)
    cell = at - timedelta(minutes=at.minute % post.cell)
    why = slots.why(
        opening_days.make_plan(post, cell.date(), cell.date()),
        Need(1),
        counters=[counter.id for counter in service.served_at] if service.offered else [],
        claims={},
        at=cell,
        window=Window(earliest=cell, last_on=cell.date()),
        today=cell,
    )
    if why is not None:
        raise NoWalkIns("nobody can be taken now: {problem}", problem=explained(why, at, service))


def _fingerprint(session: Session, service: Service, document: str | None, *, secret: str, now: datetime) -> str:
    if document is None:
        return secrets.token_hex(32)  # of nobody: it tells two who have shown none apart
    try:
        found = references.fingerprint(document, secret=secret)
    except SchedulerError as error:
        raise Invalid("{place}: {problem}", place="document", problem=error) from error
    query = (
        sa.select(Appointment.reference, Appointment.dtstart)
        .join(Applicant, Applicant.appointment_id == Appointment.id)
        .where(Applicant.service_id == service.id, Applicant.active.is_(True), Applicant.fingerprint == found)
    )
    booked = session.execute(query.limit(1)).first()
    if booked is None:
        return found
    if booked.dtstart is not None and booked.dtstart.date() == get_today(service.post, now=now):
        raise AlreadyBooked("they have an appointment today: check in {reference}", reference=booked.reference)
    raise AlreadyBooked("they have a booking for this service already: {reference}", reference=booked.reference)


def _walked_in(session: Session, service: Service, people: int, documents: int, now: datetime) -> Appointment:
    party = Party(people=people, documents=documents)
    row = lifecycle.blank(session, service, party, status=VisitStatus.CHECKED_IN, now=now)
    row.walk_in = True
    start = wall(now, service.post.tzid).replace(second=0, microsecond=0)
    row.place(start, start + free_times.length(service, party))
    return row


# Being called


def call(
    session: Session, post: Post, counter: Counter, *, now: datetime, reference: str | None = None
) -> Appointment:
    """Call to a counter whose turn it is of those whom it serves, or the one with this reference.

    Raises NobodyWaits; Conflict where the counter is still with somebody, or the one named does not wait.
    """
    posts.hold(session, post)
    rows = here(session, post, now)
    _refuse_busy(rows, counter.id)
    served = serves(post, counter)
    mine = [row for row in ordered(rows, now) if row.service_id in served or reference is not None]
    row = _chosen(mine, counter, reference)
    row.before = _state(row, "call", now)
    row.status, row.counter_id, row.called_at, row.recalls = VisitStatus.CALLED, counter.id, now, 0
    session.flush()
    session.expire(row, ["counter"])
    note(session, "call", "appointment", row.id, now=now, counter=counter.key, ticket=row.ticket)
    return row


def _refuse_busy(rows: Sequence[Appointment], counter: int | None) -> None:
    busy = next((row for row in rows if row.status is VisitStatus.CALLED and row.counter_id == counter), None)
    if busy is not None:
        raise Conflict(
            "counter {counter} is still with {ticket}; say first what became of them: served, no-show or sent back",
            counter=busy.counter.key if busy.counter else "",
            ticket=busy.ticket,
        )


def _chosen(mine: Sequence[Appointment], counter: Counter, reference: str | None) -> Appointment:
    if reference is None:
        if not mine:
            raise NobodyWaits("nobody waits whom counter {counter} serves", counter=counter.key)
        return mine[0]
    wanted = references.read(reference)
    found = next((row for row in mine if row.reference == wanted), None)
    if found is None:
        raise Conflict("{reference} does not wait here now", reference=wanted)
    return found


def recall(session: Session, appointment: Appointment, *, now: datetime) -> Appointment:
    """Call somebody once more who was called and has not come. Raises Conflict for who is not called."""
    lifecycle.hold(session, appointment)
    _refuse_uncalled(appointment)
    appointment.before = _state(appointment, "recall", now)
    appointment.recalls += 1
    session.flush()
    note(session, "recall", "appointment", appointment.id, now=now, recalls=appointment.recalls)
    return appointment


def send_back(session: Session, appointment: Appointment, *, now: datetime) -> Appointment:
    """Called too soon: they wait again, where they waited. Raises Conflict for who is not called."""
    lifecycle.hold(session, appointment)
    _refuse_uncalled(appointment)
    appointment.before = _state(appointment, "send back", now)
    appointment.status, appointment.recalls = VisitStatus.CHECKED_IN, 0
    appointment.counter_id = appointment.called_at = None
    session.flush()
    session.expire(appointment, ["counter"])
    note(session, "send back", "appointment", appointment.id, now=now)
    return appointment


def _refuse_uncalled(row: Appointment) -> None:
    if row.status is not VisitStatus.CALLED:
        raise Conflict("{reference} is not called: {status}", reference=row.reference, status=row.status)


def finish(session: Session, appointment: Appointment, *, now: datetime) -> Appointment:
    """They were served. Raises Conflict for who is not called."""
    lifecycle.hold(session, appointment)
    _refuse_uncalled(appointment)
    return _conclude(session, appointment, VisitStatus.SERVED, "finish", now)


def record_no_show(session: Session, appointment: Appointment, *, now: datetime) -> Appointment:
    """They did not come, or not to the counter. Never by itself: an officer says so. Raises Over, Unchanged."""
    lifecycle.hold(session, appointment)
    return _conclude(session, appointment, VisitStatus.NO_SHOW, "no-show", now)


def _conclude(session: Session, row: Appointment, status: VisitStatus, act: str, now: datetime) -> Appointment:
    before = _state(row, act, now)
    before["cells"] = [[cell.counter_id, cell.day.isoformat(), cell.cell] for cell in _cells(session, row)]
    booking.record_outcome(session, row, status, now=now)
    row.before = before
    session.flush()
    return row


def _cells(session: Session, row: Appointment) -> Sequence[SlotClaim]:
    return session.scalars(sa.select(SlotClaim).where(SlotClaim.appointment_id == row.id)).all()


# Taking back


_INSTANTS = ("checked_in_at", "called_at", "ended_at")


def _state(row: Appointment, act: str, now: datetime) -> dict[str, Any]:
    """How a visit stands before an act; nothing of who it is."""
    instants = {name: getattr(row, name) for name in _INSTANTS}
    return {
        "act": act,
        "at": now.isoformat(),
        "status": str(row.status),
        "counter_id": row.counter_id,
        "recalls": row.recalls,
        "ticket": row.ticket,
        **{name: at.astimezone(UTC).isoformat() if at else None for name, at in instants.items()},
    }


def undo(session: Session, appointment: Appointment, *, now: datetime) -> Appointment:
    """Take back the last act of the front desk: the visit stands as it stood before. Once, and for `UNDO` only.

    Raises Conflict where there is nothing to take back, where the counter is with somebody else meanwhile, or where
    they have booked anew.
    """
    lifecycle.hold(session, appointment)
    row, before = appointment, appointment.before
    if not can_undo(row, now):
        raise Conflict("there is nothing to take back of {reference}", reference=row.reference)
    status = VisitStatus(before["status"])
    if status is VisitStatus.CALLED and row.status is not VisitStatus.CALLED:
        _refuse_busy(here(session, row.service.post, now), before["counter_id"])
    _stand_again(session, row)
    row.status, row.counter_id, row.recalls = status, before["counter_id"], before["recalls"]
    row.ticket = before["ticket"]
    for name in _INSTANTS:
        setattr(row, name, datetime.fromisoformat(before[name]) if before[name] else None)
    row.before = {}
    session.flush()
    _take_cells(session, before.get("cells", ()), row)
    session.expire(row, ["counter", "claims"])
    note(session, "undo", "appointment", row.id, now=now, act=before["act"])
    return row


def _stand_again(session: Session, row: Appointment) -> None:
    """Nobody has two visits for a service; who was served and has booked again since keeps the new one."""
    for applicant in row.applicants:
        if not applicant.active:
            other = sa.select(Applicant.id).where(
                Applicant.service_id == row.service_id,
                Applicant.fingerprint == applicant.fingerprint,
                Applicant.active.is_(True),
            )
            if session.scalar(other.limit(1)) is not None:
                raise Conflict("they have booked anew since; {reference} stays as it is", reference=row.reference)
            applicant.active = True


def _take_cells(session: Session, cells: Sequence[Sequence[Any]], row: Appointment) -> None:
    """What nobody has taken meanwhile; their time has come, so that nothing hangs on the rest."""
    slot_claims.take_again(session, row, [(counter, date.fromisoformat(day), cell) for counter, day, cell in cells])

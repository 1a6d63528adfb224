"""What `scheduler doctor` looks at: each check answers with what it found and, where it can be mended, how."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import tzdata_problem, tzdata_version
from scheduler.base.i18n import N_
from scheduler.model import Account, AccountRole, Appointment, Attendee, Audit, Capacity, Event, Letter
from scheduler.model.attendance import HOLDING
from scheduler.services.consulate.visits import rezoning as visit_rezoning
from scheduler.services.privacy import retention

Gettext = Callable[[str], str]
LATE = timedelta(minutes=15)  # a worker that is there sends within seconds
SKEW = timedelta(minutes=2)


class CheckResult(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    state: CheckResult
    found: str
    remedy: str = ""


def time_zones(gettext: Gettext) -> Finding:
    problem = tzdata_problem(gettext)
    if problem:
        return Finding(N_("time zones"), CheckResult.FAILURE, problem, gettext(N_("upgrade the package tzdata")))
    return Finding(N_("time zones"), CheckResult.OK, tzdata_version())


def stored(session: Session, *, now: datetime, gettext: Gettext, keep: timedelta | None = None) -> Iterator[Finding]:
    """Everything that can be said of a database whose tables fit."""
    yield _clock(session, now, gettext)
    yield _places(session, gettext)
    yield _instants(session, now, gettext)
    yield _letters(session, now, gettext)
    yield _accounts(session, gettext)
    yield _retention(session, now, gettext, keep)


def _clock(session: Session, now: datetime, gettext: Gettext) -> Finding:
    """A clock that is behind what was already written down, or that differs from the server's, is wrong."""
    last = session.scalar(sa.select(sa.func.max(Audit.at)))
    if session.get_bind().dialect.name == "postgresql":
        last = session.scalar(sa.select(sa.func.now()))
        wrong = last is not None and abs(last - now) > SKEW
    else:
        wrong = last is not None and last - now > SKEW
    found = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if not wrong:
        return Finding(N_("clock"), CheckResult.OK, found)
    return Finding(
        N_("clock"),
        CheckResult.FAILURE,
        gettext(N_("{now}, but the database says {last:%Y-%m-%d %H:%M:%S} UTC")).format(now=found, last=last),
        gettext(N_("set the clock of this machine (NTP)")),
    )


def _places(session: Session, gettext: Gettext) -> Finding:
    """The count of places taken is kept beside the list, for speed; here the two are compared."""
    held = (
        sa.select(Attendee.event_id, Attendee.mode, sa.func.sum(1 + Attendee.companions).label("places"))
        .where(Attendee.standing.in_(HOLDING))
        .group_by(Attendee.event_id, Attendee.mode)
        .subquery()
    )
    same = sa.and_(held.c.event_id == Capacity.event_id, held.c.mode == Capacity.mode)
    query = sa.select(Event.key).join(Capacity, Capacity.event_id == Event.id).outerjoin(held, same)
    wrong = session.scalars(query.where(Capacity.taken != sa.func.coalesce(held.c.places, 0)).limit(5)).all()
    if not wrong:
        return Finding(N_("places"), CheckResult.OK, gettext(N_("every count agrees with its list")))
    return Finding(
        N_("places"), CheckResult.FAILURE, ", ".join(wrong), gettext(N_("report this: it should be impossible"))
    )


def _instants(session: Session, now: datetime, gettext: Gettext) -> Finding:
    """Events and visits whose hour on the wall is another instant under the installed tz data."""
    dated = sa.select(Event).where(Event.starts_at.is_not(None)).execution_options(yield_per=500)
    moved = [
        event.key
        for event in session.scalars(dated)
        if event.instants(strict=False) != (event.starts_at, event.ends_at)
    ]
    visits = visit_rezoning.wrong(session, now=now)[:5]
    moved += session.scalars(sa.select(Appointment.reference).where(Appointment.id.in_(visits))).all()
    if not moved:
        return Finding(
            N_("instants"),
            CheckResult.OK,
            gettext(N_("every event and visit stands right under the installed tz data")),
        )
    return Finding(N_("instants"), CheckResult.WARNING, ", ".join(moved[:5]), "scheduler zones check")


def _letters(session: Session, now: datetime, gettext: Gettext) -> Finding:
    to_do = sa.select(sa.func.count(), sa.func.min(Letter.due_at)).where(Letter.outcome.is_(None))
    count, oldest = session.execute(to_do.where(Letter.due_at <= now)).one()
    failed = session.scalar(sa.select(sa.func.count()).where(Letter.outcome == "failed")) or 0
    waiting = session.scalar(to_do.with_only_columns(sa.func.count()).where(Letter.due_at > now)) or 0
    said = gettext(N_("due: {count}, waiting: {waiting}, failed: {failed}"))
    found = said.format(count=count, waiting=waiting, failed=failed)
    if oldest is not None and now - oldest > LATE:
        return Finding(N_("letters"), CheckResult.WARNING, found, gettext(N_("start a worker: scheduler worker")))
    if failed:
        return Finding(N_("letters"), CheckResult.WARNING, found, "scheduler letter list --outcome failed")
    return Finding(N_("letters"), CheckResult.OK, found)


def _accounts(session: Session, gettext: Gettext) -> Finding:
    """Without an administrator the desk works from the shell alone: a hint, no fault."""
    here = sa.select(sa.func.count()).select_from(Account).where(Account.disabled_at.is_(None))
    all_of_them = session.scalar(here) or 0
    if not session.scalar(here.where(Account.role == AccountRole.ADMINISTRATOR)):
        found = gettext(N_("there is no administrator; the pages of the desk need one"))
        return Finding(N_("accounts"), CheckResult.OK, found, "scheduler account add NAME --role administrator")
    return Finding(N_("accounts"), CheckResult.OK, gettext(N_("in force: {count}")).format(count=all_of_them))


def _retention(session: Session, now: datetime, gettext: Gettext, keep: timedelta | None) -> Finding:
    """What is promised on the form must be done: by the worker, every night."""
    if keep is None:
        return Finding(N_("retention"), CheckResult.OK, gettext(N_("visitors are kept until they ask")))
    last, due = retention.last_run(session), retention.count_due(session, keep=keep, now=now)
    run = f"{last:%Y-%m-%d %H:%M} UTC" if last else gettext(N_("never"))
    said = gettext(N_("visitors are forgotten after {days} days; due: {due}, last run: {run}"))
    found = said.format(days=keep.days, due=due, run=run)
    if due and (last is None or now - last > retention.LATE):
        remedy = gettext(N_("start a worker: scheduler worker"))
        return Finding(N_("retention"), CheckResult.WARNING, found, remedy)
    return Finding(N_("retention"), CheckResult.OK, found)

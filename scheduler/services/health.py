"""The checks of `scheduler doctor`: each returns what it found and, if something is wrong, what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import tzdata_problem, tzdata_version
from scheduler.base.config import WaitingRoomMode
from scheduler.base.durations import format_duration
from scheduler.base.i18n import N_
from scheduler.model.accounts import Account, AccountRole
from scheduler.model.attendance import Attendee, has_places
from scheduler.model.audit import Audit
from scheduler.model.events import Capacity, Event
from scheduler.model.letters import Letter
from scheduler.model.operations import JobRecord
from scheduler.model.visits import Appointment
from scheduler.services.common.request_limits import count_senders
from scheduler.services.consulate.visits import rezoning as visit_rezoning
from scheduler.services.letters import ledger
from scheduler.services.operations import waiting_room, workers
from scheduler.services.operations.job_records import read_records
from scheduler.services.operations.timetable import TIMETABLE, ScheduledJob
from scheduler.services.outbox import backlog
from scheduler.services.privacy import retention

Gettext = Callable[[str], str]
MINUTE = timedelta(minutes=1)
MANY_FORMS = 5  # of one address within an hour: more than one person usually sends


class CheckResult(StrEnum):
    """Severity of a finding; a note is no fault, but something that is not there, or could be done."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """The finding of one check: its subject and state, and what to do (``remedy``: words, or a command)."""

    what: str
    state: CheckResult
    found: str
    remedy: str = ""


def check_time_zones(gettext: Gettext) -> HealthFinding:
    """Check the installed time zone data, without a database."""
    problem = tzdata_problem(gettext)
    if problem:
        return HealthFinding(
            N_("time zones"), CheckResult.FAILURE, problem, gettext(N_("upgrade the package tzdata"))
        )
    return HealthFinding(N_("time zones"), CheckResult.OK, tzdata_version())


def check_database(
    session: Session, *, read_clock: Callable[[], datetime], gettext: Gettext, keep: timedelta | None = None
) -> Iterator[HealthFinding]:
    """Run all checks of a database whose tables are those of this version."""
    now = read_clock()
    yield _check_clock(session, read_clock, gettext)
    yield _check_places(session, gettext)
    yield _check_instants(session, now, gettext)
    yield _check_letters(session, now, gettext)
    yield from _check_worker(session, now, gettext)
    yield from _check_held_letters(session, gettext)
    yield _check_accounts(session, gettext)
    yield _check_retention(session, now, gettext, keep)
    yield _find_last_backup(session, gettext)


def check_senders(
    session: Session, *, secret: str, proxies: int, base_url: str, now: datetime, gettext: Gettext
) -> HealthFinding:
    """Compare who sent forms lately with the proxies that are trusted: a wrong number makes all visitors one."""
    counts, name = count_senders(session, secret=secret, now=now), N_("visitors")
    found = gettext(N_("forms within the last hour: {forms}, from addresses: {senders}"))
    found = found.format(forms=counts.forms, senders=counts.senders)
    proxied = base_url.startswith("https://")  # the server itself speaks no TLS
    if counts.unknown:
        found = gettext(N_("forms from addresses that cannot be read: {count}")).format(count=counts.unknown)
        remedy = gettext(N_("let the proxy write the client's address into X-Forwarded-For"))
    elif proxied and not proxies:
        remedy = gettext(
            N_("base_url is https, so there is a proxy: set trusted_proxies, otherwise all visitors share one limit")
        )
    elif (proxied or proxies) and counts.senders == 1 and counts.forms >= MANY_FORMS:
        remedy = gettext(
            N_("if several people sent them: set trusted_proxies to the number of proxies before the server")
        )
    else:
        return HealthFinding(name, CheckResult.OK, found)
    return HealthFinding(name, CheckResult.WARNING, found, remedy)


def check_waiting_room(session: Session, *, mode: str, most: str, gettext: Gettext) -> HealthFinding:
    """Tell how many wait to book or register, where that is switched on; that somebody waits is no fault."""
    name, counts = N_("waiting room"), waiting_room.count_places(session)
    if mode == WaitingRoomMode.OFF:
        return HealthFinding(name, CheckResult.OK, gettext(N_("off: nobody has to wait in line")))
    if counts.opened_at is None:
        return HealthFinding(name, CheckResult.OK, gettext(N_("closed: everybody is served at once")))
    said = gettext(N_("open since: {when}; waiting: {waiting}, inside: {inside}, of at most: {most}"))
    when = f"{counts.opened_at:%Y-%m-%d %H:%M} UTC"
    found = said.format(when=when, waiting=counts.waiting, inside=counts.inside, most=most)
    if not counts.waiting:
        return HealthFinding(name, CheckResult.OK, found)
    remedy = gettext(N_("if the server has time to spare: let in more at the same time, by waiting_room_inside"))
    return HealthFinding(name, CheckResult.NOTE, found, remedy)


def _check_clock(session: Session, read_clock: Callable[[], datetime], gettext: Gettext) -> HealthFinding:
    """Compare our clock with that of the database server; on SQLite with the last line of the audit."""
    now = read_clock()
    if session.get_bind().dialect.name == "postgresql":
        error = workers.clock_error(workers.measure_skew(session, read_clock))
    else:
        last = session.scalar(sa.select(sa.func.max(Audit.at)))
        error = workers.clock_error(min(now - last, timedelta())) if last else None
    if error is None:
        return HealthFinding(N_("clock"), CheckResult.OK, f"{now:%Y-%m-%d %H:%M:%S} UTC")
    return HealthFinding(
        N_("clock"), CheckResult.FAILURE, error.text(gettext), gettext(N_("set the clock of this machine (NTP)"))
    )


def _check_places(session: Session, gettext: Gettext) -> HealthFinding:
    """Compare the stored count of places taken with the list itself, for every event and mode."""
    held = (
        sa.select(Attendee.event_id, Attendee.mode, sa.func.sum(1 + Attendee.companions).label("places"))
        .where(has_places())
        .group_by(Attendee.event_id, Attendee.mode)
        .subquery()
    )
    same = sa.and_(held.c.event_id == Capacity.event_id, held.c.mode == Capacity.mode)
    query = sa.select(Event.key).join(Capacity, Capacity.event_id == Event.id).outerjoin(held, same)
    wrong = session.scalars(query.where(Capacity.taken != sa.func.coalesce(held.c.places, 0)).limit(5)).all()
    if not wrong:
        return HealthFinding(N_("places"), CheckResult.OK, gettext(N_("every count agrees with its list")))
    return HealthFinding(
        N_("places"), CheckResult.FAILURE, ", ".join(wrong), gettext(N_("report this: it should not be possible"))
    )


def _check_instants(session: Session, now: datetime, gettext: Gettext) -> HealthFinding:
    """Look for events and visits whose wall time is another instant under the installed time zone data."""
    dated = sa.select(Event).where(Event.starts_at.is_not(None)).execution_options(yield_per=500)
    moved = [
        event.key
        for event in session.scalars(dated)
        if event.instants(strict=False) != (event.starts_at, event.ends_at)
    ]
    visits = visit_rezoning.find_wrong(session, now=now)[:5]
    moved += session.scalars(sa.select(Appointment.reference).where(Appointment.id.in_(visits))).all()
    if not moved:
        return HealthFinding(
            N_("times of events"),
            CheckResult.OK,
            gettext(N_("the times of all events and appointments agree with the installed tz data")),
        )
    return HealthFinding(N_("times of events"), CheckResult.WARNING, ", ".join(moved[:5]), "scheduler zones check")


def _check_letters(session: Session, now: datetime, gettext: Gettext) -> HealthFinding:
    """Look for letters that the mail server does not take or that are late, then for letters that failed."""
    late = backlog.find_backlog(session, now=now)
    failed, waiting = (
        session.scalar(sa.select(sa.func.count()).select_from(Letter).where(which))
        for which in (Letter.outcome == "failed", sa.and_(Letter.outcome.is_(None), Letter.due_at > now))
    )
    said = gettext(N_("due: {count}, waiting: {waiting}, failed: {failed}"))
    found = said.format(count=late.due, waiting=waiting, failed=failed)
    if late.late or late.paused:
        found += _describe_backlog(late, now, gettext)
        return HealthFinding(N_("e-mails"), CheckResult.WARNING, found, _find_remedy(late, gettext))
    if failed:
        return HealthFinding(N_("e-mails"), CheckResult.WARNING, found, "scheduler letter list --outcome failed")
    return HealthFinding(N_("e-mails"), CheckResult.OK, found)


def _describe_backlog(found: backlog.Backlog, now: datetime, gettext: Gettext) -> str:
    """Return what is to be said of letters that are late, after their number."""
    parts = []
    if found.paused:
        parts.append(gettext(N_("sending is paused, because the mail server accepts no e-mail")))
    if found.late and found.oldest:
        age = format_duration((now - found.oldest) // MINUTE * MINUTE)
        parts.append(gettext(N_("late: {count}, longest delay: {age}")).format(count=found.late, age=age))
    if found.reason:
        parts.append(gettext(N_("the last answer: {reason}")).format(reason=found.reason))
    return "".join(f"; {part}" for part in parts)


def _find_remedy(found: backlog.Backlog, gettext: Gettext) -> str:
    if found.paused:
        return gettext(N_("correct what the mail server reports; the e-mails are then sent automatically"))
    if found.reason:
        return "scheduler letter list --outcome 'to do'"
    return gettext(N_("start a worker: scheduler worker"))


def _check_held_letters(session: Session, gettext: Gettext) -> Iterator[HealthFinding]:
    """Tell of letters that wait for somebody since a backup was restored, if there are any."""
    held = sum(ledger.count_held(session).values())
    if held:
        found = gettext(N_("on hold since a backup was restored: {count}")).format(count=held)
        yield HealthFinding(N_("e-mails on hold"), CheckResult.WARNING, found, "scheduler letter release")


def _check_accounts(session: Session, gettext: Gettext) -> HealthFinding:
    """Count accounts; without an administrator, which is no fault, tell how to add one."""
    in_force = sa.select(sa.func.count()).select_from(Account).where(Account.disabled_at.is_(None))
    count = session.scalar(in_force) or 0
    if not session.scalar(in_force.where(Account.role == AccountRole.ADMINISTRATOR)):
        found = gettext(N_("there is no administrator; the officers' pages need one"))
        remedy = "scheduler account add NAME --role administrator"
        return HealthFinding(N_("accounts"), CheckResult.NOTE, found, remedy)
    return HealthFinding(N_("accounts"), CheckResult.OK, gettext(N_("enabled: {count}")).format(count=count))


def _check_retention(session: Session, now: datetime, gettext: Gettext, keep: timedelta | None) -> HealthFinding:
    """Check that visitors are erased as the registration form promises: by the worker, every night."""
    if keep is None:
        return HealthFinding(
            N_("retention"), CheckResult.OK, gettext(N_("visitors' data is kept until they ask us to erase it"))
        )
    last, due = retention.get_last_run(session), retention.count_due(session, keep=keep, now=now)
    run = f"{last:%Y-%m-%d %H:%M} UTC" if last else gettext(N_("never"))
    said = gettext(N_("days for which visitors' data is kept: {days}; due: {due}, last run: {run}"))
    found = said.format(days=keep.days, due=due, run=run)
    if due and (last is None or now - last > retention.LATE):
        remedy = gettext(N_("start a worker: scheduler worker"))
        return HealthFinding(N_("retention"), CheckResult.WARNING, found, remedy)
    return HealthFinding(N_("retention"), CheckResult.OK, found)


def _check_worker(session: Session, now: datetime, gettext: Gettext) -> Iterator[HealthFinding]:
    """Look for workers that are alive and whether their clocks are right, then at the last run of each job."""
    start = gettext(N_("start a worker: scheduler worker"))
    records, ages = read_records(session), workers.read_ages(session)
    alive = workers.find_workers(session)
    overdue = [job for job in TIMETABLE if job.is_overdue(records.get(job.name), now=now)]
    names = ", ".join(f"{one.id} ({ages[one.id].total_seconds():.0f} s)" for one in alive)
    found = gettext(N_("running: {workers}")).format(workers=names) if alive else gettext(N_("no worker is running"))
    wrong = [one for one in alive if workers.clock_error(timedelta(milliseconds=one.clock_ahead))]
    if wrong:
        machines = ", ".join(one.id for one in wrong)
        remedy = gettext(N_("set the clock of these machines (NTP): {machines}")).format(machines=machines)
        yield HealthFinding(N_("worker"), CheckResult.FAILURE, found, remedy)
    elif alive or not overdue:
        yield HealthFinding(N_("worker"), CheckResult.OK if alive else CheckResult.NOTE, found)
    else:
        yield HealthFinding(N_("worker"), CheckResult.WARNING, found, start)
    if records:
        for job in TIMETABLE:
            yield _check_job(job, records.get(job.name), overdue=job in overdue, start=start, gettext=gettext)


def _check_job(
    job: ScheduledJob, record: JobRecord | None, *, overdue: bool, start: str, gettext: Gettext
) -> HealthFinding:
    """Say when a job was last done, and warn if that is too long ago or if its last run has failed."""
    done = f"{record.succeeded_at:%Y-%m-%d %H:%M:%S} UTC" if record and record.succeeded_at else gettext(N_("never"))
    found = gettext(N_("last done: {when}")).format(when=done)
    if record and record.error:
        failed = gettext(N_("{found}; the last run failed: {error}")).format(found=found, error=record.error)
        return HealthFinding(job.title, CheckResult.WARNING, failed, gettext(N_("read the log of the worker")))
    if overdue:
        return HealthFinding(
            job.title, CheckResult.WARNING, gettext(N_("{found}; overdue")).format(found=found), start
        )
    return HealthFinding(job.title, CheckResult.OK, found)


def _find_last_backup(session: Session, gettext: Gettext) -> HealthFinding:
    """Tell when the last backup was made. That none is known is no fault: other tools make them, too."""
    made = sa.select(Audit.at, Audit.details).where(Audit.noun == "data", Audit.action == "backup")
    last = session.execute(made.order_by(Audit.at.desc()).limit(1)).one_or_none()
    if last is None:
        return HealthFinding(
            N_("backup"), CheckResult.NOTE, gettext(N_("no backup is known")), "scheduler db backup FILE"
        )
    return HealthFinding(N_("backup"), CheckResult.OK, f"{last.at:%Y-%m-%d %H:%M} UTC, {last.details['file']}")

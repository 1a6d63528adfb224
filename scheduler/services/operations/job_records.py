"""The record of each job's last run: it decides what is due, and lets one worker at a time do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.operations import JobRecord
from scheduler.services.operations.timetable import ScheduledJob
from scheduler.services.operations.workers import is_free
from scheduler.storage.upsert import insert_ignoring


def read_records(session: Session) -> dict[str, JobRecord]:
    """Return the record of each job that has run, by its name."""
    return {record.name: record for record in session.scalars(sa.select(JobRecord))}


def begin(session: Session, job: ScheduledJob, worker: str, *, software: str, now: datetime) -> bool:
    """Record that a worker begins a job. Return False if it is not due, or another living worker is at it.

    What is done side by side is always begun.
    """
    record = session.get(JobRecord, job.name)
    if not (job.side_by_side or job.is_due(record, now=now, software=software)):
        return False
    run = {"started_at": now, "worker": worker, "claimed_by": worker, "software": software}
    if record is None:
        new = insert_ignoring(session, JobRecord).values(name=job.name, error="", counts={}, **run)
        taken = new.returning(JobRecord.name)
    else:
        free = sa.or_(is_free(JobRecord.claimed_by), JobRecord.claimed_by == worker)
        # Of two workers that find it due at the same moment, the second waits for the first and finds another start.
        same = sa.and_(free, JobRecord.started_at == record.started_at)
        mine = sa.update(JobRecord).where(JobRecord.name == job.name, sa.or_(same, sa.literal(job.side_by_side)))
        taken = mine.values(run).returning(JobRecord.name)
    begun = session.execute(taken, execution_options={"synchronize_session": False}).first()
    return begun is not None or job.side_by_side


@dataclass(frozen=True, slots=True)
class JobEnd:
    """The end of a run: what it did, the error that ended it, or that it was stopped before all was done."""

    counts: Mapping[str, int] = field(default_factory=dict)
    error: str = ""
    complete: bool = True


def finish(
    session: Session, job: ScheduledJob, worker: str, end: JobEnd, *, started: datetime, now: datetime
) -> None:
    """Record how a run ended that a worker began at ``started``."""
    values: dict[str, Any] = {"finished_at": now, "error": end.error[:500], "counts": dict(end.counts)}
    if end.complete and not end.error:
        values["succeeded_at"] = started
    mine = (JobRecord.name == job.name, JobRecord.worker == worker)
    ended = sa.update(JobRecord).where(*mine).values(claimed_by=None, **values)
    session.execute(ended, execution_options={"synchronize_session": False})

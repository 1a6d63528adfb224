"""Tables that processes share beside the programme: counters, workers, the runs of their jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from scheduler.storage.types import JSON, Base, Instant


class Hits(Base):
    """The number of requests of one kind within a window of time. The key is a digest that names nobody."""

    __tablename__ = "hits"

    key: Mapped[str] = mapped_column(sa.String(26), primary_key=True)
    number: Mapped[int] = mapped_column(sa.Integer)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


class SentForm(Base):
    """A form that was accepted. ``content`` tells a second click on it from a second use of its challenge."""

    __tablename__ = "sent_form"

    form: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    content: Mapped[str] = mapped_column(sa.String(26))
    sent_at: Mapped[datetime] = mapped_column(Instant, index=True)


class Worker(Base):
    """A process that sends letters and does the other jobs of the timetable, and shows that it is alive.

    Both instants are by the clock of the database. The id is never used again, so that a claim which names a worker
    without a row is free.
    """

    __tablename__ = "worker"

    id: Mapped[str] = mapped_column(sa.String(60), primary_key=True)  # begins with the name of its machine
    pid: Mapped[int]
    version: Mapped[str] = mapped_column(sa.String(40))
    tzdata: Mapped[str] = mapped_column(sa.String(120))
    started_at: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)
    # Milliseconds by which the clock of its machine is ahead of the database's; negative when it is behind.
    clock_ahead: Mapped[int] = mapped_column(sa.BigInteger, default=0)


class JobRecord(Base):
    """The last run of one job of the timetable, by the clock of the worker that ran it.

    ``succeeded_at`` is when the last run *started* that ended without an error: what came after it is still to do.
    """

    __tablename__ = "job_record"

    name: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)  # of the run before while one is going on
    succeeded_at: Mapped[datetime | None] = mapped_column(Instant)
    error: Mapped[str] = mapped_column(sa.String(500), default="")  # of the last run that ended
    counts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # what the last run did
    worker: Mapped[str] = mapped_column(sa.String(60))  # id of the worker that started the last run
    claimed_by: Mapped[str | None] = mapped_column(sa.String(60))  # id of the worker that is running it now
    software: Mapped[str] = mapped_column(sa.String(160))  # versions of the program and of the tz data that ran it


class WaitingRoom(Base):
    """The state of the waiting room, in one row, which is there once the room has been open."""

    __tablename__ = "waiting_room"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    opened_at: Mapped[datetime | None] = mapped_column(Instant)  # None while it is closed
    crowded_at: Mapped[datetime | None] = mapped_column(Instant)  # when there was last a reason to have it open
    called: Mapped[int] = mapped_column(sa.BigInteger, default=0)  # how many were ever let in


class WaitingPlace(Base):
    """A place in the line of the waiting room: whose it is, nobody knows.

    The number is the moment of arrival, so that all processes agree about the order without asking each other.
    """

    __tablename__ = "waiting_place"

    number: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    seen_at: Mapped[datetime] = mapped_column(Instant)  # when its holder last asked
    called_at: Mapped[datetime | None] = mapped_column(Instant)  # when it was let in
    done_at: Mapped[datetime | None] = mapped_column(Instant)  # when its holder had sent their form

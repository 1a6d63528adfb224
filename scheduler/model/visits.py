"""Consular posts, what they offer, and the visits of applicants (Vienna Convention on Consular Relations, art. 5)."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from scheduler.base.clock import instant
from scheduler.base.i18n import N_
from scheduler.model.posts import ADDRESS, Counted, Counter, Layout, Service
from scheduler.storage.refusals import refuses
from scheduler.storage.types import JSON, Base, Id, Instant, Wall, choice


class VisitStatus(StrEnum):
    WAITING = "waiting"  # on the waiting list: has asked for days, has no time
    HELD = "held"  # the time is kept until `expires_at`, for who asked to show that the address is theirs
    OFFERED = "offered"  # the post offers this time and keeps it until `expires_at`
    CONFIRMED = "confirmed"
    CHECKED_IN = "checked in"
    CALLED = "called"
    SERVED = "served"
    NO_SHOW = "no-show"
    CANCELLED = "cancelled"
    LAPSED = "lapsed"  # not confirmed, or not reconfirmed, in time


class Side(StrEnum):
    """Who ended a visit. What the post ended is never held against anybody."""

    APPLICANT = "applicant"
    POST = "post"


# Takes its time, or waits for one: an applicant has one such visit for a service.
ACTIVE = (
    VisitStatus.WAITING,
    VisitStatus.HELD,
    VisitStatus.OFFERED,
    VisitStatus.CONFIRMED,
    VisitStatus.CHECKED_IN,
    VisitStatus.CALLED,
)
PENDING = (VisitStatus.HELD, VisitStatus.OFFERED)  # comes to nothing unless it is confirmed by `expires_at`


class Appointment(Base):
    """A visit of an applicant, or of a party, for one service. Who they are stands in `Applicant`, to be forgotten.

    ``dtstart`` and ``dtend`` are wall times at the post, the promise; the instants are derived.
    """

    __tablename__ = "appointment"

    id: Mapped[Id]
    reference: Mapped[str] = mapped_column(sa.String(9), unique=True)
    uid: Mapped[str] = mapped_column(sa.String(202), unique=True)
    sequence: Mapped[int] = mapped_column(default=0)
    service_id: Mapped[int] = mapped_column(sa.ForeignKey("service.id"))
    status: Mapped[VisitStatus] = mapped_column(choice(VisitStatus))
    layout: Mapped[Layout] = mapped_column(choice(Layout))
    people: Mapped[int]
    documents: Mapped[int]
    checklist_version: Mapped[int | None]
    dtstart: Mapped[datetime | None] = mapped_column(Wall)
    dtend: Mapped[datetime | None] = mapped_column(Wall)
    starts_at: Mapped[datetime | None] = mapped_column(Instant)
    ends_at: Mapped[datetime | None] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    # The days asked for on the waiting list, since when, and how many offers have passed.
    days: Mapped[list[str]] = mapped_column(JSON, default=list)
    queued_at: Mapped[datetime | None] = mapped_column(Instant)
    offers: Mapped[int] = mapped_column(default=0)
    # Its time fell to a closure: the post owes them another.
    displaced_at: Mapped[datetime | None] = mapped_column(Instant)
    reconfirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_by: Mapped[Side | None] = mapped_column(choice(Side))
    excused_at: Mapped[datetime | None] = mapped_column(Instant)  # amnesty: this no-show does not count
    epoch: Mapped[int] = mapped_column(default=0)  # raising it makes other links
    created_at: Mapped[datetime] = mapped_column(Instant)
    revised_at: Mapped[datetime] = mapped_column(Instant)
    # The front desk. A walk-in has not booked: its time is that of its arrival, and no cell is kept for it.
    walk_in: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    ticket: Mapped[str | None] = mapped_column(sa.String(8))
    counter_id: Mapped[int | None] = mapped_column(sa.ForeignKey("counter.id"), index=True)
    checked_in_at: Mapped[datetime | None] = mapped_column(Instant)
    called_at: Mapped[datetime | None] = mapped_column(Instant)
    recalls: Mapped[int] = mapped_column(default=0, server_default="0")  # since it was called
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    # How it stood before the last act of the front desk, which can be undone for some minutes.
    before: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default=sa.text("'{}'"))
    forgotten_at: Mapped[datetime | None] = mapped_column(Instant)

    service: Mapped[Service] = relationship()
    counter: Mapped[Counter | None] = relationship()
    applicants: Mapped[list[Applicant]] = relationship(
        back_populates="appointment", cascade="all, delete-orphan", order_by="Applicant.position"
    )
    claims: Mapped[list[SlotClaim]] = relationship(viewonly=True, order_by="SlotClaim.counter_id, SlotClaim.cell")

    __table_args__ = (
        sa.CheckConstraint("(dtstart IS NULL) = (dtend IS NULL)", name="start_with_end"),
        sa.CheckConstraint("(dtstart IS NULL) = (starts_at IS NULL)", name="instant_with_start"),
        sa.CheckConstraint("(dtend IS NULL) = (ends_at IS NULL)", name="instant_with_end"),
        sa.CheckConstraint("dtend > dtstart", name="ends_after_start"),
        sa.CheckConstraint("dtstart IS NOT NULL OR status IN ('waiting', 'cancelled', 'lapsed')", name="has_a_time"),
        sa.CheckConstraint("(status IN ('held', 'offered')) = (expires_at IS NOT NULL)", name="expires"),
        sa.CheckConstraint("status <> 'waiting' OR queued_at IS NOT NULL", name="waits_since"),
        sa.CheckConstraint("(status IN ('cancelled', 'lapsed')) = (ended_by IS NOT NULL)", name="ended_by_somebody"),
        sa.CheckConstraint("people >= 1", name="people"),
        sa.CheckConstraint("documents >= 1", name="documents"),
        sa.CheckConstraint("sequence >= 0", name="sequence"),
        sa.CheckConstraint("recalls >= 0", name="recalls"),
        sa.Index("ix_appointment_service_id_starts_at", "service_id", "starts_at"),
        sa.Index("ix_appointment_status_expires_at", "status", "expires_at"),
    )

    @property
    def active(self) -> bool:
        return self.status in ACTIVE

    @property
    def contact(self) -> Applicant | None:
        """Who is written to; None once it is forgotten."""
        return self.applicants[0] if self.applicants else None

    @property
    def units(self) -> int:
        """How much there is of what the service counts."""
        return self.documents if self.service.counted is Counted.DOCUMENTS else self.people

    @property
    def day(self) -> date | None:
        return self.dtstart.date() if self.dtstart else None

    def has_expired(self, now: datetime) -> bool:
        """Not confirmed in time: as good as lapsed, whether or not a job has written it down."""
        return self.expires_at is not None and self.expires_at <= now

    def place(self, dtstart: datetime, dtend: datetime) -> None:
        """Give it a time, on the wall of the post."""
        tzid = self.service.post.tzid
        self.dtstart, self.dtend = dtstart, dtend
        self.starts_at, self.ends_at = (instant(wall, tzid, gap="shift") for wall in (dtstart, dtend))


class Applicant(Base):
    """Somebody who comes; the first of a party is written to.

    Apart from the visit, so that it can be forgotten while the visit is still counted. ``fingerprint`` is keyed with
    the instance's secret and made of the number of their document, which itself is stored nowhere. ``active`` and
    ``service_id`` repeat what the appointment says, for the index that lets nobody have two; once its day is over
    nobody is bound by it, even if nobody wrote down how it ended.
    """

    __tablename__ = "applicant"

    id: Mapped[Id]
    appointment_id: Mapped[int] = mapped_column(sa.ForeignKey("appointment.id", ondelete="CASCADE"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(sa.String(300))
    email: Mapped[str | None] = mapped_column(ADDRESS, index=True)
    telephone: Mapped[str | None] = mapped_column(sa.String(40))
    language: Mapped[str] = mapped_column(sa.String(35))
    tzid: Mapped[str | None] = mapped_column(sa.String(64))
    fingerprint: Mapped[str] = mapped_column(sa.String(64), index=True)
    service_id: Mapped[int] = mapped_column(sa.ForeignKey("service.id"))
    active: Mapped[bool]

    appointment: Mapped[Appointment] = relationship(back_populates="applicants")

    __table_args__ = (
        sa.UniqueConstraint("appointment_id", "position"),
        sa.Index(
            "ix_applicant_one_active",
            "service_id",
            "fingerprint",
            unique=True,
            sqlite_where=sa.text("active"),
            postgresql_where=sa.text("active"),
        ),
    )


class SlotClaim(Base):
    """One cell of one counter on one day that is not free: no two appointments can have it, whatever the code does.

    ``cell`` counts from midnight on the wall of the post. ``until`` is when the claim comes to nothing by itself: at
    the end of a hold; without an appointment the cell was freed and rests until then.
    """

    __tablename__ = "slot_claim"

    counter_id: Mapped[int] = mapped_column(sa.ForeignKey("counter.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    cell: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    appointment_id: Mapped[int | None] = mapped_column(sa.ForeignKey("appointment.id"), index=True)
    until: Mapped[datetime | None] = mapped_column(Instant, index=True)

    __table_args__ = (
        sa.CheckConstraint("cell BETWEEN 0 AND 287", name="cell"),
        sa.CheckConstraint("appointment_id IS NOT NULL OR until IS NOT NULL", name="is_freed_some_time"),
    )


class ServiceDay(Base):
    """How much of a service is taken on a day: a narrow row that each booking updates, so that no quota is passed."""

    __tablename__ = "service_day"

    service_id: Mapped[int] = mapped_column(sa.ForeignKey("service.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    taken: Mapped[int] = mapped_column(default=0)
    quota: Mapped[int | None]

    __table_args__ = (
        sa.CheckConstraint("taken >= 0", name="taken"),
        sa.CheckConstraint("taken <= quota", name="within_quota"),
    )


class Ticket(Base):
    """A number that was drawn at a post on a day: no two visits have the same, whatever the code does."""

    __tablename__ = "ticket"

    post_id: Mapped[int] = mapped_column(sa.ForeignKey("post.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    appointment_id: Mapped[int] = mapped_column(sa.ForeignKey("appointment.id", ondelete="CASCADE"), index=True)

    __table_args__ = (sa.CheckConstraint("number >= 1", name="number"),)


refuses("ck_service_day_within_quota", N_("no more of this service are taken on that day"))
refuses("pk_slot_claim", N_("this time has just been taken"))
refuses("uq_slot_claim_counter_id_day_cell", N_("this time has just been taken"))  # SQLite's word for the same
refuses("ix_applicant_one_active", N_("there is a booking for this service with this document already"))
refuses("uq_applicant_service_id_fingerprint", N_("there is a booking for this service with this document already"))

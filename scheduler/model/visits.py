"""Visits of applicants to consular posts (Vienna Convention on Consular Relations, art. 5), and what they take."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from scheduler.base.clock import instant
from scheduler.base.i18n import N_
from scheduler.model.posts import ADDRESS, Counted, Counter, Layout, Service
from scheduler.storage.refusals import register_refusal
from scheduler.storage.types import JSON, Base, Id, Instant, Wall, choice


class VisitStatus(StrEnum):
    """The state of a visit, from the request to its end."""

    WAITING = "waiting"  # on the waiting list: has asked for days, has no time yet
    HELD = "held"  # the time is held until `expires_at`, for the applicant to confirm the e-mail address
    OFFERED = "offered"  # the post offers this time and holds it until `expires_at`
    CONFIRMED = "confirmed"
    CHECKED_IN = "checked in"
    CALLED = "called"
    SERVED = "served"
    NO_SHOW = "no-show"
    CANCELLED = "cancelled"
    LAPSED = "lapsed"  # not confirmed, or not reconfirmed, in time


class Side(StrEnum):
    """Side that ended a visit. A visit that the post ended never counts against the applicant."""

    APPLICANT = "applicant"
    POST = "post"


# The visit has a time or waits for one: an applicant has at most one such visit for a service.
ACTIVE = (
    VisitStatus.WAITING,
    VisitStatus.HELD,
    VisitStatus.OFFERED,
    VisitStatus.CONFIRMED,
    VisitStatus.CHECKED_IN,
    VisitStatus.CALLED,
)
PENDING = (VisitStatus.HELD, VisitStatus.OFFERED)  # lapses unless it is confirmed by `expires_at`


class Appointment(Base):
    """A visit of an applicant, or of a party, for one service.

    The personal data are in `Applicant`, so that they can be deleted while the visit is still counted. ``dtstart``
    and ``dtend`` are wall times in the zone of the post and are the promise; the instants are derived from them.
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
    # On the waiting list: the days asked for, since when it waits, and how many offers were not accepted.
    days: Mapped[list[str]] = mapped_column(JSON, default=list)
    queued_at: Mapped[datetime | None] = mapped_column(Instant)
    offers: Mapped[int] = mapped_column(default=0)
    # When a closure took its time: the post owes the applicant another one.
    displaced_at: Mapped[datetime | None] = mapped_column(Instant)
    reconfirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_by: Mapped[Side | None] = mapped_column(choice(Side))
    excused_at: Mapped[datetime | None] = mapped_column(
        Instant
    )  # an officer has excused this no-show: it does not count
    epoch: Mapped[int] = mapped_column(default=0)  # raising it replaces the personal links
    created_at: Mapped[datetime] = mapped_column(Instant)
    revised_at: Mapped[datetime] = mapped_column(Instant)
    # The front desk. A walk-in has no booking: its time is that of its arrival, and it claims no cell.
    walk_in: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    ticket: Mapped[str | None] = mapped_column(sa.String(8))
    counter_id: Mapped[int | None] = mapped_column(sa.ForeignKey("counter.id"), index=True)
    checked_in_at: Mapped[datetime | None] = mapped_column(Instant)
    called_at: Mapped[datetime | None] = mapped_column(Instant)
    recalls: Mapped[int] = mapped_column(default=0, server_default="0")  # how often it was called again
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    # The state before the last act of the front desk, which can be undone for some minutes.
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
        """True if the visit has a time or waits for one."""
        return self.status in ACTIVE

    @property
    def contact(self) -> Applicant | None:
        """The applicant who receives the letters; None once the personal data are deleted."""
        return self.applicants[0] if self.applicants else None

    @property
    def units(self) -> int:
        """The number of units that the service counts: documents or people."""
        return self.documents if self.service.counted is Counted.DOCUMENTS else self.people

    @property
    def day(self) -> date | None:
        """The day of the visit in the zone of the post; None without a time."""
        return self.dtstart.date() if self.dtstart else None

    def has_expired(self, now: datetime) -> bool:
        """Return whether the time for confirming has passed at ``now``, even if no job has recorded that yet."""
        return self.expires_at is not None and self.expires_at <= now

    def place(self, dtstart: datetime, dtend: datetime) -> None:
        """Set the time of the visit: wall times in the zone of the post, and the instants derived from them."""
        tzid = self.service.post.tzid
        self.dtstart, self.dtend = dtstart, dtend
        self.starts_at, self.ends_at = (instant(wall, tzid, gap="shift") for wall in (dtstart, dtend))


class Applicant(Base):
    """A person of a visiting party; the first one receives the letters.

    Kept apart from the visit, so that the personal data can be deleted while the visit is still counted.
    ``fingerprint`` is an HMAC of the document number under the secret of the instance; the number itself is stored
    nowhere. ``active`` and ``service_id`` repeat the appointment for the index that allows one active visit per
    document and service; once its day is over a visit is inactive, even if nobody recorded how it ended.
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
    name_asked: Mapped[str | None] = mapped_column(sa.String(300))  # on the own page, until an officer has decided
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
    """A claim on one cell of one counter on one day. The primary key keeps two appointments from sharing a cell.

    ``cell`` counts from midnight in the zone of the post. ``until`` is when the claim lapses by itself: the end of a
    hold; a claim without an appointment is a freed cell that is held back until then.
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
    """The units of a service taken on a day: a narrow row that each booking updates, so that no quota is exceeded."""

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
    """A ticket number drawn at a post on a day. The primary key keeps two visits from having the same number."""

    __tablename__ = "ticket"

    post_id: Mapped[int] = mapped_column(sa.ForeignKey("post.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    appointment_id: Mapped[int] = mapped_column(sa.ForeignKey("appointment.id", ondelete="CASCADE"), index=True)

    __table_args__ = (sa.CheckConstraint("number >= 1", name="number"),)


register_refusal("ck_service_day_within_quota", N_("this service is fully booked on that day; choose another day"))
register_refusal("pk_slot_claim", N_("this time has just been booked; choose another time"))
register_refusal(
    "uq_slot_claim_counter_id_day_cell", N_("this time has just been booked; choose another time")
)  # SQLite's word for the same
register_refusal("ix_applicant_one_active", N_("there is already an appointment for this service with this document"))
register_refusal(
    "uq_applicant_service_id_fingerprint", N_("there is already an appointment for this service with this document")
)

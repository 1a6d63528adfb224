"""Consular posts, what they offer, and the visits of applicants (Vienna Convention on Consular Relations, art. 5)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from scheduler.base.clock import instant
from scheduler.base.text import Text
from scheduler.model.events import KEY, City, Event
from scheduler.storage.database import JSON, Base, Id, Instant, Languages, Seconds, Wall, choice

ADDRESS = sa.String(254)


class Counted(StrEnum):
    """What a service's minutes are of."""

    DOCUMENTS = "documents"
    PEOPLE = "people"


class Layout(StrEnum):
    """How a party is received: one after the other at one counter, or at once at several."""

    ADJOINING = "adjoining"
    PARALLEL = "parallel"


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


class Post(Base):
    """A consular post, or the place of a mobile consular day. Its hours are wall times in the zone of its city.

    Whoever changes what a post has promised holds its row first: then what was read of it stays true, and no two
    can wait for each other.
    """

    __tablename__ = "post"

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(KEY, unique=True)
    name: Mapped[Text] = mapped_column(Languages)
    address: Mapped[Text] = mapped_column(Languages, default=Text)
    district: Mapped[Text] = mapped_column(Languages, default=Text)
    city_id: Mapped[int] = mapped_column(sa.ForeignKey("city.id"), index=True)
    # The event of the programme that opens it, or the mobile consular day that it is.
    event_id: Mapped[int | None] = mapped_column(sa.ForeignKey("event.id", ondelete="SET NULL"), index=True)
    # ISO 3166-1 alpha-2: the public holidays of both close the post.
    sending_state: Mapped[str] = mapped_column(sa.String(2))
    receiving_state: Mapped[str] = mapped_column(sa.String(2))
    email: Mapped[str | None] = mapped_column(ADDRESS)
    telephone: Mapped[str | None] = mapped_column(sa.String(40))
    cell: Mapped[int]  # minutes; visits begin at whole cells and take whole cells
    horizon: Mapped[timedelta] = mapped_column(Seconds)
    notice: Mapped[timedelta] = mapped_column(Seconds)
    hold: Mapped[timedelta] = mapped_column(Seconds)
    offer: Mapped[timedelta] = mapped_column(Seconds)
    # A freed time comes back at a moment of chance within this; one nearer than `release_near` at once.
    release_within: Mapped[timedelta] = mapped_column(Seconds)
    release_near: Mapped[timedelta] = mapped_column(Seconds)
    # Who has booked long ago says once more that they come, from so long before until so long before.
    reconfirm_from: Mapped[timedelta | None] = mapped_column(Seconds)
    reconfirm_until: Mapped[timedelta | None] = mapped_column(Seconds)
    remind: Mapped[timedelta | None] = mapped_column(Seconds)
    # So many no-shows within so long, and nothing can be booked online for so long.
    no_shows: Mapped[int | None]
    no_shows_within: Mapped[timedelta] = mapped_column(Seconds)
    no_shows_pause: Mapped[timedelta] = mapped_column(Seconds)
    largest_party: Mapped[int]
    # Of a mobile consular day, on the wall of its city: nothing is booked after it.
    deadline: Mapped[datetime | None] = mapped_column(Wall)
    keep: Mapped[timedelta] = mapped_column(Seconds)  # for how long after a visit it is known whose it was
    version: Mapped[int] = mapped_column(default=0)  # of its plan: who reads it before holding the post reads again
    board_epoch: Mapped[int] = mapped_column(default=0, server_default="0")  # raising it makes another address

    city: Mapped[City] = relationship()
    event: Mapped[Event | None] = relationship()
    counters: Mapped[list[Counter]] = relationship(back_populates="post", order_by="Counter.key")
    services: Mapped[list[Service]] = relationship(back_populates="post", order_by="Service.key")
    hours: Mapped[list[PostHours]] = relationship(
        cascade="all, delete-orphan", order_by="PostHours.weekday, PostHours.opens"
    )
    special_days: Mapped[list[SpecialDays]] = relationship(
        cascade="all, delete-orphan", order_by="SpecialDays.first_on, SpecialDays.id"
    )

    __table_args__ = (
        sa.CheckConstraint("cell IN (5, 10, 15, 20, 30, 60)", name="cell"),
        sa.CheckConstraint("largest_party BETWEEN 1 AND 20", name="largest_party"),
        sa.CheckConstraint("no_shows > 0", name="no_shows"),
        sa.CheckConstraint("reconfirm_until < reconfirm_from", name="reconfirm_window"),
        sa.CheckConstraint("(reconfirm_from IS NULL) = (reconfirm_until IS NULL)", name="reconfirm_is_whole"),
    )

    @property
    def tzid(self) -> str:
        return self.city.tzid

    def is_over_for_booking(self, now: datetime) -> bool:
        """Whether the deadline has passed; its wall time was the promise, whatever becomes of the zone."""
        return self.deadline is not None and now >= instant(self.deadline, self.tzid, gap="shift")


class Counter(Base):
    """A counter of a post; without hours of its own it keeps those of the post."""

    __tablename__ = "counter"

    id: Mapped[Id]
    post_id: Mapped[int] = mapped_column(sa.ForeignKey("post.id"))
    key: Mapped[str] = mapped_column(KEY)
    name: Mapped[Text] = mapped_column(Languages)
    staffed: Mapped[bool] = mapped_column(default=True)  # False: nothing more is booked at it

    post: Mapped[Post] = relationship(back_populates="counters")
    hours: Mapped[list[PostHours]] = relationship(
        cascade="all, delete-orphan", order_by="PostHours.weekday, PostHours.opens"
    )

    __table_args__ = (sa.UniqueConstraint("post_id", "key"),)


class PostHours(Base):
    """Open on a weekday (0 is Monday): a post, or one of its counters. Two spans of a day have a break between."""

    __tablename__ = "post_hours"

    id: Mapped[Id]
    post_id: Mapped[int | None] = mapped_column(sa.ForeignKey("post.id", ondelete="CASCADE"), index=True)
    counter_id: Mapped[int | None] = mapped_column(sa.ForeignKey("counter.id", ondelete="CASCADE"), index=True)
    weekday: Mapped[int] = mapped_column(sa.SmallInteger)
    opens: Mapped[time]
    closes: Mapped[time]

    __table_args__ = (
        sa.CheckConstraint("(post_id IS NULL) <> (counter_id IS NULL)", name="one_owner"),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        sa.UniqueConstraint("post_id", "weekday", "opens"),
        sa.UniqueConstraint("counter_id", "weekday", "opens"),
    )


class SpecialDays(Base):
    """Days that do not keep the week, of a post or of one counter.

    Closed: all day, or from `opens` to `closes`. Open: in spite of a public holiday, at the hours of the week, or
    from `opens` to `closes` in place of them. Of both, closed wins.
    """

    __tablename__ = "special_days"

    id: Mapped[Id]
    post_id: Mapped[int] = mapped_column(sa.ForeignKey("post.id", ondelete="CASCADE"), index=True)
    counter_id: Mapped[int | None] = mapped_column(sa.ForeignKey("counter.id", ondelete="CASCADE"), index=True)
    open: Mapped[bool]
    first_on: Mapped[date]
    last_on: Mapped[date]
    opens: Mapped[time | None]
    closes: Mapped[time | None]
    reason: Mapped[Text] = mapped_column(Languages, default=Text)

    counter: Mapped[Counter | None] = relationship()

    __table_args__ = (
        sa.CheckConstraint("last_on >= first_on", name="ends_after_start"),
        sa.CheckConstraint("(opens IS NULL) = (closes IS NULL)", name="hours_are_whole"),
    )


service_counter = sa.Table(
    "service_counter",
    Base.metadata,
    sa.Column("service_id", sa.ForeignKey("service.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("counter_id", sa.ForeignKey("counter.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Service(Base):
    """A consular function that a post offers to the public. What it does not say, the post says."""

    __tablename__ = "service"

    id: Mapped[Id]
    post_id: Mapped[int] = mapped_column(sa.ForeignKey("post.id"))
    key: Mapped[str] = mapped_column(KEY)
    name: Mapped[Text] = mapped_column(Languages)
    minutes: Mapped[int]  # for each of what is counted
    counted: Mapped[Counted] = mapped_column(choice(Counted))
    fee: Mapped[str | None] = mapped_column(sa.String(12))  # a decimal number, as it is printed
    currency: Mapped[str | None] = mapped_column(sa.String(3))
    quota: Mapped[int | None]  # of what is counted, a day
    horizon: Mapped[timedelta | None] = mapped_column(Seconds)
    notice: Mapped[timedelta | None] = mapped_column(Seconds)
    walk_ins: Mapped[bool] = mapped_column(default=False)
    offered: Mapped[bool] = mapped_column(default=True)  # False: nothing more is booked; what is booked stands

    post: Mapped[Post] = relationship(back_populates="services")
    counters: Mapped[list[Counter]] = relationship(secondary=service_counter, order_by="Counter.key")
    checklists: Mapped[list[Checklist]] = relationship(
        cascade="all, delete-orphan", order_by="Checklist.version", back_populates="service"
    )

    __table_args__ = (
        sa.UniqueConstraint("post_id", "key"),
        sa.CheckConstraint("minutes BETWEEN 1 AND 480", name="minutes"),
        sa.CheckConstraint("quota >= 0", name="quota"),
        sa.CheckConstraint("(fee IS NULL) = (currency IS NULL)", name="fee_has_a_currency"),
    )

    @property
    def checklist(self) -> Checklist | None:
        """The documents to bring as they are asked for today."""
        return self.checklists[-1] if self.checklists else None

    @property
    def served_at(self) -> list[Counter]:
        """The counters that serve it: those named, else all; never one that is not staffed."""
        return [counter for counter in self.counters or self.post.counters if counter.staffed]


class Checklist(Base):
    """The documents to bring, a line each; a change is a new version, and a visit knows which it was booked under."""

    __tablename__ = "checklist"

    service_id: Mapped[int] = mapped_column(sa.ForeignKey("service.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    documents: Mapped[Text] = mapped_column(Languages)
    since: Mapped[datetime] = mapped_column(Instant)

    service: Mapped[Service] = relationship(back_populates="checklists")


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

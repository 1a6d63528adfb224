"""Consular posts (Vienna Convention on Consular Relations, art. 1): services, counters, hours, special days."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from scheduler.base.clock import instant
from scheduler.base.i18n import N_
from scheduler.base.text import Text
from scheduler.model.events import Event
from scheduler.model.places import KEY, City
from scheduler.storage.refusals import register_refusal
from scheduler.storage.types import Base, Id, Instant, Languages, Seconds, Wall, choice

ADDRESS = sa.String(254)


class Counted(StrEnum):
    """The unit that the minutes and the quota of a service count."""

    DOCUMENTS = "documents"
    PEOPLE = "people"


class Layout(StrEnum):
    """Way in which a party is received: one after another at one counter, or at the same time at several."""

    ADJOINING = "adjoining"
    PARALLEL = "parallel"


class Post(Base):
    """A consular post, or the place of a mobile consular day. Its hours are wall times in the zone of its city.

    Every transaction that changes visits or hours of a post locks its row first: what it has read stays true, and no
    two transactions can wait for each other.
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
    # Who signs its letters; its name, address, telephone and e-mail stand below.
    signer: Mapped[Text] = mapped_column(Languages, default=Text, server_default="{}")
    signer_position: Mapped[Text] = mapped_column(Languages, default=Text, server_default="{}")
    cell: Mapped[int]  # minutes: visits begin at a multiple of it and last a multiple of it
    horizon: Mapped[timedelta] = mapped_column(Seconds)
    notice: Mapped[timedelta] = mapped_column(Seconds)
    hold: Mapped[timedelta] = mapped_column(Seconds)
    offer: Mapped[timedelta] = mapped_column(Seconds)
    # A freed time becomes bookable again at a random moment within this; one nearer than `release_near` at once.
    release_within: Mapped[timedelta] = mapped_column(Seconds)
    release_near: Mapped[timedelta] = mapped_column(Seconds)
    # Visits booked earlier than `reconfirm_from` before must be confirmed again until `reconfirm_until` before.
    reconfirm_from: Mapped[timedelta | None] = mapped_column(Seconds)
    reconfirm_until: Mapped[timedelta | None] = mapped_column(Seconds)
    remind: Mapped[timedelta | None] = mapped_column(Seconds)
    # After `no_shows` no-shows within `no_shows_within`, online booking is paused for `no_shows_pause`.
    no_shows: Mapped[int | None]
    no_shows_within: Mapped[timedelta] = mapped_column(Seconds)
    no_shows_pause: Mapped[timedelta] = mapped_column(Seconds)
    largest_party: Mapped[int]
    # Of a mobile consular day, in the zone of its city: nothing is booked after it.
    deadline: Mapped[datetime | None] = mapped_column(Wall)
    keep: Mapped[timedelta] = mapped_column(
        Seconds
    )  # how long after a visit the personal data of its applicants are kept
    version: Mapped[int] = mapped_column(default=0)  # of the opening plan: readers without the lock check it again
    board_epoch: Mapped[int] = mapped_column(
        default=0, server_default="0"
    )  # raising it replaces the address of the board

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
        """The zone of the city of the post."""
        return self.city.tzid

    def is_over_for_booking(self, now: datetime) -> bool:
        """Return whether the deadline has passed. Its wall time is the promise, also if the zone changes."""
        return self.deadline is not None and now >= instant(self.deadline, self.tzid, gap="shift")


class Counter(Base):
    """A counter of a post; without hours of its own it has those of the post."""

    __tablename__ = "counter"

    id: Mapped[Id]
    post_id: Mapped[int] = mapped_column(sa.ForeignKey("post.id"))
    key: Mapped[str] = mapped_column(KEY)
    name: Mapped[Text] = mapped_column(Languages)
    staffed: Mapped[bool] = mapped_column(default=True)  # False: no new bookings at this counter

    post: Mapped[Post] = relationship(back_populates="counters")
    hours: Mapped[list[PostHours]] = relationship(
        cascade="all, delete-orphan", order_by="PostHours.weekday, PostHours.opens"
    )

    __table_args__ = (sa.UniqueConstraint("post_id", "key"),)


class PostHours(Base):
    """Opening hours of a post or of a counter on a weekday (0 is Monday), in wall times; a day may have several."""

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
    """Days on which a post or one counter does not keep its weekly hours.

    Closed: all day, or from `opens` to `closes`. Open: in spite of a public holiday, at the weekly hours, or from
    `opens` to `closes` in place of them. Where both apply, closed wins.
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
    """A consular function that a post offers to the public (art. 5). Values left open are those of the post."""

    __tablename__ = "service"

    id: Mapped[Id]
    post_id: Mapped[int] = mapped_column(sa.ForeignKey("post.id"))
    key: Mapped[str] = mapped_column(KEY)
    name: Mapped[Text] = mapped_column(Languages)
    minutes: Mapped[int]  # for each unit, see `counted`
    counted: Mapped[Counted] = mapped_column(choice(Counted))
    fee: Mapped[str | None] = mapped_column(sa.String(12))  # a decimal number, as it is printed
    currency: Mapped[str | None] = mapped_column(sa.String(3))
    quota: Mapped[int | None]  # units a day, see `counted`
    horizon: Mapped[timedelta | None] = mapped_column(Seconds)
    notice: Mapped[timedelta | None] = mapped_column(Seconds)
    walk_ins: Mapped[bool] = mapped_column(default=False)
    offered: Mapped[bool] = mapped_column(default=True)  # False: no new bookings; booked visits stand

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
        """The current version of the documents to bring; None if there is no list."""
        return self.checklists[-1] if self.checklists else None

    @property
    def served_at(self) -> list[Counter]:
        """The staffed counters that serve it: those named, else all of the post."""
        return [counter for counter in self.counters or self.post.counters if counter.staffed]


class Checklist(Base):
    """The documents to bring, one per line. A change makes a new version; a visit keeps that of its booking."""

    __tablename__ = "checklist"

    service_id: Mapped[int] = mapped_column(sa.ForeignKey("service.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    documents: Mapped[Text] = mapped_column(Languages)
    since: Mapped[datetime] = mapped_column(Instant)

    service: Mapped[Service] = relationship(back_populates="checklists")


register_refusal("uq_post_key", N_("a post with this key already exists"))

"""Events of the programme, their reminders, and their capacities."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, MappedSQLExpression, column_property, mapped_column, relationship

from scheduler.base.clock import instant
from scheduler.base.durations import NominalDuration
from scheduler.base.i18n import N_
from scheduler.base.text import Text
from scheduler.model.places import KEY, City, Closure, OpeningHours, Organisation, Venue
from scheduler.storage.refusals import register_refusal
from scheduler.storage.types import JSON, Base, Id, Instant, Languages, Seconds, Wall, choice


class Kind(StrEnum):
    """The kind of an event. A tour holds the stops of a touring exhibition; an anniversary returns every year."""

    TOUR = "tour"
    EXHIBITION = "exhibition"
    CEREMONY = "ceremony"
    CONSULATE_OPENING = "consulate opening"
    VISIT = "visit"
    MEETING = "meeting"
    CONSULAR_DAY = "consular day"
    ANNIVERSARY = "anniversary"


class Timing(StrEnum):
    """Degree to which the date is known. An unknown date is a state of its own, never an invented date."""

    TO_BE_ANNOUNCED = "to be announced"
    DAYS = "days"  # whole days; dtend is the day after the last one (RFC 5545 3.6.1)
    HOUR_TO_BE_ANNOUNCED = "hour to be announced"  # the days are known, the hour is not published
    HOURS = "hours"


class Status(StrEnum):
    """The STATUS of an event (RFC 5545 3.8.1.11)."""

    TENTATIVE = "tentative"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


class Visibility(StrEnum):
    """The people who may know of an event: everybody; holders of a link or an invitation; officers only."""

    PUBLIC = "public"
    PRIVATE = "private"
    CONFIDENTIAL = "confidential"


class Registration(StrEnum):
    """The people who can register guests: officers only, or everybody on the public page of the event."""

    DESK = "desk"
    PUBLIC = "public"


class Queue(StrEnum):
    """Choice of the next party when places are freed and the first party in the queue needs more."""

    STRICT = "strict"  # the first party, however long it takes until there are places for all of it
    FIRST_FIT = "first-fit"  # the first party that fits as a whole


class ReminderAudience(StrEnum):
    """Whom a reminder is for; never those who have withdrawn, sent regrets or wait for a place."""

    EVERYONE = "everyone"
    IN_PERSON = "in person"
    REMOTE = "remote"
    OFFICIALS = "officials"  # those who preside, guests of honour, speakers, the delegation
    STAFF = "staff"
    UNANSWERED = "unanswered"  # invited, has not answered
    CHOSEN = "chosen"  # chose this reminder on their own page; not offered to organizers


# Events without a fixed hour of attendance: being elsewhere during them is no conflict.
OPEN_ENDED = frozenset({Kind.TOUR, Kind.EXHIBITION, Kind.ANNIVERSARY})


event_city = sa.Table(
    "event_city",
    Base.metadata,
    sa.Column("event_id", sa.ForeignKey("event.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("city_id", sa.ForeignKey("city.id"), primary_key=True, index=True),
)


class Event(Base):
    """One entry of the programme.

    ``dtstart`` and ``dtend`` are wall times in ``tzid``: they are the promise. ``starts_at`` and ``ends_at`` are
    the instants derived from them under the current tz data; `derive` sets them.
    """

    __tablename__ = "event"

    id: Mapped[Id]
    uid: Mapped[str] = mapped_column(sa.String(202), unique=True)
    key: Mapped[str] = mapped_column(KEY, unique=True)
    programme: Mapped[str | None] = mapped_column(KEY, index=True)
    kind: Mapped[Kind] = mapped_column(choice(Kind))
    title: Mapped[Text] = mapped_column(Languages)
    description: Mapped[Text] = mapped_column(Languages, default=Text)
    url: Mapped[str | None] = mapped_column(sa.String(2000))
    timing: Mapped[Timing] = mapped_column(choice(Timing))
    dtstart: Mapped[datetime | None] = mapped_column(Wall)
    dtend: Mapped[datetime | None] = mapped_column(Wall)
    tzid: Mapped[str] = mapped_column(sa.String(64))
    starts_at: Mapped[datetime | None] = mapped_column(Instant)
    ends_at: Mapped[datetime | None] = mapped_column(Instant)
    status: Mapped[Status] = mapped_column(choice(Status))
    visibility: Mapped[Visibility] = mapped_column(choice(Visibility))
    venue_id: Mapped[int | None] = mapped_column(sa.ForeignKey("venue.id"))
    organizer_id: Mapped[int | None] = mapped_column(sa.ForeignKey("organisation.id"))
    parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("event.id"), index=True)
    position: Mapped[int] = mapped_column(default=0)  # among the children of its parent
    video_link: Mapped[str | None] = mapped_column(sa.String(2000))
    video_public: Mapped[bool] = mapped_column(default=False)
    registration: Mapped[Registration] = mapped_column(choice(Registration), default=Registration.DESK)
    registration_opens: Mapped[datetime | None] = mapped_column(Wall)
    registration_closes: Mapped[datetime | None] = mapped_column(Wall)
    queue: Mapped[Queue] = mapped_column(choice(Queue), default=Queue.FIRST_FIT, server_default="first-fit")
    approval: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    # What the registration form asks, and how many companions a visitor may bring; an officer can enter more.
    companions_named: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    companions_most: Mapped[int] = mapped_column(default=5, server_default="5")
    asks_access: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    asks_dietary: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    # What guests need to know: how long before the start they are asked to be there, the last day to reply, what to
    # wear and to bring, whom to telephone (by default the organizer).
    arrive_before: Mapped[timedelta | None] = mapped_column(Seconds)
    reply_by: Mapped[date | None]
    dress_code: Mapped[Text] = mapped_column(Languages, default=Text, server_default="{}")
    bring: Mapped[Text] = mapped_column(Languages, default=Text, server_default="{}")
    telephone: Mapped[str | None] = mapped_column(sa.String(40))
    # The words of its cards that are not the standard ones: by field of its draft, then by language.
    card_words: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    # Why it was moved or cancelled the last time, as letters and its page say; a later change takes it away.
    reason: Mapped[Text] = mapped_column(Languages, default=Text, server_default="{}")
    sequence: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(Instant)
    revised_at: Mapped[datetime] = mapped_column(Instant)
    # A digest of what subscribers see: a save that leaves it unchanged is no revision.
    fingerprint: Mapped[str] = mapped_column(sa.String(64), default="")

    venue: Mapped[Venue | None] = relationship()
    organizer: Mapped[Organisation | None] = relationship()
    parent: Mapped[Event | None] = relationship(remote_side="Event.id", back_populates="children")
    children: Mapped[list[Event]] = relationship(
        back_populates="parent", order_by="Event.position, Event.starts_at, Event.key"
    )
    # In addition to the city of the venue: an anniversary stands in the calendars of both cities.
    cities: Mapped[list[City]] = relationship(secondary=event_city, order_by="City.key")
    hours: Mapped[list[OpeningHours]] = relationship(
        cascade="all, delete-orphan", order_by="OpeningHours.weekday, OpeningHours.opens"
    )
    closures: Mapped[list[Closure]] = relationship(cascade="all, delete-orphan", order_by="Closure.first_on")
    reminders: Mapped[list[Reminder]] = relationship(
        back_populates="event", cascade="all, delete-orphan", order_by="Reminder.offset.desc()"
    )
    capacities: Mapped[list[Capacity]] = relationship(back_populates="event", cascade="all, delete-orphan")

    __table_args__ = (
        sa.CheckConstraint("(timing = 'to be announced') = (dtstart IS NULL)", name="dated_or_to_be_announced"),
        sa.CheckConstraint("(dtstart IS NULL) = (dtend IS NULL)", name="start_with_end"),
        sa.CheckConstraint("(dtstart IS NULL) = (starts_at IS NULL)", name="instant_with_start"),
        sa.CheckConstraint("(dtend IS NULL) = (ends_at IS NULL)", name="instant_with_end"),
        sa.CheckConstraint("dtend > dtstart", name="ends_after_start"),
        sa.CheckConstraint("sequence >= 0", name="sequence"),
        sa.CheckConstraint("parent_id <> id", name="not_its_own_parent"),
        sa.CheckConstraint("companions_most BETWEEN 0 AND 50", name="companions_most"),
        sa.CheckConstraint("arrive_before BETWEEN 60 AND 86400", name="arrive_before"),
        sa.Index("ix_event_venue_id_starts_at", "venue_id", "starts_at"),
        # What public pages list: by day, by kind, by organizer.
        sa.Index("ix_event_visibility_starts_at", "visibility", "starts_at", "ends_at", "kind", "status"),
        sa.Index("ix_event_visibility_kind", "visibility", "kind", "key"),
        sa.Index("ix_event_visibility_organizer_id", "visibility", "organizer_id"),
        # Calendars ask for the events of some days on the clock of their place; contradictions for those around.
        sa.Index("ix_event_dtstart_dtend", "dtstart", "dtend"),
        sa.Index("ix_event_starts_at_ends_at", "starts_at", "ends_at"),
        sa.Index("ix_event_kind_dtstart", "kind", "dtstart"),
        sa.Index("ix_event_registration_closes", "registration_closes"),
    )

    @property
    def dated(self) -> bool:
        """True if the event has a date."""
        return self.timing is not Timing.TO_BE_ANNOUNCED

    @property
    def whole_days(self) -> bool:
        """True if it is shown by days: it takes whole days, or its hour is not published."""
        return self.timing in (Timing.DAYS, Timing.HOUR_TO_BE_ANNOUNCED)

    @property
    def cancelled(self) -> bool:
        """True if the event has been cancelled."""
        return self.status is Status.CANCELLED

    @property
    def first_on(self) -> date | None:
        """The first day of the event on the wall of its zone; None without a date."""
        return self.dtstart.date() if self.dtstart else None

    @property
    def last_on(self) -> date | None:
        """The last day that the event touches, inclusive, on the wall of its zone; None without a date."""
        return (self.dtend - timedelta(microseconds=1)).date() if self.dtend else None

    @property
    def city(self) -> City | None:
        """The city of the venue, else the first city that the event is announced for."""
        if self.venue:
            return self.venue.city
        return self.cities[0] if self.cities else None

    def derive(self, *, strict: bool = True) -> None:
        """Set the instants from the wall times.

        Raise Invalid for an hour that the clocks skip. With ``strict`` off such an hour, promised before the law
        changed, is read with the offset before the gap (RFC 5545 3.3.5).
        """
        self.starts_at, self.ends_at = self.instants(strict=strict)

    def instants(self, *, strict: bool) -> tuple[datetime | None, datetime | None]:
        """Return start and end as instants in UTC, without setting them; see `derive`."""
        if self.dtstart is None or self.dtend is None:
            return None, None
        # The start of a whole day is no promised hour: some zones change at midnight.
        gap: Literal["refuse", "shift"] = "refuse" if strict and self.timing is Timing.HOURS else "shift"
        starts_at, ends_at = (instant(wall, self.tzid, gap=gap) for wall in (self.dtstart, self.dtend))
        # If the clocks skip the hours in between, the event keeps its length instead of ending before it begins.
        return starts_at, ends_at if ends_at > starts_at else starts_at + (self.dtend - self.dtstart)

    @property
    def arrive_at(self) -> datetime | None:
        """The instant until which guests are asked to arrive; None without an hour, or if nothing is asked."""
        if self.timing is not Timing.HOURS or self.starts_at is None or self.arrive_before is None:
            return None
        return self.starts_at - self.arrive_before

    @property
    def contact_telephone(self) -> str:
        """The telephone number for questions of guests: its own, else that of the organizer; "" if there is none."""
        return self.telephone or (self.organizer and self.organizer.telephone) or ""

    def has_begun(self, now: datetime) -> bool:
        """Return whether the event has begun at ``now``; an exhibition or an event without an hour never has."""
        timed = self.timing is Timing.HOURS and self.kind is not Kind.EXHIBITION
        return timed and self.starts_at is not None and self.starts_at <= now

    @property
    def takes_guests_until(self) -> datetime | None:
        """The last instant at which a guest can still come; None without a date and for an anniversary."""
        if self.kind is Kind.ANNIVERSARY:
            return None
        return self.ends_at if self.kind is Kind.EXHIBITION or self.whole_days else self.starts_at

    @property
    def registration_opens_at(self) -> datetime | None:
        """The instant at which registration opens; None if it is open from the start."""
        return self.registration_opens and instant(self.registration_opens, self.tzid, gap="shift")

    @property
    def registration_closes_at(self) -> datetime | None:
        """The instant at which registration closes; None if it has no closing time of its own."""
        return self.registration_closes and instant(self.registration_closes, self.tzid, gap="shift")

    def is_early(self, now: datetime) -> bool:
        """Return whether registration has not opened yet at ``now``."""
        return self.registration_opens_at is not None and now < self.registration_opens_at

    def is_late(self, now: datetime) -> bool:
        """Return whether registration has closed at ``now``."""
        return self.registration_closes_at is not None and now >= self.registration_closes_at

    def is_over(self, now: datetime) -> bool:
        """Return whether the end has passed at ``now``; never for an anniversary or an event without a date."""
        return self.kind is not Kind.ANNIVERSARY and self.ends_at is not None and self.ends_at <= now.astimezone(UTC)


class Reminder(Base):
    """A letter to everybody concerned, some time ``before`` DTSTART.

    With ``at`` it leaves at that wall time in the zone of the event, on the day that the days before lead to; without
    it, just so long before the start. ``next_due_at`` is derived from the event; NULL when nothing is left to send.
    """

    __tablename__ = "reminder"

    id: Mapped[Id]
    event_id: Mapped[int] = mapped_column(sa.ForeignKey("event.id", ondelete="CASCADE"))
    offset: Mapped[timedelta] = mapped_column(Seconds)  # if no clocks change
    # How many of the whole days of the offset were written as hours: 24 hours may be another time than a day.
    exact_days: Mapped[int] = mapped_column(default=0, server_default="0")
    at: Mapped[time | None]
    audience: Mapped[ReminderAudience] = mapped_column(choice(ReminderAudience))
    next_due_at: Mapped[datetime | None] = mapped_column(Instant, index=True)
    # The start that this reminder last fired for: it fires again only for a start that was moved.
    fired_for: Mapped[datetime | None] = mapped_column(Instant)

    event: Mapped[Event] = relationship(back_populates="reminders")

    __table_args__ = (
        sa.UniqueConstraint("event_id", "offset", "exact_days", "audience"),
        sa.CheckConstraint('"offset" >= 0', name="offset"),
        sa.CheckConstraint('exact_days >= 0 AND exact_days * 86400 <= "offset"', name="exact_days"),
    )

    @property
    def before(self) -> NominalDuration:
        """Return how long before the start of the event it leaves."""
        return NominalDuration.from_length(self.offset, self.exact_days)


class KindReminder(Base):
    """A reminder that new events of a kind begin with; those that exist already stay as they are."""

    __tablename__ = "kind_reminder"

    id: Mapped[Id]
    kind: Mapped[Kind] = mapped_column(choice(Kind))
    offset: Mapped[timedelta] = mapped_column(Seconds)
    exact_days: Mapped[int] = mapped_column(default=0, server_default="0")
    at: Mapped[time | None]
    audience: Mapped[ReminderAudience] = mapped_column(choice(ReminderAudience))

    __table_args__ = (
        sa.UniqueConstraint("kind", "offset", "exact_days", "audience"),
        sa.CheckConstraint('"offset" >= 0', name="offset"),
        sa.CheckConstraint('exact_days >= 0 AND exact_days * 86400 <= "offset"', name="exact_days"),
    )

    @property
    def before(self) -> NominalDuration:
        """Return how long before the start of the event it leaves."""
        return NominalDuration.from_length(self.offset, self.exact_days)


class LastChange(Base):
    """The last change of an event, by which it can be taken back.

    ``before`` is the event as it was, written as in a programme file. Events that were changed together have one
    ``act``.
    """

    __tablename__ = "last_change"

    event_id: Mapped[int] = mapped_column(sa.ForeignKey("event.id", ondelete="CASCADE"), primary_key=True)
    act: Mapped[str] = mapped_column(sa.String(32), index=True)
    made_at: Mapped[datetime] = mapped_column(Instant)
    actor: Mapped[str] = mapped_column(sa.String(120))
    before: Mapped[str] = mapped_column(sa.Text())

    event: Mapped[Event] = relationship()


class Mode(StrEnum):
    """The way of attending: in the hall, or by video."""

    IN_PERSON = "in person"
    REMOTE = "remote"


# The columns of `attendance.Attendee` that say what officials hold; that module imports this one.
_PARTY = sa.table(
    "attendee",
    *map(sa.column, ("event_id", "mode", "role", "standing")),
    sa.column("place_kept", sa.Boolean),
    sa.column("companions", sa.Integer),
)
OFFICIAL_ROLES = ("presides", "guest of honour", "speaker", "delegation")
HOLDING_STANDINGS = ("confirmed", "offered")


def _count_reserve(event_id: Mapped[int], mode: Mapped[Mode], kept: Mapped[int]) -> MappedSQLExpression[int]:
    """Return what is left of the places kept for officials; nothing is counted for the many events without any."""
    held = (
        sa.select(sa.func.coalesce(sa.func.sum(1 + _PARTY.c.companions), 0))
        .where(_PARTY.c.event_id == event_id, _PARTY.c.mode == mode, _PARTY.c.role.in_(OFFICIAL_ROLES))
        .where(sa.or_(_PARTY.c.standing.in_(HOLDING_STANDINGS), _PARTY.c.place_kept))
        .correlate_except(_PARTY)
        .scalar_subquery()
    )
    return column_property(sa.case((kept == 0, 0), (kept > held, kept - held), else_=0))


class Capacity(Base):
    """The places of one event in one mode: a narrow row, because every registration updates it.

    ``capacity`` NULL means no limit; ``taken`` counts confirmed places, those held for an offer, and those kept for
    somebody whose deputy has sent regrets. ``kept`` places are for officials; those that officials have not taken yet
    are the ``reserve``, which nobody else gets. ``instructions`` are for those who attend in this mode.
    """

    __tablename__ = "seating"

    event_id: Mapped[int] = mapped_column(sa.ForeignKey("event.id", ondelete="CASCADE"), primary_key=True)
    mode: Mapped[Mode] = mapped_column(choice(Mode), primary_key=True)
    capacity: Mapped[int | None]
    taken: Mapped[int] = mapped_column(default=0)
    last_queue_number: Mapped[int] = mapped_column(default=0)
    kept: Mapped[int] = mapped_column(default=0, server_default="0")
    instructions: Mapped[Text] = mapped_column(Languages, default=Text, server_default="{}")
    reserve: Mapped[int] = _count_reserve(event_id, mode, kept)

    event: Mapped[Event] = relationship(back_populates="capacities")

    __table_args__ = (
        sa.CheckConstraint("capacity >= 0", name="capacity"),
        sa.CheckConstraint("taken >= 0", name="taken"),
        sa.CheckConstraint("taken <= capacity", name="not_overbooked"),
        sa.CheckConstraint("kept >= 0", name="kept"),
    )

    @property
    def free(self) -> int | None:
        """The number of free places; None without a limit."""
        return None if self.capacity is None else self.capacity - self.taken

    @property
    def free_for_all(self) -> int | None:
        """The number of free places without those kept for officials; None without a limit."""
        return None if self.free is None else max(0, self.free - self.reserve)


register_refusal("ck_seating_not_overbooked", N_("there are not that many places left"))
register_refusal("uq_event_key", N_("an event with this key already exists"))
register_refusal("uq_event_uid", N_("another event has this UID"))

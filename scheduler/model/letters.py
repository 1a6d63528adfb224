"""Letters: the outbox, and the ledger of what was sent, what was skipped or failed, and why."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from scheduler.base.i18n import N_
from scheduler.base.text import Text
from scheduler.model.events import Event
from scheduler.model.places import Person
from scheduler.model.visits import Appointment
from scheduler.storage.refusals import register_refusal
from scheduler.storage.types import JSON, Base, Id, Instant, Languages, choice


class LetterKind(StrEnum):
    """The subject of a letter; each kind has its template."""

    CONFIRM = "confirm"  # registered on a page: the link that confirms the address
    STANDING = "standing"  # registered on a page though already on the list: their standing
    CONFIRMED = "confirmed"
    WAITING = "waiting"
    OFFERED = "offered"  # places are held for them until the time that the letter gives
    LAPSED = "lapsed"  # they did not answer the offer
    REQUESTED = "requested"  # the organizer will decide
    REFUSED = "refused"
    REMOVED = "removed"  # the organizer has taken them off the list
    PLACE_FREED = "place freed"  # an officer has given them a place they waited for
    MOVED = "moved"
    CANCELLED = "cancelled"
    REINSTATED = "reinstated"  # the cancellation is withdrawn
    DATE_ANNOUNCED = "date announced"
    DATE_CONFIRMED = "date confirmed"  # it was provisional
    REMINDER = "reminder"
    VISIT_CONFIRM = "visit confirm"  # a time is held: the link that confirms it
    VISIT_BOOKED = "visit booked"
    VISIT_MOVED = "visit moved"
    VISIT_CANCELLED = "visit cancelled"
    VISIT_REMINDER = "visit reminder"
    VISIT_WAITING = "visit waiting"  # on the waiting list of a service
    VISIT_OFFERED = "visit offered"  # a time they waited for is held for them
    VISIT_RECONFIRM = "visit reconfirm"  # booked long ago: do they still come?
    VISIT_STANDING = "visit standing"  # asked for a visit on a page though they have one: which one
    VISIT_CLOSURE = "visit closure"  # a closure took their time: another one is held for them
    MESSAGE = "message"  # what an officer wrote to some of those on the list


# Kinds that tell of a change; they wait, because several changes make one letter.
NEWS = (
    LetterKind.MOVED,
    LetterKind.CANCELLED,
    LetterKind.REINSTATED,
    LetterKind.DATE_ANNOUNCED,
    LetterKind.DATE_CONFIRMED,
)


class Outcome(StrEnum):
    """The fate of a letter; `Letter.reason` says why it was skipped or failed."""

    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"


# Of letters that an officer must do something about: the condition of an index, and of queries in the same words.
# With CASE, because an OR would be searched by two indexes over all years.
NOT_ARRIVED = (
    "CASE WHEN outcome = 'failed' THEN 1 WHEN outcome = 'skipped' AND reason = 'no e-mail address' THEN 1 END = 1"
)


class Letter(Base):
    """One message to one person on one channel: about an event, or to the applicant of an appointment.

    Queued in the transaction of the fact that it tells; composed from the facts at the moment of sending. ``outcome``
    is NULL while it is still to be sent. ``claimed_by`` is the worker that is about to send it: the claim holds while
    that worker is seen. Nobody claims a letter before ``claimed_until``, the end of a pause.
    """

    __tablename__ = "letter"

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(sa.String(120), unique=True)
    kind: Mapped[LetterKind] = mapped_column(choice(LetterKind))
    # Both NULL in a letter about an appointment; only `letters.visit_letters` and the ledger read such letters.
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True, nullable=True)
    event_id: Mapped[int] = mapped_column(sa.ForeignKey("event.id"), nullable=True)
    appointment_id: Mapped[int | None] = mapped_column(sa.ForeignKey("appointment.id"), index=True)
    reminder_id: Mapped[int | None] = mapped_column(sa.ForeignKey("reminder.id", ondelete="SET NULL"))
    of_message_id: Mapped[int | None] = mapped_column(sa.ForeignKey("message.id"))
    channel: Mapped[str] = mapped_column(sa.String(20), default="mail")
    # Facts that belong in the letter and are no longer in the tables, such as the previous time of a moved event.
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    due_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    claimed_by: Mapped[str | None] = mapped_column(sa.String(60))  # id of a Worker, which may be gone
    claimed_until: Mapped[datetime | None] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(default=0)
    outcome: Mapped[Outcome | None] = mapped_column(choice(Outcome))
    reason: Mapped[str] = mapped_column(sa.String(500), default="")
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    language: Mapped[str | None] = mapped_column(sa.String(35))
    address: Mapped[str | None] = mapped_column(sa.String(254))
    message_id: Mapped[str | None] = mapped_column(sa.String(250))

    person: Mapped[Person] = relationship()
    event: Mapped[Event] = relationship()
    appointment: Mapped[Appointment | None] = relationship()
    of_message: Mapped[Message | None] = relationship()

    __table_args__ = (
        sa.Index("ix_letter_event_id_outcome", "event_id", "outcome"),
        sa.CheckConstraint("(event_id IS NULL) <> (appointment_id IS NULL)", name="about_one_thing"),
        sa.CheckConstraint("(event_id IS NULL) = (person_id IS NULL)", name="person_of_event"),
        sa.CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name="finished_with_outcome"),
        sa.CheckConstraint("outcome <> 'sent' OR message_id IS NOT NULL", name="sent_with_message_id"),
        sa.CheckConstraint("outcome = 'sent' OR outcome IS NULL OR reason <> ''", name="reason_with_outcome"),
        sa.CheckConstraint("attempts >= 0", name="attempts"),
        # What the desk looks for among all letters, the newest first.
        sa.Index("ix_letter_outcome_id", "outcome", "id"),
        sa.Index(
            "ix_letter_not_arrived",
            "expires_at",
            sqlite_where=sa.text(NOT_ARRIVED),
            postgresql_where=sa.text(NOT_ARRIVED),
        ),
        sa.Index("ix_letter_kind_id", "kind", "id"),
        sa.Index("ix_letter_finished_at", "finished_at"),
        sa.Index("ix_letter_address", "address"),
        sa.Index(
            "ix_letter_about_visits",
            "id",
            sqlite_where=sa.text("appointment_id IS NOT NULL"),
            postgresql_where=sa.text("appointment_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_letter_of_message_id",
            "of_message_id",
            sqlite_where=sa.text("of_message_id IS NOT NULL"),
            postgresql_where=sa.text("of_message_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_letter_to_do",
            "due_at",
            sqlite_where=sa.text("outcome IS NULL"),
            postgresql_where=sa.text("outcome IS NULL"),
        ),
        sa.Index(
            "ix_letter_expiring",
            "expires_at",
            sqlite_where=sa.text("outcome IS NULL"),
            postgresql_where=sa.text("outcome IS NULL"),
        ),
    )


class LetterIdentity(NamedTuple):
    """The marks by which a letter is recognised outside of the database.

    It has no Message-ID if nothing says that it has left.
    """

    id: int
    key: str
    message_id: str | None


class Message(Base):
    """A message of an officer to some of the guests, in one or more languages; its letters refer to it.

    ``audience`` is in the words of `scheduler.services.letters.audiences`, and is read again when a letter leaves.
    """

    __tablename__ = "message"

    id: Mapped[Id]
    event_id: Mapped[int] = mapped_column(sa.ForeignKey("event.id"), index=True)
    subject: Mapped[Text] = mapped_column(Languages)
    body: Mapped[Text] = mapped_column(Languages)
    audience: Mapped[list[str]] = mapped_column(JSON)
    by: Mapped[str] = mapped_column(sa.String(120))
    created_at: Mapped[datetime] = mapped_column(Instant)
    due_at: Mapped[datetime] = mapped_column(Instant)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)
    reply_to: Mapped[str | None] = mapped_column(sa.String(254))  # NULL: where replies to all letters of the event go

    event: Mapped[Event] = relationship()


register_refusal("uq_letter_key", N_("this e-mail is already waiting to be sent"))

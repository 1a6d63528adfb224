"""Letters: the outbox, and the ledger of what was sent, what was skipped or failed, and why."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from scheduler.base.i18n import N_
from scheduler.base.text import Text
from scheduler.formats.incoming.mail_kinds import MailKind
from scheduler.model.attendance import Attendee
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
    INVITATION = "invitation"  # asks a guest, or who comes in their place, for an answer
    SAVE_THE_DATE = "save the date"  # the day is to be kept free; an invitation follows
    POUR_MEMOIRE = "pour memoire"  # to a guest who has accepted already: what they have accepted


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


class MailState(StrEnum):
    """State of a mail, or an answer, that came in."""

    OPEN = "open"  # an officer is to decide
    SETTLED = "settled"  # was understood, or an officer has decided
    ASIDE = "set aside"  # does not come from whom it says, or is nothing that anybody needs to see


class IncomingMail(Base):
    """A mail that came in, whole as it was, with what was understood of it; the same mail stands here once.

    ``attendee_id`` is the guest whom it seems to come from, or whom a report is about. ``reason`` says in the words
    of the desk why it is open or set aside.
    """

    __tablename__ = "incoming_mail"

    id: Mapped[Id]
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    kind: Mapped[MailKind] = mapped_column(choice(MailKind))
    state: Mapped[MailState] = mapped_column(choice(MailState))
    reason: Mapped[str] = mapped_column(sa.String(500), default="")
    received_at: Mapped[datetime] = mapped_column(Instant)
    mailed_at: Mapped[datetime | None] = mapped_column(Instant)
    sender: Mapped[str] = mapped_column(sa.String(254), default="")
    sender_shown: Mapped[str] = mapped_column(sa.String(300), default="")
    subject: Mapped[str] = mapped_column(sa.String(500), default="")
    text: Mapped[str] = mapped_column(sa.Text, default="")
    content: Mapped[bytes] = mapped_column(sa.LargeBinary, deferred=True)
    event_id: Mapped[int | None] = mapped_column(sa.ForeignKey("event.id", ondelete="SET NULL"), index=True)
    attendee_id: Mapped[int | None] = mapped_column(sa.ForeignKey("attendee.id", ondelete="SET NULL"), index=True)
    settled_by: Mapped[str | None] = mapped_column(sa.String(120))
    settled_at: Mapped[datetime | None] = mapped_column(Instant)

    event: Mapped[Event | None] = relationship()
    attendee: Mapped[Attendee | None] = relationship()
    answers: Mapped[list[ReceivedAnswer]] = relationship(
        back_populates="mail", cascade="all, delete-orphan", order_by="ReceivedAnswer.position"
    )

    __table_args__ = (
        sa.CheckConstraint("(settled_by IS NULL) = (settled_at IS NULL)", name="settled"),
        sa.CheckConstraint("state <> 'open' OR settled_by IS NULL", name="open"),
        sa.Index("ix_incoming_mail_state_id", "state", "id"),
    )


class AnswerWord(StrEnum):
    """Word of an answer that a guest's calendar sends (RFC 5545 3.2.12; RFC 5546 3.2.7 for another time)."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    TENTATIVE = "tentative"
    DELEGATED = "delegated"
    COUNTER = "other time"


class ReceivedAnswer(Base):
    """One answer in a mail: of one guest, about the event or about one date of a series.

    ``written_at`` is DTSTAMP, or the Date of the mail. ``recurrence`` is the date of a series as written in ISO 8601,
    ``delegated_to`` a mail address. ``starts_at`` and ``ends_at`` are the time that is proposed instead.
    """

    __tablename__ = "received_answer"

    id: Mapped[Id]
    mail_id: Mapped[int] = mapped_column(sa.ForeignKey("incoming_mail.id", ondelete="CASCADE"))
    position: Mapped[int]
    attendee_id: Mapped[int | None] = mapped_column(sa.ForeignKey("attendee.id", ondelete="SET NULL"), index=True)
    word: Mapped[AnswerWord] = mapped_column(choice(AnswerWord))
    state: Mapped[MailState] = mapped_column(choice(MailState))
    reason: Mapped[str] = mapped_column(sa.String(500), default="")
    written_at: Mapped[datetime] = mapped_column(Instant)
    sequence: Mapped[int] = mapped_column(default=0)
    recurrence: Mapped[str] = mapped_column(sa.String(40), default="")
    address: Mapped[str] = mapped_column(sa.String(254), default="")
    name: Mapped[str] = mapped_column(sa.String(200), default="")
    comment: Mapped[str] = mapped_column(sa.String(2000), default="")
    sent_by: Mapped[str] = mapped_column(sa.String(254), default="")
    delegated_to: Mapped[str] = mapped_column(sa.String(254), default="")
    companions: Mapped[int] = mapped_column(default=0)
    starts_at: Mapped[datetime | None] = mapped_column(Instant)
    ends_at: Mapped[datetime | None] = mapped_column(Instant)

    mail: Mapped[IncomingMail] = relationship(back_populates="answers")
    attendee: Mapped[Attendee | None] = relationship()

    __table_args__ = (sa.UniqueConstraint("mail_id", "position"),)


register_refusal("uq_letter_key", N_("this e-mail is already waiting to be sent"))

"""Attendees and the places they hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column, relationship, validates

from scheduler.base.i18n import N_
from scheduler.model.events import Event, Mode
from scheduler.model.places import KEY, Person
from scheduler.storage.refusals import refuses
from scheduler.storage.types import Base, Id, Instant, choice


class Role(StrEnum):
    """What a person is at an event. `rfc` maps it to ROLE (RFC 5545 3.2.16)."""

    PRESIDES = "presides"
    GUEST_OF_HONOUR = "guest of honour"
    SPEAKER = "speaker"
    DELEGATION = "delegation"
    PARTICIPANT = "participant"
    STAFF = "staff"

    @property
    def rfc(self) -> str:
        return _ROLE.get(self, "REQ-PARTICIPANT")


_ROLE: Mapping[Role, str] = {
    Role.PRESIDES: "CHAIR",
    Role.PARTICIPANT: "OPT-PARTICIPANT",
    Role.STAFF: "NON-PARTICIPANT",
}
OFFICIALS = (Role.PRESIDES, Role.GUEST_OF_HONOUR, Role.SPEAKER, Role.DELEGATION)


class Partstat(StrEnum):
    """RFC 5545 3.2.12."""

    NEEDS_ACTION = "NEEDS-ACTION"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    TENTATIVE = "TENTATIVE"


class Standing(StrEnum):
    """Where a person stands. Only those in `HOLDING` hold places."""

    INVITED = "invited"  # by the organizer; may have answered, may not
    REQUESTED = "requested"  # the event asks for approval, and nobody has decided yet
    CONFIRMED = "confirmed"
    OFFERED = "offered"  # places that were freed are held for them until offered_until
    WAITLISTED = "waitlisted"  # asked for places that were not free; in order of queue_number
    UNCONFIRMED = "unconfirmed"  # asked on a page, has not shown that the address is theirs; lapses by itself
    LAPSED = "lapsed"  # did not answer an offer in time; may ask again, at the end of the queue
    REFUSED = "refused"  # the organizer did not approve
    WITHDRAWN = "withdrawn"  # by themselves, by regrets, or by the organizer; the row stays for the record


BOUND = (Standing.INVITED, Standing.CONFIRMED)
HOLDING = (Standing.CONFIRMED, Standing.OFFERED)


class Reminded(StrEnum):
    """When somebody wants to be reminded. What is vital (moved, cancelled) reaches everybody."""

    PLANNED = "as planned"  # by the organizer
    CLOSELY = "a day and an hour before"
    NEVER = "never"


class Answer(StrEnum):
    """The way an answer came."""

    DESK = "desk"
    PAGE = "page"
    MAIL = "mail"
    LETTER = "letter"
    TELEPHONE = "telephone"
    NOTE_VERBALE = "note verbale"


class Attendee(Base):
    """A person at an event, for as long as the record is kept: withdrawing changes the standing only."""

    __tablename__ = "attendee"

    id: Mapped[Id]
    event_id: Mapped[int] = mapped_column(sa.ForeignKey("event.id"))
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    # The programme file that names them; None for who was registered or invited one by one.
    programme: Mapped[str | None] = mapped_column(KEY)
    role: Mapped[Role] = mapped_column(choice(Role))
    mode: Mapped[Mode] = mapped_column(choice(Mode))
    partstat: Mapped[Partstat] = mapped_column(choice(Partstat))
    standing: Mapped[Standing] = mapped_column(choice(Standing))
    queue_number: Mapped[int | None]
    offered_until: Mapped[datetime | None] = mapped_column(Instant)
    companions: Mapped[int] = mapped_column(default=0)
    # Sensitive, and of the whole party: for officers and the person alone, in no letter and no feed.
    access_needs: Mapped[str | None] = mapped_column(sa.String(500))
    dietary_needs: Mapped[str | None] = mapped_column(sa.String(500))
    reminded: Mapped[Reminded] = mapped_column(
        choice(Reminded), default=Reminded.PLANNED, server_default="as planned"
    )
    represented_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), index=True)
    answered_by: Mapped[Answer | None] = mapped_column(choice(Answer))
    answered_on: Mapped[date | None]
    # With apologies: how a State says regrets. The reference is what it can be found by, like the number of a note.
    excused: Mapped[bool] = mapped_column(default=False)
    answer_reference: Mapped[str | None] = mapped_column(sa.String(120))
    # When they agreed on a page that we keep what they typed; nobody asked who came by an officer.
    consented_at: Mapped[datetime | None] = mapped_column(Instant)
    # Raising it makes other links of theirs: those in letters sent before lead nowhere.
    epoch: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(Instant)
    standing_at: Mapped[datetime] = mapped_column(Instant)

    event: Mapped[Event] = relationship()
    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    represented_by: Mapped[Person | None] = relationship(foreign_keys=[represented_by_id])
    # Those of the companions whose names are known: never more than `companions`, which is what takes places.
    company: Mapped[list[Companion]] = relationship(cascade="all, delete-orphan", order_by="Companion.position")

    __table_args__ = (
        sa.UniqueConstraint("event_id", "person_id"),
        sa.CheckConstraint("companions BETWEEN 0 AND 50", name="companions"),
        sa.CheckConstraint("(standing = 'waitlisted') = (queue_number IS NOT NULL)", name="queue_number"),
        sa.CheckConstraint("(standing = 'offered') = (offered_until IS NOT NULL)", name="offered_until"),
        sa.CheckConstraint("represented_by_id <> person_id", name="represented_by_another"),
        sa.CheckConstraint("NOT excused OR partstat = 'DECLINED'", name="excused"),
        sa.CheckConstraint("epoch >= 0", name="epoch"),
        sa.Index("ix_attendee_queue", "event_id", "mode", "queue_number"),
        sa.Index(
            "ix_attendee_offered_until",
            "offered_until",
            sqlite_where=sa.text("offered_until IS NOT NULL"),
            postgresql_where=sa.text("offered_until IS NOT NULL"),
        ),
    )

    @validates("partstat")
    def _answers_anew(self, _key: str, partstat: Partstat) -> Partstat:
        """Another answer has not the apologies and the reference of the one before."""
        self.excused, self.answer_reference = False, None
        return partstat

    @property
    def seats(self) -> int:
        """Places this party needs."""
        return 1 + self.companions

    @property
    def attending(self) -> Person:
        """Who actually comes."""
        return self.represented_by or self.person

    @property
    def names(self) -> list[str]:
        """Of the companions, as far as they are known."""
        return [one.name for one in self.company]


class Companion(Base):
    """Somebody who comes along, by name; gone with the party."""

    __tablename__ = "companion"

    attendee_id: Mapped[int] = mapped_column(sa.ForeignKey("attendee.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(sa.String(100))

    __table_args__ = (sa.CheckConstraint("position BETWEEN 1 AND 50", name="position"),)


def comes(
    person: int | sa.ColumnElement[int] | InstrumentedAttribute[int], attendee: type[Attendee] = Attendee
) -> sa.ColumnElement[bool]:
    """That it is this person who actually comes: themselves or for another. In a form that an index serves."""
    themselves = sa.and_(attendee.person_id == person, attendee.represented_by_id.is_(None))
    return sa.or_(themselves, attendee.represented_by_id == person)


refuses("uq_attendee_event_id_person_id", N_("this person is already on the list of this event"))

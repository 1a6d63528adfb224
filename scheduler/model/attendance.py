"""Attendees: their role, their answer, their standing on the list, and the places they hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column, relationship, validates

from scheduler.base.i18n import N_
from scheduler.model.events import HOLDING_STANDINGS, OFFICIAL_ROLES, Event, Mode
from scheduler.model.places import KEY, Person
from scheduler.storage.refusals import register_refusal
from scheduler.storage.types import Base, Id, Instant, choice


class Role(StrEnum):
    """The role of a person at an event. `rfc` maps it to ROLE (RFC 5545 3.2.16)."""

    PRESIDES = "presides"
    GUEST_OF_HONOUR = "guest of honour"
    SPEAKER = "speaker"
    DELEGATION = "delegation"
    PARTICIPANT = "participant"
    STAFF = "staff"

    @property
    def rfc(self) -> str:
        """The ROLE parameter of RFC 5545 3.2.16 for this role."""
        return _ROLE.get(self, "REQ-PARTICIPANT")


_ROLE: Mapping[Role, str] = {
    Role.PRESIDES: "CHAIR",
    Role.PARTICIPANT: "OPT-PARTICIPANT",
    Role.STAFF: "NON-PARTICIPANT",
}
OFFICIALS = tuple(map(Role, OFFICIAL_ROLES))


class Partstat(StrEnum):
    """The participation status of RFC 5545 3.2.12: the answer to an invitation."""

    NEEDS_ACTION = "NEEDS-ACTION"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    TENTATIVE = "TENTATIVE"


class Standing(StrEnum):
    """The standing of a party on the list of an event.

    The standings in `HOLDING` hold places; of the others only parties with `Attendee.place_kept` do.
    """

    INVITED = "invited"  # invited by the organizer; `Attendee.partstat` has the answer
    REQUESTED = "requested"  # waits for the approval that the event requires
    CONFIRMED = "confirmed"
    OFFERED = "offered"  # freed places are held for the party until offered_until
    WAITLISTED = "waitlisted"  # waits for places, in order of queue_number
    UNCONFIRMED = "unconfirmed"  # registered on a page, e-mail address not yet confirmed; lapses by itself
    LAPSED = "lapsed"  # did not answer an offer in time; may ask again, at the end of the queue
    REFUSED = "refused"  # the organizer did not approve
    WITHDRAWN = "withdrawn"  # withdrew, sent regrets, or was removed by the organizer; the row stays for the record


# Expected to come, so that two events at one hour are a conflict for them.
BOUND = (Standing.INVITED, Standing.CONFIRMED)
# On the list of an event: these people are told what changes.
ON_LIST = (
    Standing.INVITED,
    Standing.REQUESTED,
    Standing.CONFIRMED,
    Standing.OFFERED,
    Standing.WAITLISTED,
)
# Counted in `Capacity.taken`.
HOLDING = tuple(map(Standing, HOLDING_STANDINGS))


_REPRESENTED = "represented_by_id IS NOT NULL AND standing NOT IN ('withdrawn', 'refused', 'lapsed', 'unconfirmed')"


class Reminded(StrEnum):
    """Choice of an attendee about reminders. News that an event was moved or cancelled reaches everybody."""

    PLANNED = "as planned"  # at the times that the organizer planned
    CLOSELY = "a day and an hour before"
    NEVER = "never"


class Answer(StrEnum):
    """The way in which an answer reached us."""

    DESK = "desk"
    PAGE = "page"
    MAIL = "mail"
    LETTER = "letter"
    TELEPHONE = "telephone"
    NOTE_VERBALE = "note verbale"


class Attendee(Base):
    """A person on the list of an event. Withdrawing changes the standing only; the row stays for the record."""

    __tablename__ = "attendee"

    id: Mapped[Id]
    event_id: Mapped[int] = mapped_column(sa.ForeignKey("event.id"))
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    # The programme file that names this attendee; None for one who was registered or invited singly.
    programme: Mapped[str | None] = mapped_column(KEY)
    role: Mapped[Role] = mapped_column(choice(Role))
    mode: Mapped[Mode] = mapped_column(choice(Mode))
    partstat: Mapped[Partstat] = mapped_column(choice(Partstat))
    standing: Mapped[Standing] = mapped_column(choice(Standing))
    queue_number: Mapped[int | None]
    offered_until: Mapped[datetime | None] = mapped_column(Instant)
    companions: Mapped[int] = mapped_column(default=0)
    # Sensitive, and about the whole party: shown to officers and to the person only, never in a letter or a feed.
    access_needs: Mapped[str | None] = mapped_column(sa.String(500))
    dietary_needs: Mapped[str | None] = mapped_column(sa.String(500))
    reminded: Mapped[Reminded] = mapped_column(
        choice(Reminded), default=Reminded.PLANNED, server_default="as planned"
    )
    represented_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), index=True)
    # When the deputy sent regrets, if nobody has said since who comes instead: the office is to ask.
    deputy_left_at: Mapped[datetime | None] = mapped_column(Instant)
    # The places that a deputy has left are still the guest's own, who has not answered: nobody else gets them.
    place_kept: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    answered_by: Mapped[Answer | None] = mapped_column(choice(Answer))
    answered_on: Mapped[date | None]
    # When the answer on record was written, by the clock of whoever gave it; NULL if that is not known.
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    # The SEQUENCE with which an e-mail last asked for an answer (RFC 5546 2.1.4); NULL if no e-mail has asked.
    asked_sequence: Mapped[int | None]
    # Excused: the regrets of a State. The reference is what the answer is filed under, such as the number of a note.
    excused: Mapped[bool] = mapped_column(default=False)
    answer_reference: Mapped[str | None] = mapped_column(sa.String(120))
    # When the person consented on a page to our keeping their data; None for those whom an officer entered.
    consented_at: Mapped[datetime | None] = mapped_column(Instant)
    # Raising it replaces the personal links: those in letters sent before become invalid.
    epoch: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(Instant)
    standing_at: Mapped[datetime] = mapped_column(Instant)

    event: Mapped[Event] = relationship()
    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    represented_by: Mapped[Person | None] = relationship(foreign_keys=[represented_by_id])
    # The companions whose names are known: at most `companions`, which is the number that takes places.
    company: Mapped[list[Companion]] = relationship(cascade="all, delete-orphan", order_by="Companion.position")

    __table_args__ = (
        sa.UniqueConstraint("event_id", "person_id"),
        sa.CheckConstraint("companions BETWEEN 0 AND 50", name="companions"),
        sa.CheckConstraint("(standing = 'waitlisted') = (queue_number IS NOT NULL)", name="queue_number"),
        sa.CheckConstraint("(standing = 'offered') = (offered_until IS NOT NULL)", name="offered_until"),
        sa.CheckConstraint("represented_by_id <> person_id", name="represented_by_another"),
        sa.CheckConstraint("NOT place_kept OR standing = 'invited'", name="place_kept"),
        sa.CheckConstraint("NOT excused OR partstat = 'DECLINED'", name="excused"),
        sa.CheckConstraint("asked_sequence >= 0", name="asked_sequence"),
        sa.CheckConstraint("epoch >= 0", name="epoch"),
        sa.Index("ix_attendee_queue", "event_id", "mode", "queue_number"),
        # One body is one place: at an event nobody represents two who are on its list.
        sa.Index(
            "uq_attendee_event_id_represented_by_id",
            "event_id",
            "represented_by_id",
            unique=True,
            sqlite_where=sa.text(_REPRESENTED),
            postgresql_where=sa.text(_REPRESENTED),
        ),
        sa.Index(
            "ix_attendee_offered_until",
            "offered_until",
            sqlite_where=sa.text("offered_until IS NOT NULL"),
            postgresql_where=sa.text("offered_until IS NOT NULL"),
        ),
    )

    @validates("partstat")
    def _answers_anew(self, _key: str, partstat: Partstat) -> Partstat:
        """Clear the excuse and the reference of the previous answer when a new one is recorded."""
        self.excused, self.answer_reference = False, None
        return partstat

    @property
    def seats(self) -> int:
        """The number of places that this party needs."""
        return 1 + self.companions

    @property
    def holds_places(self) -> bool:
        """Return whether this party's places are counted in `Capacity.taken`."""
        return self.standing in HOLDING or self.place_kept

    @property
    def official(self) -> bool:
        """Return whether this party may take the places that the event keeps for officials."""
        return self.role in OFFICIALS

    @property
    def attending(self) -> Person:
        """The person who actually comes: the representative, if there is one."""
        return self.represented_by or self.person

    @property
    def names(self) -> list[str]:
        """The names of the companions, as far as they are known."""
        return [one.name for one in self.company]


class Companion(Base):
    """A companion whose name is known; deleted with the attendee."""

    __tablename__ = "companion"

    attendee_id: Mapped[int] = mapped_column(sa.ForeignKey("attendee.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(sa.String(100))

    __table_args__ = (sa.CheckConstraint("position BETWEEN 1 AND 50", name="position"),)


def has_places(attendee: type[Attendee] = Attendee) -> sa.ColumnElement[bool]:
    """Return the condition that a party's places are counted, as `Attendee.holds_places`."""
    return sa.or_(attendee.standing.in_(HOLDING), attendee.place_kept)


def comes(
    person: int | sa.ColumnElement[int] | InstrumentedAttribute[int], attendee: type[Attendee] = Attendee
) -> sa.ColumnElement[bool]:
    """Return the condition that this person actually comes, for themselves or as a representative.

    Written as two alternatives so that an index serves each.
    """
    themselves = sa.and_(attendee.person_id == person, attendee.represented_by_id.is_(None))
    return sa.or_(themselves, attendee.represented_by_id == person)


register_refusal(
    "uq_attendee_event_id_represented_by_id", N_("this person represents somebody else at this event already")
)
register_refusal("uq_attendee_event_id_person_id", N_("this person is already on the list of this event"))

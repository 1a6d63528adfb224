"""What guest lists leave behind: how their columns were read, what each row said, who is who at their source."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from scheduler.base.i18n import N_
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event
from scheduler.model.places import Person
from scheduler.storage.refusals import refuses
from scheduler.storage.types import JSON, Base, Id, Instant


class ColumnMapping(Base):
    """What the columns of a file mean. ``digest`` is of the set of its headings, whatever their order.

    ``source`` is whose external ids these are: the next file with these columns comes from there too.
    """

    __tablename__ = "column_mapping"

    id: Mapped[Id]
    digest: Mapped[str] = mapped_column(sa.String(32), unique=True)
    headings: Mapped[list[str]] = mapped_column(JSON)
    fields: Mapped[dict[str, str]] = mapped_column(JSON)
    source: Mapped[str] = mapped_column(sa.String(200))
    used_at: Mapped[datetime] = mapped_column(Instant)


class GuestList(Base):
    """The columns of the last list that was imported for an event, for the export with the same ones."""

    __tablename__ = "guest_list"

    event_id: Mapped[int] = mapped_column(sa.ForeignKey("event.id", ondelete="CASCADE"), primary_key=True)
    mapping_id: Mapped[int] = mapped_column(sa.ForeignKey("column_mapping.id"), index=True)
    imported_at: Mapped[datetime] = mapped_column(Instant)

    mapping: Mapped[ColumnMapping] = relationship()


class GuestRow(Base):
    """What a list last said of somebody at an event.

    ``fingerprint`` is of what tells the row from others, to know it again; ``digest`` is of all of it, to see that
    nothing is new; ``cells`` are the values by field, so that only what changed in the file is changed here and the
    desk's own changes stand.
    """

    __tablename__ = "guest_row"

    attendee_id: Mapped[int] = mapped_column(sa.ForeignKey("attendee.id", ondelete="CASCADE"), primary_key=True)
    event_id: Mapped[int] = mapped_column(sa.ForeignKey("event.id", ondelete="CASCADE"))
    fingerprint: Mapped[str] = mapped_column(sa.String(32))
    digest: Mapped[str] = mapped_column(sa.String(32))
    cells: Mapped[dict[str, str]] = mapped_column(JSON)

    attendee: Mapped[Attendee] = relationship()

    __table_args__ = (sa.UniqueConstraint("event_id", "fingerprint"),)


class ExternalId(Base):
    """What a person is called by somebody else's register. A table: one person may be in several."""

    __tablename__ = "external_id"

    source: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    value: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)

    person: Mapped[Person] = relationship()


class Origin(Base):
    """The foreign event (RFC 5545 3.8.4.7, 3.8.4.4) that an event was made from, at its last import.

    ``recurrence_id`` is "" for what is no occurrence of a series: NULLs would not be unique. ``digest`` is of all
    that was read, to see that nothing is new; ``fields`` has two for each field, of what was read and of what was
    written here for it, so that the desk's own changes can be told from the source's.
    """

    __tablename__ = "origin"

    event_id: Mapped[int] = mapped_column(sa.ForeignKey("event.id", ondelete="CASCADE"), primary_key=True)
    source: Mapped[str] = mapped_column(sa.String(200))
    uid: Mapped[str] = mapped_column(sa.String(202))
    recurrence_id: Mapped[str] = mapped_column(sa.String(20))
    language: Mapped[str] = mapped_column(sa.String(35))
    sequence: Mapped[int]
    revised_at: Mapped[datetime | None] = mapped_column(Instant)
    digest: Mapped[str] = mapped_column(sa.String(32))
    fields: Mapped[dict[str, list[str]]] = mapped_column(JSON)

    event: Mapped[Event] = relationship()

    __table_args__ = (
        sa.UniqueConstraint("source", "uid", "recurrence_id"),
        sa.CheckConstraint("sequence >= 0", name="sequence"),
    )


refuses("uq_origin_source_uid_recurrence_id", N_("this event was imported meanwhile; run it again"))

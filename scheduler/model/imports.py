"""The memory of imports: uploads, columns and rows of guest lists, ids of people, events, programme files."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from scheduler.base.i18n import N_
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event
from scheduler.model.places import KEY, Person
from scheduler.storage.refusals import register_refusal
from scheduler.storage.types import JSON, Base, Id, Instant


class ColumnMapping(Base):
    """The meaning of a guest list's columns. ``digest`` is made of the set of its headings, whatever their order.

    ``source`` names the register that issued the external ids; the next file with these columns is taken to come
    from it, too.
    """

    __tablename__ = "column_mapping"

    id: Mapped[Id]
    digest: Mapped[str] = mapped_column(sa.String(32), unique=True)
    headings: Mapped[list[str]] = mapped_column(JSON)
    fields: Mapped[dict[str, str]] = mapped_column(JSON)
    source: Mapped[str] = mapped_column(sa.String(200))
    used_at: Mapped[datetime] = mapped_column(Instant)


class GuestList(Base):
    """The columns of the last guest list imported for an event, so that an export can have the same columns."""

    __tablename__ = "guest_list"

    event_id: Mapped[int] = mapped_column(sa.ForeignKey("event.id", ondelete="CASCADE"), primary_key=True)
    mapping_id: Mapped[int] = mapped_column(sa.ForeignKey("column_mapping.id"), index=True)
    imported_at: Mapped[datetime] = mapped_column(Instant)

    mapping: Mapped[ColumnMapping] = relationship()


class ListUpload(Base):
    """A guest list that an officer is bringing in at the desk; it is deleted within a day, whatever became of it.

    ``content`` is the file as it came, NULL once it is brought in. ``choices`` are the officer's: sheet, columns,
    decisions about rows. ``returned`` holds the rows that came back, with their headings, ``counts`` how many rows
    had which outcome.
    """

    __tablename__ = "list_upload"

    id: Mapped[Id]
    event_id: Mapped[int] = mapped_column(sa.ForeignKey("event.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    content: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    choices: Mapped[dict[str, Any]] = mapped_column(JSON)
    returned: Mapped[list[list[str]]] = mapped_column(JSON)
    counts: Mapped[dict[str, int]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Instant, index=True)

    event: Mapped[Event] = relationship()


class GuestRow(Base):
    """The row of an attendee as the last guest list had it.

    ``fingerprint`` is made of the values that identify the row, to recognise it in the next file; ``digest`` of all
    its values, to see that nothing is new; ``cells`` holds the values by field, so that only what changed in the file
    is changed here and changes made at the desk stand.
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
    """The id of a person in the register of another organisation; a person may have several."""

    __tablename__ = "external_id"

    source: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    value: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)

    person: Mapped[Person] = relationship()


class Origin(Base):
    """The foreign event (RFC 5545 3.8.4.7, 3.8.4.4) that an event was made from, at its last import.

    ``recurrence_id`` is "" for an event that is no occurrence of a series, because NULLs would not be unique.
    ``digest`` is made of everything that was read, to see that nothing is new. ``fields`` holds two digests for each
    field, of the value read and of the value written here, to tell changes made at the desk from those of the source.
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


class AppliedRow(Base):
    """A row of a programme file as the file had it when it was last applied.

    ``fields`` holds a digest of each value that is not the default, to tell changes in the file from those at the
    desk. The row stays when the file no longer names it, and when there is no such thing any more.
    """

    __tablename__ = "applied_row"

    programme: Mapped[str] = mapped_column(KEY, primary_key=True)
    noun: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(170), primary_key=True)
    fields: Mapped[dict[str, str]] = mapped_column(JSON)


register_refusal("uq_origin_source_uid_recurrence_id", N_("this event was imported meanwhile; run the command again"))

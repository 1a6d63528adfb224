"""Places and people: cities, organisations, venues with their hours, persons, and the keys they had before."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from scheduler.base.i18n import N_
from scheduler.base.text import Text
from scheduler.storage.refusals import register_refusal
from scheduler.storage.types import Base, Id, Instant, Languages, Seconds, choice

KEY = sa.String(80)


class City(Base):
    """A city, with its country (ISO 3166-1 alpha-2) and its zone."""

    __tablename__ = "city"

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(KEY, unique=True)
    name: Mapped[Text] = mapped_column(Languages)
    country: Mapped[str] = mapped_column(sa.String(2))
    tzid: Mapped[str] = mapped_column(sa.String(64))


class Travel(Base):
    """Duration of a journey between two cities, either way; what is not stated is not guessed."""

    __tablename__ = "travel"

    from_id: Mapped[int] = mapped_column(sa.ForeignKey("city.id", ondelete="CASCADE"), primary_key=True)
    to_id: Mapped[int] = mapped_column(sa.ForeignKey("city.id", ondelete="CASCADE"), primary_key=True, index=True)
    takes: Mapped[timedelta] = mapped_column(Seconds)

    from_city: Mapped[City] = relationship(foreign_keys=[from_id])
    to_city: Mapped[City] = relationship(foreign_keys=[to_id])

    __table_args__ = (
        sa.CheckConstraint("from_id < to_id", name="one_row_a_pair"),
        sa.CheckConstraint("takes BETWEEN 60 AND 604800", name="takes"),
    )


class Organisation(Base):
    """An organisation that organizes events or sends people: a ministry, an embassy, a city.

    ``name`` is the official name: letters, calendars and pages have no other. With the signer, the address and the
    telephone it is the signature of letters about the events that it organizes.
    """

    __tablename__ = "organisation"

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(KEY, unique=True)
    name: Mapped[Text] = mapped_column(Languages)
    country: Mapped[str | None] = mapped_column(sa.String(2))
    email: Mapped[str | None] = mapped_column(sa.String(254))
    signer: Mapped[Text] = mapped_column(Languages, default=Text, server_default="{}")
    signer_position: Mapped[Text] = mapped_column(Languages, default=Text, server_default="{}")
    address: Mapped[Text] = mapped_column(Languages, default=Text, server_default="{}")
    telephone: Mapped[str | None] = mapped_column(sa.String(40))


class Gender(StrEnum):
    """The gender by which a person is addressed; NONE if it is not known, or if they want none."""

    M = "m"
    F = "f"
    NONE = "none"


class OfficeState(StrEnum):
    """The State whose office a person holds, as a post sees it."""

    SENDING = "sending"
    RECEIVING = "receiving"
    THIRD = "third"
    UNKNOWN = "unknown"


class Person(Base):
    """A person. An e-mail address is no identity, because the officials of a secretariat share one.

    ``key`` is the handle of a person whom an officer entered; a person who registered has none. ``identity`` is the
    folded address and name: it keeps a person who registers twice from becoming two.
    """

    __tablename__ = "person"

    id: Mapped[Id]
    key: Mapped[str | None] = mapped_column(KEY, unique=True)
    identity: Mapped[str | None] = mapped_column(sa.String(600), unique=True)
    courtesy_title: Mapped[Text] = mapped_column(Languages, default=Text)
    name: Mapped[Text] = mapped_column(Languages)
    # The own words of the office; forms of address have its code and the State whose office it is.
    position: Mapped[Text] = mapped_column(Languages, default=Text)
    office_class: Mapped[str | None] = mapped_column(KEY)
    office_state: Mapped[OfficeState] = mapped_column(
        choice(OfficeState), default=OfficeState.UNKNOWN, server_default="unknown"
    )
    gender: Mapped[Gender] = mapped_column(choice(Gender), default=Gender.NONE, server_default="none")
    # Whole lines, which override the forms of address in their language.
    envelope_name: Mapped[Text] = mapped_column(Languages, default=Text, server_default=sa.text("'{}'"))
    own_salutation: Mapped[Text] = mapped_column(Languages, default=Text, server_default=sa.text("'{}'"))
    own_closing: Mapped[Text] = mapped_column(Languages, default=Text, server_default=sa.text("'{}'"))
    organisation_id: Mapped[int | None] = mapped_column(sa.ForeignKey("organisation.id"), index=True)
    email: Mapped[str | None] = mapped_column(sa.String(254), index=True)
    telephone: Mapped[str | None] = mapped_column(sa.String(40))
    language: Mapped[str] = mapped_column(sa.String(35))
    tzid: Mapped[str | None] = mapped_column(sa.String(64))
    precedence: Mapped[int | None]
    # The name that they ask for on their own page, until an officer has decided.
    name_asked: Mapped[str | None] = mapped_column(sa.String(300))
    # When the personal data were erased: the row stays, so that the counts that include it stay true.
    erased_at: Mapped[datetime | None] = mapped_column(Instant)

    organisation: Mapped[Organisation | None] = relationship()

    def called(self, language: str) -> str:
        """Return courtesy title and name in a language, or in the nearest one there is."""
        return join_title(self.courtesy_title, self.name, language)


def join_title(title: Text, name: Text, language: str) -> str:
    """Return a name with its courtesy title, if that is in the same language: titles are not mixed into another."""
    told = title.get(language) or title.get(name.language_for(language), "")
    return " ".join(filter(None, (told, name.to(language))))


class Venue(Base):
    """A place where events are held, with opening hours and closures of its own."""

    __tablename__ = "venue"

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(KEY, unique=True)
    name: Mapped[Text] = mapped_column(Languages)
    address: Mapped[Text] = mapped_column(Languages, default=Text)
    # How to get there: for officers and whoever they send the page to.
    directions: Mapped[Text] = mapped_column(Languages, default=Text, server_default=sa.text("'{}'"))
    # How many people it holds; what an event has places for is said there.
    capacity: Mapped[int | None]
    city_id: Mapped[int] = mapped_column(sa.ForeignKey("city.id"), index=True)
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    # The State whose public holidays close the venue (ISO 3166-1 alpha-2).
    holidays: Mapped[str | None] = mapped_column(sa.String(2))

    city: Mapped[City] = relationship()
    hours: Mapped[list[OpeningHours]] = relationship(
        cascade="all, delete-orphan", order_by="OpeningHours.weekday, OpeningHours.opens"
    )
    closures: Mapped[list[Closure]] = relationship(cascade="all, delete-orphan", order_by="Closure.first_on")

    __table_args__ = (
        sa.CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude"),
        sa.CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude"),
        sa.CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="place_is_whole"),
        sa.CheckConstraint("capacity BETWEEN 1 AND 1000000", name="capacity"),
    )


def _one_owner(name: str) -> sa.CheckConstraint:
    """Return the constraint that a row belongs either to an event or to a venue."""
    return sa.CheckConstraint("(event_id IS NULL) <> (venue_id IS NULL)", name=name)


class OpeningHours(Base):
    """Opening hours on a weekday (0 is Monday), wall times; ``closes`` before ``opens`` is on the next day."""

    __tablename__ = "opening_hours"

    id: Mapped[Id]
    event_id: Mapped[int | None] = mapped_column(sa.ForeignKey("event.id", ondelete="CASCADE"), index=True)
    venue_id: Mapped[int | None] = mapped_column(sa.ForeignKey("venue.id", ondelete="CASCADE"), index=True)
    weekday: Mapped[int] = mapped_column(sa.SmallInteger)
    opens: Mapped[time]
    closes: Mapped[time]

    __table_args__ = (
        _one_owner("one_owner"),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        sa.UniqueConstraint("event_id", "weekday", "opens"),
        sa.UniqueConstraint("venue_id", "weekday", "opens"),
    )


class Closure(Base):
    """Days, both ends inclusive, that are closed; or, with ``opens`` and ``closes``, open during these hours only."""

    __tablename__ = "closure"

    id: Mapped[Id]
    event_id: Mapped[int | None] = mapped_column(sa.ForeignKey("event.id", ondelete="CASCADE"), index=True)
    venue_id: Mapped[int | None] = mapped_column(sa.ForeignKey("venue.id", ondelete="CASCADE"), index=True)
    first_on: Mapped[date]
    last_on: Mapped[date]
    opens: Mapped[time | None]
    closes: Mapped[time | None]
    reason: Mapped[Text] = mapped_column(Languages, default=Text)

    __table_args__ = (
        _one_owner("one_owner"),
        sa.CheckConstraint("last_on >= first_on", name="ends_after_start"),
        sa.CheckConstraint("(opens IS NULL) = (closes IS NULL)", name="hours_are_whole"),
    )


class FormerKey(Base):
    """A key, or a person's #number, of what was merged into something else: whoever writes it means that now.

    ``number`` is the id of what it became; the noun says in which table.
    """

    __tablename__ = "former_key"

    noun: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    key: Mapped[str] = mapped_column(KEY, primary_key=True)
    number: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"))
    merged_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (sa.Index("ix_former_key_noun_number", "noun", "number"),)


class ToldApart(Base):
    """Two people who look like one, and of whom an officer has said that they are two; ``one_id`` is the lower id."""

    __tablename__ = "told_apart"

    one_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="CASCADE"), primary_key=True)
    other_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="CASCADE"), primary_key=True, index=True
    )

    __table_args__ = (sa.CheckConstraint("one_id < other_id", name="in_order"),)


register_refusal("uq_person_identity", N_("there is already a person with this name and e-mail address"))
register_refusal("uq_person_key", N_("a person with this key already exists"))
register_refusal("uq_venue_key", N_("a venue with this key already exists"))
register_refusal("uq_city_key", N_("a city with this key already exists"))
register_refusal("uq_organisation_key", N_("an organisation with this key already exists"))

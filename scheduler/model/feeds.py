"""Feeds, and the rendered events that they are joined from."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from scheduler.base.i18n import N_
from scheduler.base.text import Text
from scheduler.model.accounts import Account
from scheduler.model.events import Kind
from scheduler.model.places import KEY, Person
from scheduler.model.posts import Post
from scheduler.storage.refusals import register_refusal
from scheduler.storage.types import JSON, Base, Id, Instant, Languages, choice

EVERYTHING = "all"
KIND_FEEDS = {
    "exhibitions": (Kind.EXHIBITION, N_("Exhibitions")),
    "ceremonies": (Kind.CEREMONY, N_("Ceremonies")),
    "consulate-openings": (Kind.CONSULATE_OPENING, N_("Consulate openings")),
    "visits": (Kind.VISIT, N_("Working visits")),
    "meetings": (Kind.MEETING, N_("Meetings")),
    "consular-days": (Kind.CONSULAR_DAY, N_("Mobile consular days")),
    "anniversaries": (Kind.ANNIVERSARY, N_("Anniversaries")),
}
CITY_PREFIX = "city-"
CHOICE = "choice"  # the feed that a reader put together


class Audience(StrEnum):
    """Whom a rendering is for: everybody, or those who take part by video and are given the link."""

    PUBLIC = "public"
    REMOTE = "remote"


class View(StrEnum):
    """Form in which a feed shows an exhibition: as one bar over its days, or as its opening hours."""

    EVENT = "event"
    HOURS = "hours"


class Sees(StrEnum):
    """The view of a link: public events; private ones too; the holder's own events; or the visits of a post.

    One's own are the events that the person is invited to or has a place at, whatever their visibility.
    """

    PUBLIC = "public"
    PRIVATE = "private"
    OWN = "own"
    VISITS = "visits"


class Feed(Base):
    """A calendar of public events that an officer composed: an empty list means no restriction."""

    __tablename__ = "feed"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(KEY, unique=True)
    name: Mapped[Text] = mapped_column(Languages)
    kinds: Mapped[list[str]] = mapped_column(JSON, default=list)
    cities: Mapped[list[str]] = mapped_column(JSON, default=list)
    organizers: Mapped[list[str]] = mapped_column(JSON, default=list)
    tours: Mapped[list[str]] = mapped_column(JSON, default=list)
    past_days: Mapped[int] = mapped_column(default=60)

    __table_args__ = (sa.CheckConstraint("past_days BETWEEN 0 AND 3660", name="past_days"),)


class Rendering(Base):
    """An event's VEVENT bytes in one language, made when the event changes.

    ``zoned`` says that its times are in the event's zone, so that the feed must carry its VTIMEZONE.
    """

    __tablename__ = "rendering"

    event_id: Mapped[int] = mapped_column(sa.ForeignKey("event.id", ondelete="CASCADE"), primary_key=True)
    language: Mapped[str] = mapped_column(sa.String(35), primary_key=True)
    view: Mapped[View] = mapped_column(choice(View), primary_key=True)
    audience: Mapped[Audience] = mapped_column(choice(Audience), primary_key=True)
    body: Mapped[bytes]
    zoned: Mapped[bool] = mapped_column(default=False)


class FeedLink(Base):
    """A secret address of a feed, for one holder.

    The token in it is derived (`scheduler.services.feeds.links`); raising ``epoch`` replaces it, so that an address
    that became known is worth nothing.
    """

    __tablename__ = "feed_link"

    id: Mapped[Id]
    holder: Mapped[str] = mapped_column(sa.String(200))
    feed: Mapped[str] = mapped_column(KEY)  # a built-in feed has no row to refer to
    sees: Mapped[Sees] = mapped_column(choice(Sees))
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    person: Mapped[Person | None] = relationship()
    # Of the visits of a post: good for as long as the account sees that post.
    post_id: Mapped[int | None] = mapped_column(sa.ForeignKey("post.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[int | None] = mapped_column(sa.ForeignKey("account.id"), index=True)
    names: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    post: Mapped[Post | None] = relationship()
    account: Mapped[Account | None] = relationship()
    epoch: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(Instant)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)

    __table_args__ = (
        sa.CheckConstraint("(sees = 'own') = (person_id IS NOT NULL)", name="own_is_somebodys"),
        sa.CheckConstraint("(sees = 'visits') = (post_id IS NOT NULL)", name="visits_are_of_a_post"),
        sa.CheckConstraint("(post_id IS NULL) = (account_id IS NULL)", name="visits_are_for_an_account"),
        sa.Index("ix_feed_link_person_id", "person_id"),
    )


def is_built_in(key: str) -> bool:
    """Return whether a key is reserved for a built-in feed; those of cities are reserved before the city exists."""
    return key in (EVERYTHING, CHOICE, *KIND_FEEDS) or key.startswith(CITY_PREFIX)


register_refusal("uq_feed_key", N_("a feed with this key already exists"))

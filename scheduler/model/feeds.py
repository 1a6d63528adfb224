"""Feeds, and the rendered events that they are joined from."""

from __future__ import annotations

from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from scheduler.db import JSON, Base, Languages, choice
from scheduler.model.programme import KEY
from scheduler.text import Text


class Audience(StrEnum):
    """Whom a rendering is for: anybody, or who takes part by video and so is given the link."""

    PUBLIC = "public"
    REMOTE = "remote"


class View(StrEnum):
    """An exhibition is shown as one bar over its days, or as its opening hours; never both in one feed."""

    EVENT = "event"
    HOURS = "hours"


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

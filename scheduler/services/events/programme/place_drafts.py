"""Drafts of places and people: what is asked of a city, an organisation, a person, a venue, a feed."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from scheduler.base.errors import Invalid
from scheduler.base.text import Text
from scheduler.model import (
    Kind,
)
from scheduler.services.common.day_drafts import DaysDraft
from scheduler.services.common.drafts import Draft
from scheduler.services.common.drafts import refused as _refused
from scheduler.services.common.values import (
    Country,
    Email,
    Holidays,
    Key,
    Language,
    Name,
    Special,
    Telephone,
    Title,
    Weekly,
    Zone,
)


class ClosureDraft(DaysDraft):
    """Closed on these days; with hours, open only then."""

    hours: Special = None
    reason: Title = Text()


class CityDraft(Draft):
    name: Name
    country: Country
    tz: Zone


class OrganisationDraft(Draft):
    name: Name
    country: Country | None = None
    email: Email | None = None


class PersonDraft(Draft):
    name: Name
    courtesy_title: Title = Text()
    position: Title = Text()
    organisation: Key | None = None
    email: Email | None = None
    telephone: Telephone | None = None
    language: Language | None = None
    tz: Zone | None = None
    precedence: Annotated[int, Field(strict=True, ge=1, le=10_000)] | None = None


class VenueDraft(Draft):
    name: Name
    city: Key
    address: Title = Text()
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    holidays: Holidays | None = None
    hours: Weekly = ()
    closed: tuple[ClosureDraft, ...] = ()

    @model_validator(mode="after")
    def _whole_place(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise _refused(Invalid("latitude and longitude go together"))
        return self


class FeedDraft(Draft):
    name: Name
    kinds: tuple[Kind, ...] = ()
    cities: tuple[Key, ...] = ()
    organizers: tuple[Key, ...] = ()
    tours: tuple[Key, ...] = ()
    past_days: Annotated[int, Field(strict=True, ge=0, le=3660)] = 60

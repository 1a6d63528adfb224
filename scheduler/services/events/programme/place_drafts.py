"""Drafts of cities, organisations, people, venues and feeds, and of the days on which a venue is closed."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from scheduler.base.errors import Invalid
from scheduler.base.text import Text
from scheduler.model.events import Kind
from scheduler.model.places import Gender, OfficeState
from scheduler.services.common.day_drafts import DaysDraft
from scheduler.services.common.drafts import Draft, as_pydantic_error
from scheduler.services.common.values import (
    Country,
    Email,
    Holidays,
    Key,
    Language,
    Name,
    Prose,
    Special,
    Telephone,
    Title,
    Weekly,
    Zone,
)


class ClosureDraft(DaysDraft):
    """Days on which a venue or an exhibition is closed; with ``hours``, those during which it is open instead."""

    hours: Special = None
    reason: Title = Text()


class CityDraft(Draft):
    """A city: its country (ISO 3166-1) and its zone."""

    name: Name
    country: Country
    tz: Zone


class OrganisationDraft(Draft):
    """An organisation that organises events, or that people belong to.

    ``name`` is its official name. Letters about its events are signed with all of it but the country.
    """

    name: Name
    country: Country | None = None
    email: Email | None = None
    signer: Title = Text()
    signer_position: Title = Text()
    address: Title = Text()
    telephone: Telephone | None = None


class PersonDraft(Draft):
    """A person; ``precedence`` is their place in the order of precedence, 1 being the highest.

    ``office_class`` is a code of the forms of address, ``position`` its own words. What stands in ``envelope_name``,
    ``own_salutation`` and ``own_closing`` overrides those forms in its language.
    """

    name: Name
    courtesy_title: Title = Text()
    position: Title = Text()
    organisation: Key | None = None
    email: Email | None = None
    telephone: Telephone | None = None
    language: Language | None = None
    tz: Zone | None = None
    precedence: Annotated[int, Field(strict=True, ge=1, le=10_000)] | None = None
    gender: Gender = Gender.NONE
    office_class: Key | None = None
    office_state: OfficeState = OfficeState.UNKNOWN
    envelope_name: Title = Text()
    own_salutation: Title = Text()
    own_closing: Title = Text()


class VenueDraft(Draft):
    """A venue; ``holidays`` is the State whose public holidays close it, ``hours`` are its weekly opening hours.

    ``directions`` say how to get there, ``capacity`` how many people it holds.
    """

    name: Name
    city: Key
    address: Title = Text()
    directions: Prose = Text()
    capacity: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    holidays: Holidays | None = None
    hours: Weekly = ()
    closed: tuple[ClosureDraft, ...] = ()

    @model_validator(mode="after")
    def _check_coordinates(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise as_pydantic_error(Invalid("latitude and longitude: give both, or neither"))
        return self


class FeedDraft(Draft):
    """A feed of events: only those of the kinds, cities, organisers and tours that are named, if any are."""

    name: Name
    kinds: tuple[Kind, ...] = ()
    cities: tuple[Key, ...] = ()
    organizers: tuple[Key, ...] = ()
    tours: tuple[Key, ...] = ()
    past_days: Annotated[int, Field(strict=True, ge=0, le=3660)] = 60

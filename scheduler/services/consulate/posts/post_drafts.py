"""Drafts of posts: the tables [post.KEY], [post.KEY.counter.KEY] and [post.KEY.service.KEY] of a programme file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import time, timedelta
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from scheduler.base.errors import Invalid
from scheduler.base.text import Text
from scheduler.model.posts import Counted
from scheduler.services.common.day_drafts import DaysDraft
from scheduler.services.common.drafts import Draft, as_pydantic_error
from scheduler.services.common.plain_values import Interval
from scheduler.services.common.values import (
    Capacity,
    Duration,
    Email,
    Holidays,
    Key,
    Name,
    Prose,
    Special,
    Telephone,
    Title,
    WallTime,
    Weekly,
)
from scheduler.services.consulate.posts.posts import (
    COUNTER_DEFAULTS,
    POST_DEFAULTS,
    SERVICE_DEFAULTS,
    SPECIAL_DEFAULTS,
)

DAY = timedelta(days=1)
CELL_MINUTES = (5, 10, 15, 20, 30, 60)


def _check_within_days(rows: Sequence[tuple[int, Interval]]) -> Sequence[tuple[int, Interval]]:
    for _, hours in rows:
        _refuse_past_midnight(hours)
    return rows


def _refuse_past_midnight(hours: Interval | None) -> None:
    if hours is not None and hours[1] <= hours[0] and hours[1] != time():
        raise as_pydantic_error(
            Invalid("{opens}-{closes} goes past midnight; write hours within one day", **_format_hours(hours))
        )


def _format_hours(hours: Interval) -> dict[str, str]:
    return {"opens": f"{hours[0]:%H:%M}", "closes": f"{hours[1]:%H:%M}"}


def _check_fee(value: Any) -> str:
    amount = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,7}(\.\d{1,2})?", amount):
        raise as_pydantic_error(
            Invalid("{value} is not an amount; write it like 30 or 30.50", value=repr(value)[:60])
        )
    return amount


def _check_currency(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch("[A-Z]{3}", value):
        raise as_pydantic_error(
            Invalid("{value} is not a currency; write three letters (ISO 4217), like THB", value=str(value))
        )
    return value


def _check_cell(value: int) -> int:
    if value not in CELL_MINUTES:
        raise as_pydantic_error(
            Invalid(
                "{value} is not possible; write one of: {expected}",
                value=value,
                expected=", ".join(map(str, CELL_MINUTES)),
            )
        )
    return value


Hours = Annotated[Weekly, AfterValidator(_check_within_days)]
Minutes = Annotated[int, Field(strict=True, ge=1, le=480)]


class SpecialDraft(DaysDraft):
    """Days that differ from the week: closed all day or for some hours, or open despite a public holiday."""

    open: bool = SPECIAL_DEFAULTS["open"]
    hours: Special = None
    reason: Title = Text()
    counter: Key | None = None

    @model_validator(mode="after")
    def _check_within_a_day(self) -> Self:
        _refuse_past_midnight(self.hours)
        return self


class CounterDraft(Draft):
    """A counter; without hours of its own it keeps the hours of its post."""

    name: Name
    hours: Hours = ()
    staffed: bool = COUNTER_DEFAULTS["staffed"]


class ServiceDraft(Draft):
    """A service.

    ``checklist`` is the documents to bring, one per line; ``quota`` is how many documents or people are taken a day.
    """

    name: Name
    minutes: Minutes
    counted: Counted = SERVICE_DEFAULTS["counted"]
    checklist: Prose = Text()
    fee: Annotated[str, BeforeValidator(_check_fee)] | None = None
    currency: Annotated[str, BeforeValidator(_check_currency)] | None = None
    quota: Capacity | None = None
    horizon: Duration | None = None
    notice: Duration | None = None
    counters: tuple[Key, ...] = ()
    walk_ins: bool = SERVICE_DEFAULTS["walk_ins"]
    offered: bool = SERVICE_DEFAULTS["offered"]

    @model_validator(mode="after")
    def _check_fee_is_whole(self) -> Self:
        if (self.fee is None) != (self.currency is None):
            raise as_pydantic_error(Invalid("fee and currency: give both, or neither"))
        return self


class PostDraft(Draft):
    """A post. Durations are written as people write them: "60 days", "15 min".

    ``deadline`` is a wall time in the zone of its city, after which nothing is booked; mobile consular days have one.
    """

    name: Name
    city: Key
    sending_state: Holidays
    receiving_state: Holidays
    address: Title = Text()
    district: Prose = Text()
    event: Key | None = None
    email: Email | None = None
    telephone: Telephone | None = None
    signer: Title = Text()
    signer_position: Title = Text()
    hours: Hours = ()
    special: tuple[SpecialDraft, ...] = ()
    cell: Annotated[int, Field(strict=True), AfterValidator(_check_cell)] = POST_DEFAULTS["cell"]
    horizon: Duration = POST_DEFAULTS["horizon"]
    notice: Duration = POST_DEFAULTS["notice"]
    hold: Duration = POST_DEFAULTS["hold"]
    offer: Duration = POST_DEFAULTS["offer"]
    release_within: Duration = POST_DEFAULTS["release_within"]
    release_near: Duration = POST_DEFAULTS["release_near"]
    reconfirm_from: Duration | None = None
    reconfirm_until: Duration | None = None
    remind: Duration | None = POST_DEFAULTS["remind"]
    no_shows: Annotated[int, Field(strict=True, ge=1, le=100)] | None = None
    no_shows_within: Duration = POST_DEFAULTS["no_shows_within"]
    no_shows_pause: Duration = POST_DEFAULTS["no_shows_pause"]
    largest_party: Annotated[int, Field(strict=True, ge=1, le=20)] = POST_DEFAULTS["largest_party"]
    deadline: WallTime | None = None
    keep: Duration = POST_DEFAULTS["keep"]
    counter: dict[Key, CounterDraft] = {}
    service: dict[Key, ServiceDraft] = {}

    @model_validator(mode="after")
    def _check_durations(self) -> Self:
        if (self.reconfirm_from is None) != (self.reconfirm_until is None):
            raise as_pydantic_error(Invalid("reconfirm_from and reconfirm_until: give both, or neither"))
        if self.reconfirm_from and self.reconfirm_until and self.reconfirm_until >= self.reconfirm_from:
            raise as_pydantic_error(Invalid("reconfirm_until: must be nearer to the appointment than reconfirm_from"))
        if not timedelta() < self.hold <= DAY:
            raise as_pydantic_error(Invalid("hold: a time is reserved for at most one day"))
        if not timedelta() < self.offer <= 7 * DAY:
            raise as_pydantic_error(Invalid("offer: a time is offered for at most one week"))
        if self.horizon > 400 * DAY:
            raise as_pydantic_error(Invalid("horizon: at most 400 days"))
        return self

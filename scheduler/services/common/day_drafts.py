"""Drafts that hold days: a first and a last day, or a single day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any, Self

from pydantic import model_validator

from scheduler.base.i18n import N_
from scheduler.services.common.drafts import Draft, require_order, require_span
from scheduler.services.common.values import Day


class DaysDraft(Draft):
    """Days from first_day to last_day, both included; a single day may also be first_day alone, or ``on``."""

    first_day: Day
    last_day: Day

    @model_validator(mode="before")
    @classmethod
    def _fill_in_single_day(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            value = dict(value)
            if "on" in value:
                value.setdefault("first_day", value.pop("on"))
            if "first_day" in value:
                value.setdefault("last_day", value["first_day"])
        return value

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        require_order(self.first_day, self.last_day, "last_day", "first_day")
        require_span(self.first_day, self.last_day)
        return self


def find_passed_days(before: Collection[DaysDraft], after: Iterable[DaysDraft], *, today: date) -> tuple[str, ...]:
    """Return a sentence if days were added that have passed; those in ``before`` were there already."""
    passed = any(one.last_day < today and one not in before for one in after)
    return (N_("Days that are closed or have special hours cannot be in the past."),) if passed else ()

"""Days as people hand them in: from one to another, or a single one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import model_validator

from scheduler.services.common.drafts import Draft, in_order
from scheduler.services.common.values import Day


class DaysDraft(Draft):
    """From first_day to last_day; a single one is first_day alone, or ``on``."""

    first_day: Day
    last_day: Day

    @model_validator(mode="before")
    @classmethod
    def _one_day(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            value = dict(value)
            if "on" in value:
                value.setdefault("first_day", value.pop("on"))
            if "first_day" in value:
                value.setdefault("last_day", value["first_day"])
        return value

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        in_order(self.first_day, self.last_day, "last_day", "first_day")
        return self

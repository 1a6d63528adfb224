"""What all drafts have in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

from scheduler.base.errors import Invalid, SchedulerError


class Draft(BaseModel):
    """Frozen, and with no key that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)


def in_order(first: Any, last: Any, last_name: str, first_name: str) -> None:
    if first is not None and last is not None and last < first:
        raise refused(Invalid("{last} is before {first}", last=last_name, first=first_name))


def refused(error: SchedulerError) -> PydanticCustomError:
    return PydanticCustomError("refused", "{error}", {"error": error})

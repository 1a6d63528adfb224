"""The base class of all drafts, their check, and the words for mistakes in them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from scheduler.base.errors import Invalid, SchedulerError, combine_errors, list_errors
from scheduler.base.i18n import N_


class Draft(BaseModel):
    """Base of all drafts: immutable; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)


def require_order(first: Any, last: Any, last_name: str, first_name: str) -> None:
    """Raise a mistake that pydantic collects if ``last`` is before ``first``; either may be None."""
    if first is not None and last is not None and last < first:
        raise as_pydantic_error(Invalid("{last} is before {first}", last=last_name, first=first_name))


MAX_YEARS = 50  # a longer time has a wrong year in it, and all its days would be looked at


def require_span(first: Any, last: Any) -> None:
    """Raise a mistake that pydantic collects if the last day or time is many years after the first."""
    if last - first > timedelta(days=366 * MAX_YEARS):
        days = {"last": f"{last:%Y-%m-%d}", "first": f"{first:%Y-%m-%d}"}
        raise as_pydantic_error(Invalid("{last} is more than {most} years after {first}", most=MAX_YEARS, **days))


def as_pydantic_error(error: SchedulerError) -> PydanticCustomError:
    """Wrap an error of ours for pydantic to collect; `explain` takes it out again."""
    return PydanticCustomError("refused", "{error}", {"error": error})


D = TypeVar("D", bound=Draft)


def check(kind: type[D], value: Any, *, language: str = "en") -> D:
    """Return the draft that a value, such as a table of a file, stands for.

    ``language`` is the language of plain strings where a text per language is possible. Raise Invalid, or Problems
    with one Invalid per mistake; each begins with the path of the field.
    """
    try:
        return kind.model_validate(value, context={"language": language})
    except ValidationError as error:
        details = _leave_out_consequences(error.errors())
        raise combine_errors([mistake for detail in details for mistake in explain(kind, detail)]) from error


def _leave_out_consequences(details: Sequence[Any]) -> Sequence[Any]:
    """Leave out that a list is too short where only its entries are wrong: pydantic counts none that is."""
    wrong = {detail["loc"][:-depth] for detail in details for depth in range(1, len(detail["loc"]))}
    return [detail for detail in details if detail["type"] != "too_short" or detail["loc"] not in wrong]


def explain(kind: type[Draft], detail: Any) -> Sequence[SchedulerError]:
    """Put one of pydantic's findings into our words, after the path of its field."""
    place = _format_place(detail["loc"])
    ours = detail.get("ctx", {}).get("error")
    if not isinstance(ours, SchedulerError):
        return (_translate(kind, detail, place),)
    return [Invalid("{place}: {problem}", place=place, problem=one) if place else one for one in list_errors(ours)]


def _translate(kind: type[Draft], detail: Any, place: str) -> Invalid:
    if detail["type"] == "extra_forbidden":
        return _explain_unknown_key(kind, detail["loc"], place)
    message = _MESSAGES.get(detail["type"], N_("{reason}"))
    problem = Invalid(
        message, reason=detail["msg"], **{k: v for k, v in detail.get("ctx", {}).items() if k != "error"}
    )
    return Invalid("{place}: {problem}", place=place, problem=problem)


MISSING = N_("is missing")
_MESSAGES = {
    "missing": MISSING,
    "enum": N_("is not one of {expected}"),
    "bool_type": N_("must be true or false"),
    "bool_parsing": N_("must be true or false"),
    "int_type": N_("must be a whole number"),
    "float_type": N_("must be a number"),
    "float_parsing": N_("must be a number"),
    "greater_than_equal": N_("must be at least {ge}"),
    "less_than_equal": N_("must be at most {le}"),
    "model_type": N_("must be a table"),
    "dict_type": N_("must be a table"),
    "tuple_type": N_("must be a list"),
}


def _format_place(loc: tuple[int | str, ...]) -> str:
    parts = [str(part) for part in loc if part != "[key]"]
    return ".".join(parts)


def _explain_unknown_key(kind: type[Draft], loc: tuple[int | str, ...], place: str) -> Invalid:
    known = sorted(_list_fields_at(kind, loc[:-1]))
    near = difflib.get_close_matches(str(loc[-1]), known, n=1)
    if near:
        return Invalid("{place}: there is no such key; did you mean {near}?", place=place, near=near[0])
    return Invalid("{place}: there is no such key; there are {known}", place=place, known=", ".join(known))


def _list_fields_at(kind: type[Draft], path: tuple[int | str, ...]) -> Iterable[str]:
    """Return the keys of the table at a path, found by following the annotations of the drafts."""
    for part in path:
        if isinstance(part, str) and part in kind.model_fields:
            kind = _find_draft(kind.model_fields[part].annotation) or kind
    return kind.model_fields


def _find_draft(annotation: Any) -> type[Draft] | None:
    """Return the draft class within an annotation such as ``dict[Key, CityDraft]``."""
    if isinstance(annotation, type) and issubclass(annotation, Draft):
        return annotation
    found = (_find_draft(argument) for argument in getattr(annotation, "__args__", ()))
    return next((kind for kind in found if kind), None)

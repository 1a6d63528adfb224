"""Marks that a page sets for the memory of pages: that it may be kept, what it reads, how long it stays true."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from flask import Response, request

TRUE_UNTIL = "scheduler.true_until"  # in the environ: the earliest instant at which the page may say something else
# Free places and who comes have no version, because it would change with every registration.
PLACES_TRUE_FOR = timedelta(seconds=1)
FOR_MANY = "scheduler.for_many"  # in the environ of a request whose page is made to be kept
# A cookie of two seconds for a reader to whom something was just refused: pages are made anew for them, since a
# kept one may still offer it.
FRESH, FRESH_SECONDS = "fresh", 2
_REMEMBERED = "remembered"  # the attribute of a view
KEY = re.compile(r"[a-z0-9][a-z0-9 -]{0,99}")
View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class PageChoice:
    """Arguments that a page reads: names with the form of their values; ``many`` may stand several times."""

    names: Mapping[str, re.Pattern[str]]
    many: Collection[str] = ()


def remembered(
    names: Mapping[str, re.Pattern[str]] | None = None, *, many: Collection[str] = ()
) -> Callable[[View], View]:
    """Mark a view whose page may be kept in memory for everybody.

    It may depend on nothing of a request but the path, the arguments in ``names`` and the clock that the reader
    chose: the request that it sees has nothing else (`page_addresses.PageAddress.ask`).
    """

    def mark(view: View) -> View:
        setattr(view, _REMEMBERED, PageChoice(names or {}, many))
        return view

    return mark


def choice_of(view: Callable[..., Any]) -> PageChoice | None:
    """Return what a view reads from its address if its page may be kept; None for all other pages."""
    found: PageChoice | None = getattr(view, _REMEMBERED, None)
    return found


def see_anew(response: Response) -> Response:
    """Have the next pages of this reader made anew: what they were just refused must not be offered to them again."""
    secure = request.is_secure
    response.set_cookie(FRESH, "1", max_age=FRESH_SECONDS, samesite="Lax", httponly=True, secure=secure)
    return response


def limit_life(until: datetime) -> None:
    """State that the page of this request may say something else from that instant on.

    Without it a page is true until the minute ends, because hours and days are written in minutes. A page that is not
    worth keeping, because its address names something that there is not, states the present instant.
    """
    environ = request.environ
    environ[TRUE_UNTIL] = min(until, environ.get(TRUE_UNTIL, until))

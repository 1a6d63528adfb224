"""The mark of a page that is behind the waiting room: what books, registers or holds a time.

What is read from memory, a reader's own page, the desk, the door, the board, calendars and health never are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

_IN_TURN = "in_turn"  # the attribute of a view
View = TypeVar("View", bound=Callable[..., Any])


def in_turn(view: View) -> View:
    """Mark a view that is shown in the order of arrival, while the waiting room is open."""
    setattr(view, _IN_TURN, True)
    return view


def is_in_turn(view: Callable[..., Any]) -> bool:
    """Return whether a view is behind the waiting room."""
    return getattr(view, _IN_TURN, False)

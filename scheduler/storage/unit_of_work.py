"""The state that services share within one transaction: who acts, and what was changed so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

_KEY = "unit_of_work"


@dataclass(slots=True)
class UnitOfWork:
    """The state of one session that is not in any row."""

    actor: str = "system"  # named in the audit
    id: str = field(default_factory=lambda: uuid4().hex)
    pages: str = ""  # base address of the public pages; empty if there are none
    revised: set[tuple[str, datetime]] = field(default_factory=set)  # events that were revised: (UID, now)
    content_changed_at: datetime | None = None  # UTC; None: nothing that feeds or pages show
    informs: bool = True  # False: no letter tells of what is changed
    planned: list[int] = field(default_factory=list)  # ids of events that were added or changed
    overruled: list[Any] = field(default_factory=list)  # what contradicts the plan, and was accepted


def unit_of_work(session: Session) -> UnitOfWork:
    """Return the unit of work of a session; one with the defaults if none was begun."""
    found: UnitOfWork | None = session.info.get(_KEY)
    return begin_unit_of_work(session) if found is None else found


def begin_unit_of_work(session: Session, *, actor: str = "system", pages: str = "") -> UnitOfWork:
    """Give a session a new unit of work, which every service called with it shares."""
    unit = session.info[_KEY] = UnitOfWork(actor, pages=pages)
    return unit

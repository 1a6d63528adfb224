"""Every consequence of an act on events, before it is done: the act itself is done, looked at, and rolled back.

Whoever calls `observe` opens the transaction, and keeps it or rolls it back. So what is shown is what is done, by the
same code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.attendance import Attendee, Partstat, Standing
from scheduler.model.events import Event, Reminder, Timing
from scheduler.model.letters import Letter
from scheduler.model.places import Person
from scheduler.services.desk import informed
from scheduler.services.desk.informed import Informed
from scheduler.services.desk.objections import Objection, find_objections
from scheduler.services.events.programme.event_mapping import WITH_EVENT
from scheduler.services.events.programme.event_times import capture_facts
from scheduler.services.events.programme.planning import find_passed_times
from scheduler.services.events.replanning.event_trees import walk_trees
from scheduler.storage.unit_of_work import unit_of_work

T = TypeVar("T")
# Says in the place of an officer's reason that what contradicts the plan is to be shown rather than refused.
SHOWN = "shown before it is done"
Deed = Callable[[Session, str], T]  # does it, and takes the reason that overrules what contradicts the plan


class Moved(NamedTuple, Generic[T]):
    """Something before and after; None where there was or is nothing."""

    was: T | None
    becomes: T | None

    @property
    def differs(self) -> bool:
        """Return whether it is not as before."""
        return self.was != self.becomes

"""Mapped classes, and the rules about one aggregate. No queries over several, no clock, no commit.

A module is imported when one of its names is first asked for (PEP 562): to map all tables costs a short command half
of its time. That is safe because arrows point down: a module imports every class that its own classes refer to, and
refers to none of a module that is not imported. `import_all` is for those who need every table.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scheduler.model.accounts import MAY, WITH_A_POST, Account, AccountRole, Act
    from scheduler.model.arrivals import Arrival
    from scheduler.model.attendance import Answer, Attendee, Companion, Partstat, Reminded, Role, Standing
    from scheduler.model.audit import Audit
    from scheduler.model.events import (
        Capacity,
        Event,
        Kind,
        Mode,
        Queue,
        Registration,
        Reminder,
        ReminderAudience,
        Status,
        Timing,
        Visibility,
    )
    from scheduler.model.feeds import Audience, Feed, FeedLink, Rendering, Sees, Version, View
    from scheduler.model.imports import ColumnMapping, ExternalId, GuestList, GuestRow, Origin
    from scheduler.model.letters import Letter, LetterKind, Message, Outcome
    from scheduler.model.limits import Hits, SentForm
    from scheduler.model.places import City, Closure, OpeningHours, Organisation, Person, Venue
    from scheduler.model.posts import Checklist, Counted, Counter, Layout, Post, PostHours, Service, SpecialDays
    from scheduler.model.visits import Applicant, Appointment, ServiceDay, Side, SlotClaim, Ticket, VisitStatus

_NAMES = {
    "accounts": "MAY WITH_A_POST Account AccountRole Act",
    "arrivals": "Arrival",
    "attendance": "Answer Attendee Companion Partstat Reminded Role Standing",
    "audit": "Audit",
    "events": "Capacity Event Kind Mode Queue Registration Reminder ReminderAudience Status Timing Visibility",
    "feeds": "Audience Feed FeedLink Rendering Sees Version View",
    "imports": "ColumnMapping ExternalId GuestList GuestRow Origin",
    "letters": "Letter LetterKind Message Outcome",
    "limits": "Hits SentForm",
    "places": "City Closure OpeningHours Organisation Person Venue",
    "posts": "Checklist Counted Counter Layout Post PostHours Service SpecialDays",
    "visits": "Applicant Appointment ServiceDay Side SlotClaim Ticket VisitStatus",
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}


if not TYPE_CHECKING:  # else a type checker would take every name for one of ours

    def __getattr__(name: str) -> object:
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
        globals()[name] = found
        return found


def import_all() -> None:
    """Import every module, so that ``Base.metadata`` knows every table."""
    for module in _NAMES:
        importlib.import_module(f"{__name__}.{module}")


__all__ = [
    "MAY",
    "WITH_A_POST",
    "Account",
    "AccountRole",
    "Act",
    "Answer",
    "Applicant",
    "Appointment",
    "Arrival",
    "Attendee",
    "Audience",
    "Audit",
    "Capacity",
    "Checklist",
    "City",
    "Closure",
    "ColumnMapping",
    "Companion",
    "Counted",
    "Counter",
    "Event",
    "ExternalId",
    "Feed",
    "FeedLink",
    "GuestList",
    "GuestRow",
    "Hits",
    "Kind",
    "Layout",
    "Letter",
    "LetterKind",
    "Message",
    "Mode",
    "OpeningHours",
    "Organisation",
    "Origin",
    "Outcome",
    "Partstat",
    "Person",
    "Post",
    "PostHours",
    "Queue",
    "Registration",
    "Reminded",
    "Reminder",
    "ReminderAudience",
    "Rendering",
    "Role",
    "Sees",
    "SentForm",
    "Service",
    "ServiceDay",
    "Side",
    "SlotClaim",
    "SpecialDays",
    "Standing",
    "Status",
    "Ticket",
    "Timing",
    "Venue",
    "Version",
    "View",
    "Visibility",
    "VisitStatus",
]

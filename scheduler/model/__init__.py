"""Mapped classes, and the rules about one aggregate. No queries over several, no clock, no commit."""

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

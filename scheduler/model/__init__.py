"""Mapped classes, and the rules about one aggregate. No queries over several, no clock, no commit."""

from scheduler.model.accounts import MAY, Account, AccountRole, Act
from scheduler.model.attendance import (
    Answer,
    Attendee,
    Companion,
    Mode,
    Partstat,
    Reminded,
    Role,
    Seating,
    Standing,
)
from scheduler.model.audit import Audit
from scheduler.model.door import Arrival
from scheduler.model.feeds import Audience, Feed, FeedLink, Rendering, Sees, Version, View
from scheduler.model.floods import Hits, SentForm
from scheduler.model.guestlists import ColumnMapping, ExternalId, GuestList, GuestRow
from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.model.messages import Message
from scheduler.model.origins import Origin
from scheduler.model.programme import (
    City,
    Closure,
    Event,
    Kind,
    OpeningHours,
    Organisation,
    Person,
    Queue,
    Registration,
    Reminder,
    ReminderAudience,
    Status,
    Timing,
    Venue,
    Visibility,
)

__all__ = [
    "MAY",
    "Account",
    "AccountRole",
    "Act",
    "Answer",
    "Arrival",
    "Attendee",
    "Audience",
    "Audit",
    "City",
    "Closure",
    "ColumnMapping",
    "Companion",
    "Event",
    "ExternalId",
    "Feed",
    "FeedLink",
    "GuestList",
    "GuestRow",
    "Hits",
    "Kind",
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
    "Queue",
    "Registration",
    "Reminded",
    "Reminder",
    "ReminderAudience",
    "Rendering",
    "Role",
    "Seating",
    "Sees",
    "SentForm",
    "Standing",
    "Status",
    "Timing",
    "Venue",
    "Version",
    "View",
    "Visibility",
]

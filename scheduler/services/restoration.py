"""After a backup was restored: settle what the time since then has made untrue.

What happened between the backup and the restoration is not known to the database any more, but to people and their
programs: letters have left, calendars have shown later revisions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.audit import Version
from scheduler.model.events import Event
from scheduler.services.common import content_version
from scheduler.services.common.audit import note
from scheduler.services.consulate.visits import notices
from scheduler.services.feeds import event_feeds
from scheduler.services.letters import ledger
from scheduler.services.outbox import reminders

# More revisions than one event, or one visit, can have had between a backup and its restoration.
REVISIONS = 1_000
VERSIONS = 1_000_000  # of what is shown; there is at most one in a second


@dataclass(frozen=True, slots=True)
class RestorationCounts:
    """Numbers of the letters that are held, and of the events that were given a later revision."""

    held: int
    events: int


def settle(session: Session, *, made_at: datetime, now: datetime) -> RestorationCounts:
    """Hold what was due by now, and give everything that is shown a later revision than anybody can have seen."""
    reminders.fire_reminders(session, now=now)
    held = ledger.hold_due(session, now=now)
    events = _raise_revisions(session, now)
    note(session, "restore", "data", "database", now=now, made_at=made_at.isoformat(), held=held)
    session.flush()
    return RestorationCounts(held, events)


def _raise_revisions(session: Session, now: datetime) -> int:
    """Raise SEQUENCE, so that calendars take the next change (RFC 5545 3.8.7.4), and the version of what is shown.

    The Message-ID of a letter about a visit depends on the SEQUENCE of the visit: a letter that says something else
    must not have that of one that was sent before.
    """
    moment = now.replace(microsecond=0)
    later = {"sequence": Event.sequence + REVISIONS, "revised_at": moment, "fingerprint": ""}  # is rendered anew
    session.execute(sa.update(Event).values(later), execution_options={"synchronize_session": False})
    session.execute(sa.update(Version).values(number=Version.number + VERSIONS))
    notices.raise_sequences(session, by=REVISIONS, now=now)
    session.flush()
    session.expire_all()
    content_version.touch(session, now=now)
    return event_feeds.render_all_events(session, now=now)

"""A city, a venue, an event, a person in one line each: put by the services, so that they are what users make.

    with db.write() as session:
        opening = an_event(session, capacity=2)
        register(session, opening, a_person(session), companions=1)

Everything is made at `NOW`, the hour of conftest's clock, in Bangkok, unless said otherwise. Keyword arguments are
the keys of a programme file.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.attendance import Attendee, Role
from scheduler.model.events import Event, Kind, Mode
from scheduler.model.places import City, Organisation, Person, Venue
from scheduler.services.common import lookup
from scheduler.services.common.drafts import check
from scheduler.services.common.lookup import Lookup
from scheduler.services.events.attendance import transitions
from scheduler.services.events.guests.people import find_or_add_guest
from scheduler.services.events.programme import places, planning
from scheduler.services.events.programme.event_drafts import EventDraft
from scheduler.services.events.programme.place_drafts import FeedDraft, PersonDraft
from scheduler.storage.database import Database

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)  # as in conftest: a Monday, 16:00 in Bangkok
DAY = timedelta(days=1)
START = datetime(2027, 2, 2, 10, 0)  # noqa: DTZ001 - a wall time; a Tuesday, no holiday
EVENING = NOW.replace(month=2, day=2, hour=2, minute=40)  # 09:40 in Bangkok, on the day of the opening
DAILY = {"daily": "10:00-18:00"}
SPRING = {"first_day": date(2027, 2, 2), "last_day": date(2027, 4, 5), "dtstart": None}
SECRET = "0" * 64  # of the instance
_number = count(1)


def beside(db: Database) -> Database:
    """Return the same database for somebody else at the same moment: a thread may have a session on each of them."""
    return Database(db.url.render_as_string(hide_password=False), pages=db.pages, engine=db.engine)


def a_city(session: Session, key: str = "bangkok", **given: Any) -> City:
    """The city with this key, made if it is not there."""
    known = Lookup(session).find(City, key)
    return known or _put(session, "city", key, {"name": key.title(), "country": "TH", "tz": "Asia/Bangkok", **given})


def an_organisation(session: Session, key: str = "embassy", **given: Any) -> Organisation:
    known = Lookup(session).find(Organisation, key)
    return known or _put(session, "organisation", key, {"name": key.title(), **given})


def a_venue(session: Session, key: str = "hall", **given: Any) -> Venue:
    """Made, or changed to be as said; ``city`` is a key and made if it is not there."""
    city = a_city(session, given.pop("city", "bangkok"))
    return _put(session, "venue", key, {"name": key.title(), "city": city.key, **given})


def a_person(session: Session, key: str | None = None, **given: Any) -> Person:
    """With a key, somebody of the programme; without, a guest with a name and an address of their own."""
    number = next(_number)
    given = {"name": f"Guest {number}", "email": f"guest{number}@example.org", "language": "en", **given}
    if key is None:
        return find_or_add_guest(session, check(PersonDraft, given))
    return _put(session, "person", key, given)


def an_event(session: Session, key: str = "opening", *, now: datetime = NOW, **given: Any) -> Event:
    """A confirmed ceremony of two hours on 2 February, unless said otherwise; ``dtstart=None`` has no date.

    Contradictions with the rest of the plan are not asked for; that is `conflicts.refuse`.
    """
    said = {"kind": Kind.CEREMONY, "title": key.title(), "tz": "Asia/Bangkok", **given}
    if "first_day" not in said and said.setdefault("dtstart", START) and "dtend" not in said:
        said.setdefault("duration", timedelta(hours=2))
    draft = check(EventDraft, {name: value for name, value in said.items() if value is not None})
    return planning.put(session, key, draft, now=now, lookup=Lookup(session)).event


def a_feed(session, key, **given):
    draft = check(FeedDraft, {"name": key.title(), **given})
    places.put(session, places.NOUNS["feed"], key, draft, now=NOW, language="en", lookup=Lookup(session))


def register(
    session: Session,
    event: Event,
    person: Person | None = None,
    *,
    mode: Mode = Mode.IN_PERSON,
    companions: int = 0,
    role: Role = Role.PARTICIPANT,
    now: datetime = NOW,
) -> Attendee:
    """Register somebody, a new guest unless said."""
    who = person or a_person(session)
    party = transitions.Guest(person=who, mode=mode, companions=companions, role=role)
    return transitions.register(session, event, party, now=now)


def invite(
    session: Session,
    event: Event,
    person: Person | None = None,
    *,
    mode: Mode = Mode.IN_PERSON,
    companions: int = 0,
    role: Role = Role.PARTICIPANT,
    now: datetime = NOW,
    **given: Any,
) -> Attendee:
    """Invite somebody, a new guest unless said."""
    who = person or a_person(session)
    party = transitions.Guest(person=who, mode=mode, companions=companions, role=role)
    return transitions.invite(session, event, party, now=now, **given)


def _put(session: Session, name: str, key: str, given: dict[str, Any]) -> Any:
    noun, known = places.NOUNS[name], Lookup(session)
    places.put(session, noun, key, check(noun.draft, given), now=NOW, language="en", lookup=known)
    return known.get(noun.kind, key)


def attendees_of(session: Session, event: str = "opening") -> list[Attendee]:
    """The rows on the list of an event, in the order in which they came."""
    found = lookup.get(session, Event, event)
    return list(session.scalars(sa.select(Attendee).where(Attendee.event_id == found.id).order_by(Attendee.id)))

"""A desk with many events and many guests, written with bare Core: the same every time.

300 events a month in forty venues, by turns an exhibition with the nine that follow as its parts; guests spread over
them, and a long list of one event; for every guest an e-mail that was sent, and a row of the audit. What is here has
ids from FIRST on, so that a program can add to it on either engine.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import sqlalchemy as sa

from benchmarks import common
from benchmarks.register import attendee_row
from benchmarks.sample import CITIES, DESCRIPTION, KINDS, TITLES, VENUES
from scheduler.base.clock import instant
from scheduler.base.text import Text
from scheduler.model.attendance import Attendee, Partstat, Standing
from scheduler.model.audit import Audit
from scheduler.model.events import Capacity, Event, Mode, Reminder, ReminderAudience, Status, Timing, Visibility
from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.model.places import City, Organisation, Person, Venue
from scheduler.storage.database import Database

EVENTS, GUESTS = 10_000, 50_000
EVENTS_A_MONTH = 300
LONG_LIST = 2_000  # guests of one event
FIRST = 1_000_001
SEED = 15
ORGANISATIONS = 200
SURNAMES = ("Seitkali", "Bekova", "Tolegenov", "Dupont", "Whitfield", "Chaiyo", "Petrova", "Ivanov", "Kim", "Sato")
FIRST_NAMES = {
    "en": ("Nurlan", "Aigerim", "Pierre", "Anna", "Margaret", "Narong"),
    "kk": ("Жәнібек", "Айгерім", "Дана", "Ерлан"),
    "ru": ("Екатерина", "Ольга", "Сергей", "Иван"),
    "th": ("สมชาย", "ธนพร", "ศิริพร", "ไอจัน"),
}
STANDINGS = (
    *((Standing.CONFIRMED, Partstat.ACCEPTED),) * 5,
    *((Standing.INVITED, Partstat.NEEDS_ACTION),) * 3,
    (Standing.WITHDRAWN, Partstat.DECLINED),
)


def fill(db: Database, *, events: int = EVENTS, guests: int = GUESTS) -> None:
    """Add so many events, and so many people; all but those of the long list are guests of one of them."""
    chance = random.Random(SEED)
    _insert(db, City, (_city(number, key) for number, key in enumerate(CITIES)))
    _insert(db, Organisation, map(_organisation, range(ORGANISATIONS)))
    _insert(db, Venue, map(_venue, range(VENUES)))
    _insert(db, Event, (_event(number, events) for number in range(events)))
    _insert(db, Capacity, map(_capacity, range(events)))
    _insert(db, Reminder, map(_reminder, range(events)))
    _insert(db, Person, (_person(number, chance) for number in range(guests)))
    spread = [(FIRST + number, FIRST + chance.randrange(events)) for number in range(min(LONG_LIST, guests), guests)]
    _add_guests(db, spread, first=FIRST)
    common.analyze(db)


def fill_list(db: Database, event: int, *, guests: int = LONG_LIST) -> None:
    """Put people who are guests of nothing on the list of an event."""
    _add_guests(db, [(FIRST + number, event) for number in range(guests)], first=2 * FIRST)
    common.analyze(db)


def _insert(db: Database, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    for chunk in common.chunks(rows, 10_000):
        with common.transaction(db) as connection:
            connection.execute(sa.insert(table), chunk)


def _add_guests(db: Database, pairs: list[tuple[int, int]], *, first: int) -> None:
    """Put each of these people on the list of the event beside them."""
    guests = [(number, person, event) for number, (person, event) in zip(count(first), pairs, strict=False)]
    _insert(db, Attendee, (_attendee(*one) for one in guests))
    _insert(db, Letter, (_letter(*one) for one in guests))
    _insert(db, Audit, (_audit(number) for number, *_ in guests))


def _city(number: int, key: str) -> dict[str, Any]:
    country, tz, name = CITIES[key]
    return {"id": FIRST + number, "key": f"{key}-2", "name": Text(name), "country": country, "tzid": tz}


def _organisation(number: int) -> dict[str, Any]:
    return {"id": FIRST + number, "key": f"house-{number}", "name": Text({"en": f"House {number}"}), "country": "KZ"}


def _venue(number: int) -> dict[str, Any]:
    city = FIRST + number % len(CITIES)
    return {"id": FIRST + number, "key": f"hall-{number}", "name": Text({"en": f"Hall {number}"}), "city_id": city}


def _event(number: int, events: int) -> dict[str, Any]:
    """Return an event; a quarter of them has passed."""
    kind, tzid = KINDS[number % len(KINDS)], list(CITIES.values())[number % VENUES % len(CITIES)][1]
    days = (number - events // 4) * 30 // EVENTS_A_MONTH
    start = common.NOW.replace(tzinfo=None) + timedelta(days=days, hours=number % 9)
    end = start + (timedelta(days=10) if kind == "exhibition" else timedelta(hours=2))
    return {
        "id": FIRST + number,
        "uid": f"event-{number}@embassy.example",
        "key": f"event-{number}",
        "programme": f"season-{number // 1_000}",
        "kind": kind,
        "title": Text({tag: f"{words} {number}" for tag, words in TITLES[kind].items()}),
        "description": Text(DESCRIPTION),
        "timing": Timing.HOURS,
        "dtstart": start,
        "dtend": end,
        "tzid": tzid,
        "starts_at": instant(start, tzid, gap="shift"),
        "ends_at": instant(end, tzid, gap="shift"),
        "status": Status.CONFIRMED,
        "visibility": (Visibility.PUBLIC, Visibility.PRIVATE, Visibility.CONFIDENTIAL)[number % 13 % 3],
        "venue_id": FIRST + number % VENUES,
        "organizer_id": FIRST + number % ORGANISATIONS,
        "parent_id": FIRST + number - number % len(KINDS) if kind != "exhibition" else None,
        "created_at": common.NOW,
        "revised_at": common.NOW,
    }


def _capacity(number: int) -> dict[str, Any]:
    return {"event_id": FIRST + number, "mode": Mode.IN_PERSON, "capacity": 200, "taken": 5}


def _reminder(number: int) -> dict[str, Any]:
    return {"event_id": FIRST + number, "offset": timedelta(days=1), "audience": ReminderAudience.EVERYONE}


def _person(number: int, chance: random.Random) -> dict[str, Any]:
    language = tuple(FIRST_NAMES)[number % len(FIRST_NAMES)]
    name = f"{chance.choice(FIRST_NAMES[language])} {chance.choice(SURNAMES)}{number % 997}"
    return {
        "id": FIRST + number,
        "key": f"person-{number}" if number % 10 == 0 else None,
        "name": Text({language: name}),
        "email": f"person-{number}@example.org",
        "language": language,
        "organisation_id": FIRST + number % ORGANISATIONS if number % 3 else None,
    }


def _attendee(number: int, person: int, event: int) -> dict[str, Any]:
    standing, partstat = STANDINGS[number % len(STANDINGS)]
    said = {"id": number, "event_id": event, "standing": standing, "partstat": partstat}
    unanswered = {"answered_by": None, "answered_on": None} if standing is Standing.INVITED else {}
    return {**attendee_row(person), **said, **unanswered}


def _letter(number: int, person: int, event: int) -> dict[str, Any]:
    return {
        "key": f"confirmed:{number}:{common.NOW:%Y%m%dT%H%M%S%f}",
        "kind": LetterKind.CONFIRMED,
        "person_id": person,
        "event_id": event,
        "due_at": common.NOW,
        "created_at": common.NOW,
        "outcome": Outcome.SENT,
        "finished_at": common.NOW,
        "language": "en",
        "address": f"person-{person - FIRST}@example.org",
        "message_id": f"<{number}@embassy.example>",
    }


def _audit(number: int) -> dict[str, Any]:
    said = {"actor": "desk", "action": "register", "noun": "attendee", "row": f"{number}"}
    return {"at": common.NOW, "details": {"standing": "confirmed"}, **said}

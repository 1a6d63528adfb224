"""Whatever people were told of an event, the next letter says what has become of it since: the table of all pairs.

Each event is told in one state, changed to a second one that nobody hears of, and to a third, as programme files do.
The letter tells how the third differs from the first.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import product

import icalendar
import pytest

from scheduler.base.text import Text
from scheduler.model.events import Event
from scheduler.services.common.lookup import get
from scheduler.services.events.programme import planning
from scheduler.services.feeds import event_feeds, scopes
from scheduler.services.outbox.enqueue import QUIET_PERIOD
from tests.support.builders import DAY, NOW, START, a_person, a_venue, an_event, register
from tests.support.letters import Round, body

DAY_ONE = date(2027, 2, 2)
# What a programme file says of an event, beside its title.
STATES = {
    "no date": {"dtstart": None},
    "day": {"first_day": DAY_ONE, "hour_to_be_announced": True},
    "provisional": {"status": "tentative"},
    "confirmed": {},
    "moved": {"dtstart": START + DAY},
    "elsewhere": {"venue": "museum"},
    "moved elsewhere": {"dtstart": START + DAY, "venue": "museum", "status": "tentative"},
    "days": {"first_day": DAY_ONE, "last_day": DAY_ONE + DAY},
    "no place": {"venue": None},
    "cancelled": {"status": "cancelled"},
}
# The subject for each state that people were told (a row), and each state now, in the order of STATES.
NONE, DATE, SURE, MOVED = "", "Date announced", "Date confirmed", "Moved"
LATER, HOUR, PLACE, OPEN = "Postponed", "Time to be announced", "New venue", "Provisional date"
WHERE, OFF, ON = "Venue to be announced", "Cancelled", "Takes place after all"
SUBJECTS = {
    "no date": (NONE, DATE, DATE, DATE, DATE, DATE, DATE, DATE, DATE, OFF),
    "day": (LATER, NONE, DATE, DATE, MOVED, DATE, MOVED, MOVED, DATE, OFF),
    "provisional": (LATER, HOUR, NONE, SURE, MOVED, PLACE, MOVED, MOVED, WHERE, OFF),
    "confirmed": (LATER, HOUR, OPEN, NONE, MOVED, PLACE, MOVED, MOVED, WHERE, OFF),
    "moved": (LATER, MOVED, MOVED, MOVED, NONE, MOVED, PLACE, MOVED, MOVED, OFF),
    "elsewhere": (LATER, HOUR, PLACE, PLACE, MOVED, NONE, MOVED, MOVED, WHERE, OFF),
    "moved elsewhere": (LATER, MOVED, MOVED, MOVED, PLACE, MOVED, NONE, MOVED, MOVED, OFF),
    "days": (LATER, MOVED, MOVED, MOVED, MOVED, MOVED, MOVED, NONE, MOVED, OFF),
    "no place": (LATER, HOUR, PLACE, PLACE, MOVED, PLACE, MOVED, MOVED, NONE, OFF),
    "cancelled": (ON, ON, ON, ON, ON, ON, ON, ON, ON, NONE),
}
SENTENCES = {
    DATE: "We are pleased to inform you of the date of the following event.",
    SURE: "The date of the following event, which was provisional, is now confirmed.",
    MOVED: "The following event has been moved to another time",
    LATER: "The following event has been postponed.",
    HOUR: "The time of the following event will change.",
    OPEN: "The date, which had been confirmed, is now provisional again.",
    WHERE: "The venue of the following event will change.",
    OFF: "We regret to inform you that the following event has been cancelled.",
    ON: "We are pleased to inform you that the following event, which had been cancelled, will take place after all.",
}
PAIRS = [
    (told, between, now)
    for number, (told, now) in enumerate(product(STATES, STATES))
    for between in [list(STATES)[number * 7 % len(STATES)]]
]
AT_TEN = datetime(2027, 2, 2, 3, tzinfo=UTC)  # in Bangkok
STARTS = {**dict.fromkeys(STATES, AT_TEN), "moved": AT_TEN + DAY, "moved elsewhere": AT_TEN + DAY}
STARTS |= {"no date": None, "day": DAY_ONE, "days": DAY_ONE}
TENTATIVE = ("provisional", "moved elsewhere")


def pair(told: str, now: str) -> str:
    return f"e{list(STATES).index(told)}{list(STATES).index(now)}"


def plan(session, key: str, state: str, now: datetime) -> Event:
    """Make an event be in a state; one that is cancelled keeps its other facts, and may be cancelled already."""
    if state != "cancelled":
        return an_event(session, key, now=now, **{"venue": "hall", "capacity": 9, **STATES[state]})
    event = get(session, Event, key)
    if not event.cancelled:
        planning.cancel(session, event, now=now)
    return event


@pytest.fixture(scope="module")
def letters(shared_app) -> dict[str, list]:
    """The letters of the guest of each event, by its key."""
    with shared_app.db.write() as session:
        a_venue(session)
        a_venue(session, "museum", name="National Museum")
        for told, _, now in PAIRS:
            event = plan(session, pair(told, now), "confirmed" if told == "cancelled" else told, NOW)
            register(session, event, a_person(session, name=event.key))
    for step in range(3):
        Round(shared_app, wait=QUIET_PERIOD if step != 2 else timedelta())
        with shared_app.db.write() as session:
            for told, *later in PAIRS:
                plan(session, pair(told, later[-1]), (told, *later)[step], shared_app.clock.now())
    found: dict[str, list] = {}
    for letter in Round(shared_app).letters:
        found.setdefault(letter["To"].addresses[0].display_name, []).append(letter)
    return found


# One engine: the rule is computed and not asked of the database, and `test_letters.py` runs on both.
pytestmark = pytest.mark.parametrize("shared_app", ["sqlite"], indirect=True)
every_pair = pytest.mark.parametrize(("told", "now"), list(product(STATES, STATES)))


def news(letters, told: str, now: str):
    """Return the last letter about a pair; None if nothing followed what the guest was told first."""
    first = 2 if told == "cancelled" else 1
    found = letters[pair(told, now)]
    assert len(found) <= first + 1
    return found[first] if len(found) > first else None


@every_pair
def test_the_letter_says_what_has_become_of_what_its_reader_knows(letters, told, now):
    wanted = SUBJECTS[told][list(STATES).index(now)]

    letter = news(letters, told, now)

    assert wanted == (letter["Subject"].partition(":")[0] if letter else NONE)
    assert SENTENCES.get(wanted, "") in (body(letter) if letter else "")


@every_pair
def test_the_attached_calendar_agrees_with_the_letter(letters, told, now):
    letter = news(letters, told, now)
    known, status = STARTS[told], "CONFIRMED"
    if now == "cancelled" or STARTS[now] is None:
        status = "CANCELLED"  # of the date that the reader knows, which calendars then take out
    elif now in TENTATIVE:
        status = "TENTATIVE"
    start = known if now == "cancelled" or STARTS[now] is None else STARTS[now]

    entries = [entry for letter in filter(None, [letter]) for entry in attached(letter)]

    if letter is None or start is None:
        assert not entries
        return
    [entry] = entries
    assert (status, start) == (str(entry["STATUS"]), entry.decoded("DTSTART"))
    before = [entry for letter in letters[pair(told, now)][:-1] for entry in attached(letter)]
    assert all(int(entry["SEQUENCE"]) > int(old["SEQUENCE"]) for old in before)
    assert {str(entry["UID"])} >= {str(old["UID"]) for old in before}


def attached(letter) -> list:
    files = [part.get_payload(decode=True) for part in letter.iter_attachments()]
    return [entry for file in files for entry in icalendar.Calendar.from_ical(file).walk("VEVENT")]


def test_feeds_show_what_the_letters_say(letters, shared_app):
    with shared_app.db.read() as session:
        document = event_feeds.write(
            session, scopes.get(session, "all"), language="en", now=NOW, house=Text({"en": "House"})
        )
        shown = {str(entry["UID"]): entry for entry in icalendar.Calendar.from_ical(document).walk("VEVENT")}
        for told, now in product(STATES, STATES):
            event = get(session, Event, pair(told, now))
            entry = shown.get(event.uid)
            assert (entry is None) == (event.dtstart is None)
            if entry is None:
                continue
            status = "CANCELLED" if now == "cancelled" else "TENTATIVE" if now in TENTATIVE else "CONFIRMED"
            assert (status, event.sequence) == (str(entry["STATUS"]), int(entry["SEQUENCE"]))
            assert STARTS[now] == entry.decoded("DTSTART") or now == "cancelled"
            assert (now == "cancelled") == str(entry["SUMMARY"]).startswith("Cancelled")


@pytest.mark.parametrize(
    ("now", "besides"),
    [
        ("confirmed", ["Nothing else has changed."]),
        ("moved", ["It takes place at a different time than planned before."]),
        ("elsewhere", ["It takes place at a different venue than planned before."]),
        (
            "moved elsewhere",
            [
                "It takes place at a different time and a different venue than planned before.",
                "The date, which had been confirmed, is now provisional again.",
                "The date is provisional and may still change.",
            ],
        ),
        ("provisional", ["The date, which had been confirmed, is now provisional again."]),
        ("day", ["The time is not known yet. We will write to you as soon as it is known."]),
        ("no date", ["The date is not known yet.", "removes the previous date from your calendar"]),
        ("no place", ["Its venue will change."]),
    ],
)
def test_a_withdrawn_cancellation_says_what_else_has_changed(letters, now, besides):
    text = body(news(letters, "cancelled", now))

    assert all(sentence in text for sentence in besides)
    assert (now == "confirmed") == ("Nothing else has changed." in text)
    assert "Your registration remains valid." in text

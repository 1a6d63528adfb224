"""SEQUENCE rises when a subscriber would see a difference, and only then.

See RFC 5546 2.1.4 and docs/icalendar-rules.md#rule-71.
"""

from __future__ import annotations

import tomllib
from datetime import datetime, timedelta
from itertools import pairwise

import icalendar
import pytest
import sqlalchemy as sa

from scheduler.base.text import Text
from scheduler.model.events import Event, Registration, Status, Visibility
from scheduler.model.feeds import Rendering
from scheduler.services.common.drafts import check
from scheduler.services.common.lookup import Lookup, get
from scheduler.services.events.programme import places, planning
from scheduler.services.events.programme.event_drafts import ReminderDraft
from scheduler.services.exchange import file_apply
from scheduler.services.exchange.programme_file import ProgrammeFile
from scheduler.services.feeds import event_feeds, scopes
from tests.support.builders import DAY, NOW, START, a_venue, an_event, an_organisation, register

SECOND = timedelta(seconds=1)

# Many cases of one rule, which is computed and not asked of the database: its other tests run on both.
ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def session(db):
    with db.write() as opened:
        yield opened


@pytest.fixture
def opening(session) -> Event:
    an_organisation(session)
    a_venue(session, "museum", name={"en": "Museum", "th": "พิพิธภัณฑ์"})
    return an_event(session, venue=a_venue(session).key, organizer="embassy", remote_capacity=5)


def change(session, event, *, now=NOW + DAY, **changes):
    return planning.change_event(session, event, now=now, **changes)


def written(session, *, language="en", now=NOW, **given) -> bytes:
    return event_feeds.write(
        session, scopes.get(session, "all"), language=language, now=now, house=Text({"en": "Embassy"}), **given
    )


def shown(session, event, language="en", now=NOW):
    """The VEVENT that subscribers read."""
    document = written(session, language=language, now=now)
    (found,) = [one for one in icalendar.Calendar.from_ical(document).walk("VEVENT") if one["UID"] == event.uid]
    return found


def test_a_new_event_begins_at_zero(session, opening):
    assert (0, NOW) == (opening.sequence, opening.revised_at)
    assert 0 == shown(session, opening)["SEQUENCE"]


def test_a_uid_is_random_and_never_changes(session, opening):
    uid, other = opening.uid, an_event(session, "dinner")
    change(session, opening, title=Text({"en": "Other"}), dtstart=START + DAY, dtend=START + 2 * DAY)
    planning.cancel(session, opening, now=NOW + 2 * DAY)

    assert uid == opening.uid != other.uid
    assert "opening" not in uid


VISIBLE = {
    "another hour": {"dtstart": START + DAY, "dtend": START + DAY + timedelta(hours=2)},
    "another end": {"dtend": START + timedelta(hours=3)},
    "another zone": {"tz": "Asia/Almaty"},
    "no date any more": {"dtstart": None, "dtend": None},
    "whole days": {"dtstart": None, "dtend": None, "first_day": START.date(), "last_day": START.date()},
    "a title": {"title": Text({"en": "Grand opening"})},
    "a translation": {"title": Text({"en": "Opening", "th": "พิธีเปิด"})},
    "a description": {"description": Text({"en": "Speeches"})},
    "tentative": {"status": Status.TENTATIVE},
    "cancelled": {"status": Status.CANCELLED},
    "another venue": {"venue": "museum"},
    "no venue": {"venue": None},
    "a link": {"url": "https://embassy.example/opening"},
    "a video link": {"video_link": "https://video.example/1"},
    "another organizer": {"organizer": None},
}
INVISIBLE = {
    "nothing": {},
    "a reminder": {"reminders": (ReminderDraft(before=DAY),)},
    "places": {"capacity": 40},
    "places by video": {"remote_capacity": None},
    "who registers people": {"registration": Registration.PUBLIC},
    "a registration window": {"registration_closes": START - DAY},
    "a place among its parent's parts": {"position": 3},
    "who may see it": {"visibility": Visibility.PRIVATE},
}


@ONE_ENGINE
@pytest.mark.parametrize("changes", VISIBLE.values(), ids=VISIBLE.keys())
def test_what_a_subscriber_sees_is_a_revision(session, opening, changes):
    change(session, opening, **changes)

    assert (1, NOW + DAY) == (opening.sequence, opening.revised_at)


@ONE_ENGINE
@pytest.mark.parametrize("changes", INVISIBLE.values(), ids=INVISIBLE.keys())
def test_what_no_subscriber_sees_is_none(session, opening, changes):
    before = bodies(session, opening)

    change(session, opening, **changes)

    assert (0, NOW) == (opening.sequence, opening.revised_at)
    assert before == bodies(session, opening)


def bodies(session, event) -> list[bytes]:
    query = sa.select(Rendering.body).where(Rendering.event_id == event.id)
    return list(session.scalars(query.order_by(Rendering.language, Rendering.view, Rendering.audience)))


def test_registering_is_no_revision(session, opening):
    register(session, opening)

    assert 0 == opening.sequence


def test_many_changes_in_one_save_are_one_revision(session, opening):
    change(
        session,
        opening,
        title=Text({"en": "Gala"}),
        venue="museum",
        status=Status.TENTATIVE,
        url="https://a.example/b",
    )

    assert 1 == opening.sequence


def test_each_save_that_shows_is_one_revision(session, opening):
    for number in range(1, 5):
        change(session, opening, now=NOW + number * DAY, title=Text({"en": f"Opening {number}"}))
        assert number == opening.sequence == shown(session, opening)["SEQUENCE"]


def test_a_change_taken_back_is_a_revision_too(session, opening):
    """Who has polled in between must see it go back."""
    change(session, opening, now=NOW + DAY, title=Text({"en": "Gala"}))
    change(session, opening, now=NOW + 2 * DAY, title=Text({"en": "Opening"}))

    assert 2 == opening.sequence


def test_dtstamp_and_last_modified_are_the_time_of_the_revision(session, opening):
    change(session, opening, now=NOW + DAY + timedelta(microseconds=123_456), venue="museum")

    event = shown(session, opening)
    assert NOW + DAY == event["DTSTAMP"].dt == event["LAST-MODIFIED"].dt
    assert NOW == event["CREATED"].dt


def test_revisions_within_one_second_have_rising_stamps(session, opening):
    stamps = [opening.revised_at]
    for number in range(4):
        change(session, opening, now=NOW + timedelta(milliseconds=number), title=Text({"en": f"Opening {number}"}))
        stamps.append(opening.revised_at)

    assert all(later - earlier >= SECOND for earlier, later in pairwise(stamps))


def test_a_clock_that_was_put_back_does_not_put_stamps_back(session, opening):
    change(session, opening, now=NOW - DAY, title=Text({"en": "Gala"}))

    assert opening.revised_at > NOW


def test_the_end_of_being_undated_is_a_revision(session):
    event = an_event(session, dtstart=None)
    planning.announce(session, event, now=NOW + DAY, dtstart=START, dtend=START + timedelta(hours=1))

    assert 1 == event.sequence


def test_a_cancelled_event_that_takes_place_after_all_goes_on_counting(session, opening):
    planning.cancel(session, opening, now=NOW)
    change(session, opening, status=Status.CONFIRMED)

    assert 2 == opening.sequence
    assert "CONFIRMED" == shown(session, opening)["STATUS"]


# What an event shows of others


def test_a_venue_renamed_revises_the_events_that_show_it(session, opening):
    elsewhere = an_event(session, "elsewhere", venue="museum")

    a_venue(session, name="Great Hall")

    assert (1, 0) == (opening.sequence, elsewhere.sequence)
    assert shown(session, opening)["LOCATION"].startswith("Great Hall")


def put(session, noun, key, **given):
    lookup, draft = Lookup(session), check(places.NOUNS[noun].draft, given)
    places.put(session, places.NOUNS[noun], key, draft, now=NOW + DAY, language="en", lookup=lookup)


def test_a_city_renamed_revises_what_is_there(session, opening):
    put(session, "city", "bangkok", name="Krung Thep", country="TH", tz="Asia/Bangkok")

    assert 1 == opening.sequence
    assert "Krung Thep" in shown(session, opening)["LOCATION"]


def test_a_venue_that_closes_a_day_revises_the_exhibitions_that_say_so(session):
    weekly = {"daily": "10:00-18:00"}
    hall = a_venue(session, hours=weekly)
    days = {"first_day": START.date(), "last_day": START.date() + 9 * DAY}
    show = an_event(session, "show", kind="exhibition", venue=hall.key, dtstart=None, **days)
    other = an_event(session, "talk", venue=hall.key)

    a_venue(session, hours=weekly, closed=[{"first_day": START.date() + DAY, "last_day": START.date() + DAY}])

    assert (1, 0) == (show.sequence, other.sequence)


def test_an_organizer_renamed_revises_its_events(session, opening):
    put(session, "organisation", "embassy", name="Consulate General")

    assert 1 == opening.sequence


def test_the_holidays_of_a_venue_are_no_revision_of_a_ceremony_there(session, opening):
    a_venue(session, holidays="TH")

    assert 0 == opening.sequence


# By file


FILE = """
[programme]
key = "season"
name = "Season"
tz = "Asia/Bangkok"

[city.bangkok]
name = "Bangkok"
country = "TH"
tz = "Asia/Bangkok"

[venue.hall]
name = { en = "Hall", th = "ห้อง" }
city = "bangkok"
hours = { mon-sun = "10:00-18:00" }

[event.show]
kind = "exhibition"
title = "Show"
venue = "hall"
first_day = 2027-02-02
last_day = 2027-02-20
closed = [{ first_day = 2027-02-08, last_day = 2027-02-08 }]
reminders = [{ before = "1 day" }]

[event.opening]
kind = "ceremony"
title = { en = "Opening", th = "พิธีเปิด" }
parent = "show"
venue = "hall"
dtstart = 2027-02-02T10:00:00
duration = "2 hours"
capacity = 10

[event.later]
kind = "visit"
title = "Later"
"""


def apply(session, text, now):
    return file_apply.apply(session, check(ProgrammeFile, tomllib.loads(text)), now=now)


def stamps(session) -> dict[str, tuple[int, datetime, str]]:
    return {event.key: (event.sequence, event.revised_at, event.uid) for event in session.scalars(sa.select(Event))}


def test_a_file_applied_twice_revises_nothing(db):
    with db.write() as session:
        apply(session, FILE, NOW)
    with db.read() as session:
        before, rendered = stamps(session), written(session, language="th")

    with db.write() as session:
        apply(session, FILE, NOW + DAY)

    with db.read() as session:
        assert before == stamps(session)
        assert rendered == written(session, language="th")


def test_a_file_with_one_change_revises_one_event_once(db):
    with db.write() as session:
        apply(session, FILE, NOW)
    with db.write() as session:
        apply(session, FILE.replace('"2 hours"', '"3 hours"'), NOW + DAY)

    with db.read() as session:
        assert {"show": 0, "opening": 1, "later": 0} == {key: stamp[0] for key, stamp in stamps(session).items()}


def test_a_venue_and_an_event_changed_by_one_file_are_one_revision(db):
    """The venue is put first and revises the event; the event's own change must not count again."""
    with db.write() as session:
        apply(session, FILE, NOW)
    with db.write() as session:
        apply(session, FILE.replace('en = "Hall"', 'en = "Great Hall"').replace('"2 hours"', '"3 hours"'), NOW + DAY)

    with db.read() as session:
        assert {"show": 1, "opening": 1, "later": 0} == {key: stamp[0] for key, stamp in stamps(session).items()}


def test_what_is_rolled_back_was_no_revision(db):
    with db.write() as session:
        an_event(session)
    with db.write() as session:
        change(session, get(session, Event, "opening"), title=Text({"en": "Gala"}))
        session.rollback()

    with db.read() as session:
        assert 0 == get(session, Event, "opening").sequence
        assert "Opening" in shown(session, get(session, Event, "opening"))["SUMMARY"]


def test_every_language_of_an_event_carries_one_sequence(session, opening):
    change(session, opening, title=Text({"en": "Opening", "kk": "Ашылу"}))

    assert {1} == {shown(session, opening, language)["SEQUENCE"] for language in ("en", "kk", "ru", "th")}


def test_opening_hours_share_the_stamp_of_their_exhibition(session):
    days = {"first_day": START.date(), "last_day": START.date() + 20 * DAY}
    hall = a_venue(session, hours={"daily": "10:00-18:00"})
    show = an_event(session, "show", kind="exhibition", venue=hall.key, dtstart=None, **days)
    change(session, show, title=Text({"en": "Great show"}))

    document = written(session, by_hours=True)

    series = icalendar.Calendar.from_ical(document).walk("VEVENT")
    assert {(1, NOW + DAY)} == {(one["SEQUENCE"], one["DTSTAMP"].dt) for one in series}

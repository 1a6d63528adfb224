"""The programme that the demo loads fits every day on which somebody may load it."""

import tomllib
from datetime import UTC, date, datetime, time, timedelta

import pytest
import sqlalchemy as sa
from holidays import country_holidays

from scheduler.base.i18n import LANGUAGES
from scheduler.base.text import Text
from scheduler.model.attendance import Attendee, Partstat, Standing
from scheduler.model.events import Event, Timing
from scheduler.model.places import Person
from scheduler.sample import programme
from scheduler.services.common.changes import ChangeKind
from scheduler.services.common.drafts import check
from scheduler.services.events.programme.conflicts import conflict_check
from scheduler.services.exchange import file_apply, file_reader
from scheduler.services.exchange.programme_file import ProgrammeFile
from tests.support.builders import NOW

LEAP_DAY = date(2028, 2, 29)
WEEK = [date(2026, 11, 23) + timedelta(days=n) for n in range(7)]
# The turn of the year, days before Nowruz and Songkran, and a leap day.
HARD = [date.fromisoformat(day) for day in ("2026-12-24", "2026-12-31", "2027-01-01", "2026-03-08", "2027-04-01")]
NAMED_PERSONS = 6


def read(today):
    return check(ProgrammeFile, tomllib.loads(programme(today)))


def apply(db, today, hour=2):
    now = datetime.combine(today, time(hour), UTC)
    with db.write() as session:
        return file_apply.apply(session, read(today), now=now)


def texts(file):
    """Every text in the file with the place where it stands; what is left out is none."""
    for noun in ("city", "organisation", "venue", "person", "event", "feed"):
        for key, draft in getattr(file, noun).items():
            for field, text in draft:
                if isinstance(text, Text) and text:
                    yield f"{noun}.{key}.{field}", text
            for closure in getattr(draft, "closed", ()):
                yield f"{noun}.{key}.closed", closure.reason


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("today", [*WEEK, *HARD, LEAP_DAY], ids=str)
def test_it_applies_and_contradicts_nothing(db, today):
    changes = apply(db, today)
    assert {ChangeKind.ADDED} == {change.verb for change in changes}
    with db.read() as session:
        assert [] == conflict_check.find(session, session.scalars(sa.select(Event)).all(), now=NOW)


@pytest.mark.parametrize("today", [WEEK[0], LEAP_DAY], ids=str)
def test_applied_twice_it_changes_nothing(db, today):
    first = apply(db, today)
    second = apply(db, today, hour=9)
    assert [(change.noun, change.key) for change in second] == [(change.noun, change.key) for change in first]
    assert {ChangeKind.UNCHANGED} == {change.verb for change in second}


def test_applied_a_month_later_it_moves_the_season_and_nothing_else(db):
    apply(db, WEEK[0])
    later = apply(db, WEEK[0] + timedelta(days=30))
    assert {ChangeKind.UNCHANGED, ChangeKind.CHANGED} == {change.verb for change in later}
    moved = [change.key for change in later if change.noun == "event" and change.is_change]
    assert moved
    assert all(key.startswith("sample-") for key in moved)


def test_it_can_be_read_from_a_file(tmp_path):
    path = tmp_path / "programme.toml"
    path.write_text(programme(WEEK[0]), encoding="utf-8")
    assert file_reader.read(path).file == read(WEEK[0])


@pytest.mark.parametrize("today", [WEEK[0] + timedelta(days=n) for n in range(0, 1500, 37)], ids=str)
def test_its_season_lies_ahead_in_order_and_on_working_days(today):
    file = read(today)
    for key, event in file.event.items():
        start, end = event.normalize(tz="Asia/Bangkok").span()
        if key.startswith("sample-") and start is not None:
            assert today + timedelta(days=10) <= start.date(), key
            assert end.date() < today + timedelta(days=100), key
        if event.dtstart is not None:
            assert not any(event.dtstart in country_holidays(state) for state in ("TH", "KZ")), key
    assert "Tuesday" == file.event["sample-astana-in-bangkok-opening"].dtstart.strftime("%A")
    day = file.event["sample-pattaya-consular-day"].dtstart
    post = file.post["sample-pattaya"]
    assert "Saturday" == day.strftime("%A")
    assert ({day.date()}, True) == (
        {one.first_day for one in post.special},
        today < post.deadline.date() < day.date(),
    )
    exhibition = file.event["sample-astana-in-bangkok"].normalize(tz="Asia/Bangkok")
    other_hours, shut = exhibition.closed
    assert (True, None) == (other_hours.hours is not None, shut.hours)
    assert exhibition.first_day < other_hours.first_day < shut.first_day < exhibition.last_day


def test_every_text_is_in_all_four_languages():
    missing = {place: set(LANGUAGES) - set(text) for place, text in texts(read(WEEK[0]))}
    assert {} == {place: languages for place, languages in missing.items() if languages}


def test_every_event_has_a_title_and_a_description():
    for key, event in read(WEEK[0]).event.items():
        assert set(event.title) == set(event.description) == set(LANGUAGES), key


def test_sample_events_say_so_in_every_language():
    said = {
        "en": "Sample data.",
        "kk": "Үлгі деректер.",
        "ru": "Демонстрационные данные.",
        "th": "ข้อมูลตัวอย่าง ",
    }
    for key, event in read(WEEK[0]).event.items():
        for language, text in event.description.items():
            assert text.startswith(said[language]) is key.startswith("sample-"), (key, language)


def test_nobody_real_has_an_address():
    people = read(WEEK[0]).person
    real = [draft for key, draft in people.items() if not key.startswith("sample-")]
    assert NAMED_PERSONS == len(real)
    assert [] == [draft for draft in real if draft.email or draft.telephone]


def test_addresses_are_on_the_reserved_domain():
    file = read(WEEK[0])
    addresses = [draft.email for draft in (*file.person.values(), *file.organisation.values()) if draft.email]
    assert addresses
    assert all(address.endswith("@example.org") for address in addresses)
    links = [event.video_link for event in file.event.values() if event.video_link]
    assert links
    assert all(link.startswith("https://video.example.org/") for link in links)


def test_what_was_not_published_is_not_made_up(db):
    apply(db, WEEK[0])
    with db.read() as session:
        timing = {event.key: event.timing for event in session.scalars(sa.select(Event))}
        governor = session.scalars(
            sa.select(Attendee)
            .join(Attendee.event)
            .join(Attendee.person)
            .where(Event.key == "phuket-consulate-opening", Person.key == "nirat-phongsitthaworn")
        ).one()
        assert (Partstat.NEEDS_ACTION, Standing.INVITED) == (governor.partstat, governor.standing)
    assert Timing.HOUR_TO_BE_ANNOUNCED is timing["astana-in-bangkok-2023-opening"]
    for key in ("bangkok-in-astana", "phuket-visit-2026", "phuket-consulate-opening"):
        assert Timing.TO_BE_ANNOUNCED is timing[key], key

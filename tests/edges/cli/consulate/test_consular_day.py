"""A mobile consular day: an event of the programme with a place, counters, services and a deadline of its own."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from html import unescape

import pytest

from scheduler.base.clock import instant
from scheduler.model.visits import VisitStatus
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.posts.availability import Reason
from scheduler.services.consulate.visits.booking import NotOffered
from tests.support.consulate import Consulate
from tests.support.instance import pages_of

PROGRAMME = """
[programme]
key = "season"
name = "Season"

[city.pattaya]
name = "Pattaya"
country = "TH"
tz = "Asia/Bangkok"

[city.astana]
name = "Astana"
country = "KZ"
tz = "Asia/Almaty"

[event.day]
kind = "consular day"
title = "Consular day in Pattaya"
cities = ["pattaya"]
dtstart = 2027-02-06T09:00:00
dtend = 2027-02-06T15:00:00

[post.pattaya]
name = "Table in Pattaya"
city = "pattaya"
event = "day"
sending_state = "KZ"
receiving_state = "TH"
special = [{ on = 2027-02-06, open = true, hours = "09:00-15:00" }]
deadline = 2027-02-04T12:00:00
horizon = "60 days"
notice = "1 hour"

[post.pattaya.counter.1]
name = "Table 1"

[post.pattaya.counter.2]
name = "Table 2"

[post.pattaya.service.passport]
name = "Passport"
minutes = 30
"""
AT = datetime(2027, 2, 6, 9)  # noqa: DTZ001 - on the wall
DEADLINE = instant(datetime(2027, 2, 4, 12), "Asia/Bangkok")  # noqa: DTZ001
BOOK = "/en/posts/pattaya/book/passport"
TIMES = f"{BOOK}/time?people=1&documents=1&layout=adjoining"
WHO = f"{BOOK}/who?people=1&documents=1&layout=adjoining&at=2027-02-06T10:00"
ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])
SAID = "Thursday 4 February 2027, 12:00 (Pattaya, UTC+7)"


@pytest.fixture
def day(app, scheduler, tmp_path):
    (tmp_path / "season.toml").write_text(PROGRAMME)
    scheduler("apply", str(tmp_path / "season.toml"), "--yes")
    return Consulate(app.db, "pattaya", now=app.clock.now())


@pytest.fixture
def web(app):
    return pages_of(app).test_client()


def said(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", unescape(response.get_data(as_text=True))).split())


@ONE_ENGINE
def test_it_is_in_the_programme_in_a_feed_and_booked_until_its_deadline(app, web, day, clock):
    event, post, times, who = (said(web.get(path)) for path in ("/en/events/day", "/en/posts/pattaya", TIMES, WHO))

    assert f"Booking closes: {SAID}" in event
    assert f"Booking closes: {SAID}" in post
    assert f"Booking closes: {SAID}" in times
    assert f"Booking closes: {SAID}" in who
    assert "Opening days Saturday, 6 Feb: 09:00–15:00" in post
    assert "Saturday, 6 Feb, 09:00" in times  # the week of the day, weeks ahead
    feed = web.get("/en/subscribe?kind=consular+day")
    assert 200 == feed.status_code
    assert "consular-days" in feed.get_data(as_text=True)

    clock.set(DEADLINE)

    event, post, times, who = (web.get(path) for path in ("/en/events/day", "/en/posts/pattaya", TIMES, WHO))
    assert "Booking has closed." in said(event)
    assert "Booking has closed." in said(post)
    assert f"Booking closed: {SAID}. After this time nothing can be booked." in said(times)
    assert (409, True) == (who.status_code, f"Booking closed: {SAID}" in said(who))
    assert "Wait for" not in said(times)


def test_after_the_deadline_nothing_is_booked_moved_or_waited_for_but_by_an_officer(day):
    held, standing = day.hold("held", AT), day.book("standing", AT + timedelta(hours=1))
    day.now = DEADLINE

    for act in (
        lambda: day.hold("late", AT + timedelta(hours=2)),
        lambda: day.move(standing, AT + timedelta(hours=2)),
        lambda: day.wait("waiting", [AT.date()]),
    ):
        with pytest.raises(NotOffered, match=r"booking closed at 2027-02-04 12:00 \(Asia/Bangkok\)") as refused:
            act()
        assert Reason.DEADLINE is refused.value.why.reason
    assert [] == day.free()
    assert VisitStatus.CONFIRMED is day.status(standing)
    assert VisitStatus.CONFIRMED is day.status(day.hold("officer", AT + timedelta(hours=2), desk=True))
    day.cancel(standing)
    assert VisitStatus.CANCELLED is day.status(standing)
    assert held


@ONE_ENGINE
def test_the_shell_says_and_changes_the_deadline_and_a_file_brings_it_back(app, scheduler, day, tmp_path):
    day.book("aliya", AT)
    scheduler("post", "change", "pattaya", "--deadline", "2027-01-04 12:00", "--yes")

    why = json.loads(scheduler("visit", "free", "pattaya", "passport", "--why", "2027-02-06 10:00", "--json").output)
    shown = json.loads(scheduler("post", "show", "pattaya", "--json").output)
    listed = json.loads(scheduler("visit", "list", "pattaya", "--day", "2027-02-06", "--json").output)

    assert "booking closed at 2027-01-04 12:00 (Asia/Bangkok)" in str(why)
    assert "2027-01-04T12:00:00" == shown["deadline"]
    assert 1 == len(listed)
    scheduler("export", str(tmp_path / "out.toml"))
    assert "deadline = 2027-01-04 12:00:00" in (tmp_path / "out.toml").read_text()
    with app.db.read() as session:
        before = posts.get(session, "pattaya").version
    scheduler("apply", str(tmp_path / "out.toml"), "--yes")
    with app.db.read() as session:
        assert before == posts.get(session, "pattaya").version

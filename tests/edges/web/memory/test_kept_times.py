"""Weeks of free times from memory: never older than half a second, and anew for who was refused a time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from werkzeug.test import Client

from scheduler.web.consulate.times_memory import READ_EVERY, TRUE_FOR
from scheduler.web.memory.page_server import PageServer
from scheduler.web.memory.shown_version import ShownVersion
from tests.support.consulate import MORNING, Consulate, a_post
from tests.support.instance import pages_of

COUNTERS = {"1": {"name": "Counter 1"}}
WEEK = "/en/posts/phuket/book/passport/time?people=1&documents=1&layout=adjoining&from=2027-01-12"
WHO = WEEK.replace("time", "who").replace("from=2027-01-12", "at=2027-01-12T09:00")
MOMENT = timedelta(milliseconds=1)
pytestmark = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def post(app):
    with app.db.write() as session:
        a_post(session, counter=COUNTERS)
    return Consulate(app.db)


@pytest.fixture
def server(app):
    return PageServer(app, pages_of(app), ShownVersion(app))


def offered(client, page=WEEK) -> bool:
    """Whether 09:00 is offered in the week that a reader sees."""
    answer = client.get(page)
    assert 200 == answer.status_code
    assert "no-cache" == answer.headers["Cache-Control"]
    return f'value="{MORNING:%Y-%m-%dT%H:%M}"' in answer.text


def test_a_taken_time_is_shown_for_no_longer_than_half_a_second_in_whatever_week_language_or_party(app, post, server):
    client, another = Client(server), f"{WEEK}&people=1".replace("/en/", "/th/")
    assert offered(client)
    post.book("aliya")

    app.clock.advance(READ_EVERY - MOMENT)
    assert offered(client, another), "made of what is known"
    app.clock.advance(TRUE_FOR - READ_EVERY + 2 * MOMENT)

    assert not offered(client)
    assert not offered(client, another)


def test_who_is_refused_a_time_is_not_offered_it_again_in_the_week_that_others_still_see(app, post, server):
    refused, other = Client(server), Client(server)
    assert offered(refused)
    post.book("aliya")

    answer = refused.get(WHO)

    assert 409 == answer.status_code
    assert "fresh=1; " in answer.headers["Set-Cookie"]
    assert "Max-Age=2; " in answer.headers["Set-Cookie"]
    assert (False, True) == (offered(refused), offered(other))


def test_a_closed_day_leaves_the_week_as_soon_as_the_version_is_read(app, post, server):
    client = Client(server)
    assert offered(client)

    post.days(first_day=MORNING.date(), last_day=MORNING.date(), reason={"en": "Flood"})
    server.version.read_again_at = 0.0

    assert not offered(client)

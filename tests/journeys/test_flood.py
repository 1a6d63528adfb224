"""Hundreds of hostile posts against the server as it runs: it goes on serving, and honest visitors get through."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
import urllib3

from scheduler.model.letters import Letter
from tests.support.builders import an_event
from tests.support.forms import sealed, solved
from tests.support.instance import settings_of
from tests.support.machine import HANG, is_long
from tests.support.servers import Server

pytestmark = [pytest.mark.crowd, pytest.mark.against_server]

FORM = "/en/events/opening/register"
POSTS = 500 if is_long() else 60  # of one address, and as many of many


class Visitor:
    """Who asks by way of a proxy; behind it, there are as many addresses as somebody likes."""

    def __init__(self, server: Server, address: str) -> None:
        self.url = f"http://127.0.0.1:{server.port}{FORM}"
        self.headers = {"X-Forwarded-For": address, "Connection": "close"}

    def page(self) -> str:
        return self._ask("GET").data.decode()

    def send(self, **typed: str) -> int:
        form = {"name": "Anna", "email": "anna@example.org", "mode": "in person", "companions": "", "consent": "1"}
        return self._ask("POST", {**form, **typed}).status

    def _ask(self, method: str, form: dict[str, str] | None = None) -> urllib3.BaseHTTPResponse:
        headers = {**self.headers, "Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(form) if form else None
        return urllib3.request(
            method, self.url, body=body, headers=headers, retries=False, redirect=False, timeout=HANG
        )


@pytest.fixture(scope="module")
def server(shared_app, tmp_path_factory):
    """A server that the tests of one engine share, until the last of them stops it."""
    # By the machine's clock, as the server runs.
    soon = datetime.now().astimezone() + timedelta(days=60)
    with shared_app.db.write() as session:
        an_event(session, dtstart=soon.replace(tzinfo=None, microsecond=0), registration="public", capacity=5)
    settings = settings_of(shared_app.db.url.render_as_string(hide_password=False), tmp_path_factory.mktemp("server"))
    with Server({**settings, "SCHEDULER_TRUSTED_PROXIES": "1"}) as running:
        yield running


def letters(app) -> int:
    with app.db.read() as session:
        return session.scalar(sa.select(sa.func.count(Letter.id)))


def test_two_processes_share_a_limit(server):
    url = f"http://127.0.0.1:{server.port}/en/registration/x/withdrawal"
    headers = {"X-Forwarded-For": "203.0.113.9", "Connection": "close"}

    answers = [urllib3.request("POST", url, headers=headers, retries=False).status for _ in range(40)]

    assert 2 == len(server.children())
    assert [404] * 20 + [429] * 20 == answers


def test_a_flood_from_one_address_and_from_many_leaves_the_way_free_for_others(shared_app, server):
    one, honest = Visitor(server, "203.0.113.7"), Visitor(server, "198.51.100.1")
    seal = sealed(one.page())

    def from_one(number: int) -> int:
        return one.send(**{**seal, "email": f"{number}@flood.example"})

    def from_many(number: int) -> int:
        other = Visitor(server, f"10.{number % 100}.{number // 100}.1")
        return other.send(**{**sealed(other.page()), "email": f"{number}@flood.example"})

    with ThreadPoolExecutor(8) as flood:
        hostile = [flood.submit(kind, number) for number in range(POSTS) for kind in (from_one, from_many)]
        begun = time.monotonic()
        registered = [honest.send(**solved(honest.page()), email=f"{n}@example.org") for n in range(3)]
        waited = (time.monotonic() - begun) / 3
        answers = [one.result() for one in hostile]
    afterwards = honest.send(**solved(honest.page()))
    code, printed = server.stop()

    assert [303] * 3 == registered
    assert 303 == afterwards
    assert waited < HANG / 2
    assert {303, 422, 429} == set(answers)
    assert answers.count(303) <= 31  # 30 within ten minutes, and one more where a window ended meanwhile
    assert letters(shared_app) <= 31 + 4
    assert (0, None) == (code, re.search("Traceback", printed))

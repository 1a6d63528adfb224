"""Crowds against the server as it runs: everybody is served, or told when to come back; nobody is left waiting."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
import urllib3

from scheduler.model.visits import Appointment
from tests.support.instance import pages_of
from tests.support.lines import Line
from tests.support.machine import HANG, until
from tests.support.route_requests import RouteRequest, Season, public_requests
from tests.support.servers import Server

pytestmark = [pytest.mark.crowd, pytest.mark.against_server]

POSTGRESQL = pytest.mark.parametrize("engine", ["postgresql"])
BOOKINGS, TIMES = 30, 3


@pytest.fixture
def season(app):
    """By the machine's clock, as the server runs; with one counter, so that each time can be had once."""
    return Season(app, datetime.now(UTC), counters=1)


class Crowd:
    """Visitors behind a proxy, each with an address of their own."""

    def __init__(self, server: Server, site) -> None:
        self.server, self.site = server, site

    def send(self, asked: list[tuple[str, str, RouteRequest]]) -> list[urllib3.BaseHTTPResponse]:
        """Send everything at once; the answers in the order in which it was given."""
        with ThreadPoolExecutor(len(asked)) as visitors:
            return list(visitors.map(self._ask, range(len(asked)), asked))

    def _ask(self, number: int, asked: tuple[str, str, RouteRequest]) -> urllib3.BaseHTTPResponse:
        method, endpoint, request = asked
        headers = {"X-Forwarded-For": f"10.0.{number // 250}.{number % 250}", "Connection": "close"}
        body = urlencode(request.form) if method == "POST" else None
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        url = f"http://127.0.0.1:{self.server.port}{request.address(self.site, endpoint)}"
        return urllib3.request(method, url, body=body, headers=headers, retries=False, redirect=False, timeout=HANG)


def told_to_come_back(answer: urllib3.BaseHTTPResponse) -> bool:
    return answer.status == 503 and "Retry-After" in answer.headers


def test_a_crowd_is_served_or_told_when_to_come_back_and_each_time_is_given_once(app, environment, season):
    """The last step of a booking, where everybody once waited for everybody; each page and form; then bookings.

    Whoever is told to come back does so, until each time is given and the others know it."""
    site, each = pages_of(app), public_requests(season)
    last_step, book = ("GET", "visiting.who"), ("POST", "visiting.ask")
    times = season.left[40 : 40 + TIMES]
    forms = [{**season.visitor(n), "at": f"{times[n % TIMES]:%Y-%m-%dT%H:%M}"} for n in range(BOOKINGS)]
    with Server({**environment, "SCHEDULER_TRUSTED_PROXIES": "1"}) as server:
        crowd = Crowd(server, site)
        served = crowd.send([(*last_step, each[last_step])] * 64)
        served += crowd.send([(*route, asked) for route, asked in each.items()])
        before = starts(app)
        bookings = [(*book, replace(each[book], form=form)) for form in forms]
        answers = crowd.send(bookings)
        while back := [n for n, answer in enumerate(answers) if told_to_come_back(answer)]:
            for n, answer in zip(back, crowd.send([bookings[n] for n in back]), strict=True):
                answers[n] = answer

    assert [] == [answer.status for answer in served if answer.status >= 500 and not told_to_come_back(answer)]
    assert 200 in {answer.status for answer in served}
    assert [1] * TIMES == list((starts(app) - before).values())
    assert {303: TIMES, 409: BOOKINGS - TIMES} == Counter(answer.status for answer in answers)


def starts(app) -> Counter[datetime]:
    """How many visits begin at each moment."""
    with app.db.read() as session:
        return Counter(session.scalars(sa.select(Appointment.starts_at)))


@POSTGRESQL
def test_while_the_database_hangs_everybody_is_told_and_health_is_answered(app, environment, season):
    line = Line(sa.make_url(environment["SCHEDULER_DATABASE_URL"]))
    with Server({**environment, "SCHEDULER_DATABASE_URL": line.url, "SCHEDULER_TRUSTED_PROXIES": "1"}, 1) as server:
        crowd, page = Crowd(server, pages_of(app)), ("GET", "pages.programme", RouteRequest())
        last_step = ("GET", "visiting.who")
        form = (*last_step, public_requests(season)[last_step])
        assert [200] * 20 == [answer.status for answer in crowd.send([page] * 20)]

        line.freeze()
        with ThreadPoolExecutor(1) as others:
            told = others.submit(crowd.send, [form] * 20 + [page] * 20)
            alive = [server.get("/healthz").status for _ in range(20)]
        line.thaw()
        until(lambda: server.answers("/en/"))
    line.cut()

    assert [200] * 20 == alive
    assert all(told_to_come_back(answer) for answer in told.result()[:20])
    assert all(answer.status == 200 or told_to_come_back(answer) for answer in told.result()[20:]), "from memory"

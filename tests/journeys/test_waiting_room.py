"""The waiting room of a server with two processes, one of which is killed; and as a browser shows it."""

from __future__ import annotations

import contextlib
import os
import signal
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3

from scheduler.services.operations import waiting_room
from tests.support.browser import DESKTOP, PHONE, fits, keep, look, violations
from tests.support.builders import NOW
from tests.support.instance import pages_of
from tests.support.machine import HANG, until
from tests.support.route_requests import RouteRequest, Season, public_requests
from tests.support.servers import Server, serving

INSIDE, VISITORS = 2, 8
ALWAYS = {
    "SCHEDULER_WAITING_ROOM": "always",
    "SCHEDULER_WAITING_ROOM_INSIDE": str(INSIDE),
    "SCHEDULER_TRUSTED_PROXIES": "1",
}


class Visitor:
    """Somebody with an address and a cookie of their own, whose every request may come to another process."""

    def __init__(self, server: Server, number: int, path: str) -> None:
        self.url = f"http://127.0.0.1:{server.port}{path}"
        self.headers = {"X-Forwarded-For": f"10.0.0.{number}", "Connection": "close"}

    @property
    def place(self) -> str:
        return self.headers["Cookie"].partition(".")[0]

    def ask(self, form: RouteRequest | None = None) -> int:
        """Return the status of the answer, whichever process lives to give one."""
        answers: list[urllib3.BaseHTTPResponse] = []
        until(lambda: answers or self._send(form, answers))
        if "Set-Cookie" in answers[0].headers:
            self.headers["Cookie"] = answers[0].headers["Set-Cookie"].partition(";")[0]
        return answers[0].status

    def _send(self, form: RouteRequest | None, answers: list[urllib3.BaseHTTPResponse]) -> None:
        sent: dict[str, Any] = {"headers": self.headers, "retries": False, "redirect": False, "timeout": HANG}
        if form:
            sent["body"] = urlencode(form.form)
            sent["headers"] = {**self.headers, "Content-Type": "application/x-www-form-urlencoded"}
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            answers.append(urllib3.request("POST" if form else "GET", self.url, **sent))


@pytest.mark.crowd
def test_who_came_first_is_let_in_first_by_two_processes_and_one_that_is_killed_loses_nobody(app, environment):
    season = Season(app, datetime.now(UTC), copies=INSIDE)
    path = public_requests(season)["GET", "registering.form"].address(pages_of(app), "registering.form")
    forms = [public_requests(season, copy)["POST", "registering.ask"] for copy in range(INSIDE)]

    with Server({**environment, **ALWAYS}) as server:
        until(lambda: len(server.children()) == server.workers)
        visitors = [Visitor(server, number, path) for number in range(VISITORS)]
        came = [visitor.ask() for visitor in visitors]
        places = [visitor.place for visitor in visitors]
        os.kill(server.children()[0], signal.SIGKILL)
        until(lambda: {one.ask() for one in visitors[INSIDE:]} == {503} and count_waiting(app) == VISITORS - INSIDE)
        still = [visitor.place for visitor in visitors]
        sent = [visitor.ask(form) for visitor, form in zip(visitors, forms, strict=False)]
        inside: set[int] = set()
        while len(inside) < INSIDE:  # those who came last ask first
            inside |= {number for number in range(VISITORS - 1, INSIDE - 1, -1) if visitors[number].ask() == 200}

    assert [200] * INSIDE + [503] * (VISITORS - INSIDE) == came
    assert places == still == sorted(places)
    assert [303] * INSIDE == sent
    assert set(range(INSIDE, 2 * INSIDE)) == inside


def count_waiting(app) -> int:
    with app.db.read() as session:
        return waiting_room.count_places(session).waiting


# In a browser


@pytest.fixture
def page_server(environment):
    """The address of the pages, at NOW, with room for one at a time."""
    with serving({**environment, **ALWAYS, "SCHEDULER_WAITING_ROOM_INSIDE": "1"}, NOW) as address:
        yield address


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize(("script", "size"), [(True, DESKTOP), (False, PHONE)])
def test_a_browser_that_waits_shows_the_page_by_itself_when_it_is_its_turn(app, browser, address, script, size):
    form = f"{address}/ru/events/opening/register"
    cookie = urllib3.request("GET", form).headers["Set-Cookie"].partition(";")[0]
    page = look(browser, size, java_script_enabled=script)

    waited = page.goto(form)
    heading, title = page.locator("h1").inner_text(), page.title()
    page.reload()
    ahead = page.locator("#ahead").inner_text()
    keep(page, f"waiting-{script}")
    faults = violations(page) if script else []
    with app.db.write() as session:  # whoever was inside has sent their form
        done = waiting_room.Sighting(waiting_room.Sight.DONE, NOW)
        number = int(cookie.partition("=")[2].partition(".")[0])
        always = {"mode": waiting_room.WaitingRoomMode.ALWAYS, "most": 1, "crowded": False}
        waiting_room.advance(session, {number: done}, **always, now=NOW)
    until(lambda: page.locator("#name").count())  # without scripts a browser waits for no locator

    assert 503 == waited.status
    assert "Пожалуйста, дождитесь своей очереди" == heading
    assert title.startswith(heading)
    assert "Человек перед Вами: 0" == ahead
    assert [] == faults
    assert fits(page, size)

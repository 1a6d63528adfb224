"""Every route, with what is sent to it: none holds one connection while it waits for another."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from tests.support.accounts import SIGN_IN, seal, sign_in
from tests.support.instance import pages_of
from tests.support.route_requests import OFFICER, Season, desk_requests, public_requests, unknown_routes

ACCOUNT = "/en/desk/account"


@pytest.fixture
def season(app, clock):
    return Season(app, clock.now())


@pytest.mark.parametrize("engine", ["postgresql"])  # whose pool is the one that runs dry
def test_no_route_has_two_connections_at_a_time(app, clock, season):
    site = pages_of(app)
    public, desk = public_requests(season), desk_requests(season)
    web = site.test_client()
    answers = {}

    with most_connections(app.db.engine) as most:
        for (method, endpoint), one in public.items():
            answers[method, endpoint] = send(web, method, one.address(site, endpoint), one.form)
        clock.set(season.morning)
        sign_in(web, OFFICER)
        for (method, endpoint), one in desk.items():
            sealed = {"csrf_token": csrf_token(web)} if method == "POST" else {}
            address = one.address(site, endpoint)
            if one.body:
                headers = {"X-CSRFToken": sealed["csrf_token"]}
                answers[method, endpoint] = web.post(address, data=one.body, headers=headers)
            else:
                answers[method, endpoint] = send(web, method, address, {**sealed, **one.form})

    assert [] == list(unknown_routes(site, {**public, **desk}))
    assert {} == {route: got.status_code for route, got in answers.items() if got.status_code >= 400}
    assert {1} == set(most.values())


def csrf_token(web) -> str:
    """That of this browser, signed in or out."""
    return seal(web, SIGN_IN if web.get(ACCOUNT).status_code == 303 else ACCOUNT)


def send(web, method, address, form):
    return web.post(address, data=form) if method == "POST" else web.get(address)


@contextmanager
def most_connections(engine: sa.Engine) -> Iterator[Counter[int]]:
    """The most connections of this engine that each thread has had at a time."""
    has, most = Counter(), Counter()

    def count(by: int) -> None:
        thread = threading.get_ident()
        has[thread] += by
        most[thread] = max(most[thread], has[thread])

    taken, given_back = (lambda *_: count(1)), (lambda *_: count(-1))
    sa.event.listen(engine, "checkout", taken)
    sa.event.listen(engine, "checkin", given_back)
    try:
        yield most
    finally:
        sa.event.remove(engine, "checkout", taken)
        sa.event.remove(engine, "checkin", given_back)

"""PostgreSQL that hangs up: whatever a page was doing, it says when to come back, and nothing is half written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from scheduler.app import App
from scheduler.model.attendance import Attendee, Standing
from scheduler.model.events import Event
from scheduler.services.common.tokens import Purpose, make_attendee_token
from scheduler.services.events.attendance import transitions
from tests.support.builders import NOW, a_person, an_event
from tests.support.instance import pages_of

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)


@pytest.fixture
def web(app: App) -> FlaskClient:
    with app.db.write() as session:
        an_event(session, registration="public", capacity=500)
    return pages_of(app).test_client()


@contextmanager
def hanging_up(app: App, at: int) -> Iterator[Callable[[], bool]]:
    """PostgreSQL ends a connection before the statement of this number; a commit counts as one."""
    sent, url = count(), app.db.url.set(drivername="postgresql").render_as_string(hide_password=False)
    reached = False

    def hang_up(connection: sa.Connection, *_: Any) -> None:
        nonlocal reached
        if next(sent) == at:
            reached = True
            with psycopg.connect(url, autocommit=True) as other:
                pid = connection.connection.driver_connection.info.backend_pid
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    for name in ("before_cursor_execute", "commit"):
        sa.event.listen(app.db.engine, name, hang_up)
    try:
        yield lambda: reached
    finally:
        for name in ("before_cursor_execute", "commit"):
            sa.event.remove(app.db.engine, name, hang_up)


def make_link_to_confirm(app: App, number: int) -> str:
    with app.db.write() as session:
        event = session.scalars(sa.select(Event)).one()
        guest = transitions.Guest(person=a_person(session, name=f"Guest {number}", email=f"g{number}@example.org"))
        row = transitions.request_registration(session, event, guest, now=NOW)
        session.flush()
        token = make_attendee_token(Purpose.CONFIRM, row.id, row.created_at, row.epoch, secret=app.secret)
        return f"/en/confirm/{token}"


def count_confirmed(app: App) -> int:
    with app.db.read() as session:
        found = sa.select(sa.func.count(Attendee.id)).where(Attendee.standing == Standing.CONFIRMED)
        return session.scalar(found) or 0


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_whoever_confirms_while_the_database_hangs_up_is_told_when_to_come_back(
    app: App, web: FlaskClient, method: str
) -> None:
    confirmed = 0
    for number in count():
        link = make_link_to_confirm(app, number)
        with hanging_up(app, number) as was_reached:
            answer = web.open(link, method=method)
        if not was_reached():
            break
        assert (503, True) == (answer.status_code, "Retry-After" in answer.headers), number
        assert confirmed == count_confirmed(app), number
        confirmed += web.post(link).status_code == 303
    assert number > 1
    assert confirmed == number


def test_a_connection_that_is_lost_between_its_check_and_its_use_is_no_error_of_the_server(
    app: App, web: FlaskClient
) -> None:
    link = make_link_to_confirm(app, 1)

    def lose(connection: psycopg.Connection[Any], *_: Any) -> None:
        connection.close()

    sa.event.listen(app.db.engine.pool, "checkout", lose)
    try:
        answers = [web.open(link, method=method) for method in ("GET", "POST")]
    finally:
        sa.event.remove(app.db.engine.pool, "checkout", lose)

    assert [503, 503] == [answer.status_code for answer in answers]
    assert 303 == web.post(link).status_code

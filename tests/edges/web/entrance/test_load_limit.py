"""A crowd at the entrance: so many are served at once, the others wait, and are told if it is for too long."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from werkzeug.test import Client

from scheduler.model.events import Event
from scheduler.storage.database import CONNECTIONS
from scheduler.storage.patience import limit_patience
from scheduler.web import serve
from scheduler.web.application import create_app
from scheduler.web.entrance.health_pages import HealthPages
from scheduler.web.entrance.load_limit import AT_ONCE, MAX_WAITING, MOST_SENT, OVERLOADED, LoadLimit
from scheduler.web.programme import feed_maker
from tests.support.accounts import an_account, sign_in
from tests.support.forms import fill, plan
from tests.support.instance import connect, pages_of
from tests.support.machine import HANG, until

pytestmark = pytest.mark.both_engines

ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])
BRIEF, SHORT = timedelta(milliseconds=1), timedelta(milliseconds=100)


def test_whoever_is_served_finds_a_connection():
    """Beside the pages: who makes calendars, who reads their version, who records their use."""
    assert CONNECTIONS >= AT_ONCE + feed_maker.MAX_MAKING + 2


def test_whoever_waits_has_a_thread_and_some_are_left():
    assert serve.THREADS > AT_ONCE + MAX_WAITING + feed_maker.MAX_MAKING_OR_WAITING


class Slow:
    """Pages that answer when they are let go."""

    def __init__(self) -> None:
        self.go, self.begun, self.bodies = threading.Event(), [], []

    def __call__(self, environ, start_response):
        if environ.get(OVERLOADED):
            start_response("503 Service Unavailable", [])
            return []
        self.begun.append(environ["PATH_INFO"])
        self.bodies.append(environ["wsgi.input"].read())
        if not environ["PATH_INFO"].startswith("/static/"):
            assert self.go.wait(HANG)
        start_response("200 OK", [])
        return []


@contextmanager
def crowd(pages, paths):
    """So many ask at once."""
    with ThreadPoolExecutor(len(paths)) as all_of_them:
        yield [all_of_them.submit(Client(pages).get, path) for path in paths]


def statuses(answers) -> list[int]:
    return sorted(answer.result(HANG).status_code for answer in answers)


def test_so_many_are_served_at_once_and_the_others_after_them():
    slow = Slow()
    pages = LoadLimit(slow, at_once=2, patience=timedelta(seconds=HANG))

    with crowd(pages, ["/"] * 5) as answers:
        until(lambda: len(slow.begun) == 2 and len(pages._places._waiting) == 3)
        slow.go.set()

    assert ([200] * 5, 5) == (statuses(answers), len(slow.begun))


def test_whoever_has_waited_too_long_is_told_so_and_not_served():
    slow = Slow()
    pages = LoadLimit(slow, at_once=1, patience=SHORT)

    with crowd(pages, ["/"]) as first:
        until(lambda: slow.begun)
        late = Client(pages).get("/")
        slow.go.set()

    assert (503, [200], 1) == (late.status_code, statuses(first), len(slow.begun))


def test_where_too_many_wait_the_next_is_told_so_at_once():
    slow = Slow()
    pages = LoadLimit(slow, at_once=1, max_waiting=0, patience=timedelta(days=1))

    with crowd(pages, ["/"]) as first:
        until(lambda: slow.begun)
        late = Client(pages).get("/")
        slow.go.set()

    assert (503, [200]) == (late.status_code, statuses(first))


@pytest.mark.parametrize("path", ["/static/x/look.css", "/favicon.ico", "/robots.txt"])
def test_what_needs_no_database_waits_for_nobody(path):
    served = Slow()
    served.go.set()

    assert 200 == Client(LoadLimit(served, at_once=0, patience=BRIEF)).get(path).status_code


def test_it_is_alive_while_nobody_is_served():
    client = Client(HealthPages(LoadLimit(Slow(), at_once=0, patience=BRIEF)))

    alive, head, changed = client.get("/healthz"), client.head("/healthz"), client.post("/healthz")

    assert (200, b"ok\n") == (alive.status_code, alive.data)
    assert ("no-store", "3") == (alive.headers["Cache-Control"], alive.headers["Content-Length"])
    assert (200, b"") == (head.status_code, head.data)
    assert 503 == changed.status_code


# Forms that arrive slowly


class Dawdling(io.RawIOBase):
    """A body that comes when it is let go."""

    def __init__(self) -> None:
        self.asked, self.go = threading.Event(), threading.Event()

    def read(self, _size=-1):
        self.asked.set()
        assert self.go.wait(HANG)
        return b"name=Anna"


@pytest.mark.parametrize("said", [{"CONTENT_LENGTH": "9"}, {"CONTENT_LENGTH": ""}, {}])
def test_whoever_sends_a_form_slowly_keeps_nobody_from_being_served(said):
    slow, body = Slow(), Dawdling()
    pages = LoadLimit(slow, at_once=1)
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/form", "wsgi.input": body, **said}

    with ThreadPoolExecutor(1) as other:
        sent = other.submit(pages, environ, lambda *_: None)
        assert body.asked.wait(HANG)
        slow.go.set()
        meanwhile = Client(pages).get("/")
        body.go.set()
        sent.result(HANG)

    assert 200 == meanwhile.status_code
    assert ["/", "/form"] == slow.begun
    assert b"name=Anna" == slow.bodies[1]


def test_a_larger_body_is_left_to_the_page_that_takes_it():
    seen = []

    def pages(environ, start_response):
        seen.append(environ["wsgi.input"])
        start_response("200 OK", [])
        return []

    body = Dawdling()
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "wsgi.input": body, "CONTENT_LENGTH": str(MOST_SENT + 1)}

    LoadLimit(pages)(environ, lambda *_: None)

    assert [body] == seen


@ONE_ENGINE
def test_a_body_without_a_length_is_refused_where_it_is_too_large(app):
    web = pages_of(app).test_client()

    answer = web.post(
        "/en/registration/x/withdrawal",
        input_stream=io.BytesIO(b"x" * 10 * MOST_SENT),
        content_type="application/x-www-form-urlencoded",
        environ_overrides={"CONTENT_LENGTH": "", "wsgi.input_terminated": True},
    )

    assert 413 == answer.status_code


# What people see


@ONE_ENGINE
def test_whoever_is_not_served_is_told_in_their_language_when_to_come_back(app):
    web = Client(LoadLimit(pages_of(app).wsgi_app, at_once=0, patience=BRIEF))

    answer, forms = web.get("/ru/"), web.post("/kk/events/opening/register")

    assert (503, "5") == (answer.status_code, answer.headers["Retry-After"])
    assert "Сейчас на сайте очень много посетителей" in answer.text
    assert "no-store" == answer.headers["Cache-Control"]
    assert (503, True) == (forms.status_code, "Retry-After" in forms.headers)


@ONE_ENGINE
def test_the_desk_is_told_so_without_being_asked_who_it_is(app, clock):
    an_account(app)
    site = create_app(app)
    web = site.test_client()
    sign_in(web)
    site.wsgi_app = LoadLimit(site.wsgi_app, at_once=0, patience=BRIEF)

    answer = web.get("/en/desk")

    assert (503, True) == (answer.status_code, "Retry-After" in answer.headers)
    assert "Aigerim" not in answer.text


# What others hold in the database


@contextmanager
def working(database_url):
    """Another process is at work on the event."""
    with connect(database_url).write() as session:
        session.execute(sa.update(Event).values(sequence=Event.sequence))
        yield


def test_whoever_cannot_write_in_time_is_told_so_and_nothing_is_changed(app, database_url):
    plan(app)
    web = pages_of(app).test_client()

    with working(database_url), limit_patience(SHORT):
        answer = fill(web)
    again = fill(web)

    assert (503, "5") == (answer.status_code, answer.headers["Retry-After"])
    assert "nothing was changed" in answer.text
    assert 303 == again.status_code


def test_an_officer_who_cannot_write_in_time_is_told_so(app, database_url):
    an_account(app)
    plan(app)
    web = pages_of(app).test_client()
    sign_in(web)
    page = web.get("/en/desk/account").text
    form = {"csrf_token": page.partition('name="csrf_token" value="')[2].partition('"')[0], "language": "kk"}

    with connect(database_url).write() as session, limit_patience(SHORT):
        session.execute(sa.text("UPDATE account SET called = called"))
        answer = web.post("/en/desk/account/language", data=form)

    assert (503, True) == (answer.status_code, "Retry-After" in answer.headers)


def test_who_only_reads_is_served_meanwhile(app, database_url):
    plan(app)
    web = pages_of(app).test_client()

    with working(database_url), limit_patience(SHORT):
        assert 200 == web.get("/en/events/opening").status_code

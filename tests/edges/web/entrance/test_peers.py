"""Who asks, as proxies write it: each visitor has limits of their own, and nobody can make up another address."""

from __future__ import annotations

import pytest

from scheduler.app import App
from scheduler.base import config
from scheduler.services.common.request_limits import UNKNOWN_SENDER
from scheduler.web.entrance.peers import client_address, read_address
from scheduler.web.programme.feed_server import MAX_MADE, FeedServer
from tests.support.forms import fill, plan, seal
from tests.support.instance import pages_of

ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])
V4, V6 = "203.0.113.7", "2001:db8:1:2::"


@pytest.mark.parametrize(
    ("said", "address"),
    [
        (V4, V4),
        (f" {V4}\t", V4),
        (f"{V4}:40007", V4),
        (f"{V4}:", V4),
        (f'"{V4}:40007"', V4),
        (f"::ffff:{V4}", V4),
        (f"[::ffff:{V4}]:443", V4),
        ("2001:db8:1:2:3:4:5:6", V6),
        ("2001:DB8:1:2::9", V6),
        ("[2001:db8:1:2::9]", V6),
        ("[2001:db8:1:2::9]:40007", V6),
        ('"[2001:db8:1:2::9]:40007"', V6),
        ("fe80::1%eth0", "fe80::"),
        ("[fe80::1%eth0]:40007", "fe80::"),
        (f"{V4}:_port", V4),
        ("unknown", UNKNOWN_SENDER),
        ("_hidden", UNKNOWN_SENDER),
        ("", UNKNOWN_SENDER),
        ("203.0.113.7.9", UNKNOWN_SENDER),
        ("203.0.113.777", UNKNOWN_SENDER),
        ("[2001:db8::9", UNKNOWN_SENDER),
        ("[2001:db8::9]x", UNKNOWN_SENDER),
        (f"{V4}:4:5", UNKNOWN_SENDER),
        ("http://[", UNKNOWN_SENDER),
    ],
)
def test_an_address_is_read_as_servers_and_proxies_write_it(said, address):
    assert address == read_address(said)


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        ("198.51.100.1", 0, "192.0.2.1"),
        ("198.51.100.1", 1, "198.51.100.1"),
        ("198.51.100.1:5, 203.0.113.7:4", 1, "203.0.113.7"),
        ("198.51.100.1:5,203.0.113.7:4", 2, "198.51.100.1"),
        ("forged, 198.51.100.1, 203.0.113.7", 2, "198.51.100.1"),
        ("203.0.113.7", 2, "203.0.113.7"),
        ("", 1, "192.0.2.1"),
        ("forged, unknown", 1, UNKNOWN_SENDER),
        (", 203.0.113.7", 1, "203.0.113.7"),
    ],
)
def test_the_outermost_trusted_proxy_is_believed_and_nobody_before_it(forwarded, proxies, address):
    environ = {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": forwarded}

    assert address == client_address(environ, proxies)


@pytest.fixture
def behind(environment, clock):
    """An application behind so many proxies."""
    opened = []

    def make(proxies: int) -> App:
        settings = config.load_settings({**environment, "SCHEDULER_TRUSTED_PROXIES": str(proxies)})
        opened.append(App.open(settings, clock))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


WRITINGS = ["203.0.113.{n}", "203.0.113.{n}:4000{n}", "[2001:db8:{n}::1]:4000{n}", '"[2001:db8:{n}::1]"']


@ONE_ENGINE
@pytest.mark.parametrize("writing", WRITINGS)
def test_visitors_behind_a_proxy_have_limits_of_their_own(behind, writing):
    app = behind(1)
    plan(app)
    web = pages_of(app).test_client()

    answers = []
    for n in range(1, 9):
        headers = {"X-Forwarded-For": writing.format(n=n)}
        form = {"name": "Anna", "email": f"{n}@example.org", "mode": "in person", "companions": "", "consent": "1"}
        answers.append(web.post("/en/events/opening/register", data={**form, "seal": seal(web)}, headers=headers))

    assert [303] * 8 == [answer.status_code for answer in answers]


@ONE_ENGINE
def test_one_visitor_who_comes_by_many_ports_is_one(behind):
    app = behind(1)
    plan(app)
    web = pages_of(app).test_client()

    answers = []
    for n in range(4):
        with_port = {"HTTP_X_FORWARDED_FOR": f"{V4}:{40000 + n}"}
        form = {"name": "Anna", "email": f"{n}@example.org", "mode": "in person", "companions": "", "consent": "1"}
        sent = {**form, "seal": seal(web)}
        answers.append(web.post("/en/events/opening/register", data=sent, environ_overrides=with_port))

    assert [303, 303, 303, 422] == [answer.status_code for answer in answers]


@ONE_ENGINE
def test_the_limit_of_calendars_cannot_be_avoided_by_another_port(behind):
    from werkzeug.test import Client

    server = FeedServer(behind(1), lambda *_: [])
    client = Client(server)

    def ask(number: int) -> int:
        return client.get(f"/feeds/none-{number}.en.ics", headers={"X-Forwarded-For": f"{V4}:{number}"}).status_code

    answers = [ask(number) for number in range(MAX_MADE.amount + 1)]
    server.close()

    assert ({404}, 429) == (set(answers[:-1]), answers[-1])


@ONE_ENGINE
@pytest.mark.parametrize(
    ("said", "proxies", "secure"),
    [
        ("https", 1, True),
        ("HTTPS", 1, True),
        (" https ", 1, True),
        ("https, http", 1, False),
        ("http, https", 1, True),
        ("https, http", 2, True),
        ("https", 2, True),
        ("https", 0, False),
        ("gopher", 1, False),
        ("", 1, False),
    ],
)
def test_the_scheme_is_that_which_the_outermost_trusted_proxy_saw(behind, said, proxies, secure):
    web = pages_of(behind(proxies)).test_client()

    answer = web.get("/en/clock", headers={"X-Forwarded-Proto": said})

    assert secure == ("Strict-Transport-Security" in answer.headers)


@ONE_ENGINE
def test_a_form_is_counted_by_address_also_without_a_proxy(app):
    plan(app)
    web = pages_of(app).test_client()

    answers = [fill(web, email=f"{n}@example.org").status_code for n in range(4)]

    assert [303, 303, 303, 422] == answers

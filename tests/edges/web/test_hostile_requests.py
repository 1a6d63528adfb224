"""Whatever strangers write into a request, the site answers: no header, address or form makes it fail.

Play it longer with `pytest --hypothesis-profile long tests/edges/web/test_hostile_requests.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import NotFound

from scheduler.app import App
from scheduler.web.application import create_app
from scheduler.web.entrance.request_record import RequestRecord
from scheduler.web.programme.feed_server import FeedServer
from tests.support import hostile
from tests.support.hostile import HEADERS, HostileRequest, as_latin, octets
from tests.support.instance import connect
from tests.support.routes import (
    EVENTS,
    HIDDEN_POST,
    OTHER_POST,
    OWN_POST,
    STRANGER,
    Browser,
    Known,
    Route,
    list_routes,
    put_known,
)

pytestmark = pytest.mark.both_engines

ACCOUNTS = (STRANGER, "admin", "door")
NAMES = hostile.read_field_names()
# Later requests need the session that these end.
ENDS_SESSION = ("account.end_everywhere", "account.password", "signing.sign_out", "signing.set_up")


class Target:
    """The site behind a proxy, with what it knows; each request comes from another address."""

    def __init__(self, app: App) -> None:
        behind_proxy = replace(app.settings, trusted_proxies="1")
        self.app = App.open(behind_proxy, app.clock, connect)
        self.known: Known = put_known(self.app, create_app(self.app, limit="1000000 per minute"))
        self.routes = [route for route in list_routes(self.known.site) if route.endpoint not in ENDS_SESSION]
        self.browsers = {account: Browser(self.known, account) for account in ACCOUNTS}
        self.feeds = FeedServer(self.app, self.known.site.wsgi_app)
        self.site = RequestRecord(self.feeds, logged=True, numbered=True)
        self._addresses = (f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in count())

    def find(self, endpoint: str) -> Route:
        return next(route for route in self.routes if route.endpoint == endpoint)

    def send(self, request: HostileRequest, account: str = STRANGER) -> int:
        """Return the status of the answer to a request that comes with the session of an account."""
        headers = {**self.browsers[account].headers, **request.headers}
        if cookie := self.browsers[account].client.get_cookie("desk"):
            headers["Cookie"] = f"desk={cookie.value}; {headers.get('Cookie', '')}"
        return request._replace(headers=headers).send(self.site, address=next(self._addresses))


@pytest.fixture(scope="module")
def target(shared_app: App) -> Iterator[Target]:
    made = Target(shared_app)
    yield made
    made.feeds.close()
    made.app.close()


@st.composite
def requests(draw: st.DrawFn, target: Target, route: Route) -> HostileRequest:
    """A request to a route, with something in it that nobody means well."""
    known = target.known
    about = {
        "event": draw(st.sampled_from([*EVENTS.values()])),
        "post": draw(st.sampled_from((OWN_POST, OTHER_POST, HIDDEN_POST))),
    }
    path = draw(paths(route, known.arguments(route, **about)))
    query = draw(hostile.queries(NAMES, known.query(route)) | octets.map(as_latin))
    headers = draw(hostile.headers())
    method = draw(st.sampled_from((route.method, route.method, route.method, "HEAD", "OPTIONS", "PUT", "X", "")))
    if method != "POST":
        return HostileRequest(method, path, query, headers)
    body, kind = draw(hostile.bodies(known.fields(route, **about), NAMES))
    return HostileRequest(method, path, query, {"Content-Type": kind, **headers}, body)


@st.composite
def paths(draw: st.DrawFn, route: Route, arguments: dict[str, object]) -> str:
    """The address of a route, at times with a hostile value for an argument."""
    spoilt = draw(st.sampled_from((*[""] * 3, *sorted(route.arguments))))
    return fill_in(route, {**arguments, spoilt: as_latin(draw(octets))} if spoilt else arguments)


@settings(derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_no_request_makes_the_site_fail(target: Target, data: st.DataObject) -> None:
    route = data.draw(st.sampled_from(target.routes))
    account = data.draw(st.sampled_from(ACCOUNTS if "/desk" in route.rule else (STRANGER,)))
    request = data.draw(requests(target, route))

    assert 500 > target.send(request, account), request


@pytest.mark.parametrize("shared_app", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", HEADERS)
def test_no_header_makes_a_page_a_form_or_a_calendar_fail(target: Target, name: str) -> None:
    form, calendar = (target.find(endpoint) for endpoint in ("registering.ask", "ownvisit.calendar"))
    fields = "&".join(f"{key}={value}" for key, value in target.known.fields(form).items()).encode()
    asked = (
        ("admin", HostileRequest("GET", "/en/desk/events/fair")),
        ("admin", HostileRequest("POST", "/en/desk/events/fair/register")),
        (STRANGER, HostileRequest("POST", "/en/events/fair/register", "", {"Content-Type": hostile.FORM}, fields)),
        (STRANGER, HostileRequest("GET", target.known.path(calendar))),
        (STRANGER, HostileRequest("GET", target.known.feeds["public"])),
        (STRANGER, HostileRequest("GET", target.known.feeds["private"])),
    )

    for value in HEADERS[name]:
        for account, request in asked:
            sent = request._replace(headers={**request.headers, name: value})
            assert 500 > target.send(sent, account), sent


def test_a_form_whose_origin_is_none_of_ours_is_refused(target: Target) -> None:
    form = HostileRequest("POST", "/en/registration/1-x/coming")
    foreign = ("http://[", "http://[::1", "//localhost", "localhost", "http://localhost@evil.example", "")

    for origin in (*foreign, "http://evil-localhost", "http://localhost.evil.example", "http://localhost:8000"):
        assert 400 == target.send(form._replace(headers={"Origin": origin})), origin
    for origin in ("http://localhost", "null"):
        assert 404 == target.send(form._replace(headers={"Origin": origin})), origin


@pytest.mark.parametrize("query", ["q=\xff\xfe", "clock=\xff", "next=/en/desk?\x80", "\x00", "a b=\x7f"])
def test_octets_that_are_no_text_in_a_query_are_read_as_well_as_can_be(target: Target, query: str) -> None:
    for path in ("/en/", "/en/desk", "/en/nowhere", "/en/subscribe", "/en/desk/sign-in"):
        assert target.send(HostileRequest("GET", path, query)) in (200, 302, 303, 404, 400), path


def test_a_nul_is_refused_wherever_it_stands(target: Target) -> None:
    text_arguments = [route for route in target.routes if route.arguments - {"language", "kind", "_verb", "number"}]
    assert len(text_arguments) > 80

    for route in text_arguments:
        account = "admin" if "/desk" in route.rule else STRANGER
        for path in spoil_each_argument(target.known, route, "a\0b"):
            assert 404 == target.send(HostileRequest(route.method, path), account), path
    assert 400 == target.send(HostileRequest("GET", "/en/", "kind=%00"))
    form = {"Content-Type": hostile.FORM}
    for path in ("/en/desk/events/fair/register", "/en/desk/posts/phuket/walk-in", "/en/desk/sign-in"):
        assert 400 == target.send(HostileRequest("POST", path, headers=form, body=b"name=a%00b&password=x"), "admin")


def spoil_each_argument(known: Known, route: Route, value: str) -> Iterator[str]:
    """Yield the address of a route once for each of its text arguments, with this value in its place."""
    for name in sorted(route.arguments - {"language", "kind", "_verb", "number"}):
        yield fill_in(route, {**known.arguments(route), name: value})


def fill_in(route: Route, arguments: Mapping[str, object]) -> str:
    """Return the address of a route with these arguments, which need not be what it takes."""
    return re.sub(r"<(?:[^<>]*:)?([^<>:]*)>", lambda found: str(arguments[found[1]]), route.rule)


@pytest.mark.parametrize("number", ["0", "9" * 18, "9" * 19, "9" * 5000, "٣", "²", "-1", "+1"])
def test_a_number_that_no_row_has_leads_nowhere(target: Target, number: str) -> None:
    numbered = [route for route in target.routes if "number" in route.arguments]
    assert 36 == len(numbered)

    for route in numbered:
        path = fill_in(route, {**target.known.arguments(route), "number": as_latin(number.encode())})
        assert 404 == target.send(HostileRequest(route.method, path), "admin"), path


def test_a_long_text_in_an_address_is_looked_up_nowhere(target: Target) -> None:
    addresses = target.known.site.url_map.bind("localhost")

    assert ("pages.event", {"language": "en", "key": "a" * 100}) == addresses.match(f"/en/events/{'a' * 100}")
    with pytest.raises(NotFound):
        addresses.match(f"/en/events/{'a' * 101}")

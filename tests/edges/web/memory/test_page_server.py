"""Public pages are answered from memory for as long as they are true; nothing of any one reader is ever kept."""

from __future__ import annotations

import gzip
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import brotli
import pytest
from werkzeug.test import Client, EnvironBuilder, TestResponse

from scheduler.app import App
from scheduler.model.events import Event
from scheduler.services.common import lookup
from scheduler.services.consulate.posts import opening_days
from scheduler.services.consulate.posts.post_drafts import SpecialDraft
from scheduler.services.consulate.posts.posts import get as get_post
from scheduler.services.events.programme import planning
from scheduler.storage.database import Database
from scheduler.web.application import create_app
from scheduler.web.entrance.request_record import ROUTE
from scheduler.web.kit.http_cache import Representation, RepresentationCache
from scheduler.web.memory.page_marks import choice_of
from scheduler.web.memory.page_server import PageServer
from scheduler.web.memory.shown_version import ShownVersion
from tests.support.builders import NOW, a_city, an_event, register
from tests.support.consulate import a_post
from tests.support.instance import connect, pages_of
from tests.support.routes import Browser, list_routes, put_known


class Site:
    """The pages ahead of which is the memory, and a browser; how often the pages behind it were asked."""

    def __init__(self, app: App) -> None:
        self.asked = 0
        site = pages_of(app)
        self.version = ShownVersion(app)
        self.server = PageServer(app, site, self.version)
        self._pages, self.server._pages = self.server._pages, self._count
        self.client = Client(self.server)

    def _count(self, environ: Any, start_response: Any) -> Any:
        self.asked += 1
        return self._pages(environ, start_response)

    def get(self, path: str, **headers: str) -> TestResponse:
        """Ask for a page with headers, named as Python names them."""
        return self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def look_again(self) -> None:
        """As if half a second had passed."""
        self.version.read_again_at = 0.0

    @property
    def kept(self) -> list[str]:
        """The pages in the memory."""
        return self.server.memory.addresses()


@pytest.fixture
def site(app: App) -> Site:
    return Site(app)


@pytest.fixture
def opening(app: App) -> None:
    with app.db.write() as session:
        an_event(session, "opening", title={"en": "Opening", "th": "พิธีเปิด"}, registration="public", capacity=10)


def change(app: App, **changes: Any) -> None:
    with app.db.write() as session:
        planning.change_event(session, lookup.get(session, Event, "opening"), now=NOW, **changes)


# What is kept, and how long


@pytest.mark.usefixtures("opening")
def test_a_page_is_made_once_and_says_the_same_from_memory(site: Site) -> None:
    made, kept = site.get("/en/month/2027-02"), site.get("/en/month/2027-02")

    assert 1 == site.asked
    assert (made.status, made.data, str(made.headers)) == (kept.status, kept.data, str(kept.headers))
    assert b"Opening" in kept.data


@pytest.mark.usefixtures("opening")
def test_a_change_is_seen_on_every_page_as_soon_as_the_version_is_read(app: App, site: Site) -> None:
    pages = ("/en/", "/en/month/2027-02", "/en/events/opening")
    assert all("Opening" in site.get(page).text for page in pages)

    change(app, title={"en": "Grand evening"})
    site.look_again()

    assert all("Grand evening" in site.get(page).text for page in pages)


def test_a_change_of_a_post_is_seen(app: App, site: Site) -> None:
    with app.db.write() as session:
        a_post(session)
    before = site.get("/en/posts/phuket").text

    with app.db.write() as session:
        closed = SpecialDraft(first_day=NOW.date(), last_day=NOW.date(), reason={"en": "Flood"})
        opening_days.set_days(session, get_post(session, "phuket"), closed, now=NOW)
    site.look_again()

    assert "Flood" not in before
    assert "Flood" in site.get("/en/posts/phuket").text


@pytest.mark.usefixtures("opening")
def test_free_places_are_at_most_a_second_old(app: App, site: Site) -> None:
    pages = ("/en/", "/en/events/opening")
    before = [site.get(page).text for page in pages]
    with app.db.write() as session:
        register(session, lookup.get(session, Event, "opening"))

    app.clock.advance(timedelta(seconds=1))
    after = [site.get(page).text for page in pages]

    assert ["Places free: 10" in before[0], "10 of 10 places free" in before[1]] == [True, True]
    assert ["Places free: 9" in after[0], "9 of 10 places free" in after[1]] == [True, True]


def test_a_page_says_from_the_first_moment_on_that_registration_is_open_that_it_is_closed_and_that_it_is_over(
    app: App, site: Site
) -> None:
    with app.db.write() as session:
        an_event(
            session,
            "talk",
            registration="public",
            capacity=10,
            registration_opens=datetime(2027, 1, 5, 9),  # noqa: DTZ001
            registration_closes=datetime(2027, 1, 6, 9),  # noqa: DTZ001
        )
    said = []
    for begins, words in (
        (datetime(2027, 1, 5, 2, tzinfo=UTC), ">Register<"),
        (datetime(2027, 1, 6, 2, tzinfo=UTC), "Registration is closed"),
        (datetime(2027, 2, 2, 5, tzinfo=UTC), "This event is over"),
    ):
        for moment in (begins - timedelta(seconds=1), begins):
            app.clock.set(moment)
            site.look_again()
            said.append(words in site.get("/en/events/talk").text)

    assert [False, True] * 3 == said


def test_an_event_of_others_that_ends_at_a_second_leaves_the_list_in_that_second(app: App, site: Site) -> None:
    with app.db.write() as session:
        event = an_event(session, "short", dtstart=datetime(2027, 1, 4, 15), duration="2 h")  # noqa: DTZ001
        event.ends_at = NOW + timedelta(seconds=20)
    there = [b"Short" in site.get("/en/").data]
    for seconds in (19, 1):
        app.clock.advance(timedelta(seconds=seconds))
        there.append(b"Short" in site.get("/en/").data)

    assert [True, True, False] == there


# By language, clock and choice


@pytest.mark.usefixtures("opening")
def test_each_language_clock_and_choice_has_a_page_of_its_own(site: Site) -> None:
    pages = ("/en/", "/th/", "/en/?when=past", "/en/?kind=ceremony")
    said = [site.get(page).text for page in pages]
    site.client.set_cookie("clock", "Asia/Tokyo")
    said.append(site.get("/en/").text)

    assert 5 == len(set(said)) == len(site.kept)
    assert "Tokyo" in said[-1]


@pytest.mark.usefixtures("opening")
def test_the_page_of_a_clock_stays_with_its_reader_and_every_other_one_is_for_everybody_until_the_minute_ends(
    site: Site,
) -> None:
    for_all = site.get("/en/month/2027-02").headers
    site.client.set_cookie("clock", "Asia/Tokyo")
    own = site.get("/en/month/2027-02").headers

    assert ("public", "Mon, 04 Jan 2027 09:01:00 GMT") == (for_all["Cache-Control"], for_all["Expires"])
    assert ("private, no-cache", None) == (own["Cache-Control"], own.get("Expires"))
    assert {"Accept-Encoding", "Cookie"} == set(for_all["Vary"].split(", ")) == set(own["Vary"].split(", "))


@pytest.mark.usefixtures("opening")
def test_a_page_comes_plain_and_compressed_and_not_at_all_to_who_has_it(site: Site) -> None:
    plain, packed, small = (site.get("/th/", Accept_Encoding=how) for how in ("identity", "gzip", "br"))
    again = site.get("/th/", Accept_Encoding="br", If_None_Match=small.headers["ETag"])
    head = site.client.head("/th/", headers={"Accept-Encoding": "gzip"})

    assert plain.data == gzip.decompress(packed.data) == brotli.decompress(small.data)
    assert (304, b"", small.headers["ETag"]) == (again.status_code, again.data, again.headers["ETag"])
    assert small.headers["Expires"] == again.headers["Expires"]
    assert (b"", packed.headers) == (head.data, head.headers)
    assert 1 == site.asked


@pytest.mark.usefixtures("opening")
def test_what_nobody_reads_in_an_address_fills_no_memory(site: Site) -> None:
    asked = ["/en/?x=1", "/en/?kind=", "/en/?x=2&page=&city=", "/en/?"]
    said = {site.get(address).data for address in asked}
    for address in ("/en/?city=nowhere", "/en/?page=9999", "/en/subscribe?tour=nothing", "/en/subscribe?feed=none"):
        assert 200 == site.get(address).status_code

    assert 1 == len(said)
    assert [" /en/?"] == site.kept


@pytest.mark.usefixtures("opening")
@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/en/events/none", 404),
        ("/en/month/2027-13", 404),
        ("/en", 308),
        ("/en/?clock=Asia/Tokyo", 302),
        ("/en/?page=0", 200),
        ("/en/?city=%00", 400),
        (f"/en/?x={'y' * 3000}", 414),
        ("/sitemap", 404),
        ("/de/", 404),
    ],
)
def test_errors_redirects_and_odd_addresses_are_answered_by_the_pages_and_not_kept(
    app: App, site: Site, address: str, status: int
) -> None:
    said, direct = site.get(address), pages_of(app).test_client().get(address)

    assert status == said.status_code
    assert direct.data == said.data
    assert [] == site.kept


@pytest.mark.usefixtures("opening")
def test_a_request_is_recorded_by_its_route_also_from_memory(site: Site) -> None:
    routes = []
    for _ in range(2):
        environ = EnvironBuilder("/en/").get_environ()
        site.server(environ, lambda *_: None)
        routes.append(environ[ROUTE])

    assert ["/<language>/"] * 2 == routes


def test_the_pages_that_were_not_asked_for_the_longest_leave_the_memory_first() -> None:
    cache: RepresentationCache[Representation] = RepresentationCache(200_000)
    for number in range(100):
        cache.put(f"/{number}", Representation(b"x" * 1000, headers=[], cache_control="public"))
        cache.get("/0")

    assert cache.get("/0") is not None
    assert cache.get("/1") is None
    assert cache.get("/99") is not None
    assert len(cache) * 6_500 <= 200_000


# Many at once, and trouble


@pytest.mark.usefixtures("opening")
def test_a_hundred_at_once_have_a_page_made_once(site: Site) -> None:
    together = threading.Barrier(100)

    def ask(_: int) -> int:
        together.wait()
        return Client(site.server).get("/en/month/2027-02").status_code

    with ThreadPoolExecutor(100) as readers:
        said = list(readers.map(ask, range(100)))

    assert {200} == set(said)
    assert 1 == site.asked


@pytest.mark.usefixtures("opening")
def test_while_the_database_is_away_pages_are_served_from_memory(app: App, site: Site) -> None:
    known = site.get("/en/")
    app.db.dispose()
    app.__dict__["db"] = Database("postgresql://nobody@127.0.0.1:1/none")
    app.clock.advance(timedelta(minutes=5))
    site.look_again()

    assert known.data == site.get("/en/").data
    assert 503 == site.get("/th/").status_code


@pytest.mark.both_engines
@pytest.mark.usefixtures("opening")
def test_each_of_several_processes_sees_a_change_within_half_a_second(app: App) -> None:
    sites = Site(app), Site(app)
    assert all("Opening" in site.get("/en/").text for site in sites)

    change(app, title={"en": "Grand evening"})
    for site in sites:
        site.look_again()

    assert all("Grand evening" in site.get("/en/").text for site in sites)


# Nothing private


def test_no_page_of_anybody_is_ever_kept_whatever_route_is_asked_for_by_whoever_is_signed_in(app: App) -> None:
    behind_proxy = App.open(replace(app.settings, trusted_proxies="1"), app.clock, connect)
    web = create_app(behind_proxy, limit="1000000 per minute")
    known = put_known(behind_proxy, web)
    server = PageServer(behind_proxy, web, ShownVersion(behind_proxy))
    marked = {endpoint for endpoint, view in web.view_functions.items() if choice_of(view)}
    officer = Browser(known, "admin")
    web.wsgi_app = server  # type: ignore[method-assign]
    routes = [route for route in list_routes(web) if route.method == "GET"]
    for route in routes:
        officer.ask(route)
        if route.endpoint in marked:
            officer.ask(route, event="talks")

    addresses = server.memory.addresses()
    kept = {web.url_map.bind("").match(one.strip().partition("?")[0])[0] for one in addresses}
    secrets = {*known.tokens.values(), *known.visits.values(), "Herondinner", "Falcontalks", "Fairguest"}
    assert len(routes) > 100
    assert kept <= marked == MARKED
    assert len(kept) > 7
    for address in addresses:
        page = server.memory.get(address)
        assert page is not None
        said = (address + str(page.form("")[1]) + page.content.decode()).lower()
        assert "set-cookie" not in said
        assert "no-store" not in said
        assert [] == [secret for secret in secrets if secret.lower() in said], address
        stranger = known.client(address="127.0.0.9")
        assert page.content == stranger.get(address.strip()).data, address


MARKED = {
    *("pages.programme", "pages.month", "pages.event", "pages.clock", "subscribing.subscribe", "machines.sitemap"),
    *("posts.every", "posts.one", "visiting.services", "visiting.times"),
}


def test_a_page_for_everybody_is_made_without_anything_of_who_asks_first(app: App, site: Site) -> None:
    with app.db.write() as session:
        a_city(session, "bangkok")
    seen: list[dict[str, Any]] = []
    pages = site.server._pages

    def note(environ: dict[str, Any], start_response: Any) -> Any:
        seen.append(environ)
        return pages(environ, start_response)

    site.server._pages = note
    site.client.set_cookie("desk", "secret")
    site.get("/en/?token=secret", Authorization="secret", Referer="secret", Accept_Language="th")

    assert "secret" not in str(seen)
    assert [" /en/?"] == site.kept

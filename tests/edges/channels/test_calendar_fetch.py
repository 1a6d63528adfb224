"""Fetching a calendar: what is public is fetched, from the address that was checked; all else is refused."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from time import perf_counter, sleep

import pytest

from scheduler.base.errors import Conflict, Forbidden, Invalid, SchedulerError
from scheduler.formats import calendar_fetch as fetching
from scheduler.formats.calendar_fetch import Bounds, fetch_calendar, is_public, is_url, make_source_name
from tests.support.instance import Scheduler
from tests.support.machine import HANG

ICS = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
Answer = tuple[int, dict[str, str], bytes]


class Site:
    """A web site on loopback; ``pages`` are its answers by path, ``asked`` what it was asked."""

    def __init__(self) -> None:
        self.pages: dict[str, Answer | Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[tuple[str, str]] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def _handler(site) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler is the self
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append((self.path, self.headers["Host"]))
                answer = site.pages.get(self.path, (404, {}, b""))
                if callable(answer):
                    answer(self)
                    return
                status, headers, body = answer
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        return Handler


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def anywhere(_address: object) -> bool:
    return True


def test_a_calendar_is_fetched_with_the_charset_it_is_said_to_have(site):
    site.pages["/a.ics?x=1"] = 200, {"Content-Type": "text/calendar; charset=windows-1251"}, ICS

    fetched = fetch_calendar(f"{site.url}/a.ics?x=1", allowed=anywhere)

    assert (ICS, "windows-1251") == (fetched.data, fetched.charset)
    assert [("/a.ics?x=1", site.url.removeprefix("http://"))] == site.asked


def test_the_name_that_was_asked_for_is_told_to_the_server(site):
    site.pages["/"] = 200, {}, ICS
    named = site.url.replace("127.0.0.1", "localhost")

    fetch_calendar(named, allowed=anywhere)

    assert named.removeprefix("http://") == site.asked[0][1]


def test_a_compressed_body_is_unpacked(site):
    site.pages["/"] = 200, {"Content-Encoding": "gzip"}, gzip.compress(ICS)

    assert ICS == fetch_calendar(site.url, allowed=anywhere).data


def test_redirects_are_followed_and_each_is_checked_anew(site):
    site.pages["/a"] = 302, {"Location": "/b"}, b""
    site.pages["/b"] = 301, {"Location": site.url.replace("127.0.0.1", "127.0.0.2") + "/c"}, b""

    with pytest.raises(Forbidden, match=r"127\.0\.0\.2 is not a public address"):
        fetch_calendar(f"{site.url}/a", allowed=lambda address: address == ip_address("127.0.0.1"))

    assert ["/a", "/b"] == [path for path, _ in site.asked]


def test_redirects_without_end_are_given_up(site):
    site.pages["/"] = 302, {"Location": "/"}, b""

    with pytest.raises(Forbidden, match="redirects more than 5 times"):
        fetch_calendar(f"{site.url}/", allowed=anywhere)

    assert 6 == len(site.asked)


@pytest.mark.parametrize(
    "location",
    [
        "ftp://example.org/a",
        "file:///etc/passwd",
        "http://user:pw@example.org/",
        "http://[::1/",
        "http://[nowhere]/",
        "//[",
    ],
)
def test_a_redirect_to_what_is_no_web_address_is_refused(site, location):
    site.pages["/"] = 302, {"Location": location}, b""

    with pytest.raises(SchedulerError):
        fetch_calendar(site.url, allowed=anywhere)

    assert 1 == len(site.asked)


def test_a_huge_body_is_refused_while_it_comes(site):
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65_536)
        except OSError:
            pass

    site.pages["/"] = endless

    with pytest.raises(Forbidden, match="more than 200000 bytes"):
        fetch_calendar(site.url, allowed=anywhere, bounds=Bounds(octets=200_000))


def test_what_is_small_on_the_way_may_not_be_huge_here(site):
    bomb = gzip.compress(bytes(30_000_000))
    site.pages["/"] = 200, {"Content-Encoding": "gzip"}, bomb

    assert len(bomb) < 50_000
    with pytest.raises(Forbidden, match="more than 5000000 bytes"):
        fetch_calendar(site.url, allowed=anywhere)


@pytest.mark.parametrize("headers_too", [True, False])
def test_a_server_that_drips_is_cut_off(site, headers_too):
    def drip(handler: BaseHTTPRequestHandler) -> None:
        if not headers_too:
            handler.send_response(200)
            handler.end_headers()
        try:
            for _ in range(10 * HANG):
                handler.wfile.write(b"x")
                sleep(0.1)
        except OSError:
            pass

    site.pages["/"] = drip
    begun = perf_counter()

    with pytest.raises(Conflict, match="takes too long"):
        fetch_calendar(site.url, allowed=anywhere, bounds=Bounds(overall=0.5))

    assert perf_counter() - begun < HANG / 2  # of the two minutes that it would take


@pytest.mark.parametrize("status", [204, 304, 401, 404, 500])
def test_anything_but_a_calendar_is_an_error(site, status):
    site.pages["/"] = status, {}, b""

    with pytest.raises(Conflict, match=f"127.0.0.1 answered {status}"):
        fetch_calendar(site.url, allowed=anywhere)


def test_an_answer_that_is_no_http_is_an_error(site):
    site.pages["/"] = lambda handler: handler.wfile.write(b"\x00\x01 nonsense\r\n\r\n") and None

    with pytest.raises(Conflict, match="cannot be reached"):
        fetch_calendar(site.url, allowed=anywhere)


def test_a_certificate_that_nobody_vouches_for_is_refused(site):
    with pytest.raises(Conflict, match="cannot be reached"):
        fetch_calendar(site.url.replace("http", "https"), allowed=anywhere)


# Where we do not go

PRIVATE = """
127.0.0.1 127.1.2.3 0.0.0.0 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 100.127.255.255
192.0.0.1 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 fc00::1 fd12:3456::1 fe80::1 ff02::1 2001:db8::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 2002:7f00:1:: 2002:a00:1:: 2001:0:7f00:1::1
fec0::1 feff::1 ::7f00:1 ::a00:1 ::ffff:0:7f00:1 64:ff9b:1::a00:1 5f00::1 4000::1
"""


@pytest.mark.parametrize("address", PRIVATE.split())
def test_an_address_of_somebody_s_own_network_is_not_public(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_an_address_of_anybody_s_is_public(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "0", "localhost"]
)
def test_no_spelling_of_loopback_is_fetched(site, host):
    port = site.url.rpartition(":")[2]

    with pytest.raises((Forbidden, Conflict, Invalid)):
        fetch_calendar(f"http://{host}:{port}/")

    assert [] == site.asked


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/a.ics",
        "file:///etc/passwd",
        "gopher://example.org/",
        "http://",
        "http:///a",
        "https://user:secret@example.org/a.ics",
        "http://example.org:99999/",
        "http://[::1/",
        "http://example.org/a b\r\nX: y",
    ],
)
def test_what_is_no_web_address_is_refused_before_anything_is_asked(url):
    with pytest.raises(Invalid) as refusal:
        fetch_calendar(url)

    assert "\n" not in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_files_and_addresses_are_told_apart():
    assert [True, True, False, False, False] == [
        is_url(source) for source in ("webcal://a.example/b", "ftp://a", "a.ics", r"C:\a.ics", "./http/a.ics")
    ]


def test_a_name_in_cyrillic_letters_is_asked_for_and_vouched_for_as_the_web_spells_it():
    at = fetching._parse("https://бағдарлама.қаз:8443/a.ics")
    connection = fetching._connection(at, "192.0.2.1", Bounds())

    assert "xn--80aaaabt4cj7a96e.xn--80ao21a:8443" == fetching._headers(at)["Host"]
    assert "xn--80aaaabt4cj7a96e.xn--80ao21a" == connection.assert_hostname == connection.server_hostname


def test_the_name_of_a_source_does_not_depend_on_how_it_is_asked_and_gives_no_secret_away():
    names = {make_source_name(f"{scheme}://cal.example/private-token/basic.ics") for scheme in ("https", "webcal")}

    assert 1 == len(names)
    assert "token" not in names.pop()


def test_the_command_refuses_a_private_address_in_one_line(scheduler: Scheduler, site):
    output = scheduler("event", "import", f"{site.url}/secret-token.ics", code=1).output

    assert output.startswith("Error: 127.0.0.1 is not a public address (127.0.0.1)")
    assert "secret-token" not in output
    assert [] == site.asked

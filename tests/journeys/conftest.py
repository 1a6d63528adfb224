"""A real browser, and the pages in a real process on a clock that stands still."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import NOW
from tests.journeys.browsing import chromium
from tests.journeys.processes import serving


@pytest.fixture(scope="package")
def driver() -> Iterator[Any]:
    """One for all browsers of this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the browser's driver, not ours
        from playwright.sync_api import sync_playwright

        with sync_playwright() as started:
            yield started


@pytest.fixture(scope="module")
def browser(driver: Any) -> Iterator[Any]:
    with chromium(driver) as opened:
        yield opened


@pytest.fixture
def page_server(environment: dict[str, str]) -> Iterator[str]:
    """The address of the pages, at NOW."""
    with serving(environment, NOW) as address:
        yield address

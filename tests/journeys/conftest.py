"""A real browser, and the pages in a real process on a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import NOW
from tests.journeys.browsing import chromium, serving


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def page_server(environment: dict[str, str]) -> Iterator[str]:
    """The address of the pages, at NOW."""
    with serving(environment, NOW) as (_, address):
        yield address

"""A real browser, and the pages in a real process on a clock that stands still."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from tests import debian
from tests.conftest import NOW
from tests.journeys.browsing import QUIET, ROOT


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = debian.one_of("chromium", "/usr/bin/chromium", "/usr/bin/chromium-browser")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the browser's driver, not ours
        from playwright.sync_api import sync_playwright

        with sync_playwright() as driver:
            opened = driver.chromium.launch(executable_path=chromium, args=list(QUIET))
            yield opened
            opened.close()


@pytest.fixture
def page_server(environment: dict[str, str]) -> Iterator[str]:
    """The address of the pages, at NOW."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.journeys.page_server", NOW.isoformat()],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.kill()

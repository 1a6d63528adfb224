"""A fifth language comes with two files: pages and letters are in it, from right to left, and fit a phone."""

from __future__ import annotations

import email
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from email import policy
from typing import Any

import pytest

from tests.support import fifth_language
from tests.support.browser import PHONE, fits, fits_smallest, keep, look
from tests.support.fifth_language import LANGUAGE, ROOT, translate

PAGES = {
    "programme": "/ar/",
    "month": "/ar/month/2027-02",
    "event": "/ar/events/opening",
    "register": "/ar/events/opening/register",
    "posts": "/ar/posts",
    "post": "/ar/posts/phuket",
    "booking": "/ar/posts/phuket/book/passport",
    "times": "/ar/posts/phuket/book/passport/time?people=1&documents=1&layout=adjoining",
    "who": "/ar/posts/phuket/book/passport/who?people=1&documents=1&layout=adjoining&at=2027-01-12T09:00",
    "subscribe": "/ar/subscribe",
    "sign-in": "/ar/desk/sign-in",
    "nothing": "/ar/events/nothing",
}
# What no language translates.
NAMES = ["UTC", "iPhone", "iPad", "Mac", "Google", "Microsoft", "Outlook", "com", "Thunderbird", "example", "org"]
# Text of the page in Latin letters; names in another language are marked with it, and codes with their direction.
UNTRANSLATED = """
(names) => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const around = node.parentElement;
    if (around.closest("script, style, noscript, code, kbd, #clock, [dir=ltr]")) continue;
    if (around.closest("[lang]").lang !== "ar") continue;
    const words = node.data.replace(/\\u2066.*?\\u2069/g, "").match(/[A-Za-z]{3,}/g) || [];
    if (words.some((word) => !names.includes(word))) found.push(node.data.trim());
  }
  return found;
}
"""


WRITTEN = "[document.documentElement.lang, getComputedStyle(document.body).direction]"


@pytest.fixture
def told(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The port of the pages of such a program, and the letters that it sent."""
    folder = tmp_path_factory.mktemp("fifth")
    fifth_language.add_to_copy(folder)
    given = {**os.environ, **environment, "SCHEDULER_HOUSE": translate("Embassy"), "SCHEDULER_MAIL_URL": ""}
    given["PYTHONPATH"] = os.pathsep.join([str(folder), str(ROOT)])
    command = [sys.executable, "-m", "tests.support.fifth_language"]
    with subprocess.Popen(command, cwd=folder, env=given, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield json.loads(process.stdout.readline())
        process.kill()


@pytest.mark.parametrize("engine", ["sqlite"])
def test_two_files_add_a_language_from_right_to_left_that_is_whole_and_fits_a_phone(told, browser):
    page = look(browser, PHONE)

    for name, path in PAGES.items():
        page.goto(f"http://127.0.0.1:{told['port']}{path}")
        keep(page, f"fifth-{name}")

        assert [LANGUAGE, "rtl"] == page.evaluate(WRITTEN)
        assert [] == page.evaluate(UNTRANSLATED, NAMES), name
        assert fits(page, PHONE), name
        assert fits_smallest(page, PHONE), name

    (letter,) = (email.message_from_string(one, policy=policy.default) for one in told["letters"])
    page.set_content(letter.get_body(("html",)).get_content())
    keep(page, "fifth-letter")

    assert 'dir="rtl"' in page.content()
    assert [] == page.evaluate(UNTRANSLATED, NAMES)
    assert fits(page, PHONE)

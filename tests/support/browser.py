"""Looking at pages as a reader does.

With PICTURES=1 in the environment, pictures of what was seen are kept in build/screenshots: taking them costs as
much as loading the pages.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from scheduler.base.resources import BUNDLED_WEB, STATIC
from scheduler.services.events.attendance import passes
from tests.support.machine import HANG, one_of

ROOT = Path(__file__).parent.parent.parent
PICTURES = ROOT / "build" / "screenshots"
JUDGES = ROOT / "tests" / "judges"
# The shell lays out and runs what Chromium does, without its windows, which take more than half of its time.
BROWSERS = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium", "/usr/bin/chromium-browser")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
# A page that is looked at once gains nothing from scripts that are compiled to be fast, and little from a small heap.
BRIEF = "--js-flags=--no-opt --no-maglev --no-flush-bytecode --min-semi-space-size=64 --max-semi-space-size=64"
PHONE, SMALL, DESKTOP = (390, 844), (320, 640), (1200, 900)
LANGUAGES = ("en", "kk", "ru", "th")
# Each width and light with two of the languages, so that each language is seen, and both sorts of letters in each.
WIDTHS = [("light", PHONE, ("en", "th")), ("dark", DESKTOP, ("kk", "ru"))]
TITLES = {
    "en": "Opening of “Astana: the smart capital”",
    "kk": "«Астана: ақылды елорда» көрмесінің ашылуы",
    "ru": "Открытие выставки «Астана: умная столица»",
    "th": "พิธีเปิดนิทรรศการ “อัสตานา: เมืองหลวงอัจฉริยะ”",
}


@contextmanager
def chromium(driver: Any, *options: str) -> Iterator[Any]:
    path = one_of("chromium-headless-shell", *BROWSERS)
    opened = driver.chromium.launch(executable_path=path, args=[*QUIET, BRIEF, *options])
    yield opened
    opened.close()


def look(browser: Any, size: tuple[int, int] = DESKTOP, **given: Any) -> Any:
    """A page that keeps what a policy refused or went wrong in a script: ``assert [] == page.complaints``."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **given)
    context.set_default_timeout(1000 * HANG)
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    return page


def keep(page: Any, name: str) -> None:
    """Keep a picture of the page, if anybody wants pictures."""
    if os.environ.get("PICTURES"):
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def press(button: Any) -> None:
    """Click a button or link, and wait for the page that answers it."""
    with button.page.expect_navigation():
        button.click()


# Both say what breaks a rule; what breaks none stays in the browser, because handing it over takes long.
AXE = """
    axe.run({resultTypes: ["violations"]}).then(
      (found) => found.violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html}`)))
"""
CODE_SNIFFER = """
    new Promise((done) => HTMLCS.process("WCAG2AA", document, () => done(
      HTMLCS.getMessages().filter((one) => one.type === HTMLCS.ERROR).map(
        (one) => `${one.code}: ${one.msg} ${(one.element.outerHTML || "the page").slice(0, 300)}`))))
"""


def violations(page: Any) -> list[str]:
    """Return what breaks a rule by one of two judges: axe, and HTML_CodeSniffer as pa11y brings and asks it."""
    from axe_playwright_python.base import AXE_SCRIPT

    page.evaluate(AXE_SCRIPT)
    page.evaluate(_read_code_sniffer())
    return [*page.evaluate(AXE), *page.evaluate(CODE_SNIFFER)]


@cache
def _read_code_sniffer() -> str:
    file = JUDGES / "node_modules" / "@pa11y" / "html_codesniffer" / "build" / "HTMLCS.js"
    assert file.is_file(), "HTML_CodeSniffer is missing: npm ci --ignore-scripts --prefix tests/judges"
    return file.read_text(encoding="utf-8")


def fits(page: Any, size: tuple[int, int]) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth") <= size[0])


def fits_smallest(page: Any, size: tuple[int, int]) -> bool:
    """Whether the page fits on the smallest screen, too; it is shown in its own size again."""
    page.set_viewport_size({"width": SMALL[0], "height": SMALL[1]})
    fitting = fits(page, SMALL)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    return fitting


def see_if(script: bool, page: Any, size: tuple[int, int], name: str) -> None:
    """Without JavaScript there is nothing to ask the page with: it is only kept."""
    if script:
        see(page, size, name)
    else:
        keep(page, name)


def see(page: Any, size: tuple[int, int], name: str, *, rules: bool = True) -> None:
    """What is on the screen is kept, breaks no rule and fits; ``rules`` are not asked of a page like one before."""
    keep(page, name)
    assert not rules or [] == violations(page), name
    assert fits(page, size), name


def camera(film):
    """What makes a browser take a film for what its camera sees."""
    return (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    )


def filmed(given, width=640, height=480, dot=8):
    """The code on grey paper, as two frames of bare video (YUV4MPEG2)."""
    rows = [b"".join(bytes([one]) * dot for one in row) for row in passes.draw_code(given) for _ in range(dot)]
    top, left = (height - len(rows)) // 2, (width - len(rows[0])) // 2
    bright = bytearray(b"\x90" * (width * height))
    for number, row in enumerate(rows, top):
        start = number * width + left
        bright[start : start + len(row)] = row.replace(b"\xff", b"\xeb").replace(b"\x00", b"\x10")
    colours = b"\x80" * (width * height // 2)
    frame = b"FRAME\n" + bytes(bright) + colours
    return f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420jpeg\n".encode() + 2 * frame


# Fonts

FACE = re.compile(r"url\((fonts/(noto-\w+)-[\w-]+\.woff2)\).*?unicode-range: ([^;]+);")


@cache
def faces() -> list[tuple[Path, str, list[range]]]:
    found = FACE.findall(Path(STATIC, "look.css").read_text())
    folder = Path(BUNDLED_WEB)
    return [(folder / file, family, [_range(part) for part in ranges.split(",")]) for file, family, ranges in found]


def covering(letter: str) -> set[str]:
    """The families that have this letter."""
    return {family for _, family, ranges in faces() if any(ord(letter) in one for one in ranges)}


def weight(page: str) -> int:
    """The bytes of every file that a page could make a browser fetch, in both families."""
    letters = {ord(letter) for letter in page}
    used = {file for file, _, ranges in faces() if any(letters.intersection(one) for one in ranges)}
    return sum(file.stat().st_size for file in used)


def _range(part: str) -> range:
    first, _, last = part.strip().removeprefix("U+").partition("-")
    return range(int(first, 16), int(last or first, 16) + 1)

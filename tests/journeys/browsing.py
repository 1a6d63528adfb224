"""Looking at pages as a reader does. Pictures of what was seen are kept in build/screenshots."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import debian

ROOT = Path(__file__).parent.parent.parent
PICTURES = ROOT / "build" / "screenshots"
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
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
    path = debian.one_of("chromium", "/usr/bin/chromium", "/usr/bin/chromium-browser")
    opened = driver.chromium.launch(executable_path=path, args=[*QUIET, *options])
    yield opened
    opened.close()


def look(browser: Any, size: tuple[int, int] = DESKTOP, **given: Any) -> Any:
    """A page that keeps what a policy refused or went wrong in a script: ``assert [] == page.complaints``."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **given)
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    return page


def keep(page: Any, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def violations(page: Any) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html']}" for one in found for node in one["nodes"]]


def fits(page: Any, size: tuple[int, int]) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth") <= size[0])


def see_if(script: bool, page: Any, size: tuple[int, int], name: str) -> None:
    """Without JavaScript there is nothing to ask the page with: it is only kept."""
    if script:
        see(page, size, name)
    else:
        keep(page, name)


def see(page: Any, size: tuple[int, int], name: str) -> None:
    """What is on the screen is kept, breaks no rule and fits."""
    keep(page, name)
    assert [] == violations(page), name
    assert fits(page, size), name

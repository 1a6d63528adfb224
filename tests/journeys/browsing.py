"""Looking at pages as a reader does. Pictures of what was seen are kept in build/screenshots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
PICTURES = ROOT / "build" / "screenshots"
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
PHONE, SMALL, DESKTOP = (390, 844), (320, 640), (1200, 900)
LANGUAGES = ("en", "kk", "ru", "th")


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


def see(page: Any, size: tuple[int, int], name: str) -> None:
    """What is on the screen is kept, breaks no rule and fits."""
    keep(page, name)
    assert [] == violations(page), name
    assert fits(page, size), name

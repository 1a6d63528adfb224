"""The hand of somebody at a page: what it presses is counted, and how many letters it types.

    hand = Hand(page, Way.KEYBOARD)
    hand.type(page.locator("#title"), "Reception")
    hand.follow(page.locator("main .button.first"))
    assert 3 >= hand.presses

The same steps go with a pointer, with the keyboard alone (Tab leads to what is pressed), and where scripts are off.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

from tests.support.browser import fits, keep, violations

MOST_TABS = 400
FOCUSED = "one => one === document.activeElement"
# Typed with keys that differ from one setting of the browser to the next: filled as a whole.
PICKERS = ("date", "time", "datetime-local", "month")


class Way(StrEnum):
    """How somebody works."""

    POINTER = "pointer"
    KEYBOARD = "keyboard"
    NO_SCRIPT = "no script"

    @property
    def scripts(self) -> bool:
        """Whether the page can run scripts; without them it cannot be asked anything either."""
        return self is not Way.NO_SCRIPT


class Hand:
    """Presses and types on one page, and counts. Keys pressed together are one press, a click into a field, too."""

    def __init__(self, page: Any, way: Way = Way.POINTER) -> None:
        self.page, self.way = page, way
        self.presses = self.typed = 0

    def press(self, target: Any) -> None:
        """Press a button, a link, a box or one of several circles."""
        self.presses += 1
        if self.way is not Way.KEYBOARD:
            target.click()
            return
        kind = target.get_attribute("type") or ""
        self._reach(target)
        self.page.keyboard.press("Space" if kind in ("checkbox", "radio") else "Enter")

    def follow(self, target: Any) -> None:
        """Press what leads to another page, and wait for that."""
        with self.page.expect_navigation():
            self.press(target)

    def key(self, name: str) -> None:
        """Press a key, such as "n" or "Control+Enter"."""
        self.presses += 1
        self.page.keyboard.press(name)

    def go(self, name: str) -> None:
        """Press a key that leads to another page, and wait for that."""
        with self.page.expect_navigation():
            self.key(name)

    def type(self, field: Any, words: str) -> None:
        """Write into a field in place of what stands there; going into it is a press unless it is the one at hand."""
        self.typed += len(words)
        if not self.way.scripts or not field.evaluate(FOCUSED):
            self.presses += 1
        if self.way is not Way.KEYBOARD or field.get_attribute("type") in PICKERS:
            field.fill(words)
            return
        self._reach(field)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.press("Delete")
        self.page.keyboard.type(words)

    def choose(self, field: Any, value: str) -> None:
        """Take one of what a field offers: two presses, one to open it."""
        self.presses += 2
        if self.way is not Way.KEYBOARD:
            field.select_option(value)
            return
        self._reach(field)
        self.page.keyboard.press("Home")
        for _ in range(field.locator("option").count()):
            if field.input_value() == value:
                return
            self.page.keyboard.press("ArrowDown")
        assert field.input_value() == value, f"{value} is not offered"

    def bring(self, field: Any, file: Path) -> None:
        """Drop a file onto the page."""
        self.presses += 1
        field.set_input_files(file)

    def drag(self, source: Any, target: Any) -> None:
        """Drag one thing onto another, with a pointer."""
        self.presses += 1
        source.drag_to(target)

    def judge(self, size: tuple[int, int], name: str) -> None:
        """Let two judges look at the page, which also fits; once, because it is the same page for every way."""
        keep(self.page, name)
        if self.way is Way.POINTER:
            faults = violations(self.page)
            assert not faults, "\n".join((name, *faults))
        if self.way.scripts:
            assert fits(self.page, size), name
            assert [] == self.page.complaints, name

    def _reach(self, target: Any) -> None:
        """Walk to an element with Tab; among circles of one name the arrows lead on."""
        kind, name = target.get_attribute("type"), target.get_attribute("name")
        group = self.page.locator(f'input[type=radio][name="{name}"]') if kind == "radio" else target
        goals = [one.element_handle() for one in group.all()]
        for key, reached in (("Tab", goals), ("ArrowDown", [target.element_handle()])):
            for _ in range(MOST_TABS):
                if any(one.evaluate(FOCUSED) for one in reached):
                    break
                self.page.keyboard.press(key)
        assert target.evaluate(FOCUSED), f"the keyboard does not lead to {target}"

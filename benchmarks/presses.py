"""Presses and seconds of ten jobs of an officer, in a browser and in the shell; and how soon a full month is there.

A press is a click, a drag, a key or keys pressed together, or a file dropped; letters that are typed are counted
apart. Seconds are those of the machine, without anybody thinking: in the browser from the first press to the page
that shows it done, in the shell those of the commands, each a process of its own. Each job begins on the same
planned season, in the browser on the page where an officer would think of it.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from benchmarks import common, desk_data
from scheduler.app import App
from scheduler.base import config
from scheduler.base.clock import ManualClock
from scheduler.model.accounts import AccountRole
from tests.support.accounts import KEPT, PASSWORD, an_account
from tests.support.browser import chromium, look
from tests.support.builders import NOW
from tests.support.hand import Hand
from tests.support.instance import settings_of
from tests.support.officer_season import DINNER, GOVERNOR, OFFICER, OPENING, put_season
from tests.support.servers import serving

COMMAND = """
import sys
from datetime import datetime
from scheduler.base.clock import ManualClock
from scheduler.cli.kit.context import CommandContext
from scheduler.cli.root import root
context = CommandContext(clock=ManualClock(datetime.fromisoformat(sys.argv[1])))
root.main(sys.argv[2:], prog_name="scheduler", obj=context)
"""
FIRST = "main .button.first"
MONTH, EVENT = "?at=2027-02-02", f"/events/{OPENING}"
BUSY_DAY, FREE_DAY = "2027-02-03", "2027-02-09"  # of the hall of the opening
LIST = "guests.csv"
HEADINGS = ("", "presses", "typed", "seconds", "commands", "typed", "seconds")
# What the browser says of a page: milliseconds from the press that leads to it.
HTML_READ, SCRIPTS_RUN = "domInteractive", "domContentLoadedEventEnd"
GRID = ".hours .ec-event"


def _nothing(hand: Hand) -> None:
    """Begin on the page as it is."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job: the page on which it begins, what is pressed there, and the commands that do the same."""

    name: str
    page: str
    act: Callable[[Hand], None]
    commands: Sequence[str]
    begin: Callable[[Hand], None] = _nothing


def main() -> None:
    given = common.arguments(__doc__, rounds=5)
    rows = []
    for job in JOBS:
        with _season() as environment:
            browsed = _browse(job, environment)
        with _season() as environment:
            rows.append((job.name, *browsed, *_run(job, environment)))
    common.show("ten jobs: in the browser, in the shell", HEADINGS, rows)
    events = int(desk_data.EVENTS * given.scale)
    common.show(
        f"a month of {desk_data.EVENTS_A_MONTH} of {events} events, milliseconds",
        ("", "HTML read", "scripts run", "everything shown"),
        _measure_calendar(given.scale, given.rounds),
    )


# A job


@contextmanager
def _instance(fill: Callable[[App], None]) -> Iterator[dict[str, str]]:
    """Yield the settings for a database of its own that was filled so, in a directory with a list of guests."""
    with common.databases("sqlite") as fresh, TemporaryDirectory(prefix="benchmark-") as directory:
        environment = settings_of(common.url_of(fresh()), Path(directory))
        app = App.open(config.load_settings(environment), ManualClock(NOW))
        fill(app)
        app.close()
        new = [f"Guest {number},guest{number}@example.org" for number in range(20)]
        Path(directory, LIST).write_text("\n".join(("Full name,E-mail", "Silent 0,another@example.org", *new)))
        yield {**environment, "PLACE": directory}


def _season() -> Any:
    return _instance(put_season)


def _browse(job: Job, environment: dict[str, str]) -> tuple[int, int, float]:
    """Return the presses, the letters typed and the seconds of a job in the browser."""
    from playwright.sync_api import sync_playwright

    with serving(environment, NOW) as address, sync_playwright() as driver, chromium(driver) as browser:
        hand = Hand(_sign_in(browser, address))
        hand.page.place = Path(environment["PLACE"])
        hand.page.goto(f"{address}/en/desk{job.page}")
        job.begin(hand)
        hand.presses = hand.typed = 0
        start = perf_counter()
        job.act(hand)
        took = perf_counter() - start
        assert not hand.page.complaints, f"{job.name}: {hand.page.complaints}"
        return hand.presses, hand.typed, took


def _sign_in(browser: Any, address: str) -> Any:
    """Return a page on which the officer has just signed in."""
    page = look(browser)
    page.goto(f"{address}/en/desk")
    page.locator("#name").fill(OFFICER)
    page.locator("#password").fill(PASSWORD)
    with page.expect_navigation():
        page.locator(FIRST).click()
    return page


def _run(job: Job, environment: dict[str, str]) -> tuple[int, int, float]:
    """Return the number of commands of a job, the letters of them and their seconds."""
    start = perf_counter()
    for command in job.commands:
        words = [sys.executable, "-c", COMMAND, NOW.isoformat(), *shlex.split(command)]
        done = subprocess.run(
            words,
            cwd=environment["PLACE"],
            env={**os.environ, "PYTHONPATH": str(Path.cwd()), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout.decode()}{done.stderr.decode()}"
    typed = sum(len(f"scheduler {command}\n") for command in job.commands)
    return len(job.commands), typed, perf_counter() - start


def _expect(hand: Hand, selector: str) -> None:
    """Wait for what shows that a job is done."""
    hand.page.locator(selector).filter(visible=True).first.wait_for()


def _visible(hand: Hand, selector: str) -> Any:
    return hand.page.locator(selector).filter(visible=True).first


# What is pressed


def _plan(hand: Hand) -> None:
    hand.follow(_visible(hand, f'[data-day="{FREE_DAY}"] .n a'))
    hand.type(hand.page.locator("#new-title"), "Reception")
    hand.go("Enter")
    assert "/events/reception/plan" in hand.page.url


def _drag(hand: Hand) -> None:
    with hand.page.expect_navigation():
        hand.drag(_visible(hand, f'li[data-event="{OPENING}"] .hour'), _visible(hand, f'[data-day="{FREE_DAY}"] .n'))


def _move(hand: Hand) -> None:
    _drag(hand)
    hand.go("Control+Enter")
    _expect(hand, 'form[action$="/take-back"]')


def _find(hand: Hand) -> None:
    hand.key("/")
    hand.type(_visible(hand, "input[type=search][name=q]"), GOVERNOR["th"])
    hand.go("Enter")
    _expect(hand, 'main a[href*="/desk/people/"]')


def _list_silent(hand: Hand) -> None:
    hand.follow(_visible(hand, f'main a[href*="/{OPENING}?group=silent"]'))


def _chase(hand: Hand) -> None:
    _list_silent(hand)
    hand.go("c")
    hand.go("Control+Enter")
    _expect(hand, ".done")


def _answer(hand: Hand) -> None:
    hand.press(_visible(hand, "[data-row] th a"))
    _expect(hand, "#panel [name=reply]")
    hand.key("a")
    hand.key("Enter")
    _expect(hand, "#panel .done")


def _bring_in(hand: Hand) -> None:
    with hand.page.expect_navigation():
        hand.bring(hand.page.locator("[data-drop] input[type=file]"), hand.page.place / LIST)
    hand.key("1")
    hand.go("Control+Enter")
    _expect(hand, "main h1")
    assert hand.page.locator("[data-question]").count() == 0


def _announce(hand: Hand) -> None:
    hand.go("m")
    hand.type(hand.page.locator("#day"), "18.2.2027")
    hand.key("Tab")
    hand.type(hand.page.locator("#from"), "19")
    hand.go("Enter")
    hand.go("Control+Enter")
    _expect(hand, 'form[action$="/take-back"]')


def _look_at_move(hand: Hand, day: str) -> None:
    hand.page.locator("#day").fill(day)
    hand.follow(hand.page.locator(FIRST).first)


def _take_other_day(hand: Hand) -> None:
    hand.go("1")
    hand.go("Control+Enter")
    _expect(hand, 'form[action$="/take-back"]')


def _read(hand: Hand) -> None:
    hand.key("r")
    _expect(hand, ".letter")


WHEN = '"9 Feb 2027 18:00"'
JOBS = (
    Job(
        "plan on a day",
        MONTH,
        _plan,
        ["event add reception --kind ceremony --title Reception --first-day 2027-02-09 --hour-to-be-announced"],
    ),
    Job("move and inform", MONTH, _move, [f"event move {OPENING} {WHEN} --yes"]),
    Job("find anything", "", _find, [f"search {GOVERNOR['th']}"]),
    Job("see who has not answered", MONTH, _list_silent, [f"attendee list {OPENING} --no-reply"]),
    Job(
        "ask them all for a reply",
        MONTH,
        _chase,
        [f"attendee list {OPENING} --no-reply", f"attendee chase {OPENING} --yes"],
    ),
    Job(
        "record an answer",
        f"{EVENT}?group=silent",
        _answer,
        [f"attendee list {OPENING} --no-reply", f'attendee answer {OPENING} "#8" accepted --by letter'],
    ),
    Job(
        "bring in a list with one doubtful row",
        EVENT,
        _bring_in,
        [
            f"attendee import {OPENING} {LIST} --dry-run",
            f"attendee import {OPENING} {LIST} --same all --yes",
        ],
    ),
    Job(
        "set an open date",
        f"/events/{DINNER}",
        _announce,
        [f'event announce {DINNER} "18 Feb 2027 19:00" --duration 2h --yes'],
    ),
    Job(
        "take a better day",
        f"{EVENT}/plan/move",
        _take_other_day,
        [f"event other-days {OPENING} {BUSY_DAY}", f'event move {OPENING} "4 Feb 2027 18:00" --yes'],
        begin=lambda hand: _look_at_move(hand, BUSY_DAY),
    ),
    Job(
        "read the e-mails of a move",
        f"{EVENT}/plan/move",
        _read,
        [f"event move {OPENING} {WHEN} --dry-run"],
        begin=lambda hand: _look_at_move(hand, FREE_DAY),
    ),
)


# The calendar


def _measure_calendar(scale: float, rounds: int) -> Iterator[tuple[object, ...]]:
    """Yield, of the month and of the week with its grid, when each is read, can be used, and is whole."""
    from playwright.sync_api import sync_playwright

    def fill(app: App) -> None:
        an_account(app, OFFICER, AccountRole.ADMINISTRATOR, KEPT)
        desk_data.fill(app.db, events=int(desk_data.EVENTS * scale), guests=int(desk_data.GUESTS * scale))

    with (
        _instance(fill) as environment,
        serving(environment, NOW) as address,
        sync_playwright() as driver,
        chromium(driver) as browser,
    ):
        known = _sign_in(browser, address).context.storage_state()
        for name, path, whole in (("month", "desk?at=2027-03-01", "[data-calendar]"), ("week", "desk/week", GRID)):
            taken: dict[str, list[tuple[float, float, float]]] = {"cold": [], "warm": []}
            for _ in range(rounds):
                page = look(browser, storage_state=known)
                for state in taken:
                    taken[state].append(_load(page, f"{address}/en/{path}", whole))
                page.context.close()
            for state, took in taken.items():
                yield f"{name}, {state}", *(median(one) for one in zip(*took, strict=True))


def _load(page: Any, address: str, whole: str) -> tuple[float, float, float]:
    """Return after how many milliseconds a page is read, its scripts have run, and it shows all."""
    page.goto(address, wait_until="load")
    page.locator(whole).first.wait_for()
    now = page.evaluate("performance.now()")
    entry = page.evaluate("performance.getEntriesByType('navigation')[0].toJSON()")
    return entry[HTML_READ], entry[SCRIPTS_RUN], now


if __name__ == "__main__":
    main()

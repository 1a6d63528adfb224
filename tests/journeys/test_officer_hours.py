"""The five hours of an officer, each in a real browser: what is planned, moved, brought in, asked and found again.

Each hour goes through with a pointer, and with the keyboard alone or without scripts; the third has steps of its own
for each way. Over the runs every engine, every language and both widths come by. With OFFICER_HOURS=all each hour
goes through in every combination of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from scheduler.app import App
from scheduler.model.events import Event
from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.model.places import Person
from scheduler.services.common.lookup import get
from tests.conftest import ENGINES
from tests.support.accounts import PASSWORD
from tests.support.browser import DESKTOP, LANGUAGES, PHONE, look
from tests.support.builders import NOW, a_person, attendees_of
from tests.support.hand import Hand, Way
from tests.support.officer_season import (
    CONFIRMED,
    GOVERNOR,
    INVITED,
    OFFICER,
    OPENING,
    OPENS,
    REFERENCE,
    SUBJECT,
    put_season,
)
from tests.support.servers import send_letters

WIDTHS = (DESKTOP, PHONE)
# By hour: how it is gone through besides with a pointer.
OTHER_WAYS = {
    1: (Way.KEYBOARD,),
    2: (Way.NO_SCRIPT,),
    3: (Way.KEYBOARD, Way.NO_SCRIPT),
    4: (Way.NO_SCRIPT,),
    5: (Way.KEYBOARD,),
}
LISTED, DOUBTFUL = 300, 20  # rows of a list that is brought in, and those of them that may mean somebody known
FIRST_NAMES = (
    *("Aida", "Bolat", "Cholpon", "Dmitri", "Elena", "Farida", "Gregor", "Hanna", "Igor", "Jamila"),
    *("Kanat", "Lorenzo", "Mikhail", "Nadira", "Oscar", "Pauline", "Quentin", "Rosa", "Sultan", "Tomoko"),
)
SURNAMES = (
    *("Abenov", "Brandt", "Castellano", "Dulatova", "Eriksson", "Fontaine", "Grishin"),
    *("Halvorsen", "Ismailov", "Jankowski", "Kumar", "Lindgren", "Moreau", "Nakamura"),
)
KNOWN = [f"{name} Zhumabayeva" for name in FIRST_NAMES][:DOUBTFUL]  # people whom the list has with other addresses
SAME, NEW = 1, 2  # the answers to whom a doubtful row means, as they are numbered


class Run(NamedTuple):
    """One run through an hour."""

    engine: str
    language: str
    size: tuple[int, int]
    way: Way

    def __str__(self) -> str:
        return f"{self.engine}-{self.language}-{self.size[0]}-{self.way}".replace(" ", "-")


def list_runs(hour: int) -> list[Run]:
    """List the runs of an hour: one for each of its ways, each hour beginning with another language."""
    if os.environ.get("OFFICER_HOURS") == "all":
        return [Run(*one) for one in product(ENGINES, LANGUAGES, WIDTHS, Way)]
    return [
        Run(ENGINES[number % 2], LANGUAGES[(hour + number) % 4], WIDTHS[(hour + number) // 2 % 2], way)
        for number, way in enumerate((Way.POINTER, *OTHER_WAYS[hour]))
    ]


def runs_of(hour: int) -> pytest.MarkDecorator:
    """Let a test go through an hour in all its runs."""
    runs = list_runs(hour)
    return pytest.mark.parametrize(("engine", "run"), [(run.engine, run) for run in runs], ids=map(str, runs))


@pytest.fixture
def desk(app: App, page_server: str, run: Run) -> str:
    """The address of the desk in the language of the run."""
    put_season(app)
    return f"{page_server}/{run.language}/desk"


@pytest.fixture
def hand(browser, desk: str, run: Run) -> Iterator[Hand]:
    """The hand of the officer, who has just signed in."""
    page = look(browser, run.size, java_script_enabled=run.way.scripts)
    hand = Hand(page, run.way)
    page.goto(desk)
    hand.type(page.locator("#name"), OFFICER)
    hand.type(page.locator("#password"), PASSWORD)
    hand.follow(page.locator("main .button.first"))
    hand.presses = hand.typed = 0
    return hand


@runs_of(1)
def test_the_bangkok_leg_of_a_tour_is_planned_from_nothing(app, hand, desk, run):
    tour = plan(hand, desk, run, "tour", title="Nomads")
    stop = add_part(hand, run, title="Nomads in Bangkok", day="1.3.2027", until="20.3.2027", venue="gallery")
    add_part(hand, run, title="Opening night", day="1.3.2027", **{"from": "18", "to": "20"}, venue="library")
    visit = plan(hand, desk, run, "visit", title="Curators", day="1.3.2027", until="2.3.2027", cities="bangkok")
    add_part(hand, run, title="Breakfast", day="2.3.2027", **{"from": "9.30", "to": "1 h"}, venue="library")

    with app.db.read() as session:
        leg = get(session, Event, stop)
        assert leg.parent
        assert tour == leg.parent.key
        assert ["Opening night"] == [one.title.to(run.language) for one in leg.children]
        assert ["18:00-20:00"] == [f"{one.dtstart:%H:%M}-{one.dtend:%H:%M}" for one in leg.children]
        assert ["09:30-10:30"] == [
            f"{one.dtstart:%H:%M}-{one.dtend:%H:%M}" for one in get(session, Event, visit).children
        ]


@runs_of(2)
def test_a_ceremony_is_moved_with_its_consequences(app, environment, hand, desk, run):
    page = hand.page
    page.goto(f"{desk}/events/{OPENING}/plan/move")
    hand.type(page.locator("#day"), f"{OPENS + timedelta(days=1):%Y-%m-%d}")
    hand.follow(page.locator("main .button.first"))

    assert 1 == page.locator(".stands li").count()  # the concert, in the same hall at the same hour
    assert_others(page, day=OPENS.day + 1)
    hand.judge(run.size, f"consequences.{run}")
    hand.follow(page.locator("[name=other_day]").first)
    assert 0 == page.locator(".stands li").count()
    shown = int(page.locator("h2:has(+ .tally) b").inner_text())
    hand.follow(page.locator("[name=sure][value=inform]"))
    hand.judge(run.size, f"moved.{run}")
    assert OPENS != read_start(app)
    assert shown == count_news(app, Letter.outcome.is_(None)) == 1 + CONFIRMED + INVITED

    page.goto(f"{desk}/events/{OPENING}/plan/take-back")
    hand.follow(page.locator("main .button.first"))
    hand.follow(page.locator("[name=sure][value=inform]"))
    assert OPENS == read_start(app)
    send_letters(environment, NOW + timedelta(minutes=15))
    assert 0 == count_news(app, Letter.outcome == Outcome.SENT)


def assert_others(page: Any, *, day: int) -> None:
    """Assert that other days are offered, and not this one."""
    others = [one.get_attribute("value") for one in page.locator("[name=other_day]").all()]
    assert others
    assert not [one for one in others if one.startswith(f"2027-02-{day:02}")]


def read_start(app: App) -> datetime:
    with app.db.read() as session:
        start = get(session, Event, OPENING).dtstart
    assert start
    return start


def count_news(app: App, condition: sa.ColumnElement[bool]) -> int:
    """Return of how many e-mails about another time this is true."""
    news = sa.select(sa.func.count(Letter.id)).where(Letter.kind == LetterKind.MOVED, condition)
    with app.db.read() as session:
        return session.scalars(news).one()


@runs_of(3)
def test_three_hundred_guests_are_brought_in_with_twenty_doubtful(app, tmp_path, hand, desk, run):
    page, before = hand.page, count_guests(app)
    with app.db.write() as session:
        for name in KNOWN:
            a_person(session, name=name)
    page.goto(f"{desk}/events/{OPENING}")
    hand.follow(page.locator('main a[href$="/import"]'))
    hand.judge(run.size, f"import.{run}")
    bring_in(hand, write_list(tmp_path / "guests.csv"))
    questions = page.locator("[data-question]")
    assert DOUBTFUL == questions.count()
    hand.judge(run.size, f"decide.{run}")
    for number in range(DOUBTFUL):
        decide(hand, questions.nth(number), SAME if number % 4 else NEW)
    finish(hand)

    assert hand.presses <= DOUBTFUL + 4
    hand.judge(run.size, f"brought-in.{run}")
    assert before + LISTED == count_guests(app)
    with app.db.read() as session:
        called = [name.to("en") for name in session.scalars(sa.select(Person.name))]
    assert DOUBTFUL + DOUBTFUL // 4 == sum(name in KNOWN for name in called)


def write_list(file: Path) -> Path:
    """Write a list of guests: the last of them are called as people who are known, with other addresses."""
    new = [" ".join(one) for one in product(FIRST_NAMES, SURNAMES)][: LISTED - DOUBTFUL]
    rows = [f"{name},row{row}@example.org" for row, name in enumerate((*new, *KNOWN))]
    file.write_text("\n".join(("Full name,E-mail", *rows)))
    return file


def bring_in(hand: Hand, file: Path) -> None:
    """Drop the file onto the page; without scripts a button sends it."""
    field = hand.page.locator("#file")
    if not hand.way.scripts:
        hand.bring(field, file)
        hand.follow(hand.page.locator(".acts .button.first"))
        return
    with hand.page.expect_navigation():
        hand.bring(field, file)


def decide(hand: Hand, question: Any, answer: int) -> None:
    """Answer a question about a doubtful row: with a digit, or by pressing one of its circles."""
    if hand.way is Way.KEYBOARD:
        hand.key(str(answer))
    else:
        hand.press(question.locator("input[type=radio]").nth(answer - 1))


def finish(hand: Hand) -> None:
    """Do what the page is for: its filled button has a key."""
    if hand.way is Way.KEYBOARD:
        hand.go("Control+Enter")
    else:
        hand.follow(hand.page.locator(".acts .button.first"))


def count_guests(app: App) -> int:
    with app.db.read() as session:
        return len(attendees_of(session, OPENING))


@runs_of(4)
def test_who_is_coming_and_who_has_not_answered_takes_two_presses(hand, desk, run):
    page = hand.page
    page.goto(f"{desk}?at={OPENS:%Y-%m-%d}")
    hand.judge(run.size, f"calendar.{run}")

    hand.follow(visible(page, f'main a[href*="/events/{OPENING}"]'))
    assert f"{CONFIRMED + 1}" == page.inner_text('.numbers a[href*="coming"] b')
    assert f"{INVITED}" == page.inner_text('.numbers a[href*="silent"] b')
    hand.follow(page.locator('.numbers a[href*="silent"]'))

    assert 2 == hand.presses
    assert [f"Silent {number}" for number in range(INVITED)] == sorted(
        page.locator("[data-row] th a").all_inner_texts()
    )
    hand.judge(run.size, f"unanswered.{run}")


@runs_of(5)
def test_last_years_e_mail_to_the_governor_is_found_with_its_answer(hand, desk, run):
    page = hand.page
    page.goto(desk)
    hand.follow(visible(page, 'header a[href$="/desk/letters"]'))
    hand.type(page.locator("#who"), GOVERNOR["th"])
    hand.go("Enter")
    hand.judge(run.size, f"found.{run}")
    hand.follow(page.locator("[data-row] th a").first)

    assert SUBJECT in page.inner_text(".subject")
    assert REFERENCE in page.inner_text("aside")
    assert hand.presses <= 4
    hand.judge(run.size, f"answer.{run}")


def visible(page: Any, selector: str) -> Any:
    """Return the first that can be seen of those that a selector finds."""
    return page.locator(selector).filter(visible=True).first


def plan(hand: Hand, desk: str, run: Run, kind: str, **said: str) -> str:
    """Plan an event of this kind; return its key."""
    hand.page.goto(f"{desk}/plan/new")
    hand.follow(hand.page.locator(f'main a[href*="kind={kind}"]'))
    return fill_plan(hand, run, **said)


def add_part(hand: Hand, run: Run, **said: str) -> str:
    """Plan a part of the event whose plan is open, and open that of the part; return its key."""
    hand.follow(hand.page.locator('main a[href*="parent="]'))
    return fill_plan(hand, run, **said)


def fill_plan(hand: Hand, run: Run, title: str, **said: str) -> str:
    """Fill in the form of a plan, and send it; return the key of the event."""
    page = hand.page
    hand.type(page.locator(f"#title_{run.language}"), title)
    for name, words in said.items():
        hand.type(page.locator(f"#{name}"), words)
    hand.judge(run.size, f"plan.{run}")
    hand.follow(page.locator(".acts .button.first"))
    hand.judge(run.size, f"planned.{run}")
    return page.url.split("/events/")[1].split("/")[0]

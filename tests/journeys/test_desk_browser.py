"""An officer at the desk: a real browser, the pages in a real process, without a script of the page's own.

With PICTURES=1 in the environment it keeps pictures of what it saw in build/screenshots.
"""

from __future__ import annotations

import re

import pytest

from scheduler.model.accounts import AccountRole
from scheduler.model.attendance import Role
from scheduler.model.events import Mode
from scheduler.services.accounts import accounts
from scheduler.services.accounts.account_drafts import AccountDraft
from scheduler.services.events.attendance import transitions
from tests.support.accounts import KEPT, PASSWORD
from tests.support.browser import DESKTOP, PHONE, TITLES, WIDTHS, fits_smallest, look, press, see
from tests.support.builders import NOW, a_person, a_venue, an_event, invite, register

EVENT = "desk/events/opening"

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def address(app, page_server) -> str:
    with app.db.write() as session:
        _people(session)
    return page_server


def _people(session) -> None:
    hall = a_venue(session, name={"en": "City Library", "ru": "Городская библиотека"})
    event = an_event(session, title=TITLES, venue=hall.key, capacity=4, remote_capacity=50)
    an_event(session, "dinner", title="Dinner for the delegation", visibility="private", dtstart=None)
    minister = a_person(
        session,
        "minister",
        name={"en": "Aizhan Serikova", "kk": "Айжан Серікова", "th": "ไอจัน เซริโควา"},
        courtesy_title={"en": "H.E. Ms"},
        position={"en": "Minister of Culture and Sports"},
        precedence=1,
    )
    transitions.answer(
        session,
        invite(session, event, minister, role=Role.GUEST_OF_HONOUR),
        transitions.Partstat.ACCEPTED,
        by=transitions.Answer.NOTE_VERBALE,
        on=None,
        now=NOW,
    )
    register(session, event, a_person(session, name="สมชาย ใจดี", language="th"), companions=2)
    register(session, event, a_person(session, name="Ольга Петрова", email=None), companions=1)
    register(session, event, mode=Mode.REMOTE)
    invite(
        session,
        event,
        a_person(session, name="Ерлан Қасымов", email="erlan.kassymov.of.the.ministry@culture.example.org"),
    )
    draft = {"name": "aigerim@embassy.example", "called": "Aigerim S.", "language": "en"}
    for name, role in (("aigerim@embassy.example", AccountRole.ADMINISTRATOR), ("door", AccountRole.DOOR)):
        made = accounts.add(session, AccountDraft(**{**draft, "name": name, "role": role}), now=NOW)
        accounts.set_password(session, made, KEPT, now=NOW)


def signed_in(browser, address, size=DESKTOP, name="aigerim@embassy.example", **given):
    page = look(browser, size, **given)
    page.goto(f"{address}/en/desk")
    page.get_by_label("Your sign-in name").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    press(page.get_by_role("button", name="Sign in"))
    return page


PAGES = {
    "overview": "desk",
    "guests": EVENT,
    "guest": f"{EVENT}/guests/1",
    "answer": f"{EVENT}/guests/1/answer",
    "deputy": f"{EVENT}/guests/1/deputy",
    "chase": f"{EVENT}/several/chase?to=5",
    "invite": f"{EVENT}/invite?q=a",
    "import": f"{EVENT}/import",
    "letters": f"{EVENT}/letters",
    "account": "desk/account",
    "accounts": "desk/accounts",
}


@pytest.mark.parametrize(("scheme", "size", "languages"), WIDTHS)
def test_every_page_of_the_desk_is_accessible_and_fits(browser, address, scheme, size, languages):
    page = signed_in(browser, address, size, color_scheme=scheme)

    for language in languages:
        rules = language == languages[0]
        for name, path in PAGES.items():
            page.goto(f"{address}/{language}/{path}")
            assert page.url.endswith(path), page.url
            see(page, size, f"desk-{name}.{language}.{scheme}", rules=rules)
            assert fits_smallest(page, size), path
        page.goto(f"{address}/{language}/{EVENT}/register")
        press(page.locator("main form button"))
        see(page, size, f"desk-register-wrong.{language}.{scheme}", rules=rules)
    press(page.locator("footer form button"))
    for language in languages:
        page.goto(f"{address}/{language}/desk/sign-in")
        press(page.locator("main form button"))
        see(page, size, f"desk-sign-in-wrong.{language}.{scheme}", rules=language == languages[0])
    assert [] == [said for said in page.complaints if "422" not in said]


def test_what_is_seen_rarely_is_accessible_and_fits_as_well(browser, app, address):
    with app.db.write() as session:
        new = accounts.add(
            session,
            AccountDraft(name="new", called="New", language="en", role=AccountRole.VIEWER),
            now=NOW,
        )
        invitation = accounts.invite(session, new, secret=app.secret, now=NOW)
    pages = {
        "set-up": f"desk/set-up/{invitation}",
        "spent": "desk/set-up/1-x",
        "party": f"{EVENT}/guests/2/party",
        "removal": f"{EVENT}/guests/2/removal",
    }

    for scheme, size, languages in WIDTHS:
        page = signed_in(browser, address, size, color_scheme=scheme)
        for language in languages:
            for name, path in pages.items():
                page.goto(f"{address}/{language}/{path}")
                assert page.url.endswith(path), page.url
                see(page, size, f"desk-{name}.{language}.{scheme}", rules=language == languages[0])
        signed_in_as = page.context.cookies()
        for language in languages:
            page.goto(f"{address}/{language}/{pages['party']}")
            page.locator("#companions").fill("2")
            page.context.clear_cookies()
            press(page.locator("main form button"))
            assert "companions" in page.locator("main dl").text_content()
            see(page, size, f"desk-came-back.{language}.{scheme}", rules=language == languages[0])
            page.context.add_cookies(signed_in_as)
        assert [] == [said for said in page.complaints if not re.search("404|401", said)]


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_an_officer_keeps_a_list_without_a_script(browser, app, address, size):
    page = signed_in(browser, address, size, java_script_enabled=False)

    page.goto(f"{address}/en/desk/list?at=2027-02-01")
    press(page.get_by_role("link", name="Opening of"))
    press(page.get_by_role("link", name="Register a guest"))
    page.get_by_label("Full name", exact=True).fill("Aigul Nurlankyzy")
    page.get_by_label("by video link").check()
    press(page.get_by_role("button", name="Register the guest"))
    assert "The guest is on the list." in page.inner_text("main")
    press(page.get_by_role("link", name="Opening of"))
    page.locator("#sift-name").fill("қасымов")
    press(page.get_by_role("button", name="Show"))
    press(page.get_by_role("link", name="Ерлан Қасымов"))
    page.get_by_label("regrets").check()
    page.get_by_label("How was the answer received?").select_option(label="note verbale")
    page.get_by_label("On which day was the answer received?").fill("2027-01-03")
    press(page.get_by_role("button", name="Record an answer"))
    assert "regrets (note verbale, 3 January 2027)" in page.inner_text("main")
    press(page.get_by_role("button", name="Sign out"))

    page.goto(f"{address}/en/{EVENT}")
    assert "/desk/sign-in?next=" in page.url
    assert [] == page.complaints


def test_who_may_not_is_told_in_words(browser, address):
    page = signed_in(browser, address, PHONE, "door")

    page.goto(f"{address}/th/desk/accounts")

    see(page, PHONE, "desk-refused.th.light")
    assert "บัญชีของท่านไม่มีสิทธิ์ทำสิ่งนี้" in page.inner_text("h1")

"""Offers, approval and parties in a real browser, both widths, every language; without JavaScript where it acts.

With PICTURES=1 in the environment it keeps pictures of what it saw in build/screenshots.
"""

from __future__ import annotations

import pytest

from scheduler.model.attendance import Answer
from scheduler.model.events import Mode
from scheduler.services.events.attendance import transitions
from scheduler.services.events.guests import registration
from tests.support.browser import PHONE, SMALL, TITLES, WIDTHS, fits, look, press, see
from tests.support.builders import DAY, NOW, a_person, a_venue, an_event
from tests.support.guest_list import GuestList

ASKS = {"companions_named": True, "companions_most": 3, "asks_access": True, "asks_dietary": True}

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def pages(app, page_server) -> dict[str, str]:
    """The form, and pages of people who are offered a place, wait, have asked for approval, let an offer lapse."""
    with app.db.write() as session:
        hall = a_venue(session, name={"en": "City Library", "ru": "Городская библиотека"})
        given = {"venue": hall.key, "capacity": 2, "remote_capacity": 50, "registration": "public", **ASKS}
        an_event(
            session, title=TITLES, instructions={"en": "Bring a passport.", "th": "โปรดนำหนังสือเดินทางมาด้วย"}, **given
        )
        an_event(session, "hearing", title=TITLES, approval=True, **given)
        a_person(session, "anna", name="Айгүл Нұрланқызы", tz="Europe/Berlin")
    opening, hearing = GuestList(app.db, now=NOW - DAY), GuestList(app.db, "hearing")
    for who in ("first", "lapsed", "anna"):
        opening.register(who, companions=1)
    opening.register("waiting", companions=1)
    opening.withdraw("first")
    opening.lapse(DAY)
    with app.db.write() as session:
        event = hearing._event(session)
        guest = hearing._party(session, "requested", 0, Mode.IN_PERSON, transitions.Role.PARTICIPANT)
        transitions.register(session, event, guest, now=NOW, by=Answer.PAGE)

    def own(guests: GuestList, who: str) -> str:
        return f"{page_server}/en/registration/{registration.make_own_token(guests.row(who), secret=app.secret)}"

    return {
        "form-named": f"{page_server}/en/events/opening/register",
        "own-lapsed": own(opening, "lapsed"),
        "own-offered": own(opening, "anna"),
        "own-waits": own(opening, "waiting"),
        "own-requested": own(hearing, "requested"),
    }


@pytest.mark.parametrize(("scheme", "size", "languages"), WIDTHS)
def test_every_page_is_accessible_in_every_language(browser, pages, scheme, size, languages):
    page = look(browser, size, color_scheme=scheme, timezone_id="Europe/Berlin")

    for language in languages:
        for name, address in pages.items():
            page.goto(address.replace("/en/", f"/{language}/"))
            see(page, size, f"{name}.{language}.{scheme}", rules=language == languages[0])
    page.set_viewport_size({"width": SMALL[0], "height": SMALL[1]})
    for name in ("form-named", "own-offered"):
        page.goto(pages[name].replace("/en/", "/kk/"))
        assert fits(page, SMALL), name
    assert [] == page.complaints


def test_an_offer_is_accepted_and_a_party_named_without_javascript(browser, app, pages):
    page = look(browser, PHONE, java_script_enabled=False)
    page.goto(pages["own-offered"])

    press(page.get_by_role("button", name="Accept the place"))
    assert "Thank you. Your place is confirmed." in page.inner_text("main")
    assert "Bring a passport." in page.inner_text("main")
    page.get_by_label("Who comes with you?").fill("Nurlan\nSomchai Jaidee")
    page.get_by_label("How many people come with you?").fill("")
    page.get_by_label("What should we know about food?").fill("halal")
    press(page.get_by_role("button", name="Save the change"))
    assert "There are not enough places left." in page.inner_text("main")
    assert "Nurlan\nSomchai Jaidee" == page.get_by_label("Who comes with you?").input_value()
    page.get_by_label("Who comes with you?").fill("Nurlan")
    press(page.get_by_role("button", name="Save the change"))
    page.get_by_label("When shall we remind you?").select_option("never")
    press(page.locator("form[action$='/reminders'] button"))

    assert "1: Nurlan" in page.inner_text("main")
    assert "never" == page.get_by_label("When shall we remind you?").input_value()


def test_a_wrong_name_is_reached_from_the_summary_and_what_was_typed_is_kept(browser, pages):
    page = look(browser, PHONE, java_script_enabled=False)
    page.goto(pages["form-named"])
    page.get_by_label("Your name").fill("Anna")
    page.get_by_label("Your e-mail address").fill("anna@example.org")
    page.get_by_label("Who comes with you?").fill("A\nB\nC\nD")
    page.get_by_label("I agree").check()
    press(page.get_by_role("button", name="Ask for a place"))

    page.get_by_role("link", name="Enter at most 3 names, one on each line.").click()

    assert page.url.endswith("#names")
    assert "A\nB\nC\nD" == page.get_by_label("Who comes with you?").input_value()

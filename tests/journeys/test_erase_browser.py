"""Erase oneself, as a visitor does: a real browser, with and without JavaScript, in four languages."""

from __future__ import annotations

import pytest

from scheduler.services.events.guests import registration
from tests.support.browser import DESKTOP, PHONE, SMALL, TITLES, WIDTHS, fits, look, press, see, see_if
from tests.support.builders import a_person, an_event, register

ERASE = {"en": "Erase my data", "kk": "Деректерімді өшіру", "ru": "Удалить мои данные", "th": "ลบข้อมูลของข้าพเจ้า"}

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])


def own_page(app, address, language, key=None) -> str:
    """Of somebody who is registered for two events."""
    with app.db.write() as session:
        who = a_person(session, key, name="Айгүл Нұрланқызы")
        titles = {tag: f"{title} 2" for tag, title in TITLES.items()}
        register(session, an_event(session, "concert", title=titles, registration="public"), who)
        row = register(session, an_event(session, "late", title=TITLES, registration="public"), who)
        return f"{address}/{language}/registration/{registration.make_own_token(row, secret=app.secret)}"


@pytest.mark.parametrize(
    ("language", "scheme", "size", "script"),
    [
        ("kk", "light", DESKTOP, False),
        ("th", "dark", PHONE, True),
    ],
)
def test_a_visitor_sees_what_happens_erases_themselves_and_is_gone(
    browser, app, address, language, scheme, size, script
):
    page = look(browser, size, color_scheme=scheme, java_script_enabled=script)
    own = own_page(app, address, language)
    called = f"erase.{{}}.{language}.{scheme}"
    page.goto(own)

    press(page.get_by_role("link", name=ERASE[language]))
    see_if(script, page, size, called.format("ask"))
    assert TITLES[language] in page.inner_text("main")
    press(page.get_by_role("button", name=ERASE[language]))
    see_if(script, page, size, called.format("done"))

    assert page.url.endswith(f"/{language}/erased")
    assert [] == page.complaints
    assert 404 == page.goto(own).status
    with app.db.read() as session:
        from scheduler.model.attendance import Attendee, Standing

        assert {Standing.WITHDRAWN} == {row.standing for row in session.query(Attendee)}
        assert {None} == {row.person.email for row in session.query(Attendee)}


@pytest.mark.parametrize(("scheme", "size", "languages"), WIDTHS)
def test_every_page_of_erasing_is_accessible_in_every_language(browser, app, address, scheme, size, languages):
    page = look(browser, size, color_scheme=scheme)
    visitors, planned = own_page(app, address, "en"), own_page(app, address, "en", "minister")

    for language in languages:
        for name, where in (("ask", f"{visitors}/erasure"), ("planned", f"{planned}/erasure")):
            page.goto(where.replace("/en/", f"/{language}/"))
            see(page, size, f"erase-{name}.{language}.{scheme}", rules=language == languages[0])
        page.goto(f"{address}/{language}/erased")
        see(page, size, f"erase-done.{language}.{scheme}", rules=language == languages[0])
    assert 0 == page.locator("form[method=post] button").count()
    assert [] == page.complaints


def test_it_fits_on_the_smallest_screen(browser, app, address):
    page = look(browser, SMALL)
    own = own_page(app, address, "en")

    for language in TITLES:
        page.goto(f"{own}/erasure".replace("/en/", f"/{language}/"))
        assert fits(page, SMALL), language

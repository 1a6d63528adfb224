"""What a visitor sees of the fence against floods: nothing, or words; a real browser in four languages."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from scheduler.model.letters import Letter
from scheduler.model.operations import SentForm
from scheduler.web.kit.form_floods import TRIES
from tests.support.browser import DESKTOP, PHONE, WIDTHS, look, press, see
from tests.support.builders import NOW, an_event
from tests.support.machine import until

FORM = "events/opening/register"
SOLVED = "document.querySelector('[name=altcha]').value"

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def address(app, page_server) -> str:
    with app.db.write() as session:
        an_event(session, registration="public")
    return page_server


def fill_in(page, mail="anna@example.org") -> None:
    page.locator("#name").fill("Anna")
    page.locator("#email").fill(mail)
    page.locator("#consent").check()


def send(page) -> None:
    press(page.locator("form[method=post] button"))


def letters(app) -> int:
    with app.db.read() as session:
        return session.scalar(sa.select(sa.func.count(Letter.id)))


def flood(app, forms: int) -> None:
    with app.db.write() as session:
        rows = [{"form": f"{number}", "content": "x", "sent_at": NOW} for number in range(forms)]
        session.execute(sa.insert(SentForm), rows)


def test_the_work_is_done_while_the_visitor_types(browser, app, address):
    page = look(browser, PHONE)
    page.goto(f"{address}/en/{FORM}")

    until(lambda: page.evaluate(SOLVED))
    fill_in(page)
    send(page)

    page.wait_for_url("**/sent")
    assert (1, []) == (letters(app), page.complaints)


def test_who_is_faster_than_the_work_is_told_and_need_not_press_again(browser, app, address):
    flood(app, TRIES[0][0])
    page, held = look(browser, DESKTOP), []
    page.route("**/challenge-worker.js", lambda route: held.append(route))  # the work waits until it is let go on
    page.goto(f"{address}/en/{FORM}")
    fill_in(page)

    said = page.evaluate(
        "() => { const form = document.querySelector('form[method=post]');"
        " form.requestSubmit(form.querySelector('button'));"
        " return [form.querySelector('[role=status]').textContent, form.elements.altcha.value]; }"
    )

    assert ["One moment: your browser is finishing a small calculation, then it sends the form.", ""] == said
    held[0].continue_()
    page.wait_for_url("**/sent")
    assert 1 == letters(app)


def test_what_was_worked_out_for_another_form_is_refused_in_words_and_solved_anew(browser, app, address):
    page = look(browser, PHONE)
    page.goto(f"{address}/en/{FORM}")
    until(lambda: page.evaluate(SOLVED))
    old = page.evaluate(SOLVED)
    page.goto(f"{address}/en/{FORM}")
    until(lambda: page.evaluate(SOLVED))
    fill_in(page)
    page.evaluate("value => { document.querySelector('[name=altcha]').value = value; }", old)
    send(page)

    assert "does not belong to this form" in page.locator(".summary").inner_text()
    assert ("Anna", 0) == (page.locator("#name").input_value(), letters(app))
    until(lambda: page.evaluate(SOLVED))
    send(page)
    page.wait_for_url("**/sent")
    assert 1 == letters(app)


def test_without_script_a_few_are_let_in_then_words_say_what_to_do(browser, app, address):
    page = look(browser, PHONE, java_script_enabled=False)
    for number in range(3):
        page.goto(f"{address}/en/{FORM}")
        fill_in(page, f"{number}@example.org")
        send(page)
        assert page.url.endswith("/sent")

    page.goto(f"{address}/en/{FORM}")
    fill_in(page)
    send(page)

    assert "programme@embassy.example" in page.locator(".summary").inner_text()
    assert "anna@example.org" == page.locator("#email").input_value()
    assert 3 == letters(app)


@pytest.mark.parametrize(("scheme", "size", "languages"), WIDTHS)
def test_the_words_are_accessible_and_fit(browser, app, address, scheme, size, languages):
    page = look(browser, size, color_scheme=scheme)
    page.route("**/challenge.js", lambda route: route.abort())  # as without script, but with what can look
    for number in range(3):
        page.goto(f"{address}/en/{FORM}")
        fill_in(page, f"{number}@example.org")
        send(page)

    for language in languages:
        page.goto(f"{address}/{language}/{FORM}")
        fill_in(page)
        send(page)

        assert "programme@embassy.example" in page.locator(".summary").inner_text()
        see(page, size, f"flooded.{language}.{scheme}", rules=language == languages[0])

"""Floods of forms: limits that all processes share, work for each form, and a narrow way for those without it."""

from __future__ import annotations

import json
import threading
from base64 import b64decode, b64encode
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
import sqlalchemy as sa

from scheduler.model.letters import Letter
from scheduler.model.operations import Hits, SentForm
from scheduler.web.application import create_app
from scheduler.web.kit import form_floods
from scheduler.web.kit.form_floods import Few
from scheduler.web.kit.forms import OPEN_FOR
from scheduler.web.kit.limit_storage import AT_ONCE, DatabaseStorage
from tests.support.builders import an_event
from tests.support.forms import challenge, sealed, solution, solved
from tests.support.instance import pages_of

FORM = "/en/events/opening/register"
TYPED = {"name": "Anna", "email": "anna@example.org", "mode": "in person", "companions": "", "consent": "1"}


@pytest.fixture
def web(app):
    with app.db.write() as session:
        for key in ("opening", "other"):
            an_event(session, key, registration="public")
    return pages_of(app).test_client()


def page(web, form=FORM) -> str:
    return web.get(form).get_data(as_text=True)


def send(web, form=FORM, *, address="127.0.0.1", **typed):
    """Sent as it came, without work, where nothing else is given."""
    given = {**TYPED, **({} if "seal" in typed else sealed(page(web, form))), **typed}
    return web.post(form, data=given, environ_overrides={"REMOTE_ADDR": address})


def text(answer) -> str:
    return unescape(answer.get_data(as_text=True))


def letters(app) -> int:
    with app.db.read() as session:
        return session.scalar(sa.select(sa.func.count(Letter.id)))


# Work


def test_a_solved_form_is_let_in_however_many_come_without(app, web):
    for number in range(40):
        send(web, address=f"10.0.0.{number}", email=f"{number}@example.org")

    assert 422 == send(web, address="10.0.0.99").status_code
    assert 303 == send(web, address="10.0.0.99", **solved(page(web))).status_code


def forged(web) -> dict[str, str]:
    given = solved(page(web))
    payload = json.loads(b64decode(given["altcha"]))
    payload["solution"]["derivedKey"] = "0" * 64
    return {**given, "altcha": encoded(payload)}


def easier(web) -> dict[str, str]:
    """A challenge that somebody made easier for themselves."""
    given = sealed(shown := page(web))
    made = challenge(shown)
    made["parameters"].update(keyPrefix="", cost=1)
    return {**given, "altcha": solution(made)}


def of_another_form(web) -> dict[str, str]:
    return {**sealed(page(web)), "altcha": solved(page(web, "/en/events/other/register"))["altcha"]}


def encoded(payload: object) -> str:
    return b64encode(json.dumps(payload).encode()).decode()


WRONG = {
    "forged": forged,
    "easier": easier,
    "of another form": of_another_form,
    "no base64": lambda web: {**sealed(page(web)), "altcha": "é∞"},
    "no object": lambda web: {**sealed(page(web)), "altcha": encoded(["challenge"])},
    "no challenge": lambda web: {**sealed(page(web)), "altcha": encoded({"challenge": 1, "solution": []})},
    "too deep": lambda web: {**sealed(page(web)), "altcha": b64encode(b"[" * 20_000).decode()},
}


@pytest.mark.parametrize("made", WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_refused_in_words_and_what_was_typed_is_kept(app, web, made):
    answer = send(web, **made(web))

    assert 422 == answer.status_code
    assert "does not belong to this form. Please send the form again." in text(answer)
    assert 'value="anna@example.org"' in text(answer)
    assert 0 == letters(app)
    assert 303 == send(web, **solved(answer.get_data(as_text=True))).status_code


@pytest.mark.both_engines
def test_a_solution_is_good_for_one_form_and_a_second_click_is_the_first(app, web):
    once = solved(page(web))

    first, again, other = send(web, **once), send(web, **once), send(web, **once, email="other@example.org")

    assert [303, 303, 422] == [one.status_code for one in (first, again, other)]
    assert "This form was already sent." in text(other)
    assert 'value="other@example.org"' in text(other)
    assert 1 == letters(app)


@pytest.mark.both_engines
def test_of_ten_who_send_one_solved_form_at_once_each_with_other_words_one_is_let_in(app, web):
    once, statuses = solved(page(web)), []

    def send_as(number: int) -> None:
        client = web.application.test_client()
        given = {**TYPED, **once, "email": f"{number}@example.org"}
        statuses.append(client.post(FORM, data=given).status_code)

    together = [threading.Thread(target=send_as, args=(number,)) for number in range(10)]
    for one in together:
        one.start()
    for one in together:
        one.join()

    assert [303] + [422] * 9 == sorted(statuses)
    assert 1 == letters(app)


def test_a_solution_does_not_last_for_ever(app, web, clock):
    hoarded = solved(page(web))
    clock.advance(form_floods.SOLVED_FOR)

    answer = send(web, **hoarded)

    assert (422, 0) == (answer.status_code, letters(app))
    assert "was open for too long" in text(answer)


def test_what_is_typed_wrongly_uses_nothing_up(app, web):
    wrong = send(web, email="anna", **solved(page(web)))
    for _ in range(5):
        send(web, email="anna")

    assert 422 == wrong.status_code
    assert 303 == send(web).status_code


def tries(web) -> int:
    asked = challenge(page(web))
    counter = json.loads(b64decode(solution(asked)))["solution"]["counter"]
    return next(most for _many, most in reversed(form_floods.TRIES) if counter < most)


def test_the_more_forms_arrive_the_more_work_is_asked_for_each(app, web, clock):
    quiet = tries(web)
    with app.db.write() as session:
        session.execute(
            sa.insert(SentForm),
            [
                {"form": f"{number}", "content": "x", "sent_at": clock.now()}
                for number in range(form_floods.TRIES[0][0])
            ],
        )
    flooded = tries(web)
    clock.advance(timedelta(minutes=1))

    assert (300, 4000, 300) == (quiet, flooded, tries(web))


# Without work


@pytest.mark.both_engines
def test_a_few_are_let_in_without_work_then_words_say_what_to_do(app, web, clock):
    let_in = [send(web, email=f"{number}@example.org").status_code for number in range(3)]
    answer = send(web, email="fourth@example.org")

    assert [303] * 3 == let_in
    assert 422 == answer.status_code
    assert "switch on JavaScript" in text(answer)
    assert "write to programme@embassy.example" in text(answer)
    assert 'value="fourth@example.org"' in text(answer)
    assert 303 == send(web, address="10.0.0.1").status_code
    clock.advance(timedelta(hours=1))
    assert 303 == send(web).status_code


def test_many_addresses_together_get_no_further(app, web, clock):
    answers = [send(web, address=f"10.0.{number}.1", email=f"{number}@example.org") for number in range(35)]

    assert [303] * 30 + [422] * 5 == [one.status_code for one in answers]
    assert 30 == letters(app)
    clock.advance(timedelta(minutes=10))
    assert 303 == send(web, address="10.0.40.1").status_code


@pytest.mark.parametrize("language", ["kk", "ru", "th"])
def test_it_is_said_in_the_language_of_the_form(app, web, language):
    web.application.config["UNSOLVED"] = Few(each=0)

    answer = text(send(web, FORM.replace("en", language, 1)))

    assert "programme@embassy.example" in answer
    assert "switch on JavaScript" not in answer


# Limits


def limited(web, address: str) -> bool:
    return 429 == web.post("/en/registration/x/withdrawal", environ_overrides={"REMOTE_ADDR": address}).status_code


@pytest.mark.both_engines
def test_two_instances_on_one_database_share_a_limit(app, web):
    other = create_app(app).test_client()

    refused = [limited(one, "10.0.0.1") for _ in range(11) for one in (web, other)]

    assert [False] * 20 + [True] * 2 == refused


SAME = {
    "one": ("10.0.0.1", "10.0.0.1", True),
    "two": ("10.0.0.1", "10.0.0.2", False),
    "one network of IPv6": ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
    "two networks of IPv6": ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
    "IPv4 written as IPv6": ("::ffff:10.0.0.1", "10.0.0.1", True),
}


@pytest.mark.parametrize(("one", "other", "same"), SAME.values(), ids=SAME)
def test_a_limit_is_of_one_asker(app, web, one, other, same):
    for _ in range(20):
        limited(web, one)

    assert same == limited(web, other)


@pytest.mark.both_engines
def test_a_window_ends_and_what_is_over_is_swept_a_little_at_a_time(app, clock):
    web = create_app(app).test_client()  # one that has swept nothing yet
    with app.db.write() as session:
        old = [
            {"key": f"{number}", "number": 1, "expires_at": clock.now() - timedelta(days=1)}
            for number in range(2 * AT_ONCE + 5)
        ]
        session.execute(sa.insert(Hits), old)
        session.execute(sa.insert(SentForm), [{"form": "x", "content": "x", "sent_at": clock.now() - OPEN_FOR}])

    left = []
    for _ in range(2):
        limited(web, "10.0.0.1")
        with app.db.read() as session:
            left.append((session.query(Hits).count(), session.query(SentForm).count()))

    assert [(5 + 2, 0), (2, 0)] == left
    for _ in range(20):
        limited(web, "10.0.0.1")
    assert limited(web, "10.0.0.1")
    clock.advance(timedelta(minutes=1))
    assert not limited(web, "10.0.0.1")


@pytest.mark.both_engines
def test_whose_limits_are_kept_is_not_to_be_read_from_the_database(app, web):
    limited(web, "203.0.113.7")
    send(web, address="203.0.113.7")

    with app.db.read() as session:
        kept = str([tuple(row) for row in session.execute(sa.select(Hits.key, Hits.number))])
        sent = str([tuple(row) for row in session.execute(sa.select(SentForm.form, SentForm.content))])

    assert "203.0.113.7" not in kept + sent
    assert "anna" not in kept + sent


@pytest.mark.both_engines
def test_fifty_at_once_are_counted_each(app):
    storage = DatabaseStorage(app=app)
    together = [threading.Thread(target=storage.incr, args=("x", 60)) for _ in range(50)]
    for one in together:
        one.start()
    for one in together:
        one.join()

    assert 50 == storage.get("x")
    assert app.clock.now().timestamp() + 60 == storage.get_expiry("x")
    storage.clear("x")
    assert 0 == storage.get("x")
    storage.incr("y", 60, 2)
    assert (1, True) == (storage.reset(), storage.check())


def test_without_its_database_a_form_is_refused_not_let_through_uncounted(app, web):
    file = Path(app.db.url.database)
    file.unlink()
    file.mkdir()
    app.db.engine.dispose()

    answer = web.post("/en/registration/x/withdrawal")

    assert (503, True) == (answer.status_code, "Retry-After" in answer.headers)

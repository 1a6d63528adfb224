"""E-mails of the whole desk are found and mended; reminders of events and of kinds are set and previewed."""

from __future__ import annotations

import pytest

from scheduler.model.accounts import AccountRole
from scheduler.model.attendance import Reminded
from scheduler.model.events import Event, Kind
from scheduler.model.letters import Letter, Outcome
from scheduler.services.common.lookup import get
from scheduler.worker import delivery
from tests.support.accounts import an_account, seal, sign_in, text
from tests.support.builders import NOW, a_person, an_event, register
from tests.support.instance import pages_of

LETTERS, KINDS = "/en/desk/letters", "/en/desk/reminders"
EVENT = "/en/desk/events/opening"


@pytest.fixture
def web(app):
    with app.db.write() as session:
        event = an_event(session, kind=Kind.CEREMONY, reminders=({"before": "1 day"},))
        register(session, event, a_person(session, name="Ann", email="ann@exmaple.org"))
        register(session, event, a_person(session, name="Иван Петров", email=None, telephone="+77010000000"))
        register(session, event, a_person(session, name="Never", tz="Asia/Almaty")).reminded = Reminded.NEVER
    delivery.deliver(app)
    an_account(app)
    client = pages_of(app).test_client()
    sign_in(client)
    return client


def fail(app):
    with app.db.write() as session:
        letter = session.get_one(Letter, 1)
        letter.outcome, letter.reason, letter.finished_at = Outcome.FAILED, "no such mailbox", NOW


def post(web, page, act=None, **typed):
    return web.post(act or page, data={"csrf_token": seal(web, page), **typed})


def reminders(app) -> set[tuple[str, str]]:
    with app.db.read() as session:
        return {(str(one.before), str(one.audience)) for one in get(session, Event, "opening").reminders}


# E-mails of the desk


def test_what_did_not_arrive_is_what_the_page_opens_with(app, web):
    assert "Иван" in text(web.get(LETTERS))
    assert "ann@exmaple.org" not in text(web.get(LETTERS))
    fail(app)

    opened = text(web.get(LETTERS))

    assert "ann@exmaple.org" in opened
    assert "no such mailbox" in opened
    assert "Never" not in opened
    assert "Never" in text(web.get(f"{LETTERS}?state=sent"))


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("who=ivan", {"Иван"}),
        ("who=ann@exmaple.org", {"Ann"}),
        ("event=opening&state=sent", {"Ann", "Never"}),
        ("event=Opening&state=sent", {"Ann", "Never"}),
        ("event=xyzzy", set()),
        ("kind=moved", set()),
        ("kind=confirmed&day=2027-01-04", {"Ann", "Иван", "Never"}),
        ("day=2027-01-05", set()),
        ("state=nonsense&who=never&day=nonsense&kind=nonsense", {"Never"}),
    ],
)
def test_e_mails_are_found_by_person_address_event_kind_outcome_and_day(web, asked, names):
    table = text(web.get(f"{LETTERS}?{asked}")).partition("<tbody>")[2]

    assert names == {name for name in ("Ann", "Иван", "Never") if name in table}


def test_ticked_e_mails_are_sent_again_at_once(app, web):
    fail(app)

    assert 422 == post(web, LETTERS, f"{LETTERS}/again").status_code
    assert 404 == post(web, LETTERS, f"{LETTERS}/again", letter_99="yes").status_code
    done = post(web, LETTERS, f"{LETTERS}/again", letter_1="yes", letter_2="yes")

    assert f"{LETTERS}?again=2" == done.location
    assert "E-mails that will be sent again: 2" in text(web.get(done.location))


def test_a_failed_e_mail_is_mended_in_the_form_that_shows_why_it_failed(app, web):
    fail(app)
    page = f"{EVENT}/letters/1"
    shown = text(web.get(page))
    wrong = post(web, page, f"{page}/again", address="nonsense")
    done = post(web, page, f"{page}/again", address="ann@example.org")

    assert "no such mailbox" in shown
    assert 'value="ann@exmaple.org"' in shown
    assert 422 == wrong.status_code
    assert "is not an e-mail address; write it like name@example.org" in text(wrong)
    assert "The e-mail will be sent shortly." in text(web.get(done.location))
    delivery.deliver(app)
    assert "ann@example.org" in text(web.get(page))


def test_who_was_told_by_telephone_is_off_the_list_of_what_did_not_arrive(app, web):
    page = f"{EVENT}/letters/2"
    assert "+77010000000" in text(web.get(page))

    done = post(web, page, f"{page}/informed")

    assert "informed by other means" in text(web.get(done.location))
    assert "Every e-mail has arrived" in text(web.get(LETTERS))
    assert 422 == post(web, page, f"{page}/informed").status_code


def test_the_e_mail_is_shown_as_mail_programs_do_and_nothing_in_it_runs(web):
    answer = web.get(f"{EVENT}/letters/1/page")

    assert "text/html" in answer.content_type
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Ann" in text(answer)


def test_whoever_may_read_no_e_mails_has_no_such_page(app):
    an_account(app, "viewer", AccountRole.VIEWER)
    client = pages_of(app).test_client()
    sign_in(client, "viewer")

    assert [403, 403] == [client.get(page).status_code for page in (LETTERS, KINDS)]


# Reminders


def test_the_reminders_of_an_event_are_shown_with_whom_each_reaches_and_why_not_others(app, web):
    page = text(web.get(f"{EVENT}/reminders"))

    assert "1 day" in page
    assert "1 February 2027, 10:00 (Bangkok)" in page
    assert "wants no reminders" in page
    assert "no e-mail address" in page
    assert "08:00 (Almaty" in page


def test_a_reminder_is_added_replaced_and_removed(app, web):
    page = f"{EVENT}/reminders"
    added = post(web, page, before="2 weeks", audience="staff")
    wrong = post(web, page, before="soon", audience="staff")
    twice = post(web, page, before="14 days", audience="staff")
    assert (303, 422, 422) == (added.status_code, wrong.status_code, twice.status_code)
    assert {("1d", "everyone"), ("2w", "staff")} == reminders(app)

    post(web, page, replace="1d everyone", before="3 days", at="8:00", audience="in person")
    assert {("3d", "in person"), ("2w", "staff")} == reminders(app)
    missed = post(web, page, before="300 days", audience="everyone")
    assert "The time of this reminder has passed" in text(web.get(missed.location))
    post(web, page, remove="300d everyone")
    post(web, page, remove="2w staff")
    assert {("3d", "in person")} == reminders(app)
    assert 422 == post(web, page, remove="2w nobody").status_code


def test_new_events_begin_with_the_reminders_of_their_kind(app, web):
    assert 422 == post(web, KINDS, kind="nonsense", before="1 day", audience="everyone").status_code
    assert 303 == post(web, KINDS, kind="ceremony", before="1 week", audience="everyone").status_code
    assert "1 week" in text(web.get(KINDS))
    with app.db.write() as session:
        begun = an_event(session, "later", kind=Kind.CEREMONY)
        assert ["1w"] == [str(one.before) for one in begun.reminders]

    post(web, KINDS, kind="ceremony", remove="1w everyone")
    assert "1 week" not in text(web.get(KINDS))


def test_what_is_reminded_of_in_the_next_days_is_listed_with_how_many_it_reaches(app, web):
    post(web, f"{EVENT}/reminders", before="4 weeks", audience="everyone")

    coming = text(web.get(KINDS)).partition("<tbody>")[2].partition("</tbody>")[0]

    assert "5 January 2027, 10:00 (Bangkok)" in coming
    assert '<td class="num">1</td>' in coming

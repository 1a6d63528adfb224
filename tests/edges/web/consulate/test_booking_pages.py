"""Visits over HTTP: asked for, confirmed, moved, cancelled; no GET changes anything, strangers learn nothing."""

from __future__ import annotations

import email
import re
from datetime import date, datetime, timedelta
from email import policy
from html import unescape
from pathlib import Path

import pytest
import sqlalchemy as sa

from scheduler.model.events import Event, Status
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.visits import Applicant, Appointment, SlotClaim, VisitStatus
from scheduler.services.consulate.visits import links as visit_links
from scheduler.services.consulate.visits import references
from scheduler.services.consulate.visits.links import VisitPurpose
from scheduler.services.consulate.visits.public_requests import MAX_LETTERS_A_DAY
from scheduler.worker.delivery import deliver
from tests.support.builders import an_event
from tests.support.consulate import MORNING, PASSPORT, Consulate, a_post, wrong_with_cells
from tests.support.forms import solved
from tests.support.instance import pages_of

LANGUAGES = ("en", "kk", "ru", "th")
ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])
POST = "/en/posts/phuket"
SERVICE = f"{POST}/book/passport"
AT = "2027-01-12T09:00"
WHO = f"{SERVICE}/who?people=1&documents=1&layout=adjoining&at={AT}"
LINK = re.compile(r"http://localhost:8000(/\w\w/visits/\S+)")
SEAL = 'name="seal"'
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
COUNTERS = {"1": {"name": "Counter 1"}}


@pytest.fixture
def web(app):
    return pages_of(app).test_client()


@pytest.fixture
def post(app):
    """With one counter; visits made by hand at the hour of the test."""
    plan(app)
    return Consulate(app.db)


def plan(app, **given) -> None:
    with app.db.write() as session:
        a_post(session, **{"counter": COUNTERS, **given})


def text(response) -> str:
    return unescape(response.get_data(as_text=True))


def said(response) -> str:
    """What is read on the page, without what it is marked up with."""
    return " ".join(re.sub(r"<[^>]+>", " ", text(response)).split())


def opened(web, form=WHO) -> dict[str, str]:
    """The seal and the solved challenge of the form, as it was opened while its time was free."""
    pages = (web.get(page).get_data(as_text=True) for page in (form, WHO.replace(AT, "2027-02-24T15:30")))
    return solved(next(page for page in pages if SEAL in page))


def fill(web, form=WHO, fields=None, **typed):
    given = {
        "name-1": "Aliya Serik",
        "document-1": "N12345678",
        "email": "aliya@example.org",
        "telephone": "",
        "consent": "1",
        "at": AT,
    }
    return web.post(form, data={**given, **(fields or opened(web, form)), **typed})


def mails(app) -> list:
    deliver(app)
    files = sorted(
        Path(app.settings.mail_url.removeprefix("file:")).glob("*.eml"), key=lambda one: one.stat().st_mtime_ns
    )
    return [email.message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


def body(mail) -> str:
    return mail.get_body(("plain",)).get_content()


def link(app) -> str:
    return LINK.search(body(mails(app)[-1]))[1]


def booked(app, web, **typed) -> str:
    """Ask and confirm; the address of the page of the visit."""
    fill(web, **typed)
    return web.post(link(app)).headers["Location"].partition("?")[0]


def rows(app) -> list[Appointment]:
    with app.db.read() as session:
        return list(session.scalars(sa.select(Appointment).order_by(Appointment.id)))


def row(app) -> Appointment:
    (only,) = rows(app)
    return only


def kinds(app) -> list[LetterKind]:
    with app.db.read() as session:
        return list(session.scalars(sa.select(Letter.kind).order_by(Letter.id)))


def own_of(app, reference: str, purpose=VisitPurpose.OWN) -> str:
    with app.db.read() as session:
        token = visit_links.make_token(references.get(session, reference), purpose, secret=app.secret)
    return f"/en/{visit_links.PATHS[purpose]}/{token}"


# The journey


def test_a_visit_is_asked_for_confirmed_moved_and_cancelled(app, web, post):
    for page in (POST, f"{POST}/book", SERVICE, f"{SERVICE}/time?people=1&documents=1", WHO):
        assert 200 == web.get(page).status_code, page

    asked = fill(web)
    assert 303 == asked.status_code
    sent = said(web.get(asked.headers["Location"]))
    assert "Tuesday 12 January 2027, 09:00 (Phuket, UTC+7)" in sent
    assert "This time is reserved until 16:15 (Phuket, UTC+7)." in sent
    assert VisitStatus.HELD is row(app).status
    confirming = link(app)
    assert "Aliya Serik" in text(web.get(confirming))
    assert VisitStatus.HELD is row(app).status
    confirmed = web.post(confirming)
    own = confirmed.headers["Location"].partition("?")[0]
    page = said(web.get(confirmed.headers["Location"]))
    assert "Your appointment is booked" in page
    assert row(app).reference in page
    assert "Old passport" in page
    before = row(app)

    assert "10:00" in text(web.get(f"{own}/time?from=2027-01-13"))
    assert "Do you want to move your appointment?" in text(web.get(f"{own}/move?at=2027-01-13T10:00"))
    assert MORNING == row(app).dtstart
    assert 303 == web.post(f"{own}/move", data={"at": "2027-01-13T10:00"}).status_code
    after = row(app)
    assert datetime(2027, 1, 13, 10, 0) == after.dtstart  # noqa: DTZ001 - a wall time
    assert (before.reference, before.uid, before.sequence + 1) == (after.reference, after.uid, after.sequence)

    assert "Do you want to cancel your appointment?" in text(web.get(f"{own}/cancel"))
    assert VisitStatus.CONFIRMED is row(app).status
    assert 303 == web.post(f"{own}/cancel").status_code
    assert VisitStatus.CANCELLED is row(app).status
    assert "Your appointment has been cancelled" in text(web.get(f"{own}?done=cancelled"))
    assert [] == wrong_with_cells(app.db)


@ONE_ENGINE
@pytest.mark.parametrize("language", LANGUAGES)
def test_letters_and_pages_speak_the_language_of_the_form(app, web, post, language):
    form = WHO.replace("/en/", f"/{language}/")

    fill(web, form)

    assert link(app).startswith(f"/{language}/visits/confirm/")
    for page in ("", "/book", "/book/passport", "/book/passport/time", "/book/passport/wait"):
        assert f'<html lang="{language}" dir="ltr">' in text(web.get(f"/{language}/posts/phuket{page}"))


def test_a_family_books_one_after_the_other_or_at_several_counters_at_once(app, web):
    plan(app, counter={**COUNTERS, "2": {"name": "Counter 2"}})
    both = {"name-2": "Bolat Serik", "document-2": "N87654321"}

    form = WHO.replace("people=1&documents=1&layout=adjoining", "people=2&documents=2&layout=parallel")
    fill(web, form, **both)

    visit = row(app)
    assert (2, MORNING + 30 * MINUTE) == (visit.people, visit.dtend)
    with app.db.read() as session:
        assert 4 == session.scalar(sa.select(sa.func.count()).select_from(SlotClaim))


# Choosing a time


@ONE_ENGINE
def test_a_week_opens_at_the_first_free_time_with_the_readers_clock_beside_it(app, web, post):
    web.set_cookie("clock", "Asia/Almaty")

    page = said(web.get(f"{SERVICE}/time"))

    assert "Local time of the consulate: Phuket, UTC+7 ; beside it, your time: Almaty, UTC+5" in page
    assert "4–10 January 2027" in page
    assert "09:00 07:00" in page


REASONS = {
    "a public holiday": ("2027-01-07", "Closed, public holiday: Orthodox Christmas (Kazakhstan)."),
    "one of the other State": ("2027-02-22", "public holiday: Makha Bucha Day (day off in its place) (Thailand)."),
    "a closure": ("2027-01-15", "Closed: Stocktaking"),
    "a day off": ("2027-01-16", "Closed."),
    "too soon": ("2027-01-05", "Too soon: this service is booked at least 1 day in advance."),
    "full": ("2027-01-12", "Fully booked. Wait for a time on this day"),
    "beyond the horizon": ("2027-03-03", "booked at most 57 days in advance. Booking opens: 5 January 2027."),
}


@ONE_ENGINE
@pytest.mark.parametrize(("day", "reason"), REASONS.values(), ids=REASONS)
def test_a_day_without_times_says_why(app, web, post, day, reason):
    plan(app, horizon="57 days")
    post.days(first_day=date(2027, 1, 15), last_day=date(2027, 1, 15), reason="Stocktaking")
    for name, at in (("aliya", 0), ("bolat", 240)):
        post.book(name, MORNING + at * MINUTE, documents=6)

    page = said(web.get(f"{SERVICE}/time?from={day}"))

    assert reason in page


@ONE_ENGINE
def test_a_quota_that_is_spent_is_told(app, web):
    plan(app, service={"passport": {**PASSPORT, "quota": 1}})
    Consulate(app.db).book("bolat", MORNING + 60 * MINUTE)

    page = said(web.get(f"{SERVICE}/time?from=2027-01-12"))

    assert "No more bookings are taken for this service on this day." in page


@ONE_ENGINE
@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("day=2027-01-12&hour=12:30", "This time is in a break"),
        ("day=2027-01-12&hour=18:00", "This time is outside the opening hours"),
        ("day=2027-01-07&hour=10:00", "Orthodox Christmas (Kazakhstan)"),
        ("day=2027-01-03&hour=10:00", "This time has passed."),
        ("day=2027-01-12&hour=09:00", "Fully booked."),
        ("day=2027-01-12&hour=10:00", "This time is free."),
    ],
)
def test_why_a_time_is_not_offered_is_answered_with_the_nearest_that_are(app, web, post, asked, reason):
    post.book("bolat")

    answer = web.get(f"{SERVICE}/why?{asked}")

    assert reason in said(answer)
    assert "who?people=1" in text(answer)


@ONE_ENGINE
def test_nothing_free_leads_to_the_waiting_list(app, web, post):
    post.days(first_day=date(2027, 1, 4), last_day=date(2027, 1, 11), reason="Move")
    post.days(first_day=date(2027, 1, 13), last_day=date(2027, 4, 1), reason="Move")
    for name, at in (("aliya", 0), ("bolat", 240)):
        post.book(name, MORNING + at * MINUTE, documents=6)
    assert "At present no time is free." in text(web.get(f"{SERVICE}/time"))

    assert "12 January 2027" in text(web.get(f"{SERVICE}/wait"))
    wait = f"{SERVICE}/wait/who?people=1&documents=1&layout=adjoining&day=2027-01-12"
    asked = fill(web, wait)
    assert 303 == asked.status_code
    assert "When a time becomes free on one of your days" in text(web.get(asked.headers["Location"]))
    assert VisitStatus.WAITING is rows(app)[-1].status
    own = own_of(app, rows(app)[-1].reference)
    assert "You are on the waiting list." in text(web.get(own))

    post.cancel(rows(app)[0].reference)
    assert VisitStatus.OFFERED is rows(app)[-1].status
    offered = own_of(app, rows(app)[-1].reference, VisitPurpose.CONFIRM)
    assert any(offered in body(mail) for mail in mails(app))
    assert "Accept this time" in text(web.get(offered))
    assert "Your appointment is booked" in text(web.post(offered, follow_redirects=True))
    assert VisitStatus.CONFIRMED is rows(app)[-1].status


@ONE_ENGINE
def test_only_days_that_are_full_can_be_waited_for(app, web, post):
    assert "No day is fully booked" in text(web.get(f"{SERVICE}/wait"))
    assert 422 == web.get(f"{SERVICE}/wait/who?people=1").status_code

    answer = fill(web, f"{SERVICE}/wait/who?day=2027-01-12")

    assert "/time?" in answer.headers["Location"]
    assert [] == rows(app)


# The form


WRONG = {
    "no name": ({"name-1": " "}, "Enter the name, as it is in the document."),
    "two lines of name": ({"name-1": "Aliya\nBcc: all"}, "must be on one line"),
    "a name that turns the text": ({"name-1": "Aliya \u202egnp.exe"}, "has a control character"),
    "300 characters": ({"name-1": "Ә" * 300}, "Enter only a name, of at most 100 characters."),
    "a message for a name": ({"name-1": "You won: https://evil.example"}, "Enter only a name"),
    "a host for a name": ({"name-1": "evil.example"}, "Enter only a name"),
    "a telephone for a name": ({"name-1": "Call 0812345678"}, "Enter only a name"),
    "no document": ({"document-1": ""}, "Enter the number of the document."),
    "too short a document": ({"document-1": "1"}, "as it is printed there"),
    "no address": ({"email": "aliya"}, "Enter an e-mail address, like name@example.org."),
    "a header in the address": ({"email": "a@example.org\nBcc: b@example.org"}, "Enter an e-mail address"),
    "no telephone": ({"telephone": "call me"}, "Enter a telephone number"),
    "no consent": ({"consent": ""}, "without your consent we cannot book for you"),
    "a seal of nobody": ({"seal": "1.2.3"}, "was open for too long"),
}


@pytest.mark.parametrize(("typed", "complaint"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(app, web, post, typed, complaint):
    answer = fill(web, **typed)
    page = text(answer)

    assert 422 == answer.status_code
    assert complaint in page
    assert "Tuple" not in page  # what pydantic finds in its own words
    assert 'role="alert"' in page
    kept = {"email": "aliya@example.org", "telephone": "", **typed}
    assert all(f'value="{kept[name]}"' in page for name in ("email", "telephone"))
    assert [] == rows(app)


@ONE_ENGINE
def test_one_document_for_two_people_is_refused_beside_the_second(app, web, post):
    form = WHO.replace("people=1", "people=2")

    page = text(fill(web, form, **{"name-2": "Bolat", "document-2": "n 123-456-78"}))

    assert re.search(r'id="document-2-wrong".*This number was already entered', page)


@ONE_ENGINE
@pytest.mark.parametrize("name", ["Әйгерім Нұрланқызы Өтеғұлова", "สมชาย ใจดี", "李小龍", "O’Neil-Şahin", "محمد"])
def test_names_of_every_script_are_taken_as_they_are(app, web, post, name):
    own = booked(app, web, **{"name-1": name})

    assert name in text(web.get(own))


@ONE_ENGINE
def test_what_was_typed_is_no_markup(app, web, post):
    page = fill(web, **{"name-1": '"><script>alert(1)</script>', "email": "x"}).get_data(as_text=True)

    assert "<script>alert" not in page


@ONE_ENGINE
def test_a_machine_that_fills_every_field_is_thanked_and_forgotten(app, web, post):
    assert 303 == fill(web, fax="+7 123").status_code
    assert [] == rows(app)


@ONE_ENGINE
@pytest.mark.parametrize("query", ["people=0", "people=7", "people=x", "documents=51", "layout=heap", "people=-1"])
def test_a_party_that_is_none_is_asked_for_again(web, post, query):
    answer = web.get(f"{SERVICE}/time?{query}")

    assert 422 == answer.status_code
    assert 'role="alert"' in text(answer)


@ONE_ENGINE
def test_what_is_not_there_is_not_found(app, web, post):
    for page in ("/en/posts/nowhere", f"{POST}/book/nothing", f"{POST}/book/nothing/time", "/en/posts/a%00b"):
        assert 404 == web.get(page).status_code, page


# Hostile and unlucky clients


FORGED = {
    "past": ("2026-12-01T09:00", "This time has passed."),
    "outside the hours": ("2027-01-12T03:00", "This time is outside the opening hours"),
    "between the cells": ("2027-01-12T09:07", "no appointment begins then"),
    "a holiday": ("2027-01-07T09:00", "Orthodox Christmas"),
    "beyond the horizon": ("2027-06-01T09:00", "Not yet"),
}


@pytest.mark.parametrize(("at", "reason"), FORGED.values(), ids=FORGED)
def test_a_forged_time_is_refused_with_the_reason_and_free_times(app, web, post, at, reason):
    looked = web.get(WHO.replace(AT, at))
    asked = fill(web, at=at)

    for answer in (looked, asked):
        assert 409 == answer.status_code
        assert reason in text(answer)
        assert re.search(r"202\d-\d\d-\d\dT\d\d(:|%3A)\d\d", text(answer))
    assert 'value="aliya@example.org"' in text(asked)
    assert [] == rows(app)


@ONE_ENGINE
@pytest.mark.parametrize("at", ["", "9999-12-31T23:45", "0001-01-01T00:00", "tomorrow", "2027-13-45T99:99", "²"])
def test_what_is_no_time_is_refused(app, web, post, at):
    assert 422 == web.get(WHO.replace(AT, at)).status_code
    assert 400 == fill(web, at=at).status_code
    assert 200 == web.get(f"{SERVICE}/time?from={at[:10]}").status_code
    assert [] == rows(app)


@pytest.mark.both_engines
def test_a_time_that_was_taken_meanwhile_is_told_with_the_next_ones_and_nothing_typed_is_lost(app, web, post):
    fields = opened(web)
    post.book("bolat")

    late = fill(web, fields=fields)

    page = text(late)
    assert 409 == late.status_code
    assert "cannot be booked. Fully booked." in page
    assert all(f'value="{kept}"' in page for kept in ("Aliya Serik", "N12345678", "aliya@example.org"))
    other = re.search(r'type="radio" name="at" value="([^"]+)"', page)[1]
    assert 303 == fill(web, fields=solved(late.get_data(as_text=True)), at=other).status_code
    assert other == f"{rows(app)[-1].dtstart:%Y-%m-%dT%H:%M}"


@pytest.mark.both_engines
def test_a_double_click_is_one_booking_one_letter_and_the_same_page(app, web, post):
    fields = opened(web)

    first, second = fill(web, fields=fields), fill(web, fields=fields)

    assert 303 == first.status_code
    assert 1 == len(rows(app))
    assert [LetterKind.VISIT_CONFIRM] == kinds(app)
    # The time is theirs, and nobody tells them otherwise.
    assert (303, first.headers["Location"]) == (second.status_code, second.headers["Location"])


@pytest.mark.both_engines
def test_who_clicks_twice_on_confirm_or_cancel_finds_it_done(app, web, post):
    fill(web)
    confirming = link(app)

    first, second = web.post(confirming), web.post(confirming)
    own = first.headers["Location"].partition("?")[0]
    assert first.headers["Location"] == second.headers["Location"]
    assert [303, 303] == [web.post(f"{own}/cancel").status_code for _ in range(2)]
    assert 303 == web.get(confirming).status_code
    web.post(confirming)

    assert VisitStatus.CANCELLED is row(app).status
    assert 409 == web.post(f"{own}/move", data={"at": "2027-01-13T10:00"}).status_code


def test_a_link_that_lapsed_books_nothing(app, web, post, clock):
    fill(web)
    confirming = link(app)
    clock.advance(15 * MINUTE)

    answer = web.post(confirming, follow_redirects=True)

    assert "This booking has expired" in text(answer)
    assert 303 == fill(web).status_code
    assert [VisitStatus.LAPSED, VisitStatus.HELD] == [one.status for one in rows(app)]


def test_nobody_reaches_a_visit_by_its_reference_or_with_a_token_of_another_kind(app, web, post):
    reference = post.book("aliya")
    visit = post.row(reference)
    own, calendar = own_of(app, reference), own_of(app, reference, VisitPurpose.CALENDAR)

    for page in (
        f"/en/visits/{reference}",
        f"/en/visits/{visit.id}",
        own[:-1] + ("a" if own[-1] != "a" else "b"),
        calendar.replace("/calendar/", "/"),
        own.replace("/visits/", "/visits/confirm/"),
        own.replace("/visits/", "/visits/calendar/") + ".ics",
        own.replace(f"/{visit.id}-", f"/{visit.id + 1}-"),
    ):
        assert 404 == web.get(page).status_code, page
        assert 404 == web.post(page.replace(".ics", "") + "/cancel").status_code, page
    assert VisitStatus.CONFIRMED is post.status(reference)


OTHERS = {
    "another site": {"Sec-Fetch-Site": "cross-site"},
    "a neighbour": {"Sec-Fetch-Site": "same-site"},
    "an older browser": {"Origin": "https://evil.example"},
}


@ONE_ENGINE
@pytest.mark.parametrize("headers", OTHERS.values(), ids=OTHERS)
def test_a_form_on_another_site_changes_nothing(app, web, post, headers):
    own = own_of(app, post.book("aliya"))

    assert 400 == web.post(f"{own}/cancel", headers=headers).status_code
    assert 400 == web.post(WHO, data=opened(web), headers=headers).status_code
    assert VisitStatus.CONFIRMED is row(app).status


@ONE_ENGINE
def test_floods_are_told_to_wait(app, web, post):
    answers = {web.post(WHO, data={"at": AT}).status_code for _ in range(21)}

    assert {422, 429} == answers


@ONE_ENGINE
def test_pages_of_one_reader_are_kept_nowhere(app, web, post):
    reference = post.book("aliya")
    confirm, own = own_of(app, reference, VisitPurpose.CONFIRM), own_of(app, reference)

    for page in (WHO, own, f"{own}/time", f"{own}/cancel", f"{own}/visit.ics", confirm):
        headers = web.get(page).headers
        assert "private, no-store" == headers["Cache-Control"], page
        assert "no-referrer" == headers["Referrer-Policy"]
        assert "noindex" == headers["X-Robots-Tag"]


# What strangers learn


def test_the_page_says_the_same_whether_a_document_has_a_visit_or_not(app, web, post):
    post.book("owner", MORNING + DAY, "N12345678")
    mails(app)

    known = fill(web, email="stranger@example.org")
    page = web.get(known.headers["Location"])
    later = said(web.get(f"{SERVICE}/time?from=2027-01-12"))
    unknown = fill(web, at="2027-01-12T10:00", **{"document-1": "N99999999", "email": "other@example.org"})

    assert 303 == known.status_code == unknown.status_code
    assert said(page) == said(web.get(unknown.headers["Location"])).replace("10:00", "09:00")
    # Nor do the times tell: it is kept for as long as it would be for them.
    assert "Tue, 12 Jan 09:30" in later.replace("Tuesday, 12 Jan, ", "")
    assert ["owner", "other"] == [one.contact.email.partition("@")[0] for one in _with_contacts(app)]
    written = mails(app)[-2:]
    assert {"owner@example.org", "other@example.org"} == {mail["To"].addresses[0].addr_spec for mail in written}
    told = next(mail for mail in written if "owner@" in mail["To"])
    assert "You already have an appointment" in told["Subject"]
    assert "Somebody has asked on our website for an appointment with the number of your document" in " ".join(
        body(told).split()
    )


def _with_contacts(app):
    with app.db.read() as session:
        found = list(session.scalars(sa.select(Appointment).order_by(Appointment.id)))
        return [one for one in found if one.contact]


@ONE_ENGINE
def test_a_time_that_is_taken_is_refused_alike_with_a_known_document_and_an_unknown_one(app, web, post):
    post.book("owner", MORNING + DAY, "N12345678")
    post.book("bolat")

    known, unknown = fill(web), fill(web, **{"document-1": "N99999999"})

    assert 409 == known.status_code == unknown.status_code


@ONE_ENGINE
def test_neither_times_nor_quota_nor_a_second_click_tell_whether_a_document_has_a_visit(app, web, clock):
    plan(app, counter={"1": {"name": "1"}, "2": {"name": "2"}}, service={"passport": {**PASSPORT, "quota": 2}})
    Consulate(app.db).book("owner", MORNING + 3 * DAY, "N12345678")
    asked = {"N12345678": "2027-01-12T09:00", "N99999999": "2027-01-13T09:00"}

    def seen(document, at):
        """All that is answered to who asks, clicks twice, looks at the times, and asks again; the day left out."""
        day, form = at[:10], WHO.replace(AT, at)
        typed = {"at": at, "document-1": document, "email": f"{document}@example.org"}
        fields = opened(web, form)
        first, second = fill(web, form, fields, **typed), fill(web, form, fields, **typed)
        two = form.replace("documents=1", "documents=2")
        third = fill(web, two, opened(web, form), **typed)
        times = said(web.get(f"{SERVICE}/time?from={day}"))
        column = re.search(rf"{int(day[8:])} Jan (\w+, \d+ Jan, \d\d:\d\d ?)+", times)
        why = said(web.get(f"{SERVICE}/why?people=1&documents=2&day={day}&hour=10:00")).partition("The nearest")[0]
        answers = (first.status_code, second.status_code, third.status_code, first.headers["Location"], column, why)
        return [
            re.sub(r"(Tue|Wed)\w*|(?<!\d)1[23](?=[T ,.])", "", str(one and one[0] if one is column else one))
            for one in answers
        ]

    known, unknown = (seen(document, at) for document, at in asked.items())
    assert known == unknown
    assert ["303", "303", "409"] == known[:3]
    assert "No more bookings are taken for this service on this day." in known[5]
    assert (3, 2) == (len(rows(app)), len(_with_contacts(app)))
    assert [] == wrong_with_cells(app.db)

    clock.advance(16 * MINUTE)
    Consulate(app.db, now=clock.now()).sweep()
    assert [] == wrong_with_cells(app.db)
    assert not {VisitStatus.HELD} & {one.status for one in rows(app)}


@ONE_ENGINE
def test_who_may_book_nothing_for_now_is_told_by_letter_alone(app, web, clock):
    plan(app, no_shows=1)
    missed = Consulate(app.db)
    reference = missed.book("owner", MORNING, "N12345678")
    with app.db.write() as session:
        references.get(session, reference).status = VisitStatus.NO_SHOW
        for applicant in references.get(session, reference).applicants:
            applicant.active = False
    mails(app)
    clock.advance(8 * DAY + 4 * MINUTE)

    answer = fill(web, at="2027-01-20T09:00", email="stranger@example.org")

    assert 303 == answer.status_code
    told = mails(app)[-1]
    assert "owner@example.org" == told["To"].addresses[0].addr_spec
    assert "this document cannot be used to book online until" in " ".join(body(told).split())
    assert 1 == len(_with_contacts(app))


@ONE_ENGINE
def test_nobodys_mailbox_is_filled(app, web, post):
    for number in range(MAX_LETTERS_A_DAY + 2):
        at = f"{MORNING + number * 30 * MINUTE:%Y-%m-%dT%H:%M}"
        at = at if number < 6 else "2027-01-12T13:00"
        assert 303 == fill(web, at=at, **{"document-1": f"N1234567{number}"}).status_code

    assert MAX_LETTERS_A_DAY == len(mails(app))


# Their own page


@ONE_ENGINE
def test_a_calendar_follows_the_visit_by_an_address_that_opens_no_page(app, web, post):
    own = booked(app, web)
    address = re.search(r'value="http://localhost:8000(/en/visits/calendar/[^"]+)"', text(web.get(own)))[1]

    first = web.get(address)
    again = web.get(address, headers={"If-None-Match": first.headers["ETag"]})
    by_date = web.get(address, headers={"If-Modified-Since": first.headers["Last-Modified"]})
    web.post(f"{own}/move", data={"at": "2027-01-13T10:00"})
    moved = web.get(address, headers={"If-None-Match": first.headers["ETag"]})
    moved_by_date = web.get(address, headers={"If-Modified-Since": first.headers["Last-Modified"]})
    web.post(f"{own}/cancel")
    cancelled = web.get(address)

    assert "text/calendar; charset=utf-8" == first.headers["Content-Type"]
    assert (200, 304, 200) == (first.status_code, again.status_code, moved.status_code)
    assert (304, 200) == (by_date.status_code, moved_by_date.status_code)
    assert ("private, no-cache", "noindex") == (first.headers["Cache-Control"], first.headers["X-Robots-Tag"])
    assert b"DTSTART:20270113T030000Z" in moved.data
    assert b"SEQUENCE:1" in moved.data
    assert b"STATUS:CANCELLED" in cancelled.data


@ONE_ENGINE
def test_letters_come_in_the_language_and_clock_that_were_chosen(app, web, post):
    own = booked(app, web)

    assert 303 == web.post(f"{own}/reader", data={"letters": "ru", "zone": "Asia/Almaty"}).status_code
    assert 422 == web.post(f"{own}/reader", data={"letters": "xx", "zone": "Mars"}).status_code
    web.post(f"{own}/move", data={"at": "2027-01-13T10:00"})

    assert "13 января 2027" in body(mails(app)[-1])
    assert "08:00" in body(mails(app)[-1])


@ONE_ENGINE
def test_once_it_has_begun_it_can_be_neither_moved_nor_cancelled_here(app, web, post, clock):
    own = booked(app, web)
    clock.set(row(app).starts_at)

    assert 409 == web.post(f"{own}/cancel").status_code
    assert 409 == web.post(f"{own}/move", data={"at": "2027-01-14T10:00"}).status_code
    assert "Cancel the appointment" not in text(web.get(own))
    assert VisitStatus.CONFIRMED is row(app).status


@pytest.mark.both_engines
@ONE_ENGINE
def test_a_move_to_a_time_that_is_gone_leaves_the_visit_as_it_is(app, web, post):
    own = booked(app, web)
    post.book("bolat", MORNING + 60 * MINUTE)

    answer = web.post(f"{own}/move", data={"at": "2027-01-12T10:00"})

    assert 409 == answer.status_code
    assert "Your appointment is unchanged." in text(answer)
    assert MORNING == rows(app)[0].dtstart


@ONE_ENGINE
def test_they_say_once_more_that_they_come(app, web, clock):
    plan(app, reconfirm_from="5 days", reconfirm_until="2 days")
    booked(app, web)
    asking = own_of(app, row(app).reference, VisitPurpose.CONFIRM)
    assert 303 == web.get(asking).status_code
    clock.set(row(app).starts_at - 4 * DAY)

    assert "Will you come?" in text(web.get(asking))
    answer = web.post(asking)

    assert answer.headers["Location"].endswith("done=reconfirmed")
    assert clock.now() == row(app).reconfirmed_at


@ONE_ENGINE
def test_once_forgotten_the_link_leads_nowhere(app, web, post):
    own = booked(app, web)
    with app.db.write() as session:
        session.execute(sa.delete(Applicant))

    assert 404 == web.get(own).status_code


# Posts and the programme


@ONE_ENGINE
def test_a_post_tells_its_hours_holidays_closures_and_services(app, web, post):
    post.days(first_day=date(2027, 1, 6), last_day=date(2027, 1, 6), reason="Stocktaking")
    post.days(first_day=date(2027, 1, 7), last_day=date(2027, 1, 7), open=True)

    page = said(web.get(POST))

    assert "Monday, 4 Jan: closed: New Year's Day (day off in its place) (Kazakhstan)" in page
    assert "Tuesday, 5 Jan: 09:00–12:00, 13:00–16:00" in page
    assert "Wednesday, 6 Jan: closed: Stocktaking" in page
    assert "Thursday, 7 Jan: 09:00–12:00, 13:00–16:00" in page
    assert "Orthodox Christmas (Kazakhstan) · open despite the holiday" in page
    assert "30 minutes for each document" in page
    assert "Old passport" in page
    assert "Consulate in Phuket" in text(web.get("/en/posts"))


@ONE_ENGINE
@pytest.mark.parametrize("page", ["/ru/posts/phuket", "/ru/posts/phuket/book/passport/time?from=2027-03-26"])
def test_the_name_of_a_holiday_in_another_language_is_marked_with_that_language(app, web, page):
    plan(app, sending_state="DE", horizon="120 days")

    shown = web.get(page).get_data(as_text=True)

    assert '<bdi lang="de">Karfreitag</bdi> (Германия; немецкий)' in shown
    assert "&lt;bdi" not in shown


@ONE_ENGINE
def test_without_a_post_the_list_says_so(app, web):
    assert "There is no consulate here yet" in text(web.get("/en/posts"))


@ONE_ENGINE
def test_an_opening_leads_to_the_post_and_the_post_to_its_opening(app, web):
    with app.db.write() as session:
        an_event(session, kind="consulate opening")
        a_post(session, event="opening")

    assert 'href="/en/posts/phuket"' in text(web.get("/en/events/opening"))
    assert 'href="/en/events/opening"' in text(web.get(POST))


@ONE_ENGINE
def test_a_post_whose_opening_is_not_public_is_not_shown(app, web):
    with app.db.write() as session:
        an_event(session, kind="consulate opening", visibility="private")
        a_post(session, event="opening")

    assert [404] * 3 == [web.get(page).status_code for page in (POST, SERVICE, WHO)]
    assert "Consulate in Phuket" not in text(web.get("/en/posts"))


@ONE_ENGINE
def test_a_consular_day_that_was_cancelled_takes_no_visits(app, web):
    with app.db.write() as session:
        an_event(session, kind="consular day")
        a_post(session, event="opening")
        session.scalars(sa.select(Event)).one().status = Status.CANCELLED

    assert "Appointments cannot be booked here at present." in text(web.get(POST))
    assert 404 == web.get(WHO).status_code

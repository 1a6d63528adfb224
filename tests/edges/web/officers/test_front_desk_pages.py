"""The front desk over HTTP, without a script: every act is a form, answered by a page; and to whom."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
import sqlalchemy as sa
from werkzeug.test import Client

from scheduler.base.clock import instant
from scheduler.model.accounts import AccountRole
from scheduler.model.audit import Audit
from scheduler.model.visits import Appointment, VisitStatus
from scheduler.services.consulate.front_desk import board as queue_board
from scheduler.services.consulate.posts import opening_days, posts
from scheduler.services.consulate.visits import references
from scheduler.web.programme.feed_server import FeedServer
from tests.support.accounts import an_account, seal, sign_in
from tests.support.consulate import MORNING, Consulate, a_day, give
from tests.support.instance import pages_of

PHUKET = "/en/desk/posts/phuket"
TODAY = f"{PHUKET}/today"
OPENS = instant(MORNING, "Asia/Bangkok")
MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def booked(app) -> dict[str, str]:
    """References, by name."""
    return a_day(app, {"Aliya": (9, 0), "Bolat Серіков": (9, 30), "Dana": (10, 0)})


@pytest.fixture
def web(app, booked, clock):
    """Somebody of the front desk of Phuket, as it opens."""
    an_account(app, "anna", AccountRole.FRONT_DESK)
    give(app, "anna", "phuket")
    clock.set(OPENS + 5 * MINUTE)
    return signed_in(app, "anna")


@pytest.fixture
def consul(app, booked, clock):
    an_account(app, "consul", AccountRole.CONSULAR)
    give(app, "consul", "phuket")
    clock.set(OPENS + 5 * MINUTE)
    return signed_in(app, "consul")


def signed_in(app, name):
    client = pages_of(app).test_client()
    assert 303 == sign_in(client, name).status_code
    return client


def text(answer) -> str:
    """What is read of a page, on one line."""
    shown = re.sub(r"<[^>]+>", " ", unescape(answer.get_data(as_text=True)))
    return " ".join(shown.split())


def send(web, path, *, page="/en/desk/account", **typed):
    return web.post(path, data={"csrf_token": seal(web, page), **typed})


def do(web, reference, verb):
    return send(web, f"{TODAY}/visits/{reference}/{verb}")


def followed(web, answer):
    assert 303 == answer.status_code, text(answer)
    return text(web.get(answer.headers["Location"]))


def status(app, reference) -> VisitStatus:
    with app.db.read() as session:
        return references.get(session, reference).status


def test_a_day_passes_at_the_front_desk_without_a_script(app, web, booked, clock):
    page = followed(web, send(web, TODAY, given=booked["Aliya"].lower().replace("-", " ")))
    assert "Checked in P-001 Aliya" in page
    assert "Waiting: 1" in page
    page = followed(
        web,
        send(web, f"{PHUKET}/walk-in", service="passport", name="Серік", people="2", documents="2", language="kk"),
    )
    assert "Ticket given P-002 Серік Passport · 2 people · 2 documents" in page

    assert "choose your counter first" in text(send(web, f"{TODAY}/call")).lower()
    assert "Counter 1 Call the next" in followed(web, send(web, f"{TODAY}/counter", counter="1"))
    assert "Called: Counter 1 P-001 Aliya" in followed(web, send(web, f"{TODAY}/call"))
    assert "counter 1 is still serving P-001" in text(send(web, f"{TODAY}/call")).replace("Counter", "counter")
    assert "called 1 more time" in followed(web, do(web, booked["Aliya"], "recall"))
    assert "Waiting: 2" in followed(web, do(web, booked["Aliya"], "send-back"))
    assert VisitStatus.CHECKED_IN is status(app, booked["Aliya"])
    clock.advance(MINUTE)
    with app.db.read() as session:
        walked = session.scalars(sa.select(Appointment).where(Appointment.walk_in)).one().reference
    assert "Called: Counter 1 P-002" in followed(web, send(web, f"{TODAY}/call", reference=walked))
    assert "Served P-002" in followed(web, do(web, walked, "served"))
    assert VisitStatus.SERVED is status(app, walked)
    assert "Undone P-002" in followed(web, do(web, walked, "undo"))
    assert VisitStatus.CALLED is status(app, walked)

    clock.set(OPENS + 50 * MINUTE)
    assert "Did not come Bolat" in followed(web, do(web, booked["Bolat Серіков"], "no-show"))
    assert "Undone Bolat" in followed(web, do(web, booked["Bolat Серіков"], "undo"))
    assert VisitStatus.CONFIRMED is status(app, booked["Bolat Серіков"])


def test_what_is_no_reference_is_looked_for_among_the_names_of_the_day_in_any_script(web, booked):
    for typed in ("Серіков", "serikov", "bol"):
        page = text(send(web, TODAY, given=typed))
        assert f"Bolat Серіков 09:30 · Passport · {booked['Bolat Серіков']}" in page, typed
    assert "Nobody with this name was found on this day" in text(send(web, TODAY, given="Zzyzx"))
    assert 422 == send(web, TODAY, given="https://example.org/?q=1").status_code


def test_a_second_scan_is_told_with_the_ticket_and_another_day_with_the_day(app, web, booked, clock):
    send(web, TODAY, given=booked["Aliya"])

    again = send(web, TODAY, given=booked["Aliya"])
    clock.advance(timedelta(days=1))
    sign_in(web, "anna")
    late = send(web, TODAY, given=booked["Dana"])

    assert (422, 422) == (again.status_code, late.status_code)
    assert "already checked in, at 09:05 (Asia/Bangkok), with ticket P-001" in text(again)
    assert "is for 2027-01-12 10:00 (Asia/Bangkok)" in text(late)


def test_a_script_is_told_what_has_changed_and_no_page(web, booked):
    token = seal(web, TODAY)

    sent = web.post(TODAY, data={"given": booked["Aliya"]}, headers={"X-Door": "1", "X-CSRFToken": token})
    now = web.get(f"{TODAY}/now")

    assert (200, 200) == (sent.status_code, now.status_code)
    assert "Checked in P-001 Aliya" in text(sent)
    assert "Waiting: 1 P-001 Aliya 09:00" in text(now)
    assert "<html" not in text(sent) + now.get_data(as_text=True)


def test_what_is_wrong_with_a_walk_in_is_said_beside_the_field_and_kept(app, web):
    page = send(web, f"{PHUKET}/walk-in", service="visa", name="", people="99", language="en", document="x")

    assert 422 == page.status_code
    for words in ("Choose a service.", "Enter a name.", "Enter a whole number from 1 to 6."):
        assert words in text(page), words
    assert 'value="99"' in page.get_data(as_text=True)
    closed = send(
        web, f"{PHUKET}/walk-in", service="passport", name="A", language="en", people="1", document="N-Dana"
    )
    assert "this person has an appointment today" in text(closed).lower()
    with app.db.read() as session:
        assert [] == session.scalars(sa.select(Appointment).where(Appointment.walk_in)).all()


def test_the_list_of_the_day_is_printed_and_who_took_it_is_written_down(app, web):
    answer = web.get(f"{TODAY}/list.pdf?day=2027-01-12")

    assert ("application/pdf", b"%PDF") == (answer.content_type, answer.data[:4])
    assert "phuket-2027-01-12.pdf" in answer.headers["Content-Disposition"]
    with app.db.read() as session:
        assert "anna@web" == session.scalars(sa.select(Audit.actor).where(Audit.action == "print")).one()


def test_an_officer_makes_a_calendar_of_their_own_without_names_and_another_ends_the_one_before(app, web, booked):
    page = f"{PHUKET}/calendar"
    addresses = []
    for more in ({}, {"replace": "yes"}):
        asked = send(web, page) if more else None
        followed(web, send(web, page, **more))
        shown = web.get(page).get_data(as_text=True)
        addresses.append(re.search(r'value="http://localhost:8000(/private/[^"]+)"', shown)[1])

    feeds = FeedServer(app, pages_of(app).wsgi_app)
    first, second = (Client(feeds).get(address) for address in addresses)
    assert asked is not None
    assert (200, True) == (asked.status_code, "Create a new address?" in asked.get_data(as_text=True))
    assert addresses[0] in asked.get_data(as_text=True), "nothing has been changed by asking"
    assert [404, 200] == [first.status_code, second.status_code]
    assert booked["Dana"] in second.get_data(as_text=True).replace("\r\n ", "")
    assert "Dana" not in second.get_data(as_text=True)


# Who may


def test_staff_see_their_own_posts_alone_and_of_another_not_even_that_it_is_there(app, web, consul, booked):
    theirs = a_day(app, {"Erlan": (9, 0)}, "almaty-desk")["Erlan"]
    paths = ["today", "today/now", "today/list.pdf", "walk-in", "statistics", "calendar", "close"]
    pages = [f"/en/desk/posts/almaty-desk/{path}" for path in paths] + [f"/en/desk/visits/{theirs}"]
    pages += [f"/en/desk/visits/{theirs}/{path}" for path in ("move", "cancel")]

    assert {404} == {consul.get(page).status_code for page in pages}
    assert "almaty-desk" not in consul.get("/en/desk/posts").get_data(as_text=True)
    for path, typed in {
        "today": {"given": theirs},
        f"today/visits/{theirs}/check-in": {},
        "today/call": {},
        "today/counter": {"counter": "1"},
        "walk-in": {"service": "passport", "name": "X", "language": "en"},
        "close/look": {"first": "2027-01-13"},
        "close/again": {},
        "close": {"first": "2027-01-13"},
        "close/offer": {},
        "calendar": {},
    }.items():
        assert 404 == send(consul, f"/en/desk/posts/almaty-desk/{path}", **typed).status_code, path
    for path in ("move", "cancel"):
        sent = send(consul, f"/en/desk/visits/{theirs}/{path}", at="2027-01-13T10:00", by="post")
        assert 404 == sent.status_code, path
    # Through a post that is theirs, neither.
    assert f"there is no appointment {theirs}" in text(send(consul, TODAY, given=theirs)).replace("There", "there")
    assert 404 == do(consul, theirs, "check-in").status_code
    assert VisitStatus.CONFIRMED is status(app, theirs)


@pytest.mark.parametrize("role", AccountRole)
def test_each_role_may_at_a_post_what_the_table_says(app, booked, clock, role):
    an_account(app, "somebody", role)
    client = signed_in(app, "somebody")
    without = {
        client.get(path).status_code for path in (TODAY, f"{PHUKET}/close", f"/en/desk/visits/{booked['Dana']}")
    }
    assert without <= ({200} if role is AccountRole.ADMINISTRATOR else {403, 404})
    if role in (AccountRole.DOOR, AccountRole.VIEWER):
        return
    if role is not AccountRole.ADMINISTRATOR:
        give(app, "somebody", "phuket")

    seen = {
        path: client.get(f"/en/desk/{path}").status_code
        for path in ("posts", "posts/phuket/today", "posts/phuket/close", f"visits/{booked['Dana']}")
    }

    alone = role is AccountRole.FRONT_DESK
    assert [200, 200, 403 if alone else 200, 403 if alone else 200] == list(seen.values())
    assert f"/visits/{booked['Dana']}" not in (
        page := client.get(f"{TODAY}?day=2027-01-12").get_data(as_text=True)
    ) or (not alone)
    assert booked["Dana"] in page


def test_a_form_of_another_site_and_one_without_a_seal_do_nothing(app, web, booked):
    path = f"{TODAY}/visits/{booked['Aliya']}/check-in"

    assert 400 == web.post(path).status_code
    data = {"csrf_token": seal(web, TODAY)}
    assert 400 == web.post(path, data=data, headers={"Origin": "https://evil.example"}).status_code
    assert VisitStatus.CONFIRMED is status(app, booked["Aliya"])


# One visit


def test_who_opens_a_visit_is_written_down_once_an_hour(app, consul, booked):
    for _ in range(2):
        page = text(consul.get(f"/en/desk/visits/{booked['Dana']}"))

    assert "guest2@example.org" in page
    assert "opened" in page
    with app.db.read() as session:
        query = sa.select(Audit.actor).where(Audit.noun == "appointment", Audit.action == "read")
        assert ["consul@web"] == session.scalars(query).all()


def test_an_officer_moves_a_visit_asks_why_a_time_is_not_offered_and_cancels(app, consul, booked):
    visit = f"/en/desk/visits/{booked['Dana']}"

    assert "This time is in a break" in text(consul.get(f"{visit}/move?day=2027-01-13&hour=12:00"))
    offered = text(consul.get(f"{visit}/move?at=2027-01-12T11:00"))
    assert "This time is not offered online: Too soon" in offered
    refused = send(consul, f"{visit}/move", at="2027-01-13T12:00")
    assert (409, MORNING.replace(hour=10)) == (refused.status_code, _row(app, booked["Dana"]).dtstart)
    assert "The appointment is moved" in followed(consul, send(consul, f"{visit}/move", at="2027-01-12T11:00"))
    assert MORNING.replace(hour=11) == _row(app, booked["Dana"]).dtstart
    assert "Choose who cancels." in text(send(consul, f"{visit}/cancel"))
    assert "by the post" in followed(consul, send(consul, f"{visit}/cancel", by="post"))
    assert VisitStatus.CANCELLED is status(app, booked["Dana"])
    assert 404 == consul.get(f"{visit}/move").status_code


def _row(app, reference) -> Appointment:
    with app.db.read() as session:
        return references.get(session, reference)


@pytest.mark.parametrize("reference", ["x", "K7MN-4XWD", "%00", "…"])
def test_a_reference_that_is_none_leads_nowhere(consul, reference):
    assert consul.get(f"/en/desk/visits/{reference}").status_code in (400, 404)


# The board


def board(app) -> str:
    with app.db.read() as session:
        return f"/en/board/phuket/{queue_board.make_board_token(posts.get(session, 'phuket'), secret=app.secret)}"


def test_the_board_shows_tickets_and_counters_to_whoever_has_its_address_and_no_name(app, web, booked):
    for name in ("Aliya", "Dana"):
        send(web, TODAY, given=booked[name])
    send(web, f"{TODAY}/counter", counter="2")
    send(web, f"{TODAY}/call")
    stranger = pages_of(app).test_client()

    answer = stranger.get(board(app))

    assert 200 == answer.status_code
    assert "Called" not in text(answer).partition("P-001")[0]
    assert "P-001 Counter 2 Next (waiting: 1) P-002" in text(answer)
    page = answer.get_data(as_text=True)
    assert '<noscript><meta http-equiv="refresh"' in page
    assert not [name for name in (*booked, *booked.values()) if name in page]
    assert "Set-Cookie" not in answer.headers
    assert "private, no-store" == answer.headers["Cache-Control"]


def test_another_address_of_the_board_leads_nowhere(app, web, clock):
    right = board(app)
    with app.db.write() as session:
        queue_board.revoke_board(session, posts.get(session, "phuket"), now=clock.now())
    stranger = pages_of(app).test_client()

    for path in (right, right[:-1], right.replace("phuket", "nowhere"), "/en/board/phuket/1-x", "/en/board/%00/1-x"):
        assert 404 == stranger.get(path).status_code, path
    assert 200 == stranger.get(board(app)).status_code


# The day in numbers


def test_the_day_in_numbers_is_drawn_and_stands_in_a_table(app, web, booked, clock):
    send(web, TODAY, given=booked["Aliya"])
    send(web, f"{TODAY}/counter", counter="1")
    clock.advance(4 * MINUTE)
    send(web, f"{TODAY}/call")
    clock.advance(20 * MINUTE)
    do(web, booked["Aliya"], "served")

    answer = web.get(f"{PHUKET}/statistics")

    page = answer.get_data(as_text=True)
    assert "Booked 3 Came 1" in text(answer)
    assert (
        "Waiting time, median 4 minutes Waiting time, at most for nine in ten 4 minutes"
        " Time at the counter, median 20 min"
    ) in text(answer)
    assert "09:00 2 1 0 1 4 minutes" in text(answer)
    assert 3 == page.count("<rect class=") - 2  # two hours booked for, one come in; and the key
    assert "<title id=" in page


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=2027-01-13&until=2027-01-12", "The last day is before the first day."),
        ("from=2027-01-13&until=2029-01-12", "Choose at most one year."),
        ("from=yesterday", "Enter a date"),
    ],
)
def test_days_that_are_none_are_said_and_today_is_shown(web, query, said):
    answer = web.get(f"{PHUKET}/statistics?{query}")

    assert 422 == answer.status_code
    assert said in text(answer)
    assert "12 January 2027" in text(answer)


# Closing days


def test_closing_a_day_shows_first_whom_it_hits_and_then_offers_each_another_time(app, consul, booked, clock):
    path, closing = (
        f"{PHUKET}/close",
        {"first": "2027-01-12", "opens": "09:20", "closes": "12:00", "reason-en": "Flood"},
    )

    look = send(consul, f"{path}/look", **closing)
    assert "2 appointments are booked for this time." in text(look)
    assert "Bolat Серіков" in text(look)
    assert "Aliya" not in text(look)
    assert {VisitStatus.CONFIRMED} == {status(app, reference) for reference in booked.values()}
    page = followed(consul, send(consul, path, **closing))

    assert "The days are closed. Another time was offered for 2 appointments." in page
    assert "Flood" in page
    assert VisitStatus.CONFIRMED is status(app, booked["Aliya"])
    for name in ("Bolat Серіков", "Dana"):
        row = _row(app, booked[name])
        assert (VisitStatus.OFFERED, clock.now()) == (row.status, row.displaced_at)
    with app.db.read() as session:
        closed = sa.select(Audit.actor).where(Audit.noun == "post", Audit.action == "close")
        assert ["consul@web"] == session.scalars(closed).all()


def test_for_whom_nothing_is_free_stays_on_the_page_until_there_is(app, consul, booked, clock):
    tomorrow = MORNING.date().replace(day=13)
    Consulate(app.db, now=clock.now()).days(first_day=tomorrow, last_day=tomorrow.replace(month=6))

    page = followed(consul, send(consul, f"{PHUKET}/close", first="2027-01-12", opens="09:20", closes="18:00"))

    assert "For 2 appointments no other time is free: see below." in page
    assert "Appointments outside the opening hours" in page
    assert "+66 76 123456" in page
    with app.db.write() as session:
        opening_days.forget_days(session, posts.get(session, "phuket"), tomorrow, now=clock.now())
    page = followed(consul, send(consul, f"{PHUKET}/close/offer"))
    assert "Another time was offered for 2 appointments." in page
    assert "Appointments outside the opening hours" not in page


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({}, "Enter a date as YYYY-MM-DD, for example 2027-01-12."),
        ({"first": "2027-01-11"}, "This day has passed. Enter today or a later day."),
        ({"first": "2027-01-14", "last": "2027-01-13"}, "is before"),
        ({"first": "2027-01-14", "opens": "09:00"}, "Enter both times, or leave both empty to close the whole day."),
        ({"first": "2027-01-14", "opens": "12:00", "closes": "09:00"}, "midnight"),
        ({"first": "2027-01-14", "counter": "9"}, "Choose one of the counters."),
        ({"first": "2027-01-14", "reason-th": "x" * 2000}, "characters"),
    ],
)
def test_what_is_wrong_with_a_closing_day_is_said_and_nothing_is_closed(app, consul, typed, said):
    for path in ("close/look", "close"):
        answer = send(consul, f"{PHUKET}/{path}", **typed)
        assert 422 == answer.status_code, path
        assert said in text(answer), text(answer)[:900]
    with app.db.read() as session:
        assert [] == posts.get(session, "phuket").special_days

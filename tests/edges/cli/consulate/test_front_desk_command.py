"""`scheduler visit day ...` as the front desk types it; whose posts those are; their feed, over HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pypdfium2
import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Response

from scheduler.base.errors import Forbidden
from scheduler.model.accounts import AccountRole, Act
from scheduler.services.accounts import accounts, rights
from scheduler.services.consulate.posts import posts
from scheduler.services.feeds import links as feed_links
from scheduler.web.programme.feed_server import FeedServer
from tests.support.builders import SECRET
from tests.support.consulate import MORNING, PASSPORT, Consulate, a_post

NINE = datetime(2027, 1, 12, 2, 0, tzinfo=UTC)
PASSPORTS = {"passport": {**PASSPORT, "walk_ins": True}}


@pytest.fixture(params=["sqlite"])
def engine(request):
    return request.param


@pytest.fixture
def phuket(db, clock):
    """A post on a morning, with two who have booked."""
    with db.write() as session:
        a_post(session, service=PASSPORTS)
        a_post(session, "bangkok", city="bangkok", service=PASSPORTS)
    post = Consulate(db)
    post.references = [
        post.book("Aliya"),
        post.book("Болат", MORNING + timedelta(minutes=30), "N1001", "N1002", email="bolat@example.org"),
    ]
    clock.set(NINE)
    return post


@pytest.fixture
def account(scheduler):
    """Makes an account of a role at some posts."""

    def make(name, role, *given):
        options = [word for key in given for word in ("--post", key)]
        scheduler("account", "add", name, "--role", role, *options, "--invite")
        return name

    return make


def read(scheduler, *args):
    return json.loads(scheduler(*args, "--json").output)


# The day at the shell


def test_a_morning_at_the_front_desk(scheduler, phuket, clock):
    first, second = phuket.references

    assert f"P-001  {first}  checked in" in scheduler("visit", "check-in", first.lower()).output
    again = scheduler("visit", "check-in", first, code=1).output
    assert f"{first} has already checked in, at 09:00 (Asia/Bangkok), with ticket P-001" in again
    walk_in = read(scheduler, "visit", "walk-in", "phuket", "passport", "--name", "Дана Ким")["reference"]
    assert f"P-001  {first}  called  counter 1" in scheduler("visit", "call", "phuket", "1").output
    assert walk_in == read(scheduler, "visit", "call", "phuket", "2")["reference"]
    assert "counter 1 is still serving P-001" in scheduler("visit", "call", "phuket", "1", code=1).output
    scheduler("visit", "recall", first)
    clock.advance(timedelta(minutes=20))
    scheduler("visit", "done", walk_in)
    assert "no-show" in scheduler("visit", "no-show", first).output
    assert "called" in scheduler("visit", "undo", first).output
    assert "checked in" in scheduler("visit", "send-back", first).output

    day = read(scheduler, "visit", "day", "phuket")
    assert ["checked in", "served", "confirmed"] == [one["status"] for one in day["visits"]]
    assert ([first], {"passport": 27}) == (day["queue"], day["arriving"])
    assert "Болат, Болат 1" in scheduler("visit", "day", "phuket").output
    assert "for 2027-01-12 09:30 (Asia/Bangkok); today is 2027-01-13" in _tomorrow(scheduler, clock, second)


def _tomorrow(scheduler, clock, reference):
    clock.advance(timedelta(days=1))
    return scheduler("visit", "check-in", reference, code=1).output


def test_the_list_of_a_day_is_printed_for_a_place_without_network_and_that_is_written_down(
    scheduler, phuket, tmp_path
):
    file = tmp_path / "day.pdf"

    scheduler("visit", "day", "phuket", "--day", "2027-01-12", "--print", str(file), "--language", "th")
    scheduler("visit", "day", "phuket", "--print", str(file), code=1)

    with pypdfium2.PdfDocument(file) as document:
        words = " ".join(page.get_textpage().get_text_range() for page in document)
    assert all(said in words for said in (*phuket.references, "09:00", "09:30", "Aliya", "Болат", "2570"))


def test_the_list_of_a_day_says_whose_name_no_font_can_show(scheduler, phuket, db, tmp_path):
    reference = phuket.book("\U0001b170\U0001b171 Li", MORNING + timedelta(hours=1), "N1003", email="li@example.org")
    file = tmp_path / "day.pdf"

    scheduler("visit", "day", "phuket", "--day", "2027-01-12", "--print", str(file))

    with pypdfium2.PdfDocument(file) as document:
        words = " ".join(page.get_textpage().get_text_range() for page in document)
    assert "?? Li" in words
    assert 1 == words.count("replaces letters of the script Nushu")
    assert f"{reference}: “?”" in words


def test_statistics_of_some_days_as_a_table_and_as_json(scheduler, phuket, clock):
    reference = phuket.references[0]
    scheduler("visit", "check-in", reference)
    clock.advance(timedelta(minutes=10))
    scheduler("visit", "call", "phuket", "1")
    clock.advance(timedelta(minutes=25))
    scheduler("visit", "done", reference)

    found = read(scheduler, "post", "statistics", "phuket", "--from", "2027-01-11", "--until", "2027-01-12")

    counts = [found[name] for name in ("booked", "came", "served", "waiting_median", "service_median")]
    assert [2, 1, 1, 10.0, 25.0] == counts
    assert "09:00" in scheduler("post", "statistics", "phuket").output
    refused = scheduler("post", "statistics", "phuket", "--from", "2027-01-12", "--until", "2027-01-11", code=2)
    assert "--until: give a day that is not before --from" in refused.output


def test_the_address_of_the_board_is_another_one_after_it_was_revoked(scheduler, phuket):
    before = read(scheduler, "post", "board", "phuket")["address"]
    after = read(scheduler, "post", "board", "phuket", "--revoke", "--yes", "--language", "th")["address"]

    assert "/en/board/phuket/" in before
    assert "/th/board/phuket/" in after
    assert before.rpartition("/")[2] != after.rpartition("/")[2]


# Whose post it is


def test_who_sees_which_posts_and_may_do_what_there(scheduler, phuket, account):
    account("root", "administrator")
    account("aigul", "consular officer", "phuket")
    account("somchai", "front desk", "phuket", "bangkok")
    account("nobody", "front desk")
    account("marat", "programme officer")
    account("dana", "programme officer", "bangkok")
    account("door", "door", "phuket")

    everything = {Act.SEE_VISITS, Act.KEEP_QUEUE, Act.SEE_APPLICANTS, Act.KEEP_VISITS, Act.KEEP_POSTS}
    seen = {name: _seen(phuket.db, name) for name in ("root", "aigul", "somchai", "nobody", "marat", "dana", "door")}

    assert {
        "root": (["bangkok", "phuket"], everything),
        "aigul": (["phuket"], everything),
        "somchai": (["bangkok", "phuket"], {Act.SEE_VISITS, Act.KEEP_QUEUE}),
        "nobody": ([], {Act.SEE_VISITS, Act.KEEP_QUEUE}),
        "marat": ([], set()),
        "dana": (["bangkok"], everything),
        "door": ([], set()),
    } == seen


def _seen(db, name):
    acts = (Act.SEE_VISITS, Act.KEEP_QUEUE, Act.SEE_APPLICANTS, Act.KEEP_VISITS, Act.KEEP_POSTS)
    with db.read() as session:
        who = accounts.make_officer(accounts.get(session, name), secret=SECRET)
        return [post.key for post in rights.list_posts(session, who)], {act for act in acts if who.may(act)}


def test_posts_are_given_and_taken_at_the_shell(scheduler, phuket, account):
    account("somchai", "front desk")

    scheduler("account", "posts", "somchai", "--post", "phuket", "--post", "bangkok")
    assert ["bangkok", "phuket"] == read(scheduler, "account", "posts", "somchai")["posts"]
    assert (
        "sees these posts already"
        in scheduler("account", "posts", "somchai", "--post", "bangkok", "--post", "phuket", code=1).output
    )
    assert [] == read(scheduler, "account", "posts", "somchai", "--none", "--yes")["posts"]
    assert "there is no post nowhere" in scheduler("account", "posts", "somchai", "--post", "nowhere", code=1).output
    scheduler("account", "posts", "somchai", "--none", "--post", "phuket", code=2)


# The feed of their post


def link(scheduler, who, *more, post="phuket", code=0):
    given = ("--post", post, "--account", who, "--for", "tablet", *more)
    return scheduler("feed", "link", "add", *given, "--json", code=code).output


@pytest.fixture
def fetch(app):
    server = FeedServer(app, Response("a page"))
    client = Client(server)
    yield lambda address: client.get("/" + address.split("/", 3)[3])
    server.close()


def test_an_officer_subscribes_to_the_visits_of_their_post_without_names(scheduler, phuket, account, fetch):
    account("somchai", "front desk", "phuket")
    phuket.now = NINE - timedelta(days=3)
    phuket.cancel(phuket.references[1])

    address = json.loads(link(scheduler, "somchai"))["address"]
    answer = fetch(address)
    text = answer.text.replace("\r\n ", "")

    assert "text/calendar; charset=utf-8" == answer.headers["Content-Type"]
    assert "private, no-cache" == answer.headers["Cache-Control"]
    assert f"SUMMARY:Passport · {phuket.references[0]}" in text
    assert f"SUMMARY:Cancelled: Passport · {phuket.references[1]} · ×2" in text
    assert 1 == text.count("STATUS:CANCELLED")
    assert "DTSTART:20270112T020000Z" in text
    assert "Aliya" not in text
    assert "Болат" not in text
    assert answer.data == fetch(address).data
    assert 404 == fetch(address[:-3] + "aaa").status_code


def test_names_are_shown_to_who_may_see_them_alone(scheduler, phuket, account, fetch):
    account("aigul", "consular officer", "phuket")
    account("somchai", "front desk", "phuket")

    assert "Aliya" in fetch(json.loads(link(scheduler, "aigul", "--names"))["address"]).text
    link(scheduler, "somchai", "--names", code=1)
    link(scheduler, "aigul", post="bangkok", code=1)
    scheduler("feed", "link", "add", "--for", "tablet", "--names", code=2)


@pytest.mark.parametrize(
    "lose",
    [
        ("account", "disable", "aigul"),
        ("account", "posts", "aigul", "--post", "bangkok"),
        ("account", "role", "aigul", "front desk"),
    ],
)
def test_the_feed_ends_with_the_right_to_it_and_does_not_come_back(scheduler, phuket, account, fetch, lose):
    account("aigul", "consular officer", "phuket")
    address = json.loads(link(scheduler, "aigul", "--names"))["address"]
    assert 200 == fetch(address).status_code

    scheduler(*lose, "--yes")

    assert 404 == fetch(address).status_code
    if lose[1] == "disable":
        scheduler("account", "enable", "aigul")
    else:
        scheduler("account", "role", "aigul", "administrator", "--yes")
    assert 404 == fetch(address).status_code
    assert read(scheduler, "feed", "link", "list")[0]["revoked"]


def test_a_right_that_went_without_a_command_ends_the_feed_too(phuket, account):
    account("aigul", "consular officer", "phuket")
    with phuket.db.write() as session:
        who = accounts.get(session, "aigul")
        post = posts.get(session, "phuket")
        made = feed_links.add_visits(session, post=post, account=who, holder="tablet", names=True, now=NINE)
        assert feed_links.find(session, feed_links.token(made, secret=SECRET), secret=SECRET)

        who.role = AccountRole.VIEWER

        assert feed_links.find(session, feed_links.token(made, secret=SECRET), secret=SECRET) is None
        with pytest.raises(Forbidden):
            feed_links.add_visits(session, post=post, account=who, holder="tablet", names=False, now=NINE)

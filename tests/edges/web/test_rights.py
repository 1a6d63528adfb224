"""Who is answered what: every route of the site, for every role, about what it may know of and what not.

The tables say it for people. A route that they do not have fails, and so does one that the site does not have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import pytest
from werkzeug.test import Client, TestResponse

from scheduler.app import App
from scheduler.web.programme.feed_server import FeedServer
from tests.support.instance import pages_of
from tests.support.routes import (
    ACCOUNTS,
    EVENTS,
    GUESTS,
    HIDDEN_POST,
    OTHER_POST,
    OWN_POST,
    STRANGER,
    TITLES,
    Browser,
    Known,
    Route,
    list_routes,
    put_known,
)

# What is answered about what an account may know of: 403 is "your role may not", 422 a form that is shown again,
# 409 a time that is not free. Strangers are sent to sign in (303), and their forms come back to them (401).
DESK = """
                                                      stranger viewer door officer officer+post front consular admin
GET  /desk                                                 302    302  302     302          302   302      302   302
GET  /L/desk                                               303    200  200     200          200   200      200   200
GET  /L/desk/week                                          303    200  200     200          200   200      200   200
GET  /L/desk/day                                           303    200  200     200          200   200      200   200
GET  /L/desk/list                                          303    200  200     200          200   200      200   200
GET  /L/desk/by-venue                                      303    200  200     200          200   200      200   200
GET  /L/desk/digest                                        303    200  200     200          200   200      200   200
GET  /L/desk/calendar.json                                 303    200  200     200          200   200      200   200
GET  /L/desk/accounts                                      303    403  403     403          403   403      403   200
GET  /L/desk/account                                       303    200  200     200          200   200      200   200
GET  /L/desk/account/<_verb>                               303    303  303     303          303   303      303   303
POST /L/desk/account/password                              401    422  422     422          422   422      422   422
POST /L/desk/account/language                              401    422  422     422          422   422      422   422
POST /L/desk/account/sessions                              401    303  303     303          303   303      303   303
GET  /L/desk/sign-in                                       200    303  303     303          303   303      303   303
POST /L/desk/sign-in                                       400    422  422     422          422   422      422   422
POST /L/desk/sign-out                                      401    303  303     303          303   303      303   303
GET  /L/desk/set-up/<token>                                200    200  200     200          200   200      200   200
POST /L/desk/set-up/<token>                                400    422  422     422          422   422      422   422
GET  /L/desk/events/<key>                                  303    200  200     200          200   403      403   200
GET  /L/desk/events/<key>/guests.<kind>                    303    403  403     200          200   403      403   200
POST /L/desk/events/<key>/guests.<kind>                    401    403  403     303          303   403      403   303
GET  /L/desk/events/<key>/numbers                          303    200  200     200          200   403      403   200
GET  /L/desk/events/<key>/several/<verb>                   303    403  403     303          303   403      403   303
POST /L/desk/events/<key>/several/<verb>                   401    403  403     303          303   403      403   303
GET  /L/desk/events/<key>/invite                           303    403  403     200          200   403      403   200
POST /L/desk/events/<key>/invite                           401    403  403     200          200   403      403   200
GET  /L/desk/events/<key>/import                           303    403  403     200          200   403      403   200
POST /L/desk/events/<key>/import                           401    403  403     422          422   403      403   422
GET  /L/desk/events/<key>/import/<number>                  303    403  403     404          404   403      403   404
POST /L/desk/events/<key>/import/<number>                  401    403  403     404          404   403      403   404
GET  /L/desk/events/<key>/import/<number>/returned.<kind>  303    403  403     404          404   403      403   404
GET  /L/desk/events/<key>/guests/<number>                  303    200  200     200          200   403      403   200
GET  /L/desk/events/<key>/guests/<number>/<verb>           303    403  403     200          200   403      403   200
POST /L/desk/events/<key>/guests/<number>/<verb>           401    403  403     422          422   403      403   422
GET  /L/desk/events/<key>/register                         303    403  403     200          200   403      403   200
POST /L/desk/events/<key>/register                         401    403  403     422          422   403      403   422
GET  /L/desk/events/<key>/kept                             303    403  403     200          200   403      403   200
POST /L/desk/events/<key>/kept                             401    403  403     303          303   403      403   303
GET  /L/desk/events/<key>/plan/<verb>                      303    403  403     200          200   403      403   200
POST /L/desk/events/<key>/plan/<verb>                      401    403  403     422          422   403      403   422
GET  /L/desk/events/<key>/plan                             303    403  403     200          200   403      403   200
GET  /L/desk/events/<key>/plan/change                      303    403  403     200          200   403      403   200
POST /L/desk/events/<key>/plan/change                      401    403  403     422          422   403      403   422
GET  /L/desk/events/<key>/plan/status/<verb>               303    403  403     200          200   403      403   200
POST /L/desk/events/<key>/plan/status/<verb>               401    403  403     422          422   403      403   422
GET  /L/desk/events/<key>/programme.toml                   303    403  403     200          200   403      403   200
GET  /L/desk/events/<key>/programme-with-guests.toml       303    403  403     200          200   403      403   200
GET  /L/desk/plan/new                                      303    403  403     200          200   403      403   200
POST /L/desk/plan/new                                      401    403  403     400          400   403      403   400
GET  /L/desk/programme-file                                303    403  403     200          200   403      403   200
POST /L/desk/programme-file                                401    403  403     422          422   403      403   422
GET  /L/desk/events/<key>/message                          303    403  403     200          200   403      403   200
POST /L/desk/events/<key>/message                          401    403  403     422          422   403      403   422
GET  /L/desk/search                                        303    200  200     200          200   200      200   200
GET  /L/desk/search/suggestions.json                       303    200  200     200          200   200      200   200
GET  /L/desk/people                                        303    403  403     200          200   403      403   200
GET  /L/desk/people/new                                    303    403  403     200          200   403      403   200
GET  /L/desk/people/duplicates                             303    403  403     200          200   403      403   200
POST /L/desk/people/new                                    401    403  403     422          422   403      403   422
GET  /L/desk/people/<number>                               303    403  403     200          200   403      403   200
GET  /L/desk/people/<number>/change                        303    403  403     200          200   403      403   200
GET  /L/desk/people/<number>/data.json                     303    403  403     200          200   403      403   200
GET  /L/desk/people/<number>/merge                         303    403  403     200          200   403      403   200
GET  /L/desk/people/<number>/erase                         303    403  403     200          200   403      403   200
GET  /L/desk/people/<number>/invite                        303    403  403     200          200   403      403   200
GET  /L/desk/people/<number>/write                         303    403  403     302          302   403      403   302
POST /L/desk/people/<number>/change                        401    403  403     422          422   403      403   422
POST /L/desk/people/<number>/merge                         401    403  403     422          422   403      403   422
POST /L/desk/people/<number>/apart                         401    403  403     422          422   403      403   422
POST /L/desk/people/<number>/erase                         401    403  403     422          422   403      403   422
GET  /L/desk/directory/organisations                       303    403  403     200          200   403      403   200
GET  /L/desk/directory/organisations/new                   303    403  403     200          200   403      403   200
POST /L/desk/directory/organisations/new                   401    403  403     422          422   403      403   422
GET  /L/desk/directory/organisations/<key>                 303    403  403     200          200   403      403   200
GET  /L/desk/directory/organisations/<key>/change          303    403  403     200          200   403      403   200
POST /L/desk/directory/organisations/<key>/change          401    403  403     422          422   403      403   422
GET  /L/desk/directory/organisations/<key>/merge           303    403  403     200          200   403      403   200
POST /L/desk/directory/organisations/<key>/merge           401    403  403     422          422   403      403   422
GET  /L/desk/directory/organisations/<key>/delete          303    403  403     200          200   403      403   200
POST /L/desk/directory/organisations/<key>/delete          401    403  403     422          422   403      403   422
GET  /L/desk/directory/venues                              303    403  403     200          200   403      403   200
GET  /L/desk/directory/venues/new                          303    403  403     200          200   403      403   200
POST /L/desk/directory/venues/new                          401    403  403     422          422   403      403   422
GET  /L/desk/directory/venues/<key>                        303    403  403     200          200   403      403   200
GET  /L/desk/directory/venues/<key>/change                 303    403  403     200          200   403      403   200
POST /L/desk/directory/venues/<key>/change                 401    403  403     422          422   403      403   422
GET  /L/desk/directory/venues/<key>/merge                  303    403  403     200          200   403      403   200
POST /L/desk/directory/venues/<key>/merge                  401    403  403     422          422   403      403   422
GET  /L/desk/directory/venues/<key>/delete                 303    403  403     200          200   403      403   200
POST /L/desk/directory/venues/<key>/delete                 401    403  403     422          422   403      403   422
GET  /L/desk/directory/cities                              303    403  403     200          200   403      403   200
GET  /L/desk/directory/cities/new                          303    403  403     200          200   403      403   200
POST /L/desk/directory/cities/new                          401    403  403     422          422   403      403   422
GET  /L/desk/directory/cities/<key>                        303    403  403     200          200   403      403   200
GET  /L/desk/directory/cities/<key>/change                 303    403  403     200          200   403      403   200
POST /L/desk/directory/cities/<key>/change                 401    403  403     422          422   403      403   422
GET  /L/desk/directory/cities/<key>/merge                  303    403  403     200          200   403      403   200
POST /L/desk/directory/cities/<key>/merge                  401    403  403     422          422   403      403   422
GET  /L/desk/directory/cities/<key>/delete                 303    403  403     200          200   403      403   200
POST /L/desk/directory/cities/<key>/delete                 401    403  403     422          422   403      403   422
POST /L/desk/directory/cities/<key>/travel                 401    403  403     422          422   403      403   422
GET  /L/desk/directory/venues/<key>/closed                 303    403  403     200          200   403      403   200
POST /L/desk/directory/venues/<key>/closed                 401    403  403     422          422   403      403   422
POST /L/desk/directory/venues/<key>/closed/remove          401    403  403     303          303   403      403   303
GET  /L/desk/events/<key>/messages                         303    403  403     200          200   403      403   200
GET  /L/desk/events/<key>/messages/<number>                303    403  403     200          200   403      403   200
POST /L/desk/events/<key>/messages/<number>/withdrawal     401    403  403     422          422   403      403   422
GET  /L/desk/events/<key>/reminders                        303    403  403     200          200   403      403   200
POST /L/desk/events/<key>/reminders                        401    403  403     422          422   403      403   422
GET  /L/desk/events/<key>/words                            303    403  403     200          200   403      403   200
GET  /L/desk/events/<key>/words/<kind>/<tag>               303    403  403     200          200   403      403   200
POST /L/desk/events/<key>/words/<kind>/<tag>               401    403  403     422          422   403      403   422
GET  /L/desk/reminders                                     303    403  403     200          200   403      403   200
POST /L/desk/reminders                                     401    403  403     422          422   403      403   422
GET  /L/desk/letters                                       303    403  403     200          200   403      403   200
POST /L/desk/letters/again                                 401    403  403     422          422   403      403   422
GET  /L/desk/mail                                          303    403  403     200          200   403      403   200
GET  /L/desk/mail/<number>                                 303    403  403     200          200   403      403   200
GET  /L/desk/mail/<number>/mail.eml                        303    403  403     200          200   403      403   200
POST /L/desk/mail/<number>/record                          401    403  403     422          422   403      403   422
POST /L/desk/mail/<number>/settle                          401    403  403     303          303   403      403   303
POST /L/desk/mail/<number>/reopen                          401    403  403     303          303   403      403   303
GET  /L/desk/posts/<key>/signature                         303    403  403     403          200   403      200   200
POST /L/desk/posts/<key>/signature                         401    403  403     403          422   403      422   422
GET  /L/desk/events/<key>/letters                          303    403  403     200          200   403      403   200
GET  /L/desk/events/<key>/letters/<number>                 303    403  403     200          200   403      403   200
GET  /L/desk/events/<key>/letters/<number>/attachment.ics  303    403  403     200          200   403      403   200
GET  /L/desk/events/<key>/letters/<number>/page            303    403  403     200          200   403      403   200
POST /L/desk/events/<key>/letters/<number>/again           401    403  403     422          422   403      403   422
POST /L/desk/events/<key>/letters/<number>/informed        401    403  403     422          422   403      403   422
GET  /L/desk/events/<key>/invitations.pdf                  303    403  403     303          303   403      403   303
GET  /L/desk/events/<key>/door                             303    403  200     200          200   403      403   200
POST /L/desk/events/<key>/door                             401    403  200     200          200   403      403   200
GET  /L/desk/events/<key>/door/now                         303    403  200     200          200   403      403   200
POST /L/desk/events/<key>/door/picture                     401    403  204     204          204   403      403   204
POST /L/desk/events/<key>/door/arrivals                    401    403  200     200          200   403      403   200
POST /L/desk/events/<key>/door/arrivals/<number>/companions 401  403  303     303          303   403      403   303
POST /L/desk/events/<key>/door/arrivals/<number>/undo      401    403  303     303          303   403      403   303
GET  /L/desk/events/<key>/door/badges.pdf                  303    403  403     200          200   403      403   200
GET  /L/desk/events/<key>/door/place-cards.pdf             303    403  403     200          200   403      403   200
GET  /L/desk/posts                                         303    403  403     403          200   200      200   200
GET  /L/desk/posts/<key>/today                             303    403  403     403          200   200      200   200
POST /L/desk/posts/<key>/today                             401    403  403     403          200   200      200   200
GET  /L/desk/posts/<key>/today/now                         303    403  403     403          200   200      200   200
GET  /L/desk/posts/<key>/today/list.pdf                    303    403  403     403          200   200      200   200
POST /L/desk/posts/<key>/today/picture                     401    403  403     403          204   204      204   204
POST /L/desk/posts/<key>/today/counter                     401    403  403     403          303   303      303   303
POST /L/desk/posts/<key>/today/call                        401    403  403     403          422   422      422   422
POST /L/desk/posts/<key>/today/visits/<reference>/<verb>     401    403  403     403          422   422      422   422
GET  /L/desk/posts/<key>/walk-in                           303    403  403     403          200   200      200   200
POST /L/desk/posts/<key>/walk-in                           401    403  403     403          422   422      422   422
GET  /L/desk/posts/<key>/statistics                        303    403  403     403          200   200      200   200
GET  /L/desk/posts/<key>/calendar                          303    403  403     403          200   200      200   200
POST /L/desk/posts/<key>/calendar                          401    403  403     403          303   303      303   303
GET  /L/desk/posts/<key>/close                             303    403  403     403          200   403      200   200
POST /L/desk/posts/<key>/close                             401    403  403     403          422   403      422   422
POST /L/desk/posts/<key>/close/look                        401    403  403     403          422   403      422   422
POST /L/desk/posts/<key>/close/again                       401    403  403     403          200   403      200   200
POST /L/desk/posts/<key>/close/offer                       401    403  403     403          303   403      303   303
GET  /L/desk/visits/<reference>                            303    403  403     403          200   403      200   200
GET  /L/desk/visits/<reference>/move                       303    403  403     403          200   403      200   200
POST /L/desk/visits/<reference>/move                       401    403  403     403          409   403      409   409
GET  /L/desk/visits/<reference>/cancel                     303    403  403     403          200   403      200   200
POST /L/desk/visits/<reference>/cancel                     401    403  403     403          422   403      422   422
GET  /L/desk/visits/<reference>/correction                 303    403  403     403          200   403      200   200
POST /L/desk/visits/<reference>/correction                 401    403  403     403          422   403      422   422
POST /L/desk/visits/<reference>/names                      401    403  403     403          303   403      303   303
GET  /L/desk/visits/<reference>/letters/<number>           303    403  403     403          200   403      403   200
GET  /L/desk/visits/<reference>/letters/<number>/attachment.ics 303 403 403    403          200   403      403   200
GET  /L/desk/visits/<reference>/letters/<number>/page      303    403  403     403          200   403      403   200
POST /L/desk/visits/<reference>/letters/<number>/again     401    403  403     403          422   403      403   422
POST /L/desk/visits/<reference>/letters/<number>/informed  401    403  403     403          422   403      403   422
"""
# What an account may know of ("yes"); the rest is not there (404), for whoever the table above does not refuse (403).
KNOWS = """
                    viewer door officer officer+post front front+none consular admin
public event           yes  yes     yes          yes   yes        yes      yes   yes
private event          yes  yes     yes          yes   yes        yes      yes   yes
confidential event      no   no     yes          yes    no         no       no   yes
post phuket             no   no      no          yes   yes         no      yes   yes
post chiangmai          no   no      no           no    no         no       no   yes
post retreat            no   no      no           no    no         no       no   yes
"""
# What everybody is answered about an event of each visibility. Who has a link of theirs sees their own event.
OF_EVENTS = """
                                        public private confidential
GET  /events/<key>                         302     302          302
GET  /L/events/<key>                       200     404          404
GET  /L/events/<key>.ics                   200     404          404
GET  /L/events/<key>/register              200     404          404
POST /L/events/<key>/register              303     404          404
GET  /L/events/<key>/register/sent         200     404          404
GET  /L/confirm/<token>                    200     200          200
POST /L/confirm/<token>                    303     303          303
GET  /L/registration/<token>               200     200          200
GET  /L/registration/<token>/data.json     200     200          200
GET  /L/registration/<token>/event.ics     200     200          200
GET  /L/registration/<token>/pass.png      200     200          200
POST /L/registration/<token>/calendar      303     303          303
POST /L/registration/<token>/coming        303     422          422
POST /L/registration/<token>/party         303     303          303
POST /L/registration/<token>/name          422     422          422
POST /L/registration/<token>/reader        303     303          303
POST /L/registration/<token>/reminders     303     303          303
GET  /L/registration/<token>/erasure       200     200          200
POST /L/registration/<token>/erasure       303     303          303
POST /L/registration/<token>/withdrawal    303     303          303
"""
# The same about a post, and about one that a confidential event opens. Who has booked there has a link.
OF_POSTS = """
                                        phuket retreat
GET  /L/posts/<key>                        200     404
GET  /L/posts/<key>/book                   200     404
GET  /L/posts/<key>/book/<name>            200     404
GET  /L/posts/<key>/book/<name>/time       200     404
GET  /L/posts/<key>/book/<name>/why        200     404
GET  /L/posts/<key>/book/<name>/who        200     404
POST /L/posts/<key>/book/<name>/who        303     404
GET  /L/posts/<key>/book/<name>/sent       200     404
GET  /L/posts/<key>/book/<name>/wait       200     404
GET  /L/posts/<key>/book/<name>/wait/who   200     404
POST /L/posts/<key>/book/<name>/wait/who   303     404
GET  /L/board/<key>/<token>                200     200
GET  /L/visits/confirm/<token>             200     200
POST /L/visits/confirm/<token>             303     303
GET  /L/visits/calendar/<token>.ics        200     200
GET  /L/visits/<token>                     200     200
GET  /L/visits/<token>/visit.ics           200     200
GET  /L/visits/<token>/time                200     200
GET  /L/visits/<token>/move                200     200
POST /L/visits/<token>/move                303     303
POST /L/visits/<token>/reader              303     303
POST /L/visits/<token>/name                422     422
GET  /L/visits/<token>/cancel              200     200
POST /L/visits/<token>/cancel              303     303
"""
OF_NOTHING = """
                                        everybody
GET  /                                        302
GET  /L                                       308
GET  /L/                                      200
GET  /L/month/                                302
GET  /L/month/<named>                         200
GET  /L/clock                                 200
GET  /L/posts                                 200
GET  /L/subscribe                             200
GET  /L/erased                                200
GET  /L/regrets                               200
GET  /static/<digest>/<name>                  200
GET  /favicon.ico                             302
GET  /robots.txt                              200
GET  /sitemap.xml                             200
"""

Table = Mapping[str, Mapping[str, str]]  # the answer by row and by column


@cache
def read_table(text: str) -> Table:
    """Read a table: the first line names the columns; the words of a row before its answers are its name."""
    columns, *rows = (line.split() for line in text.strip().splitlines())
    width = len(columns)
    return {" ".join(row[:-width]): dict(zip(columns, row[-width:], strict=True)) for row in rows}


def name_of(route: Route) -> str:
    """Return the name of a route in the tables: its method, and its address without the converters."""
    address = re.sub(r"<(?:[^<>]*:)?([^<>:]*)>", r"<\1>", route.rule)
    return f"{route.method} {address.replace('<language>', 'L')}"


ON_SQLITE = pytest.mark.parametrize("shared_app", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("shared_app", ["postgresql"], indirect=True)


@pytest.fixture(scope="module")
def known(shared_app: App) -> Known:
    return put_known(shared_app, pages_of(shared_app))


@ON_SQLITE
def test_the_tables_have_every_route_and_no_other(known: Known) -> None:
    stated = [*(name for text in (DESK, OF_EVENTS, OF_POSTS, OF_NOTHING) for name in read_table(text))]

    assert sorted(stated) == sorted(map(name_of, list_routes(known.site)))


# The desk


@dataclass(frozen=True)
class About:
    """What a request is about: an event, a post with a visit to it, or neither."""

    row: str  # in KNOWS
    event: str = "fair"
    post: str = OWN_POST


EVENTS_OF_DESK = [About(f"{visibility} event", event=key) for visibility, key in EVENTS.items()]
POSTS_OF_DESK = [About(f"post {key}", post=key) for key in (OWN_POST, OTHER_POST, HIDDEN_POST)]
ENDS_SESSION = ("account.end_everywhere", "signing.sign_out")


@ON_SQLITE
@pytest.mark.parametrize("account", [STRANGER, *ACCOUNTS])
def test_each_account_is_answered_what_the_tables_say(known: Known, account: str) -> None:
    expect_answers_of_tables(known, account)


def expect_answers_of_tables(known: Known, account: str) -> None:
    browser = open_browser(known, account)
    expected, got = {}, {}

    for route, about, answer in walk_desk(known, account):
        if route.endpoint in ENDS_SESSION:
            browser = open_browser(known, account)
        said = browser.ask(route, event=about.event, post=about.post)
        expected[name_of(route), about.row], got[name_of(route), about.row] = answer, said.status_code
        expect_nothing_of(find_hidden_words(account, about), said)
        if answer == 404 and route.method == "GET":
            for method in ("HEAD", "OPTIONS"):
                assert 404 == browser.ask(route, method, event=about.event, post=about.post).status_code, route.rule

    assert expected == got


def open_browser(known: Known, account: str) -> Browser:
    """Return a browser at an address of its own, because one address may send only so many requests a minute."""
    return Browser(known, account, address=f"127.0.1.{[*ACCOUNTS, STRANGER].index(account)}")


def walk_desk(known: Known, account: str) -> Iterator[tuple[Route, About, int]]:
    """Yield every route of the desk, what to ask it for, and the answer of the tables.

    It is asked for what the fewest may know of, of all that the account knows, and for what the most may know of, of
    all that it does not. Whoever is refused by their role is so whatever they ask for.
    """
    for route in filter(is_of_desk, list_routes(known.site)):
        answer = int(read_table(DESK)[name_of(route)][account.removesuffix("+none")])
        there = [about for about in list_what_to_ask_for(route) if knows(account, about.row)]
        hidden = [about for about in list_what_to_ask_for(route) if not knows(account, about.row)]
        if answer == 403 or account == STRANGER:
            yield route, [*there, *hidden][-1], answer
            continue
        yield from ((route, about, answer) for about in there[-1:])
        yield from ((route, about, 404) for about in hidden[:1])


def is_of_desk(route: Route) -> bool:
    return "/desk" in route.rule


def list_what_to_ask_for(route: Route) -> list[About]:
    """List what to ask a route of the desk for; the last is what the fewest may know of."""
    if route.of_events:
        return EVENTS_OF_DESK
    return POSTS_OF_DESK if route.of_posts or "reference" in route.arguments else [About("")]


def knows(account: str, row: str) -> bool:
    return not row or (account != STRANGER and read_table(KNOWS)[row][account] == "yes")


# By row of KNOWS: the words that stand nowhere else; the key, which stands in the address, is the last.
WORDS = {
    "private event": (TITLES["dinner"], GUESTS["dinner"], "dinner"),
    "confidential event": (TITLES["talks"], GUESTS["talks"], "talks"),
    "post phuket": ("Phuketvisitor", "Phuketasking"),
    "post chiangmai": ("Chiangmaivisitor", "Chiangmaiasking", "chiangmai"),
    "post retreat": ("Retreatvisitor", "Retreatasking", "retreat"),
}


def find_hidden_words(account: str, about: About) -> list[str]:
    """Return the words that an account must not be told; the address that was asked for is no secret."""
    hidden = [row for row in WORDS if not knows(account, row)]
    return [word for row in hidden for word in WORDS[row][: 2 if row == about.row else None]]


def expect_nothing_of(words: Iterable[str], answer: TestResponse) -> None:
    """Fail if one of these words stands in the headers or the body of an answer."""
    said = f"{answer.headers}{answer.get_data().decode(errors='replace')}"
    assert [] == [word for word in words if word in said], answer.request.path


@ON_SQLITE
@pytest.mark.parametrize("account", ["door", "consular"])
def test_what_an_account_may_not_know_of_looks_like_what_is_not_there(known: Known, account: str) -> None:
    browser = Browser(known, account, address="127.0.1.20")

    for route, about, answer in walk_desk(known, account):
        if answer == 404 and "key" in route.arguments:
            there = browser.ask(route, event=about.event, post=about.post)
            path = replace_words(known.path(route, event=about.event, post=about.post))
            absent = browser.ask(route, event=about.event, post=about.post, path=path)
            assert (404, 404) == (there.status_code, absent.status_code), path
            assert replace_words(there.text) == replace_words(absent.text), path


def replace_words(text: str) -> str:
    """Replace the keys of what is hidden by keys of the same length that nothing has, and leave the tokens out."""
    for word in ("talks", "dinner", OTHER_POST, HIDDEN_POST):
        text = text.replace(word, "x" * len(word))
    return re.sub(r'(name="csrf_token" value=")[^"]*', r"\1token", text)


# Everybody


@pytest.mark.parametrize("engine", ["sqlite"])
def test_everybody_is_answered_what_the_tables_say(app: App) -> None:
    known = put_known(app, pages_of(app))
    expected, got = {}, {}

    for number, (route, column, answer) in enumerate(walk_pages(known)):
        browser = Browser(known, address=f"127.0.2.{number}")  # one address may send only so many forms
        event, post = EVENTS.get(column, "fair"), HIDDEN_POST if column == HIDDEN_POST else OWN_POST
        expected[name_of(route), column] = answer
        got[name_of(route), column] = browser.ask(route, event=event, post=post).status_code

    assert expected == got


def walk_pages(known: Known) -> Iterator[tuple[Route, str, int]]:
    """Yield every route that is not of the desk with each column of the tables, and the answer there."""
    tables = {**read_table(OF_EVENTS), **read_table(OF_POSTS), **read_table(OF_NOTHING)}
    for route in list_routes(known.site):
        if not is_of_desk(route):
            yield from ((route, column, int(answer)) for column, answer in tables[name_of(route)].items())


NOT_PUBLIC = ("private event", "confidential event", "post retreat")


@ON_SQLITE
def test_nothing_that_everybody_reads_names_what_is_not_public(known: Known) -> None:
    browser = Browser(known, address="127.0.3.1")
    words = [word for row in NOT_PUBLIC for word in WORDS[row]]

    for route in list_routes(known.site):
        if route.method == "GET" and not is_of_desk(route):
            expect_nothing_of(words, browser.ask(route))
    for page in ("/en/", "/en/subscribe", "/kk/month/2027-02"):
        for query in (
            "when=past",
            "month=2027-02",
            "city=retreat",
            "kind=meeting",
            "feed=city-retreat",
            "tour=talks",
        ):
            said = browser.client.get(f"{page}?{query}")
            assert 200 == said.status_code
            expect_nothing_of([word for word in words if word not in query], said)


@ON_SQLITE
def test_a_calendar_names_only_what_its_reader_may_know_of(known: Known) -> None:
    client = Client(FeedServer(known.app, known.site.wsgi_app))
    may_know = {"private": "private event", "own": "confidential event"}

    for name, address in known.feeds.items():
        said = client.get(address)
        assert 200 == said.status_code
        words = [word for row in NOT_PUBLIC if row != may_know.get(name) for word in WORDS[row]]
        uids = [known.uids[key] for key in ("dinner", "talks") if key in words]
        expect_nothing_of([*words, *uids], said)


@ON_SQLITE
@pytest.mark.parametrize(
    "name", ["city-retreat.en.ics", "talks.en.ics", "choice.en.ics?tour=talks", "choice.en.ics?city=retreat"]
)
def test_a_calendar_of_what_is_not_public_looks_like_one_that_is_not_there(known: Known, name: str) -> None:
    client = Client(FeedServer(known.app, known.site.wsgi_app))

    there, absent = client.get(f"/feeds/{name}"), client.get(f"/feeds/{replace_words(name)}")

    assert 404 == there.status_code
    assert (there.data, str(there.headers)) == (absent.data, str(absent.headers))


@ON_SQLITE
@pytest.mark.parametrize("key", ["dinner", "talks"])
def test_an_event_that_is_not_public_looks_like_one_that_is_not_there(known: Known, key: str) -> None:
    browser = Browser(known, address="127.0.3.2")

    for route in list_routes(known.site):
        if route.of_events and not is_of_desk(route):
            there = browser.ask(route, event=key)
            absent = browser.ask(route, event=key, path=replace_words(known.path(route, event=key)))
            assert there.status_code == absent.status_code, route.rule
            assert replace_words(there.text) == replace_words(absent.text), route.rule
            assert replace_words(str(there.headers)) == str(absent.headers), route.rule


# The rights do not depend on the engine; what is read by them does. This comes last, so that data is put once.


@ON_POSTGRESQL
@pytest.mark.parametrize("account", ["door", "officer+post", "front"])
def test_whom_a_scope_decides_for_is_answered_what_the_tables_say_on_postgresql(known: Known, account: str) -> None:
    expect_answers_of_tables(known, account)

"""Every route of the site, with data that each of them believes.

    known = put_known(app)
    for route in list_routes(pages_of(app)):
        client.open(known.path(route), method=route.method, data=known.fields(route))

There is an event of each visibility with guests on its list, a post with visits for most accounts, another one, and
an account of each role. The routes of feeds come before the pages and are no rules of Flask: see `Known.feeds`.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from scheduler.app import App
from scheduler.model.accounts import Account, AccountRole
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event
from scheduler.model.feeds import Sees
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.visits import Appointment
from scheduler.services.accounts import accounts
from scheduler.services.common.tokens import Purpose, make_attendee_token
from scheduler.services.consulate.front_desk import board
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.visits import links as visit_links
from scheduler.services.consulate.visits import references
from scheduler.services.consulate.visits.links import VisitPurpose
from scheduler.services.correspondence import inbox
from scheduler.services.events.attendance import transitions
from scheduler.services.events.door import arrivals
from scheduler.services.events.door.arrivals import ScanDetails
from scheduler.services.events.guests import registration
from scheduler.services.feeds import links as feed_links
from scheduler.services.letters import message_drafts, messages
from scheduler.web.kit import forms
from tests.support.accounts import an_account, sign_in
from tests.support.accounts import seal as csrf_token
from tests.support.builders import NOW, a_person, a_venue, an_event, an_organisation, register
from tests.support.consulate import MORNING, PASSPORT, Consulate, a_post, give
from tests.support.guest_mail import put_mail

# By visibility: the key of an event; its title and the names of its guests are words that stand nowhere else. The
# public one is part of the confidential one, and the private one part of the public one.
EVENTS = {"public": "fair", "private": "dinner", "confidential": "talks"}
PARENTS = {"fair": "talks", "dinner": "fair"}
TITLES = {"fair": "Kumisfair", "dinner": "Herondinner", "talks": "Falcontalks"}
GUESTS = {"fair": "Fairguest", "dinner": "Dinnerguest", "talks": "Talksguest"}
# An organisation, a venue and a city, which every officer of the programme may know of: the public event has them.
PLACES = {"organisations": "embassy", "venues": "hall", "cities": "bangkok"}
PEOPLE = ("people", "merging", "personerasure", "personevents")  # blueprints of pages about a person
# The post of those accounts that have one, a post of nobody but administrators, and the one that the confidential
# event opens.
OWN_POST, OTHER_POST, HIDDEN_POST = "phuket", "chiangmai", "retreat"
# Officers know every city, and must not read there that it has a post.
CITIES = {OWN_POST: "south", OTHER_POST: "north", HIDDEN_POST: "hills"}
# By name: the role of an account and its posts. A viewer and a door have one, too, which must give them nothing.
ACCOUNTS: Mapping[str, tuple[AccountRole, tuple[str, ...]]] = {
    "viewer": (AccountRole.VIEWER, (OWN_POST,)),
    "door": (AccountRole.DOOR, (OWN_POST,)),
    "officer": (AccountRole.OFFICER, ()),
    "officer+post": (AccountRole.OFFICER, (OWN_POST,)),
    "front": (AccountRole.FRONT_DESK, (OWN_POST,)),
    "front+none": (AccountRole.FRONT_DESK, ()),
    "consular": (AccountRole.CONSULAR, (OWN_POST,)),
    "admin": (AccountRole.ADMINISTRATOR, ()),
}
STRANGER = "stranger"  # nobody's account
INVITED = "newcomer"  # an account that has a link to choose a password
# By blueprint: the act that an address names.
_VERBS = {"front": "no-show", "replanning": "move", "planacts": "confirm"}
# They end what the others are about, and so come last.
_LAST = ("erasing.erase", "own.withdrawal", "ownvisit.cancel", "account.end_everywhere", "signing.sign_out")


class Route(NamedTuple):
    """A route: one method of one rule of the URL map."""

    method: str
    endpoint: str
    rule: str
    arguments: frozenset[str]

    @property
    def of_events(self) -> bool:
        """Return whether it is about one event or somebody on its list."""
        return "key" in self.arguments and "/events/" in self.rule

    @property
    def of_posts(self) -> bool:
        """Return whether it is about one post."""
        return "key" in self.arguments and not self.of_events and not self.of_places

    @property
    def of_places(self) -> bool:
        """Return whether it is about one organisation, venue or city."""
        return any(f"/{place}/" in self.rule for place in PLACES)


def list_routes(site: Flask) -> list[Route]:
    """List what a browser can ask for; HEAD and OPTIONS go with GET."""
    found = [
        Route(method, rule.endpoint, rule.rule, frozenset(rule.arguments))
        for rule in site.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    ]
    return sorted(found, key=lambda route: (route.endpoint in _LAST, route.rule, route.method))


class Numbers(NamedTuple):
    """The ids of an event's guests: on the list, not confirmed yet, the arrival of another; a letter to the first.

    ``person`` is the id of the first in the directory, ``message`` that of one to the guest with the arrival.
    """

    guest: int
    unconfirmed: int
    arrival: int
    letter: int
    person: int
    message: int
    mail: int  # came in about the event


@dataclass
class Known:
    """The data of the site, and the addresses made of it."""

    app: App
    site: Flask
    numbers: Mapping[str, Numbers]  # by the key of the event
    uids: Mapping[str, str]
    visits: Mapping[str, str]  # the reference of a confirmed visit by the key of its post
    held: Mapping[str, str]  # the same of one that is not confirmed
    visit_letters: Mapping[str, int]  # the id of a letter about the confirmed visit by the key of its post
    tokens: Mapping[tuple[str, str], str]  # by endpoint and by event, post or ""
    feeds: Mapping[str, str]  # the addresses of feeds, by what they show

    def path(self, route: Route, *, event: str = "fair", post: str = OWN_POST, **given: Any) -> str:
        """Return the address of a route, about this event or this post."""
        values = {**self.arguments(route, event=event, post=post), **given}
        wanted = {name: values[name] for name in route.arguments}
        return self.site.url_map.bind("localhost").build(route.endpoint, wanted, route.method)

    def arguments(self, route: Route, *, event: str = "fair", post: str = OWN_POST) -> dict[str, Any]:
        """Return a value for every argument that any route has."""
        numbers = self.numbers[event]
        return {
            "language": "en",
            "key": self.key(route, event, post),
            "number": self.number(route, numbers, post),
            "name": "look.css" if route.endpoint == "machines.static" else "passport",
            "digest": "0",
            "kind": "invitation" if route.endpoint.startswith("cardwords.") else "csv",
            "tag": "en",
            "named": "2027-02",
            "reference": self.visits[post],
            "verb": {"front": "no-show", "replanning": "move", "planacts": "confirm"}.get(
                route.endpoint.partition(".")[0], "answer"
            ),
            "_verb": "password",
            "token": self.token(route.endpoint, event, post),
        }

    def key(self, route: Route, event: str, post: str) -> str:
        """Return the key that an address of this route needs: of an event, a post, an organisation."""
        if route.of_places:
            return next(key for place, key in PLACES.items() if f"/{place}/" in route.rule)
        return event if route.of_events else post

    def number(self, route: Route, numbers: Numbers, post: str) -> int:
        """Return the id that an address of this route needs: of an arrival, a letter, a message, or a guest."""
        if route.endpoint.partition(".")[0] in PEOPLE:
            return numbers.person
        if "letters" in route.rule:
            return numbers.letter if route.of_events else self.visit_letters[post]
        if "messages" in route.rule:
            return numbers.message
        if route.endpoint.startswith("incoming."):
            return numbers.mail
        return numbers.arrival if route.endpoint.startswith("door.") else numbers.guest

    def token(self, endpoint: str, event: str = "fair", post: str = OWN_POST) -> str:
        """Return the token that opens a page of this endpoint, or of its blueprint; "" for a page without one."""
        blueprint = endpoint.partition(".")[0]
        found = (self.tokens.get((place, about)) for place in (endpoint, blueprint) for about in (event, post, ""))
        return next((token for token in found if token), "")

    def query(self, route: Route) -> str:
        """Return the query of a page that is asked for with one, and ""."""
        return {
            "door.picture": "width=2&height=2",
            "front.picture": "width=2&height=2",
            "visiting.who": f"people=1&documents=1&layout=&at={MORNING + timedelta(hours=4):%Y-%m-%dT%H:%M}",
            "visiting.ask": "people=1&documents=1&layout=",
            "visiting.who_waits": f"people=1&documents=1&layout=&day={MORNING:%Y-%m-%d}",
            "visiting.wait": f"people=1&documents=1&layout=&day={MORNING:%Y-%m-%d}",
            "visiting.why": f"day={MORNING:%Y-%m-%d}&hour=10:00",
            "ownvisit.to_move": f"at={MORNING + timedelta(hours=5):%Y-%m-%dT%H:%M}",
        }.get(route.endpoint, "")

    def body(self, route: Route, *, event: str = "fair", post: str = OWN_POST) -> dict[str, Any]:
        """Return the body of a request as the test client takes it: a picture, or the fields of a form."""
        if route.endpoint.endswith(".picture") and route.method == "POST":
            return {"data": gzip.compress(bytes(4)), "content_type": "application/octet-stream"}
        return {"data": self.fields(route, event=event, post=post)} if route.method == "POST" else {}

    def fields(self, route: Route, *, event: str = "fair", post: str = OWN_POST) -> dict[str, str]:
        """Return what is typed into a form, without the seal of the desk; most of the desk's forms stay empty."""
        who = {"name": "Newcomer", "email": "newcomer@example.org", "consent": "1", "language": "en"}
        time = f"{MORNING + timedelta(hours=4, minutes=30):%Y-%m-%dT%H:%M}"
        visitor = {"name-1": "Newcomer", "document-1": "N-7777", "email": "newcomer@example.org", "consent": "1"}
        typed = {
            "registering.ask": {**who, "mode": "in person", "companions": "1", "seal": self.seal(event)},
            "visiting.ask": {**visitor, "at": time, "seal": self.seal(f"visit {post}/passport")},
            "visiting.wait": {**visitor, "seal": self.seal(f"visit {post}/passport")},
            "ownvisit.move": {"at": time},
            "ownvisit.read_in": {"letters": "kk", "zone": ""},
            "own.party": {"mode": "in person", "companions": "1"},
            "own.reminders": {"reminded": "never"},
            "own.reader": {"letters": "kk", "zone": ""},
            "door.let_in": {"attendee": str(self.numbers[event].guest)},
            "sentmessages.withdraw": {"letter": "0"},
            "deskvisits.move": {"at": "2027-01-10T10:00"},  # a Sunday
        }
        return typed.get(route.endpoint, {})

    def seal(self, purpose: str) -> str:
        """Return the seal of a form that was just shown."""
        return forms.seal(purpose, secret=self.app.secret, now=self.app.clock.now())

    def client(self, account: str | None = None, *, address: str = "127.0.0.1") -> FlaskClient:
        """Return a browser at this address, signed in to an account if one is named."""
        client = self.site.test_client()
        client.environ_base["REMOTE_ADDR"] = address
        if account:
            assert 303 == sign_in(client, account).status_code
        return client


class Browser:
    """A browser of somebody who is signed in to an account, or of a stranger; it sends the forms of our pages."""

    def __init__(self, known: Known, account: str = STRANGER, *, address: str = "127.0.0.1") -> None:
        self.known = known
        self.client = known.client(None if account == STRANGER else account, address=address)
        self.headers = {} if account == STRANGER else {"X-CSRFToken": seal_of_desk(self.client)["csrf_token"]}

    def ask(
        self, route: Route, method: str = "", *, event: str = "fair", post: str = OWN_POST, path: str = ""
    ) -> TestResponse:
        """Send a request to a route about this event or this post; ``path`` is another address of the route."""
        address = path or self.known.path(route, event=event, post=post)
        body = self.known.body(route, event=event, post=post)
        return self.client.open(
            f"{address}?{self.known.query(route)}", method=method or route.method, headers=self.headers, **body
        )


def seal_of_desk(client: FlaskClient) -> dict[str, str]:
    """Return the field that every form of the desk carries, in the session of this client."""
    return {"csrf_token": csrf_token(client, "/en/desk/account")}


def put_known(app: App, site: Flask) -> Known:
    """Put the data: events with guests, posts with visits, accounts; and return it with its links."""
    tokens: dict[tuple[str, str], str] = {}
    with app.db.write() as session:
        numbers = {
            key: _put_event(app, session, key, visibility, tokens)
            for visibility, key in sorted(EVENTS.items(), key=lambda pair: pair[1] in PARENTS)
        }
        uids = {event.key: event.uid for event in session.scalars(sa.select(Event))}
    visits, held = {}, {}
    for key in (OWN_POST, OTHER_POST, HIDDEN_POST):
        visits[key], held[key] = _put_post(app, key, tokens)
    for name, (role, keys) in ACCOUNTS.items():
        an_account(app, name, role)
        if keys:
            give(app, name, *keys)
    an_account(app, INVITED, AccountRole.VIEWER)
    with app.db.write() as session:
        invited = accounts.get_for_update(session, INVITED)
        tokens["signing", ""] = accounts.invite(session, invited, secret=app.secret, now=NOW)
        feeds = _put_feeds(app, session, numbers)
        letters = {key: _find_letter(session, reference) for key, reference in visits.items()}
    return Known(app, site, numbers, uids, visits, held, letters, tokens, feeds)


def _find_letter(session: Session, reference: str) -> int:
    """Return the id of the letter that says that a visit is booked."""
    booked = sa.select(Letter.id).join(Letter.appointment).where(Letter.kind == LetterKind.VISIT_BOOKED)
    return session.scalars(booked.where(Appointment.reference == reference)).one()


def _put_event(app: App, session: Session, key: str, visibility: str, tokens: dict[tuple[str, str], str]) -> Numbers:
    places = {"organizer": an_organisation(session).key, "venue": a_venue(session).key} if key == "fair" else {}
    event = an_event(
        session,
        key,
        **places,
        title=TITLES[key],
        visibility=visibility,
        capacity=50,
        companions_most=3,
        **({"parent": PARENTS[key]} if key in PARENTS else {}),
        **({"registration": "public"} if visibility == "public" else {}),
    )
    guest = register(session, event, a_person(session, name=GUESTS[key]))
    here = register(session, event, a_person(session, name=f"{GUESTS[key]} There"))
    came = arrivals.check_in(session, here, ScanDetails(any_day=True), now=NOW).arrival
    asking = transitions.Guest(person=a_person(session, name=f"{GUESTS[key]} Asking"))
    unconfirmed = transitions.request_registration(session, event, asking, now=NOW)
    session.flush()
    leaving = register(session, event, a_person(session, name=f"{GUESTS[key]} Leaving"))
    for blueprint, row in (("own", guest), ("erasing", leaving)):
        tokens[blueprint, key] = registration.make_own_token(row, secret=app.secret)
    tokens["registering", key] = _make_token_to_confirm(app, unconfirmed)
    assert came is not None
    letter = session.scalars(sa.select(Letter.id).where(Letter.person_id == guest.person_id)).one()
    written = message_drafts.draft({"subject": {"en": "Doors"}, "text": {"en": "At nine."}}, language="en")
    message = messages.send(session, event, written, to=(), guests=[here.id], now=NOW).id
    mail = put_mail(session, event)
    inbox.settle(session, mail, now=NOW)  # so that it can wait again, whoever asks for that first
    return Numbers(guest.id, unconfirmed.id, came.id, letter, guest.person_id, message, mail.id)


def _make_token_to_confirm(app: App, row: Attendee) -> str:
    return make_attendee_token(Purpose.CONFIRM, row.id, row.created_at, row.epoch, secret=app.secret)


def _put_post(app: App, key: str, tokens: dict[tuple[str, str], str]) -> tuple[str, str]:
    with app.db.write() as session:
        opens = {"event": "talks"} if key == HIDDEN_POST else {}
        a_post(session, key, city=CITIES[key], service={"passport": {**PASSPORT, "walk_ins": True}}, **opens)
        tokens["board", key] = board.make_board_token(posts.get(session, key), secret=app.secret)
    consulate = Consulate(app.db, key)
    confirmed = consulate.book(f"{key.title()}visitor")
    held = consulate.hold(f"{key.title()}asking", MORNING + timedelta(hours=1))
    with app.db.read() as session:
        row, asked = references.get(session, confirmed), references.get(session, held)
        tokens["ownvisit", key] = visit_links.make_token(row, VisitPurpose.OWN, secret=app.secret)
        tokens["ownvisit.calendar", key] = visit_links.make_token(row, VisitPurpose.CALENDAR, secret=app.secret)
        for endpoint in ("ownvisit.to_confirm", "ownvisit.confirm"):
            tokens[endpoint, key] = visit_links.make_token(asked, VisitPurpose.CONFIRM, secret=app.secret)
    return confirmed, held


def _put_feeds(app: App, session: Session, numbers: Mapping[str, Numbers]) -> dict[str, str]:
    """Return the addresses of public feeds, and of private ones: of what is private, of a guest, of a post."""

    def private(link: Any) -> str:
        return f"/private/{feed_links.token(link, secret=app.secret)}.en.ics"

    guest = session.get_one(Attendee, numbers["talks"].guest).person
    consular = session.scalars(sa.select(Account).where(Account.name == "consular")).one()
    see = {"holder": "Driver", "now": NOW}
    return {
        "public": "/feeds/all.en.ics",
        "choice": "/feeds/choice.en.ics?kind=ceremony",
        "private": private(feed_links.add(session, feed="all", sees=Sees.PRIVATE, **see)),
        "own": private(feed_links.add(session, feed="all", sees=Sees.OWN, person=guest, **see)),
        "visits": private(
            feed_links.add_visits(session, post=posts.get(session, OWN_POST), account=consular, names=True, **see)
        ),
    }

"""A believable request for every route of the site: what somebody who uses it would send.

A route that is not here has no request, and the tests that walk over all routes fail for it.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import Flask, url_for
from sqlalchemy.orm import Session

from scheduler.app import App
from scheduler.base.clock import instant
from scheduler.model.accounts import AccountRole
from scheduler.model.attendance import Attendee, Standing
from scheduler.model.letters import IncomingMail, Letter, LetterKind, MailState, Outcome
from scheduler.model.visits import Appointment
from scheduler.services.accounts import accounts, assigned_posts
from scheduler.services.accounts.account_drafts import AccountDraft
from scheduler.services.common.tokens import Purpose, make_attendee_token
from scheduler.services.consulate.front_desk.board import make_board_token
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.posts.free_times import Party, find_free_times
from scheduler.services.consulate.visits import links as visit_links
from scheduler.services.consulate.visits import references
from scheduler.services.consulate.visits.links import VisitPurpose
from scheduler.services.desk.uploads import guest_list_uploads
from scheduler.services.events.door import arrivals
from scheduler.services.letters import message_drafts, messages
from scheduler.web.kit import form_floods, forms
from scheduler.web.kit.assets import Assets
from tests.support.accounts import KEPT, PASSWORD
from tests.support.builders import a_city, a_person, a_venue, an_event, an_organisation, register
from tests.support.consulate import COUNTERS, NAMES, SERVICES, Consulate, a_post
from tests.support.forms import solution
from tests.support.guest_mail import put_mail

OFFICER, TZID = "chief", "Asia/Bangkok"
NEW_PASSWORD = "lantern vessel thirteen harbours"
# A list with a clear row, a person whom the season knows, and an answer that nobody can read.
GUEST_LIST = b"Name,E-mail,Answer\nDamir,damir@example.org,\nNewcomer,,\nDina,dina@example.org,perhaps so\n"
PROGRAMME = '[programme]\nkey = "season"\nname = "Season"\n'
SIDE = 8  # pixels of the picture that a camera sends

PEOPLE = ("Anna Sample", "Sample Anna", "Bolat Sample", "Chai Sample")  # two of them may be one


@dataclass(frozen=True, slots=True)
class RouteRequest:
    """What is sent to a route: the values in its path, a query, and a form or another body if it is a POST."""

    path: Mapping[str, object] = field(default_factory=dict)
    query: Mapping[str, object] = field(default_factory=dict)
    form: Mapping[str, Any] = field(default_factory=dict)
    body: bytes = b""

    def address(self, web: Flask, endpoint: str) -> str:
        """Return the address, in English where the site has several languages."""
        spoken = {"language": "en"} if web.url_map.is_endpoint_expecting(endpoint, "language") else {}
        with web.test_request_context():
            path = url_for(endpoint, **{**spoken, **self.path})
        return f"{path}?{urlencode(self.query)}" if self.query else path


Route = tuple[str, str]  # method and endpoint


def routes_of(web: Flask) -> set[Route]:
    """Return every route of a site."""
    rules = web.url_map.iter_rules()
    return {(method, rule.endpoint) for rule in rules for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}


class Season:
    """A small programme and a post, with everybody whom the requests are about.

    It is planned at ``now``. The event "door" and the first visits are on ``morning``, an instant some days later.
    """

    def __init__(self, app: App, now: datetime, *, copies: int = 1, counters: int = 2) -> None:
        """Plan it; of each guest and each visit that a form changes there are as many copies."""
        self.app, self.now, self.copies = app, now, copies
        self.counters = dict(islice(COUNTERS.items(), counters))
        with app.db.write() as session:
            self._plan_post(session)
        self.morning = instant(self.free[0], TZID)
        with app.db.write() as session:
            self._plan_events(session)
            self._add_accounts(session)
        self._book()
        with app.db.write() as session:
            self._fail_letters(session)
            self._write_message(session)

    def _plan_post(self, session: Session) -> None:
        said = {"horizon": "120 days", "notice": "1 day", "hold": "1 day", "largest_party": 3}
        post = a_post(session, now=self.now, name=NAMES, counter=self.counters, service=SERVICES, **said)
        self.board = make_board_token(post, secret=self.app.secret)
        service = posts.get_service(post, "passport")
        found = (slot.dtstart for slot in find_free_times(session, service, Party(), now=self.now))
        self.free = [at for at in found if at.minute % 30 == 0]  # so that no two of them overlap

    def _plan_events(self, session: Session) -> None:
        said: dict[str, Any] = {"registration": "public", "capacity": 5000, "companions_most": 3}
        self._plan_places(session)
        self.opening = an_event(session, now=self.now, dtstart=self.free[0] + timedelta(days=20), **said)
        door = an_event(session, "door", now=self.now, dtstart=self.free[0], **said)
        self.guests = [register(session, door, now=self.now) for _ in range(10 * self.copies)]
        self.unconfirmed = [register(session, door, now=self.now) for _ in range(self.copies)]
        for one in self.unconfirmed:
            one.standing = Standing.UNCONFIRMED
        session.flush()
        came = arrivals.check_in(session, self.guests[-1], arrivals.ScanDetails(any_day=True), now=self.now)
        assert came.arrival
        self.arrival = came.arrival.id

    def _plan_places(self, session: Session) -> None:
        """Plan of each kind of place one that is shown, one that is merged into it, and one that is deleted."""
        an_organisation(session, "embassy", name={"en": "Embassy"})
        for key in ("ministry", "bureau"):
            an_organisation(session, key)
        for key in ("hall", "annex", "shed"):
            a_venue(session, key)
        for key in ("krungthep", "ghost"):
            a_city(session, key)
        # One that is shown, one that is merged into it, one that is another, one that is erased.
        self.people = [a_person(session, f"person-{number}", name=name).id for number, name in enumerate(PEOPLE)]

    def _add_accounts(self, session: Session) -> None:
        made = {}
        for name in (OFFICER, "newcomer"):
            draft = AccountDraft(name=name, called=name.title(), role=AccountRole.ADMINISTRATOR, language="en")
            made[name] = accounts.add(session, draft, now=self.now)
        accounts.set_password(session, made[OFFICER], KEPT, now=self.now)
        assigned_posts.assign(session, made[OFFICER], [posts.get(session, "phuket")], now=self.now)
        self.upload = self._add_upload(session, made[OFFICER].id)
        self.set_up = accounts.invite(session, made["newcomer"], secret=self.app.secret, now=self.now)

    def _add_upload(self, session: Session, account: int) -> int:
        """Keep a guest list that an officer is bringing in; a row of it came back already."""
        upload = guest_list_uploads.add_upload(
            session,
            self.opening,
            account=account,
            name="guests.csv",
            content=GUEST_LIST,
            language="en",
            now=self.now,
        )
        upload.returned = [["Name", "Reason"], ["Dina", "the answer is not known"]]
        return upload.id

    def _book(self) -> None:
        """Take the first times of the first two days: three to be confirmed, and others that are."""
        post, times = Consulate(self.app.db, now=self.now), iter(self.free)
        self.held = [post.hold(f"Held{n}", next(times)) for n in range(self.copies)]
        self.visits = [post.book(f"Visitor{n}", next(times)) for n in range(6 * self.copies)]
        self.left = list(times)

    def _fail_letters(self, session: Session) -> None:
        """Let a letter about the event and one about the last visit fail, so that they can be sent again."""
        last = sa.select(Letter).order_by(Letter.id.desc()).limit(1)
        to_guests = [
            session.scalars(last.where(Letter.person_id == self.guests[number].person_id)).one()
            for number in (5, 6, 7)
        ]
        booked = last.join(Letter.appointment).where(Letter.kind == LetterKind.VISIT_BOOKED)
        to_visitors = [
            session.scalars(booked.where(Appointment.reference == reference)).one()
            for reference in (self.visits[-1], self.visits[-4])
        ]
        for letter in (*to_guests, *to_visitors):
            letter.outcome, letter.reason, letter.finished_at = Outcome.FAILED, "no such mailbox", self.now
        self.letter, self.other_letter, self.third_letter = (letter.id for letter in to_guests)
        self.visit_letter, self.other_visit_letter = (letter.id for letter in to_visitors)

    def _write_message(self, session: Session) -> None:
        """Write a message to one guest that waits, so that it can be withdrawn."""
        written = message_drafts.draft({"subject": {"en": "Doors"}, "text": {"en": "At nine."}}, language="en")
        guest, leaves = self.guests[8], self.now + timedelta(days=1)
        sent = messages.send(session, guest.event, written, to=(), guests=[guest.id], now=self.now, at=leaves)
        self.message = sent.id
        self.mails = [put_mail(session, guest.event, guest).id for _ in range(3)]
        settled = session.get_one(IncomingMail, self.mails[2])
        settled.state, settled.settled_by, settled.settled_at = MailState.SETTLED, "officer", self.now
        self.answering = guest.id

    # Links

    def own(self, number: int) -> str:
        return self._guest_token(self.guests[number], Purpose.OWN)

    def to_confirm(self, number: int) -> str:
        return self._guest_token(self.unconfirmed[number], Purpose.CONFIRM)

    def _guest_token(self, one: Attendee, purpose: Purpose) -> str:
        return make_attendee_token(purpose, one.id, one.created_at, one.epoch, secret=self.app.secret)

    def visit(self, reference: str, purpose: VisitPurpose = VisitPurpose.OWN) -> str:
        with self.app.db.read() as session:
            return visit_links.make_token(references.get(session, reference), purpose, secret=self.app.secret)

    # Forms

    def sealed(self, purpose: str) -> dict[str, str]:
        """Return what a form of ours carries, with the work done that it asks for."""
        seal = forms.seal(purpose, secret=self.app.secret, now=self.now)
        with self.app.db.read() as session:
            asked = json.loads(form_floods.challenge(session, self.app, seal, now=self.now))
        return {"seal": seal, "altcha": solution(asked)}

    def visitor(self, number: int) -> dict[str, str]:
        """Return who comes, as it is typed on the last page of a booking."""
        typed = {"name-1": f"Citizen {number}", "document-1": f"P{number:07}", "email": f"c{number}@example.org"}
        return {**self.sealed("visit phuket/passport"), **typed, "consent": "1"}


def public_requests(season: Season, copy: int = 0) -> dict[Route, RouteRequest]:
    """Return what the public sends; each copy has forms, a guest and a visit of its own."""
    at = f"{season.left[copy]:%Y-%m-%dT%H:%M}"
    day, month = f"{season.left[0]:%Y-%m-%d}", f"{season.morning:%Y-%m}"
    own = {"token": season.own(copy)}
    leaving = {"token": season.own(season.copies + copy)}
    visit = {"token": season.visit(season.visits[copy])}
    moving = {"token": season.visit(season.visits[season.copies + copy])}
    ending = {"token": season.visit(season.visits[2 * season.copies + copy])}
    held = {"token": season.visit(season.held[copy], VisitPurpose.CONFIRM)}
    event, post, book = {"key": "opening"}, {"key": "phuket"}, {"key": "phuket", "name": "passport"}
    people = {"people": "1"}
    guest = {"name": f"Guest {copy}", "email": f"g{copy}@example.org", "mode": "in person", "companions": "1"}
    party = {"mode": "in person", "companions": "2"}
    return {
        ("GET", "pages.welcome"): RouteRequest(),
        ("GET", "pages.without_slash"): RouteRequest(),
        ("GET", "pages.programme"): RouteRequest(),
        ("GET", "pages.clock"): RouteRequest(),
        ("GET", "pages.event"): RouteRequest(event),
        ("GET", "pages.event_for_anybody"): RouteRequest(event),
        ("GET", "pages.file"): RouteRequest(event),
        ("GET", "pages.this_month"): RouteRequest(),
        ("GET", "pages.month"): RouteRequest({"named": month}),
        ("GET", "subscribing.subscribe"): RouteRequest(query={"kind": "ceremony"}),
        ("GET", "machines.favicon"): RouteRequest(),
        ("GET", "machines.robots"): RouteRequest(),
        ("GET", "machines.sitemap"): RouteRequest(),
        ("GET", "machines.static"): RouteRequest({"digest": Assets.read().digest, "name": "look.css"}),
        ("GET", "registering.form"): RouteRequest(event),
        ("POST", "registering.ask"): RouteRequest(event, form={**season.sealed("opening"), **guest, "consent": "1"}),
        ("GET", "registering.sent"): RouteRequest(event),
        ("GET", "registering.to_confirm"): RouteRequest({"token": season.to_confirm(copy)}),
        ("POST", "registering.confirm"): RouteRequest({"token": season.to_confirm(copy)}),
        ("GET", "own.page"): RouteRequest(own),
        ("GET", "own.data"): RouteRequest(own),
        ("GET", "own.file"): RouteRequest(own),
        ("GET", "own.picture"): RouteRequest(own),
        ("POST", "own.calendar"): RouteRequest(own),
        ("POST", "own.coming"): RouteRequest(own),
        ("POST", "own.party"): RouteRequest(own, form=party),
        ("POST", "own.name"): RouteRequest(own, form={"called": "Somebody Else"}),
        ("POST", "own.reader"): RouteRequest(own, form={"letters": "kk", "zone": "Asia/Almaty"}),
        ("POST", "own.reminders"): RouteRequest(own, form={"reminded": "never"}),
        ("POST", "own.withdrawal"): RouteRequest(leaving),
        ("GET", "own.deputy_left"): RouteRequest(),
        ("GET", "erasing.erasure"): RouteRequest(leaving),
        ("POST", "erasing.erase"): RouteRequest(leaving),
        ("GET", "erasing.erased"): RouteRequest(),
        ("GET", "posts.every"): RouteRequest(),
        ("GET", "posts.one"): RouteRequest(post),
        ("GET", "board.board"): RouteRequest({**post, "token": season.board}),
        ("GET", "visiting.services"): RouteRequest(post),
        ("GET", "visiting.party"): RouteRequest(book),
        ("GET", "visiting.times"): RouteRequest(book, people),
        ("GET", "visiting.why"): RouteRequest(book, {**people, "day": day, "hour": "03:00"}),
        ("GET", "visiting.who"): RouteRequest(book, {**people, "at": at}),
        ("POST", "visiting.ask"): RouteRequest(book, people, {**season.visitor(copy), "at": at}),
        ("GET", "visiting.sent"): RouteRequest(book, {**people, "at": at, "until": at}),
        ("GET", "visiting.days"): RouteRequest(book, people),
        ("GET", "visiting.who_waits"): RouteRequest(book, {**people, "day": day}),
        ("POST", "visiting.wait"): RouteRequest(book, {**people, "day": day}, season.visitor(10_000 + copy)),
        ("GET", "ownvisit.to_confirm"): RouteRequest(held),
        ("POST", "ownvisit.confirm"): RouteRequest(held),
        ("GET", "ownvisit.own"): RouteRequest(visit),
        ("GET", "ownvisit.file"): RouteRequest(visit),
        ("GET", "ownvisit.calendar"): RouteRequest(
            {"token": season.visit(season.visits[copy], VisitPurpose.CALENDAR)}
        ),
        ("POST", "ownvisit.respell"): RouteRequest(visit, form={"who": "1", "called-1": f"Visitor{copy}"}),
        ("POST", "ownvisit.read_in"): RouteRequest(visit, form={"letters": "th"}),
        ("GET", "ownvisit.times"): RouteRequest(moving),
        ("GET", "ownvisit.to_move"): RouteRequest(moving, {"at": f"{season.left[-1 - copy]:%Y-%m-%dT%H:%M}"}),
        ("POST", "ownvisit.move"): RouteRequest(moving, form={"at": f"{season.left[-1 - copy]:%Y-%m-%dT%H:%M}"}),
        ("GET", "ownvisit.to_cancel"): RouteRequest(ending),
        ("POST", "ownvisit.cancel"): RouteRequest(ending),
        ("GET", "signing.anywhere"): RouteRequest(),
        ("GET", "signing.form"): RouteRequest(),
        ("GET", "signing.to_set_up"): RouteRequest({"token": season.set_up}),
    }


def _make_directory_requests(season: Season) -> dict[Route, RouteRequest]:
    """Return what officers send about people and places; what is deleted and merged is so once."""
    shown, merged, another, erased = season.people
    person = {"number": shown}
    found: dict[Route, RouteRequest] = {
        ("GET", "search.results"): RouteRequest({}, {"q": "embassy"}),
        ("GET", "search.suggestions"): RouteRequest({}, {"q": "embassy"}),
        ("GET", "people.listing"): RouteRequest({}, {"q": "guest"}),
        ("GET", "people.adding"): RouteRequest(),
        ("POST", "people.add"): RouteRequest(form={"name_en": "New Person", "language": "en"}),
        ("GET", "people.person"): RouteRequest(person),
        ("GET", "people.changing"): RouteRequest(person),
        ("POST", "people.change"): RouteRequest(person, form={"name_en": "Other Name", "language": "kk"}),
        ("GET", "people.data"): RouteRequest(person),
        ("GET", "personevents.invite"): RouteRequest(person, {"q": "opening"}),
        ("GET", "personevents.write"): RouteRequest(person),
        ("GET", "merging.proposed"): RouteRequest(),
        ("GET", "merging.looking"): RouteRequest(person, {"other": f"{merged}"}),
        ("POST", "merging.merge"): RouteRequest(person, form={"other": f"{merged}"}),
        ("POST", "merging.apart"): RouteRequest(person, form={"other": f"{another}"}),
        ("GET", "personerasure.asking"): RouteRequest({"number": erased}),
        ("POST", "personerasure.erase"): RouteRequest({"number": erased}, form={"by": "desk"}),
        ("POST", "journeys.state"): RouteRequest({"key": "bangkok"}, form={"to": "krungthep", "takes": "2 hours"}),
        ("GET", "venueclosures.closures"): RouteRequest({"key": "hall"}),
        ("POST", "venueclosures.close"): RouteRequest({"key": "hall"}, form={"first_day": "2027-12-31"}),
        ("POST", "venueclosures.reopen"): RouteRequest({"key": "hall"}, form={"days": "2027-12-31 2027-12-31"}),
    }
    added = {
        "organisations": {"name_en": "New Office"},
        "venues": {"name_en": "New Hall", "city": "bangkok"},
        "cities": {"name_en": "New City", "country": "TH", "tz": "Asia/Bangkok"},
    }
    keys = {
        "organisations": ("embassy", "ministry", "bureau"),
        "venues": ("hall", "annex", "shed"),
        "cities": ("bangkok", "krungthep", "ghost"),
    }
    for place, (kept, other, deleted) in keys.items():
        one, gone = {"key": kept}, {"key": deleted}
        found |= {
            ("GET", f"{place}.listing"): RouteRequest(),
            ("GET", f"{place}.adding"): RouteRequest(),
            ("POST", f"{place}.add"): RouteRequest(form=added[place]),
            ("GET", f"{place}.page"): RouteRequest(one),
            ("GET", f"{place}.changing"): RouteRequest(one),
            ("POST", f"{place}.change"): RouteRequest(one, form={**added[place], "name_en": kept.title()}),
            ("GET", f"{place}merging.looking"): RouteRequest(one, {"other": other}),
            ("POST", f"{place}merging.merge"): RouteRequest(one, form={"other": other}),
            ("GET", f"{place}merging.asking"): RouteRequest(gone),
            ("POST", f"{place}merging.delete"): RouteRequest(gone),
        }
    return found


def desk_requests(season: Season) -> dict[Route, RouteRequest]:
    """Return what an officer sends on the morning of the event and of the first visits, signing in and out last."""
    event, post, listed = {"key": "door"}, {"key": "phuket"}, {"key": "opening"}
    guest, going = ({**event, "number": season.guests[number].id} for number in (2, 3))
    arrival = {**event, "number": season.arrival}
    visit, moving, ending = ({"reference": season.visits[number]} for number in (-1, -2, -3))
    letter, visit_letter = {**event, "number": season.letter}, {**visit, "number": season.visit_letter}
    corrected = {"name-1": "Vera", "email": "vera@example.org", "spoken": "ru"}
    coming = {**post, "reference": season.visits[0], "verb": "check-in"}
    picture = RouteRequest(post, {"width": SIDE, "height": SIDE}, body=gzip.compress(bytes(SIDE * SIDE)))
    closing = {"first": f"{season.left[-1]:%Y-%m-%d}", "reason-en": "Inventory"}
    person = {"name": "Aigul", "language": "en", "mode": "in person", "role": "participant", "companions": "0"}
    walk_in = {"name": "Dana", "service": "passport", "people": "1", "documents": "1", "language": "ru"}
    message = {"to_everyone": "yes", "subject_en": "News", "text_en": "Welcome."}
    chosen = {"password": NEW_PASSWORD, "again": NEW_PASSWORD}
    changed = {"before": NEW_PASSWORD, "password": NEW_PASSWORD[::-1], "again": NEW_PASSWORD[::-1]}
    return {
        ("GET", "calendar.month"): RouteRequest(),
        ("GET", "calendar.week"): RouteRequest(),
        ("GET", "calendar.day"): RouteRequest(),
        ("GET", "calendar.as_list"): RouteRequest(),
        ("GET", "calendar.by_venue"): RouteRequest(),
        ("GET", "digest.everything"): RouteRequest(),
        ("GET", "calendar.events"): RouteRequest(),
        ("GET", "desk.everybody"): RouteRequest(),
        ("GET", "guest_list.guests"): RouteRequest(event),
        ("GET", "guest_list.numbers"): RouteRequest(event),
        ("GET", "guest_list.file"): RouteRequest({**event, "kind": "csv"}),
        ("POST", "guest_list.chosen_file"): RouteRequest({**event, "kind": "csv"}, form={"to": f"{guest['number']}"}),
        ("GET", "guest_list.kept"): RouteRequest(event),
        ("POST", "guest_list.keep"): RouteRequest(event, form={"kept": "2"}),
        ("GET", "several.asking"): RouteRequest({**event, "verb": "answer"}, {"to": f"{guest['number']}"}),
        ("POST", "several.done"): RouteRequest({**event, "verb": "chase"}, form={"to": f"{guest['number']}"}),
        ("GET", "inviting.choosing"): RouteRequest(event, {"q": "guest"}),
        ("POST", "inviting.invite"): RouteRequest(
            event, form={"act": "do", "name": "Madina", "language": "kk", "role": "speaker", "mode": "in person"}
        ),
        ("GET", "list_import.choosing"): RouteRequest(event),
        ("POST", "list_import.send"): RouteRequest(event, form={"file": (io.BytesIO(GUEST_LIST), "guests.csv")}),
        ("GET", "list_import.deciding"): RouteRequest({**listed, "number": season.upload}),
        ("POST", "list_import.decide"): RouteRequest({**listed, "number": season.upload}, form={"act": "read"}),
        ("GET", "list_import.returned"): RouteRequest({**listed, "number": season.upload, "kind": "csv"}),
        ("GET", "desk.letters"): RouteRequest(event),
        ("GET", "eventletters.letter"): RouteRequest(letter),
        ("GET", "eventletters.attachment"): RouteRequest(letter),
        ("GET", "eventletters.page"): RouteRequest(letter),
        ("POST", "eventletters.again"): RouteRequest(letter),
        ("POST", "eventletters.informed"): RouteRequest({**event, "number": season.other_letter}),
        ("GET", "incoming.mails"): RouteRequest(query={"state": "all"}),
        ("GET", "incoming.mail"): RouteRequest({"number": season.mails[0]}),
        ("GET", "incoming.whole"): RouteRequest({"number": season.mails[0]}),
        ("POST", "incoming.record"): RouteRequest(
            {"number": season.mails[0]}, form={"guest": str(season.answering), "reply": "regrets"}
        ),
        ("POST", "incoming.settle"): RouteRequest({"number": season.mails[1]}),
        ("POST", "incoming.reopen"): RouteRequest({"number": season.mails[2]}),
        ("GET", "allletters.letters"): RouteRequest(query={"state": "all", "kind": "confirmed"}),
        ("POST", "allletters.again"): RouteRequest(form={f"letter_{season.third_letter}": "yes"}),
        ("GET", "sentmessages.everything"): RouteRequest(event),
        ("GET", "sentmessages.message"): RouteRequest({**event, "number": season.message}),
        ("POST", "sentmessages.withdraw"): RouteRequest({**event, "number": season.message}),
        ("GET", "reminders.everything"): RouteRequest(event),
        ("POST", "reminders.change"): RouteRequest(event, form={"before": "1 hour", "audience": "everyone"}),
        ("GET", "cardwords.everything"): RouteRequest(event),
        ("GET", "cardwords.card"): RouteRequest({**event, "kind": "invitation", "tag": "en"}),
        ("POST", "cardwords.change"): RouteRequest(
            {**event, "kind": "invitation", "tag": "en"}, form={"do": "keep", "words": "{occasion}"}
        ),
        ("GET", "kindreminders.everything"): RouteRequest(),
        ("POST", "kindreminders.change"): RouteRequest(
            form={"kind": "visit", "before": f"{season.morning:%d} days", "audience": "everyone"}
        ),
        ("GET", "guests.guest"): RouteRequest(guest),
        ("GET", "guests.asking"): RouteRequest({**guest, "verb": "answer"}),
        ("POST", "guests.done"): RouteRequest({**going, "verb": "removal"}),
        ("GET", "messages.write"): RouteRequest(event),
        ("POST", "messages.send"): RouteRequest(event, form=message),
        **_make_directory_requests(season),
        ("GET", "signature.show"): RouteRequest(post),
        ("POST", "signature.change"): RouteRequest(post, form={"name_en": "Consulate"}),
        ("GET", "planform.new"): RouteRequest(query={"kind": "ceremony"}),
        ("POST", "planform.plan"): RouteRequest(
            form={"kind": "ceremony", "title_en": "Reception", "known": "unknown", "companions_most": "1"}
        ),
        ("GET", "planform.change_form"): RouteRequest(event),
        ("POST", "planform.change"): RouteRequest(event, form={"title_en": "Opening", "known": "unknown"}),
        ("GET", "planpage.whole"): RouteRequest(event),
        ("GET", "planacts.ask"): RouteRequest({**event, "verb": "open-registration"}),
        ("POST", "planacts.do"): RouteRequest({**event, "verb": "close-registration"}),
        ("GET", "programmefile.event_file"): RouteRequest(event),
        ("GET", "programmefile.event_file_with_guests"): RouteRequest(event),
        ("GET", "programmefile.choose"): RouteRequest(),
        ("POST", "programmefile.send"): RouteRequest(form={"text": PROGRAMME, "file_name": "season.toml"}),
        ("GET", "replanning.asking"): RouteRequest({**event, "verb": "move"}),
        ("POST", "replanning.done"): RouteRequest(
            {**event, "verb": "copy"}, form={"key": "later", "day": "2027-05-04"}
        ),
        ("GET", "guests.form"): RouteRequest(event),
        ("POST", "guests.register"): RouteRequest(event, form=person),
        ("GET", "paper_invitations.invitations"): RouteRequest(event),
        ("GET", "door.page"): RouteRequest(event),
        ("GET", "door.now"): RouteRequest(event),
        ("GET", "door.badges"): RouteRequest(event),
        ("GET", "door.place_cards"): RouteRequest(event),
        ("POST", "door.read"): RouteRequest(event, form={"given": "Guest"}),
        ("POST", "door.let_in"): RouteRequest(event, form={"attendee": str(season.guests[4].id), "scan": "1"}),
        ("POST", "door.companions"): RouteRequest(arrival, form={"companions": "0"}),
        ("POST", "door.undo"): RouteRequest(arrival),
        ("POST", "door.picture"): RouteRequest(event, picture.query, body=picture.body),
        ("GET", "front.every"): RouteRequest(),
        ("GET", "front.today"): RouteRequest(post),
        ("GET", "front.now"): RouteRequest(post),
        ("GET", "front.printed"): RouteRequest(post),
        ("POST", "front.read"): RouteRequest(post, form={"given": "Visitor"}),
        ("POST", "front.do"): RouteRequest(coming),
        ("POST", "front.sit"): RouteRequest(post, form={"counter": "1"}),
        ("POST", "front.call"): RouteRequest(post),
        ("POST", "front.picture"): picture,
        ("GET", "front.form"): RouteRequest(post),
        ("POST", "front.walk_in"): RouteRequest(post, form=walk_in),
        ("GET", "deskvisits.visit"): RouteRequest(visit),
        ("GET", "visitletters.letter"): RouteRequest(visit_letter),
        ("GET", "visitletters.attachment"): RouteRequest(visit_letter),
        ("GET", "visitletters.page"): RouteRequest(visit_letter),
        ("POST", "visitletters.again"): RouteRequest(visit_letter),
        ("POST", "visitletters.informed"): RouteRequest(
            {"reference": season.visits[-4], "number": season.other_visit_letter}
        ),
        ("GET", "deskvisits.to_correct"): RouteRequest(visit),
        ("POST", "deskvisits.correct"): RouteRequest(visit, form=corrected),
        ("POST", "deskvisits.keep_names"): RouteRequest(visit),
        ("GET", "deskvisits.to_move"): RouteRequest(moving),
        ("POST", "deskvisits.move"): RouteRequest(moving, form={"at": f"{season.left[-2]:%Y-%m-%dT%H:%M}"}),
        ("GET", "deskvisits.to_cancel"): RouteRequest(ending),
        ("POST", "deskvisits.cancel"): RouteRequest(ending, form={"by": "post"}),
        ("GET", "statistics.page"): RouteRequest(post),
        ("GET", "calendars.page"): RouteRequest(post),
        ("POST", "calendars.make"): RouteRequest(post),
        ("GET", "closing.page"): RouteRequest(post),
        ("POST", "closing.look"): RouteRequest(post, form=closing),
        ("POST", "closing.look_again"): RouteRequest(post, form=closing),
        ("POST", "closing.close"): RouteRequest(post, form=closing),
        ("POST", "closing.offer"): RouteRequest(post),
        ("GET", "account.own"): RouteRequest(),
        ("GET", "account.back"): RouteRequest({"_verb": "password"}),
        ("POST", "account.speak"): RouteRequest(form={"language": "en"}),
        ("POST", "signing.set_up"): RouteRequest({"token": season.set_up}, form=chosen),  # and is signed in by it
        ("POST", "account.password"): RouteRequest(form=changed),
        ("POST", "account.end_everywhere"): RouteRequest(),
        ("POST", "signing.sign_in"): RouteRequest(form={"name": OFFICER, "password": PASSWORD}),
        ("POST", "signing.sign_out"): RouteRequest(),
    }


def unknown_routes(web: Flask, known: Iterable[Route]) -> Iterator[str]:
    """Yield the routes for which there is no request here, and the requests whose route is no more."""
    for method, endpoint in sorted(routes_of(web) ^ set(known)):
        yield f"{method} {endpoint}: say in tests/support/route_requests.py what is sent to it"

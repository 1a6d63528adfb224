"""Nobody is shown what is not for them: every kind of event × visibility × feed × who asks, in every form."""

from __future__ import annotations

import re
from datetime import date
from itertools import product

import pytest

from scheduler.base.i18n import LANGUAGES
from scheduler.base.text import Text
from scheduler.model.attendance import Role, Standing
from scheduler.model.events import Kind, Mode, Visibility
from scheduler.model.feeds import Sees
from scheduler.services.common import lookup
from scheduler.services.events.attendance import transitions
from scheduler.services.feeds import event_feeds, scopes
from scheduler.services.feeds import links as feed_links
from scheduler.services.feeds.alarms import ALARMS
from tests.support.builders import NOW, a_feed, a_person, a_venue, an_event, an_organisation, invite

SHOWN = [kind for kind in Kind if kind is not Kind.TOUR]  # a tour is shown as its stops
MAY_SEE = {
    Sees.PUBLIC: {Visibility.PUBLIC},
    Sees.PRIVATE: {Visibility.PUBLIC, Visibility.PRIVATE},
    Sees.OWN: set(Visibility),  # of what they are invited to
}
SECRETS = ("Guest of", "guest@example.org", "+66 1234", "Prince", "https://video.example/secret", "Dear diary")


def name(kind: Kind, visibility: Visibility) -> str:
    return f"X{list(Kind).index(kind)}X{visibility}X"


def key(kind: Kind, visibility: Visibility) -> str:
    return f"{kind.replace(' ', '-')}-{visibility}"


@pytest.fixture
def session(db):
    with db.write() as opened:
        yield opened


@pytest.fixture
def everything(session):
    """An event of each kind in each visibility, each with a guest, one who presides by
    video, and one who was taken off the list."""
    venue, house = a_venue(session, hours={"daily": "10:00-18:00"}), an_organisation(session)
    mayor = a_person(session, "mayor", name="Prince", email="guest@example.org", telephone="+66 1234 5678")
    for kind, visibility in product(Kind, Visibility):
        day = {"first_day": date(2027, 2, 2), "last_day": date(2027, 2, 7)}
        by_days = {"dtstart": None} if kind is Kind.TOUR else day
        when = by_days if kind in (Kind.TOUR, Kind.EXHIBITION, Kind.ANNIVERSARY) else {}
        event = an_event(
            session,
            key(kind, visibility),
            kind=kind,
            title=name(kind, visibility),
            visibility=visibility,
            venue=venue.key,
            organizer=house.key,
            video_link="https://video.example/secret",
            **when,
        )
        invite(session, event, mayor, role=Role.PRESIDES, mode=Mode.REMOTE)
        invite(session, event, a_person(session, name=f"Guest of {kind}"))
        left = invite(session, event, a_person(session, f"left-{event.key}", name="Guest of old"))
        transitions.withdraw(session, left, now=NOW)
        assert Standing.WITHDRAWN is left.standing
    a_feed(session, "spring", organizers=["embassy"])


def found(session, scope: scopes.Scope, **form: bool) -> tuple[set[str], str]:
    """The marks of the events in a feed, and the whole of it, in all languages."""
    read = b"".join(
        event_feeds.write(session, scope, language=language, now=NOW, house=Text({"en": "E"}), **form)
        for language in LANGUAGES
    )
    text = read.replace(b"\r\n ", b"").decode()
    return set(re.findall(r"X\d+X[a-z]+X", text)), text


def all_of_them(session) -> list[scopes.Scope]:
    chosen = {"kind": [str(kind) for kind in Kind], "city": ["bangkok"], "organizer": ["embassy"]}
    tour = scopes.resolve_choice(session, {"tour": [key(Kind.TOUR, Visibility.PUBLIC)]})
    return [*scopes.all_scopes(session), scopes.resolve_choice(session, chosen), tour]


@pytest.mark.both_engines
def test_no_feed_shows_its_reader_more_than_they_may_see(session, everything):
    for scope, sees in product(all_of_them(session), (Sees.PUBLIC, Sees.PRIVATE)):
        link = feed_links.add(session, feed=scope.key, holder="x", sees=sees, now=NOW)
        for by_hours, alarms in product((False, True), ALARMS):
            shown, text = found(session, scope.for_link(link), by_hours=by_hours, alarms=alarms)

            kinds = [Kind(kind) for kind in scope.kinds] or SHOWN
            may = {name(kind, one) for kind, one in product(kinds, MAY_SEE[sees]) if kind in SHOWN}
            assert (may if not scope.tours else set()) == shown, (scope.key, sees)
            assert not [secret for secret in SECRETS if secret in text]


def test_everybody_else_is_shown_what_is_public(session, everything):
    for scope in all_of_them(session):
        assert not [mark for mark in found(session, scope)[0] if not mark.endswith("XpublicX")]


def test_an_agenda_shows_what_its_person_is_expected_at_and_nothing_else(session, everything):
    for key_of, expected in (
        ("mayor", {name(kind, one) for kind, one in product(SHOWN, Visibility)}),
        ("left-meeting-private", set()),
    ):
        person = lookup.get_person(session, key_of)
        link = feed_links.add(session, feed="all", holder="x", sees=Sees.OWN, person=person, now=NOW)

        shown, text = found(session, scopes.get(session, "all").for_link(link))

        assert expected == shown
        secrets = [secret for secret in SECRETS if not secret.startswith("https")]
        others = text.replace(str(person.name), "")  # it is named after its person
        assert not [secret for secret in secrets if secret in others]


@pytest.mark.both_engines
def test_the_video_link_is_for_those_who_take_part_by_video(session, everything):
    mayor = lookup.get_person(session, "mayor")
    link = feed_links.add(session, feed="all", holder="x", sees=Sees.OWN, person=mayor, now=NOW)

    _, text = found(session, scopes.get(session, "all").for_link(link))

    assert "https://video.example/secret" in text

"""Subscribing in one tap: the address of the calendar that the reader chose, as each client takes it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import segno
from flask import Blueprint, g, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session

from scheduler.app import App
from scheduler.base.i18n import LANGUAGES, N_
from scheduler.base.text import Text
from scheduler.model.events import Kind
from scheduler.model.feeds import CHOICE, is_built_in
from scheduler.services.events.programme import agenda
from scheduler.services.events.programme.agenda_reading import AgendaChoices, list_choices
from scheduler.services.feeds import scopes, selection
from scheduler.services.feeds.addresses import Address
from scheduler.services.feeds.alarms import ALARM_NAMES, ALARMS, NONE
from scheduler.services.feeds.scopes import FACETS, Scope
from scheduler.web.kit.language import NAMES, _
from scheduler.web.kit.paths import PER_LANGUAGE
from scheduler.web.memory.page_marks import KEY, limit_life, remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedChoice:
    """The reader's choice of events for a feed. An empty list restricts nothing."""

    kind: tuple[str, ...] = ()
    city: tuple[str, ...] = ()
    organizer: tuple[str, ...] = ()
    tour: tuple[str, ...] = ()
    language: str = "en"
    hours: bool = False
    alarms: str = NONE

    def scope(self) -> Scope:
        return Scope(
            key=CHOICE,
            name=Text(),
            kinds=self.kind,
            cities=self.city,
            organizers=self.organizer,
            tours=self.tour,
        )


@dataclass(frozen=True, slots=True)
class Client:
    """A way to subscribe: what its button says, where that leads, what to expect."""

    key: str
    name: str
    verb: str
    address: str
    expect: str


# What the page reads from its address.
_ADDRESS = {
    **dict.fromkeys((*FACETS, "feed"), KEY),
    "in": re.compile("|".join(LANGUAGES)),
    "hours": re.compile("1"),
    "alarms": re.compile("|".join(map(re.escape, ALARMS))),
}


def blueprint(app: App) -> Blueprint:
    subscribing = Blueprint("subscribing", __name__)

    @subscribing.get(f"{PER_LANGUAGE}/subscribe")
    @remembered(_ADDRESS, many=FACETS)
    def subscribe(language: str) -> str:  # noqa: ARG001 - kept in g for all
        return _subscribe(app)

    return subscribing


def _subscribe(app: App) -> str:
    now = app.clock.now()
    with app.db.read() as session:
        choices, known = list_choices(session), list(scopes.public_scopes(session))
        ready = _named(known, request.args.get("feed"))
        asked = _follow_merged(session, choices)
        chosen = _chosen(choices, ready, asked)
        if _names_unknown(chosen, ready, asked):
            limit_life(now)
        scope = ready or _same(known, chosen) or chosen.scope()
        number = selection.count_events(session, scope, now=now)
    address = feed_address(app.settings.base_url, scope, chosen)
    return render_template(
        "web/subscribe.html",
        choices=choices,
        chosen=chosen,
        number=number,
        name=_name(scope, choices, chosen),
        composed=[one for one in known if not is_built_in(one.key)],
        address=address,
        clients=list(clients(address, f"{app.settings.house.to(chosen.language)}")),
        code=_code(app, chosen, ready),
        feed_languages=NAMES,
        alarm_names={alarms: _(name) for alarms, name in ALARM_NAMES.items()},
        title=_("Subscribe"),
        description=_(
            "Keep the programme in your own calendar: every change and cancellation appears automatically."
        ),
        base_url=app.settings.base_url,
        canonical=app.settings.base_url + url_for("subscribing.subscribe", language=g.language),
    )


# The choice


def _follow_merged(session: Session, choices: AgendaChoices) -> dict[str, set[str]]:
    """Return what is asked for by facet, with the present keys of cities and organisations that were merged since."""
    asked = {name: set(request.args.getlist(name)) for name in FACETS}
    known = {"city": {city.key for city in choices.cities}, "organizer": {one.key for one in choices.organizers}}
    old = {name: {key for key in asked[name] - known[name] if KEY.fullmatch(key)} for name in known}
    if any(old.values()):
        present = agenda.follow_merged_keys(session, cities=old["city"], organizers=old["organizer"])
        for name, keys in zip(old, present, strict=True):
            asked[name] = asked[name] - old[name] | set(keys)
    return asked


def _chosen(choices: AgendaChoices, ready: Scope | None, asked: Mapping[str, set[str]]) -> FeedChoice:
    """Return the known ones of what was asked for, each once and in one order, so that one choice has one address."""
    options = {
        "language": _one_of(LANGUAGES, request.args.get("in"), g.language),
        "hours": bool(request.args.get("hours")),
        "alarms": _alarms(),
    }
    return FeedChoice(**options, **({} if ready else _facets(choices, asked)))  # type: ignore[arg-type]


def _names_unknown(chosen: FeedChoice, ready: Scope | None, asked: Mapping[str, set[str]]) -> bool:
    """Return whether the address names something that there is not."""
    facets_unknown = any(asked[name] - set(getattr(chosen, name)) for name in FACETS)
    return facets_unknown or (ready is None and "feed" in request.args)


def _alarms() -> str:
    """Return the chosen alarms; earlier versions of this page asked for "1", which was an hour before."""
    asked = request.args.get("alarms", NONE)
    return asked if asked in ALARMS else "1h"


def _facets(choices: AgendaChoices, asked: Mapping[str, set[str]]) -> dict[str, tuple[str, ...]]:
    known = {
        "kind": {str(kind) for kind in choices.kinds},
        "city": {city.key for city in choices.cities},
        "organizer": {one.key for one in choices.organizers},
        "tour": {tour.key for tour in choices.tours},
    }
    return {name: tuple(sorted(known[name] & asked[name])) for name in FACETS}


def _one_of(known: Sequence[str], value: str | None, default: str) -> str:
    return value if value and value in known else default


def _named(known: Sequence[Scope], key: str | None) -> Scope | None:
    return next((scope for scope in known if scope.key == key), None)


def _same(known: Sequence[Scope], chosen: FeedChoice) -> Scope | None:
    """Return the feed that shows just this choice, so that all who want it share one address and one cache."""
    wanted = chosen.scope()
    return next((scope for scope in known if is_built_in(scope.key) and _shows(scope) == _shows(wanted)), None)


def _shows(scope: Scope) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(map(str, facet)) for facet in (scope.kinds, scope.cities, scope.organizers, scope.tours))


def _name(scope: Scope, choices: AgendaChoices, chosen: FeedChoice) -> str:
    """Return in words what the calendar shows."""
    if scope.key != CHOICE:
        return scope.name.to(g.language)
    from scheduler.services.events.programme.rendering.kind_names import KIND_NAMES

    kinds = [_(KIND_NAMES[Kind(kind)]) for kind in chosen.kind]
    cities = [city.name.to(g.language) for city in choices.cities if city.key in chosen.city]
    organizers = [one.name.to(g.language) for one in choices.organizers if one.key in chosen.organizer]
    tours = [tour.name.to(g.language) for tour in choices.tours if tour.key in chosen.tour]
    return " · ".join(", ".join(names) for names in (kinds, cities, organizers, tours) if names)


# The addresses


def feed_address(base_url: str, scope: Scope, chosen: FeedChoice) -> str:
    facets = {name: getattr(chosen, name) for name in FACETS} if scope.key == CHOICE else {}
    return f"{base_url}{Address(scope.key, chosen.language, chosen.hours, chosen.alarms, chosen=facets)}"


def clients(address: str, name: str) -> list[Client]:
    """List calendar programs, each with the form of the address that it takes (Google webcal, Outlook https)."""
    webcal = "webcal" + address[address.index("://") :]
    outlook = urlencode({"url": address, "name": name}, quote_via=quote)
    return [
        Client(key, _(title), _(verb), target, _(expect))
        for (key, title, verb, expect), target in zip(
            CLIENTS,
            (
                webcal,
                f"https://calendar.google.com/calendar/r?{urlencode({'cid': webcal})}",
                f"https://outlook.live.com/calendar/0/addfromweb?{outlook}",
                f"https://outlook.office.com/calendar/0/addfromweb?{outlook}",
                webcal,
                webcal,
            ),
            strict=True,
        )
    ]


CLIENTS = (
    (
        "apple",
        "iPhone, iPad, Mac",
        N_("Open in Calendar"),
        N_("Asks how often to look for changes, and offers to remove alerts: keep them if you want to be reminded."),
    ),
    (
        "google",
        N_("Google Calendar"),
        N_("Add to Google"),
        N_(
            "Shows changes after 4 to 24 hours and ignores our alarms; add it on a computer, and it appears on your "
            "telephone, too."
        ),
    ),
    (
        "outlook",
        "Outlook.com",
        N_("Add to Outlook.com"),
        N_("Looks for changes every few hours, and may leave alarms out."),
    ),
    (
        "office",
        N_("Outlook at work or school"),
        N_("Add to Outlook"),
        N_("Looks for changes every few hours, sometimes once a day; your organisation may have to allow it."),
    ),
    (
        "thunderbird",
        "Thunderbird",
        N_("Open in Thunderbird"),
        N_(
            "Or choose New calendar, On the network, and paste the address; it looks for changes as often as you "
            "choose."
        ),
    ),
    (
        "android",
        N_("Android without Google"),
        N_("Open in ICSx5 or DAVx5"),
        N_("Install one of the two first; it looks for changes as often as you choose, normally one time a day."),
    ),
)


def _code(app: App, chosen: FeedChoice, ready: Scope | None) -> Markup:
    """Draw a QR code that opens this page with this choice, where a telephone offers the button that it understands.

    A code of the calendar itself would do nothing on most of them.
    """
    query: list[tuple[str, Any]] = [(name, value) for name in FACETS for value in getattr(chosen, name)]
    query += [("feed", ready.key)] if ready else []
    query += [("in", chosen.language)] if chosen.language != g.language else []
    query += [("hours", "1")] if chosen.hours else []
    query += [("alarms", chosen.alarms)] if chosen.alarms else []
    page = app.settings.base_url + url_for("subscribing.subscribe", language=g.language)
    code = segno.make(f"{page}?{urlencode(query, quote_via=quote)}" if query else page, error="m", micro=False)
    drawn = code.svg_inline(
        scale=4, border=3, omitsize=True, svgclass="code", lineclass=None, dark="#16222e", light="#fff"
    )
    return Markup(drawn)  # noqa: S704 - drawn by segno; what is in it is black and white squares

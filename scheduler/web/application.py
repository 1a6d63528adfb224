"""The application: public pages and officers' pages, server-rendered, in four languages."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask, request

from scheduler.app import App
from scheduler.base.resources import TEMPLATES
from scheduler.monitoring.readiness import Readiness
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.events.door.name_search import Search
from scheduler.web import templating
from scheduler.web.consulate import board, booking, own_visit_page, posts
from scheduler.web.entrance.health_pages import HealthPages
from scheduler.web.entrance.load_limit import MOST_SENT, LoadLimit
from scheduler.web.entrance.peers import BehindProxies
from scheduler.web.entrance.readiness_page import ReadinessPage
from scheduler.web.entrance.request_record import NOWHERE, ROUTE
from scheduler.web.guests import erasing, own_page, registering
from scheduler.web.kit import form_floods, language, safety
from scheduler.web.kit.assets import Assets
from scheduler.web.kit.paths import PlainText, RowNumber
from scheduler.web.officers.accounts import own_account, signing
from scheduler.web.officers.calendar import digest
from scheduler.web.officers.calendar import pages as calendar
from scheduler.web.officers.consulate import calendars, closing_days, front_desk, signature, statistics, visit
from scheduler.web.officers.consulate import letters as visit_letters
from scheduler.web.officers.directory import (
    people,
    person_erasure,
    person_events,
    person_merging,
    place_merging,
    places,
    search,
)
from scheduler.web.officers.events import desk, door
from scheduler.web.officers.guests import group_pages, guest, guest_list, inviting, list_import, paper_invitations
from scheduler.web.officers.kit import guard
from scheduler.web.officers.planning import plan_acts, plan_form, plan_page, programme_file, replanning
from scheduler.web.officers.writing import (
    all_letters,
    card_words,
    event_letters,
    incoming_mail,
    kind_reminders,
    message_form,
    messages,
    reminders,
)
from scheduler.web.programme import pages, subscribing, well_known
from scheduler.web.waiting_room.entrance import WaitingRoomEntrance

_CONVERTER = re.compile(r"<[^<>]*:")  # of a part of an address: "<any(en,kk):language>" is "<language>"


class Pages(Flask):
    """The Flask application; its log names no address."""

    request_class = safety.PageRequest

    def preprocess_request(self) -> Any:
        """Note the pattern of the address before anything else: the address itself may be somebody's own page."""
        if request.url_rule:
            request.environ[ROUTE] = _CONVERTER.sub("<", request.url_rule.rule)
        return super().preprocess_request()

    def log_exception(self, exc_info: Any) -> None:
        """Log an exception by the pattern of the address."""
        self.logger.error("a page has failed: %s", request.environ.get(ROUTE, NOWHERE), exc_info=exc_info)

    def add_url_rule(
        self, rule: str, endpoint: str | None = None, view_func: Any = None, *args: Any, **options: Any
    ) -> None:
        """Add a route. Raise ValueError for one of the desk that does not state who may see it."""
        super().add_url_rule(rule, endpoint, view_func, *args, **options)
        guard.refuse_unstated(self, rule, endpoint or view_func.__name__)


def create_app(app: App, *, limit: str = "600 per minute") -> Flask:
    """Make the pages of one instance; ``limit`` is the number of requests that one address may send."""
    web = Pages("scheduler.web", static_folder=None, template_folder=TEMPLATES)
    web.config.update(MAX_CONTENT_LENGTH=MOST_SENT, MAX_FORM_PARTS=100, UNSOLVED=form_floods.Few())
    web.url_map.converters.update(default=PlainText, int=RowNumber)
    web.url_map.merge_slashes = False  # its redirect would repeat whatever host was asked for
    assets = Assets.read()
    language.install(web, app)
    templating.install(web, app, assets)
    safety.install(web, app, limit)
    web.register_blueprint(pages.blueprint(app))
    web.register_blueprint(well_known.blueprint(app, assets))
    web.register_blueprint(subscribing.blueprint(app))
    web.register_blueprint(registering.blueprint(app, web.extensions["scheduler.limiter"]))
    web.register_blueprint(own_page.blueprint(app, web.extensions["scheduler.limiter"]))
    web.register_blueprint(posts.blueprint(app))
    web.register_blueprint(booking.blueprint(app, web.extensions["scheduler.limiter"]))
    web.register_blueprint(own_visit_page.blueprint(app, web.extensions["scheduler.limiter"]))
    web.register_blueprint(board.blueprint(app))
    _add_officers_pages(web, app)
    web.register_blueprint(erasing.blueprint(app, web.extensions["scheduler.limiter"]))
    # Trusted are the addresses that so many proxies add, from the end: anybody may forge those before them.
    limited = LoadLimit(web.wsgi_app)
    entrance = WaitingRoomEntrance(app, web, limited, limited.count_requests)
    web.extensions["scheduler.waiting room"] = entrance.memory
    behind_proxies = BehindProxies(entrance, int(app.settings.trusted_proxies))
    readiness = ReadinessPage(behind_proxies, Readiness(app).check)
    web.wsgi_app = HealthPages(readiness)  # type: ignore[method-assign]
    return web


def _add_officers_pages(web: Flask, app: App) -> None:
    """Add the pages behind a password, each for the roles that may do what it does."""
    guard.install(web, app)
    limiter, local = web.extensions["scheduler.limiter"], web.extensions["scheduler.local_limiter"]
    index = web.extensions["scheduler.directory"] = DirectoryIndex()
    names = web.extensions["scheduler.names at doors"] = Search()
    web.register_blueprint(signing.blueprint(app, limiter))
    web.register_blueprint(own_account.blueprint(app, limiter))
    web.register_blueprint(calendar.blueprint(app, index))
    web.register_blueprint(digest.blueprint(app))
    web.register_blueprint(desk.blueprint(app))
    web.register_blueprint(guest_list.blueprint(app))
    web.register_blueprint(guest.blueprint(app))
    web.register_blueprint(group_pages.blueprint(app))
    web.register_blueprint(list_import.blueprint(app, index))
    web.register_blueprint(paper_invitations.blueprint(app))
    for writing in (message_form, messages, event_letters, reminders, kind_reminders, card_words):
        web.register_blueprint(writing.blueprint(app))
    web.register_blueprint(all_letters.blueprint(app, index))
    web.register_blueprint(incoming_mail.blueprint(app, index))
    web.register_blueprint(plan_form.blueprint(app, index))
    for planning in (plan_page, plan_acts, programme_file):
        web.register_blueprint(planning.blueprint(app))
    web.register_blueprint(replanning.blueprint(app))
    _add_directory(web, app, index)
    web.register_blueprint(door.blueprint(app, local, names))
    web.register_blueprint(front_desk.blueprint(app, local))
    web.register_blueprint(visit.blueprint(app))
    web.register_blueprint(visit_letters.blueprint(app))
    web.register_blueprint(closing_days.blueprint(app))
    web.register_blueprint(statistics.blueprint(app))
    web.register_blueprint(signature.blueprint(app))
    web.register_blueprint(calendars.blueprint(app))


def _add_directory(web: Flask, app: App, index: DirectoryIndex) -> None:
    """Add the pages of people and places, and the search, which share what they are found by."""
    web.register_blueprint(people.blueprint(app, index))
    web.register_blueprint(inviting.blueprint(app, index))
    web.register_blueprint(person_merging.blueprint(app, index))
    web.register_blueprint(person_erasure.blueprint(app))
    web.register_blueprint(person_events.blueprint(app, index))
    for kind in places.KINDS:
        web.register_blueprint(places.blueprint(app, index, kind))
        web.register_blueprint(place_merging.blueprint(app, index, kind))
    web.register_blueprint(place_merging.closures_blueprint(app))
    web.register_blueprint(places.journeys_blueprint(app))
    web.register_blueprint(search.blueprint(app, index))

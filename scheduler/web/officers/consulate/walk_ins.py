"""The page for people without an appointment, part of the front desk of a post."""

from __future__ import annotations

from flask import Blueprint, g, render_template
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.i18n import LANGUAGES
from scheduler.model.accounts import Act
from scheduler.model.posts import Counted, Post, Service
from scheduler.model.visits import Appointment
from scheduler.services.accounts import rights
from scheduler.services.consulate.front_desk import today as desk_today
from scheduler.services.consulate.front_desk import walk_ins
from scheduler.services.consulate.front_desk.today import DeskDay
from scheduler.services.consulate.visits.visit_drafts import MAX_DOCUMENTS
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import NAMES, _
from scheduler.web.officers.consulate import wording as desk_wording
from scheduler.web.officers.consulate.addresses import POST, today_address
from scheduler.web.officers.kit import scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer
from scheduler.web.officers.kit.guard import may, officer

WALK_IN = f"{POST}/walk-in"


def add_pages(pages: Blueprint, app: App) -> None:
    """Add the page and its form to the blueprint of the front desk."""

    @pages.get(WALK_IN)
    @may(Act.SEE_VISITS, Act.KEEP_QUEUE, about=scope.POST)
    def form(language: str, key: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show_form(app, key)

    @pages.post(WALK_IN)
    @may(Act.SEE_VISITS, Act.KEEP_QUEUE, about=scope.POST)
    def walk_in(language: str, key: str) -> Answer:  # noqa: ARG001
        return _take_in(app, key)


def _show_form(app: App, key: str, form: Form | None = None) -> str:
    now = app.clock.now()
    with app.db.read() as session:
        post = rights.get_post(session, officer(), key)
        services = _list_services(post)
        day = desk_today.read_day(session, post, desk_today.get_today(post, now=now), now=now)
        return render_template(
            "web/desk/walk_in.html",
            title=_("Somebody without an appointment"),
            post=post,
            form=form or _make_form(services),
            services=[(service.key, _name_with_wait(service, day)) for service in services],
            counted=any(service.counted is Counted.DOCUMENTS for service in services),
            most=post.largest_party,
            documents=MAX_DOCUMENTS,
            names=list(NAMES.items()),
        )


def _list_services(post: Post) -> list[Service]:
    return [service for service in post.services if service.walk_ins and service.offered]


def _make_form(services: list[Service]) -> Form:
    """Return the form as it is first shown: one person, one document, and the service if there is only one."""
    only = services[0].key if len(services) == 1 else ""
    return Form({"people": "1", "documents": "1", "language": g.language, "service": only})


def _name_with_wait(service: Service, day: DeskDay) -> str:
    minutes = day.arriving.get(service.key)
    name = service.name.to(g.language)
    return name if minutes is None else f"{name} ({desk_wording.minutes(minutes)})"


def _take_in(app: App, key: str) -> Answer:
    form, reference = Form.sent(), ""
    try:
        with act_as_officer(app, form) as session:
            reference = _record(app, session, rights.get_post(session, officer(), key), form).reference
    except FormRefused:
        return show_form_again(_show_form(app, key, form))
    return redirect_after_form(today_address(key, visit=reference, done="walk-in"))


def _record(app: App, session: Session, post: Post, form: Form) -> Appointment:
    """Record the walk-in of a form. Raise FormRefused if something in it is wrong."""
    services = {service.key: service for service in _list_services(post)}
    service = form.one_of("service", services, _("Choose a service."))
    language = form.one_of("language", {tag: tag for tag in LANGUAGES}, _("Choose a language."))
    people = form.whole("people", post.largest_party)
    documents = form.whole("documents", MAX_DOCUMENTS)
    if not form["name"].strip():
        form.errors["name"] = _("Enter a name.")
    if service is None or language is None or form.errors:
        raise FormRefused
    return walk_ins.record_walk_in(
        session,
        service,
        form["name"].strip(),
        language=language,
        people=people,
        documents=documents,
        document=form["document"].strip() or None,
        secret=app.secret,
        now=app.clock.now(),
    )

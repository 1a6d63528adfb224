"""The pages of a booking, one question each: the service, the people and documents, the time, who comes.

What was chosen travels in the address, so each page can be loaded again and gone back to. Who comes is in the body of
the one form that is sent; nothing about a reader is stored before that.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask import Blueprint, Response, abort, render_template, request
from flask_limiter import Limiter
from sqlalchemy.orm import Session

from scheduler.app import App
from scheduler.base.clock import wall
from scheduler.services.consulate.posts import free_times, public_posts, week_view
from scheduler.services.consulate.posts.slots import Slot
from scheduler.services.consulate.visits import booking, public_requests
from scheduler.services.consulate.visits.booking import NotOffered
from scheduler.web.consulate import waiting_list
from scheduler.web.consulate import wording as visit_wording
from scheduler.web.consulate.booking_choice import (
    BOOK,
    SERVICE,
    STEPS,
    BookingChoice,
    add_page,
    form_purpose,
    get_service,
    protect_form,
    read_sent_choice,
    read_week,
    render_page,
    render_party,
    with_choice,
)
from scheduler.web.consulate.visitor_fields import read_draft
from scheduler.web.kit import form_floods
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import POSTS, Form, Mistyped, unshared
from scheduler.web.kit.language import _
from scheduler.web.kit.typed_times import parse_typed_time
from scheduler.web.memory.page_marks import remembered


def blueprint(app: App, limiter: Limiter) -> Blueprint:
    pages = Blueprint("visiting", __name__)
    limited = limiter.limit(POSTS)

    @pages.get(BOOK)
    @remembered()
    def services(language: str, key: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show_services(app, key)

    @pages.get(SERVICE)
    def party(language: str, key: str, name: str) -> str:  # noqa: ARG001
        return _show_party(app, key, name)

    @pages.post(f"{SERVICE}/who")
    @limited
    @unshared
    def ask(language: str, key: str, name: str) -> Response | str:  # noqa: ARG001
        return _request_visit(app, key, name)

    add_page(pages, app, "time", "times", _show_times)
    add_page(pages, app, "why", "why", _show_why)
    add_page(pages, app, "who", "who", _show_who)
    add_page(pages, app, "sent", "sent", _show_sent)
    waiting_list.add_pages(pages, app, limiter)
    return pages


# The service and the party


def _show_services(app: App, key: str) -> str:
    with app.db.read() as session:
        post = public_posts.get_public(session, key)
        offered = [service for service in post.services if service.offered and public_posts.takes_visits(post)]
        return render_template(
            "web/visit/services.html",
            title=_("Which service do you need?"),
            post=post,
            services=offered,
            step=_("Step {number} of {of}", number=1, of=STEPS),
            visit_text=visit_wording,
        )


def _show_party(app: App, key: str, name: str) -> str:
    with app.db.read() as session:
        form = Form({"people": "1", "documents": "1", **request.args})
        return render_party(get_service(session, key, name), form)


# The time


@with_choice
def _show_times(app: App, session: Session, choice: BookingChoice) -> Response | str:
    return _render_times(app, session, choice)


def _render_times(
    app: App, session: Session, choice: BookingChoice, problem: str = "", nearest: Sequence[Slot] = ()
) -> str:
    now, service = app.clock.now(), choice.service
    return render_page(
        "times",
        service,
        _("Choose a time"),
        3,
        week=week_view.find_week(session, service, choice.party, read_week(nearest), now=now),
        party=choice.party,
        to=choice.address,
        taken=choice.address("who").partition("?")[0],
        hidden=choice.query,
        back=choice.address("party"),
        waits=True,
        problem=problem,
        nearest=nearest,
    )


@with_choice
def _show_why(app: App, session: Session, choice: BookingChoice) -> Response | str:
    """Show why one time is not offered, or that it is."""
    form, now, service, party = Form(request.args), app.clock.now(), choice.service, choice.party
    at = parse_typed_time(f"{form['day']}T{form['hour'][:5]}")
    why = free_times.explain_not_free(session, service, party, at, now=now) if at else None
    nearest = free_times.find_nearest(session, service, party, at, now=now, cached=True) if at and why else []
    page = render_page(
        "why",
        service,
        _("Why is this time not offered?"),
        at=at,
        reason=visit_wording.reason(why, at.date(), service) if at and why else "",
        nearest=nearest,
        to=choice.address,
        form=form,
        hidden=choice.query,
    )
    return page if at else show_form_again(page)


# Who comes


@with_choice
def _show_who(app: App, session: Session, choice: BookingChoice) -> Response | str:
    at = parse_typed_time(request.args.get("at", ""))
    if at is None:
        return show_form_again(_render_times(app, session, choice, _("Choose one of the times that are shown.")))
    try:
        booking.require_free(session, choice.service, choice.party, at, now=app.clock.now())
    except NotOffered as error:
        problem = visit_wording.not_offered(at, error.why, choice.service)
        return show_form_again(_render_times(app, session, choice, problem, error.nearest), 409)
    return _render_who(app, session, choice, at, Form())


def _render_who(
    app: App, session: Session, choice: BookingChoice, at: datetime, form: Form, others: Sequence[Slot] = ()
) -> str:
    service = choice.service
    return render_page(
        "who",
        service,
        _("Who comes?"),
        4,
        at=at,
        until=at + free_times.compute_length(service, choice.party),
        party=choice.party,
        others=others,
        form=form,
        days=[],
        back=choice.address("times", **{"from": f"{at:%Y-%m-%d}"}),
        protection=protect_form(app, session, service),
    )


def _request_visit(app: App, key: str, name: str) -> Response | str:
    """Hold the time that was chosen, and show the page that tells the applicant to look into their e-mail."""
    form, now = Form.sent(), app.clock.now()
    with app.db.read() as session:
        choice = read_sent_choice(session, key, name)
        at = parse_typed_time(form["at"]) or abort(400)
        if form.trapped:
            return _go_to_sent(app, choice, at)
        nonce = form.check_seal(form_purpose(choice.service), secret=app.secret, now=now)
        try:
            draft = read_draft(form, choice.party, secret=app.secret)
            if public_requests.is_resubmission(session, draft, at, form=nonce, secret=app.secret):
                return _go_to_sent(app, choice, at)
            booking.require_free(session, choice.service, choice.party, at, now=now)
        except Mistyped:
            return show_form_again(_render_who(app, session, choice, at, form))
        except NotOffered as error:
            return _offer_other_times(app, session, choice, at, form, error)
    try:
        with app.db.write("page") as session:
            form_floods.admit(session, form, app=app, now=now)
            service = get_service(session, key, name)
            public_requests.request_visit(session, service, at, draft, form=nonce, secret=app.secret, now=now)
    except NotOffered as error:
        with app.db.read() as session:
            return _offer_other_times(app, session, read_sent_choice(session, key, name), at, form, error)
    except form_floods.NotLetIn:
        with app.db.read() as session:
            return show_form_again(_render_who(app, session, read_sent_choice(session, key, name), at, form))
    return _go_to_sent(app, choice, at)


def _offer_other_times(
    app: App, session: Session, choice: BookingChoice, at: datetime, form: Form, error: NotOffered
) -> Response:
    """Show the form again as it was filled in, with the nearest free times in place of the one that was refused."""
    form.errors["at"] = visit_wording.not_offered(at, error.why, choice.service)
    return show_form_again(_render_who(app, session, choice, at, form, error.nearest), 409)


def _go_to_sent(app: App, choice: BookingChoice, at: datetime) -> Response:
    until = wall(app.clock.now() + choice.service.post.hold, choice.service.post.tzid)
    return redirect_after_form(choice.address("sent", at=f"{at:%Y-%m-%dT%H:%M}", until=f"{until:%Y-%m-%dT%H:%M}"))


def _show_sent(app: App, key: str, name: str) -> Response | str:
    with app.db.read() as session:
        choice = read_sent_choice(session, key, name)
        return render_page(
            "sent",
            choice.service,
            _("Please check your e-mail"),
            at=parse_typed_time(request.args.get("at", "")),
            until=parse_typed_time(request.args.get("until", "")),
            party=choice.party,
            now=app.clock.now(),
        )

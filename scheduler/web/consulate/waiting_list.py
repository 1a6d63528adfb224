"""The waiting list of a service: choose among the days on which all is taken, then say who waits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from flask import Blueprint, Response, abort, request
from flask_limiter import Limiter
from sqlalchemy.orm import Session

from scheduler.app import App
from scheduler.base.errors import Invalid
from scheduler.services.consulate.posts import posts, week_view
from scheduler.services.consulate.visits import booking, public_requests
from scheduler.services.consulate.visits.booking import NotOffered, Unchanged
from scheduler.web.consulate.booking_choice import (
    SERVICE,
    BookingChoice,
    add_page,
    form_purpose,
    get_service,
    protect_form,
    read_sent_choice,
    render_page,
    with_choice,
)
from scheduler.web.consulate.visitor_fields import read_draft
from scheduler.web.kit import form_floods
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import POSTS, Form, Mistyped, unshared
from scheduler.web.kit.language import _
from scheduler.web.kit.typed_times import parse_typed_day
from scheduler.web.waiting_room.marks import in_turn


def add_pages(pages: Blueprint, app: App, limiter: Limiter) -> None:
    """Add the pages of the waiting list to the blueprint of the booking."""
    limited = limiter.limit(POSTS)
    add_page(pages, app, "wait", "days", _show_days, turn=True)
    add_page(pages, app, "wait/who", "who_waits", _show_who_waits, turn=True)

    @pages.post(f"{SERVICE}/wait/who")
    @in_turn
    @limited
    @unshared
    def wait(language: str, key: str, name: str) -> Response | str:  # noqa: ARG001 - kept in g for all
        return _join(app, key, name)


@with_choice
def _show_days(app: App, session: Session, choice: BookingChoice) -> Response | str:
    return _render_days(app, session, choice, Form())


@with_choice
def _show_days_again(app: App, session: Session, choice: BookingChoice) -> Response | str:
    problem = _("Choose at least one day; at most: {most}.", most=booking.MAX_WAITING_DAYS)
    return show_form_again(_render_days(app, session, choice, Form({}, {"day": problem})))


def _render_days(app: App, session: Session, choice: BookingChoice, form: Form) -> str:
    return render_page(
        "wait",
        choice.service,
        _("For which days do you want to wait?"),
        days=week_view.list_days_to_wait_for(session, choice.service, choice.party, now=app.clock.now()),
        wanted=_read_days(),
        party=choice.party,
        to=choice.address,
        action=choice.address("who_waits").partition("?")[0],
        hidden=choice.query,
        form=form,
        most=booking.MAX_WAITING_DAYS,
    )


def _read_days() -> list[date]:
    """Return the days in the address, in order."""
    return sorted({day for typed in request.args.getlist("day")[:100] if (day := parse_typed_day(typed))})


def _show_who_waits(app: App, key: str, name: str) -> Response | str:
    days = _read_days()
    if not 1 <= len(days) <= booking.MAX_WAITING_DAYS:
        return _show_days_again(app, key, name)
    with app.db.read() as session:
        return _render_who_waits(app, session, read_sent_choice(session, key, name), days, Form())


def _render_who_waits(app: App, session: Session, choice: BookingChoice, days: Sequence[date], form: Form) -> str:
    back = choice.address("days") + "".join(f"&day={day:%Y-%m-%d}" for day in days)
    return render_page(
        "who",
        choice.service,
        _("Who is waiting for an appointment?"),
        at=None,
        days=days,
        party=choice.party,
        others=(),
        form=form,
        back=back,
        protection=protect_form(app, session, choice.service),
    )


def _join(app: App, key: str, name: str) -> Response | str:
    """Put the party on the waiting list, and show the page that tells them to look into their e-mail."""
    form, now, days = Form.sent(), app.clock.now(), _read_days()
    with app.db.read() as session:
        choice = read_sent_choice(session, key, name)
        to = choice.address("sent", waits="1")
        if form.trapped:
            return redirect_after_form(to)
        nonce = form.check_seal(form_purpose(choice.service), secret=app.secret, now=now)
        try:
            draft = read_draft(form, choice.party, secret=app.secret)
        except Mistyped:
            return show_form_again(_render_who_waits(app, session, choice, days, form))
        if public_requests.is_resubmission(session, draft, None, form=nonce, secret=app.secret):
            return redirect_after_form(to)
    try:
        with app.db.write("page") as session:
            service = get_service(session, key, name)
            posts.lock_post(session, service.post)  # before the form, as bookings do (see docs/architecture.md)
            form_floods.admit(session, form, app=app, now=now)
            public_requests.request_waiting_place(
                session, service, days, draft, form=nonce, secret=app.secret, now=now
            )
    except (NotOffered, Unchanged):
        return redirect_after_form(choice.address("times", **{"from": f"{days[0]:%Y-%m-%d}"}))
    except form_floods.NotLetIn:
        with app.db.read() as session:
            return show_form_again(_render_who_waits(app, session, read_sent_choice(session, key, name), days, form))
    except Invalid:
        abort(400)
    return redirect_after_form(to)

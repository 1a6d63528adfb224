"""The pages of a booking, one question each: the service, the people and documents, the time, who comes.

What was chosen travels in the address, so each page can be loaded again and gone back to. Who comes is in the body of
the one form that is sent; nothing about a reader is stored before that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from flask import Blueprint, Response, abort, render_template, request
from flask_limiter import Limiter
from sqlalchemy.orm import Session

from scheduler.app import App
from scheduler.base.clock import wall
from scheduler.base.errors import SchedulerError
from scheduler.services.consulate.posts import free_times, posts, public_posts, week_view
from scheduler.services.consulate.posts.free_times import KnownTimes
from scheduler.services.consulate.posts.slots import Slot
from scheduler.services.consulate.visits import booking, public_requests
from scheduler.services.consulate.visits.booking import NotOffered
from scheduler.services.consulate.visits.public_requests import SentRequest
from scheduler.storage.group_commit import GroupCommit
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
from scheduler.web.consulate.times_memory import TimesMemory
from scheduler.web.consulate.visitor_fields import read_draft
from scheduler.web.kit import form_floods
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import POSTS, Form, Mistyped, unshared
from scheduler.web.kit.language import _
from scheduler.web.kit.typed_times import parse_typed_time
from scheduler.web.memory.page_marks import FOR_MANY, limit_life, remembered, see_anew
from scheduler.web.waiting_room.marks import in_turn

# What the address of a week of free times may say to be kept in memory; whatever else it says is read all the same.
NUMBER, LAYOUT, DAY = re.compile(r"[0-9]{1,3}"), re.compile(r"[a-z]{1,20}"), re.compile(r"\d{4}-\d\d-\d\d")


def blueprint(app: App, limiter: Limiter) -> Blueprint:
    pages = Blueprint("visiting", __name__)
    limited = limiter.limit(POSTS)
    memory = TimesMemory()

    requested: GroupCommit[_Requested, SchedulerError | None] = GroupCommit(partial(_request_each, app))

    @pages.get(BOOK)
    @remembered()
    def services(language: str, key: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show_services(app, key)

    @pages.get(SERVICE)
    @in_turn
    def party(language: str, key: str, name: str) -> str:  # noqa: ARG001
        return _show_party(app, key, name)

    @pages.post(f"{SERVICE}/who")
    @in_turn
    @limited
    @unshared
    def ask(language: str, key: str, name: str) -> Response | str:  # noqa: ARG001
        return _request_visit(app, key, name, requested)

    @pages.get(f"{SERVICE}/time")
    @remembered({"people": NUMBER, "documents": NUMBER, "layout": LAYOUT, "from": DAY})
    @unshared
    def times(language: str, key: str, name: str) -> Response | str:  # noqa: ARG001
        show = partial(_show_times, memory=memory, now=app.clock.now())
        return with_choice(show)(app, key, name)

    add_page(pages, app, "why", "why", _show_why)
    add_page(pages, app, "who", "who", _show_who, turn=True)
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


def _show_times(app: App, session: Session, choice: BookingChoice, *, memory: TimesMemory, now: datetime) -> Response:
    """Show a week of free times, which is kept for many readers for as long as what is known of the times is new."""
    known = None
    if FOR_MANY in request.environ:
        known, until = memory.find(session, choice.service.post, now=now)
        limit_life(until)
    page = Response(_render_times(app, session, choice, known=known))
    page.headers["Cache-Control"] = "no-cache"
    return page


def _render_times(
    app: App,
    session: Session,
    choice: BookingChoice,
    problem: str = "",
    nearest: Sequence[Slot] = (),
    known: KnownTimes | None = None,
) -> str:
    now, service = app.clock.now(), choice.service
    return render_page(
        "times",
        service,
        _("Choose a time"),
        3,
        week=week_view.find_week(session, service, choice.party, read_week(nearest), now=now, known=known),
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
        return see_anew(show_form_again(_render_times(app, session, choice, problem, error.nearest), 409))
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


def _request_visit(
    app: App, key: str, name: str, requested: GroupCommit[_Requested, SchedulerError | None]
) -> Response | str:
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
    wanted = SentRequest(service=name, at=at, draft=draft, form=nonce)
    solved = form_floods.read_solved(form, app=app, now=now)
    try:
        if solved:
            requested((key, wanted, solved), None if app.db.embedded else key)
        else:
            _request_alone(app, key, wanted, form)
    except NotOffered as error:
        with app.db.read() as session:
            return _offer_other_times(app, session, read_sent_choice(session, key, name), at, form, error)
    except form_floods.NotLetIn as error:
        form.errors.setdefault("", error.message)
        with app.db.read() as session:
            return show_form_again(_render_who(app, session, read_sent_choice(session, key, name), at, form))
    return _go_to_sent(app, choice, at)


_Requested = tuple[str, SentRequest, form_floods.SolvedForm]  # with the key of the post


def _request_each(app: App, given: Sequence[_Requested]) -> Sequence[SchedulerError | None]:
    """Hold times for all who have sent their forms at the same moment: those for each post together."""
    found: dict[int, SchedulerError | None] = {}
    with app.db.write("page") as session:
        for key in dict.fromkeys(key for key, _, _ in given):
            mine = [one for one in given if one[0] == key]
            results = _request_at_post(session, app, key, mine)
            found |= {id(one): result for one, result in zip(mine, results, strict=True)}
    return [found[id(one)] for one in given]


def _request_at_post(
    session: Session, app: App, key: str, given: Sequence[_Requested]
) -> Sequence[SchedulerError | None]:
    now, post = app.clock.now(), public_posts.get_bookable(session, key)
    posts.lock_post(session, post)  # so that no form is let in twice at the same moment
    refusals = form_floods.find_refusals(session, [solved for _, _, solved in given])
    wanted = [one for (_, one, _), refusal in zip(given, refusals, strict=True) if not refusal]
    held = iter(public_requests.request_each(session, post, wanted, secret=app.secret, now=now))
    results = [form_floods.NotLetIn(refusal) if refusal else next(held) for refusal in refusals]
    let_in = [solved for (_, _, solved), result in zip(given, results, strict=True) if result is None]
    form_floods.record(session, let_in, now=now)
    return results


def _request_alone(app: App, key: str, wanted: SentRequest, form: Form) -> None:
    """Hold a time for a form without a solution, which is counted before it is let in. Raise as `_request_each`."""
    now = app.clock.now()
    with app.db.write("page") as session:
        post = public_posts.get_bookable(session, key)
        posts.lock_post(session, post)
        form_floods.admit(session, form, app=app, now=now)
        (refusal,) = public_requests.request_each(session, post, [wanted], secret=app.secret, now=now)
        if refusal is not None:
            raise refusal


def _offer_other_times(
    app: App, session: Session, choice: BookingChoice, at: datetime, form: Form, error: NotOffered
) -> Response:
    """Show the form again as it was filled in, with the nearest free times in place of the one that was refused."""
    form.errors["at"] = visit_wording.not_offered(at, error.why, choice.service)
    return see_anew(show_form_again(_render_who(app, session, choice, at, form, error.nearest), 409))


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

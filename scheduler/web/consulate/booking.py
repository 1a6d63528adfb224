"""Booking a visit, one question a page: the service, the people and documents, the time, who comes.

What is chosen travels in the address, so that each page can be loaded again and gone back to. Who comes is in the
body of the one form that is sent; nothing is kept of a reader before that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Blueprint, Response, abort, g, render_template, request, url_for
from flask_limiter import Limiter
from sqlalchemy.orm import Session

from scheduler.app import App
from scheduler.base.clock import wall
from scheduler.base.errors import Invalid
from scheduler.model import Counted, Layout, Service
from scheduler.services.consulate.posts import free_times, week_view
from scheduler.services.consulate.posts.free_times import Party
from scheduler.services.consulate.posts.slots import Slot
from scheduler.services.consulate.visits import booking, public_requests
from scheduler.services.consulate.visits.booking import NotOffered, Unchanged
from scheduler.services.consulate.visits.visit_drafts import MOST_DOCUMENTS
from scheduler.web.consulate import wording as visit_wording
from scheduler.web.consulate.posts import POST
from scheduler.web.consulate.visitor_fields import draft_of
from scheduler.web.kit import form_floods
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import POSTS, Form, Mistyped, seal, unshared
from scheduler.web.kit.language import _, with_query
from scheduler.web.kit.paths import is_key
from scheduler.web.kit.typed_times import parse_typed_day, parse_typed_time

BOOK = f"{POST}/book"
SERVICE = f"{BOOK}/<name>"
STEPS = 4
Page = Callable[[App, str, str], Response | str]


def blueprint(app: App, limiter: Limiter) -> Blueprint:
    pages = Blueprint("visiting", __name__)
    limited = limiter.limit(POSTS)

    @pages.get(BOOK)
    def services(language: str, key: str) -> str:  # noqa: ARG001 - kept in g for all
        return _services(app, key)

    @pages.get(SERVICE)
    def party(language: str, key: str, name: str) -> str:  # noqa: ARG001
        return _party(app, key, name)

    @pages.post(f"{SERVICE}/who")
    @limited
    @unshared
    def ask(language: str, key: str, name: str) -> Response | str:  # noqa: ARG001
        return _ask(app, key, name)

    _get(pages, app, "time", "times", _times)
    _get(pages, app, "why", "why", _why)
    _get(pages, app, "who", "who", _who)
    _get(pages, app, "sent", "sent", _sent)
    _waiting(pages, app, limiter)
    return pages


def _get(pages: Blueprint, app: App, path: str, endpoint: str, page: Page) -> None:
    @unshared
    def view(language: str, key: str, name: str) -> Response | str:  # noqa: ARG001
        return page(app, key, name)

    pages.get(f"{SERVICE}/{path}", endpoint=endpoint)(view)


def _waiting(pages: Blueprint, app: App, limiter: Limiter) -> None:
    limited = limiter.limit(POSTS)
    _get(pages, app, "wait", "days", _days)
    _get(pages, app, "wait/who", "who_waits", _who_waits)

    @pages.post(f"{SERVICE}/wait/who")
    @limited
    @unshared
    def wait(language: str, key: str, name: str) -> Response | str:  # noqa: ARG001
        return _wait(app, key, name)


# What was chosen


@dataclass(frozen=True, slots=True)
class BookingChoice:
    """The service and the party, as the address says."""

    service: Service
    party: Party

    @property
    def query(self) -> dict[str, str]:
        return {"people": str(self.party.people), "documents": str(self.party.documents), "layout": self.party.layout}

    def address(self, page: str, **more: str) -> str:
        """A page of this booking, with all that was chosen so far."""
        service = self.service
        path = url_for(f".{page}", language=g.language, key=service.post.key, name=service.key)
        return with_query(path, {**self.query, **more}.items())


def _service(session: Session, key: str, name: str) -> Service:
    """Raises NotFound for what takes no visits."""
    return week_view.service(session, key, name) if is_key(key) and is_key(name) else abort(404)


class _NoParty(Invalid):
    """The people and documents in the address are none; ``page`` asks for them."""

    def __init__(self, page: str) -> None:
        super().__init__("the party is not understood")
        self.page = page


def _chosen(session: Session, key: str, name: str) -> BookingChoice:
    """Raises _NoParty with the page that says what is wrong."""
    service, form = _service(session, key, name), Form(request.args)
    people = _number(form, "people", service.post.largest_party)
    documents = _number(form, "documents", MOST_DOCUMENTS) if service.counted is Counted.DOCUMENTS else people
    layout = form.one_of("layout", _LAYOUTS, _("Choose how you want to be received."))
    if form.errors or layout is None:
        raise _NoParty(_party_page(service, form))
    return BookingChoice(service, Party(people=people, documents=documents, layout=layout))


_LAYOUTS = {str(layout): layout for layout in Layout} | {"": Layout.ADJOINING}


def _number(form: Form, name: str, most: int) -> int:
    """From 1 to the most there may be; nothing is 1."""
    complaint = _("Enter a whole number from 1 to {most}.", most=most)
    number = form.number(name, most, complaint) if form[name].strip() else 1
    if number == 0:
        form.errors[name] = complaint
    return number


def week_asked(nearest: Sequence[Slot]) -> date | None:
    """The week to show: that of what is offered in place of a time that is gone, else the one in the address."""
    return nearest[0].dtstart.date() if nearest else parse_typed_day(request.args.get("from", ""))


def _page(name: str, service: Service, title: str, step: int = 0, **given: Any) -> str:
    """A page of the booking of a service; the template is called as the page."""
    return render_template(
        f"web/visit/{name}.html",
        title=title,
        post=service.post,
        service=service,
        step=_("Step {number} of {of}", number=step, of=STEPS) if step else "",
        visit_text=visit_wording,
        **given,
    )


# Step by step


def _services(app: App, key: str) -> str:
    with app.db.read() as session:
        post = week_view.post(session, key) if is_key(key) else abort(404)
        offered = [service for service in post.services if service.offered and week_view.takes_visits(post)]
        return render_template(
            "web/visit/services.html",
            title=_("What do you need?"),
            post=post,
            services=offered,
            step=_("Step {number} of {of}", number=1, of=STEPS),
            visit_text=visit_wording,
        )


def _party(app: App, key: str, name: str) -> str:
    with app.db.read() as session:
        return _party_page(_service(session, key, name), Form({"people": "1", "documents": "1", **request.args}))


def _party_page(service: Service, form: Form) -> str:
    title = _("How many people and documents?") if service.counted is Counted.DOCUMENTS else _("How many people?")
    return _page("party", service, title, 2, form=form, most=service.post.largest_party, documents=MOST_DOCUMENTS)


def _times(app: App, key: str, name: str) -> Response | str:
    with app.db.read() as session:
        try:
            chosen = _chosen(session, key, name)
        except _NoParty as error:
            return show_form_again(error.page)
        return _times_page(app, session, chosen)


def _times_page(
    app: App, session: Session, chosen: BookingChoice, problem: str = "", nearest: Sequence[Slot] = ()
) -> str:
    now, service = app.clock.now(), chosen.service
    return _page(
        "times",
        service,
        _("Choose a time"),
        3,
        week=week_view.week(session, service, chosen.party, week_asked(nearest), now=now),
        party=chosen.party,
        to=chosen.address,
        taken=chosen.address("who").partition("?")[0],
        hidden=chosen.query,
        back=chosen.address("party"),
        waits=True,
        problem=problem,
        nearest=nearest,
    )


def _why(app: App, key: str, name: str) -> Response | str:
    """Why one time is not offered; or that it is."""
    with app.db.read() as session:
        try:
            chosen = _chosen(session, key, name)
        except _NoParty as error:
            return show_form_again(error.page)
        form, now, service = Form(request.args), app.clock.now(), chosen.service
        at = parse_typed_time(f"{form['day']}T{form['hour'][:5]}")
        why = free_times.explain_not_free(session, service, chosen.party, at, now=now) if at else None
        nearest = free_times.nearest(session, service, chosen.party, at, now=now) if at and why else []
        page = _page(
            "why",
            service,
            _("Why is this time not offered?"),
            at=at,
            reason=visit_wording.reason(why, at.date(), service) if at and why else "",
            nearest=nearest,
            to=chosen.address,
            form=form,
            hidden=chosen.query,
        )
        return page if at else show_form_again(page)


def _who(app: App, key: str, name: str) -> Response | str:
    with app.db.read() as session:
        try:
            chosen = _chosen(session, key, name)
        except _NoParty as error:
            return show_form_again(error.page)
        at = parse_typed_time(request.args.get("at", ""))
        if at is None:
            return show_form_again(_times_page(app, session, chosen, _("Choose a time from those that are shown.")))
        try:
            booking.require_free(session, chosen.service, chosen.party, at, now=app.clock.now())
        except NotOffered as error:
            return _gone(app, session, chosen, at, error)
        return _who_page(app, chosen, at, Form())


def _gone(app: App, session: Session, chosen: BookingChoice, at: datetime, error: NotOffered) -> Response:
    """Back to the times, with what became of the one that was asked for."""
    return Response(_times_page(app, session, chosen, _not_offered(at, chosen, error), error.nearest), 409)


def _not_offered(at: datetime, chosen: BookingChoice, error: NotOffered) -> str:
    reason = visit_wording.reason(error.why, at.date(), chosen.service)
    return _("{time} cannot be booked. {reason}", time=visit_wording.moment(at), reason=reason)


def _who_page(app: App, chosen: BookingChoice, at: datetime, form: Form, others: Sequence[Slot] = ()) -> str:
    service = chosen.service
    return _page(
        "who",
        service,
        _("Who comes?"),
        4,
        at=at,
        until=at + free_times.length(service, chosen.party),
        party=chosen.party,
        others=others,
        form=form,
        days=[],
        back=chosen.address("times", **{"from": f"{at:%Y-%m-%d}"}),
        fence=_fence(app, service),
    )


def _fence(app: App, service: Service) -> dict[str, str]:
    """What tells that a form is ours, and what its browser is to work out."""
    now = app.clock.now()
    sealed = seal(_purpose(service), secret=app.secret, now=now)
    return {"seal": sealed, "challenge": form_floods.challenge(app, sealed, now=now)}


def _purpose(service: Service) -> str:
    return f"visit {service.post.key}/{service.key}"


def _ask(app: App, key: str, name: str) -> Response | str:
    form, now = Form.sent(), app.clock.now()
    with app.db.read() as session:
        chosen = _sent_choice(session, key, name)
        at = parse_typed_time(form["at"]) or abort(400)
        if form.trapped:
            return _to_sent(app, chosen, at)
        nonce = form.check_seal(_purpose(chosen.service), secret=app.secret, now=now)
        try:
            draft = draft_of(form, chosen.party, secret=app.secret)
            if public_requests.is_sent_again(session, draft, at, form=nonce, secret=app.secret):
                return _to_sent(app, chosen, at)
            booking.require_free(session, chosen.service, chosen.party, at, now=now)
        except Mistyped:
            return show_form_again(_who_page(app, chosen, at, form))
        except NotOffered as error:
            return _other_times(app, chosen, at, form, error)
    try:
        with app.db.write("page") as session:
            form_floods.admit(session, form, app=app, now=now)
            service = _service(session, key, name)
            public_requests.ask(session, service, at, draft, form=nonce, secret=app.secret, now=now)
    except NotOffered as error:
        with app.db.read() as session:
            return _other_times(app, _sent_choice(session, key, name), at, form, error)
    except form_floods.NotLetIn:
        with app.db.read() as session:
            return show_form_again(_who_page(app, _sent_choice(session, key, name), at, form))
    return _to_sent(app, chosen, at)


def _sent_choice(session: Session, key: str, name: str) -> BookingChoice:
    """Of a form of ours, whose address was understood when it was shown."""
    try:
        return _chosen(session, key, name)
    except _NoParty:
        abort(400)


def _other_times(app: App, chosen: BookingChoice, at: datetime, form: Form, error: NotOffered) -> Response:
    """The same form, with what was typed, and the next free times in place of the one that is gone."""
    form.errors["at"] = _not_offered(at, chosen, error)
    return show_form_again(_who_page(app, chosen, at, form, error.nearest), 409)


def _to_sent(app: App, chosen: BookingChoice, at: datetime) -> Response:
    until = wall(app.clock.now() + chosen.service.post.hold, chosen.service.post.tzid)
    return redirect_after_form(chosen.address("sent", at=f"{at:%Y-%m-%dT%H:%M}", until=f"{until:%Y-%m-%dT%H:%M}"))


def _sent(app: App, key: str, name: str) -> Response | str:
    with app.db.read() as session:
        chosen = _sent_choice(session, key, name)
        return _page(
            "sent",
            chosen.service,
            _("Now look into your e-mail"),
            at=parse_typed_time(request.args.get("at", "")),
            until=parse_typed_time(request.args.get("until", "")),
            party=chosen.party,
            now=app.clock.now(),
        )


# The waiting list


def _days(app: App, key: str, name: str, problem: str = "") -> Response | str:
    with app.db.read() as session:
        try:
            chosen = _chosen(session, key, name)
        except _NoParty as error:
            return show_form_again(error.page)
        form = Form({}, {"day": problem} if problem else {})
        page = _page(
            "wait",
            chosen.service,
            _("For which days do you wait?"),
            days=week_view.days_to_wait_for(session, chosen.service, chosen.party, now=app.clock.now()),
            wanted=_wanted(),
            party=chosen.party,
            to=chosen.address,
            action=chosen.address("who_waits").partition("?")[0],
            hidden=chosen.query,
            form=form,
            most=booking.MOST_DAYS,
        )
    return show_form_again(page) if problem else page


def _wanted() -> list[date]:
    return sorted({day for typed in request.args.getlist("day")[:100] if (day := parse_typed_day(typed))})


def _who_waits(app: App, key: str, name: str) -> Response | str:
    days = _wanted()
    if not 1 <= len(days) <= booking.MOST_DAYS:
        return _days(app, key, name, _("Choose from one to {most} days.", most=booking.MOST_DAYS))
    with app.db.read() as session:
        return _who_waits_page(app, _sent_choice(session, key, name), days, Form())


def _who_waits_page(app: App, chosen: BookingChoice, days: Sequence[date], form: Form) -> str:
    wanted = {"day": [f"{day:%Y-%m-%d}" for day in days]}
    back = chosen.address("days") + "".join(f"&day={day}" for day in wanted["day"])
    return _page(
        "who",
        chosen.service,
        _("Who waits?"),
        at=None,
        days=days,
        party=chosen.party,
        others=(),
        form=form,
        back=back,
        fence=_fence(app, chosen.service),
    )


def _wait(app: App, key: str, name: str) -> Response | str:
    form, now, days = Form.sent(), app.clock.now(), _wanted()
    with app.db.read() as session:
        chosen = _sent_choice(session, key, name)
        to = chosen.address("sent", waits="1")
        if form.trapped:
            return redirect_after_form(to)
        nonce = form.check_seal(_purpose(chosen.service), secret=app.secret, now=now)
        try:
            draft = draft_of(form, chosen.party, secret=app.secret)
        except Mistyped:
            return show_form_again(_who_waits_page(app, chosen, days, form))
        if public_requests.is_sent_again(session, draft, None, form=nonce, secret=app.secret):
            return redirect_after_form(to)
    try:
        with app.db.write("page") as session:
            form_floods.admit(session, form, app=app, now=now)
            service = _service(session, key, name)
            public_requests.wait(session, service, days, draft, form=nonce, secret=app.secret, now=now)
    except (NotOffered, Unchanged):
        return redirect_after_form(chosen.address("times", **{"from": f"{days[0]:%Y-%m-%d}"}))
    except form_floods.NotLetIn:
        with app.db.read() as session:
            return show_form_again(_who_waits_page(app, _sent_choice(session, key, name), days, form))
    except Invalid:
        abort(400)
    return redirect_after_form(to)

"""The page of a visit, for whom the letter with its link was written to: look, confirm, move, cancel, keep.

A link opens a page; only a button on it changes anything: mail scanners follow links.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import segno
from flask import Blueprint, Response, abort, g, render_template, request, url_for
from flask_limiter import Limiter
from markupsafe import Markup
from sqlalchemy.orm import Session

from scheduler.app import App
from scheduler.base.errors import Conflict, NotFound
from scheduler.base.i18n import LANGUAGES
from scheduler.model import Appointment, VisitStatus
from scheduler.services.consulate.posts import week_view
from scheduler.services.consulate.posts.slots import Slot
from scheduler.services.consulate.visits import booking, own_visit_page
from scheduler.services.consulate.visits import links as visit_links
from scheduler.services.consulate.visits.booking import NotOffered, Unchanged
from scheduler.services.consulate.visits.lifecycle import NoLongerStands, VisitTooLate, party_of
from scheduler.services.consulate.visits.links import PATHS, VisitPurpose
from scheduler.services.consulate.visits.wording import make_calendar as calendar_file
from scheduler.web.consulate import wording as visit_wording
from scheduler.web.consulate.booking import week_asked
from scheduler.web.kit.answers import redirect_after_form, show_form_again, show_invalid_link
from scheduler.web.kit.forms import POSTS, Form, unshared
from scheduler.web.kit.language import _, known_zone, with_query
from scheduler.web.kit.paths import CALENDAR, PER_LANGUAGE
from scheduler.web.kit.typed_times import parse_typed_time

CONFIRM = f"{PER_LANGUAGE}/{PATHS[VisitPurpose.CONFIRM]}/<token>"
OWN = f"{PER_LANGUAGE}/{PATHS[VisitPurpose.OWN]}/<token>"
KEPT = f"{PER_LANGUAGE}/{PATHS[VisitPurpose.CALENDAR]}/<token>.ics"
Show = Callable[[Session, Appointment], Response | str]


def blueprint(app: App, limiter: Limiter) -> Blueprint:
    pages = Blueprint("ownvisit", __name__)
    limited = limiter.shared_limit(POSTS, scope="visit")

    def at(path: str, name: str, show: Show, purpose: VisitPurpose = VisitPurpose.OWN) -> None:
        @unshared
        def view(language: str, token: str) -> Response | str:  # noqa: ARG001 - kept in g for all
            return _with(app, token, purpose, show)

        pages.get(path, endpoint=name)(view)

    def on(path: str, name: str, act: Callable[[App, str], Response | str]) -> None:
        @limited
        @unshared
        def view(language: str, token: str) -> Response | str:  # noqa: ARG001
            return act(app, token)

        view.__name__ = name
        pages.post(path, endpoint=name)(view)

    at(CONFIRM, "to_confirm", lambda _session, visit: _to_confirm(app, visit), VisitPurpose.CONFIRM)
    on(CONFIRM, "confirm", _confirm)
    at(OWN, "own", lambda _session, visit: _own(app, visit))
    at(f"{OWN}/time", "times", lambda session, visit: _times(app, session, visit))
    at(f"{OWN}/move", "to_move", lambda session, visit: _to_move(app, session, visit))
    on(f"{OWN}/move", "move", _move)
    at(f"{OWN}/cancel", "to_cancel", lambda _session, visit: _to_cancel(app, visit))
    on(f"{OWN}/cancel", "cancel", _cancel)
    on(f"{OWN}/reader", "read_in", _read_in)
    at(f"{OWN}/visit.ics", "file", lambda _session, visit: _file(visit))
    at(KEPT, "calendar", lambda _session, visit: _kept(visit), VisitPurpose.CALENDAR)
    return pages


def _with(app: App, token: str, purpose: VisitPurpose, show: Show) -> Response | str:
    with app.db.read() as session:
        try:
            return show(session, visit_links.find(session, token, purpose, secret=app.secret))
        except NotFound:
            return show_invalid_link()


def _page(name: str, visit: Appointment, title: str, app: App, **given: Any) -> str:
    return render_template(
        f"web/visit/{name}.html",
        title=title,
        own=own_visit_page.page(visit, now=app.clock.now()),
        visit=visit,
        post=visit.service.post,
        service=visit.service,
        party=party_of(visit),
        base=_base(app, visit),
        visit_text=visit_wording,
        **given,
    )


def _base(app: App, visit: Appointment) -> str:
    token = visit_links.token(visit, VisitPurpose.OWN, secret=app.secret)
    return url_for("ownvisit.own", language=g.language, token=token)


def _done(app: App, visit: Appointment, what: str) -> Response:
    return redirect_after_form(f"{_base(app, visit)}?done={what}")


# Confirming: what is held or offered, and whether they still come


def _to_confirm(app: App, visit: Appointment, problem: str = "") -> Response | str:
    own = own_visit_page.page(visit, now=app.clock.now())
    if not (own.answer or own.asked):
        return redirect_after_form(_base(app, visit))
    return _page("confirm", visit, _TITLES[visit.status](), app, problem=problem)


_TITLES: dict[VisitStatus, Callable[[], str]] = {
    VisitStatus.HELD: lambda: _("Confirm your visit"),
    VisitStatus.OFFERED: lambda: _("A time is kept for you"),
    VisitStatus.CONFIRMED: lambda: _("Will you come?"),
}


def _confirm(app: App, token: str) -> Response | str:
    now = app.clock.now()
    try:
        with app.db.write("page") as session:
            visit = visit_links.find(session, token, VisitPurpose.CONFIRM, secret=app.secret)
            said = "reconfirmed" if own_visit_page.is_asked(visit, now) else "booked"
            own_visit_page.answer(session, visit, now=now)
            return _done(app, visit, said)
    except NotFound:
        return show_invalid_link()
    except NoLongerStands:
        return _with(app, token, VisitPurpose.CONFIRM, lambda _session, visit: redirect_after_form(_base(app, visit)))


# The page


def _own(app: App, visit: Appointment, form: Form | None = None) -> str:
    return _page(
        "own",
        visit,
        _("Your visit"),
        app,
        form=form or Form(),
        done=visit_wording.done(request.args.get("done", "")),
        code=_code(visit.reference),
        calendar=_calendar(app, visit),
        contact=visit.applicants[0],
    )


def _code(reference: str) -> Markup:
    """What the front desk reads: the reference, and nothing else."""
    made = segno.make(reference, error="m", micro=False)
    drawn = made.svg_inline(
        scale=4, border=3, omitsize=True, svgclass="code", lineclass=None, dark="#16222e", light="#fff"
    )
    return Markup(drawn)  # noqa: S704 - drawn by segno; what is in it is black and white squares


def _calendar(app: App, visit: Appointment) -> str:
    token = visit_links.token(visit, VisitPurpose.CALENDAR, secret=app.secret)
    return app.settings.base_url + url_for("ownvisit.calendar", language=g.language, token=token)


def _file(visit: Appointment) -> Response:
    response = _kept(visit)
    response.headers["Content-Disposition"] = f'attachment; filename="{visit.reference}.ics"'
    return response


def _kept(visit: Appointment) -> Response:
    """The visit as it is today; a calendar that subscribes to it sees it moved, or struck out."""
    body = calendar_file(visit, g.language)
    if not body:
        raise NotFound("it has no time yet")
    response = Response(body, content_type=CALENDAR)
    response.add_etag()
    response.make_conditional(request)
    return response


# Moving


def _times(
    app: App, session: Session, visit: Appointment, problem: str = "", nearest: Sequence[Slot] = ()
) -> Response | str:
    now, party = app.clock.now(), party_of(visit)
    if not own_visit_page.page(visit, now=now).movable:
        return redirect_after_form(_base(app, visit))
    base = _base(app, visit)
    page = _page(
        "times",
        visit,
        _("Choose another time"),
        app,
        step="",
        week=week_view.week(session, visit.service, party, week_asked(nearest), now=now, but=visit.id),
        to=lambda _page, **more: with_query(f"{base}/time", more.items()),
        taken=f"{base}/move",
        hidden={},
        back=base,
        waits=False,
        problem=problem,
        nearest=nearest,
    )
    return show_form_again(page, 409) if problem else page


def _to_move(app: App, session: Session, visit: Appointment) -> Response | str:
    at, now = parse_typed_time(request.args.get("at", "")), app.clock.now()
    if at is None or at == visit.dtstart or not own_visit_page.page(visit, now=now).movable:
        return redirect_after_form(_base(app, visit))
    try:
        booking.require_free(session, visit.service, party_of(visit), at, now=now, but=visit.id)
    except NotOffered as error:
        return _gone(app, session, visit, at, error)
    assert visit.dtstart and visit.dtend  # noqa: S101, PT018 - it is movable
    return _page("move", visit, _("Move your visit?"), app, at=at, until=at + (visit.dtend - visit.dtstart))


def _gone(app: App, session: Session, visit: Appointment, at: datetime, error: NotOffered) -> Response | str:
    reason = visit_wording.reason(error.why, at.date(), visit.service)
    words = _("{time} cannot be booked. {reason}", time=visit_wording.moment(at), reason=reason)
    unchanged = _("Your visit stays as it is.")
    return _times(app, session, visit, f"{words} {unchanged}", error.nearest)


def _move(app: App, token: str) -> Response | str:
    at = parse_typed_time(Form.sent()["at"]) or abort(400)
    return _change(app, token, "moved", lambda session, visit, now: own_visit_page.move(session, visit, at, now=now))


def _to_cancel(app: App, visit: Appointment) -> Response | str:
    if not own_visit_page.page(visit, now=app.clock.now()).ending:
        return redirect_after_form(_base(app, visit))
    return _page("cancel", visit, _("Cancel your visit?"), app)


def _cancel(app: App, token: str) -> Response | str:
    return _change(
        app, token, "cancelled", lambda session, visit, now: own_visit_page.cancel(session, visit, now=now)
    )


def _change(app: App, token: str, done: str, act: Callable[[Session, Appointment, datetime], None]) -> Response | str:
    """One act and back to the page; a second click finds it done, and what cannot be done is told there."""
    try:
        with app.db.write("page") as session:
            visit = visit_links.find(session, token, VisitPurpose.OWN, secret=app.secret)
            act(session, visit, app.clock.now())
            return _done(app, visit, done)
    except NotFound:
        return show_invalid_link()
    except (NotOffered, NoLongerStands, VisitTooLate, Unchanged) as error:
        return _with(app, token, VisitPurpose.OWN, partial(_refused, app, done, error))


def _refused(app: App, done: str, error: Conflict, session: Session, visit: Appointment) -> Response | str:
    if isinstance(error, NotOffered):
        at = parse_typed_time(Form.sent()["at"]) or abort(400)
        return _gone(app, session, visit, at, error)
    if isinstance(error, Unchanged) or (done == "cancelled" and visit.status is VisitStatus.CANCELLED):
        return _done(app, visit, done)
    words = _("This can no longer be changed: the visit has begun, is over, or does not stand any more.")
    return show_form_again(_own(app, visit, Form({}, {"": words})), 409)


# Their letters


def _read_in(app: App, token: str) -> Response | str:
    form = Form.sent()
    spoken = form.one_of("letters", {one: one for one in LANGUAGES}, _("Choose a language."))
    tzid = known_zone(form["zone"])
    if form["zone"] and tzid is None:
        form.errors["zone"] = _("Choose a clock from the list.")
    if spoken is None or form.errors:
        return _with(app, token, VisitPurpose.OWN, lambda _session, visit: show_form_again(_own(app, visit, form)))
    return _change(
        app,
        token,
        "reader",
        lambda session, visit, now: own_visit_page.set_reading_preferences(
            session, visit, language=spoken, tzid=tzid, now=now
        ),
    )

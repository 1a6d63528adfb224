"""The pages of one visit, for the person who booked it: look, confirm, move, cancel, add to a calendar.

A link only opens a page, because mail scanners follow links; only a button on the page changes anything.
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
from scheduler.base.errors import Conflict, NotFound, NothingToChange, SchedulerError
from scheduler.base.i18n import LANGUAGES
from scheduler.model.visits import Appointment, Side, VisitStatus
from scheduler.services.consulate.front_desk import visit_corrections
from scheduler.services.consulate.posts import week_view
from scheduler.services.consulate.posts.slots import Slot
from scheduler.services.consulate.visits import booking, own_visit_page
from scheduler.services.consulate.visits import links as visit_links
from scheduler.services.consulate.visits.batches.confirmations import PostHeld, confirm_each
from scheduler.services.consulate.visits.booking import NotOffered, Unchanged
from scheduler.services.consulate.visits.lifecycle import NoLongerStands, VisitTooLate, get_party
from scheduler.services.consulate.visits.links import PATHS, VisitPurpose
from scheduler.services.consulate.visits.wording import make_calendar as calendar_file
from scheduler.storage.group_commit import GroupCommit
from scheduler.web.consulate import wording as visit_wording
from scheduler.web.consulate.booking_choice import read_week
from scheduler.web.kit.answers import answer_calendar, redirect_after_form, show_form_again, show_invalid_link
from scheduler.web.kit.forms import POSTS, Form, Mistyped, read_name, unshared
from scheduler.web.kit.http_cache import ContentHistory
from scheduler.web.kit.language import _, known_zone, with_query
from scheduler.web.kit.paths import PER_LANGUAGE
from scheduler.web.kit.typed_times import parse_typed_time
from scheduler.web.memory.page_marks import see_anew

CONFIRM = f"{PER_LANGUAGE}/{PATHS[VisitPurpose.CONFIRM]}/<token>"
OWN = f"{PER_LANGUAGE}/{PATHS[VisitPurpose.OWN]}/<token>"
KEPT = f"{PER_LANGUAGE}/{PATHS[VisitPurpose.CALENDAR]}/<token>.ics"
Show = Callable[[Session, Appointment], Response | str]


def blueprint(app: App, limiter: Limiter) -> Blueprint:
    pages = Blueprint("ownvisit", __name__)
    limited = limiter.shared_limit(POSTS, scope="visit")
    confirmed = _confirming(app)

    @pages.post(CONFIRM)  # not limited: nobody guesses a link, and to count would cost more than to confirm
    @unshared
    def confirm(language: str, token: str) -> Response | str:  # noqa: ARG001 - kept in g for all
        return _confirm(app, token, confirmed)

    def add_page(path: str, name: str, show: Show, purpose: VisitPurpose = VisitPurpose.OWN) -> None:
        @unshared
        def view(language: str, token: str) -> Response | str:  # noqa: ARG001 - kept in g for all
            return _show_visit(app, token, purpose, show)

        pages.get(path, endpoint=name)(view)

    def add_form(path: str, name: str, receive: Callable[[App, str], Response | str]) -> None:
        @limited
        @unshared
        def view(language: str, token: str) -> Response | str:  # noqa: ARG001
            return receive(app, token)

        view.__name__ = name
        pages.post(path, endpoint=name)(view)

    add_page(CONFIRM, "to_confirm", lambda _session, visit: _show_confirm(app, visit), VisitPurpose.CONFIRM)
    add_page(OWN, "own", lambda _session, visit: _show_own(app, visit))
    add_page(f"{OWN}/time", "times", lambda session, visit: _show_times(app, session, visit))
    add_page(f"{OWN}/move", "to_move", lambda session, visit: _show_move(app, session, visit))
    add_form(f"{OWN}/move", "move", _move)
    add_page(f"{OWN}/cancel", "to_cancel", lambda _session, visit: _show_cancel(app, visit))
    add_form(f"{OWN}/cancel", "cancel", _cancel)
    add_form(f"{OWN}/reader", "read_in", _set_reading_preferences)
    add_form(f"{OWN}/name", "respell", _respell)
    history = ContentHistory()
    add_page(
        f"{OWN}/visit.ics",
        "file",
        lambda _session, visit: _serve_calendar(app, history, visit, file_name=f"{visit.reference}.ics"),
    )
    add_page(KEPT, "calendar", lambda _session, visit: _serve_calendar(app, history, visit), VisitPurpose.CALENDAR)
    return pages


def _show_visit(app: App, token: str, purpose: VisitPurpose, show: Show) -> Response | str:
    """Show a page of the visit of a link, or the page of spent links."""
    with app.db.read() as session:
        try:
            return show(session, visit_links.find(session, token, purpose, secret=app.secret))
        except NotFound:
            return show_invalid_link()


def _render(name: str, visit: Appointment, title: str, app: App, **given: Any) -> str:
    return render_template(
        f"web/visit/{name}.html",
        title=title,
        own=own_visit_page.make_page(visit, now=app.clock.now()),
        visit=visit,
        post=visit.service.post,
        service=visit.service,
        party=get_party(visit),
        base=_make_path(app, visit),
        visit_text=visit_wording,
        **given,
    )


def _make_path(app: App, visit: Appointment) -> str:
    """Return the path of the page of a visit, which begins those of its other pages."""
    token = visit_links.make_token(visit, VisitPurpose.OWN, secret=app.secret)
    return url_for("ownvisit.own", language=g.language, token=token)


def _go_back(app: App, visit: Appointment, done: str) -> Response:
    return redirect_after_form(f"{_make_path(app, visit)}?done={done}")


# Confirming a held or offered time, and reconfirming a booked one


def _show_confirm(app: App, visit: Appointment, problem: str = "") -> Response | str:
    own = own_visit_page.make_page(visit, now=app.clock.now())
    if not (own.needs_confirmation or own.needs_reconfirmation):
        return redirect_after_form(_make_path(app, visit))
    return _render("confirm", visit, _TITLES[visit.status](), app, problem=problem)


_TITLES: dict[VisitStatus, Callable[[], str]] = {
    VisitStatus.HELD: lambda: _("Confirm your appointment"),
    VisitStatus.OFFERED: lambda: _("A time is reserved for you"),
    VisitStatus.CONFIRMED: lambda: _("Will you come?"),
}


def _confirm(app: App, token: str, confirmed: Callable[[str], tuple[Appointment, bool]]) -> Response | str:
    try:
        visit, again = confirmed(token)
    except NotFound:
        return show_invalid_link()
    except NoLongerStands:
        return _show_visit(
            app, token, VisitPurpose.CONFIRM, lambda _session, visit: redirect_after_form(_make_path(app, visit))
        )
    return _go_back(app, visit, "reconfirmed" if again else "booked")


def _confirming(app: App) -> Callable[[str], tuple[Appointment, bool]]:
    """Return the batch in which those are confirmed together who press the button at the same moment.

    A post that somebody else holds is left out, and waited for by its own visitors alone.
    """
    together = GroupCommit(partial(_confirm_each, app, waits=False))
    of_one_post = GroupCommit(partial(_confirm_each, app, waits=True))

    def confirm(token: str) -> tuple[Appointment, bool]:
        try:
            return together(token)
        except PostHeld as held:
            return of_one_post(token, held.post)

    return confirm


def _confirm_each(
    app: App, given: Sequence[str], *, waits: bool
) -> Sequence[tuple[Appointment, bool] | SchedulerError]:
    with app.db.write("page") as session:
        return confirm_each(session, given, secret=app.secret, now=app.clock.now(), waits=waits)


# The page


def _show_own(app: App, visit: Appointment, form: Form | None = None) -> str:
    return _render(
        "own",
        visit,
        _("Your appointment"),
        app,
        form=form or Form(),
        names=Form({f"called-{number}": one.name for number, one in enumerate(visit.applicants, 1)}),
        done=visit_wording.done(request.args.get("done", ""), visit),
        code=_draw_code(visit.reference),
        calendar=_make_calendar_address(app, visit),
        contact=visit.applicants[0],
    )


def _draw_code(reference: str) -> Markup:
    """Return the QR code for the front desk, which holds the reference and nothing else."""
    made = segno.make(reference, error="m", micro=False)
    drawn = made.svg_inline(
        scale=4, border=3, omitsize=True, svgclass="code", lineclass=None, dark="#16222e", light="#fff"
    )
    return Markup(drawn)  # noqa: S704 - drawn by segno; what is in it is black and white squares


def _make_calendar_address(app: App, visit: Appointment) -> str:
    token = visit_links.make_token(visit, VisitPurpose.CALENDAR, secret=app.secret)
    return app.settings.base_url + url_for("ownvisit.calendar", language=g.language, token=token)


def _serve_calendar(app: App, history: ContentHistory, visit: Appointment, *, file_name: str = "") -> Response:
    """Serve the visit as a calendar. One that subscribes to it sees the visit moved, or struck out.

    It also shows what may change without the visit: the checklist, the name and address of the post.
    """
    body = calendar_file(visit, g.language)
    if not body:
        raise NotFound("the appointment has no time yet")
    modified = history.find_modified(f"{g.language} {visit.uid}", body, now=app.clock.now())
    # What is fetched once must stay nowhere else; a subscription is asked for again and again.
    cache_control = "" if file_name else "private, no-cache"
    return answer_calendar(body, modified=modified, cache_control=cache_control, file_name=file_name)


# Moving


def _show_times(
    app: App, session: Session, visit: Appointment, problem: str = "", nearest: Sequence[Slot] = ()
) -> Response | str:
    now, party = app.clock.now(), get_party(visit)
    if not own_visit_page.make_page(visit, now=now).can_move:
        return redirect_after_form(_make_path(app, visit))
    base = _make_path(app, visit)
    page = _render(
        "times",
        visit,
        _("Choose another time"),
        app,
        step="",
        week=week_view.find_week(session, visit.service, party, read_week(nearest), now=now, ignoring=visit.id),
        to=lambda _page, **more: with_query(f"{base}/time", more.items()),
        taken=f"{base}/move",
        hidden={},
        back=base,
        waits=False,
        problem=problem,
        nearest=nearest,
    )
    return see_anew(show_form_again(page, 409)) if problem else page


def _show_move(app: App, session: Session, visit: Appointment) -> Response | str:
    at, now = parse_typed_time(request.args.get("at", "")), app.clock.now()
    if at is None or at == visit.dtstart or not own_visit_page.make_page(visit, now=now).can_move:
        return redirect_after_form(_make_path(app, visit))
    try:
        booking.require_free(session, visit.service, get_party(visit), at, now=now, ignoring=visit.id)
    except NotOffered as error:
        return _refuse_time(app, session, visit, at, error)
    assert visit.dtstart and visit.dtend  # noqa: S101, PT018 - it can move
    until = at + (visit.dtend - visit.dtstart)
    return _render("move", visit, _("Do you want to move your appointment?"), app, at=at, until=until)


def _refuse_time(app: App, session: Session, visit: Appointment, at: datetime, error: NotOffered) -> Response | str:
    refusal = visit_wording.not_offered(at, error.why, visit.service)
    unchanged = _("Your appointment is unchanged.")
    return _show_times(app, session, visit, f"{refusal} {unchanged}", error.nearest)


def _move(app: App, token: str) -> Response | str:
    at = parse_typed_time(Form.sent()["at"]) or abort(400)
    return _change(app, token, "moved", lambda session, visit, now: booking.move(session, visit, at, now=now))


def _show_cancel(app: App, visit: Appointment) -> Response | str:
    if not own_visit_page.make_page(visit, now=app.clock.now()).can_cancel:
        return redirect_after_form(_make_path(app, visit))
    return _render("cancel", visit, _("Do you want to cancel your appointment?"), app)


def _cancel(app: App, token: str) -> Response | str:
    return _change(
        app,
        token,
        "cancelled",
        lambda session, visit, now: booking.cancel(session, visit, by=Side.APPLICANT, now=now),
    )


def _change(app: App, token: str, done: str, act: Callable[[Session, Appointment, datetime], None]) -> Response | str:
    """Change a visit and go back to its page, or say there why it cannot be changed.

    A second click, which finds the change made, leads to the same page as the first.
    """
    try:
        with app.db.write("page") as session:
            visit = visit_links.find(session, token, VisitPurpose.OWN, secret=app.secret)
            act(session, visit, app.clock.now())
            return _go_back(app, visit, done)
    except NotFound:
        return show_invalid_link()
    except (NotOffered, NoLongerStands, VisitTooLate, Unchanged) as error:
        return _show_visit(app, token, VisitPurpose.OWN, partial(_refuse, app, done, error))


def _refuse(app: App, done: str, error: Conflict, session: Session, visit: Appointment) -> Response | str:
    if isinstance(error, NotOffered):
        at = parse_typed_time(Form.sent()["at"]) or abort(400)
        return _refuse_time(app, session, visit, at, error)
    if isinstance(error, Unchanged) or (done == "cancelled" and visit.status is VisitStatus.CANCELLED):
        return _go_back(app, visit, done)
    words = _("This can no longer be changed: the appointment has begun, is over or is no longer valid.")
    return show_form_again(_show_own(app, visit, Form({}, {"": words})), 409)


# The language and the clock of letters


def _set_reading_preferences(app: App, token: str) -> Response | str:
    form = Form.sent()
    language = form.one_of("letters", {one: one for one in LANGUAGES}, _("Choose a language."))
    tzid = known_zone(form["zone"])
    if form["zone"] and tzid is None:
        form.errors["zone"] = _("Choose a time zone from the list.")
    if language is None or form.errors:
        return _show_visit(
            app, token, VisitPurpose.OWN, lambda _session, visit: show_form_again(_show_own(app, visit, form))
        )
    return _change(
        app,
        token,
        "reader",
        lambda session, visit, now: own_visit_page.set_reading_preferences(
            session, visit, language=language, tzid=tzid, now=now
        ),
    )


# The spelling of a name


def _respell(app: App, token: str) -> Response | str:
    form = Form.sent()
    numbers = {str(number): number for number in range(1, 100)}
    number, typed = (
        form.one_of("who", numbers, _("Choose one from the list.")),
        read_name(form, f"called-{form['who']}"),
    )

    def act(session: Session, visit: Appointment, now: datetime) -> None:
        if number is None or typed is None or number > len(visit.applicants):
            raise Mistyped
        try:
            visit_corrections.ask_for_name(session, visit, number - 1, typed, now=now)
        except NothingToChange as error:
            raise Unchanged from error

    try:
        return _change(app, token, "respelled", act)
    except Mistyped:
        return _show_visit(
            app, token, VisitPurpose.OWN, lambda _session, visit: show_form_again(_show_own(app, visit, form))
        )

"""The front desk of a post: the visits of the day, checking in, the queue, calling to a counter.

Without a script each form is sent and answered as a page. With it (static/door.js, as at the door of an event) the
camera reads the code of a letter, checking in stays on the page, and the queue updates itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, Response, abort, render_template, request
from flask import session as cookie
from flask_limiter import Limiter
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.errors import Conflict, Invalid, NotFound, SchedulerError
from scheduler.base.i18n import load_catalogue
from scheduler.formats.keyboards import may_be_name
from scheduler.model.accounts import Act
from scheduler.model.posts import Counter, Post
from scheduler.model.visits import Appointment, VisitStatus
from scheduler.services.accounts import rights
from scheduler.services.consulate.front_desk import actions as desk_actions
from scheduler.services.consulate.front_desk import day_list
from scheduler.services.consulate.front_desk import today as desk_today
from scheduler.services.consulate.front_desk.today import DeskDay, QueueEntry
from scheduler.services.consulate.visits import references
from scheduler.services.consulate.visits.booking import Unchanged
from scheduler.services.events.guests.guest_directory import matches_name
from scheduler.web.consulate import wording as visit_wording
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.kit.typed_times import parse_typed_day
from scheduler.web.officers.consulate import walk_ins
from scheduler.web.officers.consulate import wording as desk_wording
from scheduler.web.officers.consulate.addresses import (
    POST,
    POSTS,
    today_address,
)
from scheduler.web.officers.events.door import FRAGMENT, open_camera
from scheduler.web.officers.kit import camera, guard, scope
from scheduler.web.officers.kit.answers import error_in_words, is_away
from scheduler.web.officers.kit.guard import allowed, may, officer, takes

TODAY = f"{POST}/today"
MAX_SHOWN = 20  # visits found by a name
MAX_TEXT_LENGTH = 200  # characters
DeskAction = Callable[..., Appointment]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormResult:
    """The result of a form: the visit it was about and what was done, a name to search for, or a refusal."""

    reference: str = ""
    done: str = ""
    name: str = ""
    refusal: str = ""

    @property
    def is_written(self) -> bool:
        return bool(self.done) and not self.refusal


def blueprint(app: App, limiter: Limiter) -> Blueprint:
    pages = guard.blueprint("front")

    @pages.get(POSTS)
    @may(Act.SEE_VISITS, about=scope.LISTS)
    def every(language: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show_posts(app)

    @pages.get(TODAY)
    @may(Act.SEE_VISITS, about=scope.POST)
    def today(language: str, key: str) -> str:  # noqa: ARG001
        return _render(app, key, _read_query())

    @pages.get(f"{TODAY}/now")
    @may(Act.SEE_VISITS, about=scope.POST)
    def now(language: str, key: str) -> str:  # noqa: ARG001
        return _render(app, key, FormResult(), template="web/desk/_front_now.html")

    @pages.get(f"{TODAY}/list.pdf")
    @may(Act.SEE_VISITS, about=scope.POST)
    def printed(language: str, key: str) -> Response:
        return _print_list(app, key, language)

    @pages.post(TODAY)
    @may(Act.SEE_VISITS, Act.KEEP_QUEUE, about=scope.POST)
    def read(language: str, key: str) -> Answer | str:  # noqa: ARG001
        return _answer(app, key, _handle_input(app, key, Form.sent()["given"].strip()[:MAX_TEXT_LENGTH]))

    @pages.post(f"{TODAY}/picture")
    @limiter.limit(camera.PER_ACCOUNT, key_func=camera.account)
    @takes(camera.MAX_OCTETS)
    @may(Act.SEE_VISITS, Act.KEEP_QUEUE, about=scope.POST)
    def picture(language: str, key: str) -> Response:  # noqa: ARG001
        return camera.read_picture()

    @pages.post(f"{TODAY}/visits/<reference>/<verb>")
    @may(Act.SEE_VISITS, Act.KEEP_QUEUE, about=scope.VISIT_AT_POST)
    def do(language: str, key: str, reference: str, verb: str) -> Answer | str:  # noqa: ARG001
        return _answer(app, key, _act_on_visit(app, key, reference, verb))

    _add_counter_pages(pages, app)
    walk_ins.add_pages(pages, app)
    pages.after_request(open_camera)
    return pages


def _add_counter_pages(pages: Blueprint, app: App) -> None:
    @pages.post(f"{TODAY}/counter")
    @may(Act.SEE_VISITS, Act.KEEP_QUEUE, about=scope.POST)
    def sit(language: str, key: str) -> Answer:  # noqa: ARG001
        return _choose_counter(app, key)

    @pages.post(f"{TODAY}/call")
    @may(Act.SEE_VISITS, Act.KEEP_QUEUE, about=scope.POST)
    def call(language: str, key: str) -> Answer | str:  # noqa: ARG001
        return _answer(app, key, _call_to_counter(app, key, Form.sent()))


def _show_posts(app: App) -> str:
    with app.db.read() as session:
        return render_template(
            "web/desk/posts.html",
            title=_("Posts"),
            posts=rights.list_posts(session, officer()),
            visit_text=visit_wording,
        )


# Forms


def _handle_input(app: App, key: str, typed: str) -> FormResult:
    """Check in the visit with the reference that was typed or scanned; search for anything else as a name."""
    if not typed:
        return FormResult()
    try:
        reference = references.read(typed)
    except Invalid as error:
        if may_be_name(typed):
            return FormResult(name=typed)
        hint = Invalid(
            "{problem}; if a scanner typed it, set the keyboard of this computer to English (US)", problem=error
        )
        return FormResult(refusal=error_in_words(hint))
    return _act_on_visit(app, key, reference, "check-in")


ACTIONS: Mapping[str, DeskAction] = {
    "check-in": desk_actions.check_in,
    "recall": desk_actions.recall,
    "served": desk_actions.finish,
    "no-show": desk_actions.record_no_show,
    "send-back": desk_actions.send_back,
    "undo": desk_actions.undo,
}


def _act_on_visit(app: App, key: str, reference: str, verb: str) -> FormResult:
    action = ACTIONS.get(verb) or abort(404)
    return _run(
        app,
        key,
        verb,
        lambda session, post: action(session, _get_visit(session, post, reference), now=app.clock.now()),
    )


def _get_visit(session: Session, post: Post, reference: str) -> Appointment:
    """Return the visit with this reference at this post.

    Raise Conflict, to be shown on the page, if there is none, or if it is at another post that the officer may see.
    """
    try:
        found = rights.get_visit(session, officer(), reference)
    except NotFound as error:
        raise Conflict(error.message, **error.facts) from error
    if found.service.post_id != post.id:
        raise Conflict("visit {reference} is at {post}", reference=found.reference, post=found.service.post.key)
    return found


def _call_to_counter(app: App, key: str, form: Form) -> FormResult:
    """Call a visit to the counter of this browser."""

    def call(session: Session, post: Post) -> Appointment:
        counter = _get_counter(post)
        if counter is None:
            raise Invalid("choose your counter first")
        wanted = form["reference"][:40] or None
        return desk_actions.call(session, post, counter, now=app.clock.now(), reference=wanted)

    return _run(app, key, "call", call)


def _run(app: App, key: str, verb: str, action: Callable[[Session, Post], Appointment]) -> FormResult:
    """Run an action on a visit in one transaction; a refusal by the services becomes part of the result."""
    try:
        with app.db.write(officer().actor) as session:
            return FormResult(
                reference=action(session, rights.get_post(session, officer(), key)).reference, done=verb
            )
    except NotFound:
        raise
    except Unchanged as error:
        return FormResult(reference=str(error.facts.get("reference", "")), refusal=error_in_words(error))
    except SchedulerError as error:
        if is_away(error):
            raise
        return FormResult(refusal=error_in_words(error))


# The counter of a browser


def _get_counter(post: Post) -> Counter | None:
    """Return the counter that this browser's session has chosen at a post, or None."""
    wanted = cookie.get("counters", {}).get(post.key)
    return next((one for one in post.counters if one.key == wanted), None)


def _choose_counter(app: App, key: str) -> Answer:
    chosen = Form.sent()["counter"]
    with app.db.read() as session:
        post = rights.get_post(session, officer(), key)
        if chosen and chosen not in {one.key for one in post.counters}:
            abort(404)
    cookie["counters"] = {**cookie.get("counters", {}), post.key: chosen}
    return redirect_after_form(today_address(key))


# Answers


def _answer(app: App, key: str, result: FormResult) -> Answer | str:
    """Answer a form.

    A script gets the part of the page that changed; a browser gets, once something was written, a page that can be
    loaded again.
    """
    if request.headers.get(FRAGMENT):
        return _render(app, key, result, template="web/desk/_front_told.html")
    if result.is_written:
        return redirect_after_form(today_address(key, visit=result.reference, done=result.done))
    page = _render(app, key, result)
    return show_form_again(page) if result.refusal else page


def _read_query() -> FormResult:
    """Return what the address says: after a form the visit it was about, or else a name to search for."""
    args = request.args
    name = args.get("name", "").strip()[:MAX_TEXT_LENGTH]
    try:
        reference = references.read(args.get("visit", ""))
    except Invalid:
        return FormResult(name=name)
    return FormResult(reference=reference, done=args.get("done", ""), name=name)


def _render(app: App, key: str, result: FormResult, *, template: str = "web/desk/front.html") -> str:
    now = app.clock.now()
    with app.db.read() as session:
        post = rights.get_post(session, officer(), key)
        shown = parse_typed_day(request.args.get("day", "")) or desk_today.get_today(post, now=now)
        day = desk_today.read_day(session, post, shown, now=now)
        return render_template(
            template,
            title=_("Front desk"),
            post=post,
            day=day,
            result=result,
            about=next((one for one in day.entries if one.reference == result.reference), None),
            found=_search(day, result.name) if result.name else [],
            counter=_get_counter(post),
            keeps_queue=day.is_today and allowed(Act.KEEP_QUEUE),
            list_actions=lambda entry: _list_actions(entry, now),
            visit_text=visit_wording,
            desk_text=desk_wording,
            yesterday=shown - timedelta(days=1),
            tomorrow=shown + timedelta(days=1),
        )


def _print_list(app: App, key: str, language: str) -> Response:
    """Return the list of a day as a PDF, for a place without network.

    The audit records who printed it, because it holds all names.
    """
    now, gettext = app.clock.now(), load_catalogue(language).gettext
    with app.db.write(officer().actor) as session:
        post = rights.get_post(session, officer(), key)
        shown = parse_typed_day(request.args.get("day", "")) or desk_today.get_today(post, now=now)
        body = day_list.render_pdf(session, post, shown, language=language, gettext=gettext, now=now)
    response = Response(body, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{key}-{shown.isoformat()}.pdf"'
    return response


def _search(day: DeskDay, name: str) -> list[QueueEntry]:
    return [one for one in day.entries if matches_name(name, [*one.names, one.ticket or ""])][:MAX_SHOWN]


def _list_actions(entry: QueueEntry, now: datetime) -> list[str]:
    """Return the names of the actions that are possible on a visit now."""
    verbs = list(_ACTIONS_BY_STATUS.get(entry.status, ()))
    if entry.status is VisitStatus.CONFIRMED and now < entry.starts_at:
        verbs.remove("no-show")
    return [*verbs, *(["undo"] if entry.undoable else [])]


_ACTIONS_BY_STATUS: Mapping[VisitStatus, tuple[str, ...]] = {
    VisitStatus.CONFIRMED: ("check-in", "no-show"),
    VisitStatus.CHECKED_IN: ("call", "no-show"),
    VisitStatus.CALLED: ("served", "recall", "no-show", "send-back"),
}

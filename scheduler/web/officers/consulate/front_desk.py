"""The front desk of a post: who comes today, checking in, walk-ins, the queue, calling to a counter.

Without a script each form is sent and answered as a page. With it (static/door.js, as at the door of an event) the
code of a letter is read by the camera, checking in does not leave the page, and the queue keeps itself up to date.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, Response, abort, g, render_template, request, url_for
from flask import session as cookie
from flask_limiter import Limiter
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.errors import Conflict, Invalid, NotFound, SchedulerError
from scheduler.base.i18n import LANGUAGES, load_catalogue
from scheduler.model import Act, Appointment, Counted, Counter, Post, Service, VisitStatus
from scheduler.services.consulate.front_desk import actions as desk_actions
from scheduler.services.consulate.front_desk import day_list
from scheduler.services.consulate.front_desk import today as desk_today
from scheduler.services.consulate.front_desk.today import QueueEntry, Today
from scheduler.services.consulate.visits import references
from scheduler.services.consulate.visits.booking import Unchanged
from scheduler.services.consulate.visits.visit_drafts import MOST_DOCUMENTS
from scheduler.services.events.guests.guest_directory import is_called
from scheduler.web.consulate import wording as visit_wording
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import NAMES, _, with_query
from scheduler.web.kit.typed_times import parse_typed_day
from scheduler.web.officers.consulate import wording as desk_wording
from scheduler.web.officers.consulate.own_posts import POST, POSTS, own, post_of, visit_of
from scheduler.web.officers.events.door import FRAGMENT, open_camera
from scheduler.web.officers.kit import camera, guard
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer, error_in_words, is_away
from scheduler.web.officers.kit.guard import allowed, may, officer, takes

TODAY = f"{POST}/today"
WALK_IN = f"{POST}/walk-in"
MAX_SHOWN = 20  # of those who are called as was typed
MAX_TEXT_LENGTH = 200
DeskAction = Callable[..., Appointment]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormResult:
    """What came of a form: the visit it was about and what was done, a name that was looked for, or a refusal."""

    reference: str = ""
    done: str = ""
    name: str = ""
    refusal: str = ""

    @property
    def written(self) -> bool:
        return bool(self.done) and not self.refusal


def blueprint(app: App, limiter: Limiter) -> Blueprint:
    pages = guard.blueprint("front")

    @pages.get(POSTS)
    @may(Act.SEE_VISITS)
    def every(language: str) -> str:  # noqa: ARG001 - kept in g for all
        return _every(app)

    @pages.get(TODAY)
    @may(Act.SEE_VISITS)
    def today(language: str, key: str) -> str:  # noqa: ARG001
        return _page(app, key, _asked_for())

    @pages.get(f"{TODAY}/now")
    @may(Act.SEE_VISITS)
    def now(language: str, key: str) -> str:  # noqa: ARG001
        return _page(app, key, FormResult(), template="web/desk/_front_now.html")

    @pages.get(f"{TODAY}/list.pdf")
    @may(Act.SEE_VISITS)
    def printed(language: str, key: str) -> Response:
        return _printed(app, key, language)

    @pages.post(TODAY)
    @may(Act.SEE_VISITS, Act.KEEP_QUEUE)
    def read(language: str, key: str) -> Answer | str:  # noqa: ARG001
        return _answer(app, key, _read(app, key, Form.sent()["given"].strip()[:MAX_TEXT_LENGTH]))

    @pages.post(f"{TODAY}/picture")
    @limiter.limit(camera.PER_ACCOUNT, key_func=camera.account)
    @takes(camera.MAX_OCTETS)
    @may(Act.SEE_VISITS, Act.KEEP_QUEUE)
    def picture(language: str, key: str) -> Response:  # noqa: ARG001
        return camera.read_picture()

    @pages.post(f"{TODAY}/visits/<reference>/<verb>")
    @may(Act.SEE_VISITS, Act.KEEP_QUEUE)
    def do(language: str, key: str, reference: str, verb: str) -> Answer | str:  # noqa: ARG001
        return _answer(app, key, _do(app, key, reference, verb))

    _at_a_counter(pages, app)
    _without_appointment(pages, app)
    pages.after_request(open_camera)
    return pages


def _at_a_counter(pages: Blueprint, app: App) -> None:
    @pages.post(f"{TODAY}/counter")
    @may(Act.SEE_VISITS, Act.KEEP_QUEUE)
    def sit(language: str, key: str) -> Answer:  # noqa: ARG001
        return _sit(app, key)

    @pages.post(f"{TODAY}/call")
    @may(Act.SEE_VISITS, Act.KEEP_QUEUE)
    def call(language: str, key: str) -> Answer | str:  # noqa: ARG001
        return _answer(app, key, _call(app, key, Form.sent()))


def _without_appointment(pages: Blueprint, app: App) -> None:
    @pages.get(WALK_IN)
    @may(Act.SEE_VISITS, Act.KEEP_QUEUE)
    def form(language: str, key: str) -> str:  # noqa: ARG001
        return _walk_in_page(app, key)

    @pages.post(WALK_IN)
    @may(Act.SEE_VISITS, Act.KEEP_QUEUE)
    def walk_in(language: str, key: str) -> Answer:  # noqa: ARG001
        return _walk_in(app, key)


def _every(app: App) -> str:
    with app.db.read() as session:
        return render_template("web/desk/posts.html", title=_("Posts"), posts=own(session), visit_text=visit_wording)


# What a form does


def _read(app: App, key: str, given: str) -> FormResult:
    """A reference checks in; anything else is a name to look for."""
    if not given:
        return FormResult()
    try:
        reference = references.read(given)
    except Invalid as error:
        return FormResult(refusal=error_in_words(error)) if _looks_like_a_code(given) else FormResult(name=given)
    return _do(app, key, reference, "check-in")


def _looks_like_a_code(given: str) -> bool:
    """A reference with a slip, or a code of another system: nobody is called so."""
    return "://" in given or any(map(str.isdigit, given))


VERBS: Mapping[str, DeskAction] = {
    "check-in": desk_actions.check_in,
    "recall": desk_actions.recall,
    "served": desk_actions.finish,
    "no-show": desk_actions.record_no_show,
    "send-back": desk_actions.send_back,
    "undo": desk_actions.undo,
}


def _do(app: App, key: str, reference: str, verb: str) -> FormResult:
    deed = VERBS.get(verb) or abort(404)
    return _heard(
        app, key, verb, lambda session, post: deed(session, _visit(session, post, reference), now=app.clock.now())
    )


def _visit(session: Session, post: Post, reference: str) -> Appointment:
    """Raises Conflict, to be told: for none, and for one of another post, which is named to who sees that."""
    try:
        found = visit_of(session, reference)
    except NotFound as error:
        raise Conflict(error.message, **error.facts) from error
    if found.service.post_id != post.id:
        raise Conflict("visit {reference} is at {post}", reference=found.reference, post=found.service.post.key)
    return found


def _call(app: App, key: str, form: Form) -> FormResult:
    """To the counter that this browser sits at."""

    def call(session: Session, post: Post) -> Appointment:
        counter = _counter(post)
        if counter is None:
            raise Invalid("choose your counter first")
        wanted = form["reference"][:40] or None
        return desk_actions.call(session, post, counter, now=app.clock.now(), reference=wanted)

    return _heard(app, key, "call", call)


def _heard(app: App, key: str, verb: str, deed: Callable[[Session, Post], Appointment]) -> FormResult:
    """What the services refuse is told on the page, with the visit that it is about where there is one."""
    try:
        with app.db.write(officer().actor) as session:
            return FormResult(reference=deed(session, post_of(session, key)).reference, done=verb)
    except NotFound:
        raise
    except Unchanged as error:
        return FormResult(reference=str(error.facts.get("reference", "")), refusal=error_in_words(error))
    except SchedulerError as error:
        if is_away(error):
            raise
        return FormResult(refusal=error_in_words(error))


# The counter of this browser


def _counter(post: Post) -> Counter | None:
    """Remembered with the session: a browser stands at one counter of each post."""
    wanted = cookie.get("counters", {}).get(post.key)
    return next((one for one in post.counters if one.key == wanted), None)


def _sit(app: App, key: str) -> Answer:
    chosen = Form.sent()["counter"]
    with app.db.read() as session:
        post = post_of(session, key)
        if chosen and chosen not in {one.key for one in post.counters}:
            abort(404)
    cookie["counters"] = {**cookie.get("counters", {}), post.key: chosen}
    return redirect_after_form(_address(key))


def _address(key: str, **said: str) -> str:
    return with_query(url_for("front.today", language=g.language, key=key), said.items())


# What is answered


def _answer(app: App, key: str, heard: FormResult) -> Answer | str:
    """To a script what has changed; to a browser a page that may be loaded again, where something was written."""
    if request.headers.get(FRAGMENT):
        return _page(app, key, heard, template="web/desk/_front_told.html")
    if heard.written:
        return redirect_after_form(_address(key, visit=heard.reference, done=heard.done))
    page = _page(app, key, heard)
    return show_form_again(page) if heard.refusal else page


def _asked_for() -> FormResult:
    """After a form: the visit it was about. By link or typed: a name to look for."""
    args = request.args
    name = args.get("name", "").strip()[:MAX_TEXT_LENGTH]
    try:
        reference = references.read(args.get("visit", ""))
    except Invalid:
        return FormResult(name=name)
    return FormResult(reference=reference, done=args.get("done", ""), name=name)


def _page(app: App, key: str, heard: FormResult, *, template: str = "web/desk/front.html") -> str:
    now = app.clock.now()
    with app.db.read() as session:
        post = post_of(session, key)
        shown = parse_typed_day(request.args.get("day", "")) or desk_today.get_today(post, now=now)
        day = desk_today.read_day(session, post, shown, now=now)
        return render_template(
            template,
            title=_("Front desk"),
            post=post,
            day=day,
            heard=heard,
            about=next((one for one in day.entries if one.reference == heard.reference), None),
            found=_found(day, heard.name) if heard.name else [],
            counter=_counter(post),
            keeps=day.is_today and allowed(Act.KEEP_QUEUE),
            offered=lambda entry: _offered(entry, now),
            visit_text=visit_wording,
            desk_text=desk_wording,
            yesterday=shown - timedelta(days=1),
            tomorrow=shown + timedelta(days=1),
        )


def _printed(app: App, key: str, language: str) -> Response:
    """To take along where there is no network. It has the names of all: who took it is written down."""
    now, gettext = app.clock.now(), load_catalogue(language).gettext
    with app.db.write(officer().actor) as session:
        post = post_of(session, key)
        shown = parse_typed_day(request.args.get("day", "")) or desk_today.get_today(post, now=now)
        body = day_list.render_pdf(session, post, shown, language=language, gettext=gettext, now=now)
    response = Response(body, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{key}-{shown.isoformat()}.pdf"'
    return response


def _found(day: Today, name: str) -> list[QueueEntry]:
    return [one for one in day.entries if is_called(name, [*one.names, one.ticket or ""])][:MAX_SHOWN]


def _offered(entry: QueueEntry, now: datetime) -> list[str]:
    """What can be done with a visit as it stands."""
    verbs = list(_OFFERED.get(entry.status, ()))
    if entry.status is VisitStatus.CONFIRMED and now < entry.starts_at:
        verbs.remove("no-show")
    return [*verbs, *(["undo"] if entry.undoable else [])]


_OFFERED: Mapping[VisitStatus, tuple[str, ...]] = {
    VisitStatus.CONFIRMED: ("check-in", "no-show"),
    VisitStatus.CHECKED_IN: ("call", "no-show"),
    VisitStatus.CALLED: ("served", "recall", "no-show", "send-back"),
}


# Somebody without an appointment


def _walk_in_page(app: App, key: str, form: Form | None = None) -> str:
    now = app.clock.now()
    with app.db.read() as session:
        post = post_of(session, key)
        taken = [service for service in post.services if service.walk_ins and service.offered]
        day = desk_today.read_day(session, post, desk_today.get_today(post, now=now), now=now)
        return render_template(
            "web/desk/walk_in.html",
            title=_("Somebody without an appointment"),
            post=post,
            form=form or Form({"people": "1", "documents": "1", "language": g.language, "service": _only(taken)}),
            services=[(one.key, _with_minutes(one, day)) for one in taken],
            counted=any(one.counted is Counted.DOCUMENTS for one in taken),
            most=post.largest_party,
            documents=MOST_DOCUMENTS,
            names=list(NAMES.items()),
        )


def _only(taken: list[Service]) -> str:
    return taken[0].key if len(taken) == 1 else ""


def _with_minutes(service: Service, day: Today) -> str:
    waits = day.arriving.get(service.key)
    name = service.name.to(g.language)
    return name if waits is None else f"{name} ({desk_wording.minutes(waits)})"


def _walk_in(app: App, key: str) -> Answer:
    form, made = Form.sent(), ""
    try:
        with act_as_officer(app, form) as session:
            post = post_of(session, key)
            made = _walked_in(app, session, post, form).reference
    except FormRefused:
        return show_form_again(_walk_in_page(app, key, form))
    return redirect_after_form(_address(key, visit=made, done="walk-in"))


def _walked_in(app: App, session: Session, post: Post, form: Form) -> Appointment:
    known = {one.key: one for one in post.services if one.walk_ins and one.offered}
    service = form.one_of("service", known, _("Choose what they need."))
    language = form.one_of("language", {one: one for one in LANGUAGES}, _("Choose a language."))
    people = _whole(form, "people", post.largest_party)
    documents = _whole(form, "documents", MOST_DOCUMENTS)
    if not form["name"].strip():
        form.errors["name"] = _("Enter a name.")
    if service is None or language is None or form.errors:
        raise FormRefused
    return desk_actions.walk_in(
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


def _whole(form: Form, name: str, most: int) -> int:
    """From 1 to the most there may be; nothing is 1."""
    complaint = _("Enter a whole number from 1 to {most}.", most=most)
    number = form.number(name, most, complaint) if form[name].strip() else 1
    if number == 0:
        form.errors[name] = complaint
    return number

"""Registering on an event's page, confirming by the link in the letter, and the visitor's own page.

A link opens a page; only a button on it changes anything: mail scanners follow links.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask_limiter import Limiter
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.errors import AlreadyThere, Invalid, NotFound, Problems, SchedulerError
from scheduler.i18n import LANGUAGES, catalogue
from scheduler.model import Attendee, Event, Mode, Reminded
from scheduler.services import agenda, own, parties, passes, registering
from scheduler.services.addresses import Address
from scheduler.services.drafts import PersonDraft, check
from scheduler.services.parties import Needs
from scheduler.services.seating import NeverFits, NoRoom
from scheduler.services.tokens import PATHS, Purpose
from scheduler.services.window import RegistrationClosed
from scheduler.text import line, prose
from scheduler.together import Together
from scheduler.web import floods, wording
from scheduler.web.forms import Form, seal, unshared
from scheduler.web.language import _, known_zone
from scheduler.web.pages import CALENDAR, PER_LANGUAGE, is_key

POSTS = "20 per minute; 200 per hour"  # from one address: an embassy behind one is not held up, a flood is
FORM = f"{PER_LANGUAGE}/events/<key>/register"
CONFIRM = f"{PER_LANGUAGE}/{PATHS[Purpose.CONFIRM]}/<token>"
OWN = f"{PER_LANGUAGE}/{PATHS[Purpose.OWN]}/<token>"
Change = Callable[[Session, Attendee, Form], None]


def blueprint(app: App, limiter: Limiter) -> Blueprint:
    pages = Blueprint("registering", __name__)
    limited = limiter.limit(POSTS)
    confirmed = Together(partial(_confirm_each, app))

    @pages.get(FORM)
    @unshared
    def form(language: str, key: str) -> str:  # noqa: ARG001 - kept in g for all
        return _form(app, key)

    @pages.post(FORM)
    @limited
    @unshared
    def ask(language: str, key: str) -> Response | str:  # noqa: ARG001
        return _ask(app, key)

    @pages.get(f"{FORM}/sent")
    @unshared
    def sent(language: str, key: str) -> str:  # noqa: ARG001
        return _sent(app, key)

    @pages.get(CONFIRM)
    @unshared
    def to_confirm(language: str, token: str) -> Response | str:  # noqa: ARG001
        return _to_confirm(app, token)

    @pages.post(CONFIRM)  # not limited: nobody guesses a link, and to count would cost more than to confirm
    @unshared
    def confirm(language: str, token: str) -> Response | str:  # noqa: ARG001
        return _confirm(app, token, confirmed)

    @pages.get(OWN)
    @unshared
    def own_page(language: str, token: str) -> Response | str:  # noqa: ARG001
        return _own(app, token)

    _changes(pages, app, limiter)
    _downloads(pages, app)
    return pages


def _changes(pages: Blueprint, app: App, limiter: Limiter) -> None:
    """Each verb a resource of its own below the visitor's page."""
    limited = limiter.shared_limit(POSTS, scope="own")

    def at(path: str, verb: Change) -> None:
        def view(language: str, token: str) -> Response | str:  # noqa: ARG001
            return _change(app, token, verb, said=path)

        view.__name__ = path
        pages.post(f"{OWN}/{path}", endpoint=path)(limited(unshared(view)))

    at("party", _party(app))
    at("withdrawal", lambda session, who, _form: own.withdraw(session, who, now=app.clock.now()))
    at("coming", lambda session, who, _form: own.come(session, who, now=app.clock.now()))
    at("reminders", _reminders(app))
    at("reader", _reader(app))
    at("calendar", lambda session, who, _form: _subscribe(app, session, who))


def _downloads(pages: Blueprint, app: App) -> None:
    @pages.get(f"{OWN}/event.ics")
    @unshared
    def file(language: str, token: str) -> Response:
        return _file(app, token, language)

    @pages.get(f"{OWN}/pass.png")
    @unshared
    def picture(language: str, token: str) -> Response:  # noqa: ARG001
        return _pass(app, token)

    @pages.get(f"{OWN}/data.json")
    @unshared
    def data(language: str, token: str) -> Response:  # noqa: ARG001
        return _data(app, token)


# The form


def _form(app: App, key: str, form: Form | None = None) -> str:
    with app.db.read() as session:
        event = agenda.public_event(session, key) if is_key(key) else _no_such_page()
    now = app.clock.now()
    if not registering.is_open(event, now=now):
        return render_template("web/closed.html", title=_("Registration is closed"), event=event)
    sealed = seal(key, secret=app.secret, now=now)
    return render_template(
        "web/register.html",
        title=_("Register"),
        event=event,
        form=form or Form({"mode": str(registering.modes(event)[0])}),
        modes=[(mode, wording.mode(mode), wording.places(event, mode)) for mode in registering.modes(event)],
        most=event.companions_most,
        seal=sealed,
        challenge=floods.challenge(app, sealed, now=now),
    )


def _no_such_page() -> Event:
    raise NotFound("there is no such page")


def _ask(app: App, key: str) -> Response | str:
    form, now = Form.sent(), app.clock.now()
    if form.trapped:
        return _see(url_for(".sent", language=g.language, key=key))
    nonce = form.check_seal(key, secret=app.secret, now=now)
    try:
        with app.db.write("page") as session:
            event = registering.get_open(session, key, now=now) if is_key(key) else _no_such_page()
            wanted = _wanted(form, event, nonce)
            floods.admit(session, form, app=app, now=now)
            registering.ask(session, event, wanted, now=now)
    except (_Mistyped, RegistrationClosed, floods.NotLetIn):
        return _again(_form(app, key, form))
    except NeverFits:
        field = "names" if form["names"] else "companions"
        form.errors[field] = _("So large a party can never fit: there are fewer places than that.")
        return _again(_form(app, key, form))
    return _see(url_for(".sent", language=g.language, key=key))


class _Mistyped(Invalid):
    """Something in the form is wrong; each field says what."""


def _wanted(form: Form, event: Event, nonce: str) -> registering.Wanted:
    """Raises _Mistyped, when all that is wrong is told."""
    offered = {str(mode): mode for mode in registering.modes(event)}
    person = _person(form)
    mode = form.one_of("mode", offered, _("Choose how you will take part."))
    companions, names = _company(form, event, event.companions_most)
    needs = _needs(form, event)
    if not form["consent"]:
        form.errors["consent"] = _("Tick this if you agree; without it we cannot register you.")
    if person is None or mode is None or form.errors:
        raise _Mistyped
    return registering.Wanted(
        person=person, mode=mode, companions=companions, form=nonce, names=tuple(names or ()), needs=needs
    )


# What is typed as a name is written to an address that may be somebody else's: it must carry no message.
LONGEST_NAME = 100
# Mail programs make a link of what looks like a host, too; initials ("И.И.Иванов", "J.R. Smith") do not.
_NO_NAME = re.compile(r"[/@\\<>{}]|(?i:www\.)|[\w-]{2,}\.(?:[a-z]{2,}|[A-Z]{2,})\b|\d(?:[ -]?\d){5}")


def _company(form: Form, event: Event, most: int) -> tuple[int, list[str] | None]:
    """How many come along, and who where the organizer asks for names: the count follows from those."""
    count = form.number("companions", most, _("Enter a whole number from 0 to {most}.", most=most))
    if not event.companions_named:
        return count, None
    names = [" ".join(typed.split()) for typed in form["names"].splitlines() if typed.strip()]
    if len(names) > most:
        form.errors["names"] = _("Enter at most {most} names, one on each line.", most=most)
    elif not all(map(_is_name, names)):
        form.errors["names"] = _(
            "Enter names alone, one on each line, of at most {most} characters.", most=LONGEST_NAME
        )
    return max(count, len(names)), names


def _is_name(typed: str) -> bool:
    try:
        return not _NO_NAME.search(line(typed, most=LONGEST_NAME))
    except SchedulerError:
        return False


LONGEST_NEED = 500


def _needs(form: Form, event: Event, before: Needs | None = None) -> Needs:
    """What is asked for; what was written down otherwise stays."""
    asked = {"access": event.asks_access, "dietary": event.asks_dietary}
    return replace(before or Needs(), **{name: _need(form, name) for name, wanted in asked.items() if wanted})


def _need(form: Form, name: str) -> str:
    try:
        return prose(form[name], most=LONGEST_NEED)
    except SchedulerError:
        form.errors[name] = _("Write it in at most {most} characters, as plain text.", most=LONGEST_NEED)
        return ""


def _person(form: Form) -> PersonDraft | None:
    """Checked by the same rules as what an officer types; the complaints stand beside the fields."""
    if len(form["name"]) > LONGEST_NAME or _NO_NAME.search(form["name"]):
        form.errors["name"] = _("Enter a name alone, of at most {most} characters.", most=LONGEST_NAME)
    given = {"name": form["name"], "email": form["email"], "language": g.language, "tz": g.tzid}
    try:
        return check(PersonDraft, given, language=g.language)
    except SchedulerError as error:
        for problem in error.problems if isinstance(error, Problems) else [error]:
            place = str(problem.facts.get("place", "")).partition(".")[0]
            form.errors.setdefault(place, _complaint(place, form, problem))
        return None


def _complaint(place: str, form: Form, problem: SchedulerError) -> str:
    if place == "email":
        return _("Enter an e-mail address, like name@example.org.")
    if not form["name"].strip():
        return _("Enter your name.")
    inner = problem.facts.get("problem", problem)
    return inner.text(catalogue(g.language).gettext) if isinstance(inner, SchedulerError) else str(inner)


def _sent(app: App, key: str) -> str:
    with app.db.read() as session:
        event = agenda.public_event(session, key) if is_key(key) else _no_such_page()
    return render_template("web/sent.html", title=_("Now look into your e-mail"), event=event)


# Confirming


def _to_confirm(app: App, token: str, problem: str = "") -> Response | str:
    now = app.clock.now()
    with app.db.read() as session:
        try:
            found = registering.to_confirm(session, token, secret=app.secret, now=now)
        except NotFound:
            return spent()
        if found.standing in registering.LISTED:
            return _see(_own_address(app, found))
        return _confirming_page(found, problem)


def _confirming_page(found: Attendee, problem: str) -> str:
    return render_template(
        "web/confirm.html",
        title=_("Confirm your registration"),
        event=found.event,
        attendee=found,
        mode=wording.mode(found.mode),
        places=wording.places(found.event, found.mode),
        problem=problem,
    )


def _confirm(app: App, token: str, confirmed: Together[str, Attendee]) -> Response | str:
    try:
        found = confirmed(token, _line(app, token))
    except NotFound:
        return spent()
    except RegistrationClosed:
        return _again(_to_confirm(app, token, _("Registration has closed in the meantime.")))
    except NeverFits:
        return _again(_to_confirm(app, token, _("So large a party can never fit: there are fewer places than that.")))
    return _see(_own_address(app, found) + "?done=confirmed")


def _line(app: App, token: str) -> int:
    """Who is confirmed together. SQLite has one writer, who does all that wait. PostgreSQL holds rows, and whoever
    held those of several events could wait for somebody who waits for them: each event is a line of its own."""
    if app.db.embedded:
        return 0
    with app.db.read() as session:
        return registering.event_of(session, token, secret=app.secret)


def _confirm_each(app: App, given: Sequence[str]) -> Sequence[Attendee | SchedulerError]:
    with app.db.write("page") as session:
        return registering.confirm_each(session, given, secret=app.secret, now=app.clock.now())


def _own_address(app: App, attendee: Attendee) -> str:
    token = registering.own_token(attendee, secret=app.secret)
    return url_for(".own_page", language=g.language, token=token)


# The visitor's own page


DONE = ("confirmed", "party", "withdrawal", "coming", "reminders", "reader", "calendar")


def _own(app: App, token: str, form: Form | None = None) -> Response | str:
    with app.db.read() as session:
        try:
            attendee = registering.own(session, token, secret=app.secret)
        except NotFound:
            return spent()
        shown = own.page(session, attendee, now=app.clock.now())
        return _own_page(app, token, shown, form)


def _own_page(app: App, token: str, shown: own.Own, form: Form | None) -> str:
    done = request.args.get("done", "")
    party = _typed(shown.attendee)
    return render_template(
        "web/own.html",
        title=_("Your registration"),
        own=shown,
        event=shown.event,
        attendee=shown.attendee,
        form=form or Form(party),
        modes=[(mode, wording.mode(mode), wording.places(shown.event, mode)) for mode in shown.modes],
        done=wording.done(done, shown.attendee) if done in DONE else "",
        base=url_for(".own_page", language=g.language, token=token),
        calendar=_calendar(app, shown) if shown.link else "",
        shown_pass=passes.groups(passes.of(shown.attendee, secret=app.secret))
        if passes.is_due(shown.attendee)
        else "",
        zone=shown.person.tzid or "",
        letters_in=shown.person.language,
    )


def _typed(attendee: Attendee) -> dict[str, str]:
    """What they have, as they would type it; a number beside names only where some have none."""
    all_named = attendee.event.companions_named and len(attendee.names) == attendee.companions
    return {
        "mode": str(attendee.mode),
        "companions": "" if all_named else str(attendee.companions),
        "names": "\n".join(attendee.names),
        "access": attendee.access_needs or "",
        "dietary": attendee.dietary_needs or "",
    }


def _calendar(app: App, shown: own.Own) -> str:
    from scheduler.services.links import token

    assert shown.link is not None  # noqa: S101 - asked before
    address = Address(token(shown.link, secret=app.secret), g.language, private=True)
    return f"{app.settings.base_url}{address}"


def _change(app: App, token: str, verb: Change, *, said: str) -> Response | str:
    form = Form.sent()
    try:
        with app.db.write("page") as session:
            verb(session, registering.own(session, token, secret=app.secret), form)
    except NotFound:
        return spent()
    except AlreadyThere:
        pass  # a second click: it is so already
    except (own.TooLate, RegistrationClosed, NoRoom, NeverFits, _Mistyped) as error:
        if not isinstance(error, _Mistyped):
            form.errors[""] = _refusal(error)
        return _again(_own(app, token, form))
    return _see(url_for(".own_page", language=g.language, token=token, done=said))


def _refusal(error: SchedulerError) -> str:
    match error:
        case NoRoom():
            return _("There are not that many places left. Nothing was changed: you keep what you have.")
        case NeverFits():
            return _("So large a party can never fit: there are fewer places than that.")
        case RegistrationClosed():
            return _("Registration has closed in the meantime.")
    return _("This can no longer be changed: the event has begun, is over or was cancelled.")


def _party(app: App) -> Change:
    def change(session: Session, attendee: Attendee, form: Form) -> None:
        now = app.clock.now()
        shown = own.page(session, attendee, now=now)
        mode = form.one_of("mode", _by_name(shown.modes), _("Choose how you will take part."))
        companions, names = _company(form, attendee.event, shown.most)
        needs = _needs(form, attendee.event, parties.needs_of(attendee))
        if mode is None or form.errors:
            raise _Mistyped
        own.change(session, attendee, mode=mode, companions=companions, names=names, needs=needs, now=now)

    return change


def _by_name(modes: Sequence[Mode]) -> dict[str, Mode]:
    return {str(mode): mode for mode in modes}


def _reminders(app: App) -> Change:
    def change(session: Session, attendee: Attendee, form: Form) -> None:
        chosen = form.one_of("reminded", {str(one): one for one in Reminded}, _("Choose one of the list."))
        if chosen is None:
            raise _Mistyped
        own.remind(session, attendee, chosen, now=app.clock.now())

    return change


def _reader(app: App) -> Change:
    def change(session: Session, attendee: Attendee, form: Form) -> None:
        spoken = form.one_of("letters", {one: one for one in LANGUAGES}, _("Choose a language."))
        tzid = known_zone(form["zone"])
        if form["zone"] and tzid is None:
            form.errors["zone"] = _("Choose a clock from the list.")
        if spoken is None or form.errors:
            raise _Mistyped
        own.read_in(session, attendee.attending, language=spoken, tzid=tzid, now=app.clock.now())

    return change


def _subscribe(app: App, session: Session, attendee: Attendee) -> None:
    own.subscribe(session, attendee.attending, now=app.clock.now())


def _file(app: App, token: str, language: str) -> Response:
    with app.db.read() as session:
        attendee = registering.own(session, token, secret=app.secret)
        body = own.event_file(session, attendee, language=language)
    if not body:
        raise NotFound("it has no date yet")
    return _attached(body, CALENDAR, "event.ics")


def _pass(app: App, token: str) -> Response:
    with app.db.read() as session:
        attendee = registering.own(session, token, secret=app.secret)
    if not passes.is_due(attendee):
        raise NotFound("there is no pass for who has no place in the hall")
    return Response(passes.png(passes.of(attendee, secret=app.secret)), content_type="image/png")


def _data(app: App, token: str) -> Response:
    with app.db.read() as session:
        attendee = registering.own(session, token, secret=app.secret)
        kept = own.data(session, attendee.attending)
    return _attached(json.dumps(kept, ensure_ascii=False, indent=1).encode(), "application/json", "data.json")


def _attached(body: bytes, kind: str, name: str) -> Response:
    response = Response(body, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


# Answers


def _see(address: str) -> Response:
    """After a form the browser is sent to a page that may be loaded again (RFC 9110 15.4.4)."""
    answer: Answer = redirect(address, 303)
    return Response(answer.response, 303, answer.headers)


def _again(page: Response | str) -> Response:
    return page if isinstance(page, Response) else Response(page, 422)


def spent() -> Response:
    """One page for every link that leads nowhere, whatever the reason."""
    return Response(render_template("web/spent.html", title=_("This link leads nowhere any more")), 404)

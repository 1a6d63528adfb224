"""The page of a guest, opened by the link in their letter.

A link opens a page; only a button on it changes anything: mail scanners follow links.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from flask import Blueprint, Response, g, render_template, request, url_for
from flask_limiter import Limiter
from sqlalchemy.orm import Session

from scheduler.app import App
from scheduler.base.errors import NotFound, NothingToChange, SchedulerError
from scheduler.base.i18n import LANGUAGES
from scheduler.model.attendance import Attendee, Reminded
from scheduler.model.events import Mode
from scheduler.model.feeds import FeedLink
from scheduler.services.common.tokens import PATHS, Purpose
from scheduler.services.events.attendance import parties, passes
from scheduler.services.events.attendance.capacity import NeverFits, NoRoom
from scheduler.services.events.attendance.registration_window import RegistrationClosed
from scheduler.services.events.attendance.representation import DeputyElsewhere
from scheduler.services.events.guests import corrections, own_page, registration
from scheduler.services.feeds import links as feed_links
from scheduler.services.feeds import own_calendar
from scheduler.services.feeds.addresses import Address
from scheduler.services.feeds.alarms import ALARM_NAMES, ALARMS, NONE
from scheduler.services.privacy import personal_data
from scheduler.web.guests import guest_fields
from scheduler.web.kit.answers import answer_calendar, redirect_after_form, show_form_again, show_invalid_link
from scheduler.web.kit.forms import POSTS, Form, Mistyped, read_name, unshared
from scheduler.web.kit.language import _, known_zone
from scheduler.web.kit.paths import PER_LANGUAGE
from scheduler.web.programme import wording as event_wording

OWN = f"{PER_LANGUAGE}/{PATHS[Purpose.OWN]}/<token>"
DEPUTY_LEFT = f"{PER_LANGUAGE}/regrets"  # after a deputy has withdrawn
SPENT = "web/spent.html"
Change = Callable[[Session, Attendee, Form], None]
DONE = ("confirmed", "party", "name", "withdrawal", "coming", "reminders", "reader", "calendar")


def blueprint(app: App, limiter: Limiter) -> Blueprint:
    pages = Blueprint("own", __name__)

    @pages.get(OWN)
    @unshared
    def page(language: str, token: str) -> Response | str:  # noqa: ARG001 - kept in g for all
        return _own(app, token)

    @pages.get(DEPUTY_LEFT)
    @unshared
    def deputy_left(language: str) -> str:  # noqa: ARG001
        return render_template("web/deputy_left.html", title=_("We have received your regrets"))

    _changes(pages, app, limiter)
    _downloads(pages, app)
    return pages


def _changes(pages: Blueprint, app: App, limiter: Limiter) -> None:
    """Add the resources below a visitor's own page, one for each change."""
    limited = limiter.shared_limit(POSTS, scope="own")

    def at(path: str, verb: Change) -> None:
        def view(language: str, token: str) -> Response | str:  # noqa: ARG001
            return _change(app, token, verb, said=path)

        view.__name__ = path
        pages.post(f"{OWN}/{path}", endpoint=path)(limited(unshared(view)))

    at("party", _party(app))
    at("name", _name(app))
    at("withdrawal", lambda session, who, _form: own_page.withdraw(session, who, now=app.clock.now()))
    at("coming", lambda session, who, _form: own_page.accept_or_return(session, who, now=app.clock.now()))
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


def address(app: App, attendee: Attendee) -> str:
    """Return the address of somebody's own page."""
    token = registration.make_own_token(attendee, secret=app.secret)
    return url_for("own.page", language=g.language, token=token)


def _own(app: App, token: str, form: Form | None = None) -> Response | str:
    with app.db.read() as session:
        try:
            attendee = registration.get_by_own_token(session, token, secret=app.secret)
        except NotFound:
            return show_invalid_link(SPENT)
        shown = own_page.page(session, attendee, now=app.clock.now())
        return _own_page(app, token, shown, form, own_calendar.find_link(session, shown.person))


def _own_page(app: App, token: str, shown: own_page.OwnPage, form: Form | None, link: FeedLink | None) -> str:
    done = request.args.get("done", "")
    party = guest_fields.typed(shown.attendee)
    return render_template(
        "web/own.html",
        title=_("Your registration"),
        own=shown,
        event=shown.event,
        attendee=shown.attendee,
        form=form or Form({**party, "called": shown.person.name.to(g.language)}),
        modes=[(mode, event_wording.mode(mode), event_wording.places(shown.event, mode)) for mode in shown.modes],
        done=event_wording.done(done, shown.attendee) if done in DONE else "",
        base=url_for(".page", language=g.language, token=token),
        calendar=_calendar(app, link) if link else "",
        with_alarms=[(_(ALARM_NAMES[alarms]), _calendar(app, link, alarms)) for alarms in ALARMS if alarms and link],
        shown_pass=passes.split_in_groups(passes.make_pass(shown.attendee, secret=app.secret))
        if passes.is_due(shown.attendee)
        else "",
        zone=shown.person.tzid or "",
        letters_in=shown.person.language,
    )


def _calendar(app: App, link: FeedLink, alarms: str = NONE) -> str:
    """Return the whole address of the calendar that this secret link opens."""
    address = Address(feed_links.token(link, secret=app.secret), g.language, alarms=alarms, private=True)
    return f"{app.settings.base_url}{address}"


def _change(app: App, token: str, verb: Change, *, said: str) -> Response | str:
    form = Form.sent()
    try:
        with app.db.write("page") as session:
            attendee = registration.get_by_own_token(session, token, secret=app.secret)
            leaves = said == "withdrawal" and attendee.represented_by is not None
            verb(session, attendee, form)
    except NotFound:
        return show_invalid_link(SPENT)
    except NothingToChange:
        pass  # a second click: it is so already
    except (own_page.RegistrationTooLate, RegistrationClosed, NoRoom, NeverFits, DeputyElsewhere, Mistyped) as error:
        if not isinstance(error, Mistyped):
            form.errors[""] = _refusal(error)
        return show_form_again(_own(app, token, form))
    else:
        if leaves:  # the page is the guest's from now on
            return redirect_after_form(url_for(".deputy_left", language=g.language))
    return redirect_after_form(url_for(".page", language=g.language, token=token, done=said))


def _refusal(error: SchedulerError) -> str:
    match error:
        case NoRoom():
            return _("There are not enough places left. Nothing was changed: you keep what you have.")
        case NeverFits():
            return _("Your group is too large: the event has fewer places than that.")
        case DeputyElsewhere():
            return _("You represent another guest at this event. To change this, please write to us.")
        case RegistrationClosed():
            return _("Registration has closed in the meantime.")
    return _("This can no longer be changed: the event has begun, is over or was cancelled.")


def _party(app: App) -> Change:
    def change(session: Session, attendee: Attendee, form: Form) -> None:
        now = app.clock.now()
        shown = own_page.page(session, attendee, now=now)
        mode = form.one_of("mode", _by_name(shown.modes), _("Choose how you will take part."))
        companions, names = guest_fields.company(form, attendee.event, shown.most)
        needs = guest_fields.needs(form, attendee.event, parties.needs_of(attendee))
        if mode is None or form.errors:
            raise Mistyped
        own_page.change(session, attendee, mode=mode, companions=companions, names=names, needs=needs, now=now)

    return change


def _name(app: App) -> Change:
    def change(session: Session, attendee: Attendee, form: Form) -> None:
        typed = read_name(form, "called")
        if typed is None:
            raise Mistyped
        person, now = attendee.attending, app.clock.now()
        try:
            corrections.ask_for_name(session, person, typed, language=g.language, now=now)
        except corrections.NameTaken as error:
            form.errors["called"] = _("There is already a person with this name and address.")
            raise Mistyped from error

    return change


def _by_name(modes: Sequence[Mode]) -> dict[str, Mode]:
    return {str(mode): mode for mode in modes}


def _reminders(app: App) -> Change:
    def change(session: Session, attendee: Attendee, form: Form) -> None:
        chosen = form.one_of("reminded", {str(one): one for one in Reminded}, _("Choose one from the list."))
        if chosen is None:
            raise Mistyped
        own_page.choose_reminders(session, attendee, chosen, now=app.clock.now())

    return change


def _reader(app: App) -> Change:
    def change(session: Session, attendee: Attendee, form: Form) -> None:
        spoken = form.one_of("letters", {one: one for one in LANGUAGES}, _("Choose a language."))
        tzid = known_zone(form["zone"])
        if form["zone"] and tzid is None:
            form.errors["zone"] = _("Choose a time zone from the list.")
        if spoken is None or form.errors:
            raise Mistyped
        own_page.set_reading_preferences(session, attendee.attending, language=spoken, tzid=tzid, now=app.clock.now())

    return change


def _subscribe(app: App, session: Session, attendee: Attendee) -> None:
    own_calendar.find_or_add_link(session, attendee.attending, now=app.clock.now())


def _file(app: App, token: str, language: str) -> Response:
    with app.db.read() as session:
        attendee = registration.get_by_own_token(session, token, secret=app.secret)
        body = own_calendar.event_file(session, attendee, language=language)
        modified = own_calendar.find_modified(attendee)
    if not body:
        raise NotFound("the event has no date yet")
    return answer_calendar(body, modified=modified, file_name="event.ics")


def _pass(app: App, token: str) -> Response:
    with app.db.read() as session:
        attendee = registration.get_by_own_token(session, token, secret=app.secret)
    if not passes.is_due(attendee):
        raise NotFound("only guests with a place in the hall receive a pass")
    return Response(passes.render_png(passes.make_pass(attendee, secret=app.secret)), content_type="image/png")


def _data(app: App, token: str) -> Response:
    with app.db.read() as session:
        attendee = registration.get_by_own_token(session, token, secret=app.secret)
        kept = personal_data.export_personal_data(session, attendee.attending)
    return _attached(json.dumps(kept, ensure_ascii=False, indent=1).encode(), "application/json", "data.json")


def _attached(body: bytes, kind: str, name: str) -> Response:
    response = Response(body, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response

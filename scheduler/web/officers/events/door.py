"""The door of an event: a pass is scanned or a name is typed, and a clear answer comes.

Without a script each form is sent and answered as a page; with it (static/door.js) the same forms are sent beside the
page, the camera reads codes, and what could not be sent is kept and tried again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flask import Blueprint, Response, abort, g, redirect, render_template, request, url_for
from flask_limiter import Limiter
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.clock import wall
from scheduler.base.date_format import format_day
from scheduler.base.errors import Conflict, NotFound, NothingToChange, SchedulerError
from scheduler.base.i18n import N_, load_catalogue
from scheduler.formats.printing import PrintForm
from scheduler.model.accounts import Act
from scheduler.model.arrivals import Arrival
from scheduler.model.attendance import Attendee, Standing
from scheduler.model.events import Event
from scheduler.services.accounts import rights
from scheduler.services.events.attendance import passes
from scheduler.services.events.attendance.capacity import NoRoom
from scheduler.services.events.door import arrivals, cards
from scheduler.services.events.door.arrivals import ScanDetails, ScanOutcome, ScanResult, TooManyPeople
from scheduler.services.events.door.name_search import MAX_SHOWN, Search
from scheduler.services.events.guests import guest_directory
from scheduler.web.kit.forms import Form as Typed
from scheduler.web.kit.language import _
from scheduler.web.kit.safety import HEADERS
from scheduler.web.officers.kit import camera, guard, scope
from scheduler.web.officers.kit.guard import DESK, allowed, may, officer, takes
from scheduler.web.programme import wording as event_wording

DOOR = f"{DESK}/events/<key>/door"
RECENT = 6
FRAGMENT = "X-Door"  # said by the script: only what has changed is wanted
_CAMERA = HEADERS["Permissions-Policy"].replace("camera=()", "camera=(self)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanForm:
    """The result of a form, by ids: rows are read again when it is shown, because the transaction is over."""

    verdict: ScanOutcome | None = None
    attendee: int | None = None
    arrival: int | None = None
    name: str = ""  # that was looked for
    refusal: str = ""
    undone: bool = False


def blueprint(app: App, limiter: Limiter, search: Search) -> Blueprint:
    pages = guard.blueprint("door")

    @pages.get(DOOR)
    @may(Act.CHECK_IN, about=scope.EVENT)
    def page(language: str, key: str) -> Answer | str:  # noqa: ARG001 - kept in g for all
        return _page(app, search, key, _asked_for())

    @pages.post(DOOR)
    @may(Act.CHECK_IN, about=scope.EVENT)
    def read(language: str, key: str) -> Answer | str:  # noqa: ARG001
        return _answer(app, search, key, _read(app, key, Typed.sent()))

    @pages.post(f"{DOOR}/arrivals")
    @may(Act.CHECK_IN, about=scope.EVENT)
    def let_in(language: str, key: str) -> Answer | str:  # noqa: ARG001
        return _answer(app, search, key, _let_in(app, key, Typed.sent()))

    @pages.post(f"{DOOR}/arrivals/<int:number>/companions")
    @may(Act.CHECK_IN, about=scope.ARRIVAL)
    def companions(language: str, key: str, number: int) -> Answer | str:  # noqa: ARG001
        return _answer(app, search, key, _follow(app, key, number, Typed.sent()))

    @pages.post(f"{DOOR}/arrivals/<int:number>/undo")
    @may(Act.CHECK_IN, about=scope.ARRIVAL)
    def undo(language: str, key: str, number: int) -> Answer | str:  # noqa: ARG001
        return _answer(app, search, key, _undo(app, key, number))

    @pages.get(f"{DOOR}/now")
    @may(Act.CHECK_IN, about=scope.EVENT)
    def now(language: str, key: str) -> str:  # noqa: ARG001
        return _now(app, key)

    @pages.get(f"{DOOR}/badges.pdf")
    @may(Act.TAKE_LIST, about=scope.EVENT)
    def badges(language: str, key: str) -> Response:  # noqa: ARG001
        return _printed(app, key, PrintForm.BADGES)

    @pages.get(f"{DOOR}/place-cards.pdf")
    @may(Act.TAKE_LIST, about=scope.EVENT)
    def place_cards(language: str, key: str) -> Response:  # noqa: ARG001
        return _printed(app, key, PrintForm.PLACE_CARDS)

    _with_a_camera(pages, limiter)
    return pages


def _with_a_camera(pages: Blueprint, limiter: Limiter) -> None:
    @pages.post(f"{DOOR}/picture")
    @limiter.limit(camera.PER_ACCOUNT, key_func=camera.account)
    @takes(camera.MAX_OCTETS)
    @may(Act.CHECK_IN, about=scope.EVENT)
    def picture(language: str, key: str) -> Response:  # noqa: ARG001
        return camera.read_picture()

    pages.after_request(open_camera)


def open_camera(response: Response) -> Response:
    """Allow the scripts of this page to use the camera."""
    response.headers["Permissions-Policy"] = _CAMERA
    return response


# What a form does


def _read(app: App, key: str, form: Typed) -> ScanForm:
    """Admit with a pass, or search for a name."""
    given = form["given"].strip()
    if not given:
        return ScanForm()
    if not passes.parse_passes(given) and not _looks_like_a_code(given):
        return ScanForm(name=given)
    return _do(app, key, lambda session, event: _scanned(app, session, event, given, form))


def _looks_like_a_code(given: str) -> bool:
    """Return whether a text is a code of another system or a damaged one rather than a name."""
    return "://" in given or sum(map(str.isdigit, given)) > 3 or passes.looks_scanned(given)


def _scanned(app: App, session: Session, event: Event, given: str, form: Typed) -> ScanResult:
    told = arrivals.scan(session, event, given, _came(form), secret=app.secret, now=app.clock.now())
    return rights.hide_other_event(officer(), told)


def _let_in(app: App, key: str, form: Typed) -> ScanForm:
    came = replace(_came(form), companions=_number(form["companions"]))
    admits = bool(form["admit"])
    if admits and not allowed(Act.KEEP_LIST):
        abort(403)

    def come_in(session: Session, event: Event) -> ScanResult:
        attendee = guest_directory.get_guest(session, event, _number(form["attendee"]) or 0)
        if attendee.standing is Standing.UNCONFIRMED:
            raise NotFound("this person is not on the list")
        return (arrivals.admit if admits else arrivals.check_in)(session, attendee, came, now=app.clock.now())

    return _do(app, key, come_in)


def _came(form: Typed) -> ScanDetails:
    return ScanDetails(door=_door(form["door"]), scan=form["scan"][:40] or None)


def _door(said: str) -> str:
    return " ".join(said.split())[:60]


def _number(typed: str) -> int | None:
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 18 else None


def _follow(app: App, key: str, number: int, form: Typed) -> ScanForm:
    def follow(session: Session, event: Event) -> ScanResult:
        arrived = arrivals.get_arrival(session, event, number)
        arrivals.correct_companions(session, arrived, _number(form["companions"]) or 0, now=app.clock.now())
        return ScanResult(verdict=ScanOutcome.WELCOME, attendee=arrived.attendee, arrival=arrived)

    return _do(app, key, follow, arrival=number)


def _undo(app: App, key: str, number: int) -> ScanForm:
    def undo(session: Session, event: Event) -> ScanResult:
        arrived = arrivals.get_arrival(session, event, number)
        arrivals.undo_arrival(session, arrived, now=app.clock.now())
        return ScanResult(verdict=ScanOutcome.WELCOME, attendee=arrived.attendee, arrival=arrived)

    return replace(_do(app, key, undo, arrival=number), undone=True)


def _do(app: App, key: str, act: Callable[[Session, Event], ScanResult], *, arrival: int | None = None) -> ScanForm:
    try:
        with app.db.write(officer().actor) as session:
            told = act(session, rights.get_event(session, officer(), key))
            attendee = told.attendee.id if told.attendee else None
            return ScanForm(
                verdict=told.verdict, attendee=attendee, arrival=told.arrival.id if told.arrival else None
            )
    except NothingToChange:  # a second click: it is so already
        return ScanForm(arrival=arrival)
    except (NoRoom, TooManyPeople) as error:
        return ScanForm(refusal=_sentence(error), arrival=arrival)


def _sentence(error: SchedulerError) -> str:
    said = error.text(load_catalogue(g.language).gettext, names_in=g.language)
    return f"{said[:1].upper()}{said[1:]}."


# What is answered


def _answer(app: App, search: Search, key: str, heard: ScanForm) -> Answer | str:
    """Answer a script with the parts that changed, a browser with a page that may be loaded again."""
    if request.headers.get(FRAGMENT):
        return _page(app, search, key, heard, template="web/desk/_told.html")
    written = heard.arrival is not None and heard.verdict is not ScanOutcome.HERE and not heard.refusal
    if not written:
        page = _page(app, search, key, heard)
        return Response(page, 422) if heard.refusal else page
    place = {
        "language": g.language,
        "key": key,
        "arrival": heard.arrival,
        "door": _door(request.form.get("door", "")),
    }
    return redirect(url_for(".page", **{name: value for name, value in place.items() if value}), 303)


def _asked_for() -> ScanForm:
    """Return the arrival that a form was about."""
    return ScanForm(verdict=ScanOutcome.WELCOME, arrival=_number(request.args.get("arrival", "")))


def _page(app: App, search: Search, key: str, heard: ScanForm, *, template: str = "web/desk/door.html") -> str:
    now = app.clock.now()
    with app.db.read() as session:
        event = rights.get_event(session, officer(), key)
        told = _told(session, event, heard)
        matches = search.find(session, event, heard.name) if heard.name else []
        return render_template(
            template,
            title=_("Door"),
            event=event,
            heard=heard,
            told=told,
            refusal=heard.refusal,
            also=arrivals.find_on_this_list(session, event, told) if told else None,
            matches=_matches(session, matches),
            more=len(matches) == MAX_SHOWN,
            names=arrivals.companions_of(session, [one.id for one in matches]),
            door=_door(request.values.get("door", "")),
            token=lambda: secrets.token_hex(8),
            desk_text=_Words(event, now),
            **_counted(session, event),
        )


def _told(session: Session, event: Event, heard: ScanForm) -> ScanResult | None:
    if heard.arrival is not None:
        arrived = arrivals.get_arrival(session, event, heard.arrival)
        return ScanResult(verdict=heard.verdict or ScanOutcome.HERE, attendee=arrived.attendee, arrival=arrived)
    if heard.verdict is None or (heard.attendee is None and heard.verdict is ScanOutcome.WELCOME):
        return None
    return ScanResult(
        verdict=heard.verdict, attendee=session.get(Attendee, heard.attendee) if heard.attendee else None
    )


def _matches(session: Session, found: Sequence[Attendee]) -> list[tuple[Attendee, Arrival | None]]:
    here = arrivals.find_arrivals(session, [one.id for one in found])
    return [(one, here.get(one.id)) for one in found]


def _counted(session: Session, event: Event) -> dict[str, object]:
    return {
        "present": arrivals.count_present(session, event),
        "recent": arrivals.list_arrivals(session, event, limit=RECENT),
    }


def _now(app: App, key: str) -> str:
    """Return the parts that change by themselves while the page stays open."""
    with app.db.read() as session:
        event = rights.get_event(session, officer(), key)
        return render_template(
            "web/desk/_door_now.html",
            event=event,
            door=_door(request.args.get("door", "")),
            desk_text=_Words(event, app.clock.now()),
            **_counted(session, event),
        )


def _printed(app: App, key: str, form: PrintForm) -> Response:
    """Print badges or place cards in the language of the page."""
    with app.db.read() as session:
        event = rights.get_event(session, officer(), key)
        try:
            made = cards.render_pdf(
                session,
                event,
                form,
                language=g.language,
                gettext=load_catalogue(g.language).gettext,
                secret=app.secret,
                now=app.clock.now(),
                one_per_page=bool(request.args.get("single")),
            )
        except Conflict as error:
            raise NotFound("nobody has a place in the hall") from error
    response = Response(made.pdf, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{form}-{key}.pdf"'
    return response


# In words


class _Words:
    """The words of the door's page for one event at one moment."""

    def __init__(self, event: Event, now: datetime) -> None:
        self.event, self.now = event, now

    def at(self, moment: datetime) -> str:
        """Format an instant on the clock of the event, with its zone, and with the day unless it is today."""
        tzid = self.event.tzid
        then = wall(moment, tzid)
        day = format_day(then.date(), g.language, year=False, weekday=False)
        today = then.date() == wall(self.now, tzid).date()
        return f"{'' if today else day + ', '}{then:%H:%M} ({event_wording.clock_name(tzid, moment)})"

    def by(self, arrived: Arrival) -> str:
        """Return who let them in and at which door, without the tool that the account used."""
        return ", ".join(filter(None, (arrived.by.rpartition("@")[0] or arrived.by, arrived.door)))

    def verdict(self, verdict: ScanOutcome) -> str:
        return _(_VERDICTS[verdict][0])

    def tone(self, verdict: ScanOutcome) -> str:
        return _VERDICTS[verdict][1]

    def why(self, told: ScanResult) -> str:
        """Return what stands in the way, in a sentence; "" where the verdict says it all."""
        match told.verdict:
            case ScanOutcome.NO_PLACE:
                assert told.attendee is not None  # noqa: S101 - it is they who have none
                return _(_STANDINGS.get(told.attendee.standing, _STANDINGS[Standing.WITHDRAWN]))
            case ScanOutcome.WRONG_DAY:
                return _("This event is on another day: {days}.", days=event_wording.days(self.event))
        return _(_WHY[told.verdict]) if told.verdict in _WHY else ""

    def who(self, attendee: Attendee) -> str:
        """Return courtesy title and name of the person who actually comes."""
        return attendee.attending.called(g.language)

    def what(self, attendee: Attendee) -> str:
        """Return position and organisation of the person who actually comes."""
        who = attendee.attending
        organisation = who.organisation.name.to(g.language) if who.organisation else ""
        return ", ".join(filter(None, (who.position.to(g.language), organisation)))

    def instead_of(self, attendee: Attendee) -> str:
        return attendee.person.called(g.language) if attendee.represented_by else ""


_VERDICTS = {
    ScanOutcome.WELCOME: (N_("Welcome"), "good"),
    ScanOutcome.HERE: (N_("Already here"), "warn"),
    ScanOutcome.WRONG_EVENT: (N_("For another event"), "stop"),
    ScanOutcome.WRONG_DAY: (N_("Not today"), "stop"),
    ScanOutcome.CANCELLED: (N_("The event is cancelled"), "stop"),
    ScanOutcome.NO_PLACE: (N_("No place"), "stop"),
    ScanOutcome.REMOTE: (N_("Takes part by video only"), "stop"),
    ScanOutcome.REVOKED: (N_("This pass was revoked"), "stop"),
    ScanOutcome.UNKNOWN: (N_("Unknown pass"), "stop"),
}
_WHY = {
    ScanOutcome.REMOTE: N_("This guest takes part by video; no place in the hall is reserved."),
    ScanOutcome.REVOKED: N_("A newer pass has been sent. Ask for it, or search for the name."),
    ScanOutcome.UNKNOWN: N_(
        "This is not a code of ours, or it was read wrongly. Try again, or search for the name. If this happens with"
        " every pass, set the keyboard of this computer to English (US), because a hand-held scanner types in that"
        " layout."
    ),
}
_STANDINGS = {
    Standing.INVITED: N_("This guest is invited and has not replied yet."),
    Standing.WAITLISTED: N_("This guest is on the waiting list."),
    Standing.UNCONFIRMED: N_("This guest asked for a place and has not confirmed the request."),
    Standing.REQUESTED: N_("This guest asked for a place, and the request has not been approved yet."),
    Standing.OFFERED: N_("A place is reserved for this guest, who has not accepted it yet."),
    Standing.WITHDRAWN: N_("This guest is no longer on the list."),
}

"""One guest of an event: what is known, and the pages of what can be done."""

from __future__ import annotations

from flask import Blueprint, abort, g, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.i18n import LANGUAGES, N_
from scheduler.base.vocabulary import key_of_word
from scheduler.model.accounts import Act
from scheduler.model.attendance import Answer as AnswerWay
from scheduler.model.attendance import Role
from scheduler.model.audit import Audit
from scheduler.model.events import Event, Mode
from scheduler.services.accounts import rights
from scheduler.services.events.attendance import capacity, transitions
from scheduler.services.events.attendance.replies import PARTSTATS, Reply
from scheduler.services.events.attendance.transitions import Guest
from scheduler.services.events.guests import guest_directory
from scheduler.services.events.programme.conflicts import conflict_check
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.officers.events.desk import EVENT
from scheduler.web.officers.guests import guest_actions, guest_address
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer
from scheduler.web.officers.kit.guard import allowed, may, officer

GUEST = f"{EVENT}/guests/<int:number>"
ROLES = {str(role): role for role in Role}
REGISTERED = "registered"


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("guests")

    @pages.get(GUEST)
    @may(Act.SEE_GUESTS, about=scope.GUEST)
    def guest(language: str, key: str, number: int) -> str:  # noqa: ARG001 - kept in g for all
        return _guest(app, key, number)

    @pages.get(f"{GUEST}/<verb>")
    @may(Act.SEE_GUESTS, Act.KEEP_LIST, about=scope.GUEST)
    def asking(language: str, key: str, number: int, verb: str) -> str:  # noqa: ARG001
        return _verb(app, key, number, verb)

    @pages.post(f"{GUEST}/<verb>")
    @may(Act.SEE_GUESTS, Act.KEEP_LIST, about=scope.GUEST)
    def done(language: str, key: str, number: int, verb: str) -> Answer:  # noqa: ARG001
        return _do(app, key, number, verb)

    @pages.get(f"{EVENT}/register")
    @may(Act.SEE_GUESTS, Act.KEEP_LIST, about=scope.EVENT)
    def form(language: str, key: str) -> str:  # noqa: ARG001
        return _form(app, key)

    @pages.post(f"{EVENT}/register")
    @may(Act.SEE_GUESTS, Act.KEEP_LIST, about=scope.EVENT)
    def register(language: str, key: str) -> Answer:  # noqa: ARG001
        return _register(app, key)

    return pages


# One guest


def _guest(app: App, key: str, number: int) -> str:
    with app.db.read() as session:
        found = rights.get_guest(session, officer(), key, number)
        return render_template(
            "web/desk/guest.html",
            title=found.person.name.to(g.language),
            event=found.event,
            attendee=found,
            ahead=capacity.count_parties_ahead(session, found),
            verbs=guest_actions.offered_actions(found) if allowed(Act.KEEP_LIST) else {},
            letters=guest_directory.list_letters(session, found) if allowed(Act.SEE_LETTERS) else (),
            history=guest_directory.list_acts(session, found) if allowed(Act.KEEP_LIST) else (),
            describe=_describe_act,
            form=Form({"way": str(AnswerWay.LETTER)}),
            replies=guest_actions.REPLIES.values(),
            ways=guest_actions.WAYS,
            zone=app.settings.timezone,
            done=_done(request.args.get("done", "")),
            **guest_address.preview_address(session, found.attending, now=app.clock.now()),
        )


def _done(what: str) -> str:
    if what == REGISTERED:
        return _("The guest is on the list.")
    return _(guest_actions.VERBS[what].done) if what in guest_actions.VERBS else ""


def _describe_act(act: Audit) -> str:
    """Return what was done with a guest, in the words of the page; an answer with what it was and how it came."""
    words = _(_ACTS[act.action]) if act.action in _ACTS else act.action
    by = act.details.get("by")
    if act.action != "answer" or by not in set(AnswerWay):
        return words
    reply = Reply.EXCUSED if act.details.get("excused") else _REPLIES.get(str(act.details.get("partstat")))
    told = _(key_of_word(reply)) if reply else ""
    return _("Answer: {reply} ({way})", reply=told, way=_(key_of_word(AnswerWay(by))))


_REPLIES = {str(partstat): reply for reply, partstat in PARTSTATS.items() if reply is not Reply.EXCUSED}
_ACTS = {
    "invite": N_("Added to the list"),
    "register": N_("Registered"),
    "ask": N_("Asked for a place"),
    "answer": N_("Answered"),
    "accept": N_("Accepted the place offered"),
    "approve": N_("Request approved"),
    "refuse": N_("Request refused"),
    "seat": N_("Given a place ahead of the waiting list"),
    "offer": N_("A place was offered"),
    "lapse": N_("The offer of a place lapsed"),
    "remind": N_("Asked for a reply"),
    "represent": N_("A deputy was recorded"),
    "lose deputy": N_("The deputy sent regrets"),
    "withdraw": N_("Left the list"),
    "change": N_("Party changed"),
    "renew": N_("A new link was sent"),
    "check in": N_("Arrived"),
    "admit": N_("Admitted at the door"),
    "undo check in": N_("The arrival was undone"),
    "change companions": N_("Companions counted at the door"),
}


def _verb(app: App, key: str, number: int, verb: str, form: Form | None = None) -> str:
    with app.db.read() as session:
        found = rights.get_guest(session, officer(), key, number)
        # Offered or not: what has changed meanwhile is said when the button is pressed.
        asked = guest_actions.VERBS.get(verb) or abort(404)
        return render_template(
            "web/desk/verb.html",
            title=_(asked.words),
            event=found.event,
            attendee=found,
            verb=asked,
            form=form or Form(asked.begins(found)),
            most=guest_actions.MOST_COMPANIONS,
            replies=guest_actions.REPLIES.values(),
            ways=guest_actions.WAYS,
            today=app.clock.now(),
            **guest_address.list_choices(session),
        )


def _do(app: App, key: str, number: int, verb: str) -> Answer:
    form, asked = Form.sent(), guest_actions.VERBS.get(verb) or abort(404)
    try:
        with act_as_officer(app, form) as session:
            found = rights.get_guest(session, officer(), key, number)
            asked.deed(session, found, form, app.clock.now())
    except FormRefused:
        return show_form_again(_verb(app, key, number, verb, form))
    return redirect_after_form(url_for(".guest", language=g.language, key=key, number=number, done=verb))


# Somebody new


def _form(app: App, key: str, form: Form | None = None) -> str:
    with app.db.read() as session:
        event = rights.get_event(session, officer(), key)
        return render_template(
            "web/desk/register.html",
            title=_("Register a guest"),
            event=event,
            form=form or Form({"mode": str(Mode.IN_PERSON), "role": str(Role.PARTICIPANT), "language": g.language}),
            roles=ROLES,
            most=guest_actions.MOST_COMPANIONS,
        )


def _register(app: App, key: str) -> Answer:
    form = Form.sent()
    try:
        with act_as_officer(app, form) as session:
            number = _registered(app, session, rights.get_event(session, officer(), key), form)
    except FormRefused:
        return show_form_again(_form(app, key, form))
    return redirect_after_form(url_for(".guest", language=g.language, key=key, number=number, done=REGISTERED))


def _registered(app: App, session: Session, event: Event, form: Form) -> int:
    now = app.clock.now()
    mode, companions = guest_actions.party(form)
    role = form.one_of("role", ROLES, _("Choose the role of the guest."))
    form.one_of("language", {one: one for one in LANGUAGES}, _("Choose a language."))
    person = guest_actions.a_person(session, form)
    assert mode is not None and role is not None  # noqa: S101, PT018 - or the form was refused above
    conflict_check.refuse_overlap(session, event, person, force=form["reason"].strip() or None, now=now)
    guest = Guest(person=person, mode=mode, companions=companions, role=role)
    return transitions.register(session, event, guest, now=now).id

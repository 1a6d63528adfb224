"""One visit at the desk: its record, moving it, cancelling it, and why a time is not offered.

The audit records who opened it, because it is somebody's personal data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Blueprint, Response, abort, g, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.clock import wall
from scheduler.base.errors import NothingToChange
from scheduler.base.i18n import N_, NC_
from scheduler.model.accounts import Act
from scheduler.model.audit import Audit
from scheduler.model.visits import Appointment, Side, VisitStatus
from scheduler.services.accounts import rights
from scheduler.services.consulate.front_desk import visit_corrections, visit_history
from scheduler.services.consulate.front_desk.visit_corrections import VisitorsDraft
from scheduler.services.consulate.posts import free_times
from scheduler.services.consulate.posts.availability import Explanation
from scheduler.services.consulate.posts.free_times import CounterAssignment
from scheduler.services.consulate.posts.slots import Slot
from scheduler.services.consulate.visits import booking
from scheduler.services.consulate.visits.lifecycle import get_party
from scheduler.services.privacy import access_log
from scheduler.web.consulate import wording as visit_wording
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.kit.typed_times import parse_typed_day, parse_typed_time
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer, check_draft
from scheduler.web.officers.kit.guard import DESK, allowed, may, officer

VISIT = f"{DESK}/visits/<reference>"
DONE = {
    "moved": N_("The appointment is moved. The applicant is informed by e-mail."),
    "cancelled": N_("The appointment is cancelled. The applicant is informed by e-mail."),
    "corrected": N_("The correction is saved."),
    "kept": N_("The name stays as it is."),
}
_MOVABLE = (VisitStatus.CONFIRMED, VisitStatus.OFFERED)
_CANCELLABLE = (*_MOVABLE, VisitStatus.HELD, VisitStatus.WAITING)
# The words on the page for the actions of the audit.
_ACTION_WORDS = {
    "book": NC_("history of an appointment", "booked"),
    "confirm": NC_("history of an appointment", "confirmed"),
    "reconfirm": N_("confirmed again"),
    "wait": N_("put on the waiting list"),
    "offer": N_("offered a time"),
    "lapse": N_("reservation expired"),
    "move": N_("moved to another time"),
    "rebook": N_("offered another time, because the post is closed"),
    "cancel": N_("appointment cancelled"),
    "conclude": NC_("history of an appointment", "concluded"),
    "amnesty": N_("missed appointment excused"),
    "reader": N_("settings of e-mails changed"),
    "correct": NC_("history of an appointment", "corrected"),
    "respell": N_("spelling of a name corrected"),
    "ask": N_("another name asked for"),
    "keep names": N_("names left as they are"),
    "forget": N_("personal data erased"),
    "check in": NC_("history of an appointment", "checked in"),
    "walk in": N_("came without an appointment"),
    "call": NC_("history of an appointment", "called"),
    "recall": NC_("history of an appointment", "called again"),
    "send back": N_("sent back to the queue"),
    "undo": NC_("history of an appointment", "undone"),
    "read": N_("opened"),
}


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("deskvisits")

    @pages.get(VISIT)
    @may(Act.SEE_APPLICANTS, about=scope.VISIT)
    def visit(language: str, reference: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show_visit(app, reference)

    @pages.get(f"{VISIT}/move")
    @may(Act.SEE_APPLICANTS, Act.KEEP_VISITS, about=scope.VISIT)
    def to_move(language: str, reference: str) -> str:  # noqa: ARG001
        return _show_move(app, reference)

    @pages.post(f"{VISIT}/move")
    @may(Act.SEE_APPLICANTS, Act.KEEP_VISITS, about=scope.VISIT)
    def move(language: str, reference: str) -> Answer:  # noqa: ARG001
        return _move(app, reference)

    @pages.get(f"{VISIT}/cancel")
    @may(Act.SEE_APPLICANTS, Act.KEEP_VISITS, about=scope.VISIT)
    def to_cancel(language: str, reference: str) -> str:  # noqa: ARG001
        return _show_cancel(app, reference)

    @pages.post(f"{VISIT}/cancel")
    @may(Act.SEE_APPLICANTS, Act.KEEP_VISITS, about=scope.VISIT)
    def cancel(language: str, reference: str) -> Answer:  # noqa: ARG001
        return _cancel(app, reference)

    @pages.get(f"{VISIT}/correction")
    @may(Act.SEE_APPLICANTS, Act.KEEP_VISITS, about=scope.VISIT)
    def to_correct(language: str, reference: str) -> str:  # noqa: ARG001
        return _show_correction(app, reference)

    @pages.post(f"{VISIT}/correction")
    @may(Act.SEE_APPLICANTS, Act.KEEP_VISITS, about=scope.VISIT)
    def correct(language: str, reference: str) -> Answer:  # noqa: ARG001
        return _correct(app, reference)

    @pages.post(f"{VISIT}/names")
    @may(Act.SEE_APPLICANTS, Act.KEEP_VISITS, about=scope.VISIT)
    def keep_names(language: str, reference: str) -> Answer:  # noqa: ARG001
        return _keep_names(app, reference)

    return pages


# The record


def _show_visit(app: App, reference: str) -> str:
    now = app.clock.now()
    with app.db.write(officer().actor) as session:  # only to record who opened it
        found = rights.get_visit(session, officer(), reference)
        access_log.record_visit_view(session, found, now=now)
    with app.db.read() as session:
        found = rights.get_visit(session, officer(), reference)
        return _render(
            "visit",
            found,
            found.reference,
            documents=visit_history.get_documents(session, found),
            history=visit_history.list_history(session, found),
            letters=visit_history.list_letters(session, found) if allowed(Act.SEE_LETTERS) else (),
            can_move=allowed(Act.KEEP_VISITS) and _can_move(found, now),
            can_correct=allowed(Act.KEEP_VISITS) and _can_correct(found, now),
            can_cancel=allowed(Act.KEEP_VISITS) and _can_cancel(found, now),
            describe_action=_describe_action,
            describe_actor=_describe_actor,
            done=_(DONE[what]) if (what := request.args.get("done", "")) in DONE else "",
        )


def _render(name: str, visit: Appointment, title: str, **given: Any) -> str:
    post = visit.service.post
    return render_template(
        f"web/desk/{name}.html",
        title=title,
        visit=visit,
        post=post,
        service=visit.service,
        party=get_party(visit),
        zone=post.tzid,
        visit_text=visit_wording,
        **given,
    )


def _can_move(visit: Appointment, now: datetime) -> bool:
    return visit.status in _MOVABLE and not visit.has_expired(now)


def _can_correct(visit: Appointment, now: datetime) -> bool:
    return visit.active and visit.contact is not None and not visit.has_expired(now)


def _can_cancel(visit: Appointment, now: datetime) -> bool:
    return visit.status in _CANCELLABLE and not visit.has_expired(now)


def _describe_action(entry: Audit) -> str:
    """Return what was done, in a word or two; an unknown action is named as in the audit."""
    words = _(_ACTION_WORDS[entry.action]) if entry.action in _ACTION_WORDS else entry.action
    status = entry.details.get("status") if entry.action == "conclude" else None
    return f"{words}: {_(status)}" if status in set(VisitStatus) else words


def _describe_actor(entry: Audit) -> str:
    """Return who did it: the name of the account, without the way it was used (``@web``, ``@desk``)."""
    return entry.actor.rpartition("@")[0] or entry.actor


# Moving


@dataclass(frozen=True, slots=True)
class AskedTime:
    """The day or time that an officer asks about: its free times, and why the time is not offered."""

    day: date
    at: datetime | None
    free: Sequence[Slot]
    why: Explanation | None  # it is not offered at the desk either
    why_online: Explanation | None


def _show_move(app: App, reference: str, problem: str = "") -> str:
    now = app.clock.now()
    with app.db.read() as session:
        visit = rights.get_visit(session, officer(), reference)
        if not _can_move(visit, now):
            abort(404)
        asked = _read_asked_time(session, visit, now)
        ready = asked.at is not None and asked.why is None and asked.at != visit.dtstart
        length = free_times.compute_length(visit.service, get_party(visit))
        return _render(
            "visit_move",
            visit,
            _("Move the appointment"),
            asked=asked,
            ready=ready,
            until=asked.at + length if asked.at else None,
            today=wall(now, visit.service.post.tzid).date(),
            problem=problem,
        )


def _read_asked_time(session: Session, visit: Appointment, now: datetime) -> AskedTime:
    """Read the time asked about from the address.

    ``?at=`` is one of the times shown; ``?day=`` and ``hour=`` are what was typed.
    """
    service, party, args = visit.service, get_party(visit), request.args
    at = parse_typed_time(args.get("at", "")) or parse_typed_time(f"{args.get('day', '')}T{args.get('hour', '')[:5]}")
    day = (
        at.date()
        if at
        else parse_typed_day(args.get("day", "")) or (visit.day or wall(now, service.post.tzid).date())
    )
    free = free_times.find_free_times(
        session,
        service,
        party,
        now=now,
        first_on=day,
        last_on=day,
        desk=True,
        ignoring=visit.id,
        cached=True,
    )
    found, why_online = None, None
    if at:
        found = free_times.find_counters(session, service, party, at, now=now, desk=True, ignoring=visit.id)
        why_online = free_times.explain_not_free(session, service, party, at, now=now, ignoring=visit.id)
    return AskedTime(
        day,
        at,
        free,
        why=None if found is None or isinstance(found, CounterAssignment) else found,
        why_online=why_online,
    )


def _move(app: App, reference: str) -> Answer:
    form = Form.sent()
    at = parse_typed_time(form["at"]) or abort(400)
    try:
        with act_as_officer(app, form) as session:
            booking.move(session, rights.get_visit(session, officer(), reference), at, now=app.clock.now(), desk=True)
    except FormRefused:
        return Response(_show_move(app, reference, " ".join(form.errors.values())), 409)
    return _go_to_visit(reference, "moved")


# Cancelling


def _show_cancel(app: App, reference: str, form: Form | None = None) -> str:
    with app.db.read() as session:
        visit = rights.get_visit(session, officer(), reference)
        if form is None and not _can_cancel(visit, app.clock.now()):
            abort(404)
        sides = [(str(Side.POST), _("the post")), (str(Side.APPLICANT), _("the applicant"))]
        return _render("visit_cancel", visit, _("Cancel the appointment"), form=form or Form(), sides=sides)


def _cancel(app: App, reference: str) -> Answer:
    form = Form.sent()
    by = form.one_of("by", {str(side): side for side in Side}, _("Choose who cancels."))
    try:
        with act_as_officer(app, form) as session:
            if by is not None:
                booking.cancel(session, rights.get_visit(session, officer(), reference), by=by, now=app.clock.now())
    except FormRefused:
        return show_form_again(_show_cancel(app, reference, form))
    return _go_to_visit(reference, "cancelled")


# Putting right


def _show_correction(app: App, reference: str, form: Form | None = None) -> str:
    with app.db.read() as session:
        visit = rights.get_visit(session, officer(), reference)
        if form is None and not _can_correct(visit, app.clock.now()):
            abort(404)
        return _render("visit_correct", visit, _("Correct the name or address"), form=form or _as_known(visit))


def _as_known(visit: Appointment) -> Form:
    contact = visit.applicants[0]
    names = {f"name-{number}": one.name_asked or one.name for number, one in enumerate(visit.applicants, 1)}
    reached = {"email": contact.email or "", "telephone": contact.telephone or ""}
    return Form({**names, **reached, "spoken": contact.language, "zone": contact.tzid or ""})


def _correct(app: App, reference: str) -> Answer:
    form = Form.sent()
    try:
        with act_as_officer(app, form) as session:
            visit = rights.get_visit(session, officer(), reference)
            draft = _read_correction(form, visit)
            if not visit_corrections.correct(session, visit, draft, now=app.clock.now()):
                raise NothingToChange("nothing has changed: this is already recorded")
    except FormRefused:
        return show_form_again(_show_correction(app, reference, form))
    return _go_to_visit(reference, "corrected")


def _read_correction(form: Form, visit: Appointment) -> VisitorsDraft:
    """Return what was typed. Raise FormRefused once every error is recorded."""
    names = [form[f"name-{number}"] for number in range(1, len(visit.applicants) + 1)]
    for number, name in enumerate(names, 1):
        if not name.strip():
            form.errors[f"name-{number}"] = _("Enter a name.")
    reached = {"email": form["email"].strip(), "telephone": form["telephone"].strip(), "tz": form["zone"].strip()}
    typed = {"names": names, "language": form["spoken"], **reached}
    draft: VisitorsDraft | None = check_draft(
        VisitorsDraft, typed, form, {"names": "name-1", "tz": "zone", "language": "spoken"}
    )
    if draft is None or form.errors:
        raise FormRefused
    return draft


def _keep_names(app: App, reference: str) -> Answer:
    form = Form.sent()
    try:
        with act_as_officer(app, form) as session:
            visit_corrections.keep_names(
                session, rights.get_visit(session, officer(), reference), now=app.clock.now()
            )
    except FormRefused:
        pass  # nobody asks any more: another officer was first
    return _go_to_visit(reference, "kept")


def _go_to_visit(reference: str, done: str) -> Answer:
    return redirect_after_form(url_for(".visit", language=g.language, reference=reference, done=done))

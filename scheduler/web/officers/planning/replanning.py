"""Plan an event again: move, copy and delete it, take its last change back.

Each is a page that asks, one that shows what would happen, and then it happens. What is shown was done and rolled
back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from flask import Blueprint, abort, g, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.errors import NothingToChange
from scheduler.base.i18n import N_
from scheduler.base.text import KEY
from scheduler.model.accounts import Act
from scheduler.model.events import Event, Kind, Timing
from scheduler.services.accounts import rights
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.event_times import capture_facts, format_old_time
from scheduler.services.events.replanning import copies, deletion, reversal, shifts
from scheduler.services.events.replanning.copies import CopyRequest
from scheduler.services.events.replanning.event_trees import lock_trees, walk_trees
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form, merge_texts, read_texts, type_texts
from scheduler.web.kit.language import _
from scheduler.web.kit.typed_times import parse_typed_day
from scheduler.web.officers.events.desk import EVENT
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer
from scheduler.web.officers.kit.guard import may, officer
from scheduler.web.programme import wording as event_text

MOST_MINUTES = 999
PLAN = f"{EVENT}/plan/<verb>"


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """An event as it would be: its time before, if that is another one, and what else is to be said of it.

    ``doubts`` are what an officer may have mistyped, such as a time that has passed.
    """

    event: Event
    before: str = ""
    notes: Sequence[str] = ()
    doubts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Outlook:
    """The consequences of an act, shown before it is done: the events that change, and the letters about it.

    ``kept`` are events that stay as they are, with the reason. ``then`` is the page to go to afterwards.
    """

    rows: Sequence[PlannedRow]
    letters: int
    then: str  # the key of an event; "" for the list of events
    kept: Sequence[tuple[Event, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningAct:
    """One act: its words, its fields, what it does, and whether it takes something away."""

    words: str
    hint: str
    shown: str
    deed: Callable[[Session, Event, Form, datetime], Outlook]
    fields: tuple[str, ...] = ()
    takes_away: bool = False


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("replanning")

    @pages.get(PLAN)
    @may(Act.PLAN_EVENTS, about=scope.PLANNED)
    def asking(language: str, key: str, verb: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show_question(app, key, verb)

    @pages.post(PLAN)
    @may(Act.PLAN_EVENTS, about=scope.PLANNED)
    def done(language: str, key: str, verb: str) -> Answer | str:  # noqa: ARG001
        return _act(app, key, verb)

    return pages


def _show_question(app: App, key: str, verb: str, form: Form | None = None) -> str:
    asked = ACTS.get(verb) or abort(404)
    with app.db.read() as session:
        event = rights.get_planned_event(session, officer(), key)
        return render_template(
            "web/desk/replan.html",
            title=_(asked.words),
            event=event,
            act=asked,
            form=form or Form(_begin(event)),
            tour=event.kind is Kind.TOUR,
            timed=event.timing is Timing.HOURS,
        )


def _begin(event: Event) -> Mapping[str, str]:
    """Return what a form begins with: the time as it is, the key of a copy, and what guests need to know."""
    known = {
        **type_texts("dress_code", event.dress_code),
        **type_texts("bring", event.bring),
        "telephone": event.telephone or "",
        "reply_by": f"{event.reply_by}" if event.reply_by else "",
        "arrive": f"{event.arrive_before // timedelta(minutes=1)}" if event.arrive_before else "",
    }
    if event.dtstart is None:
        return known
    return known | {"day": f"{event.dtstart:%Y-%m-%d}", "hour": f"{event.dtstart:%H:%M}"}


def _act(app: App, key: str, verb: str) -> Answer | str:
    form, asked = Form.sent(), ACTS.get(verb) or abort(404)
    try:
        with act_as_officer(app, form) as session:
            event = rights.get_planned_event(session, officer(), key)
            outlook = asked.deed(session, event, form, app.clock.now())
            if form["sure"] != "yes":
                page = _render_outlook(event, asked, form, outlook)
                session.rollback()
                return page
    except FormRefused:
        return show_form_again(_show_question(app, key, verb, form))
    if not outlook.then:
        return redirect_after_form(url_for("desk.overview", language=g.language))
    return redirect_after_form(url_for("guest_list.guests", language=g.language, key=outlook.then))


def _render_outlook(event: Event, asked: PlanningAct, form: Form, outlook: Outlook) -> str:
    return render_template(
        "web/desk/replan_look.html",
        title=_(asked.shown),
        event=event,
        act=asked,
        form=form,
        outlook=outlook,
        address=request.path,
    )


def _move(session: Session, event: Event, form: Form, now: datetime) -> Outlook:
    times = _read_start(event, form)
    if form["alone"]:
        was = capture_facts(event)
        impact = planning.move(session, event, dtstart=times, now=now, **_read_reasons(form))
        _require_change(impact.change.is_change)
        return Outlook([_describe(impact, was)], impact.letters, _go_on(event))
    done = shifts.move(session, event, dtstart=times, now=now, **_read_reasons(form))
    _require_change(any(one.impact.change.is_change for one in done.events))
    rows = [_describe(one.impact, one.was, _list_window(one)) for one in done.events]
    return Outlook(rows, done.letters, _go_on(event), done.kept)


def _read_start(event: Event, form: Form) -> datetime:
    """Return the wall time that was typed; without an hour the event keeps its own. Raise FormRefused."""
    day = parse_typed_day(form["day"].strip())
    hour = event.dtstart.time() if event.dtstart else time()
    if day is None:
        form.errors["day"] = _("Enter a date as YYYY-MM-DD, for example {day}.", day="2027-02-02")
    if typed := form["hour"].strip():
        try:
            hour = time.fromisoformat(typed)
        except ValueError:
            form.errors["hour"] = _("Enter a time as HH:MM, for example {hour}.", hour="10:00")
    if day is None or form.errors:
        raise FormRefused
    return datetime.combine(day, time() if event.timing is not Timing.HOURS else hour.replace(tzinfo=None))


def _read_reason(form: Form) -> str | None:
    return form["reason"].strip() or None


def _read_reasons(form: Form) -> dict[str, Any]:
    """Return the reason that letters tell, by language, and the one to overrule contradictions."""
    return {"force": _read_reason(form), "reason": read_texts(form, "why")}


def _require_change(changed: bool) -> None:  # noqa: FBT001 - the answer to one question
    if not changed:
        raise NothingToChange


def _describe(impact: planning.Impact, was: Mapping[str, object], notes: Sequence[str] = ()) -> PlannedRow:
    before = format_old_time(was, impact.event, g.language)
    return PlannedRow(impact.event, before, notes, list(map(_, impact.change.doubts)))


def _list_window(done: shifts.ShiftedEvent) -> list[str]:
    event, fields = done.impact.event, done.impact.change.fields
    opens, closes = event.registration_opens_at, event.registration_closes_at
    notes = []
    if "registration_opens" in fields and opens:
        notes.append(_("Registration opens: {time}", time=event_text.clocks_of(opens, event)))
    if "registration_closes" in fields and closes:
        notes.append(_("Registration closes: {time}", time=event_text.clocks_of(closes, event)))
    if done.offers:
        notes.append(_("Offers with a new time limit: {count}", count=done.offers))
    return notes


def _go_on(event: Event) -> str:
    """Return the event whose page follows; a tour and an anniversary have none."""
    return "" if event.kind in (Kind.TOUR, Kind.ANNIVERSARY) else event.key


def _copy(session: Session, event: Event, form: Form, now: datetime) -> Outlook:
    new = form["key"].strip()
    if not KEY.fullmatch(new):
        form.errors["key"] = _("Enter a key of lower-case letters, digits and hyphens.")
    start = _read_start(event, form) if event.dtstart or event.kind is Kind.TOUR else None
    if form.errors:
        raise FormRefused
    asked = CopyRequest(old=event.key, new=new, by=timedelta(), guests=bool(form["guests"]), force=_read_reason(form))
    done = copies.copy_event(session, event, asked, dtstart=start, now=now)
    rows = [_describe_copy(one) for one in done.events]
    return Outlook(rows, 0, _go_on(done.events[0].event), done.kept)


def _describe_copy(copy: copies.EventCopy) -> PlannedRow:
    notes = [_("Guests invited: {count}", count=copy.guests)] if copy.guests else []
    return PlannedRow(copy.event, notes=notes, doubts=list(map(_, copy.doubts)))


def _cancel(session: Session, event: Event, form: Form, now: datetime) -> Outlook:
    lock_trees(session, [event])
    impacts = planning.cancel_with_parts(session, event, now=now, reason=read_texts(form, "why"))
    rows = [PlannedRow(impact.event) for impact in reversed(impacts)]
    return Outlook(rows, sum(impact.letters for impact in impacts), _go_on(event))


def _inform(session: Session, event: Event, form: Form, now: datetime) -> Outlook:
    """Write what guests need to know; a text in a language that the form does not have stays."""
    texts = {name: merge_texts(getattr(event, name), form, name) for name in ("dress_code", "bring")}
    reply_by = form["reply_by"].strip()
    day = parse_typed_day(reply_by) if reply_by else None
    if reply_by and day is None:
        form.errors["reply_by"] = _("Enter a date as YYYY-MM-DD, for example {day}.", day="2027-02-02")
    minutes = form.number("arrive", MOST_MINUTES, _("Enter a whole number from 0 to {most}.", most=MOST_MINUTES))
    if form.errors:
        raise FormRefused
    given: dict[str, Any] = {**texts, "reply_by": day, "arrive_before": timedelta(minutes=minutes) or None}
    given["telephone"] = form["telephone"].strip() or None
    lock_trees(session, [event])
    impact = planning.change_event(session, event, now=now, **given)
    _require_change(impact.change.is_change)
    return Outlook([PlannedRow(event)], impact.letters, _go_on(event))


def _delete(session: Session, event: Event, _form: Form, now: datetime) -> Outlook:
    done = deletion.delete(session, event, now=now)
    rows = [
        PlannedRow(one.event, notes=[_("People on its list: {count}", count=one.guests)] if one.guests else [])
        for one in done
    ]
    return Outlook(rows, 0, "")


def _take_back(session: Session, event: Event, form: Form, now: datetime) -> Outlook:
    was = {one.key: capture_facts(one) for one in walk_trees([event])}
    done = reversal.take_back(session, event, now=now, force=_read_reason(form))
    made_at = event_text.clocks_of(done.made_at, event)
    made = _("Time of the change: {moment}; made by: {actor}.", moment=made_at, actor=done.actor)
    rows = [_describe(one, was[one.event.key], [made]) for one in done.impacts]
    return Outlook(rows, 0, _go_on(event))


ACTS: Mapping[str, PlanningAct] = {
    "move": PlanningAct(
        words=N_("Move"),
        hint=N_(
            "Its parts, reminders, registration and offers of places move by the same number of days. Times of"
            " day stay the same."
        ),
        shown=N_("Move the event as shown?"),
        deed=_move,
        fields=("day", "alone", "why", "reason"),
    ),
    "cancel": PlanningAct(
        words=N_("Cancel the event"),
        hint=N_("Its parts are cancelled too. Everybody on the lists is informed by e-mail, with our regret."),
        shown=N_("Cancel the event as shown?"),
        deed=_cancel,
        fields=("why",),
        takes_away=True,
    ),
    "guests": PlanningAct(
        words=N_("What guests need to know"),
        hint=N_("E-mails to guests and the page of the event show this."),
        shown=N_("Show this to guests?"),
        deed=_inform,
        fields=("guests_need",),
    ),
    "copy": PlanningAct(
        words=N_("Copy"),
        hint=N_("The copy has the same parts, places and reminders. Nobody is informed about it."),
        shown=N_("Copy the event as shown?"),
        deed=_copy,
        fields=("key", "day", "guests", "reason"),
    ),
    "delete": PlanningAct(
        words=N_("Delete"),
        hint=N_(
            "An event can be deleted, with its parts and its list, only if nobody has been informed about it."
            " Otherwise, cancel it."
        ),
        shown=N_("Delete this permanently?"),
        deed=_delete,
        takes_away=True,
    ),
    "take-back": PlanningAct(
        words=N_("Undo the last change"),
        hint=N_(
            "The event becomes as it was before, and nobody is informed. This is not possible after e-mails"
            " about the change have been sent."
        ),
        shown=N_("Undo the last change?"),
        deed=_take_back,
        fields=("reason",),
    ),
}

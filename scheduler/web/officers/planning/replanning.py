"""Plan an event again: move, copy and delete it, take its last change back.

Each is a page that asks, the sheet that shows what would happen, and then it happens.

The form of a move, which also gives a day to an event without one, takes ``day`` and ``hour`` of the new start, and
``last`` (a day) and ``until`` (an hour) of the new end; empty ones are as they were, so that the event keeps its
length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from flask import Blueprint, abort, g, render_template, url_for
from sqlalchemy.orm import object_session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.date_parsing import parse_day, parse_end_hour, parse_hour
from scheduler.base.errors import Invalid, NothingToChange
from scheduler.base.i18n import N_
from scheduler.base.text import KEY
from scheduler.model.accounts import Act
from scheduler.model.events import Event, Kind, Timing
from scheduler.services.accounts import rights
from scheduler.services.desk.event_keys import make_event_key
from scheduler.services.events.guests import guest_directory
from scheduler.services.events.programme import planning
from scheduler.services.events.replanning import copies, deletion, reversal, shifts
from scheduler.services.events.replanning.copies import CopyRequest
from scheduler.services.events.replanning.event_trees import choose_events, find_reason_to_leave_out, lock_trees
from scheduler.web.kit.forms import Form, in_words, merge_texts, read_texts, type_texts
from scheduler.web.kit.language import _
from scheduler.web.officers.events.desk import EVENT
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, sentence
from scheduler.web.officers.kit.guard import may, officer
from scheduler.web.officers.planning.kind_forms import DAYS, FORMS, HOUR_UNKNOWN
from scheduler.web.officers.planning.sheet import PlanningSheet, SheetAct, answer_with_sheet
from scheduler.web.programme import wording as event_text

MOST_MINUTES = 999
PLAN = f"{EVENT}/plan/<verb>"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningAct:
    """One act: its words, its fields, what it does, and whether it takes something away.

    ``words_informing`` has a place for the ``{count}`` of people who are informed; without it nobody is.
    """

    words: str
    hint: str
    shown: str
    deed: Callable[[SheetAct], str]  # returns the address of the page that is next
    words_informing: str = ""
    fields: tuple[str, ...] = ()
    takes_away: bool = False


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("replanning")
    pages.add_app_template_global(_offer_reversal, "offer_reversal")
    pages.add_app_template_global(_is_reversible, "is_reversible")

    @pages.get(PLAN)
    @may(Act.PLAN_EVENTS, about=scope.PLANNED)
    def asking(language: str, key: str, verb: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show_question(app, key, verb)

    @pages.post(PLAN)
    @may(Act.PLAN_EVENTS, about=scope.PLANNED)
    def done(language: str, key: str, verb: str) -> Answer | str:  # noqa: ARG001
        return _act(app, key, verb)

    return pages


@dataclass(frozen=True, slots=True)
class OfferedReversal:
    """The offer to take the last change back: in words what it was, and how many minutes are left."""

    words: str
    minutes: int


def _offer_reversal(event: Event, now: datetime) -> OfferedReversal | None:
    """Return the offer to take the last change of an event back, for the page that shows the event; None if too late.

    Called in the session of that page.
    """
    session = object_session(event)
    found = None if session is None else reversal.find_reversal(session, event, now=now)
    if found is None:
        return None
    made_at = event_text.clocks_of(found.made_at, event)
    words = _("Time of the change: {moment}; made by: {actor}.", moment=made_at, actor=found.actor)
    return OfferedReversal(words, -(-(found.until - now) // timedelta(minutes=1)))


def _is_reversible(event: Event, now: datetime) -> bool:
    """Return whether the last change of an event can be undone. Called in the session of the page that asks."""
    session = object_session(event)
    return session is not None and reversal.is_reversible(session, event, now=now)


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
            takes_day="day" in asked.fields
            and (_begins_on_a_day(event) or (verb == "move" and event.kind is not Kind.TOUR)),
            timed=event.timing is Timing.HOURS,
            long=event.first_on != event.last_on,
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


def _begins_on_a_day(event: Event) -> bool:
    """Return whether an event has a day, or a tour a stop with one that would move or be copied with it."""
    if event.kind is not Kind.TOUR:
        return event.dtstart is not None
    chosen, _kept = choose_events([event], find_reason_to_leave_out)
    return any(one.first_on for one in chosen)


def _act(app: App, key: str, verb: str) -> Answer | str:
    asked = ACTS.get(verb) or abort(404)
    sheet = PlanningSheet(
        title=_(asked.shown),
        verb=_(asked.words),
        verb_informing=asked.words_informing,
        find=lambda session: [rights.get_planned_event(session, officer(), key)],
        deed=asked.deed,
        show_form=lambda form: _show_question(app, key, verb, form),
        day="day" if "day" in asked.fields else "",
        takes_away=asked.takes_away,
        at_once=verb == "take-back",
    )
    return answer_with_sheet(app, Form.sent(), sheet)


def _move(act: SheetAct) -> str:
    event, start = act.event, _read_start(act)
    if event.timing is Timing.TO_BE_ANNOUNCED and event.kind is not Kind.TOUR:
        return _announce_day(act, start.date())
    told: dict[str, Any] = {"now": act.now, "force": act.force, "reason": read_texts(act.form, "why")}
    times: dict[str, Any] = {"dtstart": start, "dtend": _read_end(act, start)}
    if act.form["alone"]:
        _require_change(planning.move(act.session, event, **times, **told).change.is_change)
    else:
        done = shifts.move(act.session, event, **times, **told)
        _require_change(any(one.impact.change.is_change for one in done.events))
    return _go_on(event)


def _announce_day(act: SheetAct, day: date) -> str:
    """Give its day to an event without one. If it is to have an hour, that stays to be announced."""
    known = FORMS[act.event.kind].known
    waits = HOUR_UNKNOWN in known and known[0] != DAYS
    days: dict[str, Any] = {"first_day": day, "last_day": day, "hour_to_be_announced": waits}
    lock_trees(act.session, [act.event])
    planning.announce(act.session, act.event, now=act.now, force=act.force, **days)
    return _go_on(act.event)


def _read_start(act: SheetAct) -> datetime:
    """Return the wall time that was typed; without an hour the event keeps its own. Raise FormRefused."""
    event, form = act.event, act.form
    day = _read_day(act, "day")
    hour = _read_hour(form, "hour", event.dtstart.time() if event.dtstart else time())
    if day is None or form.errors:
        raise FormRefused
    return datetime.combine(day, hour if event.timing is Timing.HOURS else time())


def _read_end(act: SheetAct, start: datetime) -> datetime | None:
    """Return the wall time at which an event that gets another length ends; None if it keeps its own.

    Of an event without hours that is the day after its last one. Raise FormRefused.
    """
    event, form = act.event, act.form
    if event.dtstart is None or event.dtend is None or not (form["last"].strip() or form["until"].strip()):
        return None
    present = start + (event.dtend - event.dtstart)
    last = _read_day(act, "last") if form["last"].strip() else None
    until = _read_end_hour(form, present)
    if form.errors:
        raise FormRefused
    if event.timing is not Timing.HOURS:
        return None if last is None else datetime.combine(last, time()) + DAY
    ends = datetime.combine(last or present.date(), time()) + until
    if last is None:  # the same day, or the night after
        ends = datetime.combine(start.date(), time()) + until
        ends += DAY if ends <= start else timedelta()
    elif until == DAY:  # 24:00, which no picker shows, is 00:00 of the next day
        form.typed = {**form.typed, "last": f"{ends:%Y-%m-%d}"}
    if ends <= start:
        form.errors["until"] = _("The end must be after the start.")
        raise FormRefused
    return ends


DAY = timedelta(days=1)


def _read_day(act: SheetAct, name: str) -> date | None:
    """Return the day that was typed as people write it, which the form then has as it was understood."""
    form = act.form
    if not form[name].strip():
        form.errors[name] = _("Enter a date as YYYY-MM-DD, for example {day}.", day="2027-02-02")
        return None
    try:
        day = parse_day(form[name], now=act.now, tzid=act.event.tzid)
    except Invalid as error:
        form.errors[name] = sentence(in_words(error))
        return None
    form.typed = {**form.typed, name: day.isoformat()}
    return day


def _read_hour(form: Form, name: str, otherwise: time) -> time:
    """Return the hour that was typed as people write it, which the form then has as it was understood."""
    if not form[name].strip():
        return otherwise
    try:
        hour = parse_hour(form[name])
    except Invalid as error:
        form.errors[name] = sentence(in_words(error))
        return otherwise
    form.typed = {**form.typed, name: f"{hour:%H:%M}"}
    return hour


def _read_end_hour(form: Form, present: datetime) -> timedelta:
    """Return the hour of the end that was typed, as time since midnight; else that of the ``present`` end."""
    if not form["until"].strip():
        return present - datetime.combine(present.date(), time())
    try:
        hour = parse_end_hour(form["until"])
    except Invalid as error:
        form.errors["until"] = sentence(in_words(error))
        return timedelta()
    form.typed = {**form.typed, "until": f"{datetime.combine(date.min, time()) + hour:%H:%M}"}
    return hour


def _require_change(changed: bool) -> None:  # noqa: FBT001 - the answer to one question
    if not changed:
        raise NothingToChange


def _go_on(event: Event) -> str:
    """Return the address of the page of an event; a tour and an anniversary have no guests, but a plan."""
    page = "planpage.whole" if event.kind in guest_directory.WITHOUT_GUESTS else "guest_list.guests"
    return url_for(page, language=g.language, key=event.key)


def _copy(act: SheetAct) -> str:
    event, form, new = act.event, act.form, act.form["key"].strip()
    if new and not KEY.fullmatch(new):
        form.errors["key"] = _("Enter a key of lower-case letters, digits and hyphens.")
    start = _read_start(act) if _begins_on_a_day(event) else None
    if form.errors:
        raise FormRefused
    new = new or make_event_key(act.session, event.title, event.kind, start.date() if start else None)
    asked = CopyRequest(old=event.key, new=new, by=timedelta(), guests=bool(form["guests"]), force=act.force)
    done = copies.copy_event(act.session, event, asked, dtstart=start, now=act.now)
    return _go_on(done.events[0].event)


def _cancel(act: SheetAct) -> str:
    lock_trees(act.session, [act.event])
    planning.cancel_with_parts(act.session, act.event, now=act.now, reason=read_texts(act.form, "why"))
    return _go_on(act.event)


def _inform(act: SheetAct) -> str:
    """Write what guests need to know; a text in a language that the form does not have stays."""
    event, form = act.event, act.form
    texts = {name: merge_texts(getattr(event, name), form, name) for name in ("dress_code", "bring")}
    day = _read_day(act, "reply_by") if form["reply_by"].strip() else None
    minutes = form.number("arrive", MOST_MINUTES, _("Enter a whole number from 0 to {most}.", most=MOST_MINUTES))
    if form.errors:
        raise FormRefused
    given: dict[str, Any] = {**texts, "reply_by": day, "arrive_before": timedelta(minutes=minutes) or None}
    given["telephone"] = form["telephone"].strip() or None
    lock_trees(act.session, [event])
    _require_change(planning.change_event(act.session, event, now=act.now, **given).change.is_change)
    return _go_on(event)


def _delete(act: SheetAct) -> str:
    deletion.delete(act.session, act.event, now=act.now)
    return url_for("calendar.month", language=g.language)


def _take_back(act: SheetAct) -> str:
    done = reversal.take_back(act.session, act.event, now=act.now, force=act.force)
    made_at = event_text.clocks_of(done.made_at, act.event)
    act.notes.append(_("Time of the change: {moment}; made by: {actor}.", moment=made_at, actor=done.actor))
    return _go_on(act.event)


ACTS: Mapping[str, PlanningAct] = {
    "move": PlanningAct(
        words=N_("Move"),
        hint=N_(
            "Its parts, reminders, registration and offers of places move by the same number of days. Times of"
            " day stay the same."
        ),
        shown=N_("Move the event as shown?"),
        deed=_move,
        words_informing=N_("Move and inform people: {count}"),
        fields=("day", "end", "alone", "why"),
    ),
    "cancel": PlanningAct(
        words=N_("Cancel the event"),
        hint=N_("Its parts are cancelled too. Everybody on the lists is informed by e-mail, with our regret."),
        shown=N_("Cancel the event as shown?"),
        deed=_cancel,
        words_informing=N_("Cancel and inform people: {count}"),
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
        fields=("key", "day", "guests"),
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
    ),
}

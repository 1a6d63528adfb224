"""Announce a date, confirm it, reinstate an event, open and close its registration: each shown before it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from flask import Blueprint, abort, g, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.durations import format_duration
from scheduler.base.errors import NothingToChange, SchedulerError
from scheduler.base.i18n import N_
from scheduler.model.accounts import Act
from scheduler.model.events import Event, Status, Timing
from scheduler.services.accounts import rights
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.planning import Impact
from scheduler.services.events.replanning import registration_switch, reinstatement
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.officers.events.desk import EVENT
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused
from scheduler.web.officers.kit.guard import may, officer
from scheduler.web.officers.planning.kind_forms import DAYS, FORMS, HOUR, HOUR_UNKNOWN, KNOWN, UNKNOWN
from scheduler.web.officers.planning.plan_answers import PlanDeed, PlanDone, answer_plan
from scheduler.web.officers.planning.plan_filling import begin_time
from scheduler.web.officers.planning.plan_hints import make_hints
from scheduler.web.officers.planning.plan_reading import PlanReader, place_errors

STATUS = f"{EVENT}/plan/status/<verb>"


@dataclass(frozen=True, slots=True)
class ActContext:
    """An act that is being done on an event: what was typed, and the reason to overrule contradictions."""

    session: Session
    event: Event
    reader: PlanReader
    force: str

    @property
    def form(self) -> Form:
        return self.reader.form

    @property
    def now(self) -> datetime:
        return self.reader.now


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAct:
    """An act on what an event is: its words, the fields of its form, and what it does."""

    words: str
    hint: str
    shown: str
    deed: Callable[[ActContext], Sequence[Impact]]
    words_informing: str = ""  # has a place for the ``{count}`` of people; without it nobody is informed
    fields: tuple[str, ...] = ()


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("planacts")

    @pages.get(STATUS)
    @may(Act.PLAN_EVENTS, about=scope.PLANNED)
    def ask(language: str, key: str, verb: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show(app, key, verb)

    @pages.post(STATUS)
    @may(Act.PLAN_EVENTS, about=scope.PLANNED)
    def do(language: str, key: str, verb: str) -> Answer | str:  # noqa: ARG001
        return _act(app, key, verb)

    return pages


def _show(app: App, key: str, verb: str, form: Form | None = None) -> str:
    act = ACTS.get(verb) or abort(404)
    with app.db.read() as session:
        event = _get_event(session, key, verb)
        shown = form or Form(_begin(event))
        reader = _read(app, event, Form(shown.typed))
        reader.read_time()
        asked = FORMS[event.kind]
        return render_template(
            "web/desk/plan_act.html",
            title=_(act.words),
            event=event,
            act=act,
            form=shown,
            asked=asked,
            known=[(value, _(KNOWN[value])) for value in _list_times(event)],
            hints=make_hints(session, reader, ()),
        )


def _get_event(session: Session, key: str, verb: str) -> Event:
    """Return the event. Answer 404 if it has no time to announce: a tour has those of its stops."""
    event = rights.get_planned_event(session, officer(), key)
    if verb == "announce" and not FORMS[event.kind].known:
        abort(404)
    return event


def _list_times(event: Event) -> list[str]:
    """Return how much of the time can be announced of an event."""
    known = [value for value in (*FORMS[event.kind].known, HOUR, DAYS) if value != UNKNOWN]
    if event.timing is Timing.HOUR_TO_BE_ANNOUNCED:
        known = [value for value in known if value != HOUR_UNKNOWN]
    return list(dict.fromkeys(known))


def _begin(event: Event) -> dict[str, str]:
    """Return the fields as they begin: an event lasts as long as others of its kind until something else is typed."""
    asked = FORMS[event.kind]
    if not asked.known:
        return {}
    time = begin_time(event)
    return {**time, "known": _list_times(event)[0], "to": time["to"] or format_duration(asked.usual)}


def _read(app: App, event: Event, form: Form) -> PlanReader:
    reader = PlanReader(form, event.kind, None, app.clock.now(), app.settings.timezone, event)
    reader.tzid, reader.start, reader.first_day = event.tzid, event.dtstart, event.first_on
    return reader


def _act(app: App, key: str, verb: str) -> Answer | str:
    form, asked = Form.sent(), ACTS.get(verb) or abort(404)

    def act(session: Session, form: Form, force: str) -> PlanDone:
        event = _get_event(session, key, verb)
        context = ActContext(session, event, _read(app, event, form), force)
        return PlanDone(asked.deed(context), url_for("planpage.whole", language=g.language, key=event.key))

    deed = PlanDeed(
        title=_(asked.shown),
        verb=_(asked.words),
        verb_informing=asked.words_informing,
        find=lambda session: [_get_event(session, key, verb)],
        act=act,
        show_form=lambda form: _show(app, key, verb, form),
    )
    return answer_plan(app, form, deed)


def _announce(act: ActContext) -> Sequence[Impact]:
    reader = act.reader
    reader.read_time()
    if act.form.errors:
        raise FormRefused
    times = {name: value for name, value in reader.fields.items() if value is not None}
    try:
        return [planning.announce(act.session, act.event, now=act.now, force=act.force, **times)]
    except SchedulerError as error:
        if place_errors(act.form, error):
            raise FormRefused from error
        raise


def _confirm(act: ActContext) -> Sequence[Impact]:
    impact = planning.change_event(act.session, act.event, now=act.now, status=Status.CONFIRMED)
    if not impact.change.is_change:
        raise NothingToChange
    return [impact]


def _reinstate(act: ActContext) -> Sequence[Impact]:
    return reinstatement.reinstate(
        act.session,
        act.event,
        now=act.now,
        alone=bool(act.form["alone"]),
        status=Status.TENTATIVE if act.form["tentative"] else Status.CONFIRMED,
        force=act.force,
    )


def _open(act: ActContext) -> Sequence[Impact]:
    closes = act.reader.read_moment("closes")
    if act.form.errors:
        raise FormRefused
    return [registration_switch.open_registration(act.session, act.event, now=act.now, closes=closes)]


def _close(act: ActContext) -> Sequence[Impact]:
    return [registration_switch.close_registration(act.session, act.event, now=act.now)]


ACTS: Mapping[str, StatusAct] = MappingProxyType(
    {
        "announce": StatusAct(
            words=N_("Announce the date"),
            hint=N_("Everybody on the list is informed by e-mail."),
            shown=N_("Announce the date as shown?"),
            deed=_announce,
            words_informing=N_("Announce and inform people: {count}"),
            fields=("time",),
        ),
        "confirm": StatusAct(
            words=N_("Confirm the date"),
            hint=N_("The date is certain from now on."),
            shown=N_("Confirm the date as shown?"),
            deed=_confirm,
            words_informing=N_("Confirm and inform people: {count}"),
        ),
        "reinstate": StatusAct(
            words=N_("Reinstate"),
            hint=N_("The event takes place after all. Everybody on its list is informed by e-mail."),
            shown=N_("Reinstate the event as shown?"),
            deed=_reinstate,
            words_informing=N_("Reinstate and inform people: {count}"),
            fields=("alone", "tentative"),
        ),
        "open-registration": StatusAct(
            words=N_("Open registration now"),
            hint=N_("Everybody can register on the page of the event from now on."),
            shown=N_("Open registration as shown?"),
            deed=_open,
            fields=("closes",),
        ),
        "close-registration": StatusAct(
            words=N_("Close registration"),
            hint=N_("Nobody can register on the page of the event any more; officers still can."),
            shown=N_("Close registration as shown?"),
            deed=_close,
        ),
    }
)

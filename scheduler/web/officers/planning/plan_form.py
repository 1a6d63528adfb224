"""Plan an event, and change one, on one form for all kinds.

What is wrong stands beside its field, with everything that was typed. What nobody is told of and nothing contradicts
is done at once; anything else is shown first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from flask import Blueprint, Response, abort, g, jsonify, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.date_format import format_weekday
from scheduler.base.errors import SchedulerError, list_errors
from scheduler.base.i18n import N_
from scheduler.model.accounts import Act
from scheduler.model.events import Event, Kind, Mode, Queue, Registration, ReminderAudience, Status, Visibility
from scheduler.services.accounts import rights
from scheduler.services.desk import event_plans, plan_choices
from scheduler.services.desk.event_plans import EventPlan, PlanResult
from scheduler.services.directory.choices import ChoiceList
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.events.guests import leads
from scheduler.services.events.programme import event_mapping
from scheduler.services.events.programme.conflicts.contradictions import Contradiction
from scheduler.web.kit.answers import redirect_after_form
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _, with_query
from scheduler.web.kit.safety import HEADERS
from scheduler.web.officers.events.desk import EVENT
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused
from scheduler.web.officers.kit.concurrent_edits import SEEN, merge_edits, remember_fields
from scheduler.web.officers.kit.guard import DESK, may, officer, takes
from scheduler.web.officers.planning.kind_forms import FORMS, KNOWN, list_known
from scheduler.web.officers.planning.plan_answers import PlanDeed, PlanDone, answer_plan
from scheduler.web.officers.planning.plan_filling import begin_change, begin_new
from scheduler.web.officers.planning.plan_hints import list_ticks, make_hints
from scheduler.web.officers.planning.plan_reading import (
    MOST_CLOSED,
    MOST_LEADS,
    PlanChoices,
    PlanReader,
    find_mistakes,
    place_errors,
    read_uid,
)

NEW = f"{DESK}/plan/new"
CHANGE = f"{EVENT}/plan/change"
OCTETS, PARTS = 512 * 1024, 500  # of one form: four texts in four languages, each as it was and as it is
BLANKS = 2  # empty lines below those that are filled
A_MONDAY = date(2024, 1, 1)
LOOK = "look"  # what the form asks for besides being sent
SHORT = "short"  # the field by which the short form of a day is known
ASKED = ("day", "hour", "until", "venue", "parent", "title")  # what the address of a new form may say
_POLICY = HEADERS["Content-Security-Policy"] + "; connect-src 'self'"


def blueprint(app: App, index: DirectoryIndex) -> Blueprint:
    pages = guard.blueprint("planform")
    pages.after_request(_allow_questions)

    @pages.get(NEW)
    @may(Act.PLAN_EVENTS, about=scope.LISTS)
    def new(language: str) -> str:  # noqa: ARG001 - kept in g for all
        kind = _read_kind(request.args.get("kind", ""))
        return _choose_kind() if kind is None else _show_new(app, index, kind)

    @pages.post(NEW)
    @may(Act.PLAN_EVENTS, about=scope.LISTS)
    @takes(OCTETS, parts=PARTS)
    def plan(language: str) -> Answer | str:  # noqa: ARG001
        form = Form.sent()
        return _plan_short(app, index, form) if form[SHORT] else _plan(app, index, form)

    @pages.get(CHANGE)
    @may(Act.PLAN_EVENTS, about=scope.PLANNED)
    def change_form(language: str, key: str) -> str:  # noqa: ARG001
        return _show_change(app, index, key)

    @pages.post(CHANGE)
    @may(Act.PLAN_EVENTS, about=scope.PLANNED)
    @takes(OCTETS, parts=PARTS)
    def change(language: str, key: str) -> Answer | str:  # noqa: ARG001
        return _change(app, index, key)

    return pages


def _allow_questions(response: Response) -> Response:
    """Let the script of the form ask this site what stands beside the fields."""
    response.headers["Content-Security-Policy"] = _POLICY
    return response


def _read_kind(typed: str) -> Kind | None:
    return next((kind for kind in Kind if kind == typed), None)


@dataclass(frozen=True, slots=True)
class _PlanPage:
    """The page of one form: what can be chosen on it, and the event that it changes, if there is one."""

    app: App
    kind: Kind
    choices: PlanChoices
    event: Event | None = None

    def read(self, form: Form) -> tuple[PlanReader, EventPlan]:
        """Read a form; what is wrong stands in its errors."""
        reader = self._open_reader(form)
        plan = reader.read()
        find_mistakes(form, plan)
        return reader, plan

    def _open_reader(self, form: Form) -> PlanReader:
        now, tz = self.app.clock.now(), self.app.settings.timezone
        return PlanReader(form, self.kind, self.choices, now, tz, self.event)

    def describe(self, session: Session, form: Form) -> dict[str, str]:
        """Return what stands beside the fields of a form, whatever is wrong with it."""
        reader = self._open_reader(Form(form.typed))
        reader.looks = True
        reader.read()
        return make_hints(session, reader, [name for name, _words in list_ticks(form.typed, self.kind)])

    def render(self, session: Session, form: Form) -> str:
        """Return the page; what is wrong stands in the order of its fields."""
        order = {name: number for number, name in enumerate(form.typed)}
        form.errors = dict(sorted(form.errors.items(), key=lambda one: order.get(one[0], len(order))))
        kind, asked, event = self.kind, FORMS[self.kind], self.event
        return render_template(
            "web/desk/plan_form.html",
            title=_(asked.plan) if event is None else event.title.to(g.language),
            kind=kind,
            asked=asked,
            event=event,
            form=form,
            choices=self.choices,
            known=[(value, _(KNOWN[value])) for value in list_known(kind, event.timing if event else None)],
            ticks=list_ticks(form.typed, kind),
            hints=self.describe(session, form),
            whole=next((one for one in self.choices.wholes if one.key == form["parent"]), None),
            lead_lines=_count_lines(form, "lead_", MOST_LEADS) if len(self.choices.leads) <= MOST_LEADS else 0,
            closed_lines=_count_lines(form, "closed_", MOST_CLOSED),
            weekdays=[format_weekday(A_MONDAY + timedelta(days=day), g.language) for day in range(7)],
            words={
                "status": [Status.CONFIRMED, Status.TENTATIVE],
                "visibility": list(Visibility),
                "registration": list(Registration),
                "queue": list(Queue),
                "remind_to": [one for one in ReminderAudience if one is not ReminderAudience.CHOSEN],
                "lead_role": leads.LEADING,
                "lead_mode": list(Mode),
            },
        )


def _count_lines(form: Form, name: str, most: int) -> int:
    """Return how many lines of a list the form shows: those that are filled, and some that are empty."""
    filled = (number + 1 for number in range(most) if form[f"{name}{number}"].strip())
    return min(max(filled, default=0) + BLANKS, most)


# A new event


def _choose_kind() -> str:
    asked = {name: value for name, value in request.args.items() if name in ASKED}
    here = url_for(".new", language=g.language)
    kinds = [(kind, with_query(here, [("kind", kind), *asked.items()])) for kind in FORMS]
    return render_template("web/desk/plan_kind.html", title=_("Plan an event"), kinds=kinds)


def _show_new(app: App, index: DirectoryIndex, kind: Kind) -> str:
    asked = {name: request.args[name].strip()[:300] for name in ASKED if name in request.args}
    with app.db.read() as session:
        parent = asked.get("parent", "")
        page = _open(session, app, index, kind, parent)
        whole = next((one for one in page.choices.wholes if one.key == parent), None)
        return page.render(session, Form(begin_new(kind, asked, page.choices, whole)))


def _open(
    session: Session, app: App, index: DirectoryIndex, kind: Kind, parent: str, event: Event | None = None
) -> _PlanPage:
    """Return the page of a form, with what can be chosen on it."""
    known = leads.list_leads(session, event) if event else []
    visible, now = rights.list_visibilities(officer()), app.clock.now()
    wholes = plan_choices.list_wholes(session, kind, visibilities=visible, now=now, chosen=parent)
    venues, organisations, cities, people = (
        ChoiceList(session, index, noun, g.language) for noun in ("venue", "organisation", "city", "person")
    )
    choices = PlanChoices(
        venues=venues,
        organisations=organisations,
        cities=cities,
        people=people,
        wholes=[one for one in wholes if event is None or one.id != event.id],
        leads=[plan_choices.describe_lead(row, g.language) for row in known],
    )
    return _PlanPage(app, kind, choices, event)


def _plan_short(app: App, index: DirectoryIndex, form: Form) -> Answer | str:
    """Plan what the short form of a day says, or open the whole form with it."""
    kind = _read_kind(form["kind"]) or abort(400)
    asked = {name: form[name].strip()[:300] for name in ASKED if name in form.typed}
    if form["do"] == LOOK:
        here = url_for(".new", language=g.language)
        return redirect_after_form(with_query(here, [("kind", kind), *asked.items()]))
    with app.db.read() as session:
        begun = begin_new(kind, asked, _open(session, app, index, kind, "").choices, None)
    return _plan(app, index, Form({"kind": str(kind), **begun, "uid": form["uid"]}))


def _plan(app: App, index: DirectoryIndex, form: Form) -> Answer | str:
    kind = _read_kind(form["kind"]) or abort(400)
    if form["do"] == LOOK:
        with app.db.read() as session:
            return _answer_look(session, _open(session, app, index, kind, form["parent"]), form)
    if planned := _find_planned(app, form):
        return redirect_after_form(planned)

    def act(session: Session, form: Form, force: str) -> PlanDone:
        reader, plan = _open(session, app, index, kind, form["parent"]).read(form)
        _even_day(form, reader)
        return _carry_out(
            form,
            lambda: event_plans.plan_event(
                session, plan, now=app.clock.now(), tz=app.settings.timezone, language=g.language, force=force
            ),
        )

    def show_form(form: Form) -> str:
        with app.db.read() as session:
            return _open(session, app, index, kind, form["parent"]).render(session, form)

    deed = PlanDeed(
        title=_(FORMS[kind].plan),
        verb=_("Plan it"),
        find=lambda _session: [],
        act=act,
        show_form=show_form,
        at_once=True,
        day="" if form["until"].strip() else "day",
    )
    return answer_plan(app, form, deed)


def _find_planned(app: App, form: Form) -> str | None:
    """Return the page of the event that this form has planned already: it was pressed twice, or sent again."""
    with app.db.read() as session:
        planned = event_plans.find_planned(session, read_uid(form))
        return url_for("planpage.whole", language=g.language, key=planned.key) if planned else None


def _answer_look(session: Session, page: _PlanPage, form: Form) -> Answer | str:
    """Answer with what stands beside the fields: to the script of the form, or as the form for people without it."""
    if request.accept_mimetypes.best == "application/json":
        return jsonify(page.describe(session, form))
    return page.render(session, form)


def _even_day(form: Form, reader: PlanReader) -> None:
    """Write the day as the sheet reads it, which offers others."""
    if reader.first_day is not None:
        form.typed = {**form.typed, "day": f"{reader.first_day}"}


def _carry_out(form: Form, act: Callable[[], PlanResult]) -> PlanDone:
    """Do an act of the services. Raise FormRefused if something in the form is wrong; each field says what."""
    if form.errors:
        raise FormRefused
    try:
        impact = act().impact
        return PlanDone([impact], url_for("planpage.whole", language=g.language, key=impact.event.key))
    except SchedulerError as error:
        if all(isinstance(one, Contradiction) for one in list_errors(error)) or not place_errors(form, error):
            raise
        raise FormRefused from error


# An event as it is


def _show_change(app: App, index: DirectoryIndex, key: str) -> str:
    with app.db.read() as session:
        event = rights.get_planned_event(session, officer(), key)
        page = _open(session, app, index, event.kind, event.parent.key if event.parent else "", event)
        return page.render(session, Form(remember_fields(_begin(session, page, event))))


def _begin(session: Session, page: _PlanPage, event: Event) -> dict[str, str]:
    place = event.venue.city if event.venue else event.cities[0] if event.cities else event.parent
    tz = place.tzid if place else page.app.settings.timezone
    rows = leads.list_leads(session, event)
    return begin_change(event, event_mapping.read_draft(event), rows[:MOST_LEADS], page.choices, tz)


def _change(app: App, index: DirectoryIndex, key: str) -> Answer | str:
    form = Form.sent()
    if form["do"] == LOOK:
        with app.db.read() as session:
            return _answer_look(session, _open_change(session, app, index, key, form), form)

    def act(session: Session, form: Form, force: str) -> PlanDone:
        page = _open_change(session, app, index, key, form)
        event = page.event
        assert event is not None  # noqa: S101 - just opened
        seen = {name.removeprefix(SEEN): "" for name in form.typed if name.startswith(SEEN)}
        merge_edits(form, {**seen, **_begin(session, page, event)})
        reader, plan = page.read(form)
        _even_day(form, reader)
        return _carry_out(
            form,
            lambda: event_plans.change_plan(
                session, event, plan, now=app.clock.now(), language=g.language, force=force
            ),
        )

    def show_form(form: Form) -> str:
        with app.db.read() as session:
            return _open_change(session, app, index, key, form).render(session, form)

    deed = PlanDeed(
        title=_("Change the event as shown?"),
        verb=_("Change it"),
        verb_informing=N_("Change it and inform people: {count}"),
        find=lambda session: [rights.get_planned_event(session, officer(), key)],
        act=act,
        show_form=show_form,
        at_once=True,
        day="" if form["until"].strip() else "day",
    )
    return answer_plan(app, form, deed)


def _open_change(session: Session, app: App, index: DirectoryIndex, key: str, form: Form) -> _PlanPage:
    event = rights.get_planned_event(session, officer(), key)
    return _open(session, app, index, event.kind, form["parent"], event)

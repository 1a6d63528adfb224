"""Answer the form of a plan: done at once if nobody is told and nothing is doubtful, otherwise by the sheet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.model.events import Event
from scheduler.services.common.changes import ChangeKind
from scheduler.services.events.programme.planning import Impact
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer
from scheduler.web.officers.planning.sheet import PlanningSheet, SheetAct, answer_with_sheet


@dataclass(frozen=True, slots=True)
class PlanDone:
    """The result of an act on a plan: the events that it changed, and the page to go to afterwards."""

    impacts: Sequence[Impact]
    address: str

    @property
    def has_consequences(self) -> bool:
        return any(one.letters or one.change.doubts or _moves_reminders(one) for one in self.impacts)


def _moves_reminders(impact: Impact) -> bool:
    """Return whether reminders leave at another time that nobody has just written into the form."""
    written = impact.change.verb is ChangeKind.ADDED or "reminders" in impact.change.fields
    return impact.reminders > 0 and not written


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDeed:
    """An act on a plan: its words, as `PlanningSheet` has them, what it does, and its form.

    ``act`` gets the form and a reason to overrule contradictions. ``at_once`` does what has no consequences without
    showing it first.
    """

    title: str
    verb: str
    verb_informing: str = ""
    find: Callable[[Session], Sequence[Event]]
    act: Callable[[Session, Form, str], PlanDone]
    show_form: Callable[[Form], str]
    at_once: bool = False
    day: str = ""  # the field with the day, if other days may be offered


def answer_plan(app: App, form: Form, deed: PlanDeed) -> Answer | str:
    """Do what a form says, or show what it would do; show the form again with what is wrong."""
    if deed.at_once and not form["sure"] and not form["other_day"]:
        try:
            with act_as_officer(app, form) as session:
                done = deed.act(session, form, "")
                if not done.has_consequences:
                    return redirect_after_form(done.address)
                session.rollback()
        except FormRefused:
            if set(form.errors) != {"reason"}:
                return show_form_again(deed.show_form(form))
            form.errors.clear()  # what contradicts the plan is shown on the sheet
    return answer_with_sheet(app, form, _make_sheet(deed))


def _make_sheet(deed: PlanDeed) -> PlanningSheet:
    def act(asked: SheetAct) -> str:
        return deed.act(asked.session, asked.form, asked.force).address

    return PlanningSheet(
        title=deed.title,
        verb=deed.verb,
        verb_informing=deed.verb_informing,
        find=deed.find,
        deed=act,
        show_form=deed.show_form,
        day=deed.day,
    )

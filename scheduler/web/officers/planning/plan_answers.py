"""Answer the form of a plan: done at once if nobody is told and nothing is doubtful, otherwise shown first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.services.common.changes import ChangeKind
from scheduler.services.events.programme.planning import Impact
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer
from scheduler.web.officers.planning.replanning import Outlook, PlannedRow


@dataclass(frozen=True, slots=True)
class PlanDone:
    """What a deed did: the events that it changed, and the page to go to afterwards."""

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
    """An act on a plan: its words, what it does with a reason to overrule contradictions, and its form.

    ``always`` shows what it would do also if nobody is told of it.
    """

    title: str
    words: str
    act: Callable[[Session, str], PlanDone]
    show_form: Callable[[Form], str]
    always: bool = False
    takes_away: bool = False


def answer_plan(app: App, form: Form, deed: PlanDeed) -> Answer | str:
    """Do what a form says, or show what it would do; show the form again with what is wrong."""
    try:
        with act_as_officer(app, form) as session:
            done = deed.act(session, form["reason"].strip())
            if form["sure"] != "yes" and (deed.always or done.has_consequences):
                page = _render_look(form, deed, done)
                session.rollback()
                return page
    except FormRefused:
        return show_form_again(deed.show_form(form))
    return redirect_after_form(done.address)


def _render_look(form: Form, deed: PlanDeed, done: PlanDone) -> str:
    rows = [PlannedRow(one.event, doubts=list(map(_, one.change.doubts))) for one in done.impacts]
    return render_template(
        "web/desk/replan_look.html",
        title=deed.title,
        event=rows[0].event,
        act=deed,
        form=form,
        outlook=Outlook(rows, sum(one.letters for one in done.impacts), ""),
        address=request.full_path.rstrip("?"),
    )

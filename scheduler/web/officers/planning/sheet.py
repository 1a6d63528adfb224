"""One sheet for every change of an event: what it will do, before it is done.

A page with a form that changes events uses it so::

    @pages.post(f"{EVENT}/plan/cancel")
    @may(Act.PLAN_EVENTS, about=scope.PLANNED)
    def cancel(language: str, key: str) -> Answer | str:
        return answer_with_sheet(app, Form.sent(), PlanningSheet(
            title=_("Cancel the event"),
            verb=_("Cancel"),
            verb_informing=N_("Cancel and inform people: {count}"),
            find=lambda session: [rights.get_planned_event(session, officer(), key)],
            deed=_cancel,
            show_form=lambda form: _show_form(app, key, form),
        ))

    def _cancel(act: SheetAct) -> str:
        planning.cancel_with_parts(act.session, act.event, now=act.now, reason=read_texts(act.form, "why"))
        return url_for("guest_list.guests", language=g.language, key=act.event.key)

``deed`` does the act by services and returns the address of the page to go to afterwards. It runs when the officer
looks, and is rolled back; it runs again when they are sure. It gives ``act.force`` to the services that take
``force``, so that what contradicts the plan is shown on the sheet, where the officer says why it is so nevertheless;
a form has no field for that. What is wrong with a field goes into ``act.form.errors``; then, and if a service
refuses, the form is shown again.

The form is posted to its own address, also by the sheet, which carries what was typed in hidden fields. These names
are taken: ``sure``, ``seen``, ``reason``, ``other_day``.

What was shown may not be what would be done any more, because somebody answered or another officer changed something.
The sheet therefore carries a digest of what it shows. If the act would have other consequences, nothing is done and
the sheet is shown again, with a mark at what is new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from flask import g, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.clock import instant, wall
from scheduler.base.date_format import When, format_day, format_lead, format_moment, own_name
from scheduler.model.events import Event, Kind, Reminder
from scheduler.services.desk.consequences import Consequences, EventOutcome, Moved, Verb, observe
from scheduler.services.desk.informed import Informed, read_letters
from scheduler.services.desk.objections import SUBJECT_WORDS
from scheduler.services.desk.other_days import find_other_days
from scheduler.services.events.programme.event_times import format_instant, format_was
from scheduler.services.letters.composing import ReadableLetter
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.kit.typed_times import parse_typed_day
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer
from scheduler.web.programme import wording as event_text

# What the button says that was pressed, in the field "sure"; empty: the form itself was sent, to be looked at.
INFORM, QUIETLY, BACK, AT_ONCE = "inform", "quietly", "back", "at-once"
TAKEN = ("csrf_token", "sure", "seen", "reason", "other_day")
_COMPARED_QUIETLY = {"events", "objections"}  # sections of the digest, if nobody is informed


@dataclass(frozen=True, slots=True)
class SheetAct:
    """An act that is being done, perhaps only to be looked at: all that a deed needs."""

    session: Session
    events: Sequence[Event]  # those that `PlanningSheet.find` returned
    form: Form
    now: datetime
    force: str
    notes: list[str]  # sentences that the sheet shows as well

    @property
    def event(self) -> Event:
        """The event, of an act on one."""
        return self.events[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningSheet:
    """One act with its words, translated but for ``verb_informing``, which has a place for the ``{count}`` of people.

    ``find`` returns the events that the act may change or delete; none if it makes a new one. ``show_form`` renders
    the form with what was typed. ``day`` is the name of the field with the new day, if there is one: then other days
    are offered. An act without ``verb_informing`` informs nobody and has one button. One that is
    ``at_once`` is done without being shown, if its form says so and the plan does not contradict itself then.
    """

    title: str
    verb: str
    verb_informing: str = ""
    find: Callable[[Session], Sequence[Event]]
    deed: Callable[[SheetAct], str]
    show_form: Callable[[Form], str]
    day: str = ""
    takes_away: bool = False
    at_once: bool = False


def answer_with_sheet(app: App, form: Form, sheet: PlanningSheet) -> Answer | str:
    """Answer the form of an act: show what it will do, or do it if the officer has seen that and is sure."""
    if form["sure"] == BACK:
        return sheet.show_form(Form({name: typed for name, typed in form.typed.items() if name not in TAKEN}))
    if form["other_day"]:
        form = _take_other_day(form, sheet.day)
    try:
        if form["sure"]:
            with act_as_officer(app, form) as session:
                seen = _observe(app, session, form, sheet, [], sure=form["sure"])
                if _may_be_done(seen, form, sheet):
                    return redirect_after_form(seen.done)
                session.rollback()
        with act_as_officer(app, form) as session:
            page = _render(app, session, form, sheet)
            session.rollback()
    except FormRefused:
        return show_form_again(sheet.show_form(form))
    return show_form_again(page) if form["sure"] else page


def _observe(
    app: App, session: Session, form: Form, sheet: PlanningSheet, notes: list[str], *, sure: str
) -> Consequences[str]:
    now, events = app.clock.now(), sheet.find(session)

    def deed(session: Session, force: str) -> str:
        then = sheet.deed(SheetAct(session, events, form, now, force, notes))
        if form.errors:
            raise FormRefused
        return then

    return observe(
        session,
        deed,
        about=events,
        now=now,
        language=g.language,
        reason=form["reason"].strip() if sure else "",
        informs=sure != QUIETLY,
    )


def _may_be_done(seen: Consequences[str], form: Form, sheet: PlanningSheet) -> bool:
    """Return whether what would be done is what was shown, with a reason if it contradicts the plan."""
    if seen.needs_reason and not form["reason"].strip():
        return False
    if sheet.at_once and form["sure"] == AT_ONCE:
        return True
    new = set(seen.list_news(form["seen"]))
    return not (new & _COMPARED_QUIETLY if form["sure"] == QUIETLY else new)


def _take_other_day(form: Form, name: str) -> Form:
    """Return a form with another day in the place of the one that was typed; the last day stays as far from it."""
    day, typed = parse_typed_day(form["other_day"]), parse_typed_day(form[name].strip())
    if day is None or typed is None:
        return form
    moved = {name: f"{day}"}
    if last := parse_typed_day(form["last"].strip()):
        moved["last"] = f"{last + (day - typed)}"
    return Form({**form.typed, **moved, "sure": "", "reason": ""})


@dataclass(frozen=True, slots=True)
class OfferedDay:
    """Another day for an event: as a date is typed, as it is read, and the reader's time beside it."""

    typed: str
    shown: str
    own: str


def _offer_days(
    session: Session, found: Consequences[str], form: Form, sheet: PlanningSheet, now: datetime
) -> Sequence[OfferedDay] | None:
    """Return other days for what is moved, if something stands against the day that was asked for; else None."""
    typed = parse_typed_day(form[sheet.day].strip()) if sheet.day and found.objections else None
    moved = [one for one in found.events if one.is_retimed and one.event.dated]
    if typed is None or not moved:
        return None
    was = moved[0].was.get("dtstart")
    present = datetime.fromisoformat(was).date() if was else None
    events = [one.event for one in moved]
    days = find_other_days(session, events, from_day=typed, now=now, but=present)
    return [_describe_day(events[0], day - typed, day) for day in days]


def _describe_day(event: Event, by: timedelta, day: date) -> OfferedDay:
    assert event.dtstart is not None  # noqa: S101 - it has a date
    start = event.dtstart + by
    if event.whole_days or event.kind is Kind.TOUR:
        return OfferedDay(f"{day}", format_day(day, g.language), "")
    hours = f"{start:%H:%M}"
    own = wall(instant(start, event.tzid, gap="shift"), g.tzid) if g.tzid else start
    theirs = f"{format_moment(own.date(), f'{own:%H:%M}', g.language)} ({_('your clock')})" if own != start else ""
    return OfferedDay(f"{day}", format_moment(start.date(), hours, g.language), theirs)


@dataclass(frozen=True, slots=True)
class ShownLetter:
    """One e-mail as the people of a language will read it, and how many of them there are."""

    language: str
    people: int
    letter: ReadableLetter


def _render(app: App, session: Session, form: Form, sheet: PlanningSheet) -> str:
    now = app.clock.now()
    notes: list[str] = []
    found = _observe(app, session, form, sheet, notes, sure="")
    people = found.informed.sum
    return render_template(
        "web/desk/sheet.html",
        title=sheet.title,
        sheet=sheet,
        found=found,
        people=people,
        notes=notes,
        letters=_read_letters(app, session, found.informed, now),
        form=form,
        kept={name: typed for name, typed in form.typed.items() if name not in TAKEN},
        news=found.list_news(form["seen"]) if form["seen"] else (),
        why_missing=bool(form["sure"] and found.needs_reason and not form["reason"].strip()),
        address=request.path,
        describe=describe_outcome,
        subjects=SUBJECT_WORDS,
        inform=_(sheet.verb_informing, count=people.by_mail) if sheet.verb_informing else "",
        other_days=_offer_days(session, found, form, sheet, now),
        asked_day=parse_typed_day(form[sheet.day].strip()) if sheet.day else None,
        own_name=own_name,
        waits=_count_minutes(found.informed, now),
    )


def _read_letters(app: App, session: Session, informed: Informed, now: datetime) -> Sequence[ShownLetter]:
    counts = {row.language: row.by_mail for row in informed.readers}
    read = read_letters(session, informed, house=app.house, now=now)
    return [ShownLetter(tag, counts.get(tag, 0), letter) for tag, letter in read]


def _count_minutes(informed: Informed, now: datetime) -> int | None:
    """Return how many minutes the first e-mail waits; None if none leaves."""
    return None if informed.leave_at is None else (informed.leave_at - now) // timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeWords:
    """The effect of an act on one event, in words: its time before and after, and what moves with it, by label."""

    was: Sequence[When]
    becomes: Sequence[When]
    moves: Sequence[tuple[str, Sequence[Moved[str]]]]
    state: str


def describe_outcome(outcome: EventOutcome) -> OutcomeWords:
    """Return what an act does to an event in the language of the page."""
    event = outcome.event
    was = format_was(outcome.was, event, g.language, g.tzid)
    becomes = [] if outcome.verb is Verb.DELETED else event_text.moments(event)
    return OutcomeWords(
        was=was if outcome.is_retimed or outcome.verb is Verb.DELETED else [],
        becomes=becomes,
        moves=[(label, lines) for label, lines in _list_moves(outcome) if lines],
        state=_STATES[outcome.verb](),
    )


_STATES: Mapping[Verb, Callable[[], str]] = {
    Verb.ADDED: lambda: _("New"),
    Verb.CHANGED: lambda: "",
    Verb.CANCELLED: lambda: _("Cancelled"),
    Verb.REINSTATED: lambda: _("Takes place"),
    Verb.DELETED: lambda: _("Deleted"),
}


def _list_moves(outcome: EventOutcome) -> Iterator[tuple[str, Sequence[Moved[str]]]]:
    """Yield what moves with an event: a label, and its lines before and after."""
    event = outcome.event
    say = partial(_say_moved, event)
    reminders = [(reminder, say(moved)) for reminder, moved in outcome.reminders if moved.differs]
    if outcome.guests and outcome.verb in (Verb.ADDED, Verb.DELETED):
        yield _("People on its list"), [Moved(None, f"{outcome.guests}")]
    yield _("Reminders"), [_say_reminder(reminder, moved) for reminder, moved in reminders]
    yield _("Registration opens"), [say(outcome.opens)] if outcome.opens.differs else []
    yield _("Registration closes"), [say(outcome.closes)] if outcome.closes.differs else []
    offers = [(name, say(moved)) for name, moved in outcome.offers]
    yield _("Offers of places"), [Moved(line.was, f"{name}: {line.becomes}") for name, line in offers]
    if outcome.is_retimed and outcome.passes:
        yield _("Passes for the door"), [Moved(None, _("remain valid: {count}", count=outcome.passes))]
    if outcome.stands_in_calendars:
        yield _("Calendars"), [Moved(None, words)] if (words := _say_calendars(outcome)) else []


def _say_reminder(reminder: Reminder, moved: Moved[str]) -> Moved[str]:
    becomes = moved.becomes or _("will not be sent")
    return Moved(moved.was, f"{becomes} ({format_lead(reminder.before.length, g.language)})")


def _say_moved(event: Event, moved: Moved[datetime]) -> Moved[str]:
    was = _say_moment(moved.was, event) if moved.differs else None
    return Moved(was, _say_moment(moved.becomes, event))


def _say_moment(at: datetime | None, event: Event) -> str | None:
    return None if at is None else format_instant(at, event, g.language, None)[0].time


def _say_calendars(outcome: EventOutcome) -> str:
    """Return what calendars that people subscribed to will show; "" if nothing changes there."""
    match outcome.verb:
        case Verb.ADDED:
            return _("a new entry")
        case Verb.DELETED:
            return _("the entry disappears")
        case Verb.CANCELLED:
            return _("the entry is shown as cancelled until its date has passed")
    if not outcome.sequence.differs:
        return ""
    return _("the entry changes and is not doubled (revision {number})", number=outcome.sequence.becomes)

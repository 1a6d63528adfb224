"""The acts on many guests at once: a table of words, fields and deeds. A new act is an entry in `ACTS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from flask import g
from sqlalchemy.orm import Session

from scheduler.base.i18n import N_
from scheduler.base.text import Text
from scheduler.model.attendance import Answer, Attendee
from scheduler.model.events import Event
from scheduler.services.events.attendance import transitions
from scheduler.services.events.guests import chasing, group_acts
from scheduler.services.events.guests.group_acts import GroupAnswer, GroupOutcome
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.kit.typed_times import parse_typed_day
from scheduler.web.officers.guests import guest_actions
from scheduler.web.officers.kit.answers import FormRefused, sentence

GroupDeed = Callable[[Session, Event, Sequence[Attendee], Form, datetime], GroupOutcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupAct:
    """One act on many: its words, its fields, what it does, and whether it takes something away.

    Its result is shown at once if ``begins`` fills in all that it needs.
    """

    words: str
    hint: str
    done: str
    deed: GroupDeed
    fields: tuple[str, ...] = ()
    begins: Callable[[Event, datetime], Mapping[str, str]] = lambda _event, _now: {}
    at_once: bool = True
    takes_away: bool = False


def _chase(session: Session, event: Event, guests: Sequence[Attendee], form: Form, now: datetime) -> GroupOutcome:
    day = _read_day(form, "by")
    return group_acts.chase_each(session, event, guests, reply_by=day, now=now)


def _read_day(form: Form, name: str) -> date:
    day = parse_typed_day(form[name].strip())
    if day is None:
        form.errors[name] = _("Enter a date as YYYY-MM-DD, for example {day}.", day="2027-03-22")
        raise FormRefused
    return day


def _answer(session: Session, event: Event, guests: Sequence[Attendee], form: Form, now: datetime) -> GroupOutcome:
    reply = form.one_of("reply", guest_actions.REPLIES, _("Choose the answer."))
    way = form.one_of("way", guest_actions.WAYS, _("Choose how the answer was received."))
    on = guest_actions.read_day(form, event, now)
    if reply is None or way is None or form.errors:
        raise FormRefused
    given = GroupAnswer(reply=reply, by=way, on=on, reference=guest_actions.read_reference(form))
    return group_acts.answer_for_each(session, event, guests, given, now=now)


def _take_off(session: Session, event: Event, guests: Sequence[Attendee], _form: Form, now: datetime) -> GroupOutcome:
    return group_acts.act_on_each(session, event, guests, partial(transitions.withdraw, session, now=now, by=None))


def _approve(session: Session, event: Event, guests: Sequence[Attendee], _form: Form, now: datetime) -> GroupOutcome:
    def act(attendee: Attendee) -> None:
        transitions.approve(session, attendee, now=now)

    return group_acts.act_on_each(session, event, guests, act)


def _refuse(session: Session, event: Event, guests: Sequence[Attendee], form: Form, now: datetime) -> GroupOutcome:
    said = guest_actions.read_words(form, "courteous")
    reason = Text({g.language: said}) if said else None
    return group_acts.act_on_each(
        session, event, guests, partial(transitions.refuse, session, reason=reason, now=now)
    )


def _invite(session: Session, event: Event, guests: Sequence[Attendee], _form: Form, now: datetime) -> GroupOutcome:
    return group_acts.send_invitation_each(session, event, guests, now=now)


def _save(session: Session, event: Event, guests: Sequence[Attendee], _form: Form, now: datetime) -> GroupOutcome:
    return group_acts.save_the_date_each(session, event, guests, now=now)


ACTS: Mapping[str, GroupAct] = {
    "invitation": GroupAct(
        words=N_("Send the invitation"),
        hint=N_(
            "Each guest gets the formal invitation in their language, and can answer it from their own calendar."
            " Whoever has accepted already is only reminded."
        ),
        done=N_("Invitations that will be sent: {count}"),
        deed=_invite,
    ),
    "save-the-date": GroupAct(
        words=N_("Save the date"),
        hint=N_("Each guest is asked to keep the day free. The invitation follows later."),
        done=N_("Guests asked to keep the day free: {count}"),
        deed=_save,
    ),
    "chase": GroupAct(
        words=N_("Ask for a reply"),
        hint=N_("An e-mail kindly asks those who have not answered, each in their language."),
        done=N_("Guests asked for a reply: {count}"),
        deed=_chase,
        fields=("by",),
        begins=lambda event, now: {"by": chasing.suggest_day(event, now=now).isoformat()},
    ),
    "answer": GroupAct(
        words=N_("Record answers"),
        hint=N_("Guests who accept get a place or join the waiting list. Guests who send regrets free the place."),
        done=N_("Answers recorded: {count}"),
        deed=_answer,
        fields=("reply", "way", "on", "reference"),
        begins=lambda _event, _now: {"way": str(Answer.LETTER)},
        at_once=False,
    ),
    "approval": GroupAct(
        words=N_("Approve requests"),
        hint=N_("Each guest gets a place or joins the waiting list, and is informed by e-mail."),
        done=N_("Requests approved: {count}"),
        deed=_approve,
    ),
    "refusal": GroupAct(
        words=N_("Refuse requests"),
        hint=N_("Each guest is informed by a courteous e-mail, with the reason if you enter one."),
        done=N_("Requests refused: {count}"),
        deed=_refuse,
        fields=("courteous",),
        takes_away=True,
    ),
    "removal": GroupAct(
        words=N_("Remove guests"),
        hint=N_(
            "Do not use this for regrets: record them as answers. Freed places are offered to people on the waiting"
            " list."
        ),
        done=N_("Guests removed from the list: {count}"),
        deed=_take_off,
        takes_away=True,
    ),
}


def describe_done(what: str, count: str) -> str:
    """Return the sentence above a list that says what was done, or ""."""
    if what == "nobody":
        return _("Choose at least one guest first.")
    if what == "no paper":
        return _("Nobody is invited without an e-mail address: there is nothing to print.")
    number = count if count.isascii() and count.isdecimal() and len(count) < 5 else ""
    if what == "many" and number:
        return sentence(_("at most {most} guests can be chosen at once", most=number))
    if what == "invited" and number:
        return _("Guests invited: {count}", count=number)
    return _(ACTS[what].done, count=number) if what in ACTS and number else ""

"""The actions of an officer on a person on a list: a table, and which actions each standing offers.

An action is a page with its fields and one button. A new action is an entry in `VERBS` and in `OFFERED`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from flask import g
from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.base.date_parsing import parse_day
from scheduler.base.errors import Invalid, NothingToChange, SchedulerError
from scheduler.base.i18n import N_
from scheduler.base.text import Text, check_prose
from scheduler.model.attendance import Answer, Attendee, Standing
from scheduler.model.events import Event, Mode
from scheduler.model.places import Person
from scheduler.services.events.attendance import parties, transitions
from scheduler.services.events.attendance.replies import PARTSTATS, Reply
from scheduler.services.events.guests import corrections, people
from scheduler.services.events.programme.conflicts import conflict_check
from scheduler.services.events.programme.event_drafts import AttendeeDraft
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.services.events.programme.places import read_draft
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.officers.guests import guest_address
from scheduler.web.officers.kit.answers import FormRefused, check_draft

MOST_COMPANIONS = 50  # as the table has it
MOST_WORDS = 500
REPLIES = {str(reply): reply for reply in Reply if reply is not Reply.NOT_ANSWERED}
REPRESENTED = "represented"  # accepts, and somebody else comes
WAYS = {str(way): way for way in Answer}
MODES = {str(mode): mode for mode in Mode}
Deed = Callable[[Session, Attendee, Form, datetime], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestAction:
    """One action: its words, its fields, what it does, and whether it takes something away."""

    words: str
    hint: str
    done: str
    deed: Deed
    fields: tuple[str, ...] = ()
    begins: Callable[[Attendee], Mapping[str, str]] = lambda _attendee: {}
    takes_away: bool = False


def offered_actions(attendee: Attendee) -> dict[str, GuestAction]:
    """Return the actions that the standing of an attendee offers, and those that a deputy may do, by name."""
    asked = ("keep-name",) if attendee.attending.name_asked else ()
    link = () if attendee.standing is Standing.UNCONFIRMED else ("new-link",)
    of_deputy = () if attendee.represented_by is None else ("regrets",)
    return {
        name: VERBS[name]
        for name in (*OFFERED.get(attendee.standing, ()), *of_deputy, "correction", "address", *link, *asked)
    }


def _answer(session: Session, attendee: Attendee, form: Form, now: datetime) -> None:
    reply = form.one_of("reply", {**REPLIES, REPRESENTED: Reply.ACCEPTED}, _("Choose the answer."))
    way = form.one_of("way", WAYS, _("Choose how the answer was received."))
    on = read_day(form, attendee.event, now)
    if reply is None or way is None or form.errors:
        raise FormRefused
    details = transitions.AnswerDetails(
        excused=reply is Reply.EXCUSED,
        reference=read_reference(form),
        represented_by=_named_deputy(session, attendee, form, now) if form["reply"] == REPRESENTED else None,
        force=_reason(form),
    )
    transitions.answer(session, attendee, PARTSTATS[reply], by=way, on=on, now=now, details=details)


def _named_deputy(session: Session, attendee: Attendee, form: Form, now: datetime) -> Person:
    """Return the person who comes instead, as typed. Raise FormRefused, and Contradiction if they are elsewhere."""
    deputy = a_person(session, form)
    conflict_check.refuse_overlap(session, attendee.event, deputy, force=_reason(form), now=now)
    return deputy


def read_reference(form: Form) -> str | None:
    """Return the reference of an answer that was typed. Raise FormRefused."""
    typed = form["reference"].strip()
    read: AttendeeDraft | None = check_draft(
        AttendeeDraft, {"person": "x", **({"reference": typed} if typed else {})}, form, {}
    )
    if read is None:
        raise FormRefused
    return read.reference


def read_day(form: Form, event: Event, now: datetime) -> date | None:
    """Return the day an answer came; None is today. Written as browsers do, or as people do."""
    typed, today = form["on"].strip(), wall(now, event.tzid).date()
    if not typed:
        return None
    try:
        day = parse_day(typed, now=now, tzid=event.tzid)
    except Invalid:
        form.errors["on"] = _("Enter a date as YYYY-MM-DD, for example {day}.", day=today.isoformat())
        return None
    if day > today:
        form.errors["on"] = _("The day cannot be later than today. Enter the year too, if it was last year.")
    return day


def _party(session: Session, attendee: Attendee, form: Form, now: datetime) -> None:
    mode, companions = party(form)
    if mode is None or form.errors:
        raise FormRefused
    parties.change_party(session, attendee, mode=mode, companions=companions, now=now)


def party(form: Form) -> tuple[Mode | None, int]:
    """Return mode and number of companions that were typed."""
    mode = form.one_of("mode", MODES, _("Choose how the guest takes part."))
    complaint = _("Enter a whole number from 0 to {most}.", most=MOST_COMPANIONS)
    return mode, form.number("companions", MOST_COMPANIONS, complaint)


def _deputy(session: Session, attendee: Attendee, form: Form, now: datetime) -> None:
    """Record who comes in the person's place; an empty form means that they come themselves."""
    deputy = None
    if form["name"].strip() or form["email"].strip():
        deputy = _named_deputy(session, attendee, form, now)
    if not transitions.set_deputy(session, attendee, deputy, force=_reason(form), now=now):
        raise NothingToChange


def _reason(form: Form) -> str | None:
    return form["reason"].strip() or None


def _lose_deputy(session: Session, attendee: Attendee, form: Form, now: datetime) -> None:
    way = form.one_of("way", WAYS, _("Choose how the answer was received."))
    if way is None:
        raise FormRefused
    transitions.record_deputy_regrets(session, attendee, by=way, now=now)


def a_person(session: Session, form: Form, **known: str) -> Person:
    """Find the person that was typed by address and name, or add them. Raise FormRefused."""
    typed = {name: form[name].strip() for name in ("name", "courtesy_title", "email", "telephone", "language")}
    if not typed["name"]:
        form.errors["name"] = _("Enter a name.")
    draft = check_draft(
        PersonDraft, {"language": g.language, **known, **{k: v for k, v in typed.items() if v}}, form, {}
    )
    if draft is None or form.errors:
        raise FormRefused
    return people.find_or_add_guest(session, draft)


def _correct(session: Session, attendee: Attendee, form: Form, now: datetime) -> None:
    """Put right how the person who attends is called and reached."""
    person = attendee.attending
    known = read_draft(person)
    typed = {name: form[field].strip() or None for name, field in CORRECTED.items() if name != "name"}
    name = {**person.name, person.name.language_for(g.language): form["called"]}
    if not form["called"].strip():
        form.errors["called"] = _("Enter a name.")
    draft: PersonDraft | None = check_draft(
        PersonDraft, {**known.model_dump(), **typed, "name": name}, form, CORRECTED
    )
    if draft is None or form.errors:
        raise FormRefused
    if not corrections.correct(session, person, draft, now=now).fields:
        raise NothingToChange("nothing has changed: this is already recorded")


# The fields of the form by those of the draft; a letter's own are called otherwise than a deputy's.
CORRECTED = {"name": "called", "email": "address", "language": "spoken", "tz": "zone"}


def _as_known(attendee: Attendee) -> Mapping[str, str]:
    person = attendee.attending
    return {
        "called": person.name_asked or person.name.to(g.language),
        "address": person.email or "",
        "spoken": person.language,
        "zone": person.tzid or "",
    }


def _keep_name(session: Session, attendee: Attendee, _form: Form, now: datetime) -> None:
    corrections.keep_name(session, attendee.attending, now=now)


def _renew_link(session: Session, attendee: Attendee, _form: Form, now: datetime) -> None:
    transitions.renew_link(session, attendee, now=now)


def _take_off(session: Session, attendee: Attendee, _form: Form, now: datetime) -> None:
    transitions.withdraw(session, attendee, now=now, by=None)


def _approve(session: Session, attendee: Attendee, _form: Form, now: datetime) -> None:
    transitions.approve(session, attendee, now=now)


def _refuse(session: Session, attendee: Attendee, form: Form, now: datetime) -> None:
    said = read_words(form, "courteous")
    transitions.refuse(session, attendee, reason=Text({g.language: said}) if said else None, now=now)


def _seat(session: Session, attendee: Attendee, form: Form, now: datetime) -> None:
    why = read_words(form, "why")
    if not why:
        form.errors["why"] = _("Enter the reason, because other people are waiting too.")
        raise FormRefused
    transitions.seat_ahead_of_queue(session, attendee, reason=why, now=now)


def read_words(form: Form, name: str) -> str:
    """Return the plain text of a field. Raise FormRefused."""
    try:
        return check_prose(form[name], most=MOST_WORDS)
    except SchedulerError as error:
        form.errors[name] = _("Write it in at most {most} characters, as plain text.", most=MOST_WORDS)
        raise FormRefused from error


def _as_it_is(attendee: Attendee) -> Mapping[str, str]:
    return {"mode": str(attendee.mode), "companions": str(attendee.companions or "")}


def _who_comes(attendee: Attendee) -> Mapping[str, str]:
    deputy = attendee.represented_by
    return {"name": deputy.name.to(g.language), "email": deputy.email or ""} if deputy else {}


VERBS: Mapping[str, GuestAction] = {
    "answer": GuestAction(
        words=N_("Record an answer"),
        hint=N_(
            "A guest who accepts gets a place or joins the waiting list. A guest who sends regrets frees the place."
        ),
        done=N_("The answer is recorded."),
        deed=_answer,
        fields=("reply", "name", "email", "way", "on", "reference", "reason"),
        begins=lambda _attendee: {"way": str(Answer.LETTER)},
    ),
    "party": GuestAction(
        words=N_("Change the party"),
        hint=N_("If there are not enough places, nothing changes."),
        done=N_("The party is changed."),
        deed=_party,
        fields=("mode", "companions"),
        begins=_as_it_is,
    ),
    "deputy": GuestAction(
        words=N_("Record a deputy"),
        hint=N_("The person who comes instead of the guest. Leave it empty if the guest comes after all."),
        done=N_("It is recorded who comes."),
        deed=_deputy,
        fields=("name", "email", "reason"),
        begins=_who_comes,
    ),
    "regrets": GuestAction(
        words=N_("Record the deputy's regrets"),
        hint=N_(
            "The guest then counts as not having answered, and an e-mail asks who will come."
            " A place that the guest has stays reserved."
        ),
        done=N_("The regrets of the deputy are recorded."),
        deed=_lose_deputy,
        fields=("way",),
        begins=lambda _attendee: {"way": str(Answer.LETTER)},
        takes_away=True,
    ),
    "approval": GuestAction(
        words=N_("Approve the request"),
        hint=N_("The guest gets a place or joins the waiting list, and is informed by e-mail."),
        done=N_("The request is approved."),
        deed=_approve,
    ),
    "refusal": GuestAction(
        words=N_("Refuse the request"),
        hint=N_("The guest is informed by a courteous e-mail, with the reason if you enter one."),
        done=N_("The request is refused."),
        deed=_refuse,
        fields=("courteous",),
        takes_away=True,
    ),
    "place": GuestAction(
        words=N_("Give the guest a place now"),
        hint=N_(
            "The guest goes ahead of everybody on the waiting list. The reason is kept in the record of actions."
        ),
        done=N_("The guest has a place."),
        deed=_seat,
        fields=("why",),
    ),
    "correction": GuestAction(
        words=N_("Correct the name or address"),
        hint=N_(
            "If you change the e-mail address, an e-mail is sent to the new one at once, and the links in"
            " e-mails to the old one stop working."
        ),
        done=N_("The correction is saved."),
        deed=_correct,
        fields=("called", "address", "spoken", "zone"),
        begins=_as_known,
    ),
    "address": GuestAction(
        words=N_("Correct the form of address"),
        hint=N_(
            "E-mails, cards and lists use it. Fields that you leave empty are filled in from the forms of address."
        ),
        done=N_("The correction is saved."),
        deed=guest_address.change_address,
        fields=guest_address.FIELDS,
        begins=guest_address.read_known,
    ),
    "new-link": GuestAction(
        words=N_("Send a new link"),
        hint=N_("An e-mail with a new link to the guest's own page is sent at once. Earlier links stop working."),
        done=N_("A new link was sent."),
        deed=_renew_link,
    ),
    "keep-name": GuestAction(
        words=N_("Leave the name as it is"),
        hint=N_("On their own page, the guest asked for another name. It differs by more than a spelling mistake."),
        done=N_("The name stays as it is."),
        deed=_keep_name,
    ),
    "removal": GuestAction(
        words=N_("Remove from the list"),
        hint=N_(
            "Do not use this for regrets: record them as an answer. The freed place is offered to the next"
            " person on the waiting list."
        ),
        done=N_("The guest is removed from the list."),
        deed=_take_off,
        takes_away=True,
    ),
}
OFFERED: Mapping[Standing, tuple[str, ...]] = {
    Standing.INVITED: ("answer", "party", "deputy", "removal"),
    Standing.CONFIRMED: ("answer", "party", "deputy", "removal"),
    Standing.WAITLISTED: ("answer", "party", "deputy", "place", "removal"),
    Standing.OFFERED: ("answer", "deputy", "removal"),
    Standing.REQUESTED: ("approval", "refusal", "party", "deputy"),
    Standing.REFUSED: ("approval",),
    Standing.LAPSED: ("answer", "place"),
    Standing.UNCONFIRMED: ("answer", "removal"),
    Standing.WITHDRAWN: ("answer",),
}

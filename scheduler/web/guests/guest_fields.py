"""Fields in which guests type who comes, with whom and their needs; errors stand beside the fields."""

from __future__ import annotations

from dataclasses import replace

from flask import g

from scheduler.base.errors import SchedulerError, list_errors
from scheduler.base.text import check_line, check_prose
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event
from scheduler.services.common.drafts import check
from scheduler.services.events.attendance.parties import Needs
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.web.kit.forms import LONGEST_NAME, NO_NAME, Form, in_words, refuse_no_name
from scheduler.web.kit.language import _

LONGEST_NEED = 500


def person(form: Form) -> PersonDraft | None:
    """Check a person's details by the rules for officers; the errors stand beside the fields. Raise Mistyped."""
    refuse_no_name(form, "name")
    given = {"name": form["name"], "email": form["email"], "language": g.language, "tz": g.tzid}
    try:
        return check(PersonDraft, given, language=g.language)
    except SchedulerError as error:
        for problem in list_errors(error):
            place = str(problem.facts.get("place", "")).partition(".")[0]
            form.errors.setdefault(place, _complaint(place, form, problem))
        return None


def _complaint(place: str, form: Form, problem: SchedulerError) -> str:
    if place == "email":
        return _("Enter an e-mail address, like name@example.org.")
    if not form["name"].strip():
        return _("Enter your name.")
    return in_words(problem)


def company(form: Form, event: Event, most: int) -> tuple[int, list[str] | None]:
    """Return the number and the names of the companions; where names are asked for, they make the number."""
    count = form.number("companions", most, _("Enter a whole number from 0 to {most}.", most=most))
    if not event.companions_named:
        return count, None
    names = [" ".join(typed.split()) for typed in form["names"].splitlines() if typed.strip()]
    if len(names) > most:
        form.errors["names"] = _("Enter at most {most} names, one on each line.", most=most)
    elif not all(map(_is_name, names)):
        form.errors["names"] = _(
            "Enter only names, one on each line, each of at most {most} characters.", most=LONGEST_NAME
        )
    return max(count, len(names)), names


def _is_name(typed: str) -> bool:
    try:
        return not NO_NAME.search(check_line(typed, most=LONGEST_NAME))
    except SchedulerError:
        return False


def needs(form: Form, event: Event, before: Needs | None = None) -> Needs:
    """Return the needs that the form asks for; those it does not ask for stay as recorded."""
    asked = {"access": event.asks_access, "dietary": event.asks_dietary}
    return replace(before or Needs(), **{name: _need(form, name) for name, wanted in asked.items() if wanted})


def _need(form: Form, name: str) -> str:
    try:
        return check_prose(form[name], most=LONGEST_NEED)
    except SchedulerError:
        form.errors[name] = _("Enter plain text of at most {most} characters.", most=LONGEST_NEED)
        return ""


def typed(attendee: Attendee) -> dict[str, str]:
    """Return the party as it would be typed; a number beside names only where some companions have no name."""
    all_named = attendee.event.companions_named and len(attendee.names) == attendee.companions
    return {
        "mode": str(attendee.mode),
        "companions": "" if all_named else str(attendee.companions),
        "names": "\n".join(attendee.names),
        "access": attendee.access_needs or "",
        "dietary": attendee.dietary_needs or "",
    }

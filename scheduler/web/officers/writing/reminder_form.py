"""The form of a reminder, of an event or of a kind: how long before, at what time, for whom."""

from __future__ import annotations

from typing import NamedTuple

from scheduler.base.date_format import format_lead
from scheduler.base.durations import NominalDuration, parse_nominal
from scheduler.base.errors import SchedulerError
from scheduler.model.events import KindReminder, Reminder, ReminderAudience
from scheduler.services.events.programme.event_drafts import ReminderDraft
from scheduler.web.kit.forms import Form, in_words
from scheduler.web.officers.kit.answers import FormRefused, check_draft, sentence

AUDIENCES = [audience for audience in ReminderAudience if audience is not ReminderAudience.CHOSEN]


class ReminderName(NamedTuple):
    """The key by which the reminders of an event differ."""

    before: NominalDuration
    audience: ReminderAudience


def write_name(row: Reminder | KindReminder) -> str:
    """Return the name of a reminder as a form carries it."""
    return f"{row.before} {row.audience}"


def read_name(typed: str) -> ReminderName:
    """Return the reminder that a form names. Raise FormRefused if it is none."""
    before, _mark, audience = typed.partition(" ")
    try:
        return ReminderName(parse_nominal(before), ReminderAudience(audience))
    except (SchedulerError, ValueError) as error:
        raise FormRefused from error


def read(form: Form) -> ReminderDraft:
    """Return the reminder that was typed. Raise FormRefused; the form shows what is wrong."""
    try:
        before = parse_nominal(form["before"])
    except SchedulerError as error:
        form.errors["before"] = sentence(in_words(error))
        raise FormRefused from error
    draft: ReminderDraft | None = check_draft(
        ReminderDraft, {"before": before, "at": form["at"].strip(), "audience": form["audience"]}, form, {}
    )
    if draft is None:
        raise FormRefused
    return draft


def tell_lead(row: Reminder | KindReminder, language: str) -> str:
    """Return in words how long before the start a reminder leaves; hours that are days, such as 24h, as typed."""
    return str(row.before) if row.exact_days else format_lead(row.before.length, language)

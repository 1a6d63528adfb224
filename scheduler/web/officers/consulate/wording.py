"""The words of the front desk: what was done, what can be done, and how long somebody waits."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import g

from scheduler.base.clock import wall
from scheduler.base.date_format import format_lead
from scheduler.base.i18n import N_, NC_
from scheduler.services.consulate.front_desk.today import QueueEntry
from scheduler.web.kit.language import _

# For each action: its button, the big word once it is done, and the tone of that word.
_ACTION_WORDS = {
    "check-in": (N_("Check in"), N_("Checked in"), "good"),
    "walk-in": (N_("Give a ticket"), N_("Ticket given"), "good"),
    "call": (N_("Call"), NC_("visitor", "Called"), "good"),
    "recall": (N_("Call again"), N_("Called again"), "good"),
    "served": (NC_("visitor", "Served"), NC_("visitor", "Served"), "good"),
    "no-show": (N_("Not here"), NC_("visitor", "Did not come"), "warn"),
    "send-back": (N_("Back to the queue"), N_("Back in the queue"), "warn"),
    "undo": (N_("Undo"), N_("Undone"), "warn"),
}
# The button to undo each action, by the name that the visit remembers.
_UNDO_WORDS = {
    "check in": N_("Undo: checked in"),
    "call": N_("Undo: called"),
    "recall": N_("Undo: called again"),
    "finish": N_("Undo: served"),
    "no-show": N_("Undo: did not come"),
    "send back": N_("Undo: back to the queue"),
}


def button(verb: str, entry: QueueEntry) -> str:
    words = _UNDO_WORDS.get(entry.undoable or "") if verb == "undo" else None
    return _(words or _ACTION_WORDS[verb][0])


def done(verb: str) -> str:
    """Return the big word for what was done; empty for an unknown action, which somebody typed into the address."""
    return _(_ACTION_WORDS[verb][1]) if verb in _ACTION_WORDS else ""


def tone(verb: str) -> str:
    return _ACTION_WORDS[verb][2] if verb in _ACTION_WORDS else "good"


def minutes(number: int) -> str:
    """Return about how long somebody will wait."""
    if number < 1:
        return _("called at once")
    return _("about {minutes}", minutes=format_lead(timedelta(minutes=number), g.language))


def length(duration: timedelta | None) -> str:
    """Return a duration in whole minutes."""
    if duration is None:
        return "–"
    whole = round(duration / timedelta(minutes=1))
    return format_lead(timedelta(minutes=whole), g.language) if whole else _("less than a minute")


def hour(at: datetime, tzid: str) -> str:
    return f"{wall(at, tzid):%H:%M}"

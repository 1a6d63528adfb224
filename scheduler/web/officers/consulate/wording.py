"""How the front desk says what was done, and how long somebody waits."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import g

from scheduler.base.clock import wall
from scheduler.base.date_format import format_lead
from scheduler.base.i18n import N_
from scheduler.services.consulate.front_desk.today import QueueEntry
from scheduler.web.kit.language import _

# Of each act: its button, the big word once it is done, and how that looks.
_VERBS = {
    "check-in": (N_("Check in"), N_("Checked in"), "good"),
    "walk-in": (N_("Take in"), N_("Taken in"), "good"),
    "call": (N_("Call"), N_("Called"), "good"),
    "recall": (N_("Call again"), N_("Called again"), "good"),
    "served": (N_("Served"), N_("Served"), "good"),
    "no-show": (N_("Not here"), N_("Did not come"), "warn"),
    "send-back": (N_("Back to the queue"), N_("Waits again"), "warn"),
    "undo": (N_("Undo"), N_("Undone"), "warn"),
}
# What `undo` would take back, by the audit's word for it.
_UNDOES = {
    "check in": N_("Undo: checked in"),
    "call": N_("Undo: called"),
    "recall": N_("Undo: called again"),
    "finish": N_("Undo: served"),
    "no-show": N_("Undo: did not come"),
    "send back": N_("Undo: back to the queue"),
}


def button(verb: str, entry: QueueEntry) -> str:
    words = _UNDOES.get(entry.undoable or "") if verb == "undo" else None
    return _(words or _VERBS[verb][0])


def done(verb: str) -> str:
    """The big word; "" for what there is not: it can only have been typed into the address."""
    return _(_VERBS[verb][1]) if verb in _VERBS else ""


def tone(verb: str) -> str:
    return _VERBS[verb][2] if verb in _VERBS else "good"


def minutes(number: int) -> str:
    """How long somebody will wait, about."""
    if number < 1:
        return _("called at once")
    return _("about {minutes}", minutes=format_lead(timedelta(minutes=number), g.language))


def length(spent: timedelta | None) -> str:
    """A median, in whole minutes."""
    if spent is None:
        return "–"
    whole = round(spent / timedelta(minutes=1))
    return format_lead(timedelta(minutes=whole), g.language) if whole else _("less than a minute")


def hour(at: datetime, tzid: str) -> str:
    return f"{wall(at, tzid):%H:%M}"

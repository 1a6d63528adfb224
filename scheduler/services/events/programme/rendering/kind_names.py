"""The names of the kinds of events, in calendars and on pages."""

from __future__ import annotations

from scheduler.base.i18n import N_
from scheduler.model.events import Kind

KIND_NAMES = {
    Kind.TOUR: N_("Touring exhibition"),
    Kind.EXHIBITION: N_("Exhibition"),
    Kind.CEREMONY: N_("Ceremony"),
    Kind.CONSULATE_OPENING: N_("Consulate opening"),
    Kind.VISIT: N_("Working visit"),
    Kind.MEETING: N_("Meeting"),
    Kind.CONSULAR_DAY: N_("Mobile consular day"),
    Kind.ANNIVERSARY: N_("Anniversary"),
}

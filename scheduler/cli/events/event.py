"""`scheduler event ...`: where each of its commands is."""

from __future__ import annotations

from scheduler.base.i18n import N_
from scheduler.cli.kit.lazy_group import LazyGroup

event = LazyGroup(
    "event",
    help=N_("Events: plan, move, cancel, announce."),
    modules={
        "list": "events.event_listing:list_events",
        "show": "events.event_listing:show_event",
        "add": "events.event_planning:add",
        "change": "events.event_planning:change",
        "move": "events.event_planning:move",
        "announce": "events.event_planning:announce",
        "cancel": "events.event_planning:cancel",
        "import": "exchange.calendar_import:import_calendar",
    },
)

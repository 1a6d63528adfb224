"""`scheduler event ...`: where each of its commands is."""

from __future__ import annotations

from scheduler.base.i18n import N_
from scheduler.cli.kit.lazy_group import LazyGroup

event = LazyGroup(
    "event",
    help=N_("Plan, move, cancel and announce events."),
    modules={
        "list": "events.event_listing:list_events",
        "calendar": "events.event_listing:show_calendar",
        "show": "events.event_listing:show_event",
        "add": "events.event_planning:add",
        "change": "events.event_planning:change",
        "move": "events.event_replanning:move",
        "shift": "events.event_replanning:shift",
        "copy": "events.event_replanning:copy",
        "copy-season": "events.event_replanning:copy_season",
        "announce": "events.event_planning:announce",
        "cancel": "events.event_planning:cancel",
        "reinstate": "events.event_switches:reinstate",
        "open-registration": "events.event_switches:open_registration",
        "close-registration": "events.event_switches:close_registration",
        "delete": "events.event_replanning:delete",
        "other-days": "events.event_replanning:other_days",
        "take-back": "events.event_replanning:take_back",
        "import": "exchange.calendar_import:import_calendar",
    },
)

"""`scheduler reminder ...`: where each of its commands is."""

from __future__ import annotations

from scheduler.base.i18n import N_
from scheduler.cli.kit.lazy_group import LazyGroup

reminder = LazyGroup(
    "reminder",
    help=N_("Plan reminders before events, and see who gets them."),
    modules={
        "list": "events.reminder_listing:list_reminders",
        "show": "events.reminder_listing:show_reminder",
        "preview": "events.reminder_listing:preview_reminders",
        "add": "events.reminder_planning:add",
        "change": "events.reminder_planning:change",
        "remove": "events.reminder_planning:remove",
        "kind": "letters.kind_reminders:kind",
    },
)

"""`scheduler message ...`: where each of its commands is."""

from __future__ import annotations

from scheduler.base.i18n import N_
from scheduler.cli.kit.lazy_group import LazyGroup

message = LazyGroup(
    "message",
    help=N_("Send messages to people on the list of an event."),
    modules={
        "list": "letters.message_listing:list_messages",
        "show": "letters.message_listing:show_message",
        "send": "letters.message_sending:send",
        "withdraw": "letters.message_sending:withdraw",
    },
)

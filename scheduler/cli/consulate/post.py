"""`scheduler post ...`: where each of its commands is."""

from __future__ import annotations

from scheduler.base.i18n import N_
from scheduler.cli.kit.lazy_group import LazyGroup

post = LazyGroup(
    "post",
    help=N_("Manage consular posts: services, counters, hours, closures."),
    modules={
        "list": "consulate.post_listing:list_posts",
        "show": "consulate.post_listing:show_post",
        "add": "consulate.post_planning:add",
        "change": "consulate.post_planning:change",
        "service": "consulate.post:service",
        "counter": "consulate.post:counter",
        "hours": "consulate.post_hours:hours",
        "holidays": "consulate.post_hours:holidays",
        "close": "consulate.post_days:close",
        "open": "consulate.post_days:open_",
        "usual": "consulate.post_days:usual",
        "statistics": "consulate.post_desk:statistics",
        "board": "consulate.post_desk:board",
    },
)
service = LazyGroup(
    "service",
    help=N_("Manage the services that a post offers to the public."),
    modules={
        "list": "consulate.post_listing:list_services",
        "add": "consulate.post_planning:add_service",
        "change": "consulate.post_planning:change_service",
    },
)
counter = LazyGroup(
    "counter",
    help=N_("Manage the counters of a post."),
    modules={
        "list": "consulate.post_listing:list_counters",
        "add": "consulate.post_planning:add_counter",
        "change": "consulate.post_planning:change_counter",
    },
)

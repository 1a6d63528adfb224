"""`scheduler visit ...`: where each of its commands is."""

from __future__ import annotations

from scheduler.base.i18n import N_
from scheduler.cli.kit.lazy_group import LazyGroup

visit = LazyGroup(
    "visit",
    help=N_("Find free times; book, move and cancel appointments."),
    modules={
        "list": "consulate.visit_listing:list_visits",
        "show": "consulate.visit_listing:show_visit",
        "free": "consulate.visit_times:free",
        "affected": "consulate.visit_times:affected",
        "rebook": "consulate.visit_times:rebook",
        "book": "consulate.visit_booking:book",
        "confirm": "consulate.visit_booking:confirm",
        "move": "consulate.visit_booking:move",
        "cancel": "consulate.visit_booking:cancel",
        "change": "consulate.visit_corrections:change",
        "keep-names": "consulate.visit_corrections:keep_names",
        "wait": "consulate.visit_booking:wait",
        "conclude": "consulate.visit_booking:conclude",
        "amnesty": "consulate.visit_booking:amnesty",
        "day": "consulate.front_desk:day",
        "check-in": "consulate.front_desk:check_in",
        "walk-in": "consulate.front_desk:walk_in",
        "call": "consulate.front_desk:call",
        "recall": "consulate.front_desk:recall",
        "done": "consulate.front_desk:done",
        "no-show": "consulate.front_desk:no_show",
        "send-back": "consulate.front_desk:send_back",
        "undo": "consulate.front_desk:undo",
    },
)

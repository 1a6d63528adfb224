"""`scheduler attendee ...`: where each of its commands is."""

from __future__ import annotations

from scheduler.base.i18n import N_
from scheduler.cli.kit.lazy_group import LazyGroup

attendee = LazyGroup(
    "attendee",
    help=N_("Invite, register and withdraw attendees, and record their answers."),
    modules={
        "list": "guests.attendee_listing:list_attendees",
        "show": "guests.attendee_listing:show_attendee",
        "register": "guests.attendance:register",
        "invite": "guests.attendance:invite",
        "send-invitation": "guests.invitations:send_invitation",
        "save-the-date": "guests.invitations:save_the_date",
        "invitations": "guests.invitations:print_on_paper",
        "answer": "guests.attendance:answer",
        "chase": "guests.groups:chase",
        "withdraw": "guests.attendance:withdraw",
        "represent": "guests.representation:represent",
        "renew-link": "guests.attendance:renew_link",
        "change": "guests.attendance:change",
        "approve": "guests.approval:approve",
        "refuse": "guests.approval:refuse",
        "seat": "guests.approval:seat",
        "check-in": "guests.door:check_in",
        "arrivals": "guests.door:arrivals",
        "badges": "guests.door:badges",
        "place-cards": "guests.door:place_cards",
        "import": "exchange.guest_list:import_guests",
        "export": "exchange.guest_list:export_guests",
    },
)

"""`scheduler account ...`: where each of its commands is."""

from __future__ import annotations

from scheduler.base.i18n import N_
from scheduler.cli.kit.lazy_group import LazyGroup

account = LazyGroup(
    "account",
    help=N_("Manage the accounts of people who sign in: officers, and staff at the door."),
    modules={
        "list": "system.account_listing:list_accounts",
        "show": "system.account_listing:show_account",
        "add": "system.account_administration:add",
        "role": "system.account_administration:role",
        "posts": "system.account_administration:posts_of",
        "password": "system.account_administration:password",
        "disable": "system.account_administration:disable",
        "enable": "system.account_administration:enable",
        "sessions": "system.account_administration:sessions",
    },
)

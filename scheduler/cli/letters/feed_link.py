"""`scheduler feed link ...`: where each of its commands is."""

from __future__ import annotations

from scheduler.base.i18n import N_
from scheduler.cli.kit.lazy_group import LazyGroup

link = LazyGroup(
    "link",
    help=N_("Manage secret addresses of feeds: each for one holder, each revoked separately."),
    modules={
        "list": "letters.feed_link_listing:list_links",
        "show": "letters.feed_link_listing:show_link",
        "add": "letters.feed_link_granting:add_link",
        "revoke": "letters.feed_link_granting:revoke_link",
        "renew": "letters.feed_link_granting:renew_link",
    },
)

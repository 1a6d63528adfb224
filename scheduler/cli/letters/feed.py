"""`scheduler feed ...`: where each of its commands is."""

from __future__ import annotations

from scheduler.base.i18n import N_
from scheduler.cli.kit.lazy_group import LazyGroup

feed = LazyGroup(
    "feed",
    help=N_("Manage calendars that people subscribe to."),
    modules={
        "list": "letters.feed_listing:list_feeds",
        "show": "letters.feed_listing:show_feed",
        "add": "events.place_planning:add_feed",
        "change": "events.place_planning:change_feed",
        "export": "letters.feed_files:export",
        "publish": "letters.feed_files:publish_feeds",
        "refresh": "letters.feed_files:refresh",
        "link": "letters.feed_link:link",
    },
)

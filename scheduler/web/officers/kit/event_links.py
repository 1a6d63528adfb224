"""Links from the pages of the desk for an event."""

from __future__ import annotations

from flask import g, url_for

from scheduler.model.accounts import Act
from scheduler.model.events import Event, Visibility
from scheduler.services.events.guests.guest_directory import WITHOUT_GUESTS
from scheduler.web.officers.kit.guard import allowed


def find_event_link(event: Event) -> str:
    """Return the page of an event at the desk that the officer may see; its public page, or "" if there is none."""
    if event.kind not in WITHOUT_GUESTS and allowed(Act.SEE_GUESTS):
        return url_for("guest_list.guests", language=g.language, key=event.key)
    if allowed(Act.PLAN_EVENTS):
        return url_for("planpage.whole", language=g.language, key=event.key)
    return f"/{g.language}/events/{event.key}" if event.visibility is Visibility.PUBLIC else ""

"""Calendar entries: the VEVENTs of an event in each form in which feeds show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Literal

from calendars.anniversaries import make_anniversary_rule
from calendars.hours_events import build_hours_events
from calendars.vevent import Texts, VEvent
from scheduler.base.clock import instant
from scheduler.base.i18n import LANGUAGES, N_, load_catalogue
from scheduler.model.events import Event, Kind, Status, Timing, Visibility
from scheduler.model.feeds import Audience, View
from scheduler.model.places import Venue
from scheduler.services.events.programme.rendering.event_texts import make_texts
from scheduler.services.events.programme.rendering.opening_hours import read_opening_hours

# DTSTAMP while it is still to be decided whether this is a new revision.
_UNREVISED = datetime(2000, 1, 1, tzinfo=UTC)
# View, audience, entries (several if there are exceptions) and texts by language.
Form = tuple[View, Audience, list[VEvent], dict[str, Texts]]


def make_forms(event: Event, *, pages: str) -> list[Form]:
    """Return every form in which an event is rendered: none for a tour, which its stops stand for, or without a date.

    ``pages`` is the base address of the public pages; empty if there are none.
    """
    if not event.dated or event.kind is Kind.TOUR:
        return []
    texts = {language: make_texts(event, language, pages=pages) for language in LANGUAGES}
    forms: list[Form] = [(View.EVENT, Audience.PUBLIC, [_make_vevent(event, with_video=event.video_public)], texts)]
    if event.video_link and not event.video_public:
        forms.append((View.EVENT, Audience.REMOTE, [_make_vevent(event, with_video=True)], texts))
    by_hours = _make_hours_vevents(event)
    if by_hours:
        forms.append((View.HOURS, Audience.PUBLIC, by_hours, texts))
    return forms


def _make_hours_vevents(event: Event) -> list[VEvent]:
    """Return an exhibition as events of its opening hours; nothing for one without hours."""
    if event.kind is not Kind.EXHIBITION or not event.whole_days:
        return []
    hours = read_opening_hours(event)
    return build_hours_events(_make_vevent(event, with_video=False), *hours, event.tzid) if hours else []


def _make_vevent(event: Event, *, with_video: bool) -> VEvent:
    assert event.dtstart is not None and event.dtend is not None  # noqa: S101, PT018 - dated
    start, end = _read_times(event)
    yearly = make_anniversary_rule(event.dtstart.date()) if event.kind is Kind.ANNIVERSARY else None
    return VEvent(
        uid=event.uid,
        dtstamp=_UNREVISED,
        created=event.created_at,
        dtstart=start,
        dtend=end,
        texts=make_texts(event, "en", pages=""),
        geo=_read_position(event.venue),
        status=_STATUS[event.status],
        transp="TRANSPARENT" if _is_transparent(event) else "OPAQUE",
        conference=(event.video_link or "") if with_video else "",
        related_to=_find_related(event),
        rrule=yearly,
    )


def make_withdrawn_date(event: Event, was: Mapping[str, Any], language: str) -> VEvent:
    """Return a date that an event had (``was``, the facts of a letter) as a cancelled entry.

    An entry of a calendar has a date (RFC 5545 3.6.1), so that a postponed event can only be taken out of it
    (RFC 5546 3.2.5). Its title says that it is postponed, unless the event itself is cancelled.
    """
    texts = make_texts(event, language, pages="")
    if not event.cancelled:
        postponed = load_catalogue(language).gettext(N_("Postponed: %(title)s"))
        texts = replace(texts, summary=postponed % {"title": texts.summary})
    wall = [datetime.fromisoformat(was[name]) for name in ("dtstart", "dtend")]
    by_hours = was["timing"] == Timing.HOURS
    start, end = [instant(at, was["tzid"], gap="shift") if by_hours else at.date() for at in wall]
    return VEvent(
        uid=event.uid,
        dtstamp=event.revised_at,
        sequence=event.sequence,
        created=event.created_at,
        dtstart=start,
        dtend=end,
        texts=texts,
        status="CANCELLED",
    )


_STATUS: dict[Status, Literal["TENTATIVE", "CONFIRMED", "CANCELLED"]] = {
    Status.TENTATIVE: "TENTATIVE",
    Status.CONFIRMED: "CONFIRMED",
    Status.CANCELLED: "CANCELLED",
}


def _read_times(event: Event) -> tuple[date, date] | tuple[datetime, datetime]:
    if event.whole_days:
        assert event.dtstart is not None and event.dtend is not None  # noqa: S101, PT018
        return event.dtstart.date(), event.dtend.date()
    assert event.starts_at is not None and event.ends_at is not None  # noqa: S101, PT018
    return event.starts_at, event.ends_at


def _is_transparent(event: Event) -> bool:
    """Return whether subscribers do not attend from beginning to end, and must not be shown as busy."""
    return event.whole_days or event.kind is Kind.EXHIBITION


def _read_position(venue: Venue | None) -> tuple[float, float] | None:
    if venue is None or venue.latitude is None or venue.longitude is None:
        return None
    return venue.latitude, venue.longitude


def _find_related(event: Event) -> str:
    """Return the UID of the whole that an event is part of, if everybody who sees the event may see the whole.

    A tour is in no feed, so that nothing relates to it.
    """
    parent = event.parent
    if parent is None or parent.kind is Kind.TOUR:
        return ""
    return parent.uid if parent.visibility in (Visibility.PUBLIC, event.visibility) else ""

"""The calendar of the desk: month, week, day, list and by venue, and the events of some days for the grid of scripts.

Every page does everything without a script: a day opens a drawer below its week. Scripts add moving by hand and keys.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from itertools import groupby
from typing import Any, NamedTuple

from flask import Blueprint, Response, g, jsonify, make_response, render_template, request, url_for
from sqlalchemy.orm import Session

from scheduler.app import App
from scheduler.base.clock import instant, wall
from scheduler.base.date_format import format_day, format_days
from scheduler.base.i18n import N_, NC_
from scheduler.model.accounts import Act
from scheduler.model.events import Event, Kind
from scheduler.model.letters import MailState, Outcome
from scheduler.model.places import Venue
from scheduler.services.accounts import rights
from scheduler.services.correspondence import inbox
from scheduler.services.correspondence.inbox import MailFilter
from scheduler.services.desk.calendar import calendar_choices, calendar_events, calendar_view, days_off
from scheduler.services.desk.calendar.calendar_view import CalendarEntry
from scheduler.services.desk.calendar.days_off import DayOff
from scheduler.services.directory.choices import ChoiceList
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.events.guests.guest_groups import GuestGroup
from scheduler.services.events.programme.rendering.opening_hours import each_day
from scheduler.web.kit.assets import Assets
from scheduler.web.kit.language import _
from scheduler.web.kit.safety import HEADERS
from scheduler.web.officers.calendar import entry_words, grid_events
from scheduler.web.officers.calendar.calendar_address import (
    DAY,
    FIRST_DAY,
    LIST,
    CalendarAddress,
    CalendarLook,
    CalendarNeed,
    follow_merged,
    read_address,
)
from scheduler.web.officers.calendar.cells import CellMaker
from scheduler.web.officers.calendar.month_grid import rule_weeks
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.guard import DESK, allowed, may, officer
from scheduler.web.programme import wording as event_wording

# The script of the calendar asks for the events of the days that it shows.
_POLICY = HEADERS["Content-Security-Policy"] + "; connect-src 'self'"


def blueprint(app: App, index: DirectoryIndex) -> Blueprint:
    pages = guard.blueprint("calendar")

    @pages.get(DESK)
    @may(Act.SEE_EVENTS, about=scope.LISTS)
    def month(language: str) -> Response:  # noqa: ARG001 - kept in g for all
        return _show(app, index, CalendarLook.MONTH)

    @pages.get(f"{DESK}/week")
    @may(Act.SEE_EVENTS, about=scope.LISTS)
    def week(language: str) -> Response:  # noqa: ARG001
        return _show(app, index, CalendarLook.WEEK)

    @pages.get(f"{DESK}/day")
    @may(Act.SEE_EVENTS, about=scope.LISTS)
    def day(language: str) -> Response:  # noqa: ARG001
        return _show(app, index, CalendarLook.DAY)

    @pages.get(f"{DESK}/list")
    @may(Act.SEE_EVENTS, about=scope.LISTS)
    def as_list(language: str) -> Response:  # noqa: ARG001
        return _show(app, index, CalendarLook.LIST)

    @pages.get(f"{DESK}/by-venue")
    @may(Act.SEE_EVENTS, about=scope.LISTS)
    def by_venue(language: str) -> Response:  # noqa: ARG001
        return _show(app, index, CalendarLook.VENUES)

    @pages.get(f"{DESK}/calendar.json")
    @may(Act.SEE_EVENTS, about=scope.LISTS)
    def events(language: str) -> Response:  # noqa: ARG001
        return _send_events(app)

    return pages


def _show(app: App, index: DirectoryIndex, look: CalendarLook) -> Response:
    now, home = app.clock.now(), app.settings.timezone
    address = read_address(look, today=wall(now, home).date())
    with app.db.read() as session:
        address = follow_merged(session, address)
        if look is CalendarLook.LIST:
            address = _turn_page(session, address)
        page = render_template(
            "web/desk/calendar_page.html",
            title=_name_days(address),
            address=address,
            look=look,
            # Without it, as in a tree whose bundle was made before it was chosen, the page has lists in its place.
            has_grid=look in HOURLY and GRID in Assets.read().files,
            home=home,
            today=wall(now, home).date(),
            words=entry_words,
            part_by_month=_part_by_month,
            cells=CellMaker(home),
            looks=[(one, _(LOOK_NAMES[one])) for one in CalendarLook],
            kinds=[kind for kind in Kind if kind is not Kind.TOUR],
            new_kinds=NEW_KINDS,
            MOST_LINES=MOST_LINES,
            events_address=address.events_link(),
            shift=_find_shift(home, address.at),
            new_uid=uuid.uuid4(),
            typed_hour=request.args.get("hour", "")[:20],
            shown_days=list(each_day(*address.days)),
            **_read(session, index, address, now=now, today=wall(now, home).date()),
        )
    answer = make_response(page)
    answer.headers["Content-Security-Policy"] = _POLICY
    return answer


# What can be planned on a day: the most frequent first.
NEW_KINDS = (
    Kind.CEREMONY,
    Kind.MEETING,
    Kind.VISIT,
    Kind.EXHIBITION,
    Kind.TOUR,
    Kind.CONSULAR_DAY,
    Kind.CONSULATE_OPENING,
    Kind.ANNIVERSARY,
)
GRID = "calendar/event-calendar.js"
MOST_LISTED = 100  # events on one page of the list
MOST_LINES = 60  # below a small month; a longer list is a page of its own
HOURLY = (CalendarLook.WEEK, CalendarLook.DAY, CalendarLook.VENUES)
LOOK_NAMES = {
    CalendarLook.MONTH: N_("Month"),
    CalendarLook.WEEK: N_("Week"),
    CalendarLook.DAY: NC_("calendar", "Day"),
    CalendarLook.LIST: NC_("calendar", "List"),
    CalendarLook.VENUES: N_("By venue"),
}


def _find_shift(home: str, day: date) -> int | None:
    """Return by how many minutes the officer's clock is ahead of the house's on a day; None if they agree."""
    if g.tzid is None:
        return None
    noon = instant(datetime.combine(day, time(12)), home, gap="shift")
    return int((wall(noon, g.tzid) - wall(noon, home)).total_seconds() // 60) or None


def _name_days(address: CalendarAddress) -> str:
    first, last = address.days
    if address.look is CalendarLook.MONTH:
        return event_wording.month_heading(address.month[0])
    return format_day(first, g.language) if first == last else format_days(first, last, g.language)


# What is shown


def _turn_page(session: Session, address: CalendarAddress) -> CalendarAddress:
    """Return the address of a list with the days of one page of it, and the day with which the page before begins."""
    (first, latest), visible = address.days, rights.list_visibilities(officer())
    last = calendar_events.find_list_end(
        session, address.chosen, first, latest, visibilities=visible, most=MOST_LISTED
    )
    earlier = calendar_events.find_list_start(
        session, address.chosen, max(FIRST_DAY, first - LIST), first - DAY, visibilities=visible, most=MOST_LISTED
    )
    return replace(address, last=last, earlier=earlier)


def _read(
    session: Session, index: DirectoryIndex, address: CalendarAddress, *, now: datetime, today: date
) -> dict[str, Any]:
    """Return what a page shows, all of it read from the database."""
    (first, last), visible = address.days, rights.list_visibilities(officer())
    listed = address.look is CalendarLook.LIST
    days = calendar_view.read_days(
        session, address.chosen, first, last, visibilities=visible, now=now, with_places=listed
    )
    entries, undated = days.entries, days.undated
    off = days_off.list_days_off(
        session, first, last, visibilities=visible, today=today, holidays=address.holidays, closing=address.closing
    )
    planned = [entry for entry in entries if not entry.event.is_over(now)]
    return {
        "lines": _make_lines(
            [entry for entry in entries if _has_need(entry, address.need, now)], off, address.named_days, address
        ),
        "weeks": rule_weeks(first, last, entries, days.registration_ends, off) if _is_ruled(address.look) else [],
        "off": off,
        "listed": listed,
        "undecided": _count_undecided(session),
        "needs": _list_needs([*planned, *undated], address),
        "undated": [entry for entry in undated if _has_need(entry, address.need, now)],
        "choices": calendar_choices.list_choices(session, first, last, visibilities=visible),
        "venues": _group_by_venue(entries) if address.look is CalendarLook.VENUES else [],
        **_list_venues(session, index, address),
        "more": len(entries) >= calendar_events.MOST_EVENTS,
    }


def _count_undecided(session: Session) -> int:
    """Return how many mails that came in wait for an officer, whatever days are shown."""
    if not (allowed(Act.SEE_LETTERS) and allowed(Act.SEE_ADDRESSES)):
        return 0
    wanted = MailFilter(state=MailState.OPEN, visibilities=rights.list_visibilities(officer()))
    return inbox.count_mails(session, wanted)


def _list_venues(session: Session, index: DirectoryIndex, address: CalendarAddress) -> dict[str, Any]:
    """Return what the short form of a day offers as a venue, and the one with which it begins."""
    if not (address.picked and allowed(Act.PLAN_EVENTS)):
        return {}
    venues = ChoiceList(session, index, "venue", g.language)
    return {"plan_venues": venues.offered, "plan_venue": venues.label(address.chosen.venue)}


def _make_lines(
    entries: Sequence[CalendarEntry], off: Mapping[date, DayOff], within: tuple[date, date], address: CalendarAddress
) -> list[tuple[date, CalendarEntry | None]]:
    """Return the lines of a list by day: events, and days off, which have no event; these only in a whole list."""
    first, last = within
    shown = [entry for entry in entries if entry.first_on and entry.last_on and entry.last_on >= first]
    lines: list[tuple[date, CalendarEntry | None]] = [
        (entry.first_on, entry) for entry in shown if entry.first_on and entry.first_on <= last
    ]
    days = [] if address.need else [day for day in off if first <= day <= last]
    return sorted([*lines, *((day, None) for day in days)], key=lambda line: (line[0], line[1] is not None))


def _part_by_month(
    lines: Sequence[tuple[date, CalendarEntry | None]],
) -> list[tuple[date, list[tuple[date, CalendarEntry | None]]]]:
    """Return the lines of each month with its first day: a list goes on over several months."""
    return [(month, list(part)) for month, part in groupby(lines, lambda line: line[0].replace(day=1))]


def _is_ruled(look: CalendarLook) -> bool:
    return look in (CalendarLook.MONTH, CalendarLook.WEEK)


def _has_need(entry: CalendarEntry, need: CalendarNeed | None, now: datetime) -> bool:
    return need is None or (not entry.event.is_over(now) and bool(_count_need(entry, need)))


def _count_need(entry: CalendarEntry, need: CalendarNeed) -> int:
    match need:
        case CalendarNeed.CLASHES:
            return len(entry.clashes)
        case CalendarNeed.ANSWERS:
            return entry.counts.unanswered
        case CalendarNeed.DEPUTIES:
            return entry.counts.deputies_left
    return entry.came_back


_OF_GUESTS = (CalendarNeed.ANSWERS, CalendarNeed.DEPUTIES)


class ShownNeed(NamedTuple):
    """Something that needs the officer: how often, and the page that lists it."""

    need: CalendarNeed
    number: int
    link: str


def _list_needs(entries: Sequence[CalendarEntry], address: CalendarAddress) -> list[ShownNeed]:
    """Return what asks for the officer among these events; one event's own page if it is about one only."""
    found = []
    for need in CalendarNeed:
        concerned = [entry for entry in entries if _count_need(entry, need)]
        number = (
            _count_clashes(concerned)
            if need is CalendarNeed.CLASHES
            else sum(_count_need(one, need) for one in concerned)
        )
        if not number or (need in _OF_GUESTS and not allowed(Act.SEE_GUESTS)):
            continue
        whole = address.link(look=CalendarLook.LIST, need=need)
        own = _find_need_link(concerned[0].event, need) if len(concerned) == 1 else ""
        found.append(ShownNeed(need, number, own or whole))
    return found


def _count_clashes(entries: Sequence[CalendarEntry]) -> int:
    """Return how many things contradict each other, each counted once though it is about two events."""
    return len({str(clash.error) for entry in entries for clash in entry.clashes})


def _find_need_link(event: Event, need: CalendarNeed) -> str:
    if need is CalendarNeed.ANSWERS and allowed(Act.SEE_GUESTS):
        return url_for("guest_list.guests", language=g.language, key=event.key, group=str(GuestGroup.SILENT))
    if need is CalendarNeed.MAIL and allowed(Act.SEE_LETTERS):
        return url_for("desk.letters", language=g.language, key=event.key, outcome=str(Outcome.FAILED))
    return ""


def _group_by_venue(entries: Sequence[CalendarEntry]) -> list[tuple[Venue | None, list[CalendarEntry]]]:
    """Return the events of each venue, by the key of the venue; those without one are the last."""
    found: dict[str, list[CalendarEntry]] = {}
    venues: dict[str, Venue | None] = {"": None}
    for entry in entries:
        key = entry.event.venue.key if entry.event.venue else ""
        venues[key] = entry.event.venue
        found.setdefault(key, []).append(entry)
    return [(venues[key], found[key]) for key in sorted(found, key=lambda key: (key == "", key))]


# For the grid of scripts


def _send_events(app: App) -> Response:
    """Send the events of the days of a look at the calendar, as the grid of scripts takes them."""
    now, home = app.clock.now(), app.settings.timezone
    look = next((look for look in CalendarLook if look == request.args.get("look")), CalendarLook.WEEK)
    address = read_address(look, today=wall(now, home).date())
    (first, last), cells = address.days, CellMaker(home)
    with app.db.read() as session:
        address, visible = follow_merged(session, address), rights.list_visibilities(officer())
        entries = calendar_view.list_between(session, address.chosen, first, last, visibilities=visible, now=now)
        off = days_off.list_days_off(
            session,
            first,
            last,
            visibilities=visible,
            today=now.date(),
            holidays=address.holidays,
            closing=address.closing,
        )
        return jsonify(
            {
                "events": [grid_events.describe(entry, home, cells.link(entry.event)) for entry in entries],
                "off": grid_events.describe_days_off(off),
                "closed": [day.isoformat() for day, one in off.items() if one.closed],
                "venues": grid_events.list_resources(_group_by_venue(entries), _("No venue")),
            }
        )

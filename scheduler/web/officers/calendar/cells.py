"""The words and addresses of an event in the calendar, made one time for each event."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from markupsafe import Markup, escape

from scheduler.model.accounts import Act
from scheduler.model.events import Event, Kind, Timing, Visibility
from scheduler.services.desk.calendar.calendar_view import CalendarEntry
from scheduler.services.events.guests.guest_directory import WITHOUT_GUESTS
from scheduler.web.officers.calendar import entry_words
from scheduler.web.officers.kit.event_links import find_event_link
from scheduler.web.officers.kit.guard import allowed


class CalendarCell(NamedTuple):
    """An event in a cell. ``sort`` is the class by which it is drawn, ``moves`` the attributes for scripts."""

    sort: str
    moves: Markup
    hour: str
    link: str
    remarks: list[str]
    silent: bool
    returned: bool
    plain: bool


@dataclass(frozen=True)
class CellMaker:
    """Makes the cells of a page for the officer who asks; ``home`` is the zone that goes without saying."""

    home: str

    @cached_property
    def may_plan(self) -> bool:
        return allowed(Act.PLAN_EVENTS)

    @cached_property
    def sees_guests(self) -> bool:
        return allowed(Act.SEE_GUESTS)

    @cached_property
    def sees_letters(self) -> bool:
        return allowed(Act.SEE_LETTERS)

    @cached_property
    def _links(self) -> dict[tuple[bool, bool], tuple[str, str]]:
        """The address of the page of an event before and after its key, by what the address depends on."""
        return {}

    def link(self, event: Event) -> str:
        """Return where an event leads, as `find_event_link` says; addresses of a sort are made once."""
        sort = (event.kind in WITHOUT_GUESTS, event.visibility is Visibility.PUBLIC)
        if sort not in self._links:
            before, found, after = find_event_link(event).partition(f"/events/{event.key}")
            self._links[sort] = f"{before}/events/" if found else "", after
        before, after = self._links[sort]
        return f"{before}{event.key}{after}" if before else ""

    def make(self, entry: CalendarEntry) -> CalendarCell:
        """Return the cell of an event."""
        event, counts = entry.event, entry.counts
        silent, returned = bool(counts.unanswered) and self.sees_guests, bool(entry.came_back) and self.sees_letters
        return CalendarCell(
            sort="off" if event.cancelled else "within" if entry.within else _name_visit(event),
            moves=self.moves(entry),
            hour=entry_words.format_hour(entry, self.home),
            link=self.link(event),
            remarks=entry_words.list_remarks(entry),
            silent=silent,
            returned=returned,
            plain=not (silent or returned or entry.clashes),
        )

    def moves(self, entry: CalendarEntry) -> Markup:
        """Return what scripts need to move an event: its key, and its days and hour on the clock of its place."""
        event = entry.event
        if not self.may_plan or event.cancelled or event.kind is Kind.ANNIVERSARY:
            return Markup("")
        days = ""
        if entry.first_on and event.dtstart:
            hour = f"{event.dtstart:%H:%M}" if event.timing is Timing.HOURS else ""
            days = f' data-first="{entry.first_on}" data-last="{entry.last_on}" data-hour="{hour}"'
        return Markup(f' data-event="{escape(event.key)}"{days}')  # noqa: S704 - each part is escaped


def _name_visit(event: Event) -> str:
    return "visit" if event.kind is Kind.VISIT else ""

"""The words and addresses of an event in the calendar, made one time for each event."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple, TypeVar

from markupsafe import Markup, escape

from scheduler.base.i18n import N_
from scheduler.model.accounts import Act
from scheduler.model.attendance import Standing
from scheduler.model.events import Event, Kind, Timing, Visibility
from scheduler.services.desk.calendar.calendar_view import CalendarEntry
from scheduler.services.events.guests.guest_directory import WITHOUT_GUESTS
from scheduler.web.kit.language import _, localized, plain
from scheduler.web.officers.calendar import entry_words
from scheduler.web.officers.calendar.entry_words import format_hour, list_numbers
from scheduler.web.officers.kit.event_links import find_event_link
from scheduler.web.officers.kit.guard import allowed

W = TypeVar("W")
SILENT, RETURNED = N_("no reply yet: %(number)s"), N_("e-mails that came back: %(number)s")


class CalendarCell(NamedTuple):
    """An event in a cell. ``sort`` is the class by which it is drawn, ``moves`` the attributes for scripts.

    ``silent`` and ``returned`` are what is said of guests who are silent and of e-mails that came back, "" for none.
    """

    entry: CalendarEntry
    sort: str
    moves: Markup
    hour: str
    title: Markup
    remarks: Markup
    silent: str
    returned: str


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

    def make(self, entries: Iterable[CalendarEntry]) -> list[CalendarCell]:
        """Return the cells of these events."""
        return [self._make_cell(entry) for entry in entries]

    def _make_cell(self, entry: CalendarEntry) -> CalendarCell:
        event, link = entry.event, self.link(entry.event)
        title = localized(event.title)
        return CalendarCell(
            entry,
            sort="off" if event.cancelled else "within" if entry.within else _name_visit(event),
            moves=self.moves(entry),
            hour=self._format_hour(entry),
            title=Markup(f'<a href="{escape(link)}">{title}</a>') if link else title,  # noqa: S704 - escaped
            remarks=self._join_remarks(entry),
            silent=self._count(SILENT, entry.counts.unanswered) if self.sees_guests else "",
            returned=self._count(RETURNED, entry.came_back) if self.sees_letters else "",
        )

    # What many events of a page have in common is said in words once.

    @cached_property
    def _said(self) -> dict[Hashable, Any]:
        return {}

    def _say_once(self, key: Hashable, say: Callable[[], W]) -> W:
        if key not in self._said:
            self._said[key] = say()
        found: W = self._said[key]
        return found

    def _format_hour(self, entry: CalendarEntry) -> str:
        event = entry.event
        at = event.dtstart and event.dtstart.time()
        key = ("hour", event.timing, at, event.tzid, event.venue_id)
        return self._say_once(key if event.venue_id else ("event", event.id), partial(format_hour, entry, self.home))

    def _count(self, words: str, number: int) -> str:
        return self._say_once((words, number), lambda: _(words) % {"number": number}) if number else ""

    def _join_remarks(self, entry: CalendarEntry) -> Markup:
        """Return what stands below the title, as `entry_words.list_remarks` does."""
        event, coming = entry.event, entry.counts.of(Standing.CONFIRMED)
        place = ("place", event.venue_id or (event.id,))
        state = ("state", event.status, event.timing, event.visibility, event.kind, coming, entry.booked)
        parts = [
            _set_apart(entry_words.list_own_clock(event)),
            ""
            if entry_words.is_at_place_of_whole(entry)
            else self._say_once(place, lambda: _set_apart(entry_words.list_place(event))),
            self._say_once(state, lambda: _set_apart([*entry_words.list_state(event), *list_numbers(entry)])),
        ]
        return Markup(" · ".join(filter(None, parts)))  # noqa: S704 - each part is escaped

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


def _set_apart(remarks: Iterable[str]) -> str:
    """Return remarks as HTML, each apart from what surrounds it."""
    return " · ".join(f"<bdi>{escape(plain(remark))}</bdi>" for remark in remarks)

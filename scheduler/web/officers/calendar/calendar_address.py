"""The address of a page of the calendar: which days, how they are looked at, and what of them is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from flask import g, request
from sqlalchemy.orm import Session

from scheduler.model.events import Kind
from scheduler.services.desk.calendar import calendar_events
from scheduler.services.desk.calendar.calendar_events import CalendarFilter
from scheduler.web.kit.language import with_query
from scheduler.web.kit.paths import FIRST_YEAR, LAST_YEAR

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
# How far a list reaches that has few events, and how far one whose last day is chosen, at most.
LIST, LONGEST_LIST = timedelta(days=91), timedelta(days=366)
FIRST_DAY, LAST_DAY = date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)


class CalendarLook(StrEnum):
    """A way to look at the calendar; each has a page, the month at the address of the desk itself."""

    MONTH = "month"
    WEEK = "week"
    DAY = "day"
    LIST = "list"
    VENUES = "by-venue"


class CalendarNeed(StrEnum):
    """A reason for which an event needs the officer; the list can show only the events with one of them."""

    CLASHES = "clashes"
    ANSWERS = "answers"
    DEPUTIES = "deputies"
    MAIL = "mail"


@dataclass(frozen=True, slots=True)
class CalendarAddress:
    """The view and the filters in an address. ``at`` is one of the days shown, ``picked`` the day to plan on.

    A list begins with ``at``, and goes on to ``until`` if that is chosen. ``last`` is the day that one page of it
    reaches, ``earlier`` the day with which the page before it begins: both are known when the events are.
    """

    look: CalendarLook
    at: date
    today: date
    until: date | None = None
    picked: date | None = None
    chosen: CalendarFilter = field(default_factory=CalendarFilter)
    holidays: bool = True
    closing: bool = True
    need: CalendarNeed | None = None
    last: date | None = None
    earlier: date | None = None

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last of the days that are shown; a month is shown in whole weeks."""
        match self.look:
            case CalendarLook.DAY:
                return self.at, self.at
            case CalendarLook.WEEK | CalendarLook.VENUES:
                return monday(self.at), monday(self.at) + WEEK - DAY
            case CalendarLook.LIST:
                reach = min(self.until, self.at + LONGEST_LIST) if self.until else self.at + LIST
                return self.at, self.last or min(reach, LAST_DAY)
        first, last = self.month
        return monday(first), monday(last) + WEEK - DAY

    @property
    def month(self) -> tuple[date, date]:
        """The first and the last day of the month of ``at``."""
        first = self.at.replace(day=1)
        return first, (first + timedelta(days=32)).replace(day=1) - DAY

    @property
    def named_days(self) -> tuple[date, date]:
        """The days that the page is about: a month without the other days of its first and last week."""
        return self.month if self.look is CalendarLook.MONTH else self.days

    @property
    def before(self) -> date:
        """A day of the days before those shown; of a list the first."""
        return max(FIRST_DAY, self.earlier or self.named_days[0] - DAY)

    @property
    def after(self) -> date:
        """A day of the days after those shown; of a list the first."""
        return min(LAST_DAY, self.named_days[1] + DAY)

    def link(self, **changes: Any) -> str:
        """Return the address with these changes; without a picked day unless one is named."""
        if "look" in changes:
            changes = {**self._enter(CalendarLook(changes["look"]), changes), **changes}
            changes["look"] = CalendarLook(changes["look"])
        other = replace(self, **{"picked": None, **changes})
        path = f"/{g.language}/desk" + ("" if other.look is CalendarLook.MONTH else f"/{other.look}")
        return with_query(path, [("at", other.at.isoformat()), *other.arguments().items()]) + (
            "#new" if other.picked else ""
        )

    def _enter(self, look: CalendarLook, changes: Mapping[str, Any]) -> dict[str, date | None]:
        """Return with which days a list is entered: what comes, or all days shown if it lists what needs somebody."""
        first, last = self.named_days
        if look is not CalendarLook.LIST or "at" in changes:
            return {}
        if changes.get("need"):
            return {"at": first, "until": last}
        return {"at": self.today if first <= self.today <= last else first, "until": None}

    def events_link(self) -> str:
        """Return the address of the events of these days for the grid of scripts."""
        arguments = {"look": str(self.look), "at": self.at.isoformat(), **self.arguments()}
        return with_query(f"/{g.language}/desk/calendar.json", arguments.items())

    def arguments(self) -> dict[str, str]:
        """Return what is chosen as the arguments of an address, without the days."""
        chosen = self.chosen
        named = {"kind": chosen.kind, "city": chosen.city, "venue": chosen.venue, "person": chosen.person}
        given = {name: str(value) for name, value in named.items() if value}
        if not (self.holidays and self.closing):
            given["sifted"] = "yes"
            given |= {name: "yes" for name in ("holidays", "closing") if getattr(self, name)}
        if self.look is CalendarLook.LIST:
            given |= {"need": str(self.need)} if self.need else {}
            given |= {"until": self.until.isoformat()} if self.until and self.until >= self.at else {}
        if self.picked:
            given["day"] = self.picked.isoformat()
        return given


def monday(day: date) -> date:
    """Return the Monday of the week of a day."""
    return day - timedelta(days=day.weekday())


def read_address(look: CalendarLook, *, today: date) -> CalendarAddress:
    """Return what the address of the request says; what it says wrongly counts as not said."""
    args = request.args
    picked, until = _read_day(args.get("day", "")), _read_day(args.get("until", ""))
    at = _read_day(args.get("at", "")) or picked or today
    return CalendarAddress(
        look,
        at=at,
        today=today,
        until=until if until and until >= at else None,
        picked=picked,
        chosen=_read_filter(args),
        holidays="sifted" not in args or "holidays" in args,
        closing="sifted" not in args or "closing" in args,
        need=next((need for need in CalendarNeed if need == args.get("need")), None),
    )


def follow_merged(session: Session, address: CalendarAddress) -> CalendarAddress:
    """Return the same address for places and people that were merged since it was written."""
    return replace(address, chosen=calendar_events.follow_merged(session, address.chosen))


def _read_filter(args: Mapping[str, str]) -> CalendarFilter:
    kind = next((kind for kind in Kind if kind == args.get("kind")), None)
    keys = {name: args.get(name, "")[:80] or None for name in ("city", "venue", "person")}
    return CalendarFilter(kind=kind, **keys)


def _read_day(written: str) -> date | None:
    """Return a day written as ``2026-12-09``, or the first of a month written as ``2026-12``."""
    try:
        day = date.fromisoformat(f"{written}-01" if len(written) == len("2026-12") else written)
    except ValueError:
        return None
    return day if FIRST_DAY <= day <= LAST_DAY else None

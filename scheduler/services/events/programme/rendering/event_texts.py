"""The texts of an event in calendars and on pages: title, description, place, and opening hours in words."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from scheduler.base.date_format import format_day, format_days
from scheduler.base.i18n import N_, load_catalogue
from scheduler.model.events import Event, Kind, Status, Timing, Visibility
from scheduler.model.places import Closure, OpeningHours
from scheduler.services.events.programme.rendering.kind_names import KIND_NAMES
from scheduler.services.events.programme.rendering.opening_hours import (
    each_day,
    list_closures,
    list_public_holidays,
    list_weekly_hours,
)

if TYPE_CHECKING:
    from calendars.vevent import Texts


def make_texts(event: Event, language: str, *, pages: str) -> Texts:
    """Return the texts of an event's VEVENT in one language.

    ``pages`` is the base address of the public pages; empty if there are none.
    """
    from calendars.vevent import Texts  # a list needs the names and the place alone, and not icalendar

    gettext = load_catalogue(language).gettext
    return Texts(
        summary=_format_summary(event, language),
        description=_format_description(event, language),
        location=format_location(event, language),
        categories=(gettext(KIND_NAMES[event.kind]),),
        contact=event.organizer.name.to(language) if event.organizer else "",
        conference_label=gettext(N_("Join by video")) if event.video_link else "",
        url=_choose_address(event, language, pages),
    )


def _choose_address(event: Event, language: str, pages: str) -> str:
    """Return the address for readers: that of the plan, else our own page of a public event, if there are pages."""
    if event.url or not pages or event.visibility is not Visibility.PUBLIC:
        return event.url or ""
    return f"{pages}/{language}/events/{event.key}"


def _format_summary(event: Event, language: str) -> str:
    """Return the title, with the cities if it does not name them: small screens show nothing else.

    An anniversary has no place unless it ties two cities. See docs/icalendar-rules.md#rule-41.
    """
    title, cities = event.title.to(language), _list_cities(event, language)
    placed = event.kind is not Kind.ANNIVERSARY or len(cities) > 1
    if placed and not all(_has_name(event, city, language) for city in cities):
        title = f"{title} ({', '.join(cities)})"
    if event.cancelled:
        # Clients that ignore STATUS still show the word (docs/icalendar-rules.md#rule-74).
        return f"{load_catalogue(language).gettext(N_('Cancelled'))}: {title}"
    return title


def _list_cities(event: Event, language: str) -> list[str]:
    """Return the name of the city of the venue, else those of all cities that the event is announced for."""
    cities = [event.venue.city] if event.venue else event.cities
    return [city.name.to(language) for city in cities]


def _has_name(event: Event, where: str, language: str) -> bool:
    """Return whether the title names the city, also in another case of Russian: Бангкок, в Бангкоке."""
    stem = where[: max(4, len(where) - 2)].casefold()
    return stem in event.title.to(language).casefold()


def _format_description(event: Event, language: str) -> str:
    gettext = load_catalogue(language).gettext
    paragraphs = [event.description.to(language)]
    if event.timing is Timing.HOUR_TO_BE_ANNOUNCED:
        paragraphs.append(gettext(N_("The time has not been announced yet.")))
    if event.status is Status.TENTATIVE:
        paragraphs.append(gettext(N_("Tentative: the date may still change.")))
    paragraphs += format_opening_hours(event, language)
    return "\n\n".join(filter(None, paragraphs))


def format_location(event: Event, language: str) -> str:
    """Return the place on one line: venue, address, city; or the cities of an event without a venue."""
    if event.venue is None:
        return ", ".join(_list_cities(event, language))
    venue = event.venue
    parts = [venue.name.to(language), venue.address.to(language)]
    city = venue.city.name.to(language)
    return ", ".join([*filter(None, parts), *([] if city in parts[1] or city in parts[0] else [city])])


def format_opening_hours(event: Event, language: str) -> list[str]:
    """Return opening hours and exceptions of an exhibition, one line each; nothing for other events."""
    week, exceptions = format_weekly_hours(event, language), format_exceptions(event, language)
    heading = load_catalogue(language).gettext(N_("Opening hours:"))
    return [heading + "\n" + "\n".join([*week, *exceptions])] if week else []


def format_weekly_hours(event: Event, language: str) -> list[str]:
    """Return the weekly hours of an exhibition, days with the same hours on one line; nothing for other events."""
    return [*_format_week(list_weekly_hours(event), language)] if _has_hours(event) else []


def format_exceptions(event: Event, language: str) -> list[str]:
    """Return the days on which an exhibition is closed or has other hours than in its week, one line each."""
    if not _has_hours(event):
        return []
    closures = list_closures(event)
    lines = [(closure.first_on, _format_closure(closure, language)) for closure in closures]
    stated = {day for closure in closures for day in each_day(closure.first_on, closure.last_on)}
    weekdays = {row.weekday for row in list_weekly_hours(event)}
    holidays = [day for day in list_public_holidays(event) if day.weekday() in weekdays and day not in stated]
    closed = load_catalogue(language).gettext(N_("closed (public holiday)"))
    lines += [(day, f"{format_day(day, language)}: {closed}") for day in holidays]
    return [line for _, line in sorted(lines, key=lambda one: one[0])]


def _has_hours(event: Event) -> bool:
    return event.kind is Kind.EXHIBITION and bool(list_weekly_hours(event))


def _format_week(rows: list[OpeningHours], language: str) -> Iterator[str]:
    """Yield lines such as "Mon–Fri 10:00–18:00": neighbouring weekdays with the same hours together."""
    days: dict[int, list[str]] = {}
    for row in sorted(rows, key=lambda row: (row.weekday, row.opens)):
        days.setdefault(row.weekday, []).append(f"{row.opens:%H:%M}–{row.closes:%H:%M}")
    indexed = enumerate(sorted(days.items()))
    for _, run in groupby(indexed, key=lambda item: (item[1][1], item[1][0] - item[0])):
        same = [item for _, item in run]
        yield f"{_format_weekdays([day for day, _ in same], language)} {', '.join(same[0][1])}"


def _format_weekdays(run: list[int], language: str) -> str:
    from babel.dates import get_day_names

    if len(run) == 7:
        return load_catalogue(language).gettext(N_("Daily"))
    names = get_day_names("abbreviated", "stand-alone", locale=language)
    return names[run[0]] if len(run) == 1 else f"{names[run[0]]}–{names[run[-1]]}"


def _format_closure(closure: Closure, language: str) -> str:
    gettext = load_catalogue(language).gettext
    days = (
        format_day(closure.first_on, language)
        if closure.first_on == closure.last_on
        else format_days(closure.first_on, closure.last_on, language)
    )
    what = f"{closure.opens:%H:%M}–{closure.closes:%H:%M}" if closure.opens else gettext(N_("closed"))
    reason = closure.reason.to(language)
    return f"{days}: {what}" + (f" ({reason})" if reason else "")

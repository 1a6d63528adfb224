"""From an event to its VEVENT bytes, and the one place that decides whether something visible has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from calendars.anniversaries import make_anniversary_rule
from calendars.hours import HoursExceptions, Interval, WeeklyHours, list_openings
from calendars.hours_events import build_hours_events
from calendars.vevent import Texts, VEvent, render_all
from scheduler.base.date_format import format_day, format_days
from scheduler.base.i18n import LANGUAGES, N_, catalogue
from scheduler.model import (
    Audience,
    Closure,
    Event,
    Kind,
    OpeningHours,
    Rendering,
    Status,
    Timing,
    Venue,
    View,
    Visibility,
)

KIND_NAMES = {
    Kind.TOUR: N_("Touring exhibition"),
    Kind.EXHIBITION: N_("Exhibition"),
    Kind.CEREMONY: N_("Ceremony"),
    Kind.CONSULATE_OPENING: N_("Consulate opening"),
    Kind.VISIT: N_("Visit"),
    Kind.MEETING: N_("Meeting"),
    Kind.CONSULAR_DAY: N_("Mobile consular day"),
    Kind.ANNIVERSARY: N_("Anniversary"),
}
# What a digest has in place of the revision, which it decides about.
_UNREVISED = datetime(2000, 1, 1, tzinfo=UTC)
Form = tuple[View, Audience, list[VEvent], dict[str, Texts]]
CHUNK = 500


def revise(session: Session, events: Iterable[Event], *, now: datetime) -> int:
    """After changes: SEQUENCE + 1, a new revision time and new renderings where a subscriber would see a difference.

    Saving what looks the same revises nothing (RFC 5546 2.1.4; docs/icalendar-rules.md#rule-71). Returns how many did
    change.
    """
    revised = [(event, forms) for event in events if (forms := _revised(session, event, now)) is not None]
    session.flush()
    for start in range(0, len(revised), CHUNK):
        _store(session, revised[start : start + CHUNK])
    return len(revised)


def _revised(session: Session, event: Event, now: datetime) -> list[Form] | None:
    """The forms of an event that looks other than it did, its revision raised; None for one that does not."""
    forms = _forms(event, _address(event, session.info.get("pages", "")))
    fingerprint = hashlib.sha256(repr(forms).encode("utf-8", "surrogatepass")).hexdigest()
    if fingerprint == event.fingerprint:
        return None
    if event.fingerprint and _first_of_this_save(session, event, now):
        event.sequence += 1
        # Two revisions within one second must not carry one DTSTAMP: readers compare in seconds.
        event.revised_at = max(now.replace(microsecond=0), event.revised_at + timedelta(seconds=1))
    event.fingerprint = fingerprint
    return forms


def _first_of_this_save(session: Session, event: Event, now: datetime) -> bool:
    """A file that renames a venue and moves an event there touches the event twice; readers see one revision."""
    revised = session.info.setdefault("revised", set())
    known = (event.uid, now) in revised
    revised.add((event.uid, now))
    return not known


def _store(session: Session, revised: list[tuple[Event, list[Form]]]) -> None:
    session.execute(sa.delete(Rendering).where(Rendering.event_id.in_([event.id for event, _ in revised])))
    rows = [row for event, forms in revised for form in forms for row in _rows(event, *form)]
    if rows:
        session.execute(sa.insert(Rendering), rows)


def _rows(
    event: Event, view: View, audience: Audience, vevents: list[VEvent], texts: dict[str, Texts]
) -> Iterator[dict[str, object]]:
    revised = [replace(vevent, sequence=event.sequence, dtstamp=event.revised_at) for vevent in vevents]
    rendered = [render_all(vevent, texts) for vevent in revised]
    zoned = any(vevent.tzid for vevent in vevents)
    for language in texts:
        yield {
            "event_id": event.id,
            "language": language,
            "view": view,
            "audience": audience,
            "body": b"".join(parts[language] for parts in rendered),
            "zoned": zoned,
        }


def _forms(event: Event, url: str) -> list[Form]:
    """Every form in which an event is rendered; none without a date, and none for a tour, whose stops have them."""
    if not event.dated or event.kind is Kind.TOUR:
        return []
    texts = {language: _texts(event, language) for language in LANGUAGES}
    forms: list[Form] = [(View.EVENT, Audience.PUBLIC, [_vevent(event, url, with_video=event.video_public)], texts)]
    if event.video_link and not event.video_public:
        forms.append((View.EVENT, Audience.REMOTE, [_vevent(event, url, with_video=True)], texts))
    by_hours = _by_hours(event, url)
    if by_hours:
        forms.append((View.HOURS, Audience.PUBLIC, by_hours, texts))
    return forms


def _address(event: Event, pages: str) -> str:
    """Where a reader of a calendar learns more: what the desk says, else our own page of it, where there are pages
    and everybody may read it."""
    if event.url or not pages or event.visibility is not Visibility.PUBLIC:
        return event.url or ""
    return f"{pages}/events/{event.key}"


def _by_hours(event: Event, url: str) -> list[VEvent]:
    """An exhibition as its opening hours; nothing for one that has none."""
    if event.kind is not Kind.EXHIBITION or not event.whole_days:
        return []
    hours = opening_hours(event)
    return build_hours_events(_vevent(event, url, with_video=False), *hours, event.tzid) if hours else []


def _vevent(event: Event, url: str, *, with_video: bool) -> VEvent:
    assert event.dtstart is not None and event.dtend is not None  # noqa: S101, PT018 - dated
    start, end = _times(event)
    yearly = make_anniversary_rule(event.dtstart.date()) if event.kind is Kind.ANNIVERSARY else None
    return VEvent(
        uid=event.uid,
        dtstamp=_UNREVISED,
        created=event.created_at,
        dtstart=start,
        dtend=end,
        texts=_texts(event, "en"),
        url=url,
        geo=_geo(event.venue),
        status=_STATUS[event.status],
        transp="TRANSPARENT" if _merely_goes_on(event) else "OPAQUE",
        conference=(event.video_link or "") if with_video else "",
        related_to=_related_to(event),
        rrule=yearly,
    )


_STATUS: dict[Status, Literal["TENTATIVE", "CONFIRMED", "CANCELLED"]] = {
    Status.TENTATIVE: "TENTATIVE",
    Status.CONFIRMED: "CONFIRMED",
    Status.CANCELLED: "CANCELLED",
}


def _times(event: Event) -> tuple[date, date] | tuple[datetime, datetime]:
    if event.whole_days:
        assert event.dtstart is not None and event.dtend is not None  # noqa: S101, PT018
        return event.dtstart.date(), event.dtend.date()
    assert event.starts_at is not None and event.ends_at is not None  # noqa: S101, PT018
    return event.starts_at, event.ends_at


def _merely_goes_on(event: Event) -> bool:
    """What a subscriber does not attend from beginning to end must not make them busy."""
    return event.whole_days or event.kind is Kind.EXHIBITION


def _geo(venue: Venue | None) -> tuple[float, float] | None:
    if venue is None or venue.latitude is None or venue.longitude is None:
        return None
    return venue.latitude, venue.longitude


def _related_to(event: Event) -> str:
    """The exhibition of a ceremony, the visit of a meeting, where whoever sees the one may see the other. A tour is
    in no feed, so nothing relates to it."""
    parent = event.parent
    if parent is None or parent.kind is Kind.TOUR:
        return ""
    return parent.uid if parent.visibility in (Visibility.PUBLIC, event.visibility) else ""


# What people read


def _texts(event: Event, language: str) -> Texts:
    gettext = catalogue(language).gettext
    return Texts(
        summary=_summary(event, language),
        description=_description(event, language),
        location=location(event, language),
        categories=(gettext(KIND_NAMES[event.kind]),),
        contact=event.organizer.name.to(language) if event.organizer else "",
        conference_label=gettext(N_("Join by video")) if event.video_link else "",
    )


def _summary(event: Event, language: str) -> str:
    """The title; the city with it where it says none, since small screens show nothing else.

    See docs/icalendar-rules.md#rule-41.
    """
    title, city = event.title.to(language), event.city
    where = city.name.to(language) if city else ""
    if where and event.kind is not Kind.ANNIVERSARY and not _mentions(event, where, language):
        title = f"{title} ({where})"
    if event.cancelled:
        # Clients that ignore STATUS still show the word (docs/icalendar-rules.md#rule-74).
        return f"{catalogue(language).gettext(N_('Cancelled'))}: {title}"
    return title


def _mentions(event: Event, where: str, language: str) -> bool:
    """Whether the title names the city, also in another case: Алматы, в Алматы; Бангкок, в Бангкоке."""
    stem = where[: max(4, len(where) - 2)].casefold()
    return stem in event.title.to(language).casefold()


def _description(event: Event, language: str) -> str:
    gettext = catalogue(language).gettext
    paragraphs = [event.description.to(language)]
    if event.timing is Timing.HOUR_TO_BE_ANNOUNCED:
        paragraphs.append(gettext(N_("The hour has not been announced yet.")))
    if event.status is Status.TENTATIVE:
        paragraphs.append(gettext(N_("Tentative: the date may still change.")))
    paragraphs += hours_in_words(event, language)
    return "\n\n".join(filter(None, paragraphs))


def location(event: Event, language: str) -> str:
    """The place on one line: venue, address, city."""
    if event.venue is None:
        return event.city.name.to(language) if event.city else ""
    venue = event.venue
    parts = [venue.name.to(language), venue.address.to(language)]
    city = venue.city.name.to(language)
    return ", ".join([*filter(None, parts), *([] if city in parts[1] or city in parts[0] else [city])])


def hours_in_words(event: Event, language: str) -> list[str]:
    """Opening hours and exceptions of an exhibition, a line each; nothing for other events."""
    week, exceptions = weekly_in_words(event, language), exceptions_in_words(event, language)
    heading = catalogue(language).gettext(N_("Opening hours:"))
    return [heading + "\n" + "\n".join([*week, *exceptions])] if week else []


def weekly_in_words(event: Event, language: str) -> list[str]:
    """The week of an exhibition, days with the same hours together; nothing for other events."""
    return [*_weekly_lines(_weekly(event), language)] if _has_hours(event) else []


def exceptions_in_words(event: Event, language: str) -> list[str]:
    """The days on which an exhibition is closed, or open at other hours than its week says."""
    if not _has_hours(event):
        return []
    lines = [(closure.first_on, _closure_line(closure, language)) for closure in closures(event)]
    stated = {day for closure in closures(event) for day in _days(closure.first_on, closure.last_on)}
    kept = {row.weekday for row in _weekly(event)}
    holidays = [day for day in public_holidays(event) if day.weekday() in kept and day not in stated]
    closed = catalogue(language).gettext(N_("closed (public holiday)"))
    lines += [(day, f"{format_day(day, language)}: {closed}") for day in holidays]
    return [line for _, line in sorted(lines, key=lambda one: one[0])]


def _has_hours(event: Event) -> bool:
    return event.kind is Kind.EXHIBITION and bool(_weekly(event))


def _weekly_lines(rows: list[OpeningHours], language: str) -> Iterator[str]:
    """Weekdays with the same hours together: Mon–Fri 10:00–18:00."""
    days: dict[int, list[str]] = {}
    for row in sorted(rows, key=lambda row: (row.weekday, row.opens)):
        days.setdefault(row.weekday, []).append(f"{row.opens:%H:%M}–{row.closes:%H:%M}")
    indexed = enumerate(sorted(days.items()))
    for _, run in groupby(indexed, key=lambda item: (item[1][1], item[1][0] - item[0])):
        same = [item for _, item in run]
        yield f"{_days_in_words([day for day, _ in same], language)} {', '.join(same[0][1])}"


def _days_in_words(run: list[int], language: str) -> str:
    from babel.dates import get_day_names

    if len(run) == 7:
        return catalogue(language).gettext(N_("Daily"))
    names = get_day_names("abbreviated", "stand-alone", locale=language)
    return names[run[0]] if len(run) == 1 else f"{names[run[0]]}–{names[run[-1]]}"


def _closure_line(closure: Closure, language: str) -> str:
    gettext = catalogue(language).gettext
    days = (
        format_day(closure.first_on, language)
        if closure.first_on == closure.last_on
        else format_days(closure.first_on, closure.last_on, language)
    )
    what = f"{closure.opens:%H:%M}–{closure.closes:%H:%M}" if closure.opens else gettext(N_("closed"))
    reason = closure.reason.to(language)
    return f"{days}: {what}" + (f" ({reason})" if reason else "")


# Opening hours


def closures(event: Event) -> list[Closure]:
    """The event's own and those of its venue that fall within its days."""
    first, last = event.first_on, event.last_on
    if first is None or last is None:
        return []
    theirs = event.venue.closures if event.venue else []
    mine = [*event.closures, *theirs]
    within = [closure for closure in mine if closure.first_on <= last and closure.last_on >= first]
    return sorted(within, key=lambda closure: (closure.first_on, closure.last_on))


def opening_hours(event: Event) -> tuple[WeeklyHours, HoursExceptions] | None:
    """When an exhibition is open: its own hours, else its venue's; less the closures of both and public holidays."""
    rows = _weekly(event)
    if not rows:
        return None
    week: dict[int, tuple[Interval, ...]] = {}
    for row in rows:
        week[row.weekday] = (*week.get(row.weekday, ()), (row.opens, row.closes))
    closed, other = set(public_holidays(event)), dict[date, tuple[Interval, ...]]()
    for closure in closures(event):
        for day in _days(closure.first_on, closure.last_on):
            if closure.opens and closure.closes:
                other[day] = ((closure.opens, closure.closes),)
                closed.discard(day)  # hours stated for a holiday are stated on purpose
            else:
                closed.add(day)
    return WeeklyHours(week), HoursExceptions(frozenset(closed), other)


def _weekly(event: Event) -> list[OpeningHours]:
    return event.hours or (event.venue.hours if event.venue else [])


def public_holidays(event: Event) -> Iterable[date]:
    """The days within the event on which its venue's State has a public holiday that closes the venue."""
    first, last = event.first_on, event.last_on
    if event.venue is None or event.venue.holidays is None or first is None or last is None:
        return []
    return holidays_between(event.venue.holidays, first, last)


def holidays_between(country: str, first: date, last: date) -> list[date]:
    from holidays import country_holidays

    known = country_holidays(country, years=range(first.year, last.year + 1))
    return [day for day in _days(first, last) if day in known]


def _days(first: date, last: date) -> Iterator[date]:
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def open_days(event: Event) -> list[date]:
    """The days on which an exhibition with hours is open."""
    hours = opening_hours(event)
    if hours is None or event.first_on is None or event.last_on is None:
        return []
    found = list_openings(event.first_on, event.last_on, *hours)
    return sorted({opening.start.date() for opening in found})

"""Words for an event on a page: its days, its hours on each clock, its place, its state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from flask import g
from markupsafe import Markup

from scheduler.base.clock import format_offset, instant, wall
from scheduler.base.date_format import (
    When,
    format_day,
    format_day_short,
    format_days,
    format_days_short,
    format_month,
    format_month_name,
    format_weekday,
    zone_city,
)
from scheduler.base.i18n import N_
from scheduler.model.attendance import Attendee, Reminded, Standing
from scheduler.model.events import Capacity, Event, Kind, Mode, Queue, Status, Timing
from scheduler.model.places import join_title
from scheduler.services.events.attendance import replies
from scheduler.services.events.attendance.replies import Reply
from scheduler.services.events.guests import registration
from scheduler.services.events.guests.registration import Openness
from scheduler.services.events.programme.agenda import AgendaEntry, AnnouncedPerson
from scheduler.services.events.programme.event_times import format_instant, format_time
from scheduler.services.events.programme.rendering.event_texts import format_location, format_weekly_hours
from scheduler.services.events.programme.rendering.kind_names import KIND_NAMES
from scheduler.web.kit import browser_clock
from scheduler.web.kit.language import _, ngettext
from scheduler.web.kit.state import StateLabel
from scheduler.web.memory.page_marks import PLACES_TRUE_FOR, limit_life

ROLES = {
    "presides": N_("Presided over by"),
    "guest of honour": N_("Guests of honour"),
    "speaker": N_("Speakers"),
}


class Badge(NamedTuple):
    """The date as the handle of a line: the days, large, and what they are called; "" for a range across months."""

    days: str
    under: str


def badge(entry: AgendaEntry, *, month: bool = False) -> Badge:
    """Return the day for the badge of an event; ``month`` names the month where no heading does."""
    first, last = entry.first_on, entry.last_on
    if first is None or last is None:
        return Badge("·", "")
    if first == last:
        named = format_day_short if month else format_weekday
        return Badge(str(first.day), named(first, g.language))
    if (first.year, first.month) != (last.year, last.month):
        return Badge(format_days_short(first, last, g.language), "")
    return Badge(f"{first.day}–{last.day}", _under(first, last, month=month))


def _under(first: date, last: date, *, month: bool) -> str:
    if month:
        return format_month_name(first, g.language)
    return " – ".join(format_weekday(day, g.language, short=True) for day in (first, last))


def kind(entry: AgendaEntry) -> str:
    name = _(KIND_NAMES[entry.event.kind])
    if entry.stop is None or entry.stop.of < 2:
        return name
    return f"{name} · " + _("stop {number} of {of}", number=entry.stop.number, of=entry.stop.of)


class Fact(NamedTuple):
    """A part of a quiet line; ``clock``: it is a time, shown on the clock of the reader's browser, too."""

    words: str
    clock: Markup = Markup("")


def facts(entry: AgendaEntry, now: datetime) -> list[Fact]:
    """Return one quiet line: the hours on the event's clock and on the reader's, and the place."""
    event = entry.event
    return [*_hours(event, now), *([Fact(place)] if (place := _place(event)) else [])]


def _hours(event: Event, now: datetime) -> Iterator[Fact]:
    if event.timing is Timing.HOUR_TO_BE_ANNOUNCED:
        yield from [] if event.is_over(now) else [Fact(_("hour to be announced"))]
    elif event.kind is Kind.EXHIBITION:
        yield from map(Fact, filter(None, [", ".join(format_weekly_hours(event, g.language))]))
    elif event.kind is Kind.ANNIVERSARY:
        yield Fact(_("every year"))
    if event.timing is Timing.HOURS:
        yield from _clocks(event)


def _clocks(event: Event) -> Iterator[Fact]:
    assert event.dtstart and event.dtend and event.starts_at and event.ends_at  # noqa: S101, PT018 - dated
    ends_at = event.ends_at if _is_within_day(event.dtstart, event.dtend) else None
    clock = browser_clock.describe(event.starts_at, ends_at, event.tzid, short=True)
    yield Fact(f"{_span(event.dtstart, event.dtend)} {city_of_clock(event)}", clock)
    tzid = g.tzid
    if tzid is None or wall(event.starts_at, tzid) == event.dtstart:
        return
    starts = wall(event.starts_at, tzid)
    hours = _span(starts, wall(event.ends_at, tzid))
    day = "" if starts.date() == event.dtstart.date() else format_day_short(starts.date(), g.language) + ", "
    yield Fact(f"{day}{hours} {zone_city(tzid, g.language)}")


def _span(start: datetime, end: datetime) -> str:
    """Format hours alone; an end on another day is on the event's page."""
    closing = "24:00" if end.time() == time() else f"{end:%H:%M}"
    return f"{start:%H:%M}–{closing}" if _is_within_day(start, end) else f"{start:%H:%M}"


def _is_within_day(start: datetime, end: datetime) -> bool:
    return start.date() == (end - timedelta(microseconds=1)).date()


def city_of_clock(event: Event) -> str:
    """Return the city by whose clock the hours of an event are told."""
    city = event.city
    return city.name.to(g.language) if city and city.tzid == event.tzid else zone_city(event.tzid, g.language)


def _place(event: Event) -> str:
    """Return the venue, with its city unless the name of the venue contains it."""
    if event.venue is None:
        return ", ".join(city.name.to(g.language) for city in event.cities)
    name, city = event.venue.name.to(g.language), event.venue.city.name.to(g.language)
    return name if city[: max(4, len(city) - 2)].casefold() in name.casefold() else f"{name}, {city}"


def state(entry: AgendaEntry, now: datetime) -> StateLabel | None:
    """Return the one state at the end of a line."""
    event = entry.event
    if event.cancelled:
        return StateLabel(_("Cancelled"), "off")
    if not event.dated:
        return StateLabel(_("Date to be announced"))
    if event.status is Status.TENTATIVE:
        return StateLabel(_("Tentative"), "full")
    return _places(event, now) if registration.is_open(event, now=now) else None


def _places(event: Event, now: datetime) -> StateLabel | None:
    limited = [capacity for capacity in _limited(event) if capacity.mode is Mode.IN_PERSON]
    return _free(limited[0], now) if limited else None


def _free(capacity: Capacity, now: datetime) -> StateLabel:
    limit_life(now + PLACES_TRUE_FOR)
    if capacity.free_for_all:
        return StateLabel(_("Places free: {number}", number=capacity.free_for_all), "open")
    return StateLabel(_("Waiting list"), "full")


def _limited(event: Event) -> list[Capacity]:
    """List the capacities with a limit, the hall first."""
    limited = [capacity for capacity in event.capacities if capacity.capacity is not None]
    return sorted(limited, key=lambda capacity: list(Mode).index(capacity.mode))


# One event


def states(event: Event, now: datetime) -> list[StateLabel]:
    """Return the state of registration: the places left in each mode while it is open, else one sentence."""
    match registration.find_openness(event, now=now):
        case Openness.OPEN:
            places = [_places_in_full(capacity) for capacity in _limited(event)]
            return places or [StateLabel(_("Registration is open"), "open")]
        case Openness.CANCELLED:
            return []  # it stands below the title
        case Openness.AT_DESK if not event.dated:
            return [StateLabel(_("Date to be announced"))]
        case Openness.AT_DESK if not _has_list(event):
            return []
        case Openness.EARLY:
            return [StateLabel(refusal(event, now), at=event.registration_opens_at)]
        case Openness.AT_DESK:
            return [StateLabel(refusal(event, now))]
    return [StateLabel(refusal(event, now), "off")]


def _has_list(event: Event) -> bool:
    """Return whether there are places that somebody could ask for, though not on the page."""
    return bool(_limited(event)) or event.registration_opens is not None or event.registration_closes is not None


def refusal(event: Event, now: datetime) -> str:
    """Return the sentence that says why nobody can register on the page of an event now."""
    match registration.find_openness(event, now=now):
        case Openness.CANCELLED:
            return _("Cancelled")
        case Openness.OVER:
            return _("This event is over")
        case Openness.EARLY:
            return _("Registration opens: {moment}", moment=clocks_of(event.registration_opens_at, event))
        case Openness.AT_DESK:
            return _("The organiser gives the places; you cannot register on this page")
    return _("Registration is closed")


def closing(event: Event) -> str:
    """Return until when somebody can register, on each clock; "" without a closing time."""
    closes = event.registration_closes_at
    return _("Registration closes: {moment}", moment=clocks_of(closes, event)) if closes else ""


def clocks_of(at: datetime | None, event: Event) -> str:
    """Return an instant on the event's clock and on the reader's, each with its zone."""
    assert at is not None  # noqa: S101 - asked for only where there is such a time
    return " · ".join(f"{line.time} ({line.zone})" for line in format_instant(at, event, g.language, g.tzid))


def has_free_places(event: Event) -> bool:
    """Return whether a place is free in some mode that the event offers."""
    free = {capacity.mode: capacity.free for capacity in event.capacities}
    return any(free.get(mode) != 0 for mode in registration.offered_modes(event))


def _places_in_full(capacity: Capacity) -> StateLabel:
    free, of = capacity.free_for_all, capacity.capacity
    if capacity.mode is Mode.IN_PERSON:
        words = _("{free} of {of} places free", free=free, of=of) if free else _("All places are taken: waiting list")
    else:
        words = (
            _("{free} of {of} places by video free", free=free, of=of)
            if free
            else _("All places by video are taken: waiting list")
        )
    return StateLabel(words, "open" if free else "full")


def mode(mode: Mode) -> str:
    return _("in the hall") if mode == Mode.IN_PERSON else _("by video link")


def places(event: Event, mode: Mode) -> StateLabel | None:
    """Return the places left in one mode; None without a limit."""
    limited = [capacity for capacity in _limited(event) if capacity.mode is mode]
    return _places_in_full(limited[0]) if limited else None


def kept_for(retention: timedelta | None) -> str:
    """Return how long personal data are kept, as visitors are told before they consent."""
    if retention is None:
        return _("Your data is kept until you ask us to erase it.")
    words = ngettext(
        "Your data is erased {number} day after the last event that you registered for.",
        "Your data is erased {number} days after the last event that you registered for.",
        retention.days,
    )
    return words.format(number=retention.days)


def done(what: str, attendee: Attendee) -> str:
    """Return what a button did, for the page that shows it."""
    if what in ("confirmed", "coming"):
        return _(CAME.get(attendee.standing, ""))
    if what == "name" and attendee.attending.name_asked:
        return _(
            "We have received your request. An officer will decide, because it is more than a small spelling mistake."
        )
    return _(DONE[what])


CAME = {
    Standing.CONFIRMED: N_("Thank you. Your place is confirmed."),
    Standing.WAITLISTED: N_("Thank you. You are on the waiting list."),
    Standing.REQUESTED: N_(
        "Thank you. We have received your request; we will write to you as soon as it is decided."
    ),
    Standing.LAPSED: N_("Your answer came too late: the place is no longer reserved for you."),
}


DONE = {
    "party": N_("Your registration has been changed."),
    "name": N_("Your name is corrected."),
    "withdrawal": N_("You have withdrawn. Thank you for telling us."),
    "reminders": N_("Your choice of reminders is saved."),
    "reader": N_("Your choice is saved: our e-mails will follow it."),
    "calendar": N_("This is the address of your own calendar."),
}


def standing(attendee: Attendee) -> StateLabel:
    """Return the standing of somebody, in one sentence."""
    match attendee.standing:
        case Standing.CONFIRMED:
            return StateLabel(_("You have a place."), "open")
        case Standing.WAITLISTED:
            return StateLabel(_("You are on the waiting list."), "full")
        case Standing.INVITED:
            return StateLabel(_("You are invited. Please tell us whether you will come."), "full")
        case Standing.REQUESTED:
            return StateLabel(_("Your request is being considered; no place is reserved for you yet."), "full")
        case Standing.OFFERED:
            return StateLabel(_("A place is reserved for you until {moment}.", moment=until(attendee)), "open")
        case Standing.LAPSED:
            return StateLabel(_("You did not accept in time the place that was reserved for you."), "off")
        case Standing.REFUSED:
            return StateLabel(_("We regret that we were unable to give you a place."), "off")
    return StateLabel(_("You are not registered at present."), "off")


def until(attendee: Attendee) -> str:
    """Return until when an offer holds, on the event's clock and on the reader's."""
    return clocks_of(attendee.offered_until, attendee.event)


def company(attendee: Attendee) -> str:
    """Return how many companions come, and their names as far as they are known."""
    names = ", ".join(attendee.names)
    return f"{attendee.companions}: {names}" if names else str(attendee.companions)


def rules(event: Event) -> list[str]:
    """Return what to know before asking for a place: who decides, and who is next."""
    approval = [_("Every request needs approval: you ask for a place, and we write to you when it is decided.")]
    return [*(approval if event.approval else []), *([_(QUEUES[event.queue])] if _limited(event) else [])]


QUEUES = {
    Queue.STRICT: N_(
        "Places that become free are offered strictly in order: a larger group keeps its turn until "
        "there are enough places."
    ),
    Queue.FIRST_FIT: N_(
        "Places that become free are offered to the first guest on the waiting list whose whole group fits."
    ),
}


def waiting(attendee: Attendee) -> list[str]:
    """Return by which rule somebody waits, and who may be called before them."""
    event = attendee.event
    passed = event.queue is Queue.FIRST_FIT and attendee.companions
    smaller = [_("Smaller groups after you may be offered places before you.")] if passed else []
    return [_(QUEUES[event.queue]), *smaller]


def reminded() -> list[tuple[Reminded, str]]:
    """List the choices of reminders, in the reader's words."""
    return [(choice, _(words)) for choice, words in REMINDED.items()]


REMINDED = {
    Reminded.PLANNED: N_("as the organiser has planned"),
    Reminded.CLOSELY: N_("a day and an hour before"),
    Reminded.NEVER: N_("not at all"),
}


def times(entry: AgendaEntry) -> list[When]:
    """List the event's own time, then the reader's where their clock differs."""
    event, first = entry.event, entry.first_on
    if event.kind is not Kind.ANNIVERSARY or first is None:
        return _with_weekday(event, format_time(event, g.language, g.tzid))
    start = instant(datetime.combine(first, time()), event.tzid, gap="shift").isoformat()
    return [*format_time(event, g.language, None, start=start), When(_("every year"), "")]


def _with_weekday(event: Event, found: list[When]) -> list[When]:
    """Format a single whole day with its weekday, which people ask for first."""
    first = event.first_on
    if first is None or event.timing is not Timing.DAYS or first != event.last_on:
        return found
    return [When(format_day(first, g.language), "")]


def moments(event: Event) -> list[When]:
    """List the times of an event that stands alone, as `times` does."""
    return _with_weekday(event, format_time(event, g.language, g.tzid))


def month_heading(first: date) -> str:
    """Format a month as a heading, with a capital also where months have none: Декабрь 2026 года."""
    name = format_month(first, g.language)
    return name[:1].upper() + name[1:]


def days(event: Event) -> str:
    """Return the days alone, or that there are none yet."""
    if event.first_on is None or event.last_on is None:
        return _("Date to be announced")
    return format_days(event.first_on, event.last_on, g.language)


def where(event: Event) -> str:
    return format_location(event, g.language)


def groups(announced: Sequence[AnnouncedPerson]) -> list[tuple[str, list[AnnouncedPerson]]]:
    """Group people under headings: who presides, who is honoured, who speaks."""
    named = [(_(heading), [one for one in announced if one.role == role]) for role, heading in ROLES.items()]
    return [(heading, people) for heading, people in named if people]


def called(person: AnnouncedPerson) -> str:
    """Return courtesy title and name."""
    return join_title(person.courtesy_title, person.name, g.language)


def clock_name(tzid: str, now: datetime) -> str:
    return f"{zone_city(tzid, g.language)}, {format_offset(now, tzid)}"


# At the desk


def handle(entry: AgendaEntry) -> Badge:
    """Return the day as `badge` does, for a place without a heading that names the month."""
    first, last = entry.first_on, entry.last_on
    if first is None or last is None or first != last:
        return badge(entry, month=True)
    return Badge(str(first.day), format_month_name(first, g.language))


def at(moment: datetime, tzid: str) -> str:
    """Format an instant on the clock of the desk, with its zone."""
    local = wall(moment, tzid)
    return f"{format_day(local.date(), g.language, weekday=False)}, {local:%H:%M} ({zone_city(tzid, g.language)})"


def day(on: date) -> str:
    return format_day(on, g.language, weekday=False)


def reply(attendee: Attendee) -> Reply:
    return replies.reply_of(attendee)

"""The words for posts, times and visits on pages; each function returns text in the language of the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from flask import g
from markupsafe import Markup

from scheduler.base.clock import format_offset, instant, wall
from scheduler.base.date_format import (
    format_day,
    format_day_short,
    format_days,
    format_lead,
    format_weekday,
    zone_city,
)
from scheduler.base.i18n import N_
from scheduler.model.posts import Counted, Layout, Post, Service, SpecialDays
from scheduler.model.visits import Appointment, Side, VisitStatus
from scheduler.services.common.public_holidays import Holiday
from scheduler.services.consulate.posts import free_times, posts
from scheduler.services.consulate.posts.availability import Explanation, Reason
from scheduler.services.consulate.posts.free_times import Party
from scheduler.services.consulate.posts.open_cells import DAY, Interval
from scheduler.services.consulate.posts.reasons import describe_holiday
from scheduler.services.consulate.posts.slots import Slot
from scheduler.services.consulate.visits.wording import format_money
from scheduler.web.kit import browser_clock
from scheduler.web.kit.language import _, ngettext
from scheduler.web.kit.state import StateLabel

_REASONS = {
    Reason.PAST: N_("This time has passed."),
    Reason.TOO_SOON: N_("Too soon: this service is booked at least {notice} in advance."),
    Reason.BEYOND_HORIZON: N_(
        "Not yet: this service is booked at most {horizon} in advance. Booking opens: {opens}."
    ),
    Reason.DEADLINE: N_("Booking closed: {deadline}. After this time nothing can be booked."),
    Reason.HOLIDAY: N_("Closed, public holiday: {holidays}."),
    Reason.CLOSED: N_("Closed."),
    Reason.BREAK: N_(
        "This time is in a break, or no appointment begins then, or the appointment would run into a break."
    ),
    Reason.OUTSIDE_HOURS: N_(
        "This time is outside the opening hours, or too little time is left for the appointment."
    ),
    Reason.NO_SUCH_HOUR: N_("The clocks change at this time."),
    Reason.FULL: N_("Fully booked."),
    Reason.QUOTA: N_("No more bookings are taken for this service on this day."),
    Reason.NOT_OFFERED: N_("This service is not offered at present."),
}


def reason(why: Explanation, day: date, service: Service) -> str:
    """Return why a time, or a whole day, is not offered."""
    if why.reason is Reason.CLOSED and why.text:
        return _("Closed: {reason}", reason=why.text.to(g.language))
    return _(
        _REASONS[why.reason],
        notice=format_lead(posts.get_notice(service), g.language),
        horizon=format_lead(posts.get_horizon(service), g.language),
        opens=format_day(day - posts.get_horizon(service), g.language, weekday=False),
        holidays=holidays(why.holidays),
        deadline=deadline(service.post),
    )


def not_offered(at: datetime, why: Explanation, service: Service) -> str:
    return _("{time} cannot be booked. {reason}", time=moment(at), reason=reason(why, at.date(), service))


def deadline(post: Post) -> str:
    """Return the last moment to book on the clock of the post, and on the reader's if that shows another time."""
    if post.deadline is None:
        return ""
    there = f"{moment(post.deadline)} ({zone_at(post, post.deadline)})"
    own = own_span(post.deadline, post)
    return f"{there} · {own}" if own else there


def holidays(found: Iterable[Holiday]) -> Markup:
    return Markup(", ").join(holiday(one) for one in found)


def holiday(holiday: Holiday) -> Markup:
    """Return a holiday with its State; a name that is not in the language of the page is marked with its own."""
    spoken = holiday.language_for(g.language)
    name = holiday.to(g.language)
    if spoken != g.language:
        name = Markup('<bdi lang="{}">{}</bdi>').format(spoken, name)
    return Markup("{} ({})").format(name, describe_holiday(holiday, g.language))


def closed(why: Explanation) -> str:
    """Return why a post is closed on a day, whatever the service."""
    if why.reason is Reason.HOLIDAY:
        return _("closed: {holidays}", holidays=holidays(why.holidays))
    return _("closed: {holidays}", holidays=why.text.to(g.language)) if why.text else _("closed")


# Times


def zone_of(post: Post, now: datetime) -> str:
    """Return the zone of a post, like ``Phuket, UTC+7``."""
    return f"{post.city.name.to(g.language)}, {format_offset(now, post.tzid)}"


def own_zone(post: Post, at: datetime) -> str:
    """Return the reader's zone at an instant; empty if their clock shows the same as that of the post."""
    if g.tzid is None or wall(at, g.tzid) == wall(at, post.tzid):
        return ""
    return f"{zone_city(g.tzid, g.language)}, {format_offset(at, g.tzid)}"


def zone_at(post: Post, when: date) -> str:
    """Return the zone of a post at a wall time, or at noon of a day."""
    return zone_of(post, to_instant(when, post))


def own_zone_on(post: Post, when: date) -> str:
    return own_zone(post, to_instant(when, post))


def to_instant(when: date, post: Post) -> datetime:
    """Return the instant of a wall time at a post, or of noon of a day there."""
    at = when if isinstance(when, datetime) else datetime.combine(when, time(12))
    return instant(at, post.tzid, gap="shift")


def own_time(at: datetime, tzid: str) -> str:
    """Return a wall time on the reader's clock; empty if that shows the same."""
    if g.tzid is None or g.tzid == tzid:
        return ""
    there = wall(instant(at, tzid, gap="shift"), g.tzid)
    if there == at:
        return ""
    day = "" if there.date() == at.date() else format_day_short(there.date(), g.language) + ", "
    return f"{day}{there:%H:%M}"


class TimeButton(NamedTuple):
    """A free time: the value its button sends, its hour, the reader's if it differs, and its instant for the browser.

    There is no ``stamp`` if the reader has chosen a clock.
    """

    value: str
    hour: str
    own: str
    stamp: str


def time_buttons(slots: Iterable[Slot], tzid: str) -> list[TimeButton]:
    """Return a button for each slot."""
    return [
        TimeButton(
            f"{at:%Y-%m-%dT%H:%M}",
            f"{at:%H:%M}",
            own_time(at, tzid),
            "" if g.tzid else browser_clock.make_stamp(instant(at, tzid, gap="shift"), tzid),
        )
        for at, _end in slots
    ]


def days_around(day: date) -> str:
    """Return a day and its neighbours in words, for the clock of the browser."""
    return browser_clock.describe_days([day], short=True)


def moment(at: datetime) -> str:
    return f"{format_day(at.date(), g.language)}, {at:%H:%M}"


def span(start: datetime, end: datetime) -> str:
    return f"{format_day(start.date(), g.language)}, {start:%H:%M}–{end:%H:%M}"


def own_span(start: datetime, post: Post) -> str:
    """Return a time on the reader's clock, with its zone; empty if that shows the same."""
    own = own_time(start, post.tzid)
    return f"{own} ({own_zone_on(post, start)})" if own else ""


def day(day: date) -> str:
    return format_day(day, g.language)


def until(at: datetime, post: Post, now: datetime) -> str:
    """Return the end of a hold on the clock of the post, like ``16:15 (Phuket, UTC+7)``."""
    return until_wall(wall(at, post.tzid), post, now)


def until_wall(there: datetime, post: Post, now: datetime) -> str:
    today = wall(now, post.tzid).date()
    day = "" if there.date() == today else format_day(there.date(), g.language, year=False) + ", "
    return f"{day}{there:%H:%M} ({zone_at(post, there)})"


def hours(spans: Sequence[Interval]) -> str:
    return ", ".join(f"{opens:%H:%M}–{'24:00' if closes == time() else f'{closes:%H:%M}'}" for opens, closes in spans)


def heading(day: date, *, short: bool = False) -> str:
    """Return the heading of a column: the weekday and the day."""
    return f"{format_weekday(day, g.language, short=short)}, {format_day_short(day, g.language)}"


def week_heading(first: date) -> str:
    return format_days(first, first + 6 * DAY, g.language)


def days_of(row: SpecialDays) -> str:
    days = format_days(row.first_on, row.last_on, g.language)
    return days if row.opens is None or row.closes is None else f"{days}, {hours([(row.opens, row.closes)])}"


# Services and parties


def minutes_each(service: Service) -> str:
    spent = format_lead(timedelta(minutes=service.minutes), g.language)
    if service.counted is Counted.DOCUMENTS:
        return _("{minutes} for each document", minutes=spent)
    return _("{minutes} for each person", minutes=spent)


def fee(service: Service) -> str:
    if service.fee is None or service.currency is None:
        return ""
    return format_money(service.fee, service.currency, g.language)


def party(service: Service, party: Party) -> str:
    """Return the party of a visit, like ``2 people · 3 documents · 90 minutes``."""
    parts = [ngettext("{number} person", "{number} people", party.people).format(number=party.people)]
    if service.counted is Counted.DOCUMENTS:
        number = party.documents
        parts.append(ngettext("{number} document", "{number} documents", number).format(number=number))
    if party.layout is Layout.PARALLEL and party.people > 1:
        parts.append(_("at several counters at once"))
    return " · ".join([*parts, format_lead(free_times.compute_length(service, party), g.language)])


def checklist(lines: str) -> list[str]:
    return [line.strip() for line in lines.splitlines() if line.strip()]


# A visit

_STATES = {
    VisitStatus.WAITING: (N_("You are on the waiting list."), "full"),
    VisitStatus.HELD: (N_("This time is reserved for you. It is yours after you confirm."), "full"),
    VisitStatus.OFFERED: (N_("This time is offered to you. It is yours after you accept it."), "full"),
    VisitStatus.CONFIRMED: (N_("Your appointment is booked."), "open"),
    VisitStatus.CHECKED_IN: (N_("You have checked in. You will be called."), "open"),
    VisitStatus.CALLED: (N_("You are called to the counter."), "open"),
    VisitStatus.SERVED: (N_("This appointment has taken place."), ""),
    VisitStatus.NO_SHOW: (N_("This appointment did not take place: nobody came."), "off"),
    VisitStatus.CANCELLED: (N_("This appointment was cancelled."), "off"),
    VisitStatus.LAPSED: (N_("This booking has expired: it was not confirmed in time."), "off"),
}


def status(appointment: Appointment, now: datetime) -> StateLabel:
    """Return the state of a visit in one sentence."""
    found = VisitStatus.LAPSED if appointment.has_expired(now) else appointment.status
    if found is VisitStatus.CANCELLED and appointment.ended_by is Side.POST:
        return StateLabel(_("The consulate had to cancel this appointment. This does not count against you."), "off")
    words, tone = _STATES[found]
    return StateLabel(_(words), tone)


DONE = {
    "respelled": N_("The name is corrected."),
    "booked": N_("Thank you. Your appointment is booked; you will receive an e-mail with all the details."),
    "moved": N_("Your appointment has been moved; you will receive an e-mail with the new time."),
    "cancelled": N_(
        "Your appointment has been cancelled. Thank you for telling us: other people are waiting for a time."
    ),
    "reconfirmed": N_("Thank you. We look forward to seeing you."),
    "reader": N_("Your choice is saved: our e-mails will follow it."),
}


def done(what: str, visit: Appointment) -> str:
    if what == "respelled" and any(one.name_asked for one in visit.applicants):
        return _(
            "We have received your request. An officer will decide, because it is more than a small spelling mistake."
        )
    return _(DONE[what]) if what in DONE else ""


def waits_for(days: Iterable[str]) -> list[str]:
    return [format_day(date.fromisoformat(day), g.language) for day in days]

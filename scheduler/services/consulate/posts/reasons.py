"""Sentences that say why a time is not offered, for officers and applicants alike."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from scheduler.base.date_format import format_day, format_lead, language_name, territory_name
from scheduler.base.errors import Conflict, SchedulerError
from scheduler.base.i18n import N_, load_catalogue
from scheduler.model.posts import Service
from scheduler.services.common.public_holidays import Holiday
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.posts.availability import Explanation, Reason
from scheduler.services.consulate.posts.slots import Slot

_SENTENCES = {
    Reason.PAST: N_("{time} ({tz}) has passed"),
    Reason.TOO_SOON: N_("{time} ({tz}) is too soon: this service must be booked at least {notice} in advance"),
    Reason.BEYOND_HORIZON: N_(
        "{time} ({tz}) is too far ahead: this service can be booked at most {horizon} in advance"
    ),
    Reason.DEADLINE: N_("booking closed at {deadline} ({tz}): nothing can be booked after that"),
    Reason.HOLIDAY: N_("{day} is a public holiday: {holidays}"),
    Reason.CLOSED: N_("the post is closed on {time} ({tz})"),
    Reason.BREAK: N_("{time} ({tz}) is in a break, or would run into one"),
    Reason.OUTSIDE_HOURS: N_("{time} ({tz}) is outside the hours of this service, or would run past them"),
    Reason.NO_SUCH_HOUR: N_("the clocks are changed at {time} ({tz}): nothing can be booked then"),
    Reason.FULL: N_("{time} ({tz}) is taken"),
    Reason.QUOTA: N_("no more appointments for this service are available on {day}"),
    Reason.NOT_OFFERED: N_("this service is not offered at present"),
}
_CLOSED_BECAUSE = N_("the post is closed on {time} ({tz}): {reason}")


def explain(why: Explanation, at: datetime, service: Service, language: str = "en") -> SchedulerError:
    """Return the explanation as an error.

    Its sentence can be translated into every language; the days and names in it are in ``language``.
    """
    message = _CLOSED_BECAUSE if why.reason is Reason.CLOSED and why.text else _SENTENCES[why.reason]
    return Conflict(
        message,
        time=f"{at:%Y-%m-%d %H:%M}",
        tz=service.post.tzid,
        deadline=f"{service.post.deadline:%Y-%m-%d %H:%M}" if service.post.deadline else "",
        day=format_day(at.date(), language),
        notice=format_lead(posts.get_notice(service), language),
        horizon=format_lead(posts.get_horizon(service), language),
        holidays=", ".join(format_holiday(holiday, language) for holiday in why.holidays),
        reason=why.text.to(language),
    )


def explain_in_words(why: Explanation, at: datetime, service: Service, language: str) -> str:
    """Return the explanation as a sentence in a language."""
    return explain(why, at, service, language).text(load_catalogue(language).gettext)


def format_holiday(holiday: Holiday, language: str) -> str:
    """Return the name of a holiday with the State that keeps it, and its language where that is not the reader's."""
    return f"{holiday.to(language)} ({describe_holiday(holiday, language)})"


def describe_holiday(holiday: Holiday, language: str) -> str:
    """Return what stands after the name of a holiday: its State, and its language where that is not the reader's."""
    spoken = holiday.language_for(language)
    state = territory_name(holiday.state, language)
    return state if spoken == language else f"{state}; {language_name(spoken, language)}"


def format_times(slots: Iterable[Slot], tzid: str) -> str:
    """Return the beginnings of slots as they are typed, with their zone."""
    times = ", ".join(f"{slot.dtstart:%Y-%m-%d %H:%M}" for slot in slots)
    return f"{times} ({tzid})"

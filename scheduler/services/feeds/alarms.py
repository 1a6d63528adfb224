"""Alarms that a subscriber can choose: how long before an event, each choice with its place in a feed's address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from scheduler.base.clock import instant
from scheduler.base.i18n import N_

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
NONE = ""
# Each choice is a form of every feed, to be cached: so they are few.
ALARMS: Mapping[str, tuple[timedelta, ...]] = {
    NONE: (),
    "1h": (_HOUR,),
    "3h": (3 * _HOUR,),
    "1d": (_DAY,),
    "1d-1h": (_DAY, _HOUR),
}
PUBLISHED_ALARMS = (NONE, "1h")  # in files; the server makes the other forms when they are asked for
ALARM_NAMES = {
    NONE: N_("none"),
    "1h": N_("1 hour before"),
    "3h": N_("3 hours before"),
    "1d": N_("the day before"),
    "1d-1h": N_("the day before, and 1 hour before"),
}


def list_leads(alarms: str, starts_at: datetime, dtstart: datetime, tzid: str) -> Iterator[timedelta]:
    """Yield how long before an event its alarms ring.

    The day before is the same hour on the wall, so that the alarm and a reminder by mail agree: 23 or 25 hours if the
    clocks change in between (RFC 5545 3.3.6). The event itself is written in UTC, which knows no such day.
    """
    for lead in ALARMS[alarms]:
        yield starts_at - instant(dtstart - _DAY, tzid, gap="shift") if lead == _DAY else lead

"""The days on which somebody does not work: public holidays of the States of the programme, closing days of posts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.text import Text
from scheduler.model.events import Visibility
from scheduler.model.places import City
from scheduler.model.posts import Post
from scheduler.services.common.public_holidays import Holiday, read_holidays
from scheduler.services.consulate.posts import opening_days, posts
from scheduler.services.consulate.posts.open_cells import OpenCells
from scheduler.services.events.programme.rendering.opening_hours import each_day

MOST_STATES = 4


@dataclass(frozen=True, slots=True)
class ClosedPost:
    """A post that is closed on a weekday on which it works; ``reason`` is what an officer wrote, if anything."""

    post: Post
    reason: Text


@dataclass(frozen=True, slots=True)
class DayOff:
    """The public holidays of a day, and the posts closed on it; ``all_closed``: no post that works then is open."""

    holidays: Sequence[Holiday] = ()
    closed: Sequence[ClosedPost] = ()
    all_closed: bool = False

    @property
    def reasons(self) -> list[Text]:
        """The reasons that officers wrote for the closures, each one time."""
        return list({str(one.reason): one.reason for one in self.closed if one.reason}.values())


@dataclass(slots=True)
class _Day:
    holidays: list[Holiday] = field(default_factory=list)
    closed: list[ClosedPost] = field(default_factory=list)
    open: bool = False


def list_days_off(
    session: Session,
    first: date,
    last: date,
    *,
    visibilities: Collection[Visibility],
    today: date,
    holidays: bool = True,
    closing: bool = True,
) -> Mapping[date, DayOff]:
    """Return by day, both ends included, the holidays and the closed posts; each sort can be left out.

    A post that an event opens is left out unless the event has one of ``visibilities``.
    """
    found: dict[date, _Day] = {day: _Day() for day in each_day(first, last)}
    known = [
        post for post in posts.list_names(session) if post.event is None or post.event.visibility in visibilities
    ]
    if holidays:
        for state in list_states(session, known):
            for year in range(first.year, last.year + 1):
                for day, holiday in read_holidays(state, year).items():
                    if day in found:
                        found[day].holidays.append(holiday)
    plans = opening_days.get_all_open_cells(session, known, first, last, today=today) if closing else {}
    for post in known if closing else ():
        cells = plans[post.id]
        for day in found:
            _note_post(found[day], post, cells, day)
    return {
        day: DayOff(one.holidays, one.closed, bool(one.closed) and not one.open)
        for day, one in found.items()
        if one.holidays or one.closed
    }


def list_states(session: Session, known: Sequence[Post]) -> list[str]:
    """Return the States whose holidays matter (ISO 3166-1 alpha-2): those of the posts, else those of the cities."""
    states = {state for post in known for state in (post.sending_state, post.receiving_state)}
    return sorted(states or set(session.scalars(sa.select(City.country).distinct().limit(MOST_STATES))))


def _note_post(day_off: _Day, post: Post, cells: OpenCells, day: date) -> None:
    working = [counter for counter, week in cells.plan.weeks.items() if week.get(day.weekday())]
    if not working:
        return
    if any(cells.open(counter, day) for counter in working):
        day_off.open = True
    else:
        day_off.closed.append(ClosedPost(post, next(_yield_reasons(cells, day), Text())))


def _yield_reasons(cells: OpenCells, day: date) -> Iterator[Text]:
    for closure in cells.closures(day):
        if closure.reason and closure.counter is None:
            yield closure.reason

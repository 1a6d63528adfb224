"""What contradicts what: found in the database, told when planning, overruled only with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import islice

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from scheduler.base.clock import wall
from scheduler.base.errors import Conflict, all_of
from scheduler.model import Attendee, Closure, Event, Kind, Person, Status, Timing, Venue
from scheduler.model.attendance import BOUND, comes
from scheduler.model.events import OPEN_ENDED
from scheduler.services.common.audit import note
from scheduler.services.events.programme.renderings import holidays_between, open_days


class Contradiction(Conflict):
    """Two things cannot both be planned; ``about`` are the keys of the events that it is about."""

    def __init__(self, message: str, *, about: Sequence[str], **facts: object) -> None:
        super().__init__(message, **facts)
        self.about = about


def refuse(session: Session, events: Sequence[Event], *, force: str | None, now: datetime) -> None:
    """Raise what contradicts; with a reason, write down instead what was overruled."""
    found = find(session, events, now=now)
    if found and not force:
        raise all_of(found)
    for event in events:
        mine = [str(contradiction) for contradiction in found if event.key in contradiction.about]
        if mine:
            note(session, "force", "event", event.key, now=now, reason=force, overruled=mine)


def refuse_overlap(session: Session, event: Event, person: Person, *, force: str | None, now: datetime) -> None:
    """Refuse to bind a person to an event while they are bound elsewhere; with a reason, write it down instead."""
    found = of_overlap(session, event, person)
    if found and not force:
        raise all_of(found)
    if found:
        overruled = [str(conflict) for conflict in found]
        note(session, "force", "event", event.key, now=now, reason=force, overruled=overruled)


def find(session: Session, events: Sequence[Event], *, now: datetime) -> list[Contradiction]:
    """Every contradiction that the given events are part of, each once."""
    session.flush()
    standing = [event for event in events if event.dated and not event.cancelled]
    found: dict[str, Contradiction] = {}
    for chunk in _chunks([event.id for event in standing]):
        for conflict in (*_venues(session, chunk), *_people(session, chunk), *_parts_outside(session, chunk)):
            found[str(conflict)] = conflict
    for event in standing:
        for conflict in (*_outside_parent(event), *_closed(event)):
            found[str(conflict)] = conflict
    for event in events:
        for conflict in _part_of_cancelled(event, now):
            found[str(conflict)] = conflict
    return list(found.values())


def of_overlap(session: Session, event: Event, person: Person) -> list[Contradiction]:
    """What else a person is bound to at the time of an event that they are about to be bound to."""
    if person.id is None or not _binds(event):
        return []
    query = (
        sa.select(Event)
        .join(Attendee, Attendee.event_id == Event.id)
        .where(comes(person.id), Attendee.standing.in_(BOUND), Event.id != event.id)
        .where(Event.starts_at < event.ends_at, Event.ends_at > event.starts_at)
        .where(Event.status != Status.CANCELLED, Event.kind.not_in(OPEN_ENDED))
        .order_by(Event.key)
    )
    others = [other for other in session.scalars(query) if not _apart(event, other)]
    return [_at_two_places(person, event, other) for other in others]


def _binds(event: Event) -> bool:
    return event.dated and not event.cancelled and event.kind not in OPEN_ENDED


def _apart(one: Event, other: Event) -> bool:
    """Overlapping on paper only: an hour is unknown, or one is part of the other."""
    return _hour_unknown(one, other) or _related(one, other)


def _at_two_places(person: Person, one: Event, other: Event) -> Contradiction:
    first, second = sorted((one, other), key=lambda event: event.key)
    return Contradiction(
        "{person} is at two places at once: {first} and {second} overlap",
        about=(first.key, second.key),
        person=person.key or f"#{person.id}",
        first=_told(first),
        second=_told(second),
    )


def _chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(ids)
    while chunk := list(islice(rest, 500)):
        yield chunk


def _overlapping(one: type[Event], other: type[Event]) -> sa.ColumnElement[bool]:
    """Both stand, at the same time, and neither is part of the other."""
    return sa.and_(
        one.id != other.id,
        one.starts_at < other.ends_at,
        other.starts_at < one.ends_at,
        one.status != Status.CANCELLED,
        other.status != Status.CANCELLED,
        sa.func.coalesce(one.parent_id, 0) != other.id,
        sa.func.coalesce(other.parent_id, 0) != one.id,
    )


def _venues(session: Session, ids: Sequence[int]) -> Iterator[Contradiction]:
    one, other = aliased(Event), aliased(Event)
    pairs = sa.select(one, other).join(other, sa.and_(one.venue_id == other.venue_id, _overlapping(one, other)))
    for mine, theirs in session.execute(pairs.where(one.id.in_(ids)).order_by(one.key, other.key)):
        if _apart(mine, theirs):
            continue
        first, second = sorted((mine, theirs), key=lambda event: event.key)
        yield Contradiction(
            "{venue} is taken twice: {first} and {second} overlap",
            about=(first.key, second.key),
            venue=mine.venue.key if mine.venue else "",
            first=_told(first),
            second=_told(second),
        )


def _hour_unknown(mine: Event, theirs: Event) -> bool:
    """A day whose hour is not announced claims no hour yet."""
    return Timing.HOUR_TO_BE_ANNOUNCED in (mine.timing, theirs.timing)


def _related(mine: Event, theirs: Event) -> bool:
    """A grandchild is part of its grandparent too."""
    return theirs in _ancestors(mine) or mine in _ancestors(theirs)


def _ancestors(event: Event) -> Iterator[Event]:
    parent = event.parent
    while parent is not None:
        yield parent
        parent = parent.parent


def _told(event: Event) -> str:
    return f"{event.key} ({event.dtstart:%Y-%m-%d %H:%M} {event.tzid})"


def _people(session: Session, ids: Sequence[int]) -> Iterator[Contradiction]:
    """People bound to two events at once. Exhibitions and anniversaries bind nobody."""
    one, other = aliased(Event), aliased(Event)
    here, there = aliased(Attendee), aliased(Attendee)
    comes_here = sa.func.coalesce(here.represented_by_id, here.person_id)
    query = (
        sa.select(Person, one, other)
        .join(here, comes_here == Person.id)
        .join(one, one.id == here.event_id)
        .join(there, comes(comes_here, there))
        .join(other, sa.and_(other.id == there.event_id, _overlapping(one, other)))
        .where(here.standing.in_(BOUND), there.standing.in_(BOUND))
        .where(one.kind.not_in(OPEN_ENDED), other.kind.not_in(OPEN_ENDED), one.id.in_(ids))
        .order_by(Person.id, one.key, other.key)
    )
    for person, mine, theirs in session.execute(query):
        if not _apart(mine, theirs):
            yield _at_two_places(person, mine, theirs)


def _part_of_cancelled(event: Event, now: datetime) -> Iterator[Contradiction]:
    """What is still to come cannot be part of what does not take place."""
    pairs = [(event, event.parent)] if event.parent else []
    pairs += [(part, event) for part in event.children] if event.cancelled else []
    for part, whole in pairs:
        if whole.cancelled and not part.cancelled and not part.is_over(now):
            yield Contradiction(
                "{whole} is cancelled, but {part}, a part of it, is not; cancel that too",
                about=(part.key, whole.key),
                whole=whole.key,
                part=part.key,
            )


def _outside_parent(event: Event) -> Iterator[Contradiction]:
    parent = event.parent
    if parent is None or not parent.dated or parent.cancelled or parent.kind is Kind.ANNIVERSARY:
        return
    first, last = _local_days(event, parent.tzid)
    if parent.first_on is None or parent.last_on is None or (parent.first_on <= first and last <= parent.last_on):
        return
    yield Contradiction(
        "{event} is outside the days of {parent}: {first} is not within {from_day} to {to_day}",
        about=(event.key, parent.key),
        event=event.key,
        parent=parent.key,
        first=first if first < parent.first_on else last,
        from_day=parent.first_on,
        to_day=parent.last_on,
    )


def _local_days(event: Event, tzid: str) -> tuple[date, date]:
    """The days an event touches on the calendar of another zone; whole days are the same everywhere."""
    if event.whole_days or event.starts_at is None or event.ends_at is None:
        assert event.first_on is not None and event.last_on is not None  # noqa: S101, PT018 - dated
        return event.first_on, event.last_on
    return wall(event.starts_at, tzid).date(), wall(event.ends_at - timedelta(microseconds=1), tzid).date()


def _parts_outside(session: Session, ids: Sequence[int]) -> Iterator[Contradiction]:
    parts = sa.select(Event).where(Event.parent_id.in_(ids), Event.starts_at.is_not(None))
    for part in session.scalars(parts.where(Event.status != Status.CANCELLED).order_by(Event.key)):
        yield from _outside_parent(part)


def _closed(event: Event) -> Iterator[Contradiction]:
    """A venue that is closed on the day; an exhibition that has hours and not one open day."""
    venue = event.venue
    if venue is None or not event.dated or event.kind is Kind.ANNIVERSARY:
        return
    if event.kind in OPEN_ENDED:
        if (event.hours or venue.hours) and not open_days(event):
            yield Contradiction(
                "{venue} is closed on every day of {event}", about=(event.key,), venue=venue.key, event=event.key
            )
        return
    day, last = _local_days(event, venue.city.tzid)
    while day <= last:
        if _closed_on(venue, day) and not _still_open_from_the_evening(event, venue, day):
            yield Contradiction(
                "{venue} is closed on {day}, a day of {event}",
                about=(event.key,),
                venue=venue.key,
                day=day,
                event=event.key,
            )
        day += timedelta(days=1)


def _closed_on(venue: Venue, day: date) -> bool:
    special = _special(venue, day)
    if special:
        return all(closure.opens is None for closure in special)
    if venue.hours and all(hours.weekday != day.weekday() for hours in venue.hours):
        return True
    return bool(venue.holidays and holidays_between(venue.holidays, day, day))


def _special(venue: Venue, day: date) -> list[Closure]:
    return [closure for closure in venue.closures if closure.first_on <= day <= closure.last_on]


def _still_open_from_the_evening(event: Event, venue: Venue, day: date) -> bool:
    """A reception that ends before the house closes, after midnight, is over before that day begins for the house."""
    if event.whole_days or event.ends_at is None:
        return False
    end, eve = wall(event.ends_at, venue.city.tzid), day - timedelta(days=1)
    weekly = [hours for hours in venue.hours if hours.weekday == eve.weekday()]
    return any(
        hours.opens is not None
        and hours.closes is not None
        and hours.closes <= hours.opens
        and end <= datetime.combine(day, hours.closes)
        for hours in _special(venue, eve) or weekly
    )

"""Contradictions in the plan: found in the database, refused when planning, overruled only with a reason."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, load_only, selectinload
from sqlalchemy.orm.util import identity_key

from scheduler.base.clock import wall
from scheduler.base.errors import Conflict, combine_errors
from scheduler.model.attendance import BOUND, Attendee, comes
from scheduler.model.events import OPEN_ENDED, Event, Kind, Status, Timing
from scheduler.model.places import City, Closure, Person, Venue
from scheduler.services.common.audit import note
from scheduler.services.events.programme.places import TravelTimes, read_travel_times
from scheduler.services.events.programme.rendering.opening_hours import list_holidays, list_open_days
from scheduler.storage.unit_of_work import unit_of_work

R = TypeVar("R", Event, Person)
S = TypeVar("S", "_Span", "_Booking")


class ClashKind(StrEnum):
    """The thing that cannot be as it is planned."""

    VENUE = "venue taken twice"
    PERSON = "person at two places"
    TRAVEL = "person on the way"
    OUTSIDE = "outside the days of the whole"
    CLOSED = "venue closed"
    CANCELLED = "part of something cancelled"


class Contradiction(Conflict):
    """Two things cannot both be planned; ``about`` are the keys of the events that it is about.

    ``who`` is the person that two events bind, or who is on the way between them. ``rows`` are those behind the keys
    among the facts, by the names of the facts.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: ClashKind,
        about: Sequence[str],
        who: Person | None = None,
        rows: Mapping[str, Event | Person | Venue | City] | None = None,
        **facts: object,
    ) -> None:
        super().__init__(message, **facts)
        self.kind = kind
        self.about = about
        self.who = who
        self.rows = rows or {}


def refuse(session: Session, events: Sequence[Event], *, force: str | None, now: datetime) -> None:
    """Refuse events that contradict the plan; with a reason (``force``), write into the audit what was overruled.

    Raise Contradiction, or Problems for several.
    """
    found = find(session, events, now=now)
    if found and not force:
        raise combine_errors(found)
    unit_of_work(session).overruled.extend(found)
    for event in events:
        mine = [str(contradiction) for contradiction in found if event.key in contradiction.about]
        if mine:
            note(session, "force", "event", event.key, now=now, reason=force, overruled=mine)


def refuse_overlap(session: Session, event: Event, person: Person, *, force: str | None, now: datetime) -> None:
    """Refuse to bind a person to an event while another binds them; ``force`` and errors are as in `refuse`."""
    found = find_overlaps(session, event, person)
    if found and not force:
        raise combine_errors(found)
    if found:
        overruled = [str(conflict) for conflict in found]
        note(session, "force", "event", event.key, now=now, reason=force, overruled=overruled)


def find(session: Session, events: Sequence[Event], *, now: datetime) -> list[Contradiction]:
    """Return every contradiction that these events are part of, each once."""
    session.flush()
    in_force = [event for event in events if event.dated and not event.cancelled]
    found: dict[str, Contradiction] = {}
    for chunk in _split_into_chunks([event.id for event in in_force]):
        for conflict in (
            *_find_venues_taken_twice(session, chunk),
            *_find_people_at_two_places(session, chunk),
            *_find_people_travelling(session, chunk),
            *_check_parts_within(session, chunk),
        ):
            found[str(conflict)] = conflict
    for event in in_force:
        for conflict in (*_check_within_parent(event), *_find_closed_days(event)):
            found[str(conflict)] = conflict
    _read_parts(session, [event.id for event in events if event.cancelled])
    for event in events:
        for conflict in _find_parts_of_cancelled(event, now):
            found[str(conflict)] = conflict
    return list(found.values())


def find_overlaps(session: Session, event: Event, person: Person) -> list[Contradiction]:
    """Return a contradiction for each event that binds a person at the time of an event that is to bind them."""
    if person.id is None or not _is_binding(event):
        return []
    query = (
        sa.select(Event)
        .join(Attendee, Attendee.event_id == Event.id)
        .where(comes(person.id), Attendee.standing.in_(BOUND), Event.id != event.id)
        .where(Event.starts_at < event.ends_at, Event.ends_at > event.starts_at)
        .where(Event.status != Status.CANCELLED, Event.kind.not_in(OPEN_ENDED))
        .order_by(Event.key)
    )
    others = [other for other in session.scalars(query) if not may_overlap(event, other)]
    return [_make_overlap(person, event, other) for other in others]


def _is_binding(event: Event) -> bool:
    """Return whether people on the list of an event cannot be elsewhere meanwhile."""
    return event.dated and not event.cancelled and event.kind not in OPEN_ENDED


def may_overlap(one: Event, other: Event) -> bool:
    """Return whether two events may overlap: the hour of one is unknown, or one is part of the other."""
    return _has_unknown_hour(one, other) or _is_part_of_other(one, other)


def _make_overlap(person: Person, one: Event, other: Event) -> Contradiction:
    first, second = sorted((one, other), key=lambda event: event.key)
    return Contradiction(
        "{person} would be in two places at the same time: {first} and {second} overlap",
        kind=ClashKind.PERSON,
        about=(first.key, second.key),
        who=person,
        rows={"person": person, "first": first, "second": second},
        person=person.key or f"#{person.id}",
        first=_describe(first),
        second=_describe(second),
    )


def _split_into_chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(ids)
    while chunk := list(islice(rest, 500)):
        yield chunk


class _Booking(NamedTuple):
    """The time of an event at a venue; ``whole`` is the event that it is part of, 0 if it is part of none."""

    starts_at: datetime
    ends_at: datetime
    event: int
    key: str
    timing: Timing
    venue: int
    whole: int


def _find_venues_taken_twice(session: Session, ids: Sequence[int]) -> Iterator[Contradiction]:
    """Yield events at one venue that overlap, none of them directly part of the other."""
    at_venue: dict[int, list[_Booking]] = {}
    for booking in _read_bookings(session, ids):
        at_venue.setdefault(booking.venue, []).append(booking)
    mine = set(ids)
    pairs = [pair for held in at_venue.values() for pair in _pair_up(held, mine, timedelta()) if _is_booked(*pair)]
    pairs.sort(key=lambda pair: (pair[0].key, pair[1].key))
    events = _load(session, Event, {one.event for pair in pairs for one in pair})
    seen = set[frozenset[int]]()
    for pair in pairs:
        first, second = sorted((events[one.event] for one in pair), key=lambda event: event.key)
        if (both := frozenset((first.id, second.id))) in seen or _is_part_of_other(first, second):
            continue
        seen.add(both)
        yield Contradiction(
            "{venue} is booked twice: {first} and {second} overlap",
            kind=ClashKind.VENUE,
            about=(first.key, second.key),
            rows={"first": first, "second": second, **({"venue": first.venue} if first.venue else {})},
            venue=first.venue.key if first.venue else "",
            first=_describe(first),
            second=_describe(second),
        )


def _read_bookings(session: Session, ids: Sequence[int]) -> list[_Booking]:
    """Read the times of these events, and of those around them at the same venues, by start."""
    span = _read_span(session, ids)
    if span is None:
        return []
    venues = sa.select(Event.venue_id).where(Event.id.in_(ids), Event.venue_id.is_not(None))
    part_of = sa.func.coalesce(Event.parent_id, 0)
    query = (
        sa.select(Event.starts_at, Event.ends_at, Event.id, Event.key, Event.timing, Event.venue_id, part_of)
        .where(Event.starts_at < span[1], Event.ends_at > span[0], Event.status != Status.CANCELLED)
        .where(Event.venue_id.in_(venues))
        .order_by(Event.starts_at, Event.id)
    )
    return [
        _Booking(starts_at, ends_at, event, key, timing, venue, whole)
        for starts_at, ends_at, event, key, timing, venue, whole in session.execute(query)
        if starts_at and ends_at and venue
    ]


def _is_booked(one: _Booking, other: _Booking) -> bool:
    """Return whether both take hours of the venue, and neither is directly part of the other."""
    if Timing.HOUR_TO_BE_ANNOUNCED in (one.timing, other.timing):
        return False
    return one.whole != other.event and other.whole != one.event


def _has_unknown_hour(mine: Event, theirs: Event) -> bool:
    """Return whether the hour of either event is to be announced: then it takes no hour of its day yet."""
    return Timing.HOUR_TO_BE_ANNOUNCED in (mine.timing, theirs.timing)


def _is_part_of_other(mine: Event, theirs: Event) -> bool:
    """Return whether one event is part of the other, at any depth."""
    return theirs in _yield_ancestors(mine) or mine in _yield_ancestors(theirs)


def _yield_ancestors(event: Event) -> Iterator[Event]:
    parent = event.parent
    while parent is not None:
        yield parent
        parent = parent.parent


def _describe(event: Event) -> str:
    return f"{event.key} ({event.dtstart:%Y-%m-%d %H:%M} {event.tzid})"


def _find_people_at_two_places(session: Session, ids: Sequence[int]) -> Iterator[Contradiction]:
    """Yield people whom two events bind at once; exhibitions and anniversaries bind nobody."""
    for person, mine, theirs in _list_bound_twice(session, ids, timedelta()):
        if not may_overlap(mine, theirs):
            yield _make_overlap(person, mine, theirs)


def _find_people_travelling(session: Session, ids: Sequence[int]) -> Iterator[Contradiction]:
    """Yield people who have less time between two cities than the journey takes, where it is stated."""
    stated = read_travel_times(session)
    if not stated:
        return
    for person, mine, theirs in _list_bound_twice(session, ids, max(stated.values())):
        if journey := _find_short_journey(stated, mine, theirs):
            yield _make_late(person, *journey)


def _list_bound_twice(session: Session, ids: Sequence[int], within: timedelta) -> list[tuple[Person, Event, Event]]:
    """List who is bound to one of these events and to another one that is not further away in time than ``within``.

    Events are compared before their lists are read: a database that begins with the guests looks at all events, or at
    all lists, for each of two thousand guests.
    """
    spans = _read_spans(session, ids, within)
    pairs = [(one.event, other.event) for one, other in _pair_up(spans, set(ids), within)]
    comers = _read_comers(session, {event for pair in pairs for event in pair})
    found = [(person, *pair) for pair in pairs for person in comers[pair[0]] & comers[pair[1]]]
    events = _load(session, Event, {event for _, *pair in found for event in pair})
    people = _load(session, Person, {person for person, *_ in found})
    named = [(people[person], events[one], events[other]) for person, one, other in found]
    return sorted(named, key=lambda one: (one[0].id, one[1].key, one[2].key))


class _Span(NamedTuple):
    """The time of an event that binds somebody."""

    starts_at: datetime
    ends_at: datetime
    event: int


def _read_spans(session: Session, ids: Sequence[int], within: timedelta) -> list[_Span]:
    """Read the times of these events and of those around them, of all that bind somebody, by start."""
    span = _read_span(session, ids)
    if span is None:
        return []
    first, last = span
    binding = sa.exists().where(Attendee.event_id == Event.id, Attendee.standing.in_(BOUND))
    query = (
        sa.select(Event.starts_at, Event.ends_at, Event.id)
        .where(Event.starts_at < last + within, Event.ends_at > first - within)
        .where(Event.status != Status.CANCELLED, Event.kind.not_in(OPEN_ENDED), binding)
        .order_by(Event.starts_at, Event.id)
    )
    return [
        _Span(starts_at, ends_at, event)
        for starts_at, ends_at, event in session.execute(query)
        if starts_at and ends_at
    ]


def _read_span(session: Session, ids: Sequence[int]) -> tuple[datetime, datetime] | None:
    """Read from when to when some of these events are; None if none has a date."""
    span = sa.select(sa.func.min(Event.starts_at), sa.func.max(Event.ends_at)).where(Event.id.in_(ids))
    first, last = session.execute(span).one()
    return None if first is None or last is None else (first, last)


def _pair_up(spans: Sequence[S], mine: set[int], within: timedelta) -> Iterator[tuple[S, S]]:
    """Yield each of these events with each that is not further away from it than that; all are given by start."""
    longest = max((span.ends_at - span.starts_at for span in spans), default=timedelta())
    starts = [span.starts_at for span in spans]
    for one in spans:
        if one.event not in mine:
            continue
        earliest = bisect_left(starts, one.starts_at - within - longest)
        for other in spans[earliest : bisect_left(starts, one.ends_at + within)]:
            if other.event != one.event and other.ends_at > one.starts_at - within:
                yield one, other


def _read_comers(session: Session, ids: Iterable[int]) -> dict[int, set[int]]:
    """Read who comes to each of these events, for themselves or in the place of a guest."""
    comers: dict[int, set[int]] = {event: set() for event in ids}
    for chunk in _split_into_chunks(sorted(comers)):
        person = sa.func.coalesce(Attendee.represented_by_id, Attendee.person_id)
        bound = sa.select(Attendee.event_id, person).where(Attendee.event_id.in_(chunk), Attendee.standing.in_(BOUND))
        for event, comer in session.execute(bound):
            comers[event].add(comer)
    return comers


def _load(session: Session, kind: type[R], ids: Iterable[int]) -> dict[int, R]:
    """Return rows by their ids; those that the session has are not read again."""
    found: dict[int, R] = {}
    unknown: list[int] = []
    for number in ids:
        row = session.identity_map.get(identity_key(kind, number))
        if row is None or sa.inspect(row).expired:
            unknown.append(number)
        else:
            found[number] = row
    for chunk in _split_into_chunks(sorted(unknown)):
        found |= {row.id: row for row in session.scalars(sa.select(kind).where(kind.id.in_(chunk)))}
    return found


def _find_short_journey(stated: TravelTimes, mine: Event, theirs: Event) -> tuple[Event, Event, timedelta] | None:
    """Return two events in their order and the time that the journey takes, if there is less time between them."""
    assert mine.starts_at is not None and mine.ends_at is not None  # noqa: S101, PT018 - it has a date
    if not is_too_far(stated, mine, (mine.starts_at, mine.ends_at), theirs):
        return None
    first, second = sorted((mine, theirs), key=lambda event: (event.starts_at, event.key))
    return first, second, stated[_pair(mine, theirs)]


def is_too_far(stated: TravelTimes, mine: Event, at: tuple[datetime, datetime], theirs: Event) -> bool:
    """Return whether nobody can be at an event from one instant to another, and at a second one before or after it.

    It is not known if the journey is not stated, or if an event has no hours: nobody knows when somebody leaves then.
    """
    takes = stated.get(_pair(mine, theirs))
    if takes is None or not (_has_hours(mine) and _has_hours(theirs)) or _is_part_of_other(mine, theirs):
        return False
    assert theirs.starts_at is not None and theirs.ends_at is not None  # noqa: S101, PT018 - it has hours
    before, after = at[0] - theirs.ends_at, theirs.starts_at - at[1]
    return timedelta() <= before < takes or timedelta() <= after < takes


def _pair(one: Event, other: Event) -> frozenset[int]:
    return frozenset(event.city.id for event in (one, other) if event.city)


def _has_hours(event: Event) -> bool:
    return event.timing is Timing.HOURS and event.kind not in OPEN_ENDED


def _make_late(person: Person, first: Event, second: Event, takes: timedelta) -> Contradiction:
    assert first.city is not None and second.city is not None  # noqa: S101, PT018 - the journey is between them
    return Contradiction(
        "{person} cannot be at {second} in time after {first}: from {city} to {goal} it takes {takes}",
        about=(first.key, second.key),
        kind=ClashKind.TRAVEL,
        who=person,
        rows={"person": person, "first": first, "second": second, "city": first.city, "goal": second.city},
        person=person.key or f"#{person.id}",
        first=_describe(first),
        second=_describe(second),
        city=first.city.key,
        goal=second.city.key,
        takes=f"{takes // timedelta(hours=1)}:{takes // timedelta(minutes=1) % 60:02}",
    )


def _read_parts(session: Session, ids: Sequence[int]) -> None:
    """Read the parts of these events at once, as far as they have not been read."""
    query = sa.select(Event).options(load_only(Event.id), selectinload(Event.children))
    for chunk in _split_into_chunks(ids):
        session.scalars(query.where(Event.id.in_(chunk))).all()


def _find_parts_of_cancelled(event: Event, now: datetime) -> Iterator[Contradiction]:
    """Yield parts of cancelled events that are to come and not cancelled."""
    pairs = [(event, event.parent)] if event.parent else []
    pairs += [(part, event) for part in event.children] if event.cancelled else []
    for part, whole in pairs:
        if whole.cancelled and not part.cancelled and not part.is_over(now):
            yield Contradiction(
                "{whole} is cancelled, but {part}, a part of it, is not; cancel that too",
                kind=ClashKind.CANCELLED,
                about=(part.key, whole.key),
                rows={"whole": whole, "part": part},
                whole=whole.key,
                part=part.key,
            )


def _check_within_parent(event: Event) -> Iterator[Contradiction]:
    """Yield the contradiction that an event is not within the days of the event that it is part of."""
    parent = event.parent
    if parent is None or not parent.dated or parent.cancelled or parent.kind is Kind.ANNIVERSARY:
        return
    first, last = _get_local_days(event, parent.tzid)
    if parent.first_on is None or parent.last_on is None or (parent.first_on <= first and last <= parent.last_on):
        return
    yield Contradiction(
        "{event} is outside the days of {parent}: {first} is not within {from_day} to {to_day}",
        kind=ClashKind.OUTSIDE,
        about=(event.key, parent.key),
        rows={"event": event, "parent": parent},
        event=event.key,
        parent=parent.key,
        first=first if first < parent.first_on else last,
        from_day=parent.first_on,
        to_day=parent.last_on,
    )


def _get_local_days(event: Event, tzid: str) -> tuple[date, date]:
    """Return the first and last day of an event on the calendar of a zone; whole days are the same in every zone."""
    if event.whole_days or event.starts_at is None or event.ends_at is None:
        assert event.first_on is not None and event.last_on is not None  # noqa: S101, PT018 - dated
        return event.first_on, event.last_on
    return wall(event.starts_at, tzid).date(), wall(event.ends_at - timedelta(microseconds=1), tzid).date()


def _check_parts_within(session: Session, ids: Sequence[int]) -> Iterator[Contradiction]:
    whole = aliased(Event)
    # What lies within the whole as an instant lies within its days; only the rest is looked at on its calendar.
    outside = sa.or_(Event.starts_at < whole.starts_at, Event.ends_at > whole.ends_at)
    parts = sa.select(Event.id).join(whole, whole.id == Event.parent_id).where(Event.parent_id.in_(ids), outside)
    found = session.scalars(parts.where(Event.status != Status.CANCELLED).order_by(Event.key)).all()
    events = _load(session, Event, found)
    for number in found:
        yield from _check_within_parent(events[number])


def _find_closed_days(event: Event) -> Iterator[Contradiction]:
    """Yield days of an event on which its venue is closed; of an exhibition, that it has no open day at all."""
    venue = event.venue
    if venue is None or not event.dated or event.kind is Kind.ANNIVERSARY:
        return
    if event.kind in OPEN_ENDED:
        if (event.hours or venue.hours) and not list_open_days(event):
            yield Contradiction(
                "{venue} is closed on every day of {event}",
                kind=ClashKind.CLOSED,
                about=(event.key,),
                rows={"venue": venue, "event": event},
                venue=venue.key,
                event=event.key,
            )
        return
    if not (venue.hours or venue.closures or venue.holidays):
        return
    day, last = _get_local_days(event, venue.city.tzid)
    while day <= last:
        if is_closed_on(venue, day) and not _is_over_before_closing(event, venue, day):
            yield Contradiction(
                "{venue} is closed on {day}, a day of {event}",
                kind=ClashKind.CLOSED,
                about=(event.key,),
                rows={"venue": venue, "event": event},
                venue=venue.key,
                day=day,
                event=event.key,
            )
        day += timedelta(days=1)


def is_closed_on(venue: Venue, day: date) -> bool:
    """Return whether a venue does not open on a day."""
    closures = _list_closures_on(venue, day)
    if closures:
        return all(closure.opens is None for closure in closures)
    if venue.hours and all(hours.weekday != day.weekday() for hours in venue.hours):
        return True
    return bool(venue.holidays and list_holidays(venue.holidays, day, day))


def _list_closures_on(venue: Venue, day: date) -> list[Closure]:
    return [closure for closure in venue.closures if closure.first_on <= day <= closure.last_on]


def _is_over_before_closing(event: Event, venue: Venue, day: date) -> bool:
    """Return whether an event ends on a day while its venue is still open from the evening before.

    A reception until one o'clock, where the venue closes at two, does not need the venue to open on that day.
    """
    if event.whole_days or event.ends_at is None:
        return False
    end, eve = wall(event.ends_at, venue.city.tzid), day - timedelta(days=1)
    weekly = [hours for hours in venue.hours if hours.weekday == eve.weekday()]
    return any(
        hours.opens is not None
        and hours.closes is not None
        and hours.closes <= hours.opens
        and end <= datetime.combine(day, hours.closes)
        for hours in _list_closures_on(venue, eve) or weekly
    )

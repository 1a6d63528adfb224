"""Cities, organisations, venues, people and feeds: written from drafts, and read back as drafts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, joinedload

from scheduler.base.clock import wall
from scheduler.base.errors import Conflict, Invalid
from scheduler.base.text import Text, fold_text
from scheduler.model.events import Event, Kind
from scheduler.model.feeds import Feed, is_built_in
from scheduler.model.places import City, Closure, OpeningHours, Organisation, Person, Travel, Venue
from scheduler.services.address.library import check_office
from scheduler.services.common.audit import note
from scheduler.services.common.changes import Change, ChangeKind, change
from scheduler.services.common.day_drafts import find_passed_days
from scheduler.services.common.drafts import Draft
from scheduler.services.common.lookup import Lookup
from scheduler.services.common.plain_values import Interval
from scheduler.services.events.programme.event_drafts import EventDraft
from scheduler.services.events.programme.place_drafts import (
    CityDraft,
    ClosureDraft,
    FeedDraft,
    OrganisationDraft,
    PersonDraft,
    VenueDraft,
)
from scheduler.services.events.programme.place_reading import Place, read_closures, read_fields, read_weekly_hours
from scheduler.services.events.programme.rendering.revisions import revise

KeyedRow = Place | Feed
D = TypeVar("D", bound=Draft)


@dataclass(frozen=True, slots=True)
class Noun:
    """A kind of row with a key: its name in files and commands, its class, its draft."""

    name: str
    kind: type[Any]
    draft: type[Draft]


NOUNS = {
    noun.name: noun
    for noun in (
        Noun("city", City, CityDraft),
        Noun("organisation", Organisation, OrganisationDraft),
        Noun("venue", Venue, VenueDraft),
        Noun("person", Person, PersonDraft),
        Noun("feed", Feed, FeedDraft),
    )
}


def put(
    session: Session, noun: Noun, key: str, draft: Draft, *, now: datetime, language: str, lookup: Lookup
) -> Change:
    """Make the row with this key be as the draft says, and revise the events that show it.

    ``language`` is for a person whose draft has none. Raise NotFound for a key in the draft that does not exist,
    Conflict for the key of a built-in feed.
    """
    row = find_row(noun, key, draft, lookup)
    before = read_draft(row) if row else None
    after = complete(draft, language)
    done = change(noun.name, key, before, after)
    if not done.is_change:
        return done
    row = row or _create(noun, key)
    _write(row, after, lookup)
    session.add(row)
    session.flush()
    lookup.remember(row)
    note(session, "add" if before is None else "change", noun.name, key, now=now, fields=sorted(done.fields))
    if done.verb is ChangeKind.CHANGED:
        revise_events_with(session, row, now=now)
    return replace(done, doubts=_find_passed_days(row, before, after, now)) if isinstance(row, Venue) else done


def _find_passed_days(row: Venue, before: Draft | None, after: Draft, now: datetime) -> tuple[str, ...]:
    return find_passed_days(
        getattr(before, "closed", ()), getattr(after, "closed", ()), today=wall(now, row.city.tzid).date()
    )


def change_organisation(
    session: Session, row: Organisation, draft: OrganisationDraft, *, now: datetime, language: str
) -> Change:
    """Make an organisation be as the draft says, and revise the events that show it."""
    return put(session, NOUNS["organisation"], row.key, draft, now=now, language=language, lookup=Lookup(session))


def read_organisation_draft(row: Organisation) -> OrganisationDraft:
    """Return the draft that makes an organisation as this one is."""
    return OrganisationDraft.model_construct(**read_fields(row))


def _create(noun: Noun, key: str) -> KeyedRow:
    """Create a row. Raise Conflict for a feed with the key of a built-in one."""
    if noun.kind is Feed and is_built_in(key):
        raise Conflict("{key} is the key of a feed that is always there; choose another", key=key)
    made: KeyedRow = noun.kind(key=key)
    return made


def find_row(noun: Noun, key: str, draft: Draft, lookup: Lookup) -> KeyedRow | None:
    """Return the row that a draft is about, if there is one: with this key, or a visitor who gets it."""
    row: KeyedRow | None = lookup.find(noun.kind, key)
    return row or _adopt_visitor(lookup, key, draft)


def _adopt_visitor(lookup: Lookup, key: str, draft: Draft) -> Person | None:
    """Give the key to a visitor with the same address and name: they registered before they were planned with."""
    if not isinstance(draft, PersonDraft) or draft.email is None:
        return None
    same = sa.select(Person).where(Person.key.is_(None), Person.identity == make_identity(draft.email, draft.name))
    guest = lookup.session.scalar(same)
    if guest is not None:
        guest.key = key
        lookup.remember(guest)
    return guest


def complete(draft: Draft, language: str) -> Draft:
    """Return a draft with a language for a person without one, and with closures in order."""
    if isinstance(draft, PersonDraft) and draft.language is None:
        return draft.model_copy(update={"language": language})
    if isinstance(draft, VenueDraft):
        return draft.model_copy(update={"closed": tuple(sorted(draft.closed, key=lambda one: one.first_day))})
    return draft


def revise_events_with(session: Session, row: KeyedRow, *, now: datetime) -> None:
    """Revise the events that show a city, an organisation or a venue."""
    revise(session, session.scalars(_select_events_with(row)), now=now)


def _select_events_with(row: KeyedRow) -> sa.Select[Event]:
    events = sa.select(Event)
    if isinstance(row, Venue):
        return events.where(Event.venue_id == row.id)
    if isinstance(row, Organisation):
        return events.where(Event.organizer_id == row.id)
    if isinstance(row, City):
        return events.where(sa.or_(Event.venue.has(Venue.city_id == row.id), Event.cities.any(City.id == row.id)))
    return events.where(sa.false())


# Rows from drafts


def _write(row: KeyedRow, draft: Draft, lookup: Lookup) -> None:
    match row, draft:
        case City(), CityDraft():
            row.name, row.country, row.tzid = draft.name, draft.country, draft.tz
        case Organisation(), OrganisationDraft():
            for name in OrganisationDraft.model_fields:
                setattr(row, name, getattr(draft, name))
        case Person(), PersonDraft():
            write_person(row, draft, lookup)
        case Venue(), VenueDraft():
            _write_venue(row, draft, lookup)
        case Feed(), FeedDraft():
            _write_feed(row, draft, lookup)


def write_person(row: Person, draft: PersonDraft, lookup: Lookup) -> None:
    """Write a draft into a person. Raise NotFound if its organisation does not exist, Invalid for its office."""
    check_office(lookup.session, draft.office_class)
    for name in _WRITTEN_AS_THEY_ARE:
        setattr(row, name, getattr(draft, name))
    row.tzid = draft.tz
    row.identity = make_identity(draft.email, draft.name)
    row.organisation = lookup.get(Organisation, draft.organisation) if draft.organisation else None


_WRITTEN_AS_THEY_ARE = tuple(name for name in PersonDraft.model_fields if name not in ("organisation", "tz"))


def make_identity(email: str | None, name: Text) -> str | None:
    """Return what two registrations of one person share: address and name, folded. None without an address."""
    return f"{fold_text(email)}|{fold_text(str(name))}"[:600] if email else None  # folding makes some letters longer


def _write_venue(row: Venue, draft: VenueDraft, lookup: Lookup) -> None:
    for name in ("name", "address", "directions", "capacity", "latitude", "longitude", "holidays"):
        setattr(row, name, getattr(draft, name))
    row.city = lookup.get(City, draft.city)
    write_hours(row, draft, lookup.session)


def _write_feed(row: Feed, draft: FeedDraft, lookup: Lookup) -> None:
    for city in draft.cities:
        lookup.get(City, city)
    for organizer in draft.organizers:
        lookup.get(Organisation, organizer)
    for tour in draft.tours:
        lookup.get(Event, tour)
    row.name, row.past_days, row.kinds = draft.name, draft.past_days, [str(kind) for kind in draft.kinds]
    row.cities, row.organizers, row.tours = list(draft.cities), list(draft.organizers), list(draft.tours)


def write_hours(row: Venue | Event, draft: VenueDraft | EventDraft, session: Session) -> None:
    """Write opening hours and closures of a venue or an exhibition.

    Old hours are deleted first, because a new row with the same weekday and opening time would violate a constraint.
    """
    if read_weekly_hours(row.hours) != draft.hours:
        if row.hours:
            row.hours.clear()
            session.flush()
        row.hours.extend(_make_hours(draft.hours))
    if read_closure_drafts(row.closures) != draft.closed:
        row.closures = _make_closures(draft.closed)


def _make_hours(weekly: Iterable[tuple[int, Interval]]) -> list[OpeningHours]:
    return [OpeningHours(weekday=day, opens=opens, closes=closes) for day, (opens, closes) in weekly]


def _make_closures(closed: Iterable[ClosureDraft]) -> list[Closure]:
    return [
        Closure(
            first_on=closure.first_day,
            last_on=closure.last_day,
            opens=closure.hours[0] if closure.hours else None,
            closes=closure.hours[1] if closure.hours else None,
            reason=closure.reason,
        )
        for closure in closed
    ]


# Drafts from rows


def read_draft(row: KeyedRow) -> Draft:
    """Return the draft that makes a row as this one is."""
    fields = _read_feed(row) if isinstance(row, Feed) else read_fields(row)
    if isinstance(row, Venue):
        fields["closed"] = read_closure_drafts(row.closures)
    kind = next(noun.draft for noun in NOUNS.values() if isinstance(row, noun.kind))
    return kind.model_construct(**fields)


def read_closure_drafts(rows: Iterable[Closure]) -> tuple[ClosureDraft, ...]:
    """Return closures as a draft has them, in order."""
    return tuple(ClosureDraft.model_construct(**fields) for fields in read_closures(rows))


def _read_feed(row: Feed) -> dict[str, Any]:
    return {
        "name": row.name,
        "kinds": tuple(Kind(kind) for kind in row.kinds),
        "cities": tuple(row.cities),
        "organizers": tuple(row.organizers),
        "tours": tuple(row.tours),
        "past_days": row.past_days,
    }


TravelTimes = Mapping[frozenset[int], timedelta]  # by the ids of two cities
LONGEST_JOURNEY = timedelta(days=7)


def state_travel(session: Session, one: City, other: City, takes: timedelta | None, *, now: datetime) -> None:
    """State how long a journey between two cities takes, from door to door, either way; None forgets it.

    Raise Invalid for a journey within a city, of no whole minutes, or longer than a week.
    """
    if one.id == other.id:
        raise Invalid("to: give two different cities")
    if takes is not None and (not MINUTE <= takes <= LONGEST_JOURNEY or takes % MINUTE):
        raise Invalid("time: a journey takes from one minute to seven days, in whole minutes")
    pair = tuple(sorted((one.id, other.id)))
    row = session.get(Travel, pair)
    if takes is not None:
        session.add(row := row or Travel(from_id=pair[0], to_id=pair[1]))
        row.takes = takes
    elif row is not None:
        session.delete(row)
    session.flush()
    minutes = None if takes is None else takes // MINUTE
    note(session, "travel", "city", one.key, now=now, to=other.key, minutes=minutes)


MINUTE = timedelta(minutes=1)


def list_travel(session: Session) -> Sequence[Travel]:
    """Return all journeys that are stated, by the keys of their cities."""
    cities = (aliased(City), aliased(City))
    query = (
        sa.select(Travel)
        .join(cities[0], Travel.from_id == cities[0].id)
        .join(cities[1], Travel.to_id == cities[1].id)
    )
    with_cities = (joinedload(Travel.from_city), joinedload(Travel.to_city))
    return session.scalars(query.options(*with_cities).order_by(cities[0].key, cities[1].key)).all()


def read_travel_times(session: Session) -> TravelTimes:
    """Return how long the journeys take that are stated."""
    rows = session.execute(sa.select(Travel.from_id, Travel.to_id, Travel.takes))
    return {frozenset((one, other)): takes for one, other, takes in rows}

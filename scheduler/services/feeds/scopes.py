"""Which feeds there are: built in, composed by officers, and put together by a reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import NotFound
from scheduler.base.i18n import LANGUAGES, N_, catalogue
from scheduler.base.text import Text
from scheduler.model import City, Event, Feed, FeedLink, Kind, Organisation, Sees, Venue, Visibility
from scheduler.model.events import event_city
from scheduler.model.feeds import CHOICE, CITY_PREFIX, EVERYTHING, KIND_FEEDS, is_built_in
from scheduler.services.common.lookup import K
from scheduler.services.common.values import KEY
from scheduler.services.events.programme.renderings import KIND_NAMES

FACETS = ("kind", "city", "organizer", "tour")  # of what
MOST_CHOSEN = 50  # of each


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a feed shows: events within all of these; an empty list restricts nothing. To whom: ``sees``, and for a
    person's own agenda whose it is."""

    key: str
    name: Text
    kinds: Sequence[str] = ()
    cities: Sequence[str] = ()
    organizers: Sequence[str] = ()
    tours: Sequence[str] = ()
    past_days: int = 60
    sees: Sees = Sees.PUBLIC
    person_id: int | None = None

    def seen_by(self, link: FeedLink) -> Scope:
        """The same for the holder of a link."""
        return replace(self, sees=link.sees, person_id=link.person_id)


def every(session: Session) -> Iterator[Scope]:
    """Every feed there is: everything, each kind, each city, and those that officers composed."""
    return _every(session, sa.select(City))


def every_public(session: Session) -> Iterator[Scope]:
    """Those that everybody may know of."""
    return _every(session, _announced())


def _every(session: Session, cities: sa.Select[City]) -> Iterator[Scope]:
    yield _everything()
    yield from map(_of_kind, KIND_FEEDS)
    yield from map(_of_city, session.scalars(cities.order_by(City.key)))
    for feed in session.scalars(sa.select(Feed).order_by(Feed.key)):
        if not is_built_in(feed.key):  # added by a version that let them: it must not show other than its name says
            yield _of_row(feed)


def get(session: Session, key: str) -> Scope:
    """The feed of that key. Raises NotFound, with the keys there are."""
    found = _find(session, key, sa.select(City))
    if found is None:
        known = ", ".join(one.key for one in every(session))
        raise NotFound("there is no feed {key}; there are {known}", key=key, known=known)
    return found


def get_public(session: Session, key: str) -> Scope:
    """The same for everybody; what there is not is not answered by what there is."""
    found = _find(session, key, _announced())
    if found is None:
        raise NotFound("there is no feed {key}", key=key)
    return found


def _find(session: Session, key: str, cities: sa.Select[City]) -> Scope | None:
    if key == EVERYTHING:
        return _everything()
    if key in KIND_FEEDS:
        return _of_kind(key)
    if key.startswith(CITY_PREFIX):
        city = session.scalar(cities.where(City.key == key.removeprefix(CITY_PREFIX)))
        return _of_city(city) if city else None
    feed = session.scalar(sa.select(Feed).where(Feed.key == key))
    return _of_row(feed) if feed and not is_built_in(key) else None


def _announced() -> sa.Select[City]:
    """A city whose events are not public yet is not told by its feed."""
    return sa.select(City).where(City.id.in_(_announced_cities()))


def _announced_cities() -> sa.CompoundSelect[int]:
    """Those of a public event, dated or not."""
    public = Event.visibility == Visibility.PUBLIC
    at_venue = sa.select(Venue.city_id).join(Event, Event.venue_id == Venue.id).where(public)
    named = sa.select(event_city.c.city_id).join(Event, Event.id == event_city.c.event_id).where(public)
    return at_venue.union(named)


def chosen(session: Session, wanted: Mapping[str, Sequence[str]]) -> Scope:
    """The feed of a reader's own choice: ``kind``, ``city``, ``organizer`` and ``tour``, several of each.

    Raises NotFound for what there is not, as far as everybody may know: an address that was cut short must not show
    more than was chosen, and none may tell that a city or an organisation is being planned with.
    """
    if wanted.keys() - FACETS or any(len(keys) > MOST_CHOSEN for keys in wanted.values()):
        raise NotFound("there is no such choice")
    chosen = {name: sorted(set(wanted.get(name, ()))) for name in FACETS}
    # Before the database is asked: PostgreSQL cannot be asked for everything that an address can hold.
    if not all(KEY.fullmatch(key) for name in FACETS[1:] for key in chosen[name]):
        raise NotFound("there is no such choice")
    public = Event.visibility == Visibility.PUBLIC
    cities = _known(session, City, chosen["city"], City.id.in_(_announced_cities()))
    _known(session, Event, chosen["tour"], public)
    organizers = sa.select(Event.organizer_id).where(public)
    _known(session, Organisation, chosen["organizer"], Organisation.id.in_(organizers))
    kinds = [_kind(word) for word in chosen["kind"]]
    return Scope(
        key=CHOICE,
        name=_joined([*(_translated(KIND_NAMES[kind]) for kind in kinds), *(row.name for row in cities)]),
        kinds=kinds,
        cities=chosen["city"],
        organizers=chosen["organizer"],
        tours=chosen["tour"],
    )


def _known(session: Session, kind: type[K], keys: Sequence[str], public: sa.ColumnElement[bool]) -> list[K]:
    found = session.scalars(sa.select(kind).where(kind.key.in_(keys), public).order_by(kind.key)).all()
    if len(found) != len(keys):
        raise NotFound("there is no such choice")
    return list(found)


def _kind(word: str) -> Kind:
    try:
        return Kind(word)
    except ValueError as error:
        raise NotFound("there is no such choice") from error


def _joined(names: Sequence[Text]) -> Text:
    if not names:
        return _everything().name
    return Text({language: ", ".join(name.to(language) for name in names) for language in LANGUAGES})


def _everything() -> Scope:
    return Scope(key=EVERYTHING, name=_translated(N_("Programme")))


def _of_kind(key: str) -> Scope:
    kind, name = KIND_FEEDS[key]
    return Scope(key=key, name=_translated(name), kinds=(kind,))


def _of_city(city: City) -> Scope:
    return Scope(key=CITY_PREFIX + city.key, name=city.name, cities=(city.key,))


def _of_row(feed: Feed) -> Scope:
    return Scope(
        key=feed.key,
        name=feed.name,
        kinds=feed.kinds,
        cities=feed.cities,
        organizers=feed.organizers,
        tours=feed.tours,
        past_days=feed.past_days,
    )


def _translated(name: str) -> Text:
    return Text({language: catalogue(language).gettext(name) for language in LANGUAGES})

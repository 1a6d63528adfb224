"""The scopes of feeds: built in, composed by officers, and chosen by a reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import NotFound
from scheduler.base.i18n import LANGUAGES, N_, load_catalogue
from scheduler.base.text import KEY, Text
from scheduler.model.events import Event, Kind, Visibility
from scheduler.model.feeds import CHOICE, CITY_PREFIX, EVERYTHING, KIND_FEEDS, Feed, FeedLink, Sees, is_built_in
from scheduler.model.places import City, Organisation
from scheduler.services.common.lookup import K, find_current_keys
from scheduler.services.events.programme.agenda_reading import has_public_event
from scheduler.services.events.programme.rendering.kind_names import KIND_NAMES

FACETS = ("kind", "city", "organizer", "tour")  # what a reader can choose by
MAX_CHOSEN = 50  # values of one facet


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The scope of a feed: the events that match every list; an empty list restricts nothing.

    ``sees`` says what its reader may see; ``person_id`` is the person whose own agenda it is.
    """

    key: str
    name: Text
    kinds: Sequence[str] = ()
    cities: Sequence[str] = ()
    organizers: Sequence[str] = ()
    tours: Sequence[str] = ()
    past_days: int = 60
    sees: Sees = Sees.PUBLIC
    person_id: int | None = None

    def for_link(self, link: FeedLink) -> Scope:
        """Return this scope as the holder of a link may see it, with a name that no other feed of theirs has."""
        return replace(self, sees=link.sees, person_id=link.person_id, name=self._name_for(link))

    def _name_for(self, link: FeedLink) -> Text:
        if link.sees is Sees.PRIVATE:
            return _translated(N_("{feed}, with private events"), feed=self.name)
        if link.person is None:
            return self.name
        if self.key == EVERYTHING:
            return _translated(N_("Agenda of {name}"), name=link.person.name)
        return _translated(N_("Agenda of {name}: {feed}"), name=link.person.name, feed=self.name)


def all_scopes(session: Session) -> Iterator[Scope]:
    """Yield the scopes of all feeds: everything, each kind, each city, and those that officers composed."""
    return _all_scopes(session, sa.select(City))


def public_scopes(session: Session) -> Iterator[Scope]:
    """Yield the scopes that everybody may know of."""
    return _all_scopes(session, _public_cities())


def _all_scopes(session: Session, cities: sa.Select[City]) -> Iterator[Scope]:
    yield _everything()
    yield from map(_of_kind, KIND_FEEDS)
    yield from map(_of_city, session.scalars(cities.order_by(City.key)))
    for feed in session.scalars(sa.select(Feed).order_by(Feed.key)):
        # Early versions let officers give a feed the key of a built-in one.
        if not is_built_in(feed.key):
            yield _of_row(feed)


def get(session: Session, key: str) -> Scope:
    """Return the feed with this key. Raise NotFound, with a list of all keys, if there is none."""
    found = _find(session, key, sa.select(City))
    if found is None:
        known = ", ".join(one.key for one in all_scopes(session))
        raise NotFound("there is no feed {key}; there are {known}", key=key, known=known)
    return found


def get_public(session: Session, key: str) -> Scope:
    """Return the public feed with this key. Raise NotFound, without a list of other feeds, if there is none."""
    found = _find(session, key, _public_cities())
    if found is None:
        raise NotFound("there is no feed {key}", key=key)
    return found


def _find(session: Session, key: str, cities: sa.Select[City]) -> Scope | None:
    if key == EVERYTHING:
        return _everything()
    if key in KIND_FEEDS:
        return _of_kind(key)
    if key.startswith(CITY_PREFIX):
        keys = find_current_keys(session, City, [key.removeprefix(CITY_PREFIX)])
        city = session.scalar(cities.where(City.key.in_(keys)))
        return _of_city(city) if city else None
    feed = session.scalar(sa.select(Feed).where(Feed.key == key))
    return _of_row(feed) if feed and not is_built_in(key) else None


def _public_cities() -> sa.Select[City]:
    """Select the cities that have a public event; a feed of another city would reveal that something is planned."""
    return sa.select(City).where(has_public_event())


def resolve_choice(session: Session, wanted: Mapping[str, Sequence[str]]) -> Scope:
    """Return the scope of a reader's own choice; ``wanted`` has keys by facet, several of each.

    Raise NotFound if any of them is not publicly known. An address that was cut short must not show more than was
    chosen, and no answer may reveal that something is planned in a city or by an organisation.
    """
    if wanted.keys() - FACETS or any(len(keys) > MAX_CHOSEN for keys in wanted.values()):
        raise NotFound("there is no such selection of events")
    chosen = {name: sorted(set(wanted.get(name, ()))) for name in FACETS}
    # Checked before the database sees them: an address can hold characters that PostgreSQL does not accept.
    if not all(KEY.fullmatch(key) for name in FACETS[1:] for key in chosen[name]):
        raise NotFound("there is no such selection of events")
    chosen["city"] = find_current_keys(session, City, chosen["city"])
    chosen["organizer"] = find_current_keys(session, Organisation, chosen["organizer"])
    public = Event.visibility == Visibility.PUBLIC
    cities = _require_all(session, City, chosen["city"], has_public_event())
    _require_all(session, Event, chosen["tour"], public)
    organizers = sa.select(Event.organizer_id).where(public)
    _require_all(session, Organisation, chosen["organizer"], Organisation.id.in_(organizers))
    kinds = [_kind(word) for word in chosen["kind"]]
    return Scope(
        key=CHOICE,
        name=_join_names([*(_translated(KIND_NAMES[kind]) for kind in kinds), *(row.name for row in cities)]),
        kinds=kinds,
        cities=chosen["city"],
        organizers=chosen["organizer"],
        tours=chosen["tour"],
    )


def _require_all(session: Session, kind: type[K], keys: Sequence[str], public: sa.ColumnElement[bool]) -> list[K]:
    found = session.scalars(sa.select(kind).where(kind.key.in_(keys), public).order_by(kind.key)).all()
    if len(found) != len(keys):
        raise NotFound("there is no such selection of events")
    return list(found)


def _kind(word: str) -> Kind:
    try:
        return Kind(word)
    except ValueError as error:
        raise NotFound("there is no such selection of events") from error


def _join_names(names: Sequence[Text]) -> Text:
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


def _translated(sentence: str, **words: Text) -> Text:
    return Text.from_lazy(_Translations(sentence, words))


class _Translations(Mapping[str, str]):
    """The translations of a sentence by language: a catalogue takes long to read, and a list needs one at most."""

    def __init__(self, sentence: str, words: Mapping[str, Text]) -> None:
        self._sentence, self._words = sentence, words

    def __getitem__(self, language: str) -> str:
        if language not in LANGUAGES:
            raise KeyError(language)
        translated = load_catalogue(language).gettext(self._sentence)
        return translated.format(**{name: word.to(language) for name, word in self._words.items()})

    def __contains__(self, language: object) -> bool:
        return language in LANGUAGES

    def __iter__(self) -> Iterator[str]:
        return iter(LANGUAGES)

    def __len__(self) -> int:
        return len(LANGUAGES)

"""Addresses of feeds: `Address` writes them, `parse_address` reads them. Each feed has one form, to be cached once.

/feeds/all.kk.ics                          a public feed, in a language
/feeds/all.kk.hours.alarms.ics             exhibitions by their opening hours; with an alarm one hour before
/feeds/all.kk.alarms-1d-1h.ics             with alarms the day before and one hour before
/feeds/choice.kk.ics?kind=visit&city=astana  a reader's own choice
/private/7-k3j4….kk.ics                    a private link
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, urlencode

from scheduler.base.errors import NotFound
from scheduler.base.i18n import LANGUAGES
from scheduler.model.feeds import CHOICE
from scheduler.services.feeds.alarms import ALARMS, NONE
from scheduler.services.feeds.scopes import FACETS

PUBLIC, PRIVATE = "/feeds/", "/private/"
MAX_QUERY_LENGTH = 2000  # characters
_LANGUAGES = "|".join(LANGUAGES)
_HOUR_BEFORE = "1h"  # the only alarm there once was: its addresses say just "alarms"
_ALARMS = "|".join(alarms for alarms in ALARMS if alarms not in (NONE, _HOUR_BEFORE))
_NAME = re.compile(rf"([a-z0-9]+(?:-[a-z0-9]+)*)\.({_LANGUAGES})(\.hours)?(\.alarms(?:-({_ALARMS}))?)?\.ics")


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of a feed's address. ``name`` is the key of a feed, or the token of a private link."""

    name: str
    language: str
    by_hours: bool = False
    alarms: str = NONE  # a key of ALARMS
    private: bool = False
    chosen: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """Return a file name in ASCII, without the token of a private link."""
        name = "programme" if self.private else self.name
        return ".".join((name, self.language, *self._options(), "ics"))

    def __str__(self) -> str:
        """Return the path and query."""
        name = ".".join((self.name, self.language, *self._options(), "ics"))
        return f"{PRIVATE if self.private else PUBLIC}{name}{self._query() if self.chosen else ''}"

    def _query(self) -> str:
        facets = [(key, value) for key in FACETS for value in sorted(set(self.chosen.get(key, ())))]
        return f"?{urlencode(facets, quote_via=quote)}" if facets else ""

    def _options(self) -> Iterator[str]:
        if self.by_hours:
            yield "hours"
        if self.alarms:
            yield "alarms" if self.alarms == _HOUR_BEFORE else f"alarms-{self.alarms}"


def parse_address(path: str, query: str = "") -> Address:
    """Return the address with this path and query. Raise NotFound if it is not one of a feed."""
    prefix = next((prefix for prefix in (PUBLIC, PRIVATE) if path.startswith(prefix)), None)
    found = _NAME.fullmatch(path.removeprefix(prefix)) if prefix else None
    if found is None or len(query) > MAX_QUERY_LENGTH:
        raise NotFound("there is no such feed")
    name, language, hours, rings, alarms = found.groups()
    private = prefix == PRIVATE
    # Only a choice has a query; what trackers append to another address (?utm_source=) must not make it another feed.
    chosen = parse_qs(query) if name == CHOICE and not private else {}
    return Address(name, language, bool(hours), alarms or (_HOUR_BEFORE if rings else NONE), private, chosen)

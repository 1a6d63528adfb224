"""The addresses of feeds: written for links, read by the server; one form each, so that it is cached once.

/feeds/all.kk.ics                          a public feed, in a language
/feeds/all.kk.hours.alarms.ics             exhibitions by their opening hours; with alarms
/feeds/choice.kk.ics?kind=visit&city=astana  a reader's own choice
/private/7-k3j4….kk.ics                    a link
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, urlencode

from scheduler.base.errors import NotFound
from scheduler.base.i18n import LANGUAGES
from scheduler.model.feeds import CHOICE
from scheduler.services.feeds.scopes import FACETS

PUBLIC, PRIVATE = "/feeds/", "/private/"
MAX_QUERY_LENGTH = 2000  # characters of a query
_LANGUAGES = "|".join(LANGUAGES)
_NAME = re.compile(rf"([a-z0-9]+(?:-[a-z0-9]+)*)\.({_LANGUAGES})(\.hours)?(\.alarms)?\.ics")


@dataclass(frozen=True, slots=True)
class Address:
    """What an address asks for: ``name`` is a feed's key, or the token of a private link."""

    name: str
    language: str
    by_hours: bool = False
    alarms: bool = False
    private: bool = False
    chosen: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """ASCII; the token of a private link stays in the address."""
        name = "programme" if self.private else self.name
        return ".".join(filter(None, (name, self.language, *self._form(), "ics")))

    def __str__(self) -> str:
        """The path and query."""
        name = ".".join((self.name, self.language, *self._form(), "ics"))
        facets = [(key, value) for key in FACETS for value in sorted(set(self.chosen.get(key, ())))]
        query = urlencode(facets, quote_via=quote)
        return f"{PRIVATE if self.private else PUBLIC}{name}{'?' if query else ''}{query}"

    def _form(self) -> Iterator[str]:
        if self.by_hours:
            yield "hours"
        if self.alarms:
            yield "alarms"


def read(path: str, query: str = "") -> Address:
    """Raises NotFound for what is no address of a feed."""
    prefix = next((prefix for prefix in (PUBLIC, PRIVATE) if path.startswith(prefix)), None)
    found = _NAME.fullmatch(path.removeprefix(prefix)) if prefix else None
    if found is None or len(query) > MAX_QUERY_LENGTH:
        raise NotFound("there is no such feed")
    name, language, hours, alarms = found.groups()
    private = prefix == PRIVATE
    # What follows the address of a feed by accident (a tracker's ?utm_source=) does not make another feed of it.
    chosen = parse_qs(query) if name == CHOICE and not private else {}
    return Address(name, language, bool(hours), bool(alarms), private, chosen)

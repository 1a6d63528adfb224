"""Scopes of the pages of the desk: what a page is about, found among what an officer may know of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from scheduler.model.accounts import Act
from scheduler.services.accounts import rights
from scheduler.services.accounts.accounts import Officer


class AccessScope(NamedTuple):
    """The kind of thing that a page is about, in words, and the arguments of its address that name the one.

    ``find`` takes their values, and raises NotFound for what the officer may not know of.
    """

    words: str
    arguments: tuple[str, ...]
    find: Callable[..., object]

    def require(self, session: Session, officer: Officer, given: Mapping[str, Any]) -> None:
        """Raise NotFound if the page is about something that the officer may not know of."""
        self.find(session, officer, *(given[name] for name in self.arguments))


class Right(NamedTuple):
    """The right that a page requires: all of these acts, on the thing that it is about."""

    acts: tuple[Act, ...]
    about: AccessScope


def _find_nothing(_session: Session, _officer: Officer) -> None:
    pass


LISTS = AccessScope("all that the account may know of", (), _find_nothing)
OWN_ACCOUNT = AccessScope("the account itself", (), _find_nothing)
EVENT = AccessScope("an event that the account may know of", ("key",), rights.get_event)
PLANNED = AccessScope("an event or a tour that the account may know of", ("key",), rights.get_planned_event)
ORGANISATION = AccessScope("an organisation", ("key",), rights.get_organisation)
VENUE = AccessScope("a venue", ("key",), rights.get_venue)
CITY = AccessScope("a city", ("key",), rights.get_city)
PERSON = AccessScope("a person of the directory", ("number",), rights.get_known_person)
GUEST = AccessScope("a guest of an event that the account may know of", ("key", "number"), rights.get_guest)
UPLOAD = AccessScope("a guest list that the account is bringing in", ("key", "number"), rights.get_upload)
LETTER = AccessScope("a letter about an event that the account may know of", ("key", "number"), rights.get_letter)
MESSAGE = AccessScope("a message about an event that the account may know of", ("key", "number"), rights.get_message)
INCOMING_MAIL = AccessScope(
    "a mail that came in, about no event or one that the account may know of", ("number",), rights.get_incoming_mail
)
VISIT_LETTER = AccessScope(
    "a letter about a visit to a post of the account", ("reference", "number"), rights.get_visit_letter
)
ARRIVAL = AccessScope("an arrival at an event that the account may know of", ("key", "number"), rights.get_arrival)
POST = AccessScope("a post of the account", ("key",), rights.get_post)
VISIT = AccessScope("a visit to a post of the account", ("reference",), rights.get_visit)
VISIT_AT_POST = AccessScope("a visit to this post of the account", ("key", "reference"), rights.get_visit_at_post)
# Arguments that choose among a few words of ours, and name nothing that anybody could be kept from.
CHOICES = {"language", "kind", "tag", "verb", "_verb"}

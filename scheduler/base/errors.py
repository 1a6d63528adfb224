"""Errors as sentences for people.

A message is an English sentence with named places, filled from ``facts``; the sentence itself is the key of the
catalogue, so it stays translatable. Edges translate: the command line maps a kind of error to an exit code, the web
to a status, each in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from scheduler.base.i18n import drop_context
from scheduler.base.vocabulary import key_of_word

Gettext = Callable[[str], str]


class SchedulerError(Exception):
    """Something could not be done."""

    def __init__(self, message: str = "", **facts: object) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.facts = facts
        super().__init__(message)

    def __str__(self) -> str:
        return self.text(drop_context)

    def text(self, gettext: Gettext, *, names_in: str = "") -> str:
        """Return the sentence in the reader's language, on one line.

        ``names_in`` is the language of the names in it; without one, things are called by their keys.
        """
        facts = {name: _text(value, gettext, names_in) for name, value in self.facts.items()}
        return " ".join((gettext(self.message).format(**facts) if facts else gettext(self.message)).split())


class KeyedName:
    """Fact of an error: a person or a thing, by its key for those who type commands, else by its name."""

    def __init__(self, key: str | None, names: Mapping[str, str]) -> None:
        """Keep the names by language, English among them; they outlive the session that they were read in."""
        self.key, self.names = key, names

    def __str__(self) -> str:
        return self.key or self.names["en"]


def _text(value: object, gettext: Gettext, names_in: str) -> object:
    """Translate a fact that is itself an error, a word of our enumerations, or somebody's name."""
    if isinstance(value, StrEnum):
        return gettext(key_of_word(value))
    if isinstance(value, KeyedName):
        return value.names.get(names_in, value.names["en"]) if names_in else str(value)
    return value.text(gettext, names_in=names_in) if isinstance(value, SchedulerError) else value


class NotFound(SchedulerError):
    """There is no such thing."""


class Invalid(SchedulerError):
    """That cannot be understood."""


class Conflict(SchedulerError):
    """That contradicts what is already planned."""


class NothingToChange(Conflict):
    """This changes nothing: it is so already."""


class Forbidden(SchedulerError):
    """That is not allowed."""


class Problems(SchedulerError):
    """Several things are wrong at once; each is told."""

    def __init__(self, problems: Sequence[SchedulerError]) -> None:
        self.problems = tuple(problems)
        super().__init__("Problems found: {count}; nothing was changed.", count=len(self.problems))


def combine_errors(problems: Sequence[SchedulerError]) -> SchedulerError:
    """Combine errors into one: a single error stays as it is, several become Problems."""
    return problems[0] if len(problems) == 1 else Problems(problems)


def list_errors(error: SchedulerError) -> Sequence[SchedulerError]:
    """List the errors of a combined one, the inverse of `combine_errors`."""
    return error.problems if isinstance(error, Problems) else (error,)

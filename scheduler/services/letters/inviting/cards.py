"""The card of a formal invitation: the host in the third person, the occasion, the date in words, the place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from scheduler.base.date_format import format_days
from scheduler.base.date_words import spell_moment
from scheduler.base.i18n import N_, NC_, load_catalogue
from scheduler.base.text import fill_placeholders, has_empty_placeholder
from scheduler.model.events import Event, Mode, Timing
from scheduler.model.letters import LetterKind
from scheduler.services.events.programme.rendering.card_words import CardKind, CardPart, get_own_words
from scheduler.services.events.programme.rendering.event_texts import format_location
from scheduler.services.letters.envelope import Signature

# The letters that begin with a card, and which one.
ON_CARDS = {LetterKind(kind): kind for kind in CardKind}
# Ambassadors and those above them: their company is an honour, that of others a pleasure.
_HONOURED = frozenset(
    {
        *("king", "president", "prime-minister", "minister", "ambassador", "pope", "patriarch", "cardinal"),
        *("supreme-patriarch", "statesman", "privy-council-president", "parliament-president", "house-speaker"),
        *("senate-president", "supreme-court-president", "constitutional-court-president"),
    }
)
# The standard words of each card, with the placeholders that an officer can write in words of their own.
_INVITES = N_("{host}\nrequests the {honour} of your company at\n{occasion}\n{when}\nat {where}")
_STANDARD = {
    CardKind.INVITATION: _INVITES,
    CardKind.SAVE_THE_DATE: N_(
        "{host}\nasks you to keep this date free for\n{occasion}\n{when}\nAn invitation will follow."
    ),
    CardKind.POUR_MEMOIRE: _INVITES,
}
_HONOUR = NC_("card of invitation", "honour")
_PLEASURE = NC_("card of invitation", "pleasure")
_BY_VIDEO = NC_("card of invitation", "by video")  # in the place of the line that says where
_TO_REMIND = NC_("card of invitation", "p.m.")  # pour mémoire


class Invited(Protocol):
    """Properties of a guest that decide the words of their card."""

    @property
    def office_class(self) -> str | None: ...
    @property
    def mode(self) -> Mode | None: ...


@dataclass(frozen=True, slots=True)
class CardLine:
    """A line of a card; ``style`` is "mark" above all others, "title" for the event, else ""."""

    text: str
    style: str = ""


def is_honoured(guest: Invited) -> bool:
    """Return whether the company of a guest is asked for as an honour."""
    return guest.office_class in _HONOURED


def write_standard(kind: CardKind, language: str) -> str:
    """Return the standard words of a kind of card in a language, with placeholders."""
    return load_catalogue(language).gettext(_STANDARD[kind])


def write_card(
    event: Event,
    guest: Invited,
    signature: Signature,
    language: str,
    *,
    kind: CardKind = CardKind.INVITATION,
    name: str = "",
) -> Sequence[CardLine]:
    """Return the lines of a card in a language; the host is who signs it, ``name`` is how the guest is called.

    A line whose placeholder has nothing to say is left out. For a guest by video, that of the place says so.
    """
    gettext = load_catalogue(language).gettext
    words = get_own_words(event, kind, CardPart.WORDS, language) or write_standard(kind, language)
    if guest.mode is Mode.REMOTE:
        words = "\n".join(gettext(_BY_VIDEO) if "{where}" in line else line for line in words.split("\n"))
    values = _list_values(event, signature, language, kind) | {
        "honour": gettext(_HONOUR if is_honoured(guest) else _PLEASURE),
        "guest": name,
    }
    if words.startswith("{host}"):
        values["host"] = values["host"][:1].upper() + values["host"][1:]
    mark = [CardLine(gettext(_TO_REMIND), "mark")] if kind is CardKind.POUR_MEMOIRE else []
    return [*mark, *_fill_lines(words, values)]


def _fill_lines(words: str, values: Mapping[str, str]) -> Iterator[CardLine]:
    """Fill each line that has words and no placeholder without a value; a value can be of several lines."""
    for line in filter(None, map(str.strip, words.split("\n"))):
        if not has_empty_placeholder(line, values):
            style = "title" if "{occasion}" in line else ""
            yield from (CardLine(one, style) for one in fill_placeholders(line, values).split("\n"))


def write_own_subject(event: Event, signature: Signature, language: str, kind: CardKind) -> str:
    """Return the subject that an event has of its own for the e-mail with a card, filled; else ""."""
    words = get_own_words(event, kind, CardPart.SUBJECT, language)
    values = _list_values(event, signature, language, kind)
    return "" if has_empty_placeholder(words, values) else " ".join(fill_placeholders(words, values).split())


def _list_values(event: Event, signature: Signature, language: str, kind: CardKind) -> dict[str, str]:
    """Return the values of the placeholders that are the same for all guests."""
    return {
        "host": _name_host(signature, language),
        "occasion": event.title.to(language),
        "when": _tell_when(event, language, kind),
        "where": format_location(event, language),
    }


def _name_host(signature: Signature, language: str) -> str:
    """Return the office of the signer with their name below it; without either, the house that invites."""
    office = signature.position or ("" if signature.signer else signature.name)
    if office and language == "en" and not office.casefold().startswith("the "):
        office = f"the {office}"  # as English says it of an office; other languages that letters have set no article
    return "\n".join(filter(None, (office, signature.signer)))


def _tell_when(event: Event, language: str, kind: CardKind) -> str:
    """Return day and hour in words; several whole days, and a day to be kept free, in figures; without a date ""."""
    if event.first_on is None or event.dtstart is None:
        return ""
    if kind is CardKind.SAVE_THE_DATE or (event.whole_days and event.last_on != event.first_on):
        return _format_days(event, language)
    hour = event.dtstart.time() if event.timing is Timing.HOURS else None
    return spell_moment(event.first_on, hour, language)


def _format_days(event: Event, language: str) -> str:
    if event.first_on is None or event.last_on is None:
        return ""
    first = last = event.first_on
    if event.whole_days:
        last = event.last_on
    return format_days(first, last, language)

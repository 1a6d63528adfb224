"""The card of a formal invitation: the host in the third person, the occasion, the date in words, the place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from scheduler.base.date_format import format_days
from scheduler.base.date_words import spell_moment
from scheduler.base.i18n import N_, NC_, load_catalogue
from scheduler.model.events import Event, Mode, Timing
from scheduler.model.letters import LetterKind
from scheduler.services.events.programme.rendering.event_texts import format_location
from scheduler.services.letters.envelope import Signature

# These letters begin with a card.
ON_CARDS = (LetterKind.INVITATION, LetterKind.SAVE_THE_DATE, LetterKind.POUR_MEMOIRE)
# Ambassadors and those above them: their company is an honour, that of others a pleasure.
_HONOURED = frozenset(
    {
        *("king", "president", "prime-minister", "minister", "ambassador", "pope", "patriarch", "cardinal"),
        *("supreme-patriarch", "statesman", "privy-council-president", "parliament-president", "house-speaker"),
        *("senate-president", "supreme-court-president", "constitutional-court-president"),
    }
)
_HONOUR = N_("{host}\nrequests the honour of your company at\n{title}")
_PLEASURE = N_("{host}\nrequests the pleasure of your company at\n{title}")
_KEEP_FREE = N_("{host}\nasks you to keep this date free for\n{title}")
_FOLLOWS = N_("An invitation will follow.")
_WHEN = NC_("card of invitation", "{moment}")
_WHEN_AND_WHERE = NC_("card of invitation", "{moment}\nat {place}")
_WHEN_BY_VIDEO = NC_("card of invitation", "{moment}\nby video")
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


def write_card(
    event: Event, guest: Invited, signature: Signature, language: str, *, kind: LetterKind = LetterKind.INVITATION
) -> Sequence[CardLine]:
    """Return the lines of a card in a language, for a kind of letter that has one; the host is who signs it."""
    gettext, title = load_catalogue(language).gettext, event.title.to(language)
    asks = _KEEP_FREE if kind is LetterKind.SAVE_THE_DATE else _HONOUR if is_honoured(guest) else _PLEASURE
    host = _name_host(signature, language)
    lines = gettext(asks).format(host=host[:1].upper() + host[1:], title=title).split("\n")
    card = [CardLine(line, "title" if title in line else "") for line in lines]
    if kind is LetterKind.SAVE_THE_DATE:
        days = _format_days(event, language)
        return [*card, *([CardLine(days)] if days else []), CardLine(gettext(_FOLLOWS))]
    if kind is LetterKind.POUR_MEMOIRE:
        card.insert(0, CardLine(gettext(_TO_REMIND), "mark"))
    return [*card, *(CardLine(line) for line in _tell_when_and_where(event, guest, language))]


def _name_host(signature: Signature, language: str) -> str:
    """Return the office of the signer with their name below it; without either, the house that invites."""
    office = signature.position or ("" if signature.signer else signature.name)
    if office and language == "en" and not office.casefold().startswith("the "):
        office = f"the {office}"  # as English says it of an office; other languages that letters have set no article
    return "\n".join(filter(None, (office, signature.signer)))


def _tell_when_and_where(event: Event, guest: Invited, language: str) -> Sequence[str]:
    """Return day and hour in words, and the place. Several whole days stand in figures; without a date nothing."""
    if event.first_on is None or event.dtstart is None:
        return ()
    hour = event.dtstart.time() if event.timing is Timing.HOURS else None
    if event.whole_days and event.last_on != event.first_on:
        moment = _format_days(event, language)
    else:
        moment = spell_moment(event.first_on, hour, language)
    place = format_location(event, language)
    words = _WHEN_BY_VIDEO if guest.mode is Mode.REMOTE else _WHEN_AND_WHERE if place else _WHEN
    return load_catalogue(language).gettext(words).format(moment=moment, place=place).split("\n")


def _format_days(event: Event, language: str) -> str:
    if event.first_on is None or event.last_on is None:
        return ""
    first = last = event.first_on
    if event.whole_days:
        last = event.last_on
    return format_days(first, last, language)

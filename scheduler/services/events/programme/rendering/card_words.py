"""The words of cards that officers may change for one event, and the placeholders that they may write in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum

from scheduler.base.errors import Invalid
from scheduler.base.i18n import LANGUAGES
from scheduler.base.text import Text, list_placeholders, list_unknown_placeholders
from scheduler.model.events import Event


class CardKind(StrEnum):
    """A kind of card whose words an officer may change; the value is that of its letter."""

    INVITATION = "invitation"
    SAVE_THE_DATE = "save the date"
    POUR_MEMOIRE = "pour memoire"


class CardPart(StrEnum):
    """A part of the words of a card: the subject of the e-mail, or the lines of the card."""

    SUBJECT = "subject"
    WORDS = "words"


# The subject is the same for all who get an e-mail; a line of the card can be one guest's own.
PLACEHOLDERS: Mapping[CardPart, Collection[str]] = {
    CardPart.SUBJECT: ("occasion", "when", "where", "host"),
    CardPart.WORDS: ("host", "honour", "guest", "occasion", "when", "where"),
}


def name_field(kind: CardKind, part: CardPart) -> str:
    """Return the name of a field of an event's draft, such as ``save_the_date_words``."""
    return f"{kind.replace(' ', '_')}_{part}"


CARD_FIELDS = tuple(name_field(kind, part) for kind in CardKind for part in CardPart)


def get_own_words(event: Event, kind: CardKind, part: CardPart, language: str) -> str:
    """Return the words that an event has of its own in exactly this language, or ""."""
    return str(event.card_words.get(name_field(kind, part), {}).get(language, ""))


def read_card_words(event: Event) -> dict[str, Text]:
    """Return the words of all cards of an event by field; a standard one is empty."""
    return {name: Text(event.card_words.get(name, {})) for name in CARD_FIELDS}


def check_words(part: CardPart, text: Text) -> Text:
    """Return a part of the words of a card, checked.

    Raise Invalid for a placeholder that nothing fills, and for a language in which no card is written.
    """
    known = PLACEHOLDERS[part]
    for tag, words in text.items():
        if tag not in LANGUAGES:
            raise Invalid(
                "no card is written in {language}; write one of: {known}", language=tag, known=", ".join(LANGUAGES)
            )
        for place in list_unknown_placeholders(words, known):
            raise Invalid(
                "{place} is not a known placeholder; write one of: {known}",
                place=f"{{{place}}}",
                known=list_placeholders(known),
            )
    return text

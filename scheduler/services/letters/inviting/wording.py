"""The words of the cards of an event: read them, change them, go back to the standard, see how a guest reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import NothingToChange
from scheduler.base.i18n import LANGUAGES, supported_language
from scheduler.formats.printing import print_invitations
from scheduler.model.attendance import Attendee, Standing
from scheduler.model.events import Event
from scheduler.model.letters import Letter, LetterKind
from scheduler.services.address.library import forms_of
from scheduler.services.events.door.arrivals import WITH_PERSON
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.rendering.card_words import (
    CardKind,
    CardPart,
    get_own_words,
    name_field,
    read_card_words,
)
from scheduler.services.letters.composing import ReadableLetter, read_letter
from scheduler.services.letters.envelope import SenderIdentity, Skip, make_signature
from scheduler.services.letters.inviting.cards import CardLine, write_card, write_standard
from scheduler.services.letters.inviting.paper import CardGuest, make_card
from scheduler.services.letters.templates import render_subject

MOST_READERS = 200


@dataclass(frozen=True, slots=True)
class CardWording:
    """The words of one kind of card in one language, with placeholders; ``own`` if they are not the standard ones."""

    kind: CardKind
    language: str
    subject: str
    words: str
    own: bool


def list_wordings(event: Event) -> list[CardWording]:
    """Return the words of every kind of card of an event in every language."""
    return [get_wording(event, kind, language) for kind in CardKind for language in LANGUAGES]


def get_wording(event: Event, kind: CardKind, language: str) -> CardWording:
    """Return the words of a card of an event: its own, and the standard ones where it has none."""
    standard = get_standard(kind, language)
    subject, words = (get_own_words(event, kind, part, language) for part in CardPart)
    own = bool(subject or words)
    return CardWording(kind, language, subject or standard.subject, words or standard.words, own)


def get_standard(kind: CardKind, language: str) -> CardWording:
    """Return the standard words of a card."""
    subject = render_subject(LetterKind(kind), {"title": "{occasion}"}, language)
    return CardWording(kind, language, subject, write_standard(kind, language), own=False)


def change_wording(
    session: Session, event: Event, kind: CardKind, language: str, *, subject: str, words: str, now: datetime
) -> CardWording:
    """Give a card of an event words of its own in a language; an empty text is the standard one again.

    E-mails that have left stay as they are; those that wait leave with the new words. The caller must hold the row of
    the event. Raise Invalid for a placeholder that nothing fills, NothingToChange if these are the words already.
    """
    standard, before = get_standard(kind, language), read_card_words(event)
    changes: dict[str, Any] = {}
    for part, typed, usual in (
        (CardPart.SUBJECT, subject, standard.subject),
        (CardPart.WORDS, words, standard.words),
    ):
        name, text = name_field(kind, part), typed.replace("\r\n", "\n").strip()
        others = {tag: other for tag, other in before[name].items() if tag != language}
        changes[name] = others if text in ("", usual) else {**others, language: text}
    if not planning.change_event(session, event, now=now, **changes).change.is_change:
        raise NothingToChange
    return get_wording(event, kind, language)


class CardReading(NamedTuple):
    """A card as somebody reads it: its lines, and the e-mail with it, None for a guest who gets none."""

    language: str
    lines: Sequence[CardLine]
    letter: ReadableLetter | None


def list_readers(session: Session, event: Event, language: str) -> list[Attendee]:
    """Return guests on the list of an event whose cards are in a language, those who are invited first."""
    stands = Attendee.standing.in_((Standing.INVITED, Standing.CONFIRMED))
    query = sa.select(Attendee).where(Attendee.event_id == event.id, stands).options(*WITH_PERSON)
    found = session.scalars(query.order_by(Attendee.standing.desc(), Attendee.id)).unique()
    return [one for one in found if supported_language(one.attending.language) == language][:MOST_READERS]


def read_card(
    session: Session, attendee: Attendee, kind: CardKind, *, house: SenderIdentity, now: datetime
) -> CardReading:
    """Return a card as a guest, or who comes in their place, would read it now; nothing is queued."""
    event, who = attendee.event, attendee.attending
    language = supported_language(who.language)
    lines = write_card(
        event,
        CardGuest(who.office_class, attendee.mode),
        make_signature(event.organizer, language, house),
        language,
        kind=kind,
        name=who.called(language),
    )
    read = _read_unsent(session, attendee, kind, house=house, now=now)
    return CardReading(language, lines, None if isinstance(read, Skip) else read)


def _read_unsent(
    session: Session, attendee: Attendee, kind: CardKind, *, house: SenderIdentity, now: datetime
) -> ReadableLetter | Skip:
    """Read the e-mail with a card as if it were queued, within a savepoint that is rolled back."""
    savepoint = session.begin_nested()
    try:
        letter = Letter(
            key=f"read {kind} {attendee.id}",
            kind=LetterKind(kind),
            person=attendee.attending,
            event=attendee.event,
            due_at=now,
            created_at=now,
        )
        session.add(letter)
        session.flush()
        return read_letter(session, letter, house=house, now=now)
    finally:
        savepoint.rollback()


def print_reading(
    session: Session, attendee: Attendee, kind: CardKind, *, house: SenderIdentity, now: datetime
) -> bytes:
    """Print a card as a guest would get it on paper, as a PDF of one page."""
    card = make_card(attendee, forms_of(session), house, now, kind)
    return print_invitations([card], title=attendee.event.title.to(card.language), language=card.language, notice=[])

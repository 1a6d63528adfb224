"""Badges and place cards for those who have a place in the hall."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict
from scheduler.base.i18n import N_
from scheduler.base.text import fold_text
from scheduler.formats.printing import Card, PrintForm, find_unset, name_script, print_cards
from scheduler.model.attendance import Attendee, Role, Standing
from scheduler.model.events import Event, Mode
from scheduler.services.address.addressing import Addressee
from scheduler.services.address.library import forms_of
from scheduler.services.events.attendance import passes
from scheduler.services.events.door import arrivals

Gettext = Callable[[str], str]
_HAN_LANGUAGES = ("ja", "ko", "zh")  # which write letters of Chinese origin each in its own form
CardAddress = Callable[[Addressee], tuple[str, str]]  # what stands above the name, and the name
_LAST = 1_000_000  # the precedence of those who have none


@dataclass(frozen=True, slots=True)
class UnsetText:
    """A text of a card with letters that no font has. ``printed`` is what stands there instead, perhaps nothing."""

    attendee: Attendee
    text: str
    script: str
    printed: str

    def describe(self, gettext: Gettext) -> str:
        """Return a line about it for whoever prints the cards."""
        who = self.attendee.person.key or f"#{self.attendee.person.id}"
        if self.printed:
            line = N_("{person}: {text} is printed as {printed}: there is no font for the script {script}")
        else:
            line = N_("{person}: {text} is left blank: there is no font for the script {script}")
        return gettext(line).format(person=who, text=self.text, printed=self.printed, script=self.script)


@dataclass(frozen=True, slots=True)
class PrintedCards:
    """Cards as PDF, and the texts that could not be set as they are written."""

    pdf: bytes
    unset: Sequence[UnsetText]


def render_pdf(
    session: Session,
    event: Event,
    form: PrintForm,
    *,
    language: str,
    gettext: Gettext,
    secret: str,
    now: datetime,
    one_per_page: bool = False,
    only: Sequence[int] = (),
) -> PrintedCards:
    """Print the cards of everybody, or of the attendees with the ids ``only``. Raise Conflict for nobody.

    A text with letters that no font has is replaced by the same in another language, or by the rest of it. The PDF
    says so on its last page.
    """
    found = _read_confirmed(session, event, language, only)
    if not found:
        raise Conflict("nobody has a place in the hall of {event}", event=event.key)
    make = _badges if form is PrintForm.BADGES else _place_cards
    address = partial(forms_of(session).split_card, language=language, on=now.date())
    made = list(make(session, event, found, address, language=language, gettext=gettext, secret=secret))
    letters = find_unset(text for _, card in made for text in _texts(card).values())
    unset: list[UnsetText] = []
    cards = [_set_what_can_be(row, card, letters, unset) for row, card in made] if letters else [c for _, c in made]
    hidden = str.maketrans(dict.fromkeys("".join(letters), "?"))  # which the page that says so cannot show either
    notice = [line.describe(gettext).translate(hidden) for line in unset]
    title = event.title.to(language)
    pdf = print_cards(form, cards, title=title, language=language, one_per_page=one_per_page, notice=notice)
    return PrintedCards(pdf, unset)


def _texts(card: Card) -> dict[str, str]:
    return {field: text for field, text in asdict(card).items() if field not in ("code", "spelt", "language")}


def _set_what_can_be(row: Attendee, card: Card, letters: set[str], unset: list[UnsetText]) -> Card:
    """Return the card without letters that no font has, and add each text that had some to ``unset``."""
    changed = {}
    for field, text in _texts(card).items():
        missing = [letter for letter in letters if letter in text]
        if missing:
            changed[field] = _replace_text(row, text, letters)
            unset.append(UnsetText(row, text, name_script("".join(missing)), changed[field]))
    return replace(card, **changed)


def _replace_text(row: Attendee, text: str, letters: set[str]) -> str:
    """Return the same text in another language, in Latin letters if there are some, or else what is left of it."""
    who = row.attending
    for one in (who.name, who.courtesy_title, who.position):
        if text in one.values():
            others = [other for other in one.values() if not _has_any(other, letters)]
            if others:
                return min(others, key=lambda other: not other.isascii())
    rest = " ".join(word for word in text.split() if not _has_any(word, letters)).strip(" ,;()[]")
    return rest if any(map(str.isalpha, rest)) else ""


def _has_any(text: str, letters: set[str]) -> bool:
    return any(letter in text for letter in letters)


def _read_confirmed(session: Session, event: Event, language: str, only: Sequence[int]) -> list[Attendee]:
    """Return those with a place in the hall by precedence, among equals by role, then by name."""
    query = sa.select(Attendee).where(
        Attendee.event_id == event.id, Attendee.standing == Standing.CONFIRMED, Attendee.mode == Mode.IN_PERSON
    )
    if only:
        query = query.where(Attendee.id.in_(only))
    rows = session.scalars(query.options(*arrivals.WITH_PERSON)).unique()
    return sorted(rows, key=lambda row: _rank(row, language))


def _rank(row: Attendee, language: str) -> tuple[int, int, str]:
    precedence = row.person.precedence or _LAST  # a deputy has the rank of the guest
    return precedence, list(Role).index(row.role), fold_text(row.attending.name.to(language))


def _badges(
    session: Session,
    event: Event,
    found: Sequence[Attendee],
    address: CardAddress,
    *,
    language: str,
    gettext: Gettext,
    secret: str,
) -> Iterator[tuple[Attendee, Card]]:
    title, named = event.title.to(language), arrivals.companions_of(session, [row.id for row in found])
    for row in found:
        given = passes.make_pass(row, secret=secret)
        yield (
            row,
            _card(
                row,
                address,
                language,
                gettext,
                event=title,
                role="" if row.role is Role.PARTICIPANT else _capital(gettext(row.role)),
                code=passes.render_svg(given),
                spelt=given,
            ),
        )
        for companion in _companions(row, language, gettext, named.get(row.id, ())):
            yield row, Card(name=companion, event=title)


def _place_cards(
    session: Session,
    _event: Event,
    found: Sequence[Attendee],
    address: CardAddress,
    *,
    language: str,
    gettext: Gettext,
    **_: str,
) -> Iterator[tuple[Attendee, Card]]:
    named = arrivals.companions_of(session, [row.id for row in found])
    for row in found:
        yield row, _card(row, address, language, gettext)
        for companion in _companions(row, language, gettext, named.get(row.id, ())):
            yield row, Card(name=companion)


def _card(row: Attendee, address: CardAddress, language: str, gettext: Gettext, **more: str) -> Card:
    who = row.attending
    title, name = address(who)
    organisation = who.organisation.name.to(language) if who.organisation else ""
    written = who.name.to(language)
    return Card(
        name=name,
        language=next((tag for tag in who.name if who.name[tag] == written and tag in _HAN_LANGUAGES), who.language),
        title=title,
        detail=", ".join(
            filter(None, (who.position.to(language), organisation, _stands_for(row, language, gettext)))
        ),
        **more,
    )


def _stands_for(row: Attendee, language: str, gettext: Gettext) -> str:
    """Return in whose place a deputy comes, for those who read the card, and "" for guests."""
    if row.represented_by is None:
        return ""
    return gettext(N_("representing {name}")).format(name=row.person.called(language))


def _companions(row: Attendee, language: str, gettext: Gettext, named: Sequence[str]) -> Iterator[str]:
    """Return a name for each companion: their own if it is known, else "Guest of ..."."""
    yield from named[: row.companions]
    for _ in range(row.companions - len(named)):
        yield gettext(N_("Guest of {name}")).format(name=row.attending.name.to(language))


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]

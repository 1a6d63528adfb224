"""Badges and place cards for those who have a place in the hall."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict
from scheduler.base.i18n import N_
from scheduler.base.text import fold_text
from scheduler.formats.printing import Card, PrintForm, print_cards
from scheduler.model.attendance import Attendee, Role, Standing
from scheduler.model.events import Event, Mode
from scheduler.services.events.attendance import passes
from scheduler.services.events.door import arrivals

Gettext = Callable[[str], str]
_LAST = 1_000_000  # the precedence of those who have none


def render_pdf(
    session: Session,
    event: Event,
    form: PrintForm,
    *,
    language: str,
    gettext: Gettext,
    secret: str,
    one_per_page: bool = False,
    only: Sequence[int] = (),
) -> bytes:
    """Return the cards as PDF: of everybody, or of the attendees with the ids ``only``. Raise Conflict for nobody."""
    found = _read_confirmed(session, event, language, only)
    if not found:
        raise Conflict("nobody has a place in the hall of {event}", event=event.key)
    make = _badges if form is PrintForm.BADGES else _place_cards
    cards = list(make(session, event, found, language=language, gettext=gettext, secret=secret))
    title = event.title.to(language)
    return print_cards(form, cards, title=title, language=language, one_per_page=one_per_page)


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
    session: Session, event: Event, found: Sequence[Attendee], *, language: str, gettext: Gettext, secret: str
) -> Iterator[Card]:
    title, named = event.title.to(language), arrivals.companions_of(session, [row.id for row in found])
    for row in found:
        given = passes.make_pass(row, secret=secret)
        yield _card(
            row,
            language,
            gettext,
            event=title,
            role="" if row.role is Role.PARTICIPANT else _capital(gettext(row.role)),
            code=passes.render_svg(given),
            spelt=given,
        )
        for companion in _companions(row, language, gettext, named.get(row.id, ())):
            yield Card(name=companion, event=title)


def _place_cards(
    session: Session, _event: Event, found: Sequence[Attendee], *, language: str, gettext: Gettext, **_: str
) -> Iterator[Card]:
    named = arrivals.companions_of(session, [row.id for row in found])
    for row in found:
        yield _card(row, language, gettext)
        for companion in _companions(row, language, gettext, named.get(row.id, ())):
            yield Card(name=companion)


def _card(row: Attendee, language: str, gettext: Gettext, **more: str) -> Card:
    who = row.attending
    organisation = who.organisation.name.to(language) if who.organisation else ""
    return Card(
        name=who.name.to(language),
        title=who.courtesy_title.to(language),
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

"""Invitations on paper: a card for each guest in their language, envelopes and labels, as one PDF to be printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.date_format import format_day
from scheduler.base.errors import Conflict
from scheduler.base.i18n import N_, NC_, load_catalogue, supported_language
from scheduler.base.text import fold_text
from scheduler.formats.printing import (
    InvitationSheet,
    PostalAddress,
    find_unset,
    name_script,
    print_envelopes,
    print_invitations,
)
from scheduler.model.attendance import Attendee, Standing
from scheduler.model.events import Event, Mode
from scheduler.services.address.addressing import AddressForms
from scheduler.services.address.forms import FormKind
from scheduler.services.address.library import forms_of
from scheduler.services.events.attendance.invitations import explain_uninvited, has_accepted
from scheduler.services.events.door.arrivals import WITH_PERSON
from scheduler.services.events.door.cards import UnsetText
from scheduler.services.events.programme.rendering.card_words import CardKind
from scheduler.services.letters.envelope import SenderIdentity, Signature, make_signature
from scheduler.services.letters.inviting.cards import write_card

_LAST = 1_000_000  # the precedence of those who have none
_REPLY_BY = NC_("card of invitation", "R.S.V.P. by {day}")
_DRESS = N_("Dress code: {dress}")
_BRING_IT = N_("Please have this invitation with you. It is not transferable.")
_ADMITS = N_("The invitation admits: {number}")


class PaperForm(StrEnum):
    """Kind of sheet that is printed for the guests."""

    CARDS = "cards"
    ENVELOPES = "envelopes"
    LABELS = "labels"


class CardGuest(NamedTuple):
    """Facts of a guest that decide the words of their card."""

    office_class: str | None
    mode: Mode | None


def print_paper(
    session: Session,
    event: Event,
    form: PaperForm,
    *,
    house: SenderIdentity,
    language: str,
    now: datetime,
    only: Sequence[int] = (),
    everybody: bool = False,
) -> bytes:
    """Print what invites these guests; without ``only`` (ids of attendees) all invited without an e-mail address.

    ``everybody`` is whether also those who have one. Who has accepted gets a *pour mémoire*. ``language`` is that of
    the notice about letters that no font has. Raise Conflict for nobody, or for a guest who is not invited.
    """
    found = _read_guests(session, event, only, everybody=everybody)
    if not found:
        raise Conflict("nobody is to be invited to {event} on paper", event=event.key)
    forms = forms_of(session)
    title = event.title.to(language)
    if form is PaperForm.CARDS:
        cards = [make_card(row, forms, house, now) for row in found]
        notice = _tell_unset(zip(found, map(_list_texts, cards), strict=True), language)
        return print_invitations(cards, title=title, language=language, notice=notice)
    addresses = [_make_address(row, forms, house, now) for row in found]
    notice = _tell_unset(zip(found, (address.lines for address in addresses), strict=True), language)
    return print_envelopes(addresses, title=title, language=language, labels=form is PaperForm.LABELS, notice=notice)


def _list_texts(card: InvitationSheet) -> Sequence[str]:
    """Return what is written on a card for this guest, and the words of the event."""
    return [card.addressee, *(line["text"] for line in card.lines)]


def _read_guests(session: Session, event: Event, only: Sequence[int], *, everybody: bool) -> list[Attendee]:
    """Return the guests by precedence, then by name."""
    query = sa.select(Attendee).where(Attendee.event_id == event.id).options(*WITH_PERSON)
    query = query.where(Attendee.id.in_(only)) if only else query.where(Attendee.standing == Standing.INVITED)
    rows = list(session.scalars(query).unique())
    for row in rows:
        if row.standing is not Standing.INVITED and not has_accepted(row):
            raise explain_uninvited(row)
    if not (only or everybody):
        rows = [row for row in rows if not row.attending.email]
    return sorted(rows, key=lambda row: (row.person.precedence or _LAST, fold_text(row.attending.name.to("en"))))


def make_card(
    row: Attendee, forms: AddressForms, house: SenderIdentity, now: datetime, kind: CardKind | None = None
) -> InvitationSheet:
    """Return the card of a guest; without a ``kind`` the one for how they stand."""
    event, who = row.event, row.attending
    language = supported_language(who.language)
    gettext, signature = load_catalogue(language).gettext, make_signature(event.organizer, language, house)
    kind = kind or (CardKind.POUR_MEMOIRE if has_accepted(row) else CardKind.INVITATION)
    guest, name = CardGuest(who.office_class, row.mode), who.called(language)
    lines = write_card(event, guest, signature, language, kind=kind, name=name)
    reply = _tell_reply(event, signature, language) if kind is CardKind.INVITATION else []
    dress = event.dress_code.to(language) if row.mode is Mode.IN_PERSON else ""
    foot = [gettext(_DRESS).format(dress=dress)] if dress else []
    if kind is CardKind.SAVE_THE_DATE:
        foot = []  # the invitation will tell
    elif row.mode is Mode.IN_PERSON:
        foot += [gettext(_ADMITS).format(number=1 + row.companions), gettext(_BRING_IT)]
    return InvitationSheet(
        language=language,
        house=signature.name,
        addressee=forms.address(who, FormKind.ENVELOPE, language, on=now.date()),
        lines=[asdict(line) for line in lines],
        reply=reply,
        foot=foot,
    )


def _tell_reply(event: Event, signature: Signature, language: str) -> list[str]:
    """Return by when and where a guest answers."""
    day = format_day(event.reply_by, language) if event.reply_by else ""
    gettext = load_catalogue(language).gettext
    until = [gettext(_REPLY_BY).format(day=day)] if day else ["R.S.V.P."]
    return [*until, *filter(None, (event.contact_telephone, signature.email))]


def _make_address(row: Attendee, forms: AddressForms, house: SenderIdentity, now: datetime) -> PostalAddress:
    who = row.attending
    language = supported_language(who.language)
    of = who.organisation
    lines = [forms.address(who, FormKind.ENVELOPE, language, on=now.date())]
    if of is not None:
        lines += [of.name.to(language), of.address.to(language)]
    sender = make_signature(row.event.organizer, language, house)
    return PostalAddress(
        language=language,
        house="\n".join(filter(None, (sender.name, sender.address))),
        lines=list(filter(None, lines)),
    )


def _tell_unset(texts: Iterable[tuple[Attendee, Sequence[str]]], language: str) -> list[str]:
    """Return a line about each text with letters that no font has."""
    given = list(texts)
    letters = find_unset(text for _, several in given for text in several)
    hidden = str.maketrans(dict.fromkeys("".join(letters), "?"))
    gettext = load_catalogue(language).gettext
    told = []
    for row, several in given:
        for text in several:
            missing = "".join(letter for letter in letters if letter in text)
            if missing:
                told.append(UnsetText(row, text, name_script(missing), "").describe(gettext).translate(hidden))
    return told

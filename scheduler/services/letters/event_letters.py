"""Compose letters about events from the facts of today.

What letters of a batch have in common (event, language, zone, party) is rendered once, as an outline. For each letter
only the name, the addresses and the Message-ID are filled in. A letter that no longer fits the facts is skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from markupsafe import escape
from sqlalchemy.orm import Session, selectinload

from scheduler.base.i18n import N_
from scheduler.formats.mail import Parts
from scheduler.model.attendance import Standing
from scheduler.model.events import Event
from scheduler.model.letters import Letter, LetterKind, Message, Outcome
from scheduler.model.places import join_title
from scheduler.services.address.addressing import Addressee, AddressForms
from scheduler.services.address.forms import FormKind
from scheduler.services.address.library import forms_of
from scheduler.services.common.tokens import PATHS, Purpose, make_attendee_token
from scheduler.services.events.attendance import passes
from scheduler.services.events.programme.event_mapping import WITH_EVENT
from scheduler.services.letters import event_outlines, letter_rows, relevance
from scheduler.services.letters.envelope import (
    CompositionResult,
    Recipient,
    SenderIdentity,
    Skip,
    put_in_envelope,
)
from scheduler.services.letters.event_outlines import CLOSING, NAME, PAGE, PASS, SALUTATION, Outline
from scheduler.services.letters.inviting.questions import describe_asked, find_reply_address, write_question
from scheduler.services.letters.letter_rows import LetterRow
from scheduler.services.letters.messages import people_still_addressed
from scheduler.services.outbox import asking


def compose_event_letters(
    session: Session, ids: Sequence[int], *, house: SenderIdentity, now: datetime, only_useful: bool = True
) -> Iterator[CompositionResult]:
    """Compose letters about events, in the order of the ids; without ``only_useful`` all that have an address."""
    rows = letter_rows.read_rows(session, ids)
    events = _events(session, {row.event_id for row in rows.values()})
    threads = relevance.news_threads(session, rows.values())
    messages = _BatchMessages.read(session, rows.values())
    repeated = relevance.find_repeated(session, rows.values())
    waiting = relevance.find_waiting(session, rows.values())
    invitations = _find_invitations(session, rows.values())
    presiding = {number: event_outlines.list_presiding(session, event) for number, event in events.items()}
    outlines: dict[tuple[Any, ...], Outline] = {}
    forms = forms_of(session)
    for letter_id in ids:
        row = rows[letter_id]
        event = events[row.event_id]
        thread = threads.get((row.event_id, row.person_id), relevance.NewsThread())
        reason = relevance.reason_to_skip(row, event, thread, now) or messages.reason_to_skip(row)
        if letter_id in repeated and not reason:
            reason = relevance.REPEATED
        if letter_id in waiting and not reason:
            reason = asking.ANSWER_WAITS
        if reason and (only_useful or not row.email):
            yield Skip(letter_id, reason)
            continue
        row = relevance.as_latest_news(row, event, thread)
        key = event_outlines.outline_key(row)
        if key not in outlines:
            outlines[key] = event_outlines.render_outline(
                session, event, row, house, messages.of_row(row), presiding=presiding[event.id], now=now
            )
        first = invitations.get((row.event_id, row.person_id), "")
        yield _fill_in(outlines[key], row, house, forms, now, references=first)


def _find_invitations(session: Session, rows: Iterable[LetterRow]) -> Mapping[tuple[int, int], str]:
    """Return the Message-IDs of the invitations that were sent to those who were asked, for the threads of mail.

    They stand by the ids of event and person; of several the first.
    """
    asked = {(row.event_id, row.person_id) for row in rows if row.asked_sequence is not None}
    if not asked:
        return {}
    query = sa.select(Letter.event_id, Letter.person_id, Letter.message_id).where(
        Letter.event_id.in_({event for event, _ in asked}),
        Letter.person_id.in_({person for _, person in asked}),
        Letter.kind == LetterKind.INVITATION,
        Letter.outcome == Outcome.SENT,
    )
    found = session.execute(query.order_by(Letter.id.desc()))
    return {(event, person): message_id or "" for event, person, message_id in found}


def _events(session: Session, ids: Iterable[int]) -> dict[int, Event]:
    query = sa.select(Event).where(Event.id.in_(list(ids))).options(*WITH_EVENT, selectinload(Event.children))
    return {event.id: event for event in session.scalars(query)}


@dataclass(frozen=True, slots=True)
class _BatchMessages:
    """The officers' messages that the letters of a batch carry, each with the people it is still addressed to."""

    messages: Mapping[int, Message]
    addressed: Mapping[int, set[int]]  # ids of people by the id of the message

    @classmethod
    def read(cls, session: Session, rows: Iterable[LetterRow]) -> _BatchMessages:
        people: dict[int, list[int]] = {}
        for row in rows:
            if row.of_message_id is not None:
                people.setdefault(row.of_message_id, []).append(row.person_id)
        messages = {number: session.get_one(Message, number) for number in people}
        return cls(
            messages, {number: people_still_addressed(session, messages[number], people[number]) for number in people}
        )

    def of_row(self, row: LetterRow) -> Message | None:
        return None if row.of_message_id is None else self.messages[row.of_message_id]

    def reason_to_skip(self, row: LetterRow) -> str:
        """Return the reason not to send a letter, or "" if its message is still for its recipient."""
        if row.of_message_id is None or row.person_id in self.addressed[row.of_message_id]:
            return ""
        return N_("is no longer one of the people that it is for")


def _fill_in(
    outline: Outline,
    row: LetterRow,
    house: SenderIdentity,
    forms: AddressForms,
    now: datetime,
    *,
    references: str,
) -> CompositionResult:
    """Return the letter of one recipient: the outline with address, page and pass in the place of its marks.

    Skip one for whom the forms of address say that no letter is written.
    """
    assert row.email is not None  # noqa: S101 - or it would have been skipped
    recipient = Recipient(row.email, row.name.to(outline.language), outline.language)
    words = address_in_letter(forms, row, recipient.language, now)
    if not words[SALUTATION]:
        return Skip(row.id, NOT_WRITTEN_TO)
    page, code = _page_address(row, recipient.language, house), _pass_code(row, house) if outline.shows_pass else ""
    printed_code = passes.split_in_groups(code)
    question, signature = outline.question, outline.signature
    calendar = outline.parts.calendar
    if question is not None:
        calendar = write_question(question, row, words[NAME], signature, house, now)
    parts = Parts(
        text=_replace(outline.parts.text, {**words, PAGE: page, PASS: printed_code}),
        html=_replace(
            outline.parts.html,
            {**{mark: str(escape(word)) for mark, word in words.items()}, PAGE: page, PASS: printed_code},
        ),
        calendar=calendar,
        picture=passes.render_png(code) if code else b"",
        method=question.method if question else "",
    )
    if _expects_reply(row) and (address := find_reply_address(row, house)):
        signature = replace(signature, email=address)
    return put_in_envelope(
        row,
        recipient,
        subject=outline.subject,
        parts=parts,
        signature=signature,
        house=house,
        now=now,
        references=references,
        asks=describe_asked(question, row),
    )


def _expects_reply(row: LetterRow) -> bool:
    """Return whether an answer to the letter is one to the invitation, so that it is to find its guest.

    A message of an officer says itself where answers to it go.
    """
    invited = row.standing is Standing.INVITED or row.asked_sequence is not None
    return invited and row.kind is not LetterKind.MESSAGE


NOT_WRITTEN_TO = N_("the forms of address say that no letter is written to this office")


def address_in_letter(forms: AddressForms, who: Addressee, language: str, now: datetime) -> dict[str, str]:
    """Return the words by which a letter addresses its recipient, by their marks in an outline."""
    kinds = (FormKind.SALUTATION, FormKind.CLOSING)
    salutation, closing = forms.word_all(who, language, on=now.date(), kinds=kinds)
    return {
        NAME: join_title(who.courtesy_title, who.name, language),
        SALUTATION: salutation.text,
        CLOSING: closing.text,
    }


def _replace(text: str, words: Mapping[str, str]) -> str:
    for mark, word in words.items():
        text = text.replace(mark, word)
    return text


def _page_address(row: LetterRow, language: str, house: SenderIdentity) -> str:
    """Return the URL of the page to confirm a registration, or else of the recipient's own page."""
    if row.attendee_id is None or row.listed_at is None:
        return ""
    purpose = Purpose.CONFIRM if row.kind is LetterKind.CONFIRM else Purpose.OWN
    token = make_attendee_token(purpose, row.attendee_id, row.listed_at, row.epoch or 0, secret=house.secret)
    return f"{house.base_url}/{language}/{PATHS[purpose]}/{token}"


def _pass_code(row: LetterRow, house: SenderIdentity) -> str:
    assert row.attendee_id is not None and row.listed_at is not None  # noqa: S101, PT018 - or it would show none
    return passes.make_pass_token(row.attendee_id, row.listed_at, row.epoch or 0, secret=house.secret)

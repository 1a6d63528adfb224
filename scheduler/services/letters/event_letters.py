"""Letters composed from today's facts.

What a batch has in common (event, language, zone, party) is rendered once, as an outline; per letter only the
name, the addresses and the Message-ID are set in. A letter that no longer fits the facts is skipped, and why is
written down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from markupsafe import escape
from sqlalchemy.orm import Session, selectinload

from scheduler.base.i18n import N_
from scheduler.formats.mail import Parts
from scheduler.model import Event, LetterKind, Message
from scheduler.services.common.tokens import PATHS, Purpose, of_attendee
from scheduler.services.events.attendance import passes
from scheduler.services.events.programme.event_mapping import WITH_EVENT
from scheduler.services.letters import event_outlines, letter_rows, relevance
from scheduler.services.letters.envelope import (
    OutgoingMessage,
    Recipient,
    SenderIdentity,
    Skip,
    put_in_envelope,
)
from scheduler.services.letters.event_outlines import NAME, PAGE, PASS, Outline
from scheduler.services.letters.letter_rows import Row
from scheduler.services.letters.messages import still_addressed


def compose(
    session: Session, ids: Sequence[int], *, house: SenderIdentity, now: datetime
) -> Iterator[OutgoingMessage | Skip]:
    """Compose claimed letters in the order of their ids given, or say why one is not to be sent."""
    rows = letter_rows.read(session, ids)
    events = _events(session, {row.event_id for row in rows.values()})
    threads = relevance.threads(session, rows.values(), now)
    mail = _Mail.of(session, rows.values())
    rendered: dict[tuple[Any, ...], Outline] = {}
    for letter_id in ids:
        row = rows[letter_id]
        event = events[row.event_id]
        thread = threads.get((row.event_id, row.person_id), relevance.NewsThread())
        reason = relevance.reason_to_skip(row, event, thread, now) or mail.no_longer_addressed(row)
        if reason:
            yield Skip(letter_id, reason)
            continue
        row = relevance.as_latest_news(row, event, thread)
        slot = event_outlines.key(row)
        if slot not in rendered:
            rendered[slot] = event_outlines.outline(session, event, row, house, mail.of_row(row))
        yield _address(rendered[slot], row, house, now)


def _events(session: Session, ids: Iterable[int]) -> dict[int, Event]:
    query = sa.select(Event).where(Event.id.in_(list(ids))).options(*WITH_EVENT, selectinload(Event.children))
    return {event.id: event for event in session.scalars(query)}


@dataclass(frozen=True, slots=True)
class _Mail:
    """The messages that a batch has letters of, and whom each is still for."""

    messages: Mapping[int, Message]
    addressed: Mapping[int, set[int]]

    @classmethod
    def of(cls, session: Session, rows: Iterable[Row]) -> _Mail:
        people: dict[int, list[int]] = {}
        for row in rows:
            if row.of_message_id is not None:
                people.setdefault(row.of_message_id, []).append(row.person_id)
        found = {number: session.get_one(Message, number) for number in people}
        return cls(found, {number: still_addressed(session, found[number], people[number]) for number in people})

    def of_row(self, row: Row) -> Message | None:
        return None if row.of_message_id is None else self.messages[row.of_message_id]

    def no_longer_addressed(self, row: Row) -> str:
        if row.of_message_id is None or row.person_id in self.addressed[row.of_message_id]:
            return ""
        return N_("is no longer among those it is for")


def _address(outline: Outline, row: Row, house: SenderIdentity, now: datetime) -> OutgoingMessage:
    assert row.email is not None  # noqa: S101 - or it would have been skipped
    reader = Recipient(row.email, row.name.to(outline.language), outline.language)
    called = " ".join(filter(None, (row.courtesy_title.to(reader.language), reader.name)))
    page, given = _page(row, reader.language, house), _pass(row, house) if outline.shows_pass else ""
    shown = passes.groups(given)
    parts = Parts(
        text=outline.parts.text.replace(NAME, called).replace(PAGE, page).replace(PASS, shown),
        html=outline.parts.html.replace(NAME, str(escape(called))).replace(PAGE, page).replace(PASS, shown),
        calendar=outline.parts.calendar,
        picture=passes.png(given) if given else b"",
    )
    return put_in_envelope(
        row, reader, subject=outline.subject, parts=parts, reply_to=outline.reply_to, house=house, now=now
    )


def _page(row: Row, language: str, house: SenderIdentity) -> str:
    """The page that a letter leads to: to confirm, or the reader's own."""
    if row.attendee_id is None or row.listed_at is None:
        return ""
    purpose = Purpose.CONFIRM if row.kind is LetterKind.CONFIRM else Purpose.OWN
    token = of_attendee(purpose, row.attendee_id, row.listed_at, row.epoch or 0, secret=house.secret)
    return f"{house.base_url}/{language}/{PATHS[purpose]}/{token}"


def _pass(row: Row, house: SenderIdentity) -> str:
    assert row.attendee_id is not None and row.listed_at is not None  # noqa: S101, PT018 - or it shows none
    return passes.made(row.attendee_id, row.listed_at, row.epoch or 0, secret=house.secret)

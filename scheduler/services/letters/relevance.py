"""Which letters no longer fit the facts, and what news about an event comes to when several were not yet read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.i18n import N_
from scheduler.model import Event, Letter, LetterKind, Outcome, Reminded, Standing
from scheduler.services.events.programme.event_times import differs, gains_its_hour
from scheduler.services.letters.letter_rows import ASKED, OFF, PARTING, Row, is_shown_link
from scheduler.services.outbox.enqueue import NEWS, NO_ADDRESS, TOO_LATE
from scheduler.services.outbox.reminders import starts_then

# Why news was not sent, that the letter after it must know of: this one was never read ...
LATER = N_("a later change is told instead")
WAS_CANCELLED = N_("the event was cancelled")
# ... and with these there was nothing left to read.
MOVED_BACK = N_("moved back before the letter left")
TAKEN_BACK = N_("the date was taken back")
AFTER_ALL = N_("the event takes place after all")
_UNSENT = (LATER, WAS_CANCELLED, MOVED_BACK, TAKEN_BACK, AFTER_ALL)


@dataclass(slots=True)
class NewsThread:
    """The news of one event to one person: what they have heard, and what not. Of several unread letters only the
    last leaves; it tells of the change since the first, because that is what the person knows."""

    heard: LetterKind | None = None
    unread: Mapping[str, Any] | None = None  # the facts of the first unread letter
    last: dict[bool, int] = field(default_factory=dict)  # the last cancellation, and the last other letter

    def add(self, letter: sa.Row[Any]) -> None:
        cancels = letter.kind is LetterKind.CANCELLED
        if letter.outcome is not Outcome.SKIPPED:
            self.last[cancels] = letter.id
        elif not cancels and letter.reason not in (LATER, WAS_CANCELLED):
            self.unread = None
            return
        if letter.heard:
            self.heard, self.unread = letter.kind, None
        elif self.unread is None:
            self.unread = letter.facts

    def is_last(self, row: Row) -> bool:
        return self.last.get(row.kind is LetterKind.CANCELLED, row.id) == row.id

    @property
    def cancelled(self) -> bool:
        return self.heard is LetterKind.CANCELLED


def threads(session: Session, rows: Iterable[Row], now: datetime) -> Mapping[tuple[int, int], NewsThread]:
    """By event and person. What another worker holds at this moment is taken for heard, unless it was refused."""
    news = {row.id: (row.event_id, row.person_id) for row in rows if row.kind in NEWS}
    if not news:
        return {}
    events, people = {event for event, _ in news.values()}, {person for _, person in news.values()}
    # Of no outcome: a lease is left behind by every letter that was sent or given up.
    undecided = sa.and_(Letter.outcome.is_(None), Letter.claimed_until > now)
    in_flight = sa.and_(undecided, Letter.reason == "", Letter.id.not_in(news))
    sent = sa.func.coalesce(Letter.outcome == Outcome.SENT, sa.false())
    unsent = sa.and_(Letter.outcome == Outcome.SKIPPED, Letter.reason.in_(_UNSENT))
    query = (
        sa.select(Letter.id, Letter.event_id, Letter.person_id, Letter.kind, Letter.facts, Letter.outcome)
        .add_columns(Letter.reason, sa.or_(sent, in_flight).label("heard"))
        .where(Letter.kind.in_(NEWS), sa.or_(Letter.outcome.is_(None), sent, unsent))
        .where(Letter.event_id.in_(events), Letter.person_id.in_(people))
        .order_by(Letter.id)
    )
    found: dict[tuple[int, int], NewsThread] = {}
    for letter in session.execute(query):
        found.setdefault((letter.event_id, letter.person_id), NewsThread()).add(letter)
    return found


def as_latest_news(row: Row, event: Event, thread: NewsThread) -> Row:
    """A letter of news tells of all that is unread, and is called after what that comes to."""
    if row.kind not in NEWS:
        return row
    facts = thread.unread or row.facts
    if row.kind is LetterKind.CANCELLED:
        return row._replace(facts=facts)
    announces = event.dated and (thread.cancelled or _announces(facts.get("was", {}), event))
    return row._replace(facts=facts, kind=LetterKind.DATE_ANNOUNCED if announces else LetterKind.MOVED)


def _announces(was: Mapping[str, Any], event: Event) -> bool:
    """There was no date before, or no hour on this very day."""
    return not was.get("dtstart") or gains_its_hour(was, event)


def reason_to_skip(row: Row, event: Event, thread: NewsThread, now: datetime) -> str:
    """The reason not to send, in the words of the ledger; "" if the letter stands."""
    if not row.email:
        return NO_ADDRESS
    if row.expires_at is not None and now >= row.expires_at:
        return TOO_LATE
    if row.kind is LetterKind.OFFERED and event.has_begun(now):
        return TOO_LATE
    if row.standing is None or (row.standing in OFF and row.kind not in (*ASKED, *PARTING, LetterKind.MESSAGE)):
        return N_("is no longer on the list")
    if row.kind is LetterKind.CANCELLED and not event.cancelled:
        return AFTER_ALL
    if row.kind not in (LetterKind.CANCELLED, LetterKind.MESSAGE) and event.cancelled:
        return WAS_CANCELLED
    return _BY_KIND[row.kind](row, event, thread)


def _confirmation(row: Row, _event: Event, _: NewsThread) -> str:
    return "" if row.standing is Standing.CONFIRMED else N_("holds no place now")


def _unconfirmed(row: Row, _event: Event, _: NewsThread) -> str:
    return "" if row.standing is Standing.UNCONFIRMED else N_("has confirmed already")


def _stands(row: Row, _event: Event, _: NewsThread) -> str:
    return "" if row.standing is not Standing.UNCONFIRMED else N_("has not confirmed")


def _still(standing: Standing) -> Callable[[Row, Event, NewsThread], str]:
    """Only while they stand as the letter says."""
    return lambda row, _event, _: "" if row.standing is standing else N_("stands otherwise by now")


def _waiting(row: Row, _event: Event, _: NewsThread) -> str:
    return "" if row.standing is Standing.WAITLISTED else N_("does not wait any more")


def _news(row: Row, event: Event, thread: NewsThread) -> str:
    if not thread.is_last(row):
        return LATER
    if event.cancelled or thread.cancelled:
        return ""
    if differs((thread.unread or row.facts).get("was") or {}, event, joins=is_shown_link(row, event)):
        return ""
    if not event.dated:
        return TAKEN_BACK
    return MOVED_BACK if row.kind is LetterKind.MOVED else AFTER_ALL


def _reminder(row: Row, event: Event, _: NewsThread) -> str:
    if row.standing in (Standing.WAITLISTED, Standing.OFFERED, Standing.REQUESTED):
        return N_("holds no place now")
    if row.reminded is Reminded.NEVER and row.standing is Standing.CONFIRMED:
        return N_("wants no reminders")
    about = datetime.fromisoformat(row.facts["start"])
    return "" if starts_then(event, about) else N_("the event was moved")


def _whoever(_row: Row, _event: Event, _: NewsThread) -> str:
    """Whom a message is for is its own question."""
    return ""


_BY_KIND = {
    LetterKind.MESSAGE: _whoever,
    LetterKind.CONFIRM: _unconfirmed,
    LetterKind.STANDING: _stands,
    LetterKind.CONFIRMED: _confirmation,
    LetterKind.PLACE_FREED: _confirmation,
    LetterKind.OFFERED: _still(Standing.OFFERED),
    LetterKind.LAPSED: _still(Standing.LAPSED),
    LetterKind.REQUESTED: _still(Standing.REQUESTED),
    LetterKind.REFUSED: _still(Standing.REFUSED),
    LetterKind.REMOVED: _still(Standing.WITHDRAWN),
    LetterKind.WAITING: _waiting,
    LetterKind.MOVED: _news,
    LetterKind.CANCELLED: _news,
    LetterKind.DATE_ANNOUNCED: _news,
    LetterKind.REMINDER: _reminder,
}

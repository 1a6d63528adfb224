"""Decide whether a letter is still of use when it is to leave, and what several unread letters of news come to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from scheduler.base.i18n import N_
from scheduler.model.attendance import Partstat, Reminded, Standing
from scheduler.model.events import Event
from scheduler.model.letters import NEWS, Letter, LetterKind, Outcome
from scheduler.services.events.attendance.representation import DeputyNews
from scheduler.services.events.programme.change_news import name_news
from scheduler.services.events.programme.event_times import has_changed
from scheduler.services.letters.letter_rows import ASKED, OFF_LIST, PARTING, STATED, LetterRow, is_shown_link
from scheduler.services.operations.workers import is_free
from scheduler.services.outbox import asking
from scheduler.services.outbox.enqueue import NO_ADDRESS, TOO_LATE, UNTOLD, WAS_CANCELLED
from scheduler.services.outbox.event_starts import has_start
from scheduler.services.outbox.reminder_preview import WANTS_NONE

REPEATED = N_("a later e-mail says the same")
STANDS_OTHERWISE = N_("the status has changed since")
REPRESENTED = N_("is represented: the representative receives the e-mails")
# Reasons why news was not sent, which the letter after it must consider. After this one, WAS_CANCELLED and UNTOLD,
# the news is still unread:
LATER = N_("a later change is told instead")
# After these there was nothing left to tell:
MOVED_BACK = N_("moved back before the letter left")
TAKEN_BACK = N_("the date was taken back")
AFTER_ALL = N_("the event takes place after all")
# Of a cancellation whose reader knows of it already, and never read that it was withdrawn meanwhile:
KNOWN = N_("has already been informed of the cancellation")
_UNREAD = (LATER, WAS_CANCELLED, UNTOLD)
_UNSENT = (*_UNREAD, MOVED_BACK, TAKEN_BACK, AFTER_ALL)


@dataclass(slots=True)
class NewsThread:
    """The news of one event to one person: what has reached them, and what has not.

    Of several unread letters only the last is sent. It tells of the change since the first, because what was before
    the first is what the person knows.
    """

    received: LetterKind | None = None  # the kind of the last letter that reached them
    cancelled_from: Mapping[str, Any] | None = None  # if that is a cancellation, what the event was before it
    unread: Mapping[str, Any] | None = None  # the facts of the first unread letter
    last: dict[bool, int] = field(default_factory=dict)  # ids of the last cancellation and the last other letter

    def add(self, letter: sa.Row[Any]) -> None:
        """Take in the next letter, in the order in which they were queued."""
        cancels = letter.kind is LetterKind.CANCELLED
        if letter.outcome is not Outcome.SKIPPED:
            self.last[cancels] = letter.id
        elif not cancels and letter.reason not in _UNREAD:
            self.unread = None
            return
        if letter.received:
            known = self.what_is_known(letter.facts)
            self.received, self.cancelled_from, self.unread = letter.kind, known if cancels else None, None
        elif self.unread is None:
            self.unread = letter.facts

    def is_last(self, row: LetterRow) -> bool:
        """Return whether no later letter takes the place of this one."""
        return self.last.get(row.kind is LetterKind.CANCELLED, row.id) == row.id

    def what_is_known(self, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the time and place that the person knows, for a letter with these ``facts``.

        Nobody is told what changes while the event is cancelled: what was before it is what the person knows.
        """
        if self.cancelled_from is not None:
            return self.cancelled_from
        return (self.unread or facts).get("was") or {}

    @property
    def is_cancelled(self) -> bool:
        """Return whether the last that reached the person is that the event is cancelled."""
        return self.received is LetterKind.CANCELLED


def news_threads(session: Session, rows: Iterable[LetterRow]) -> Mapping[tuple[int, int], NewsThread]:
    """Return the news that these letters belong to, by the ids of event and person.

    A letter that another worker is sending counts as received, unless the server has refused it for now.
    """
    news = {row.id: (row.event_id, row.person_id) for row in rows if row.kind in NEWS}
    if not news:
        return {}
    events, people = {event for event, _ in news.values()}, {person for _, person in news.values()}
    in_flight = sa.and_(Letter.outcome.is_(None), ~is_free(Letter.claimed_by), Letter.id.not_in(news))
    sent = sa.func.coalesce(Letter.outcome == Outcome.SENT, sa.false())
    unsent = sa.and_(Letter.outcome == Outcome.SKIPPED, Letter.reason.in_(_UNSENT))
    query = (
        sa.select(Letter.id, Letter.event_id, Letter.person_id, Letter.kind, Letter.facts, Letter.outcome)
        .add_columns(Letter.reason, sa.or_(sent, in_flight).label("received"))
        .where(Letter.kind.in_(NEWS), sa.or_(Letter.outcome.is_(None), sent, unsent))
        .where(Letter.event_id.in_(events), Letter.person_id.in_(people))
        .order_by(Letter.id)
    )
    found: dict[tuple[int, int], NewsThread] = {}
    for letter in session.execute(query):
        found.setdefault((letter.event_id, letter.person_id), NewsThread()).add(letter)
    return found


def find_repeated(session: Session, rows: Iterable[LetterRow]) -> set[int]:
    """Return the ids of those letters that tell people how they stand, as a later letter of that kind does.

    Whoever registered, withdrew and registered again while no letter left would get the same letter twice.
    """
    mine = [row.id for row in rows if row.kind in STATED]
    if not mine:
        return set()
    later = aliased(Letter)
    same = [getattr(later, name) == getattr(Letter, name) for name in ("event_id", "person_id", "kind")]
    says_it = sa.or_(later.outcome.is_(None), later.outcome == Outcome.SENT)
    query = sa.select(Letter.id).where(Letter.id.in_(mine), sa.exists().where(*same, later.id > Letter.id, says_it))
    return set(session.scalars(query))


def find_waiting(session: Session, rows: Iterable[LetterRow]) -> set[int]:
    """Return the ids of those letters that ask by rule for a reply which has come and waits for an officer."""
    asked = {row.id: row.attendee_id for row in rows if "asks" in row.facts and row.attendee_id is not None}
    waiting = asking.find_waiting(session, set(asked.values()))
    return {letter for letter, attendee in asked.items() if attendee in waiting}


def as_latest_news(row: LetterRow, event: Event, thread: NewsThread) -> LetterRow:
    """Return a letter of news with all that is unread, and of the kind that this amounts to."""
    if row.kind not in NEWS:
        return row
    was = thread.what_is_known(row.facts)
    kind = name_news(was, event, was_cancelled=thread.is_cancelled)
    return row._replace(facts={**(thread.unread or row.facts), "was": was}, kind=kind)


def reason_to_skip(row: LetterRow, event: Event, thread: NewsThread, now: datetime) -> str:
    """Return the reason not to send a letter, in the words of the ledger, or "" if it is still of use."""
    if not row.email:
        return NO_ADDRESS
    if row.expires_at is not None and now >= row.expires_at:
        return TOO_LATE
    if row.kind is LetterKind.OFFERED and event.has_begun(now):
        return TOO_LATE
    representation = row.facts.get("deputy")
    if representation and not _IN_FORCE[representation](row):
        return STANDS_OTHERWISE
    if row.represented_by is not None and not representation and row.kind not in (*NEWS, LetterKind.MESSAGE):
        return REPRESENTED
    if representation != DeputyNews.RELEASED and _is_off_list(row):
        return N_("is no longer on the list")
    if row.kind is LetterKind.CANCELLED and not event.cancelled:
        return AFTER_ALL
    if row.kind not in (LetterKind.CANCELLED, LetterKind.MESSAGE) and event.cancelled:
        return WAS_CANCELLED
    return _REASON_BY_KIND[row.kind](row, event, thread)


def _is_off_list(row: LetterRow) -> bool:
    """Return whether the recipient is off the list, and the letter is none that such people get."""
    if row.standing is None:
        return True
    return row.standing in OFF_LIST and row.kind not in (*ASKED, *PARTING, LetterKind.MESSAGE)


# Whether what a letter tells of a representation is still so.
_IN_FORCE: Mapping[str, Callable[[LetterRow], bool]] = {
    DeputyNews.NAMED: lambda row: row.represented_by is not None,
    DeputyNews.LEFT: lambda row: row.deputy_left_at is not None,
    DeputyNews.RELEASED: lambda row: row.standing is None or row.standing in OFF_LIST,
}


def _unless_as_stated(row: LetterRow, _event: Event, _: NewsThread) -> str:
    stated = STATED[row.kind]
    return "" if row.standing is stated else _OTHERWISE.get(stated, STANDS_OTHERWISE)


_OTHERWISE = {
    Standing.UNCONFIRMED: N_("has confirmed already"),
    Standing.CONFIRMED: N_("has no place now"),
    Standing.WAITLISTED: N_("is no longer on the waiting list"),
}


def _if_unconfirmed(row: LetterRow, _event: Event, _: NewsThread) -> str:
    released = row.facts.get("deputy") == DeputyNews.RELEASED
    return "" if released or row.standing is not Standing.UNCONFIRMED else N_("has not confirmed")


def _of_news(row: LetterRow, event: Event, thread: NewsThread) -> str:
    if not thread.is_last(row):
        return LATER
    if event.cancelled:
        return KNOWN if thread.is_cancelled else ""
    if thread.is_cancelled or has_changed(thread.what_is_known(row.facts), event, joins=is_shown_link(row, event)):
        return ""
    if not event.dated:
        return TAKEN_BACK
    return AFTER_ALL if row.kind in (LetterKind.REINSTATED, LetterKind.DATE_ANNOUNCED) else MOVED_BACK


def _of_reminder(row: LetterRow, event: Event, _: NewsThread) -> str:
    if "reply_by" in row.facts:
        silent = row.standing is Standing.INVITED and row.partstat is Partstat.NEEDS_ACTION
        if not silent:
            return N_("has answered already")
        by_rule = "asks" in row.facts
        return asking.DAY_MOVED if by_rule and not asking.is_due_day(event, row.facts["reply_by"]) else ""
    if row.standing in (Standing.WAITLISTED, Standing.OFFERED, Standing.REQUESTED):
        return N_("has no place now")
    if row.reminded is Reminded.NEVER and row.standing is Standing.CONFIRMED:
        return WANTS_NONE
    start = datetime.fromisoformat(row.facts["start"])
    return "" if has_start(event, start) else N_("the event was moved")


def _none(_row: LetterRow, _event: Event, _: NewsThread) -> str:
    """Return no reason: `event_letters` asks whether a message is still for its recipient."""
    return ""


# What each kind of letter needs besides, as functions that return the reason to skip it, or "".
_REASON_BY_KIND = {
    **dict.fromkeys(STATED, _unless_as_stated),
    **dict.fromkeys(NEWS, _of_news),
    LetterKind.STANDING: _if_unconfirmed,
    LetterKind.REMINDER: _of_reminder,
    LetterKind.MESSAGE: _none,
}

"""The digest of an officer: new answers, guests who are silent, what waits for a decision, what is on today."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from scheduler.base.clock import instant, wall
from scheduler.model.accounts import Act
from scheduler.model.attendance import Answer, Attendee
from scheduler.model.audit import Audit
from scheduler.model.events import Event, Kind, Status, Visibility
from scheduler.model.letters import IncomingMail, Letter, MailState, Outcome
from scheduler.services.accounts import rights
from scheduler.services.accounts.accounts import Officer
from scheduler.services.correspondence import inbox
from scheduler.services.correspondence.inbox import MailFilter
from scheduler.services.correspondence.receiving import FORGED
from scheduler.services.events.attendance.replies import PARTSTATS, Reply, reply_of
from scheduler.services.events.guests.guest_groups import GuestGroup, is_in

MOST = 200  # lines of each part
DAYS_SHOWN = 2  # today and tomorrow
_ANSWERS = {partstat: reply for reply, partstat in PARTSTATS.items() if reply is not Reply.EXCUSED}


@dataclass(frozen=True, slots=True)
class DigestAnswer:
    """The last answer of a guest in the time of a digest; ``way`` is how it came, if that is known."""

    attendee: Attendee
    reply: Reply
    way: Answer | None
    at: datetime
    delegated: bool  # somebody comes in their place


@dataclass(frozen=True, slots=True)
class SilentGuests:
    """The number of guests of an event to come who have not answered."""

    event: Event
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """The parts of a digest; ``since`` and ``until`` are the instants between which something has happened."""

    since: datetime
    until: datetime
    answers: Sequence[DigestAnswer] = ()
    silent: Sequence[SilentGuests] = ()
    undecided: Sequence[IncomingMail] = ()
    forged: Sequence[IncomingMail] = ()
    returned: Sequence[Letter] = ()
    events: Sequence[Event] = ()

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to say: that some guests are silent is no news of its own."""
        return not (self.answers or self.undecided or self.forged or self.returned or self.events)


def begin_yesterday(now: datetime, tzid: str) -> datetime:
    """Return the instant at which yesterday began by the clock of ``tzid``."""
    return instant(datetime.combine(wall(now, tzid).date() - timedelta(days=1), time()), tzid, gap="shift")


def read_digest(session: Session, officer: Officer, *, since: datetime, now: datetime, tzid: str) -> Digest:
    """Return what an officer may know of that has happened since an instant, and of what lies ahead.

    Today and tomorrow are days on the clock of ``tzid``.
    """
    known = rights.list_visibilities(officer)
    sees_guests, sees_letters = officer.may(Act.SEE_GUESTS), officer.may(Act.SEE_LETTERS)
    return Digest(
        since=since,
        until=now,
        answers=_list_answers(session, known, since, now) if sees_guests else (),
        silent=_list_silent(session, known, now) if sees_guests else (),
        undecided=_list_mails(session, known, MailState.OPEN) if sees_letters else (),
        forged=_list_forged(session, known, since) if sees_letters else (),
        returned=_list_returned(session, known, since, now) if sees_letters else (),
        events=_list_events(session, known, wall(now, tzid).date(), tzid),
    )


def _list_answers(
    session: Session, known: Collection[Visibility], since: datetime, now: datetime
) -> list[DigestAnswer]:
    """Return the last answer of each guest who has answered, the latest first."""
    acts = sa.select(Audit).where(Audit.noun == "attendee", Audit.action.in_(("answer", "represent")))
    acts = acts.where(Audit.at > since, Audit.at <= now).order_by(Audit.id)
    last: dict[int, Audit] = {}
    for act in session.scalars(acts):
        if act.action == "answer" or act.details.get("by") is not None:
            last.pop(int(act.row), None)
            last[int(act.row)] = act
    guests = _read_guests(session, known, list(last)[-MOST:])
    return [_make_answer(guests[row], act) for row, act in reversed(last.items()) if row in guests]


def _read_guests(session: Session, known: Collection[Visibility], ids: Collection[int]) -> Mapping[int, Attendee]:
    query = sa.select(Attendee).join(Attendee.event).where(Attendee.id.in_(ids), Event.visibility.in_(known))
    whole = joinedload(Attendee.event), joinedload(Attendee.person), joinedload(Attendee.represented_by)
    return {one.id: one for one in session.scalars(query.options(*whole))}


def _make_answer(attendee: Attendee, act: Audit) -> DigestAnswer:
    """Return an answer by its line of the audit: the list may show a later one that is no answer."""
    way = act.details.get("by")
    told = next((reply for partstat, reply in _ANSWERS.items() if str(partstat) == act.details.get("partstat")), None)
    reply = Reply.EXCUSED if act.details.get("excused") else told or reply_of(attendee)
    known_way = Answer(way) if way in set(Answer) else None
    delegated = act.action == "represent" or "represented_by" in act.details
    return DigestAnswer(attendee, reply, known_way, act.at, delegated)


def _list_silent(session: Session, known: Collection[Visibility], now: datetime) -> list[SilentGuests]:
    """Return the events to come with guests who have not answered, the first reply that is due first."""
    counted = (
        sa.select(Attendee.event_id, sa.func.count().label("number"))
        .where(is_in(GuestGroup.SILENT))
        .group_by(Attendee.event_id)
        .subquery()
    )
    query = sa.select(Event, counted.c.number).join(counted, counted.c.event_id == Event.id)
    query = query.where(Event.visibility.in_(known), Event.status != Status.CANCELLED, Event.starts_at > now)
    rows = session.execute(query.order_by(Event.reply_by.is_(None), Event.reply_by, Event.starts_at).limit(MOST))
    return [SilentGuests(event, number) for event, number in rows]


def _list_mails(session: Session, known: Collection[Visibility], state: MailState) -> Sequence[IncomingMail]:
    return inbox.list_mails(session, MailFilter(state=state, visibilities=known), most=MOST)


def _list_forged(session: Session, known: Collection[Visibility], since: datetime) -> list[IncomingMail]:
    """Return the mails that were set aside because they do not come from whom they name."""
    aside = _list_mails(session, known, MailState.ASIDE)
    return [mail for mail in aside if mail.reason == FORGED and mail.received_at > since]


def _list_returned(
    session: Session, known: Collection[Visibility], since: datetime, now: datetime
) -> Sequence[Letter]:
    """Return the e-mails that have not arrived, the latest first."""
    query = sa.select(Letter).join(Letter.event).where(Letter.outcome == Outcome.FAILED)
    query = query.where(Letter.finished_at > since, Letter.finished_at <= now, Event.visibility.in_(known))
    query = query.options(joinedload(Letter.event), joinedload(Letter.person))
    return session.scalars(query.order_by(Letter.finished_at.desc(), Letter.id.desc()).limit(MOST)).all()


def _list_events(session: Session, known: Collection[Visibility], today: date, tzid: str) -> Sequence[Event]:
    """Return what takes place today and tomorrow, exhibitions that go on and anniversaries left out."""
    first, last = (instant(datetime.combine(day, time()), tzid, gap="shift") for day in _bounds(today))
    query = sa.select(Event).where(Event.starts_at >= first, Event.starts_at < last, Event.visibility.in_(known))
    query = query.where(Event.status != Status.CANCELLED, Event.kind.not_in((Kind.TOUR, Kind.ANNIVERSARY)))
    return session.scalars(query.order_by(Event.starts_at, Event.id).limit(MOST)).all()


def _bounds(today: date) -> tuple[date, date]:
    return today, today + timedelta(days=DAYS_SHOWN)

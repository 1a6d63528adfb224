"""E-mails of ours that came back: the ledger says so, and the officer sees whom it has not reached."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.i18n import N_
from scheduler.formats.incoming.delivery_reports import Delivery, DeliveryStatus
from scheduler.formats.incoming.received_mail import ReceivedMail
from scheduler.model.attendance import Attendee
from scheduler.model.letters import IncomingMail, Letter, MailState, Outcome
from scheduler.services.common.audit import note

CAME_BACK = N_("reports that an e-mail did not arrive")
DELAYED = N_("reports that an e-mail is delayed; the server still tries")
DELIVERED = N_("reports that an e-mail has arrived")
UNKNOWN_LETTER = N_("reports about an e-mail that is none of ours")
RECENT = timedelta(days=10)  # servers give up after five days (RFC 5321 4.5.4.1)


def take_report(session: Session, row: IncomingMail, mail: ReceivedMail, *, now: datetime) -> None:
    """Take a report about delivery: what did not arrive for good fails in the ledger, with the server's words.

    A report that names no e-mail of ours changes nothing: anybody can write one.
    """
    failed = [one for one in mail.deliveries if one.delivery is Delivery.FAILED]
    returned = [letter for status in failed for letter in _find_letters(session, mail, status, now)]
    row.state, row.reason = MailState.SETTLED, _describe(mail, found=bool(returned), failed=bool(failed))
    for status in failed:
        for letter in _find_letters(session, mail, status, now):
            _fail(session, letter, status, now)
            row.event_id, row.attendee = letter.event_id, row.attendee or _find_attendee(session, letter)
    if not failed:
        letters = (letter for status in mail.deliveries for letter in _find_letters(session, mail, status, now))
        _name_guest(session, row, letters)


def _describe(mail: ReceivedMail, *, found: bool, failed: bool) -> str:
    if failed:
        return CAME_BACK if found else UNKNOWN_LETTER
    delayed = any(one.delivery is Delivery.DELAYED for one in mail.deliveries)
    return DELAYED if delayed else DELIVERED


def _find_letters(session: Session, mail: ReceivedMail, status: DeliveryStatus, now: datetime) -> list[Letter]:
    """Return the e-mails that a report is about: those that it gives back, else the last one to the address."""
    sent = sa.select(Letter).where(Letter.outcome == Outcome.SENT, sa.func.lower(Letter.address) == status.address)
    if mail.threads:
        return list(session.scalars(sent.where(Letter.message_id.in_(mail.threads)).order_by(Letter.id)))
    lately = sent.where(Letter.finished_at >= now - RECENT).order_by(Letter.finished_at.desc(), Letter.id.desc())
    return list(session.scalars(lately.limit(1)))


def _fail(session: Session, letter: Letter, status: DeliveryStatus, now: datetime) -> None:
    """Let a sent e-mail have failed. The reason has the form of a refusal by a mail server (RFC 5321 4.2)."""
    words = f"550 {status.status or '5.0.0'} {status.diagnosis}".strip()
    letter.outcome, letter.reason, letter.finished_at = Outcome.FAILED, words[:500], now
    note(session, "come back", "letter", letter.id, now=now, address=status.address, status=status.status)


def _name_guest(session: Session, row: IncomingMail, letters: Iterable[Letter]) -> None:
    letter = next(iter(letters), None)
    if letter is not None:
        row.event_id, row.attendee = letter.event_id, _find_attendee(session, letter)


def _find_attendee(session: Session, letter: Letter) -> Attendee | None:
    if letter.event_id is None:
        return None
    here = sa.select(Attendee).where(Attendee.event_id == letter.event_id)
    mine = sa.or_(Attendee.person_id == letter.person_id, Attendee.represented_by_id == letter.person_id)
    return session.scalars(here.where(mine).order_by(Attendee.id)).first()

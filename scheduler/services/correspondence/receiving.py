"""Receive one mail: keep it, understand it, do what is certain."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from scheduler.base.i18n import N_
from scheduler.formats.incoming.mail_kinds import MailKind
from scheduler.formats.incoming.received_mail import MOST_BYTES, ReceivedMail
from scheduler.model.letters import IncomingMail, MailState
from scheduler.services.correspondence import returned_mail
from scheduler.services.correspondence.answers import NoAnswer, read_answers, take_answer
from scheduler.services.correspondence.authentication import is_forged
from scheduler.services.correspondence.senders import Sender, find_by_sender, find_event, find_sender
from scheduler.storage.upsert import insert_ignoring

IN_WORDS = N_("is written in words: an officer decides")
OUTLOOK_FILE = N_("has a file in Outlook's own format (winmail.dat), which cannot be read")
AUTOMATIC = N_("was written by a program, such as a notice of absence")
RECEIPT = N_("says that an e-mail was opened, which is no answer")
CANNOT_READ = N_("cannot be read as a mail")
FORGED = N_("does not come from the sender that it names, says the mail server")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """The mailbox of answers: the pattern of its addresses, its secret, and the mail server whose word is taken."""

    replies: str
    secret: str
    checked_by: str = ""


def receive(
    session: Session, content: bytes, mail: ReceivedMail, *, mailbox: Mailbox, now: datetime
) -> IncomingMail | None:
    """Keep a mail, and do what is certain. Return None if it has come in before: then nothing happens again.

    ``mail`` is ``content`` as read by `read_mail`, outside of the transaction.
    """
    row = _keep(session, content, mail, now)
    if row is None:
        return None
    told = find_sender(session, mail, pattern=mailbox.replies, secret=mailbox.secret)
    if told is not None:
        row.attendee, row.event = told.attendee, told.attendee.event
    if is_forged(mail.authentication, mailbox.checked_by):
        row.state, row.reason = MailState.ASIDE, FORGED
    elif mail.kind is MailKind.CALENDAR:
        _take_calendar(session, row, mail, told, now)
    elif mail.kind is MailKind.REPORT:
        returned_mail.take_report(session, row, mail, now=now)
    else:
        row.state, row.reason = _BY_KIND[mail.kind]
        if row.attendee is None and (guest := find_by_sender(session, mail.sender, now=now)):
            row.attendee, row.event = guest, guest.event
        if mail.has_outlook_file:
            row.reason = OUTLOOK_FILE
    session.flush()
    return row


def keep_unread(session: Session, content: bytes, *, now: datetime) -> IncomingMail | None:
    """Keep a mail that makes trouble, for an officer to read. Return None if it has come in before."""
    mail = ReceivedMail(digest=hashlib.sha256(content).hexdigest(), kind=MailKind.UNREADABLE)
    row = _keep(session, content, mail, now)
    if row is not None:
        row.reason = CANNOT_READ
    return row


_BY_KIND = {
    MailKind.WORDS: (MailState.OPEN, IN_WORDS),
    MailKind.AUTOMATIC: (MailState.SETTLED, AUTOMATIC),
    MailKind.RECEIPT: (MailState.SETTLED, RECEIPT),
    MailKind.UNREADABLE: (MailState.OPEN, CANNOT_READ),
}


def _keep(session: Session, content: bytes, mail: ReceivedMail, now: datetime) -> IncomingMail | None:
    """Store the mail as it came; return None if it is there already, even since this very moment."""
    values = {
        "digest": mail.digest,
        "kind": mail.kind,
        "state": MailState.OPEN,
        "reason": "",
        "received_at": now,
        "mailed_at": mail.mailed_at,
        "sender": mail.sender[:254],
        "sender_shown": mail.sender_shown,
        "subject": mail.subject,
        "text": mail.text,
        "content": content[:MOST_BYTES],
    }
    added = insert_ignoring(session, IncomingMail).values(values).returning(IncomingMail.id)
    number = session.scalar(added)
    return None if number is None else session.get_one(IncomingMail, number)


def _take_calendar(
    session: Session, row: IncomingMail, mail: ReceivedMail, told: Sender | None, now: datetime
) -> None:
    try:
        given = read_answers(mail)
    except NoAnswer as error:
        row.state, row.reason = MailState.OPEN, str(error)
        return
    answers = [take_answer(session, row, mail, one, told, now=now) for one in given]
    named = next((answer for answer in answers if answer.attendee), None)
    row.attendee = row.attendee or (named.attendee if named else None)
    row.event = row.event or find_event(session, given[0].part.uid)
    waiting = next((answer for answer in answers if answer.state is MailState.OPEN), None)
    if waiting is not None:
        row.state, row.reason = MailState.OPEN, waiting.reason
    elif all(answer.state is MailState.ASIDE for answer in answers):
        row.state, row.reason = MailState.ASIDE, answers[0].reason
    else:
        row.state, row.reason = MailState.SETTLED, next((one.reason for one in answers if one.reason), "")

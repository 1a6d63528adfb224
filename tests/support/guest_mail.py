"""What guests and mail servers write back, in the shapes of their programs.

mail = reply(event.uid, "governor@phuket.example", "ACCEPTED")
receive(app, mail)
"""

from __future__ import annotations

from base64 import encodebytes
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime
from itertools import count
from typing import Any

from sqlalchemy.orm import Session

from scheduler.formats.incoming.received_mail import read_mail
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event
from scheduler.model.letters import IncomingMail, MailState
from scheduler.services.correspondence import receiving
from tests.support.builders import NOW

DESK, PATTERN = "protocol@embassy.example", "answers+*@embassy.example"
_number = count(1)


def itip(
    uid: str,
    attendee: str,
    partstat: str = "ACCEPTED",
    *,
    method: str = "REPLY",
    written: datetime | None = NOW,
    sequence: int | None = 0,
    more: Sequence[str] = (),
    parameters: str = "",
    attendees: Sequence[str] = (),
) -> bytes:
    """One message of a guest's program; ``more`` are lines of its event, ``attendees`` further ATTENDEE lines."""
    said = [
        *([f"DTSTAMP:{written:%Y%m%dT%H%M%SZ}"] if written else []),
        *([f"SEQUENCE:{sequence}"] if sequence is not None else []),
        *([f"ATTENDEE;PARTSTAT={partstat}{parameters}:mailto:{attendee}"] if attendee else []),
        *attendees,
        *more,
    ]
    lines = ["BEGIN:VCALENDAR", "PRODID:-//Guest//EN", "VERSION:2.0", f"METHOD:{method}", "BEGIN:VEVENT"]
    return "\r\n".join([*lines, f"UID:{uid}", *said, "END:VEVENT", "END:VCALENDAR", ""]).encode()


def mail(
    *calendars: bytes,
    sender: str = "guest@example.org",
    to: str = DESK,
    subject: str = "Accepted: Opening",
    at: datetime = NOW,
    text: str = "Thank you.",
    headers: Sequence[str] = (),
    message_id: str = "",
) -> bytes:
    """A mail with a text and any calendars, in a structure that programs write."""
    mark = message_id or f"<{next(_number)}@guest.example>"
    head = [
        f"From: Guest <{sender}>",
        f"To: {to}",
        f"Subject: {subject}",
        f"Date: {format_datetime(at)}",
        f"Message-ID: {mark}",
        *headers,
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="b"',
        "",
    ]
    parts = [f"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}".encode()]
    kind = b"--b\r\nContent-Type: text/calendar; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    parts += [kind + encodebytes(calendar) for calendar in calendars]
    return b"\r\n".join(["\r\n".join(head).encode(), *parts, b"--b--", b""])


def reply(uid: str, attendee: str, partstat: str = "ACCEPTED", **given: Any) -> bytes:
    """The answer of a guest's program, as a mail from the guest."""
    envelope = {name: given.pop(name) for name in ("sender", "to", "at", "headers", "message_id") if name in given}
    written = given.get("written", NOW)
    at = envelope.pop("at", written or NOW)
    return mail(itip(uid, attendee, partstat, **given), at=at, **{"sender": attendee, **envelope})


def report(address: str, *, action: str = "failed", status: str = "5.1.1", returned: str = "", **given: Any) -> bytes:
    """A report of a mail server (RFC 3464) about a mail of ours, with its Message-ID if that is given."""
    lines = [
        "From: Mail Delivery System <MAILER-DAEMON@mx.example.org>",
        f"To: {DESK}",
        "Subject: Undelivered Mail Returned to Sender",
        f"Date: {format_datetime(given.get('at', NOW))}",
        f"Message-ID: <report-{next(_number)}@mx.example.org>",
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="r"',
        "",
        "--r\r\nContent-Type: text/plain\r\n\r\nYour mail could not be delivered.",
        "--r\r\nContent-Type: message/delivery-status\r\n",
        "Reporting-MTA: dns; mx.example.org\r\n",
        f"Final-Recipient: rfc822; {address}",
        f"Action: {action}",
        f"Status: {status}",
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n",
        *([f"--r\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: {returned}\r\n\r\nHello"] if returned else []),
        "--r--",
        "",
    ]
    return "\r\n".join(lines).encode()


def put_mail(session: Session, event: Event, attendee: Attendee | None = None, **given: Any) -> IncomingMail:
    """A mail in words about an event that waits for an officer."""
    content = mail(**{"text": "We shall come.", "subject": "Re: Invitation", **given})
    read = read_mail(content)
    row = IncomingMail(
        digest=read.digest, kind=read.kind, state=MailState.OPEN, received_at=NOW, text=read.text, content=content,
        sender=read.sender, sender_shown=read.sender_shown, subject=read.subject, event=event, attendee=attendee,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def receive(app: Any, content: bytes, *, checked_by: str = "") -> int | None:
    """Let a mail come in; return its number, or None if it came before."""
    box, now = receiving.Mailbox(replies=PATTERN, secret=app.secret, checked_by=checked_by), app.clock.now()
    with app.db.write("worker") as session:
        row = receiving.receive(session, content, read_mail(content), mailbox=box, now=now)
        return None if row is None else row.id

"""Answers of the demo's guests: what a guest's mail program writes when it is given one of our invitations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.utils import format_datetime
from typing import Any

import icalendar

_OUTLOOK = "Microsoft Exchange Server 2010"


def accept_in_outlook(invitation: bytes, *, at: datetime) -> bytes:
    """Return the acceptance of an invitation as Exchange writes it: without ORGANIZER; ``at`` is in UTC."""
    return _reply(invitation, "Accepted", {"PARTSTAT": "ACCEPTED"}, at=at)


def delegate(invitation: bytes, to: str, *, at: datetime) -> bytes:
    """Return the answer that somebody else comes (RFC 5546 section 3.2.2.3): the address ``to``."""
    given = {"PARTSTAT": "DELEGATED", "DELEGATED-TO": [f"mailto:{to}"]}
    return _reply(invitation, "Delegated", given, at=at)


def bounce(invitation: bytes, *, at: datetime) -> bytes:
    """Return the report of the guest's mail server that there is no such mailbox (RFC 3464)."""
    sent = message_from_bytes(invitation, policy=policy.default)
    address = sent["To"].addresses[0].addr_spec
    domain = address.partition("@")[2]
    report = EmailMessage(policy=policy.SMTP)
    _address(report, f"MAILER-DAEMON@mx.{domain}", sent, "Undelivered Mail Returned to Sender", at=at)
    report.set_content(f"<{address}>: 550 5.1.1 no such mailbox\n")
    report.make_mixed()
    report.set_type("multipart/report")
    report.set_param("report-type", "delivery-status")
    status = EmailMessage(policy=policy.SMTP)
    status["Content-Type"] = "message/delivery-status"
    of_server, of_guest = Message(), Message()
    of_server["Reporting-MTA"] = f"dns; mx.{domain}"
    of_guest["Final-Recipient"] = f"rfc822; {address}"
    of_guest["Action"] = "failed"
    of_guest["Status"] = "5.1.1"
    of_guest["Diagnostic-Code"] = "smtp; 550 5.1.1 no such mailbox"
    status.set_payload([of_server, of_guest])
    report.attach(status)
    head = EmailMessage(policy=policy.SMTP)
    head["Content-Type"] = "text/rfc822-headers"
    head.set_payload(f"To: {address}\r\nMessage-ID: {sent['Message-ID']}\r\n")
    report.attach(head)
    return report.as_bytes()


def _reply(invitation: bytes, word: str, parameters: dict[str, Any], *, at: datetime) -> bytes:
    sent = message_from_bytes(invitation, policy=policy.default)
    asked = _read_event(sent)
    answer = icalendar.Event()
    for name in ("UID", "SEQUENCE", "DTSTART", "DTEND", "SUMMARY"):
        if name in asked:
            answer[name] = asked[name]
    answer.add("DTSTAMP", at)
    guest = sent["To"].addresses[0].addr_spec
    answer.add("ATTENDEE", f"mailto:{guest}", parameters=parameters)
    calendar = icalendar.Calendar()
    calendar.add("PRODID", _OUTLOOK)
    calendar.add("VERSION", "2.0")
    calendar.add("METHOD", "REPLY")
    calendar.add_component(answer)
    mail = EmailMessage(policy=policy.SMTP)
    _address(mail, guest, sent, f"{word}: {asked['SUMMARY']}", at=at)
    mail["In-Reply-To"] = sent["Message-ID"]
    mail.set_content("\n")
    mail.add_alternative(calendar.to_ical(), "text", "calendar", params={"method": "REPLY", "charset": "utf-8"})
    return mail.as_bytes()


def _address(mail: EmailMessage, sender: str, sent: EmailMessage, subject: str, *, at: datetime) -> None:
    """Write the head of an answer to a mail that was sent."""
    mail["From"] = sender
    mail["To"] = str(sent["Reply-To"] or sent["From"])
    mail["Subject"] = subject
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{at:%Y%m%d%H%M%S}.{sender.partition('@')[0]}@mail.example.org>"


def _read_event(sent: EmailMessage) -> Any:
    """Return the event of the calendar that an invitation carries."""
    return next(event for part in sent.walk() for event in _list_events(part))


def _list_events(part: EmailMessage) -> Iterator[Any]:
    content = part.get_payload(decode=True)
    if part.get_content_type() == "text/calendar" and isinstance(content, bytes):
        yield from icalendar.Calendar.from_ical(content).walk("VEVENT")

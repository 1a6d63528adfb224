"""One mail as it came in: what kind it is, and what an answer to an invitation is found by."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import Message

from scheduler.formats.incoming.delivery_reports import DeliveryStatus, list_returned_ids, read_delivery_report
from scheduler.formats.incoming.mail_kinds import MailKind
from scheduler.formats.incoming.mail_texts import (
    decode_bytes,
    list_addresses,
    list_message_ids,
    read_charset,
    read_date,
    read_field,
    read_text,
)

MOST_BYTES = 10_000_000  # of one mail
MOST_PARTS = 200
MOST_CALENDARS = 5
MOST_NAMED = 200  # recipients, and mails that it answers: whoever names more is no guest who answers
_MOST_BOUNDARIES = 400  # of multiparts; deeper than that nothing that people write is


@dataclass(frozen=True, slots=True)
class ReceivedCalendar:
    """The octets of a calendar in a mail, and the charset that the mail says they are in."""

    content: bytes
    charset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMail:
    """A mail as it came in; addresses are in small letters, times in UTC.

    ``digest`` is the same for the same mail, whichever way it came. ``recipients`` has every address that the mail
    may have been sent to; ``threads`` the Message-IDs of the mails that it answers, or gives back. ``authentication``
    has the Authentication-Results (RFC 8601) as they stand; who wrote them is for the caller to trust.
    """

    digest: str
    kind: MailKind
    message_id: str = ""
    sender: str = ""
    sender_shown: str = ""
    recipients: tuple[str, ...] = ()
    threads: tuple[str, ...] = ()
    subject: str = ""
    mailed_at: datetime | None = None
    text: str = ""
    calendars: tuple[ReceivedCalendar, ...] = ()
    deliveries: tuple[DeliveryStatus, ...] = ()
    authentication: tuple[str, ...] = ()
    has_outlook_file: bool = False  # winmail.dat (TNEF), which only Outlook reads
    over_list: bool = False  # came over a mailing list


def read_mail(content: bytes) -> ReceivedMail:
    """Read a mail. One that is too large, or nested too deep, is unreadable but for its header."""
    whole = len(content) <= MOST_BYTES and content.count(b"boundary=") <= _MOST_BOUNDARIES
    head = content if whole else content[:100_000].partition(b"\r\n\r\n" if b"\r\n\r\n" in content else b"\n\n")[0]
    try:
        message = message_from_bytes(head, policy=policy.compat32)
        return _read(message, content, whole=whole)
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError):
        return ReceivedMail(digest=hashlib.sha256(content).hexdigest(), kind=MailKind.UNREADABLE)


def _read(message: Message, content: bytes, *, whole: bool) -> ReceivedMail:
    parts = list(_list_leaves(message))[:MOST_PARTS] if whole else []
    deliveries = read_delivery_report(message) if whole else ()
    calendars = () if deliveries else tuple(_list_calendars(parts))
    senders = list_addresses(message, "From")
    return ReceivedMail(
        digest=_make_digest(message, content),
        kind=_find_kind(message, deliveries, calendars) if whole else MailKind.UNREADABLE,
        message_id=next(iter(list_message_ids(message, "Message-ID")), ""),
        sender=senders[0] if len(senders) == 1 else "",
        sender_shown=read_field(message, "From")[:300],
        recipients=tuple(list_addresses(message, *_RECIPIENT_FIELDS)[:MOST_NAMED]),
        threads=(*list_message_ids(message, "In-Reply-To", "References"), *list_returned_ids(message))[:MOST_NAMED],
        subject=read_field(message, "Subject")[:500],
        mailed_at=read_date(message),
        text=read_text(parts),
        calendars=calendars,
        deliveries=deliveries,
        authentication=tuple(f"{value}" for value in message.get_all("Authentication-Results", [])),
        has_outlook_file=any(part.get_content_type() in _OUTLOOK_FILES for part in parts),
        over_list=bool(message.get("List-Id") or message.get("List-Post")),
    )


# Servers write the address of the envelope into one of these; an answer to all has ours in Cc.
_RECIPIENT_FIELDS = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "Resent-To")
_OUTLOOK_FILES = ("application/ms-tnef", "application/vnd.ms-tnef")


def _make_digest(message: Message, content: bytes) -> str:
    """Return what identifies a mail: its Message-ID with its sender and Date, or else all of its octets.

    The octets of one mail differ by the servers that it has passed.
    """
    marks = [f"{message.get(name, '')}".strip() for name in ("Message-ID", "From", "Date")]
    known = "\n".join(marks).encode("utf-8", "surrogateescape") if marks[0] else content
    return hashlib.sha256(known).hexdigest()


def _list_leaves(message: Message) -> Iterator[Message]:
    """Yield the parts that hold content, those of attached and returned mails not among them."""
    if message.get_content_maintype() == "message" and message.is_multipart():
        return
    if message.is_multipart():
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from _list_leaves(part)
    else:
        yield message


def _list_calendars(parts: list[Message]) -> Iterator[ReceivedCalendar]:
    """Yield the calendars of a mail, those that it shows before those attached; equal ones once."""
    found = [part for part in parts if _is_calendar(part)]
    found.sort(key=lambda part: part.get_content_type() != "text/calendar")
    seen = dict.fromkeys(ReceivedCalendar(decode_bytes(part), read_charset(part)) for part in found)
    yield from list(seen)[:MOST_CALENDARS]


def _is_calendar(part: Message) -> bool:
    """Return whether a part is a calendar, by its type, its name or its first line (RFC 6047 section 2.4)."""
    if part.get_content_type() in ("text/calendar", "application/ics", "text/x-vcalendar"):
        return True
    if re.search(r"\.(ics|vcs)\Z", f"{part.get_filename('')}".strip(), re.IGNORECASE):
        return True
    return bool(re.match(rb"\s*BEGIN:VCALENDAR\s", decode_bytes(part)[:200], re.IGNORECASE))


def _find_kind(
    message: Message,
    deliveries: tuple[DeliveryStatus, ...],
    calendars: tuple[ReceivedCalendar, ...],
) -> MailKind:
    """Return the kind of a mail. Answers of people come marked as automatic, too: a calendar is looked at first."""
    if deliveries:
        return MailKind.REPORT
    if f"{message.get_param('report-type', '')}".lower() == "disposition-notification" or any(
        part.get_content_type() == "message/disposition-notification" for part in message.walk()
    ):
        return MailKind.RECEIPT
    if calendars:
        return MailKind.CALENDAR
    return MailKind.AUTOMATIC if _is_automatic(message) else MailKind.WORDS


def _is_automatic(message: Message) -> bool:
    """Return whether a program has answered (RFC 3834), also one that says so in a way of its own."""
    submitted = read_field(message, "Auto-Submitted").lower()
    if submitted and not submitted.startswith("no"):
        return True
    if any(message.get(name) for name in _AUTOMATIC_FIELDS):
        return True
    if read_field(message, "Precedence").lower() in ("auto_reply", "auto-reply", "junk"):
        return True
    return read_field(message, "X-Auto-Response-Suppress").lower() in ("all", "oof") or (
        read_field(message, "Return-Path") == "<>"
    )


_AUTOMATIC_FIELDS = ("X-Autoreply", "X-Autorespond", "X-Auto-Reply", "X-MS-Exchange-Inbox-Rules-Loop", "X-Vacation")

"""Reports about the delivery of our mail: by RFC 3464, or in the words of older servers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_string
from email.iterators import typed_subpart_iterator
from email.message import Message
from enum import StrEnum

from flufl.bounce import all_failures

from scheduler.formats.incoming.mail_texts import list_message_ids, read_field


class Delivery(StrEnum):
    """The fate of a mail at one address (RFC 3464 section 2.3.3)."""

    FAILED = "failed"  # for good
    DELAYED = "delayed"  # the server still tries
    DELIVERED = "delivered"  # also handed on to a server that reports nothing


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """Statement of a report about one address. ``status`` is the code of RFC 3463, or "" if it has none.

    ``address`` is in small letters: the one that we wrote to, if the report still knows it.
    """

    address: str
    delivery: Delivery
    status: str = ""
    diagnosis: str = ""


_ACTIONS = {
    "fail": Delivery.FAILED,
    "error": Delivery.FAILED,  # OpenSMTPD
    "delay": Delivery.DELAYED,
    "deliver": Delivery.DELIVERED,
    "relay": Delivery.DELIVERED,
    "expand": Delivery.DELIVERED,
}
_STATUS = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
_RECIPIENT = re.compile(r"(?:[\w-]+\s*;)?\s*<?([^\s<>;]+@[^\s<>;]+)>?")
_MOST_RECIPIENTS, _LONGEST_RECIPIENT = 200, 500


def read_delivery_report(message: Message) -> tuple[DeliveryStatus, ...]:
    """Return what a mail reports about the delivery of ours; empty if it is no report.

    A report in words alone is recognised by the shapes that flufl.bounce knows, if it comes from a mail server.
    """
    formal = _read_blocks(_list_blocks(message))
    if not formal and _is_from_server(message):
        formal = _read_blocks(_list_blocks_in_words(message))
    if formal or not _is_from_server(message):
        return tuple(formal[:_MOST_RECIPIENTS])
    delayed, failed = all_failures(message)
    fates = {**dict.fromkeys(delayed, Delivery.DELAYED), **dict.fromkeys(failed, Delivery.FAILED)}
    found = sorted((address.decode("ascii", "replace").lower(), fate) for address, fate in fates.items())
    return tuple(DeliveryStatus(address, fate) for address, fate in found[:_MOST_RECIPIENTS])


def _list_blocks(message: Message) -> Iterator[Message]:
    """Yield the groups of fields of all recipients (RFC 3464 section 2.3)."""
    for part in typed_subpart_iterator(message, "message", "delivery-status"):
        if isinstance(part, Message) and part.is_multipart():
            yield from (block for block in part.get_payload() if isinstance(block, Message))


def _list_blocks_in_words(message: Message) -> Iterator[Message]:
    """Yield the groups of fields of a report whose parts cannot be told apart any more."""
    for part in message.walk():
        text = part.get_payload() if not part.is_multipart() else ""
        for block in re.split(r"\n\s*\n", f"{text}".replace("\r\n", "\n")):
            if re.search(r"^action:", block, re.IGNORECASE | re.MULTILINE):
                yield message_from_string(block.strip())


def _read_blocks(blocks: Iterator[Message]) -> list[DeliveryStatus]:
    return [status for block in blocks if (status := _read_block(block))]


def _read_block(block: Message) -> DeliveryStatus | None:
    action = read_field(block, "Action").lower()
    delivery = next((meant for word, meant in _ACTIONS.items() if action.startswith(word)), None)
    address = _read_recipient(block)
    if delivery is None or not address:
        return None
    status = _STATUS.search(read_field(block, "Status"))
    return DeliveryStatus(address, delivery, status[0] if status else "", read_field(block, "Diagnostic-Code")[:300])


def _read_recipient(block: Message) -> str:
    """Return whom we wrote to (Original-Recipient), or else where the mail ended up."""
    for name in ("Original-Recipient", "Final-Recipient", "X-Actual-Recipient"):
        found = _RECIPIENT.search(read_field(block, name)[:_LONGEST_RECIPIENT])
        if found:
            return found[1].lower()
    return ""


def _is_from_server(message: Message) -> bool:
    """Return whether a mail has the sender that reports have: none (RFC 5321 section 4.5.5), or the mail server."""
    path, sender = read_field(message, "Return-Path"), read_field(message, "From").lower()
    return path == "<>" or bool(re.search(r"mailer-daemon|postmaster|mail delivery|mail administrator", sender))


def list_returned_ids(message: Message) -> tuple[str, ...]:
    """Return the Message-IDs of our mails that a report gives back, whole or only with their header."""
    found: list[str] = []
    for part in message.walk():
        if part.get_content_type() in ("message/rfc822", "message/global"):
            for mail in part.get_payload() if part.is_multipart() else ():
                found += list_message_ids(mail, "Message-ID") if isinstance(mail, Message) else []
        elif part.get_content_type() in ("text/rfc822-headers", "message/global-headers"):
            found += _RETURNED_ID.findall(f"{part.get_payload()}")
    return tuple(dict.fromkeys(found))


_RETURNED_ID = re.compile(r"^message-id:\s*(<[^<>\s]{1,250}>)", re.IGNORECASE | re.MULTILINE)

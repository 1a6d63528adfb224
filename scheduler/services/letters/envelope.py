"""Put a composed letter into its envelope: the message that leaves, from whom and to whom it is."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

from scheduler.base.text import Text
from scheduler.formats.mail import Envelope, Parts, ascii_address, assemble
from scheduler.model.letters import Letter, LetterKind
from scheduler.services.letters.letter_rows import LetterRow


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A composed letter: what a channel needs and what the ledger keeps. ``content`` is the message of RFC 5322."""

    letter_id: int
    attempts: int
    kind: LetterKind
    language: str
    sender: str
    address: str
    name: str
    subject: str
    message_id: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Skip:
    """A letter that is not to be sent, with the reason for the ledger."""

    letter_id: int
    reason: str


CompositionResult = OutgoingMessage | Skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderIdentity:
    """The sender of all letters of an instance: the house that signs them, and the key of its links and ids."""

    name: Text
    sender: str  # an RFC 5322 mailbox
    secret: str
    base_url: str = ""
    pages: bool = False  # whether letters may link to pages, because the settings say where these are


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a letter goes to, and the language it is written in."""

    email: str
    name: str
    language: str


def put_in_envelope(
    letter: LetterRow | Letter,
    recipient: Recipient,
    *,
    subject: str,
    parts: Parts,
    reply_to: str,
    house: SenderIdentity,
    now: datetime,
) -> OutgoingMessage:
    """Return the letter as a message. Raise ValueError if its address has other than ASCII letters before the @."""
    message_id, address = make_message_id(letter.key, house), ascii_address(recipient.email)
    envelope = Envelope(
        sender=house.sender,
        address=address,
        name=recipient.name,
        subject=subject,
        message_id=message_id,
        reply_to=reply_to,
        language=recipient.language,
        at=now,
    )
    return OutgoingMessage(
        letter_id=letter.id,
        attempts=letter.attempts,
        kind=letter.kind,
        language=recipient.language,
        sender=house.sender,
        address=address,
        name=recipient.name,
        subject=subject,
        message_id=message_id,
        content=assemble(envelope, parts),
    )


def make_message_id(key: str, house: SenderIdentity) -> str:
    """Return the Message-ID of a letter (RFC 5322 3.6.4).

    It does not change from attempt to attempt, so that mail programs recognise a letter sent twice. It is a keyed
    digest, so that it does not reveal the key of the letter.
    """
    digest = hmac.new(house.secret.encode(), key.encode(), hashlib.sha256).hexdigest()[:32]
    domain = house.sender.rpartition("@")[2].strip("> ") or "localhost"
    return f"<{digest}@{domain}>"


def reply_to(email: str | None) -> str:
    """Return an address for replies that every mail server accepts, or "": replies then go to the sender."""
    try:
        return ascii_address(email or "")
    except ValueError:
        return ""

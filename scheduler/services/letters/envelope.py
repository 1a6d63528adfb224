"""Put a composed letter into its envelope: the message that leaves, from whom and to whom it is."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr, quote
from functools import lru_cache

from scheduler.base.text import Text
from scheduler.formats.mail import Envelope, Parts, ascii_address, assemble
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.places import Organisation
from scheduler.model.posts import Post
from scheduler.services.events.attendance.invitations import Question
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
    asks: Question | None = None  # what is noted about the guest when the letter has left


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
    replies: str = ""  # the pattern of the addresses that answers to invitations go to
    pages: bool = False  # whether letters may link to pages, because the settings say where these are


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The block under a letter, in one language: who signs it, for whom, and how to reach them; much may be empty."""

    name: str  # the official name of the organisation or post
    signer: str = ""
    position: str = ""
    address: str = ""
    telephone: str = ""
    email: str = ""  # where replies go, as every mail server accepts it


def make_signature(of: Organisation | Post | None, language: str, house: SenderIdentity) -> Signature:
    """Return the signature of an organizer or a post; of the house if there is none.

    Replies go to the sender of all letters if there is no other address that every mail server accepts.
    """
    sender = parseaddr(house.sender)[1]
    if of is None:
        return Signature(name=house.name.to(language), email=sender)
    return Signature(
        name=of.name.to(language),
        signer=of.signer.to(language),
        position=of.signer_position.to(language),
        address=of.address.to(language),
        telephone=of.telephone or "",
        email=_find_acceptable(of.email) or sender,
    )


def _find_acceptable(email: str | None) -> str:
    """Return an address as every mail server accepts it, or "" if there is none."""
    try:
        return ascii_address(email or "")
    except ValueError:
        return ""


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
    signature: Signature,
    house: SenderIdentity,
    now: datetime,
    references: str = "",
    asks: Question | None = None,
) -> OutgoingMessage:
    """Return the letter as a message, with the name of those who sign it as that of the sender.

    ``references`` is the Message-ID of the mail that it belongs to, ``asks`` what it asks a guest. Raise ValueError
    if its address has other than ASCII letters before the @.
    """
    sender = _make_sender(signature.name, house.sender)
    message_id, address = make_message_id(letter.key, house), ascii_address(recipient.email)
    envelope = Envelope(
        sender=sender,
        address=address,
        name=recipient.name,
        subject=subject,
        message_id=message_id,
        reply_to=signature.email,
        language=recipient.language,
        at=now,
        references=references,
    )
    return OutgoingMessage(
        letter_id=letter.id,
        attempts=letter.attempts,
        kind=letter.kind,
        language=recipient.language,
        sender=sender,
        address=address,
        name=recipient.name,
        subject=subject,
        message_id=message_id,
        content=assemble(envelope, parts),
        asks=asks,
    )


@lru_cache(maxsize=256)
def _make_sender(name: str, mailbox: str) -> str:
    return f'"{quote(name)}" <{parseaddr(mailbox)[1]}>'


def make_message_id(key: str, house: SenderIdentity) -> str:
    """Return the Message-ID of a letter (RFC 5322 3.6.4).

    It does not change from attempt to attempt, so that mail programs recognise a letter sent twice. It is a keyed
    digest, so that it does not reveal the key of the letter.
    """
    digest = hmac.new(house.secret.encode(), key.encode(), hashlib.sha256).hexdigest()[:32]
    domain = house.sender.rpartition("@")[2].strip("> ") or "localhost"
    return f"<{digest}@{domain}>"

"""What leaves: a composed letter, who it is from, and the templates and the envelope that all letters share."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape

from scheduler.base.i18n import catalogue
from scheduler.base.resources import TEMPLATES
from scheduler.base.text import Text
from scheduler.formats.mail import Envelope, Parts, ascii_address, assemble
from scheduler.model import Letter, LetterKind
from scheduler.services.letters.letter_rows import Row


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A composed letter: what a channel needs, and what the ledger keeps. ``content`` is RFC 5322 bytes."""

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
    """Why a letter is not sent."""

    letter_id: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderIdentity:
    """What is the same in all letters: who writes, and the key of Message-IDs."""

    name: Text
    sender: str  # an RFC 5322 mailbox
    secret: str
    base_url: str = ""
    pages: bool = False  # somebody has stated where the pages are: letters may lead to them


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who a letter is for, and the language it is in."""

    email: str
    name: str
    language: str


def put_in_envelope(
    letter: Row | Letter,
    reader: Recipient,
    *,
    subject: str,
    parts: Parts,
    reply_to: str,
    house: SenderIdentity,
    now: datetime,
) -> OutgoingMessage:
    """Put a letter into its envelope. Raises ValueError for an address that no mail server takes."""
    message_id, address = _message_id(letter.key, house), ascii_address(reader.email)
    envelope = Envelope(
        sender=house.sender,
        address=address,
        name=reader.name,
        subject=subject,
        message_id=message_id,
        reply_to=reply_to,
        language=reader.language,
        at=now,
    )
    return OutgoingMessage(
        letter_id=letter.id,
        attempts=letter.attempts,
        kind=letter.kind,
        language=reader.language,
        sender=house.sender,
        address=address,
        name=reader.name,
        subject=subject,
        message_id=message_id,
        content=assemble(envelope, parts),
    )


def _message_id(key: str, house: SenderIdentity) -> str:
    """The same for every attempt at one letter, so that a repeated one can be recognised; it reveals nothing."""
    digest = hmac.new(house.secret.encode(), key.encode(), hashlib.sha256).hexdigest()[:32]
    domain = house.sender.rpartition("@")[2].strip("> ") or "localhost"
    return f"<{digest}@{domain}>"


def reply_to(email: str | None) -> str:
    """Where answers go; to the sender ("") where there is no address that every mail server takes."""
    try:
        return ascii_address(email or "")
    except ValueError:
        return ""


def render_letter(
    kind: LetterKind, words: Mapping[str, Any], language: str, *, layout: str = "letter"
) -> tuple[str, str, str]:
    """Return the subject, the text and the HTML of a kind of letter, in a supported language.

    What is its own about a kind lies in ``templates/letters/<kind>/``: the subject, and the words it begins and closes
    with. The rest is the ``layout``, unless the kind has a ``letter.txt`` and a ``letter.html`` of its own.
    """
    folder = f"letters/{kind.replace(' ', '_')}"
    subject = " ".join(_template(language, f"{folder}/subject.txt").render(words).split())
    text = _template(language, f"{folder}/letter.txt", f"letters/{layout}.txt").render(words, folder=folder)
    html = _template(language, f"{folder}/letter.html", f"letters/{layout}.html")
    return subject, text, html.render(words, folder=folder, subject=subject)


@cache
def _template(language: str, *names: str) -> Template:
    """Return the first of these templates that there is."""
    return _environment(language).select_template(names)


@cache
def _environment(language: str) -> Environment:
    found = catalogue(language)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(found.gettext, found.ngettext, newstyle=True)  # type: ignore[attr-defined]
    return environment

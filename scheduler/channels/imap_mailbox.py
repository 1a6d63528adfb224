"""Take mail that came in from a mailbox on a mail server (IMAP4rev1, RFC 3501)."""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import SplitResult, unquote, urlsplit

from imap_tools import BaseMailBox, ImapToolsError, MailBox, MailBoxUnencrypted, MailMessageFlags

from scheduler.base.config import without_password
from scheduler.base.errors import Conflict, Invalid
from scheduler.base.i18n import N_
from scheduler.formats.incoming.received_mail import MOST_BYTES

LOOPBACK = ("localhost", "127.0.0.1", "::1")
TIMEOUT = 30  # seconds for each answer
MOST_AT_ONCE = 100  # mails of one round; the next takes the others
MOST_TOGETHER = 20  # mails that are stored together
UNREACHABLE = N_("mailbox {host}: {reason}")


def parse_mailbox_url(url: str) -> SplitResult:
    """Return the parts of imaps://USER:PASSWORD@HOST/FOLDER. Raise Invalid for anything else.

    Without encryption a mailbox is read on this machine only.
    """
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("imap", "imaps") and parts.hostname and parts.username and parts.password
        usable = known and (parts.port is None or parts.port) and not (parts.query or parts.fragment)
    except ValueError:
        usable = False
    if not usable:
        raise Invalid(
            "mail_in_url: {url} is not understood; write imaps://USER:PASSWORD@HOST/FOLDER", url=without_password(url)
        )
    if parts.scheme == "imap" and parts.hostname not in LOOPBACK:
        raise Invalid("mail_in_url: a password is not sent without TLS; write imaps://")
    return parts


def take_unseen(url: str, take: Callable[[list[bytes]], None]) -> int:
    """Give the unseen mails of a mailbox to ``take``, oldest first and some together; return how many.

    They are marked as seen after ``take`` has returned: one that is given twice because we died in between must do
    nothing the second time. Raise Conflict if the server cannot be reached or refuses.
    """
    with _open(parse_mailbox_url(url)) as mailbox:
        return sum(_take(mailbox, batch, take) for batch in _fetch_batches(mailbox))


def _take(mailbox: BaseMailBox, batch: dict[str, bytes | None], take: Callable[[list[bytes]], None]) -> int:
    contents = [content for content in batch.values() if content is not None]  # or somebody has deleted it meanwhile
    if contents:
        take(contents)
    mailbox.flag(list(batch), MailMessageFlags.SEEN, value=True)
    return len(contents)


def _fetch_batches(mailbox: BaseMailBox) -> Iterator[dict[str, bytes | None]]:
    """Yield unseen mails by their numbers, so many that they fit into memory together."""
    batch: dict[str, bytes | None] = {}
    for uid in mailbox.uids("UNSEEN")[:MOST_AT_ONCE]:
        batch[uid] = _fetch(mailbox, uid)
        if len(batch) == MOST_TOGETHER or sum(len(content or b"") for content in batch.values()) > MOST_BYTES:
            yield batch
            batch = {}
    if batch:
        yield batch


def check_mailbox(url: str) -> None:
    """Sign in to a mailbox and leave it as it is. Raise Conflict or Invalid if that fails."""
    with _open(parse_mailbox_url(url)):
        pass


@contextmanager
def _open(parts: SplitResult) -> Iterator[BaseMailBox]:
    folder = unquote(parts.path.strip("/")) or "INBOX"
    try:
        mailbox = _connect(parts)
        try:
            mailbox.login(unquote(parts.username or ""), unquote(parts.password or ""), folder)
            yield mailbox
        finally:
            _leave(mailbox)
    except (OSError, imaplib.IMAP4.error, ImapToolsError) as error:
        raise Conflict(UNREACHABLE, host=parts.hostname, reason=_describe(error)) from error


def _connect(parts: SplitResult) -> BaseMailBox:
    host = parts.hostname or ""
    if parts.scheme == "imaps":
        return MailBox(host, parts.port or 993, timeout=TIMEOUT, ssl_context=ssl.create_default_context())
    return MailBoxUnencrypted(host, parts.port or 143, timeout=TIMEOUT)


def _leave(mailbox: BaseMailBox) -> None:
    """Sign out and close the connection, also one on which signing in has failed."""
    try:
        mailbox.client.logout()
    except (OSError, imaplib.IMAP4.error):
        mailbox.client.shutdown()


def _describe(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _fetch(mailbox: BaseMailBox, uid: str) -> bytes | None:
    """Return the octets of a mail as they came, without marking it as seen; of one that is too large the first."""
    _status, data = mailbox.client.uid("fetch", uid, f"(BODY.PEEK[]<0.{MOST_BYTES + 1}>)")
    return next((part[1] for part in data if isinstance(part, tuple)), None)

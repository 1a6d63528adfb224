"""Send letters by SMTP over a connection that is kept open (RFC 5321)."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from email.utils import parseaddr
from functools import lru_cache
from urllib.parse import SplitResult, unquote

from scheduler.base.i18n import N_
from scheduler.channels.base import ChannelError, Failure
from scheduler.channels.replies import CLOSING, judge_refusal, judge_refusal_of_sender
from scheduler.services.letters.envelope import OutgoingMessage

LOOPBACK = ("localhost", "127.0.0.1", "::1")
TIMEOUT = 30  # seconds for each answer
# So many times longer for the answer to the content: if it comes after we have gone, the server has the letter, and
# we send it again (RFC 5321 4.5.3.2.6).
PATIENCE = 2
OK, ACCEPTED, GO_AHEAD = 250, (250, 251), 354
DATA = "data\r\n"
UNREACHABLE = N_("mail server {host}: {reason}")
BROKEN_OFF = N_("mail server {host}, while this e-mail was being sent: {reason}")


@lru_cache(maxsize=8)
def _address(mailbox: str) -> str:
    return parseaddr(mailbox)[1]


class SmtpChannel:
    """A mail server, with the connection to it that the last letter used."""

    def __init__(self, url: SplitResult, *, timeout: float = TIMEOUT) -> None:
        self.url, self.timeout = url, timeout
        self._server: smtplib.SMTP | None = None

    def send(self, message: OutgoingMessage) -> None:
        """Hand a letter to the server. Raise ChannelError if it is not taken."""
        try:
            server = self._begin(message)
            self._finish(server, message)
        except smtplib.SMTPResponseException as error:
            raise self._refused(error) from error
        except (OSError, smtplib.SMTPException) as error:
            raise self._lost(error) from error

    def close(self) -> None:
        """End the session and close the connection."""
        server, self._server = self._server, None
        if server is not None:
            try:
                server.quit()
            except (OSError, smtplib.SMTPException):
                server.close()

    def check(self) -> None:
        """Connect and sign in, and close again. Raise ChannelError if that fails."""
        self._connected()
        self.close()

    # A connection

    def _connected(self) -> smtplib.SMTP:
        """Return a connection that is ready for letters.

        Raise ChannelError, DOWN, if there is none; so does a refusal to sign in, even one that is permanent.
        """
        if self._server is None:
            try:
                self._server = self._connect()
                self._sign_in(self._server)
            except (OSError, smtplib.SMTPException) as error:
                self._drop()
                raise self._error(Failure.DOWN, UNREACHABLE, error) from error
        return self._server

    def _connect(self) -> smtplib.SMTP:
        host = self.url.hostname or "localhost"
        if self.url.scheme == "smtps":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(host, self.url.port or 465, timeout=self.timeout, context=context)
        return smtplib.SMTP(host, self.url.port or 25, timeout=self.timeout)

    def _sign_in(self, server: smtplib.SMTP) -> None:
        """Start TLS where the server offers it, and sign in if the URL has a name.

        A password is never sent without TLS, except to this machine itself.
        """
        _greet(server)
        # A relay on this machine needs no TLS, and its certificate is usually signed by nobody.
        plain = self.url.scheme == "smtp" and self.url.hostname not in LOOPBACK
        if plain and server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
            plain = False
            _greet(server)
        if self.url.username:
            if plain:
                raise smtplib.SMTPException("offers no TLS, and the password is not sent without")
            server.login(unquote(self.url.username), unquote(self.url.password or ""))

    def _drop(self) -> None:
        """Close the connection without QUIT, because the server does not answer or has closed it."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    # A letter

    def _begin(self, message: OutgoingMessage) -> smtplib.SMTP:
        """Name the sender to the server; return the connection on which it was accepted.

        Servers close connections that were idle or have carried their share of letters. That shows at the first
        command, when nothing of the letter has left: then a new connection is used.
        """
        if self._server is not None:
            try:
                return _name_sender(self._server, message)
            except smtplib.SMTPSenderRefused as error:
                if error.smtp_code != CLOSING:
                    raise
            except (OSError, smtplib.SMTPServerDisconnected):
                pass
            self._drop()
        return _name_sender(self._connected(), message)

    def _finish(self, server: smtplib.SMTP, message: OutgoingMessage) -> None:
        """Name the recipient and send the content.

        The content must be as `scheduler.formats.mail` writes it: lines end with CRLF, none begins with a dot. Raise
        SMTPResponseException if the server refuses one of them.
        """
        _name_recipient(server, message)
        server.send(message.content + b".\r\n")
        _set_timeout(server, PATIENCE * self.timeout)
        _require(server.getreply(), OK)
        _set_timeout(server, self.timeout)

    def _refused(self, error: smtplib.SMTPResponseException) -> ChannelError:
        """Return the error for a refusal, and leave a connection on which the next letter can be sent, or none."""
        code, words = error.smtp_code, _words(error.smtp_error)
        if code < 400:  # no refusal: the server and we are no longer at the same command
            return self._lost(f"{code} {words}")
        if code == CLOSING:
            self._drop()
        else:
            self._reset()
        from_sender = isinstance(error, smtplib.SMTPSenderRefused)
        failure = judge_refusal_of_sender(code, words) if from_sender else judge_refusal(code, words)
        if failure is Failure.CLOSED:
            return self._error(failure, UNREACHABLE, error)
        return ChannelError("{code} {said}", failure, code=code, said=words)

    def _lost(self, reason: object) -> ChannelError:
        self._drop()
        return self._error(Failure.LOST, BROKEN_OFF, reason)

    def _error(self, failure: Failure, message: str, reason: object) -> ChannelError:
        if isinstance(reason, smtplib.SMTPResponseException):
            reason = f"{reason.smtp_code} {_words(reason.smtp_error)}"
        words = " ".join(str(reason).split()) or type(reason).__name__
        return ChannelError(message, failure, host=self.url.hostname, reason=words)

    def _reset(self) -> None:
        """Abort the transaction after a refusal, so that the next letter finds a clean session (RFC 5321 4.1.1.5)."""
        if self._server is not None:
            try:
                self._server.rset()
            except (OSError, smtplib.SMTPException):
                self._drop()


def _greet(server: smtplib.SMTP) -> None:
    """Say EHLO, or HELO to a server that knows no better. Raise SMTPHeloError if it lets us in with neither."""
    code, words = server.ehlo()
    if code not in (OK, CLOSING):
        code, words = server.helo()
    if code != OK:
        raise smtplib.SMTPHeloError(code, words)


def _name_sender(server: smtplib.SMTP, message: OutgoingMessage) -> smtplib.SMTP:
    """Send MAIL and check the reply; return the server. Raise SMTPSenderRefused if it is refused.

    If the server can pipeline, the rest of the envelope goes with it (RFC 2920): two round trips, not four.
    """
    sender = _address(message.sender)
    sized = f" size={len(message.content)}" if server.has_extn("size") else ""
    mail = f"mail FROM:<{sender}>{sized}\r\n"
    pipelining = server.has_extn("pipelining")
    server.send(mail + _rcpt(message) + DATA if pipelining else mail)
    code, words = server.getreply()
    if code != OK:
        if pipelining and code != CLOSING:
            _decline(server, replies=2)
        raise smtplib.SMTPSenderRefused(code, words, sender)
    return server


def _name_recipient(server: smtplib.SMTP, message: OutgoingMessage) -> None:
    """Send RCPT and DATA, unless they have left with MAIL, and check the replies."""
    pipelining = server.has_extn("pipelining")
    if not pipelining:
        server.send(_rcpt(message))
    code, words = server.getreply()
    if code not in ACCEPTED:
        if pipelining and code != CLOSING:
            _decline(server, replies=1)
        raise smtplib.SMTPResponseException(code, words)
    if not pipelining:
        server.send(DATA)
    _require(server.getreply(), GO_AHEAD)


def _rcpt(message: OutgoingMessage) -> str:
    return f"rcpt TO:<{message.address}>\r\n"


def _decline(server: smtplib.SMTP, *, replies: int) -> None:
    """Read the replies to the rest of an envelope that was refused, as long as there are any.

    If the server asks for the content nevertheless, send an empty message (RFC 2920 3.1).
    """
    with suppress(OSError, smtplib.SMTPException):
        for _ in range(replies):
            code, _words = server.getreply()
        if code == GO_AHEAD:
            server.send(".\r\n")
            server.getreply()


def _require(reply: tuple[int, bytes], code: int) -> None:
    if reply[0] != code:
        raise smtplib.SMTPResponseException(*reply)


def _set_timeout(server: smtplib.SMTP, seconds: float) -> None:
    if server.sock is not None:
        server.sock.settimeout(seconds)


def _words(reply: bytes | str) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply

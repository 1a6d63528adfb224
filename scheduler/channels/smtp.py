"""Send letters by SMTP over a connection that is kept open (RFC 5321)."""

from __future__ import annotations

import smtplib
import ssl
from email.utils import parseaddr
from functools import lru_cache
from urllib.parse import SplitResult, unquote

from scheduler.channels.base import ChannelError
from scheduler.services.letters.envelope import OutgoingMessage

LOOPBACK = ("localhost", "127.0.0.1", "::1")
TIMEOUT = 30  # seconds
TOO_LARGE = 552  # the only refusal of MAIL that concerns the letter, not the sender (RFC 1870 6.1)
OK, ACCEPTED, GO_AHEAD = 250, (250, 251), 354
CLOSING = 421  # may answer any command (RFC 5321 3.8)


@lru_cache(maxsize=8)
def _address(mailbox: str) -> str:
    return parseaddr(mailbox)[1]


class SmtpChannel:
    """A mail server, with the connection to it that the last letter used."""

    def __init__(self, url: SplitResult) -> None:
        self.url = url
        self._server: smtplib.SMTP | None = None

    def send(self, message: OutgoingMessage) -> None:
        """Hand a letter to the server. Raise ChannelError if it is refused or the server cannot be reached."""
        kept = self._server is not None
        server = self._connected()
        try:
            _hand_over(server, _address(message.sender), message.address, message.content)
        except smtplib.SMTPServerDisconnected as error:
            self._drop()
            if not kept:
                raise self._down(error) from error
            self.send(message)  # servers close idle connections: a new one shows whether the server is there
        except smtplib.SMTPRecipientsRefused as error:
            raise self._refused(*next(iter(error.recipients.values()))) from error
        except smtplib.SMTPSenderRefused as error:
            # All letters have the same sender, so a sender that is refused means that the settings are wrong.
            raise self._refused(error.smtp_code, error.smtp_error, for_all=error.smtp_code != TOO_LARGE) from error
        except smtplib.SMTPResponseException as error:
            raise self._refused(error.smtp_code, error.smtp_error) from error
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise self._down(error) from error

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

    def _connected(self) -> smtplib.SMTP:
        """Return a connection that is ready for letters.

        Raise ChannelError, with ``down``, if there is none; so does a refusal to sign in, even one that is permanent.
        """
        if self._server is None:
            try:
                self._server = self._connect()
                self._sign_in(self._server)
            except (OSError, smtplib.SMTPException) as error:
                self._drop()
                raise self._down(error) from error
        return self._server

    def _connect(self) -> smtplib.SMTP:
        host = self.url.hostname or "localhost"
        if self.url.scheme == "smtps":
            return smtplib.SMTP_SSL(host, self.url.port or 465, timeout=TIMEOUT, context=ssl.create_default_context())
        return smtplib.SMTP(host, self.url.port or 25, timeout=TIMEOUT)

    def _sign_in(self, server: smtplib.SMTP) -> None:
        """Start TLS where the server offers it, and sign in if the URL has a name.

        A password is never sent without TLS, except to this machine itself.
        """
        server.ehlo_or_helo_if_needed()
        # A relay on this machine needs no TLS, and its certificate is usually signed by nobody.
        plain = self.url.scheme == "smtp" and self.url.hostname not in LOOPBACK
        if plain and server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
            plain = False
        if self.url.username:
            if plain:
                raise smtplib.SMTPException("offers no TLS, and the password is not sent without")
            server.login(unquote(self.url.username), unquote(self.url.password or ""))

    def _refused(self, code: int, reply: bytes | str, *, for_all: bool = False) -> ChannelError:
        """Return the error for a refusal: 4yz is temporary, 5yz permanent (RFC 5321 4.2.1).

        A lower code is not a refusal; then, or if it holds ``for_all`` letters, the channel is down.
        """
        words = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
        if for_all or code == CLOSING or code < 400:
            self._drop()
            return self._down(f"{code} {words}")
        self._reset()
        return ChannelError("{code} {said}", permanent=code >= 500, code=code, said=words)

    def _down(self, reason: object) -> ChannelError:
        words = " ".join(str(reason).split()) or type(reason).__name__
        return ChannelError("mail server {host}: {reason}", down=True, host=self.url.hostname, reason=words)

    def _reset(self) -> None:
        """Abort the transaction after a refusal, so that the next letter finds a clean session (RFC 5321 4.1.1.5)."""
        if self._server is not None:
            try:
                self._server.rset()
            except (OSError, smtplib.SMTPException):
                self._drop()

    def _drop(self) -> None:
        """Close the connection without QUIT, because the server does not answer or has closed it."""
        server, self._server = self._server, None
        if server is not None:
            server.close()


def _hand_over(server: smtplib.SMTP, sender: str, address: str, content: bytes) -> None:
    """Send a message, with its envelope in one go if the server can pipeline (RFC 2920): two round trips, not four.

    The content must be as `scheduler.formats.mail` writes it: lines end with CRLF, none begins with a dot. Raise what
    `smtplib.SMTP.sendmail` raises.
    """
    server.ehlo_or_helo_if_needed()
    if not server.has_extn("pipelining"):
        server.sendmail(sender, [address], content)
        return
    _send_envelope(server, sender, address, len(content))
    server.send(content + b".\r\n")
    code, reply = server.getreply()
    if code != OK:
        raise smtplib.SMTPDataError(code, reply)


def _send_envelope(server: smtplib.SMTP, sender: str, address: str, size: int) -> None:
    """Send MAIL, RCPT and DATA at once and check the three replies; return when the server waits for the content."""
    sized = f" size={size}" if server.has_extn("size") else ""
    server.send(f"mail FROM:<{sender}>{sized}\r\nrcpt TO:<{address}>\r\ndata\r\n".encode("ascii"))
    mail, rcpt, data = server.getreply(), server.getreply(), server.getreply()
    if data[0] == GO_AHEAD and (mail[0] != OK or rcpt[0] not in ACCEPTED):
        server.send(b".\r\n")  # the server waits for a message without recipients: send an empty one (RFC 2920 3.1)
        server.getreply()
    if mail[0] != OK:
        raise smtplib.SMTPSenderRefused(*mail, sender)
    if rcpt[0] not in ACCEPTED:
        raise smtplib.SMTPRecipientsRefused({address: rcpt})
    if data[0] != GO_AHEAD:
        raise smtplib.SMTPDataError(*data)

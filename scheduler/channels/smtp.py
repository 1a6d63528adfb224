"""Letters by SMTP, over a kept connection."""

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
TOO_LARGE = 552  # the one refusal of MAIL that is about the letter (RFC 1870 6.1)
OK, TAKEN, GO_AHEAD = 250, (250, 251), 354
GOES_AWAY = 421  # may answer any command (RFC 5321 3.8)


@lru_cache(maxsize=8)
def _address(mailbox: str) -> str:
    return parseaddr(mailbox)[1]


class SmtpChannel:
    def __init__(self, url: SplitResult) -> None:
        self.url = url
        self._server: smtplib.SMTP | None = None

    def send(self, message: OutgoingMessage) -> None:
        kept = self._server is not None
        server = self._connected()
        try:
            _hand_over(server, _address(message.sender), message.address, message.content)
        except smtplib.SMTPServerDisconnected as error:
            self._drop()
            if not kept:
                raise self._down(error) from error
            self.send(message)  # the server closes idle connections; a new one tells whether it is there
        except smtplib.SMTPRecipientsRefused as error:
            raise self._refused(*next(iter(error.recipients.values()))) from error
        except smtplib.SMTPSenderRefused as error:
            # Every letter has the same sender: what is wrong with it is wrong with the set-up.
            raise self._refused(error.smtp_code, error.smtp_error, all_alike=error.smtp_code != TOO_LARGE) from error
        except smtplib.SMTPResponseException as error:
            raise self._refused(error.smtp_code, error.smtp_error) from error
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise self._down(error) from error

    def close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            try:
                server.quit()
            except (OSError, smtplib.SMTPException):
                server.close()

    def check(self) -> None:
        self._connected()
        self.close()

    def _connected(self) -> smtplib.SMTP:
        """Raises ChannelError: whoever is not let in has no channel, whatever the number of the refusal."""
        if self._server is None:
            try:
                self._server = self._connect()
                self._enter(self._server)
            except (OSError, smtplib.SMTPException) as error:
                self._drop()
                raise self._down(error) from error
        return self._server

    def _connect(self) -> smtplib.SMTP:
        host = self.url.hostname or "localhost"
        if self.url.scheme == "smtps":
            return smtplib.SMTP_SSL(host, self.url.port or 465, timeout=TIMEOUT, context=ssl.create_default_context())
        return smtplib.SMTP(host, self.url.port or 25, timeout=TIMEOUT)

    def _enter(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        # Nothing leaves this machine on the loopback, and the relay there has a certificate that nobody signed.
        plain = self.url.scheme == "smtp" and self.url.hostname not in LOOPBACK
        if plain and server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
            plain = False
        if self.url.username:
            if plain:
                raise smtplib.SMTPException("offers no TLS, and the password is not sent without")
            server.login(unquote(self.url.username), unquote(self.url.password or ""))

    def _refused(self, code: int, said: bytes | str, *, all_alike: bool = False) -> ChannelError:
        """4yz is for now, 5yz for good (RFC 5321 4.2.1); below that it is no refusal but confusion."""
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        if all_alike or code == GOES_AWAY or code < 400:
            self._drop()
            return self._down(f"{code} {words}")
        self._reset()
        return ChannelError("{code} {said}", permanent=code >= 500, code=code, said=words)

    def _down(self, reason: object) -> ChannelError:
        said = " ".join(str(reason).split()) or type(reason).__name__
        return ChannelError("mail server {host}: {reason}", down=True, host=self.url.hostname, reason=said)

    def _reset(self) -> None:
        """After a refusal the next letter must find a clean session."""
        if self._server is not None:
            try:
                self._server.rset()
            except (OSError, smtplib.SMTPException):
                self._drop()

    def _drop(self) -> None:
        """Let go without a word: who does not answer need not be told good-bye."""
        server, self._server = self._server, None
        if server is not None:
            server.close()


def _hand_over(server: smtplib.SMTP, sender: str, address: str, content: bytes) -> None:
    """`sendmail` with the envelope in one go where the server takes it (RFC 2920): two round trips instead of four.

    The content must be as `scheduler.formats.mail` writes it: lines end with CRLF, none begins with a dot. Raises as
    `smtplib.SMTP.sendmail` does.
    """
    server.ehlo_or_helo_if_needed()
    if not server.has_extn("pipelining"):
        server.sendmail(sender, [address], content)
        return
    _envelope(server, sender, address, len(content))
    server.send(content + b".\r\n")
    code, said = server.getreply()
    if code != OK:
        raise smtplib.SMTPDataError(code, said)


def _envelope(server: smtplib.SMTP, sender: str, address: str, size: int) -> None:
    sized = f" size={size}" if server.has_extn("size") else ""
    server.send(f"mail FROM:<{sender}>{sized}\r\nrcpt TO:<{address}>\r\ndata\r\n".encode("ascii"))
    mail, rcpt, data = server.getreply(), server.getreply(), server.getreply()
    if data[0] == GO_AHEAD and (mail[0] != OK or rcpt[0] not in TAKEN):
        server.send(b".\r\n")  # it goes ahead with a letter to nobody (RFC 2920 3.1): an empty one, then
        server.getreply()
    if mail[0] != OK:
        raise smtplib.SMTPSenderRefused(*mail, sender)
    if rcpt[0] not in TAKEN:
        raise smtplib.SMTPRecipientsRefused({address: rcpt})
    if data[0] != GO_AHEAD:
        raise smtplib.SMTPDataError(*data)

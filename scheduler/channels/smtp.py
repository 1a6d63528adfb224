"""Letters by SMTP, over a kept connection."""

from __future__ import annotations

import smtplib
import ssl
from email.utils import parseaddr
from urllib.parse import SplitResult, unquote

from scheduler.channels import ChannelError
from scheduler.services.compose import OutgoingMessage

TIMEOUT = 30  # seconds


class SmtpChannel:
    def __init__(self, url: SplitResult) -> None:
        self.url = url
        self._server: smtplib.SMTP | None = None

    def send(self, message: OutgoingMessage) -> None:
        sender = parseaddr(message.sender)[1]
        fresh = self._server is None
        try:
            self._connected().sendmail(sender, [message.address], message.content)
        except smtplib.SMTPServerDisconnected as error:
            self.close()
            if fresh:
                raise _down(self.url, error) from error
            self.send(message)  # the server closes idle connections; a new one tells whether it is there
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            self._reset()
            raise _refused(code, said) from error
        except smtplib.SMTPResponseException as error:
            self._reset()
            if error.smtp_code == 421 or isinstance(error, smtplib.SMTPAuthenticationError | smtplib.SMTPHeloError):
                self.close()
                raise _down(self.url, error) from error
            raise _refused(error.smtp_code, error.smtp_error) from error
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise _down(self.url, error) from error

    def close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            try:
                server.quit()
            except (OSError, smtplib.SMTPException):
                server.close()

    def check(self) -> None:
        try:
            self._connected().noop()
        except (OSError, smtplib.SMTPException) as error:
            raise _down(self.url, error) from error
        finally:
            self.close()

    def _connected(self) -> smtplib.SMTP:
        if self._server is None:
            self._server = self._connect()
        return self._server

    def _connect(self) -> smtplib.SMTP:
        host = self.url.hostname or "localhost"
        if self.url.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                host, self.url.port or 465, timeout=TIMEOUT, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(host, self.url.port or 25, timeout=TIMEOUT)
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
        if self.url.username:
            server.login(unquote(self.url.username), unquote(self.url.password or ""))
        return server

    def _reset(self) -> None:
        """After a refusal the next letter must find a clean session."""
        if self._server is not None:
            try:
                self._server.rset()
            except (OSError, smtplib.SMTPException):
                self.close()


def _refused(code: int, said: bytes | str) -> ChannelError:
    """4yz is for now, 5yz for good (RFC 5321 4.2.1)."""
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return ChannelError("{code} {said}", permanent=code >= 500, code=code, said=words)


def _down(url: SplitResult, error: Exception) -> ChannelError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return ChannelError("mail server {host}: {reason}", down=True, host=url.hostname, reason=reason)

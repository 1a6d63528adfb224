"""Mail that comes in, received in few transactions: one mail that makes trouble never stops the others."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from scheduler.app import App
from scheduler.formats.incoming.received_mail import read_mail
from scheduler.services.correspondence import receiving
from scheduler.storage.refusals import Busy, is_of_driver

log = logging.getLogger(__name__)


def receive_mails(app: App, contents: Sequence[bytes]) -> list[bool]:
    """Receive mails, together in one transaction; return for each whether it had not come in before.

    If that fails, each is received by itself. One that cannot be understood even so is kept for an officer. Raise the
    error of the database if it is the database that fails: then what was not received has to be given once more.
    """
    if len(contents) > 1:
        try:
            return _receive(app, contents)
        except Exception as error:  # noqa: BLE001 - raised again by the mail that it comes from
            log.warning("mails are received one by one: %s", error)
    return [_receive_alone(app, content) for content in contents]


def _receive_alone(app: App, content: bytes) -> bool:
    try:
        return _receive(app, [content])[0]
    except Exception as error:
        if _is_of_database(error):
            raise
        log.exception("a mail is kept for an officer, because receiving it failed")
    with app.db.write("worker") as session:
        return receiving.keep_unread(session, content, now=app.clock.now()) is not None


def _receive(app: App, contents: Sequence[bytes]) -> list[bool]:
    mails = [(content, read_mail(content)) for content in contents]
    with app.db.write("worker") as session:
        now = app.clock.now()
        rows = [receiving.receive(session, *mail, mailbox=app.mailbox, now=now) for mail in mails]
        return [row is not None for row in rows]


def _is_of_database(error: Exception) -> bool:
    """Return whether it is the database that fails, and not what a mail makes of its rows."""
    cause = error
    if isinstance(error.__cause__, Exception) and not isinstance(error, DBAPIError):
        cause = error.__cause__
    if isinstance(cause, (IntegrityError, DataError)):
        return False
    return isinstance(error, Busy) or isinstance(cause, (DBAPIError, PoolTimeout)) or is_of_driver(cause)

"""Encryption with age (age-encryption.org/v1): files that the program `age` reads, too.

A public key (age1…) is enough to encrypt. So a machine that makes backups every night need not be able to read them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

from scheduler.base.errors import Invalid

MAGIC = b"age-encryption.org/"
SECRET_PREFIX = "AGE-SECRET-KEY-"  # noqa: S105 - how a secret key begins, in whatever case


class NotDecrypted(ValueError):
    """A file that this key does not open, or that is not as it was written."""


def make_key() -> tuple[str, str]:
    """Make a key; return its secret and its public part. Raise Invalid if pyrage is not installed."""
    made = _age().x25519.Identity.generate()
    return str(made), str(made.to_public())


def can_decrypt(key: str) -> bool:
    """Return whether there is a secret key among these lines."""
    return any(line.upper().startswith(SECRET_PREFIX) for line in _lines(key))


@contextmanager
def encrypting(target: BinaryIO, key: str) -> Iterator[BinaryIO]:
    """Yield a stream; what is written to it is written encrypted to the target.

    ``key`` has public or secret keys, one a line. Raise Invalid for what is no key, OSError if the target cannot be
    written.
    """
    recipients = _recipients(key)
    source, sink = _pipe()
    with _beside(lambda: _age().encrypt_io(source, target, recipients), closing=source), sink:
        yield sink


@contextmanager
def decrypting(source: BinaryIO, key: str) -> Iterator[BinaryIO]:
    """Yield a stream with the plain content of an encrypted one.

    Raise Invalid for what is no secret key; NotDecrypted in the end, if this key does not open the source or the
    source was cut or changed: what was read until then is to be forgotten.
    """
    identities = _identities(key)
    plain, sink = _pipe()
    with _beside(lambda: _age().decrypt_io(source, sink, identities), closing=sink), plain:
        yield plain


def _pipe() -> tuple[BinaryIO, BinaryIO]:
    reader, writer = os.pipe()
    return os.fdopen(reader, "rb"), os.fdopen(writer, "wb")


@contextmanager
def _beside(work: Callable[[], None], *, closing: BinaryIO) -> Iterator[None]:
    """Let age work at its end of a pipe, in a thread of its own, while the block works at the other.

    An error of age is raised in place of what it causes in the block.
    """
    errors: list[Exception] = []

    def run() -> None:
        try:
            work()
        except BrokenPipeError:
            pass  # the block has stopped: by an error of its own
        except Exception as error:  # noqa: BLE001 - is raised below, in the thread that waits for it
            errors.append(error)
        finally:
            _close(closing)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        if errors:
            raise _translate(errors[0]) from errors[0]


def _close(stream: BinaryIO) -> None:
    try:
        stream.close()
    except BrokenPipeError:  # nobody reads the rest
        stream.close()


def _translate(error: Exception) -> Exception:
    """Return NotDecrypted for what age refuses; an error of the file itself has a number."""
    if isinstance(error, OSError) and error.errno is not None:
        return error
    return NotDecrypted(str(error))


def _recipients(key: str) -> Sequence[Any]:
    x25519 = _age().x25519
    lines = [line if not can_decrypt(line) else str(_identity(line).to_public()) for line in _lines(key)]
    try:
        found = [x25519.Recipient.from_str(line) for line in lines]
    except _age().RecipientError as error:
        raise _no_key() from error
    if not found:
        raise _no_key()
    return found


def _identities(key: str) -> Sequence[Any]:
    found = [_identity(line) for line in _lines(key) if can_decrypt(line)]
    if not found:
        raise Invalid(
            "backup_key: this key can only write backups; to read them, give the secret one, AGE-SECRET-KEY-1…"
        )
    return found


def _identity(line: str) -> Any:
    try:
        return _age().x25519.Identity.from_str(line)
    except _age().IdentityError as error:
        raise _no_key() from error


def _no_key() -> Invalid:
    return Invalid("backup_key: is not an age key; make one with: scheduler db key FILE")


def _lines(key: str) -> list[str]:
    """Return the keys of a file as `age-keygen` writes it: without comments and blank lines."""
    return [line.strip() for line in key.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _age() -> Any:
    try:
        import pyrage
    except ModuleNotFoundError as error:
        raise Invalid("backup_key: encryption needs pyrage; install consular-scheduler[backup]") from error
    return pyrage

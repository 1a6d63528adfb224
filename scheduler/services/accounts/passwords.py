"""Passwords: refuse weak ones, hash them (Argon2id, RFC 9106), compare one with a hash."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import pairwise

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from scheduler.base.errors import Invalid
from scheduler.base.text import fold_text
from scheduler.storage.patience import FairSemaphore, remaining_seconds
from scheduler.storage.refusals import Busy

MIN_LENGTH, MAX_LENGTH = 12, 200  # characters
MIN_DISTINCT = 5  # with fewer different characters it is a pattern on the keyboard
# The smallest parameters that OWASP recommends: eight people who sign in at once on a small machine need 150 MB.
# https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE = FairSemaphore(4)  # in one process: more would only slow each other down
_NOT_LETTERS = re.compile(r"[\d\W_]+")
# Guessed first; compared without digits and marks, which do not make such a word better.
GUESSED_FIRST = frozenset(
    _NOT_LETTERS.sub("", word)
    for word in [
        "password",
        "passwort",
        "passphrase",
        "qwerty",
        "qwertyuiop",
        "qwertyuiopasdfghjkl",
        "asdfghjkl",
        "letmein",
        "letmeinplease",
        "welcome",
        "welcomehome",
        "iloveyou",
        "admin",
        "administrator",
        "changeme",
        "changethis",
        "secret",
        "topsecret",
        "correcthorsebatterystaple",
        "correcthorse",
        "trustno",
        "master",
        "monkey",
        "dragon",
        "sunshine",
        "football",
        "princess",
        "scheduler",
        "consularscheduler",
        "consul",
        "consulate",
        "embassy",
        "ambassador",
        "protocol",
        "kazakhstan",
        "astana",
        "almaty",
        "thailand",
        "bangkok",
        "phuket",
        "йцукен",
        "йцукенгшщзхъ",
        "пароль",
        "консульство",
        "посольство",
        "казахстан",
        "құпиясөз",
        "қазақстан",
        "елшілік",
        "รหัสผ่าน",
        "สถานทูต",
        "คาซัคสถาน",
    ]
)


def refuse_weak(password: str, *names: str) -> None:
    """Raise Invalid if a password is too short, too long, easily guessed, or contains one of ``names``.

    ``names`` are those of its owner, which everybody knows.
    """
    plain = fold_text(password)
    if len(password) < MIN_LENGTH:
        raise Invalid(
            "the password must have at least {most} characters; several words are easy to remember", most=MIN_LENGTH
        )
    if len(password) > MAX_LENGTH:
        raise Invalid("the password must have at most {most} characters", most=MAX_LENGTH)
    if len(set(plain)) < MIN_DISTINCT or _NOT_LETTERS.sub("", plain) in GUESSED_FIRST or _is_sequence(plain):
        raise Invalid("the password is one of those that are guessed first; choose several words of your own")
    if any(len(part) > 3 and part in plain for name in names for part in _split_words(name)):
        raise Invalid("the password must not contain your name; choose several words that say nothing about you")


def _is_sequence(plain: str) -> bool:
    """Return whether most characters follow the one before in order, as in 1234567890123 or abcdefghijkl."""
    steps = [ord(after) - ord(before) for before, after in pairwise(plain)]
    return sum(step in (-1, 0, 1) for step in steps) > len(steps) * 3 // 4


def _split_words(name: str) -> list[str]:
    return [part for part in re.split(r"[\W_]+", fold_text(name)) if part]


def hash_password(password: str) -> str:
    """Return the hash of a password. Raise Busy if too many others are hashed before it, see `storage.patience`."""
    with _turn():
        return HASHER.hash(_normalize(password))


def is_match(password: str, hashed: str | None) -> bool:
    """Return whether this is the password with that hash; it takes as long for no hash, for which it is never.

    Raise Busy as `hash_password` does.
    """
    with _turn():
        try:
            return HASHER.verify(hashed or _hash_of_nobody(), _normalize(password)) and hashed is not None
        except (VerificationError, InvalidHashError):
            return False


@contextmanager
def _turn() -> Iterator[None]:
    if not _AT_ONCE.acquire(remaining_seconds()):
        raise Busy
    try:
        yield
    finally:
        _AT_ONCE.release()


def is_outdated(hashed: str) -> bool:
    """Return whether a hash was made with other parameters than those of today."""
    return HASHER.check_needs_rehash(hashed)


@cache
def _hash_of_nobody() -> str:
    return HASHER.hash("nobody has this password")


def _normalize(password: str) -> str:
    """Return a password in NFKC: keyboards differ in which code points they send for й, қ or a Thai vowel."""
    return unicodedata.normalize("NFKC", password[: MAX_LENGTH + 1])

"""Passwords: which are refused, how they are kept (Argon2id, RFC 9106), how one is compared with what is kept."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import pairwise

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from scheduler.base.errors import Invalid
from scheduler.base.text import folded

SHORTEST, LONGEST = 12, 200
MOST_ALIKE = 5  # fewer different characters than this are a pattern on the keyboard
# OWASP's smallest: eight people who sign in at the same moment on a small machine need 150 MB, not 512.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_BESIDE = re.compile(r"[\d\W_]+")
# What guessing begins with; digits and marks around such a word do not make it better.
GUESSED_FIRST = frozenset(
    _BESIDE.sub("", word)
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
    """Raises Invalid. ``names`` are what everybody knows of whose it is: it must not be made of them."""
    plain = folded(password)
    if len(password) < SHORTEST:
        raise Invalid(
            "the password must have at least {most} characters; several words are easy to keep", most=SHORTEST
        )
    if len(password) > LONGEST:
        raise Invalid("the password must have at most {most} characters", most=LONGEST)
    if len(set(plain)) < MOST_ALIKE or _BESIDE.sub("", plain) in GUESSED_FIRST or _runs(plain):
        raise Invalid("the password is one of those that are guessed first; choose several words of your own")
    if any(len(part) > 3 and part in plain for name in names for part in _parts(name)):
        raise Invalid("the password must not contain the name; choose several words that say nothing of you")


def _runs(plain: str) -> bool:
    """1234567890123, abcdefghijkl: each character follows the one before."""
    steps = [ord(after) - ord(before) for before, after in pairwise(plain)]
    return sum(step in (-1, 0, 1) for step in steps) > len(steps) * 3 // 4


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"[\W_]+", folded(name)) if part]


def hashed(password: str) -> str:
    return HASHER.hash(_typed(password))


def fits(password: str, kept: str | None) -> bool:
    """Whether this is the password that is kept. It takes as long where none is: no name tells itself."""
    try:
        return HASHER.verify(kept or _nobodys(), _typed(password)) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """That it was made with other parameters than today's."""
    return HASHER.check_needs_rehash(kept)


@cache
def _nobodys() -> str:
    return HASHER.hash("nobody has this password")


def _typed(password: str) -> str:
    """Keyboards differ in how they send й, қ or a Thai vowel; what is typed is the same."""
    return unicodedata.normalize("NFKC", password[: LONGEST + 1])

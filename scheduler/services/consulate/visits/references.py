"""The reference of a visit, which people read aloud; the fingerprint of a document, which nobody can read back."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata

from scheduler.base.errors import Invalid

# 23 signs of which no two look alike (no 0 O Q, 1 I L, 2 Z, 5 S, 8 B, U). Their number is prime: so one wrong sign,
# or two that changed places, never gives another valid reference.
SIGNS = "34679ACDEFGHJKMNPRTVWXY"
LENGTH = 7

# Capitals that look alike in both scripts: a passport read by eye is typed in either.
_LATIN = str.maketrans("АВЕЁКМНОРСТХУІ", "ABEEKMHOPCTXYI")


def draw() -> str:
    """A reference nobody can guess the next of: K7MN-4XWD, the last sign a check on the others."""
    signs = "".join(secrets.choice(SIGNS) for _ in range(LENGTH))
    return _shown(signs + _check(signs))


def read(typed: str) -> str:
    """A reference as it is stored, however it was typed. Raises Invalid for one with a slip."""
    signs = "".join(sign for sign in typed.upper().translate(_LATIN) if sign.isalnum())
    if len(signs) != LENGTH + 1 or not set(signs) <= set(SIGNS) or _check(signs[:-1]) != signs[-1]:
        raise Invalid("{reference} is not a reference; look at it again, it is like K7MN-4XWD", reference=typed[:40])
    return _shown(signs)


def _check(signs: str) -> str:
    return SIGNS[sum(weight * SIGNS.index(sign) for weight, sign in enumerate(signs, 2)) % len(SIGNS)]


def _shown(signs: str) -> str:
    return f"{signs[:4]}-{signs[4:]}"


def fingerprint(number: str, *, secret: str) -> str:
    """What stands for a document: HMAC-SHA-256 of its number, however that was spelled. Raises Invalid."""
    folded = unicodedata.normalize("NFKC", number).upper().translate(_LATIN)
    signs = "".join(sign for sign in folded if sign.isalnum())
    if not 4 <= len(signs) <= 40:
        raise Invalid("is not the number of a document; write it as it is printed there")
    return hmac.new(secret.encode(), f"document:{signs}".encode(), hashlib.sha256).hexdigest()

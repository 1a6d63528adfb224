"""References of visits, which people read aloud: drawn, read as they were typed, and followed to their visit.

And fingerprints of documents, which nobody can turn back.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from scheduler.base.errors import Invalid, NotFound
from scheduler.formats.keyboards import read_typed_code
from scheduler.model.posts import Post, Service
from scheduler.model.visits import Appointment

# 23 signs, no two of which look alike (no 0 O Q, 1 I L, 2 Z, 5 S, 8 B, U). Because their number is prime, one wrong
# sign, or two swapped ones, never give another valid reference.
SIGNS = "34679ACDEFGHJKMNPRTVWXY"
LENGTH = 7

# Cyrillic capitals that look like Latin ones: what is printed in a passport may be typed in either script.
_LATIN = str.maketrans("АВЕЁКМНОРСТХУІ", "ABEEKMHOPCTXYI")

WITH_VISIT = (
    selectinload(Appointment.applicants),
    joinedload(Appointment.service).joinedload(Service.post).joinedload(Post.city),
)


def draw() -> str:
    """Return a random reference like K7MN-4XWD; its last sign checks the others."""
    signs = "".join(secrets.choice(SIGNS) for _ in range(LENGTH))
    return _format(signs + _compute_check_sign(signs))


def read(typed: str) -> str:
    """Return a reference as it is stored, however it was typed, under another keyboard layout too.

    Raise Invalid if it cannot be one, or may be one of two.
    """
    scanned = (code for code in read_typed_code(typed.strip()) if code[LENGTH // 2 + 1 :][:1] == "-")
    found = {signs for signs in map(_strip, [typed, *scanned]) if _is_reference(signs)}
    if len(found) > 1:
        raise Invalid(
            "{reference} could be either of two reference numbers; set the keyboard of this computer to English (US)",
            reference=typed[:40],
        )
    if not found:
        raise Invalid(
            "{reference} is not a reference number; check it and write it like K7MN-4XWD", reference=typed[:40]
        )
    return _format(found.pop())


def _strip(typed: str) -> str:
    return "".join(sign for sign in typed.upper().translate(_LATIN) if sign.isalnum())


def _is_reference(signs: str) -> bool:
    return len(signs) == LENGTH + 1 and set(signs) <= set(SIGNS) and _compute_check_sign(signs[:-1]) == signs[-1]


def get(session: Session, reference: str) -> Appointment:
    """Return the visit with this reference, however it was typed.

    Raise Invalid if it cannot be a reference, and NotFound if there is no such visit.
    """
    wanted = read(reference)
    found = session.scalar(sa.select(Appointment).where(Appointment.reference == wanted).options(*WITH_VISIT))
    if found is None:
        raise NotFound("there is no appointment {reference}", reference=wanted)
    return found


def _compute_check_sign(signs: str) -> str:
    return SIGNS[sum(weight * SIGNS.index(sign) for weight, sign in enumerate(signs, 2)) % len(SIGNS)]


def _format(signs: str) -> str:
    return f"{signs[:4]}-{signs[4:]}"


def fingerprint(number: str, *, secret: str) -> str:
    """Return the HMAC-SHA-256 of a document's number, the same for every spelling.

    Raise Invalid if it cannot be such a number.
    """
    folded = unicodedata.normalize("NFKC", number).upper().translate(_LATIN)
    signs = "".join(sign for sign in folded if sign.isalnum())
    if not 4 <= len(signs) <= 40:
        raise Invalid("is not the number of a document; write it as it is printed there")
    return hmac.new(secret.encode(), f"document:{signs}".encode(), hashlib.sha256).hexdigest()

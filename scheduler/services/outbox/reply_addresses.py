"""The address that answers to one invitation go to: unguessable, and different for each guest and each deputy.

An answer finds its guest by it even if its calendar does not say whose answer it is, or says it in another way:
Exchange leaves ORGANIZER out, an alias answers from another mailbox, a secretary from their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from scheduler.services.common.tokens import TOKEN, Purpose, is_same, make_attendee_token

PLACE = "*"  # stands for the token in the setting `mail_replies`, as in answers+*@example.org


class Answerer(NamedTuple):
    """Person who is asked: the guest or their deputy (by the id of the person), for a place on a list."""

    attendee_id: int
    listed_at: datetime
    person_id: int


def make_reply_address(pattern: str, answerer: Answerer, *, secret: str) -> str:
    """Return the address for the answers of one person; "" if the settings name no pattern for it."""
    return pattern.replace(PLACE, _make_token(answerer, secret)) if pattern else ""


def _make_token(answerer: Answerer, secret: str) -> str:
    """Return the token of an answerer; the person stands where other tokens have their epoch."""
    number, since, person = answerer
    return make_attendee_token(Purpose.REPLY, number, since, person, secret=secret)


def list_tokens(pattern: str, addresses: Iterable[str]) -> list[str]:
    """Return the tokens in those of the addresses that are of the pattern; whether they are genuine is not checked.

    Some mail servers write addresses in small letters; a token has no others.
    """
    if not pattern:
        return []
    before, _, after = pattern.lower().partition(PLACE)
    wanted = re.compile(re.escape(before) + f"({TOKEN.pattern})" + re.escape(after))
    found = (wanted.fullmatch(address.lower()) for address in addresses)
    return list(dict.fromkeys(match[1] for match in found if match))


def is_genuine(token: str, answerer: Answerer, *, secret: str) -> bool:
    """Return whether a token is the one that was made for this person."""
    return is_same(token, _make_token(answerer, secret))

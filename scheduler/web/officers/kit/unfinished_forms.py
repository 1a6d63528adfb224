"""Forms that were sent after their session had ended: whoever signs in again goes on with what they typed.

What was typed is kept in the page that asks to sign in. A person sends it again with a button; it is never sent by
itself, because anybody could have sent it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import request

ADDRESS, TYPED = "unfinished", "typed "  # the hidden fields: where it goes, and the beginning of each name
SECRETS = ("password", "before", "again")
_OURS = ("csrf_token", "next")
_UNREADABLE = ("uid", "seen", "sure", "do", "kind", "seal")  # by people
MOST_OCTETS, MOST_FIELDS = 512 * 1024, 600


@dataclass(frozen=True, slots=True)
class UnfinishedForm:
    """Typed contents of a form, and the address that it goes to; "" if no other page can send it."""

    address: str
    fields: Sequence[tuple[str, str]]

    @property
    def readable(self) -> Sequence[tuple[str, str]]:
        """Return what people can have typed."""
        said = ((name, value) for name, value in self.fields if value.strip() and name not in _UNREADABLE)
        return [(name, value) for name, value in said if not name.startswith("seen_")]

    @property
    def kept(self) -> Sequence[tuple[str, str]]:
        """Return it as the hidden fields of the page that asks to sign in."""
        return [(ADDRESS, self.address), *((f"{TYPED}{name}", value) for name, value in self.fields)]


def read_sent() -> UnfinishedForm:
    """Return the form of this request, without secrets."""
    if ADDRESS in request.form:
        return read_kept()
    sent = [(name, value) for name, value in request.form.items(multi=True) if name not in (*_OURS, *SECRETS)]
    whole = not request.files and not any(name in request.form for name in SECRETS)
    return UnfinishedForm(request.full_path.rstrip("?") if whole else "", sent)


def read_kept() -> UnfinishedForm:
    """Return the form that the page kept that asked to sign in."""
    fields = request.form.items(multi=True)
    typed = [(name.removeprefix(TYPED), value) for name, value in fields if name.startswith(TYPED)]
    return UnfinishedForm(request.form.get(ADDRESS, ""), typed)

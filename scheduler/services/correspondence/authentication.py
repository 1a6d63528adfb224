"""Authenticity of a mail's sender, as our own mail server has found out (RFC 8601)."""

from __future__ import annotations

import re
from collections.abc import Sequence

_RESULT = re.compile(r"\b(dmarc|dkim|spf)\s*=\s*([a-z]+)", re.IGNORECASE)
_COMMENT = re.compile(r"\([^()]*\)")


def is_forged(results: Sequence[str], checked_by: str) -> bool:
    """Return whether the mail server that we trust says that the sender of a mail is not who the mail says.

    ``results`` are the fields Authentication-Results; those of other servers, which anybody can write, do not count.
    DMARC decides if the server states it (RFC 7489). Otherwise a mail is forged if SPF fails and no signature holds.
    """
    found = [
        _RESULT.findall(_COMMENT.sub(" ", field)) for field in results if _name_server(field) == checked_by.lower()
    ]
    if not (checked_by and found):
        return False
    outcomes = {(method.lower(), result.lower()) for method, result in found[0]}  # our server writes the topmost
    if any(method == "dmarc" and result != "none" for method, result in outcomes):
        return ("dmarc", "fail") in outcomes
    return ("spf", "fail") in outcomes and ("dkim", "pass") not in outcomes


def _name_server(field: str) -> str:
    """Return the name of the server that wrote a field (RFC 8601 section 2.2)."""
    return _COMMENT.sub(" ", field).partition(";")[0].split()[0].lower() if field.strip(" ;\t\r\n") else ""

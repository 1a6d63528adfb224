"""Messages as officers write them: checked before they are sent; their placeholders filled for each reader."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.base.text import Text
from scheduler.services.common.drafts import Draft, check
from scheduler.services.common.values import Email, Name, Prose

# The placeholders of each part of a message; they are filled when a letter is composed.
PLACEHOLDERS = {"subject": ("event",), "text": ("name", "event")}
_PLACEHOLDER = re.compile(r"\{(\w*)\}")

MISSING_IN_LANGUAGE = N_("{name}: is missing in {language}")


class MessageDraft(Draft):
    """A message as an officer writes it. A blank line ends a paragraph of the text."""

    subject: Name
    text: Prose
    reply_to: Email | None = None


def draft(fields: Mapping[str, Any], *, language: str) -> MessageDraft:
    """Return a checked message from what was typed; ``language`` is that of a field that names none.

    Raise Invalid if subject and text are not in the same languages, or have a placeholder that nothing fills.
    """
    made = check(MessageDraft, fields, language=language)
    for name, text, other in (("text", made.text, made.subject), ("subject", made.subject, made.text)):
        for tag in other:
            if not text.get(tag):
                raise Invalid(MISSING_IN_LANGUAGE, name=name, language=tag)
        _refuse_unknown_placeholders(name, text)
    return made


def _refuse_unknown_placeholders(name: str, text: Text) -> None:
    allowed = PLACEHOLDERS[name]
    written = ((tag, found) for tag, part in text.items() for found in _PLACEHOLDER.findall(part))
    for tag, place in ((tag, found) for tag, found in written if found not in allowed):
        known = ", ".join(f"{{{one}}}" for one in allowed)
        raise Invalid(
            "{name}: {place} is not a known placeholder; write one of: {known}",
            name=name,
            place=f"{{{place}}}",
            known=known,
            language=tag,
        )


def fill_placeholders(text: str, **values: str) -> str:
    """Fill the placeholders that have a value; other words in braces stay as they are."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)

"""Messages as officers write them: checked before they are sent; their placeholders filled for each reader."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.base.text import Text, list_placeholders, list_unknown_placeholders
from scheduler.services.common.drafts import Draft, check
from scheduler.services.common.values import Email, Name, Prose

# The placeholders of each part of a message; they are filled when a letter is composed.
_IS_NAME = re.compile(r"\w*")
PLACEHOLDERS = {"subject": ("event",), "text": ("name", "event")}

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
    found = ((tag, place) for tag, part in text.items() for place in list_unknown_placeholders(part, allowed))
    written = ((tag, place) for tag, place in found if _IS_NAME.fullmatch(place))  # {not this} is text
    for tag, place in written:
        raise Invalid(
            "{name}: {place} is not a known placeholder; write one of: {known}",
            name=name,
            place=f"{{{place}}}",
            known=list_placeholders(allowed),
            language=tag,
        )

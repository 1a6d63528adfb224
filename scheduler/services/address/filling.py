"""Fill the placeholders of a form of address; a form whose placeholders cannot all be filled does not apply."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

PLACEHOLDERS = {
    "name": "the name, whatever it names",
    "person": "the name, if it is plainly a person's",
    "titled": "courtesy title and name, if there is a title in this language",
    "styled": "the name after its title as it is spoken, if the file says that this title is",
    "untitled": "the name, if it is plainly a person's and there is no courtesy title",
    "position": "the own words of the office, in this language",
    "office": "the plain word of the office",
    "words": "the own words of the office, else a name that is an office, else its plain word",
}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
# Thai is written without spaces, but a name in other letters stands apart: คุณ Dana.
_THAI_JOINED = re.compile(r"(?<=[\u0e01-\u0e4e])(?=[^\W\d_\u0e01-\u0e4e])")
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")


def find_placeholders(text: str) -> Sequence[str]:
    """Return the names in braces."""
    return _PLACEHOLDER.findall(text)


def fill(text: str, values: Mapping[str, str]) -> str | None:
    """Return the text with its placeholders filled, or None if one has no value.

    What is in square brackets is left out if it cannot be filled.
    """
    text = _OPTIONAL.sub(lambda found: found[1] if _can_fill(found[1], values) else "", text)
    if not _can_fill(text, values):
        return None
    return _THAI_JOINED.sub(" ", _PLACEHOLDER.sub(lambda found: values[found[1]], text))


def _can_fill(text: str, values: Mapping[str, str]) -> bool:
    return all(values.get(name) for name in find_placeholders(text))

"""The label of a state of an event."""

from __future__ import annotations

from typing import NamedTuple


class StateLabel(NamedTuple):
    """A state in a word; the tone is a colour beside the word, never instead of it."""

    words: str
    tone: str = ""

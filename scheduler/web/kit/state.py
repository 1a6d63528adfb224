"""What a state of an event is called, and how it is shown."""

from __future__ import annotations

from typing import NamedTuple


class StateLabel(NamedTuple):
    """What a person can do or must know; the tone is a colour beside the word, never instead of it."""

    words: str
    tone: str = ""

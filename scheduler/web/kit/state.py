"""The label of a state of an event."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class StateLabel(NamedTuple):
    """A state in a word; the tone is a colour beside the word, never instead of it; ``at``: the instant it names."""

    words: str
    tone: str = ""
    at: datetime | None = None

"""How much of a calendar is read, and the error where nothing is."""

from dataclasses import dataclass


class ReadError(ValueError):
    """The bytes are no calendar, or more of one than we take; nothing was read.

    `message` is an English sentence with named places, filled from `facts`.
    """

    def __init__(self, message: str, **facts: str | int) -> None:
        self.message, self.facts = message, facts
        super().__init__(message.format(**facts))


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read of a calendar; whoever has asked for a large one raises them."""

    octets: int = 5_000_000
    components: int = 20_000
    depth: int = 5
    line: int = 1_000_000  # octets of one line, unfolded

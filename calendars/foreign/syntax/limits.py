"""How much of a calendar is read, and the error where nothing is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read of a calendar; whoever has asked for a large one raises them."""

    octets: int = 5_000_000
    components: int = 20_000
    depth: int = 5
    line: int = 1_000_000  # octets of one line, unfolded

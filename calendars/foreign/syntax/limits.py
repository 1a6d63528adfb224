"""How much of a calendar is read, and the error where nothing is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read of a calendar; whoever has asked for a large one raises them."""

    max_octets: int = 5_000_000
    max_components: int = 20_000
    max_depth: int = 5
    max_line_octets: int = 1_000_000  # unfolded

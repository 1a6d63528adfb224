"""The limits of a reading."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what is read of a calendar; a caller that expects a large one raises them."""

    max_octets: int = 5_000_000
    max_components: int = 20_000
    max_depth: int = 5  # of components in one another
    max_line_octets: int = 1_000_000  # of an unfolded line

"""The errors of a reading."""


class ReadError(ValueError):
    """The bytes are no calendar, or more of one than we take; nothing was read.

    `message` is an English sentence with named places, filled from `facts`.
    """

    def __init__(self, message: str, **facts: str | int) -> None:
        self.message, self.facts = message, facts
        super().__init__(message.format(**facts))


class EventRefused(ValueError):
    """Why an event is refused: an English sentence with named places, and what fills them."""

    def __init__(self, line: int, message: str, /, **facts: str | int) -> None:
        self.line, self.message, self.facts = line, message, facts
        super().__init__(message)

"""The errors of a reading: nothing can be read, or one event is refused."""


class ReadError(ValueError):
    """The bytes are no calendar, or one beyond the limits; nothing was read.

    `message` is an English sentence with named places, filled from `facts`.
    """

    def __init__(self, message: str, **facts: str | int) -> None:
        self.message, self.facts = message, facts
        super().__init__(message.format(**facts))


class EventRefused(ValueError):
    """One event is refused; the others are read.

    `line` is the number of the line at fault. `message` is an English sentence with named places, filled from
    `facts`.
    """

    def __init__(self, line: int, message: str, /, **facts: str | int) -> None:
        self.line, self.message, self.facts = line, message, facts
        super().__init__(message)

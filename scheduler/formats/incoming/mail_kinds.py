"""The kinds of mail that comes in."""

from enum import StrEnum


class MailKind(StrEnum):
    """The kind of a mail that came in, by its form alone."""

    CALENDAR = "calendar"  # has a calendar, which may be an answer
    WORDS = "words"  # what a person wrote
    AUTOMATIC = "automatic"  # out of office, and other programs that answer (RFC 3834)
    REPORT = "report"  # of a mail server about the delivery of ours
    RECEIPT = "receipt"  # that a mail was shown (RFC 8098)
    UNREADABLE = "unreadable"

"""Messages of iTIP (RFC 5546): invitations and cancellations as bytes, answers of other programs as values.

Pure, and apart from transport: no mail, no clock, no database. A message is a record whichever way it came or leaves.
What other programs write in ways of their own is read as they mean it, where that is certain; nothing is guessed.
"""

from calendars.itip.addresses import Participant
from calendars.itip.answers import AnswerMark, supersedes
from calendars.itip.messages import ItipMessage, ItipPart, Method, read_itip
from calendars.itip.requests import Invitee, Organizer, write_cancel, write_request

__all__ = [
    "AnswerMark",
    "Invitee",
    "ItipMessage",
    "ItipPart",
    "Method",
    "Organizer",
    "Participant",
    "read_itip",
    "supersedes",
    "write_cancel",
    "write_request",
]

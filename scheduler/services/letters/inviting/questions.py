"""The calendar of an e-mail to an invited guest: a message of iTIP, which their own calendar answers (RFC 6047)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from typing import Any

from calendars.itip import Invitee, Method, Organizer, write_cancel, write_request
from scheduler.model.attendance import Partstat, Role
from scheduler.model.events import Event, Kind
from scheduler.model.letters import NEWS, LetterKind
from scheduler.services.events.attendance.invitations import Question
from scheduler.services.events.programme.event_times import capture_facts
from scheduler.services.letters.envelope import SenderIdentity, Signature
from scheduler.services.letters.letter_rows import LetterRow
from scheduler.services.outbox.reply_addresses import Answerer, make_reply_address

_INVITING = (LetterKind.INVITATION, LetterKind.POUR_MEMOIRE)


@dataclass(frozen=True, slots=True)
class CalendarQuestion:
    """Message to the calendars of a letter's recipients: the same event for all, to be written for each.

    ``event`` is the event as rendered. ``whole`` is whether it does not take place, as against one guest who is no
    longer invited. ``anew`` is whether an earlier answer no longer counts, because the time is another one,
    ``negotiable`` whether the guest may propose another one.
    """

    method: Method
    event: bytes
    sequence: int
    whole: bool = False
    anew: bool = False
    negotiable: bool = False


# The time of these is agreed with the guest; a ceremony is not moved for one of them.
_NEGOTIABLE = (Kind.MEETING, Kind.VISIT)


def is_asked(row: LetterRow) -> bool:
    """Return whether the calendar of a letter asks its recipient, or tells them who was asked that it is off."""
    if row.represented_by is not None or row.attendee_id is None:
        return False
    return row.kind in _INVITING or (row.asked_sequence is not None and row.kind in (*NEWS, LetterKind.REMOVED))


def make_question(event: Event, row: LetterRow, rendered: bytes, *, is_off: bool) -> CalendarQuestion | None:
    """Return what the calendar of a letter tells; None for an event without a date.

    ``is_off`` is whether the entry is to leave the calendar, because the event is cancelled or has no date any more.
    """
    if not rendered:
        return None
    if is_off or row.kind is LetterKind.REMOVED:
        return CalendarQuestion(Method.CANCEL, rendered, event.sequence, whole=is_off)
    anew, negotiable = _is_at_another_time(event, row), event.kind in _NEGOTIABLE
    return CalendarQuestion(Method.REQUEST, rendered, event.sequence, anew=anew, negotiable=negotiable)


def _is_at_another_time(event: Event, row: LetterRow) -> bool:
    """Return whether a letter tells of another time than its reader knows (RFC 5546 3.2.2.1)."""
    was: Mapping[str, Any] = row.facts.get("was") or {}
    facts = capture_facts(event)
    return bool(was) and any(was.get(name) != facts.get(name) for name in ("dtstart", "dtend", "tzid", "timing"))


def write_question(
    question: CalendarQuestion, row: LetterRow, name: str, signature: Signature, house: SenderIdentity, now: datetime
) -> bytes:
    """Write the calendar of one letter: with its recipient alone, and the address for their answer."""
    organizer = Organizer(find_reply_address(row, house) or parseaddr(house.sender)[1], signature.name)
    assert row.email is not None  # noqa: S101 - or it would have been skipped
    partstat = Partstat.NEEDS_ACTION if question.anew or row.partstat is None else row.partstat
    role = Role.PARTICIPANT if row.role is None else row.role
    invitee = Invitee(address=row.email, name=name, role=_roles(role), partstat=partstat)
    if question.method is Method.CANCEL:
        sequence, whole = question.sequence, question.whole
        return write_cancel(question.event, organizer, invitee, stamp=now, sequence=sequence, whole=whole)
    return write_request(question.event, organizer, invitee, stamp=now, negotiable=question.negotiable)


def _roles(role: Role) -> str:
    """Return the ROLE of a guest who is asked: whoever is invited is expected, whoever presides too."""
    return "REQ-PARTICIPANT" if role is Role.PARTICIPANT else role.rfc


def find_reply_address(row: LetterRow, house: SenderIdentity) -> str:
    """Return the address for what this recipient answers to a letter; "" if the settings name none."""
    if row.attendee_id is None or row.listed_at is None:
        return ""
    answerer = Answerer(row.attendee_id, row.listed_at, row.person_id)
    return make_reply_address(house.replies, answerer, secret=house.secret)


def describe_asked(question: CalendarQuestion | None, row: LetterRow) -> Question | None:
    """Return what is noted about the guest when the letter has left; None if it asks nothing."""
    if row.attendee_id is None or (question is None and row.kind is not LetterKind.INVITATION):
        return None
    if question is not None and question.method is not Method.REQUEST:
        return None
    sequence = question.sequence if question else 0
    return Question(row.attendee_id, sequence, anew=bool(question and question.anew))

"""The audit lines of coming onto a list: alike for one guest and for a whole batch of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from scheduler.model.attendance import Answer, Attendee, Partstat, Role
from scheduler.model.events import Event
from scheduler.model.places import Person
from scheduler.services.common.audit import AuditLine, note


def registration_line(attendee: Attendee) -> AuditLine:
    return AuditLine("register", attendee.id, {"event": attendee.event.key, "standing": attendee.standing})


def invitation_line(attendee_id: int, event: Event, role: Role) -> AuditLine:
    return AuditLine("invite", attendee_id, {"event": event.key, "role": role})


def answer_line(
    attendee_id: int, partstat: Partstat, by: Answer, *, excused: bool, deputy: Person | None = None
) -> AuditLine:
    """Return the line of an answer; ``deputy`` is the person it newly names to come instead."""
    details: dict[str, object] = {"partstat": partstat, "by": by}
    details |= {"excused": True} if excused else {}
    details |= {"represented_by": deputy.id} if deputy else {}
    return AuditLine("answer", attendee_id, details)


def write_line(session: Session, line: AuditLine, *, now: datetime) -> None:
    note(session, line.action, "attendee", line.row, now=now, **line.details)

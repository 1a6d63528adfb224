"""Groups of a guest list, by what has become of each invitation: every guest is in exactly one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.attendance import Attendee, Partstat, Standing
from scheduler.model.events import Event, Mode


class GuestGroup(StrEnum):
    """A group of guests, as the numbers above a list have it, and the addresses of their pages."""

    COMING = "coming"
    SILENT = "silent"
    UNDECIDED = "undecided"
    REGRETS = "regrets"
    WAITING = "waiting"
    REQUESTED = "requested"
    WITHDRAWN = "withdrawn"  # the organizer took them off: no answer of theirs
    ELSEWHERE = "elsewhere"  # not confirmed, lapsed or refused


def is_in(group: GuestGroup) -> sa.ColumnElement[bool]:
    """Return the condition on Attendee that they are in a group."""
    return _CONDITIONS[group]


_CONDITIONS: Mapping[GuestGroup, sa.ColumnElement[bool]] = {
    GuestGroup.COMING: Attendee.standing == Standing.CONFIRMED,
    GuestGroup.SILENT: sa.and_(Attendee.standing == Standing.INVITED, Attendee.partstat == Partstat.NEEDS_ACTION),
    GuestGroup.UNDECIDED: sa.and_(Attendee.standing == Standing.INVITED, Attendee.partstat != Partstat.NEEDS_ACTION),
    GuestGroup.REGRETS: sa.and_(Attendee.standing == Standing.WITHDRAWN, Attendee.partstat == Partstat.DECLINED),
    GuestGroup.WAITING: Attendee.standing.in_((Standing.WAITLISTED, Standing.OFFERED)),
    GuestGroup.REQUESTED: Attendee.standing == Standing.REQUESTED,
    GuestGroup.WITHDRAWN: sa.and_(Attendee.standing == Standing.WITHDRAWN, Attendee.partstat != Partstat.DECLINED),
    GuestGroup.ELSEWHERE: Attendee.standing.in_((Standing.UNCONFIRMED, Standing.LAPSED, Standing.REFUSED)),
}


def group_of(attendee: Attendee) -> GuestGroup:
    """Return the group of an attendee."""
    return _group(attendee.standing, attendee.partstat)


def _group(standing: Standing, partstat: Partstat) -> GuestGroup:
    if standing is Standing.INVITED:
        return GuestGroup.SILENT if partstat is Partstat.NEEDS_ACTION else GuestGroup.UNDECIDED
    if standing is Standing.WITHDRAWN:
        return GuestGroup.REGRETS if partstat is Partstat.DECLINED else GuestGroup.WITHDRAWN
    return _GROUPS[standing]


_GROUPS = {
    Standing.CONFIRMED: GuestGroup.COMING,
    Standing.WAITLISTED: GuestGroup.WAITING,
    Standing.OFFERED: GuestGroup.WAITING,
    Standing.REQUESTED: GuestGroup.REQUESTED,
    Standing.UNCONFIRMED: GuestGroup.ELSEWHERE,
    Standing.LAPSED: GuestGroup.ELSEWHERE,
    Standing.REFUSED: GuestGroup.ELSEWHERE,
}


@dataclass(frozen=True, slots=True)
class GuestNumbers:
    """Numbers of a guest list: the guests in each group, those who come by mode, and how many come with them."""

    groups: Mapping[GuestGroup, int] = field(default_factory=dict)
    coming: Mapping[Mode, int] = field(default_factory=dict)
    companions: int = 0

    def of(self, group: GuestGroup) -> int:
        return self.groups.get(group, 0)

    @property
    def all(self) -> int:
        return sum(self.groups.values())

    @property
    def people(self) -> int:
        """The people who come: guests and those who come with them."""
        return self.of(GuestGroup.COMING) + self.companions


def count_guests(session: Session, event: Event) -> GuestNumbers:
    """Return the numbers of a guest list, by one query."""
    query = (
        sa.select(Attendee.standing, Attendee.partstat, Attendee.mode, sa.func.count())
        .add_columns(sa.func.coalesce(sa.func.sum(Attendee.companions), 0))
        .where(Attendee.event_id == event.id)
        .group_by(Attendee.standing, Attendee.partstat, Attendee.mode)
    )
    groups: dict[GuestGroup, int] = {}
    coming: dict[Mode, int] = {}
    companions = 0
    for standing, partstat, mode, number, with_them in session.execute(query):
        group = _group(standing, partstat)
        groups[group] = groups.get(group, 0) + number
        if group is GuestGroup.COMING:
            coming[mode] = coming.get(mode, 0) + number
            companions += int(with_them)
    return GuestNumbers(groups, coming, companions)

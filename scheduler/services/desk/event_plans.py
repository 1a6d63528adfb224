"""Plan an event with those who lead it, and change one, as one act: all of it or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict
from scheduler.base.i18n import N_
from scheduler.base.text import Text
from scheduler.model.attendance import Role
from scheduler.model.events import Event, Mode, Status
from scheduler.services.common.changes import ChangeKind, find_differences
from scheduler.services.common.drafts import check
from scheduler.services.common.lookup import Lookup, get_for_update, get_person
from scheduler.services.desk.event_keys import make_event_key
from scheduler.services.events.guests.leads import Lead, set_leads
from scheduler.services.events.programme import event_mapping, planning
from scheduler.services.events.programme.conflicts import conflict_check
from scheduler.services.events.programme.event_drafts import EventDraft
from scheduler.services.events.programme.planning import Impact


class PlannedLead(NamedTuple):
    """A person who is to lead an event, by key or by #number, in which role and how."""

    who: str
    role: Role
    mode: Mode = Mode.IN_PERSON


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPlan:
    """An event as an officer has planned it: its fields, as in a programme file, and the people who lead it.

    ``leads`` None leaves its list alone. ``key`` is for a new event; without it one is made from the title.
    ``reason`` is what letters tell about a change, by language. ``uid`` is for a new event: the form that planned it
    has it from the beginning, so that the same form plans nothing twice.
    """

    fields: Mapping[str, Any]
    leads: Sequence[PlannedLead] | None = None
    key: str = ""
    uid: str = ""
    reason: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlanResult:
    """The event as it was planned, and how many of those who lead it changed."""

    impact: Impact
    leads: int = 0

    @property
    def event(self) -> Event:
        return self.impact.event

    @property
    def is_change(self) -> bool:
        return self.impact.change.is_change or self.leads > 0

    @property
    def has_consequences(self) -> bool:
        """Return whether somebody is told, a reminder moves, or something is probably not as it was meant."""
        return bool(self.impact.letters or self.impact.reminders or self.impact.change.doubts)


def check_plan(plan: EventPlan, *, language: str) -> EventDraft:
    """Return the draft of a plan. Raise Invalid or Problems, as `drafts.check` does."""
    return check(EventDraft, dict(plan.fields), language=language)


def plan_event(
    session: Session, plan: EventPlan, *, now: datetime, tz: str, language: str, force: str | None = None
) -> PlanResult:
    """Plan a new event, in the zone ``tz`` if it has neither a place nor a zone.

    Raise as `planning.put` does, Conflict if its key is taken, and Contradiction unless ``force`` gives a reason.
    """
    draft = check_plan(plan, language=language)
    lookup = Lookup(session)
    first = draft.first_day or (draft.dtstart.date() if draft.dtstart else None)
    key = plan.key or make_event_key(session, draft.title, draft.kind, first)
    if lookup.find(Event, key):
        raise Conflict(N_("an event with this key already exists"))
    pending = planning.prepare(session, key, draft, now=now, lookup=lookup, tz=tz)
    pending.event.uid = plan.uid or pending.event.uid
    impact = planning.conclude(session, pending, planning.settle(session, [pending], now=now), now=now)
    return _lead(session, impact, plan, now, force)


def find_planned(session: Session, uid: str) -> Event | None:
    """Return the event that the form with this UID has planned already."""
    return session.scalar(sa.select(Event).where(Event.uid == uid)) if uid else None


def change_plan(
    session: Session, event: Event, plan: EventPlan, *, now: datetime, language: str, force: str | None = None
) -> PlanResult:
    """Change an event to be as planned. Fields that the plan does not have stay.

    Raise as `planning.put` does, and Contradiction unless ``force`` gives a reason.
    """
    event = get_for_update(session, Event, event.key)
    wanted = {**dict(event_mapping.read_draft(event)), **plan.fields}
    if wanted["status"] == Status.CANCELLED and not event.cancelled:
        raise Conflict("status: to cancel an event, use: scheduler event cancel {event}", event=event.key)
    draft, lookup = check(EventDraft, wanted, language=language), Lookup(session)
    draft = draft.normalize(tz=draft.tz or event_mapping.find_zone(draft, lookup) or event.tzid)
    draft = _with_reason(event_mapping.read_draft(event), draft, plan)
    impact = planning.put(session, event.key, draft, now=now, lookup=lookup)
    return _lead(session, impact, plan, now, force)


def _with_reason(before: EventDraft, draft: EventDraft, plan: EventPlan) -> EventDraft:
    """Return a draft with the reason of this change; without one, the reason of an earlier change does not stay."""
    changed = dict.fromkeys(find_differences(before, event_mapping.complete(draft, before)))
    if "reason" not in planning.replace_reason(changed):
        return draft
    return draft.model_copy(update={"reason": Text(plan.reason)})


def _lead(session: Session, impact: Impact, plan: EventPlan, now: datetime, force: str | None) -> PlanResult:
    """Set those who lead the event, and refuse what contradicts the plan."""
    leads = 0
    if plan.leads is not None:
        people = [Lead(get_person(session, one.who), one.role, one.mode) for one in plan.leads]
        leads = set_leads(session, impact.event, people, now=now)
    if impact.replanned or leads:
        conflict_check.refuse(session, [impact.event], force=force, now=now)
    if leads and impact.change.verb is ChangeKind.UNCHANGED:
        impact = replace(impact, change=replace(impact.change, verb=ChangeKind.CHANGED))
    return PlanResult(impact, leads)

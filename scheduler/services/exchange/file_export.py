"""The programme written back as the tables of a file: applying them changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from scheduler.base.date_parsing import format_duration
from scheduler.base.text import Text
from scheduler.model import Attendee, Event, Partstat, Person, Standing
from scheduler.services.common.drafts import Draft
from scheduler.services.common.values import WEEKDAYS, Interval
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.posts.post_drafts import PostDraft
from scheduler.services.events.programme.event_drafts import AttendeeDraft, Reply
from scheduler.services.events.programme.event_mapping import WITH_EVENT
from scheduler.services.events.programme.event_mapping import draft_of as event_draft_of
from scheduler.services.events.programme.places import NOUNS, draft_of, everything
from scheduler.services.exchange.file_apply import PARTSTATS

_REPLIES = {partstat: reply for reply, partstat in PARTSTATS.items() if reply is not Reply.EXCUSED}


def reply(row: Attendee) -> Reply:
    """The answer on record, as files and lists say it."""
    return Reply.EXCUSED if row.excused else _REPLIES[row.partstat]


def tables(session: Session, *, key: str, name: str, language: str, tz: str) -> dict[str, Any]:
    """Everything that was planned, by noun and key. Who registered, and so has no key, is not part of it."""
    written: dict[str, Any] = {
        "programme": {"key": key, "name": name, "language": language, "tz": tz},
        **{noun: _nouns(session, noun) for noun in ("city", "organisation", "venue", "person")},
        "event": _events(session),
        "feed": _nouns(session, "feed"),
        "post": {post.key: post_table(posts.draft_of(post)) for post in posts.everything(session)},
    }
    return {noun: rows for noun, rows in written.items() if rows}


def _nouns(session: Session, name: str) -> dict[str, Any]:
    return {row.key: table(draft_of(row)) for row in everything(session, NOUNS[name])}


def _events(session: Session) -> dict[str, Any]:
    events = session.scalars(
        sa.select(Event).options(*WITH_EVENT).order_by(Event.starts_at.is_(None), Event.starts_at, Event.key)
    ).all()
    guests = _guests(session)
    found = {}
    for event in events:
        draft = event_draft_of(event).model_copy(update={"attendees": tuple(guests.get(event.id, ())) or None})
        # An explicit empty list, or the file's defaults for the kind would add reminders.
        found[event.key] = {**table(draft), "reminders": [table(one) for one in draft.reminders or ()]}
    return found


def _guests(session: Session) -> dict[int, list[AttendeeDraft]]:
    named = sa.select(Attendee).join(Attendee.person).where(Person.key.is_not(None))
    stands = sa.or_(Attendee.standing != Standing.WITHDRAWN, Attendee.partstat == Partstat.DECLINED)
    query = named.where(stands, Attendee.standing.not_in(_UNPLANNED)).order_by(Attendee.event_id, Attendee.id)
    rows = session.scalars(query.options(selectinload(Attendee.person), selectinload(Attendee.represented_by)))
    return {event: [_guest(row) for row in group] for event, group in groupby(rows, lambda row: row.event_id)}


# Asked by themselves and have nothing yet, or nothing any more: an officer's list does not accept for them.
_UNPLANNED = (Standing.UNCONFIRMED, Standing.REQUESTED, Standing.LAPSED, Standing.REFUSED)


def _guest(row: Attendee) -> AttendeeDraft:
    answered = row.partstat is not Partstat.NEEDS_ACTION
    return AttendeeDraft.model_construct(
        person=row.person.key,
        role=row.role,
        mode=row.mode,
        answer=reply(row),
        by=row.answered_by if answered else None,
        on=row.answered_on if answered else None,
        reference=row.answer_reference,
        companions=row.companions,
        represented_by=row.represented_by.key if row.represented_by else None,
    )


def post_table(draft: PostDraft) -> dict[str, Any]:
    """A post with the tables of its counters and services."""
    whole = table(draft.model_copy(update={"counter": {}, "service": {}}))
    for noun in ("counter", "service"):
        parts = {key: table(part) for key, part in getattr(draft, noun).items()}
        whole |= {noun: parts} if parts else {}
    return whole


def table(draft: Draft) -> dict[str, Any]:
    """A draft as plain TOML values, without what goes without saying."""
    written = {}
    for name, field in type(draft).model_fields.items():
        value = getattr(draft, name)
        if value is None or (not field.is_required() and value == field.default):
            continue
        written[name] = _value(name, value)
    return written


def _value(name: str, value: Any) -> Any:
    if name == "hours":
        return _special(value) if isinstance(value[0], time) else _weekly(value)
    match value:
        case Text():
            return dict(value)
        case StrEnum():
            return str(value)
        case timedelta():
            return format_duration(value)
        case Draft():
            return table(value)
        case tuple():
            return [_value("", item) for item in value]
        case datetime() | date() | time() | Mapping() | str() | int() | float():
            return value
    raise TypeError(f"{name} cannot be written to a file: {value!r}")


def _special(interval: Interval) -> str:
    opens, closes = interval
    return f"{opens:%H:%M}-{closes:%H:%M}"


def _weekly(rows: Iterable[tuple[int, Interval]]) -> dict[str, str]:
    """Weekdays with their hours; runs of days with the same hours together."""
    days = {
        day: ", ".join(_special(interval) for _, interval in group)
        for day, group in groupby(rows, lambda row: row[0])
    }
    written: dict[str, str] = {}
    for hours, run in groupby(_runs(days), lambda item: item[0]):
        keys = [day for _, day in run]
        written[_run_name([WEEKDAYS[day[0]] for day in keys])] = hours[0]
    return written


def _runs(days: Mapping[int, str]) -> Iterable[tuple[tuple[str, int], tuple[int, str]]]:
    """Each day with what it shares with its neighbours: the hours, and how far the run has shifted."""
    for index, (day, hours) in enumerate(sorted(days.items())):
        yield (hours, day - index), (day, hours)


def _run_name(names: list[str]) -> str:
    if len(names) == 7:
        return "daily"
    return names[0] if len(names) == 1 else f"{names[0]}-{names[-1]}"

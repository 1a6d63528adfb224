"""Objections to a plan: contradictions, public holidays, appointments at a post that does not move with the event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.date_format import format_day, format_lead, territory_name
from scheduler.base.i18n import N_, load_catalogue
from scheduler.model.events import OPEN_ENDED, Event
from scheduler.model.places import City, Person, Venue
from scheduler.model.posts import Post, Service
from scheduler.model.visits import ACTIVE, Appointment
from scheduler.services.common.public_holidays import Holiday, read_holidays
from scheduler.services.events.programme.conflicts.contradictions import ClashKind, Contradiction
from scheduler.services.events.programme.event_times import format_time

Say = Callable[[str], object]  # a value in a language
MOST_DAYS = timedelta(days=31)  # of an event that are looked through for holidays


class Subject(Enum):
    """The thing that stands against a plan."""

    HOLIDAY = "holiday"
    PERSON = "person"
    VENUE = "venue"
    PLAN = "plan"
    POST = "post"


SUBJECT_WORDS = {
    Subject.HOLIDAY: N_("Holiday"),
    Subject.PERSON: N_("Person"),
    Subject.VENUE: N_("Venue"),
    Subject.PLAN: N_("Programme"),
    Subject.POST: N_("Post"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Something that stands against a plan, in words for people.

    ``key`` tells it from others. It ``needs_reason`` if the plan contradicts itself: an officer then says why it is
    so nevertheless. The places of the ``message`` are filled from ``facts``, which depend on the language.
    """

    key: str
    subject: Subject
    message: str
    facts: Mapping[str, Say] = field(default_factory=dict)
    needs_reason: bool = False

    def text(self, language: str) -> str:
        """Return it as a sentence in a language."""
        say = load_catalogue(language).gettext
        return say(self.message).format(**{name: told(language) for name, told in self.facts.items()})


def describe_contradictions(found: Iterable[Contradiction]) -> list[Objection]:
    """Return contradictions as they are said to people: with names and times in the place of keys.

    Many people who cannot be at the same two events are counted instead.
    """
    alike: dict[tuple[ClashKind, Sequence[str] | str], dict[str, Contradiction]] = {}
    for one in found:
        about = one.about if one.kind in (ClashKind.PERSON, ClashKind.TRAVEL) else str(one)
        alike.setdefault((one.kind, about), {})[str(one)] = one
    return [objection for group in alike.values() for objection in _describe_alike(list(group.values()))]


MOST_NAMED = 5  # people who cannot be at the same two events, before they are only counted


def _describe_alike(found: Sequence[Contradiction]) -> Sequence[Objection]:
    if len(found) <= MOST_NAMED:
        return [_describe_contradiction(one) for one in found]
    one = found[0]
    message = N_("{first} and {second}: people who cannot be at both: {count}")
    facts = {name: _make_telling(one.facts[name], one.rows.get(name)) for name in ("first", "second")}
    facts["count"] = lambda _language: len(found)
    key = f"{one.kind} {one.about} {len(found)}"
    return [Objection(key=key, subject=Subject.PERSON, message=message, facts=facts, needs_reason=True)]


def _describe_contradiction(one: Contradiction) -> Objection:
    return Objection(
        key=str(one),
        subject=_SUBJECTS[one.kind],
        message=one.message,
        facts={name: _make_telling(value, one.rows.get(name)) for name, value in one.facts.items()},
        needs_reason=True,
    )


_SUBJECTS = {
    ClashKind.VENUE: Subject.VENUE,
    ClashKind.CLOSED: Subject.VENUE,
    ClashKind.PERSON: Subject.PERSON,
    ClashKind.TRAVEL: Subject.PERSON,
    ClashKind.OUTSIDE: Subject.PLAN,
    ClashKind.CANCELLED: Subject.PLAN,
}


def _make_telling(value: object, row: object) -> Say:
    """Return how a fact of a contradiction is said: by the name of the row that its key stands for, if it has one.

    What is said is put into words at once: the row may be gone when the transaction is.
    """
    match row:
        case Event():
            return _remember(row.title.to, lambda language: _name_time(row, language))
        case Person():
            return row.called
        case Venue() | City():
            return row.name.to
    if isinstance(value, date):
        return lambda language: format_day(value, language)
    if isinstance(value, timedelta):
        return lambda language: format_lead(value, language)
    return lambda _language: value


def _remember(title: Callable[[str], str], time: Callable[[str], str]) -> Say:
    def tell(language: str) -> str:
        shown = time(language)
        return f"{title(language)} ({shown})" if shown else title(language)

    return tell


def _name_time(event: Event, language: str) -> str:
    return " · ".join(when.time for when in format_time(event, language, None))


def find_holidays(session: Session, events: Sequence[Event]) -> Iterator[Objection]:
    """Yield the public holidays on which events are: of the State where they are, of the organizer, of the posts.

    An event without a place is where the posts are. Exhibitions and anniversaries run on all days.
    """
    concerned = [event for event in events if is_of_some_days(event)]
    if not concerned:
        return
    states = StatesOfPosts.read(session)
    seen = set()
    for event in concerned:
        for day in list_days(event):
            for state in states.list_states(event):
                holiday = read_holidays(state, day.year).get(day)
                if holiday and (state, day) not in seen:
                    seen.add((state, day))
                    yield _make_holiday(day, holiday)


def is_of_some_days(event: Event) -> bool:
    """Return whether an event is on certain days, on which people come, and is to take place."""
    return event.dated and not event.cancelled and event.kind not in OPEN_ENDED


def list_days(event: Event) -> Sequence[date]:
    """Return the days of an event; of a very long one, the first of them."""
    assert event.first_on is not None and event.last_on is not None  # noqa: S101, PT018 - dated
    return [
        event.first_on + timedelta(days=n) for n in range(min(event.last_on - event.first_on, MOST_DAYS).days + 1)
    ]


@dataclass(frozen=True, slots=True)
class StatesOfPosts:
    """The States whose posts there are, as pairs of the State that a post is in and the one that sends it."""

    pairs: Sequence[tuple[str, str]]

    @classmethod
    def read(cls, session: Session) -> StatesOfPosts:
        """Read them all; there are few posts."""
        rows = session.execute(sa.select(Post.receiving_state, Post.sending_state).distinct())
        return cls(sorted((receiving, sending) for receiving, sending in rows))

    def list_states(self, event: Event) -> Sequence[str]:
        """Return the States whose public holidays matter to an event, each once."""
        here = event.city.country if event.city else None
        states = [here] if here else [receiving for receiving, _sending in self.pairs]
        states += [event.organizer.country] if event.organizer and event.organizer.country else []
        states += [sending for receiving, sending in self.pairs if here is None or receiving == here]
        return list(dict.fromkeys(states))


def _make_holiday(day: date, holiday: Holiday) -> Objection:
    return Objection(
        key=f"holiday {holiday.state} {day}",
        subject=Subject.HOLIDAY,
        message=N_("{day}: {holiday} ({state})"),
        facts={
            "day": lambda language: format_day(day, language),
            "holiday": holiday.to,
            "state": lambda language: territory_name(holiday.state, language),
        },
    )


def find_posts(session: Session, events: Sequence[Event], *, now: datetime) -> Iterator[Objection]:
    """Yield posts that events open or are, and that do not move along; each with its booked appointments."""
    if not events:
        return
    booked = sa.and_(Appointment.status.in_(ACTIVE), Appointment.starts_at >= now)
    query = (
        sa.select(Post, sa.func.count(Appointment.id))
        .outerjoin(Service, Service.post_id == Post.id)
        .outerjoin(Appointment, sa.and_(Appointment.service_id == Service.id, booked))
        .where(Post.event_id.in_([event.id for event in events]))
        .group_by(Post.id)
        .order_by(Post.key)
    )
    for post, visits in session.execute(query):
        yield _make_post(post, visits)


def _make_post(post: Post, visits: int) -> Objection:
    return Objection(
        key=f"post {post.key} {visits}",
        subject=Subject.POST,
        message=N_("{post} keeps its own opening days. Appointments booked there: {count}."),
        facts={"post": post.name.to, "count": lambda _language: visits},
    )


def record_objection(one: Objection, language: str) -> dict[str, Any]:
    """Return an objection as a record for programs."""
    return {"subject": one.subject.value, "text": one.text(language), "needs_reason": one.needs_reason}

"""The guest directory of officers: events with how many come, and the guests of one, searched and page by page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from scheduler.base.errors import NotFound
from scheduler.base.name_matching import make_name_key
from scheduler.base.text import Text, fold_text
from scheduler.model.attendance import Attendee, Partstat, Role, Standing
from scheduler.model.audit import Audit
from scheduler.model.events import Event, Kind, Mode
from scheduler.model.letters import Letter
from scheduler.model.places import Person
from scheduler.services.events.guests.guest_groups import GuestGroup, is_in
from scheduler.services.events.programme.agenda import AgendaEntry

PAGE = 200
MOST_ACTS = 30
# A tour's guests are those of its stops; nobody is invited to an anniversary.
WITHOUT_GUESTS = (Kind.TOUR, Kind.ANNIVERSARY)


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of an event's parties, by standing; ``unanswered`` are those of the invited who have not answered.

    ``deputies_left`` are those whose deputy has sent regrets, and of whom nobody has said since who comes.
    """

    standing: Mapping[Standing, int] = field(default_factory=dict)
    unanswered: int = 0
    deputies_left: int = 0

    def of(self, standing: Standing) -> int:
        return self.standing.get(standing, 0)


@dataclass(frozen=True, slots=True)
class EventSummary:
    """An event, and who comes to it."""

    entry: AgendaEntry
    counts: Counts

    @property
    def event(self) -> Event:
        return self.entry.event


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestFilter:
    """Whom to show; None and "" restrict nothing."""

    name: str = ""
    group: GuestGroup | None = None
    mode: Mode | None = None
    role: Role | None = None
    language: str = ""


@dataclass(frozen=True, slots=True)
class Guests:
    """One page of a list, and how many were found on all of them."""

    rows: Sequence[Attendee]
    found: int
    more: bool


# Events


def summarize_event(session: Session, event: Event) -> EventSummary:
    """Return the summary of one event."""
    counts = count_by_event(session, [event.id]).get(event.id, Counts())
    return EventSummary(AgendaEntry(event, event.first_on, event.last_on), counts)


def count_by_event(session: Session, events: Sequence[int]) -> dict[int, Counts]:
    """Return how many parties each of these events has, by its id; an event without any is left out."""
    unanswered = sa.and_(Attendee.standing == Standing.INVITED, Attendee.partstat == Partstat.NEEDS_ACTION)
    number_unanswered = sa.func.sum(sa.case((unanswered, 1), else_=0))
    query = (
        sa.select(Attendee.event_id, Attendee.standing, sa.func.count(), number_unanswered)
        .add_columns(sa.func.count(Attendee.deputy_left_at))
        .where(Attendee.event_id.in_(events))
        .group_by(Attendee.event_id, Attendee.standing)
    )
    found: dict[int, Counts] = {}
    for event_id, standing, number, silent, left in session.execute(query):
        before = found.get(event_id, Counts())
        found[event_id] = Counts(
            {**before.standing, standing: number}, before.unanswered + int(silent), before.deputies_left + left
        )
    return found


# The guests of one event


_LAST = (Standing.WAITLISTED, Standing.UNCONFIRMED, Standing.WITHDRAWN)
# Officials by precedence, the rest in the order in which they came; then the queue in its order; then those who left.
_IN_ORDER = (
    sa.case({standing: place for place, standing in enumerate(_LAST, 1)}, value=Attendee.standing, else_=0),
    sa.func.coalesce(Attendee.queue_number, Person.precedence, 10_000),
    Attendee.id,
)


def find_guests(session: Session, event: Event, wanted: GuestFilter, *, page: int = 1) -> Guests:
    """Return a page, counted from 1, of the guests that the filter lets through, in `_IN_ORDER`."""
    query = sa.select(Attendee.id).join(Attendee.person).where(*_conditions(event, wanted))
    first = (page - 1) * PAGE
    if wanted.name:
        numbers = _find_by_name(session, query, wanted.name)
        found, shown = len(numbers), numbers[first : first + PAGE]
    else:
        found = session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
        shown = list(session.scalars(query.order_by(*_IN_ORDER).offset(first).limit(PAGE)))
    return Guests(_rows(session, shown), found, found > first + PAGE)


def list_numbers(session: Session, event: Event, wanted: GuestFilter) -> list[int]:
    """Return the ids of all guests that the filter lets through, in the order of the list."""
    query = sa.select(Attendee.id).join(Attendee.person).where(*_conditions(event, wanted))
    if wanted.name:
        return _find_by_name(session, query, wanted.name)
    return list(session.scalars(query.order_by(*_IN_ORDER)))


def list_languages(session: Session, event: Event) -> list[str]:
    """Return the languages in which the guests of an event are written to."""
    query = sa.select(Person.language).join(Attendee, Attendee.person_id == Person.id)
    return sorted(session.scalars(query.where(Attendee.event_id == event.id).distinct()))


def _conditions(event: Event, wanted: GuestFilter) -> list[sa.ColumnElement[bool]]:
    chosen = {Attendee.mode: wanted.mode, Attendee.role: wanted.role, Person.language: wanted.language or None}
    return [
        Attendee.event_id == event.id,
        *([is_in(wanted.group)] if wanted.group else []),
        *(column == value for column, value in chosen.items() if value is not None),
    ]


def _rows(session: Session, numbers: Sequence[int]) -> list[Attendee]:
    query = sa.select(Attendee).where(Attendee.id.in_(numbers))
    people = (selectinload(Attendee.person), selectinload(Attendee.represented_by))
    rows = {row.id: row for row in session.scalars(query.options(*people))}
    return [rows[number] for number in numbers]


def _find_by_name(session: Session, query: sa.Select[int], typed: str) -> list[int]:
    """Return the ids of attendees whose name, title, position or deputy matches.

    The database cannot do it: SQLite folds only Latin capitals, and neither engine knows Иванова for Ivanova.
    """
    deputy = sa.orm.aliased(Person)
    named = query.outerjoin(deputy, deputy.id == Attendee.represented_by_id).order_by(*_IN_ORDER)
    names = named.add_columns(Person.name, Person.courtesy_title, Person.position, deputy.name)
    return [number for number, *texts in session.execute(names) if _is_meant(typed, texts)]


def _is_meant(typed: str, texts: Sequence[Text | None]) -> bool:
    return matches_name(typed, [value for text in texts for value in (text or {}).values()])


def matches_name(typed: str, texts: Iterable[str]) -> bool:
    """Return whether each word that was typed is in these texts, or begins a word of theirs in another script."""
    joined = " ".join(texts)
    plain, keys = fold_text(joined), make_name_key(joined).split()
    return all(word in plain or _begins(make_name_key(word), keys) for word in fold_text(typed).split())


def _begins(key: str, keys: Sequence[str]) -> bool:
    return bool(key) and any(one.startswith(key) for one in keys)


def get_guest(session: Session, event: Event, number: int) -> Attendee:
    """Return the attendee with this id. Raise NotFound if they are not on the list of this event."""
    found = session.get(Attendee, number)
    if found is None or found.event_id != event.id:
        raise NotFound("{who} is not on the list of {event}", who=f"#{number}", event=event.key)
    return found


def list_letters(session: Session, attendee: Attendee) -> Sequence[Letter]:
    """Return the letters to a guest or their deputy about this event, the newest first."""
    people = [one for one in (attendee.person_id, attendee.represented_by_id) if one]
    query = sa.select(Letter).where(Letter.event_id == attendee.event_id, Letter.person_id.in_(people))
    return session.scalars(query.options(joinedload(Letter.person)).order_by(Letter.id.desc()).limit(PAGE)).all()


def list_acts(session: Session, attendee: Attendee) -> Sequence[Audit]:
    """Return what the audit says of a guest at this event, the newest first."""
    query = sa.select(Audit).where(Audit.noun == "attendee", Audit.row == str(attendee.id))
    return session.scalars(query.order_by(Audit.id.desc()).limit(MOST_ACTS)).all()

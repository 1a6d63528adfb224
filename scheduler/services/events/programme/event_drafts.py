"""Drafts of events, their reminders and their attendees: tables of a programme file or options of a command, checked.

A normal draft equals the draft that is read back from its row, so that "nothing changed" is ``==``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from scheduler.base.durations import NominalDuration
from scheduler.base.errors import Invalid, combine_errors
from scheduler.base.text import Text
from scheduler.model.attendance import Answer, Role
from scheduler.model.events import (
    Kind,
    Mode,
    Queue,
    Registration,
    ReminderAudience,
    Status,
    Timing,
    Visibility,
)
from scheduler.services.common.drafts import Draft, as_pydantic_error, require_span
from scheduler.services.common.values import (
    Capacity,
    CardText,
    Day,
    Duration,
    Key,
    Lead,
    Name,
    Prose,
    Reference,
    Telephone,
    TimeOfDay,
    Title,
    Url,
    WallTime,
    Weekly,
    Zone,
)
from scheduler.services.events.attendance.replies import Reply
from scheduler.services.events.programme.event_reading import EVENT_DEFAULTS
from scheduler.services.events.programme.place_drafts import ClosureDraft
from scheduler.services.events.programme.rendering.card_words import CardPart, check_words


class ReminderDraft(Draft):
    """A reminder ``before`` the start, ``at`` a time of day in the event's zone; by default 09:00 for whole days."""

    before: Lead
    at: TimeOfDay | None = None
    audience: ReminderAudience = ReminderAudience.EVERYONE

    @model_validator(mode="after")
    def _check_lead(self) -> Self:
        if not timedelta() < self.before.length <= timedelta(days=366):
            raise as_pydantic_error(
                Invalid("before: a reminder is sent at most one year before the start, and not at the start itself")
            )
        if self.at is not None and self.before.rest:
            raise as_pydantic_error(Invalid("at: can be given only with whole days before, like 1 day"))
        if self.audience is ReminderAudience.CHOSEN:
            raise as_pydantic_error(Invalid("audience: chosen is for guests, who choose it on their own pages"))
        return self


class AttendeeDraft(Draft):
    """A person on the list of an event, with the answer that they gave ``by`` some way ``on`` a day."""

    person: Key
    role: Role = Role.PARTICIPANT
    mode: Mode = Mode.IN_PERSON
    answer: Reply = Reply.NOT_ANSWERED
    by: Answer | None = None
    on: Day | None = None
    reference: Reference | None = None
    companions: Annotated[int, Field(strict=True, ge=0, le=50)] = 0
    represented_by: Key | None = None

    @model_validator(mode="after")
    def _check_representative(self) -> Self:
        if self.represented_by == self.person:
            raise as_pydantic_error(Invalid("represented_by: nobody can represent themselves; name somebody else"))
        if self.represented_by is not None and self.answer in (Reply.REGRETS, Reply.EXCUSED):
            raise as_pydantic_error(
                Invalid(
                    "represented_by: a guest who sends somebody in their place accepts the invitation; write accepted"
                )
            )
        return self


def _check_card(part: CardPart) -> AfterValidator:
    """Return a validator of a part of the words of a card."""

    def check(text: Text) -> Text:
        try:
            return check_words(part, text)
        except Invalid as error:
            raise as_pydantic_error(error) from error

    return AfterValidator(check)


CardSubject = Annotated[Title, _check_card(CardPart.SUBJECT)]
CardWords = Annotated[CardText, _check_card(CardPart.WORDS)]


class EventDraft(Draft):
    """An event as it should be; without any date it is to be announced. Times are wall times in ``tz``."""

    kind: Kind
    title: Name
    description: Prose = Text()
    first_day: Day | None = None
    last_day: Day | None = None
    hour_to_be_announced: bool = EVENT_DEFAULTS["hour_to_be_announced"]
    dtstart: WallTime | None = None
    dtend: WallTime | None = None
    duration: Lead | None = None
    tz: Zone | None = None
    status: Status = EVENT_DEFAULTS["status"]
    visibility: Visibility = EVENT_DEFAULTS["visibility"]
    venue: Key | None = None
    cities: tuple[Key, ...] = ()
    organizer: Key | None = None
    parent: Key | None = None
    position: Annotated[int, Field(strict=True, ge=0, le=10_000)] = EVENT_DEFAULTS["position"]
    url: Url | None = None
    video_link: Url | None = None
    video_public: bool = EVENT_DEFAULTS["video_public"]
    capacity: Capacity | None = None
    remote_capacity: Capacity | None = None
    kept_for_officials: Annotated[int, Field(strict=True, ge=0)] = EVENT_DEFAULTS["kept_for_officials"]
    registration: Registration = EVENT_DEFAULTS["registration"]
    registration_opens: WallTime | None = None
    registration_closes: WallTime | None = None
    queue: Queue = EVENT_DEFAULTS["queue"]
    approval: bool = EVENT_DEFAULTS["approval"]
    companions_named: bool = EVENT_DEFAULTS["companions_named"]
    companions_most: Annotated[int, Field(strict=True, ge=0, le=50)] = EVENT_DEFAULTS["companions_most"]
    asks_access: bool = EVENT_DEFAULTS["asks_access"]
    asks_dietary: bool = EVENT_DEFAULTS["asks_dietary"]
    arrive_before: Duration | None = None
    reply_by: Day | None = None
    dress_code: Title = Text()
    bring: Title = Text()
    telephone: Telephone | None = None
    reason: Title = Text()
    invitation_subject: CardSubject = Text()
    invitation_words: CardWords = Text()
    save_the_date_subject: CardSubject = Text()
    save_the_date_words: CardWords = Text()
    pour_memoire_subject: CardSubject = Text()
    pour_memoire_words: CardWords = Text()
    instructions: Prose = Text()
    remote_instructions: Prose = Text()
    hours: Weekly = ()
    closed: tuple[ClosureDraft, ...] = ()
    reminders: tuple[ReminderDraft, ...] | None = None
    attendees: tuple[AttendeeDraft, ...] | None = None

    @model_validator(mode="after")
    def _check_times(self) -> Self:
        problems = [*_find_time_problems(self), *_find_place_problems(self), *_find_guest_problems(self)]
        if problems:
            raise as_pydantic_error(combine_errors(problems))
        if self.dtstart is not None:
            require_span(
                self.dtstart, self.dtend or self.dtstart + (self.duration.length if self.duration else timedelta())
            )
        elif self.first_day is not None:
            require_span(self.first_day, self.last_day or self.first_day)
        return self

    @property
    def timing(self) -> Timing:
        """Return how much of its time is known."""
        if self.dtstart is not None:
            return Timing.HOURS
        if self.first_day is None:
            return Timing.TO_BE_ANNOUNCED
        return Timing.HOUR_TO_BE_ANNOUNCED if self.hour_to_be_announced else Timing.DAYS

    def span(self) -> tuple[datetime, datetime] | tuple[None, None]:
        """Return wall times of start and exclusive end; whole days from midnight to midnight (RFC 5545 3.6.1)."""
        if self.dtstart is not None and self.dtend is not None:
            return self.dtstart, self.dtend
        if self.first_day is None or self.last_day is None:
            return None, None
        return datetime.combine(self.first_day, time()), datetime.combine(self.last_day + timedelta(days=1), time())

    def normalize(self, *, tz: str) -> EventDraft:
        """Return this draft with everything explicit that may be left out: zone, end and order of lists."""
        changes: dict[str, Any] = {"tz": tz, "duration": None, "cities": tuple(sorted(set(self.cities)))}
        if self.dtstart is not None:
            changes["dtend"] = self.dtend or (self.duration or NominalDuration(0)).count_on(self.dtstart, tz)
        elif self.first_day is not None:
            changes["last_day"] = self.last_day or self.first_day
        closed = sorted(self.closed, key=lambda closure: closure.first_day)
        return self.model_copy(update={**changes, "closed": tuple(closed)})


def _find_place_problems(draft: EventDraft) -> Iterable[Invalid]:
    kept, capacity = draft.kept_for_officials, draft.capacity
    if kept and capacity is None:
        yield Invalid("kept_for_officials: give a capacity too; without one there is a place for everybody")
    elif capacity is not None and kept > capacity:
        yield Invalid(
            "kept_for_officials: {kept} are more than the capacity of {capacity}", kept=kept, capacity=capacity
        )


def _find_guest_problems(draft: EventDraft) -> Iterable[Invalid]:
    if draft.arrive_before is not None and not timedelta(minutes=1) <= draft.arrive_before <= timedelta(days=1):
        yield Invalid("arrive_before: write how long before the start, from 1 min to 1 day, like 30 min")
    start = draft.dtstart.date() if draft.dtstart is not None else draft.first_day
    if draft.reply_by is not None and start is not None and draft.reply_by > start:
        yield Invalid(
            "reply_by: {day} is after the event begins, on {start}; write an earlier day",
            day=draft.reply_by,
            start=start,
        )


def _find_time_problems(draft: EventDraft) -> Iterable[Invalid]:
    timed = draft.dtstart is not None
    if timed and draft.first_day is not None:
        yield Invalid("dtstart: give either dtstart (with an hour) or first_day (whole days)")
    if timed and (draft.dtend is None) == (draft.duration is None):
        yield Invalid("dtend: give either dtend or duration beside dtstart")
    if not timed and (draft.dtend is not None or draft.duration is not None):
        yield Invalid("dtstart: is missing; dtend or duration alone is not enough")
    if draft.last_day is not None and draft.first_day is None:
        yield Invalid("first_day: is missing; last_day alone is not enough")
    if draft.hour_to_be_announced and draft.first_day is None:
        yield Invalid("first_day: is missing; without a day there is no hour to announce")
    yield from _find_order_problems(draft)
    if draft.kind is Kind.ANNIVERSARY and draft.first_day is None:
        yield Invalid("first_day: an anniversary needs the day of the original event")
    if draft.kind is Kind.TOUR and (timed or draft.first_day is not None):
        yield Invalid("first_day: a tour has no dates of its own; its stops have")


def _find_order_problems(draft: EventDraft) -> Iterable[Invalid]:
    if draft.dtstart is not None and draft.dtend is not None and draft.dtend <= draft.dtstart:
        yield Invalid("dtend: {end} is not after dtstart {start}", end=draft.dtend, start=draft.dtstart)
    if draft.duration is not None and draft.duration.length <= timedelta():
        yield Invalid("duration: must be more than zero")
    if draft.first_day is not None and draft.last_day is not None and draft.last_day < draft.first_day:
        yield Invalid("last_day: {last} is before first_day {first}", last=draft.last_day, first=draft.first_day)
    opens, closes = draft.registration_opens, draft.registration_closes
    if opens is not None and closes is not None and closes <= opens:
        yield Invalid("registration_closes: is not after registration_opens")

"""Read the form of an event: what was typed, as people write it, becomes the fields of a programme file.

Whatever cannot be read has its complaint beside its field. Times are on the clock of the place.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any, TypeVar

from flask import g

from scheduler.base.clock import zone
from scheduler.base.date_parsing import parse_day, parse_end_hour, parse_hour, parse_when
from scheduler.base.durations import NominalDuration, parse_nominal
from scheduler.base.errors import Invalid, SchedulerError, list_errors
from scheduler.base.i18n import LANGUAGES, N_
from scheduler.base.text import KEY, Text
from scheduler.model.attendance import Role
from scheduler.model.events import Event, Kind, Mode, Queue, Registration, ReminderAudience, Status, Visibility
from scheduler.services.common.drafts import check
from scheduler.services.common.plain_values import WEEKDAYS
from scheduler.services.desk.event_plans import EventPlan, PlannedLead
from scheduler.services.directory.choices import Choice, ChoiceList
from scheduler.services.events.guests.leads import LEADING
from scheduler.services.events.programme.event_drafts import EventDraft
from scheduler.web.kit.forms import Form, in_words, merge_texts, read_texts
from scheduler.web.kit.language import _
from scheduler.web.kit.typed_times import read_hours
from scheduler.web.officers.kit.answers import sentence
from scheduler.web.officers.planning.kind_forms import DAYS, FORMS, HOUR, HOUR_UNKNOWN

T = TypeVar("T")
MOST_LEADS = 30
MOST_CLOSED = 40
LATE, EARLY = time(12), timedelta(hours=6)  # what begins after noon and ends before six, ends on the next day
END_OF_DAY = time(23, 59)
TEXTS = ("title", "description", "dress_code", "bring", "instructions", "remote_instructions")
_LETTER_H = re.compile(r"(\d{1,2}) ?[hH] ?(\d\d)?")  # 18h, 2h30
REMIND = "remind "  # begins the name of a tick: "remind 1d  everyone"


@dataclass(frozen=True, slots=True)
class PlanChoices:
    """The choices on the form. ``leads`` are the people who lead the event already."""

    venues: ChoiceList
    organisations: ChoiceList
    cities: ChoiceList
    people: ChoiceList
    wholes: Sequence[Event] = ()
    leads: Sequence[Choice] = ()


def read_uid(form: Form) -> str:
    """Return the UID that the event of a new form gets; none if the form has no valid one."""
    try:
        return str(uuid.UUID(form["uid"]))
    except ValueError:
        return ""


@dataclass
class PlanReader:
    """A form that is being read: what was found so far, and the clock by which its times are meant."""

    form: Form
    kind: Kind
    offered: PlanChoices | None  # none if only the time is read
    now: datetime
    house_tz: str
    event: Event | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    looks: bool = False  # only at what stands beside the fields: nobody is looked for
    tzid: str = ""
    venue: Choice | None = None
    start: datetime | None = None
    first_day: date | None = None

    @property
    def choices(self) -> PlanChoices:
        assert self.offered is not None  # noqa: S101 - only the time is read without them
        return self.offered

    def read(self) -> EventPlan:
        """Return what was decided. What is wrong stands in the errors of the form."""
        asked = FORMS[self.kind]
        self.fields["kind"] = self.kind
        self._read_texts(guests=asked.guests)
        self._read_place()
        self.read_time()
        self._read_words()
        if asked.opening_hours:
            self._read_opening_hours()
        if asked.guests:
            self._read_places()
            self._read_registration()
            self._read_reminders()
            self._read_guest_information()
        return EventPlan(
            fields=self.fields,
            leads=self._read_leads() if asked.guests else None,
            key=self._read_key(),
            uid=read_uid(self.form),
            reason=read_texts(self.form, "why"),
        )

    def _complain(self, name: str, error: SchedulerError) -> None:
        self.form.errors.setdefault(name, sentence(in_words(error)))

    def _try(self, name: str, read: Callable[[str], T]) -> T | None:
        """Return what is typed into a field as it is read; None if it is empty, or with a complaint."""
        typed = self.form[name].strip()
        if not typed:
            return None
        try:
            return read(typed)
        except SchedulerError as error:
            self._complain(name, error)
        except ValueError:
            self.form.errors.setdefault(name, _("Enter a whole number from 0 to {most}.", most=1_000_000))
        return None

    # Texts

    def _read_texts(self, *, guests: bool) -> None:
        for name in TEXTS if guests else TEXTS[:2]:
            self.fields[name] = merge_texts(self._get_text(name), self.form, name)
        if not self.fields["title"]:
            self.form.errors[f"title_{g.language}"] = _("Write the title in at least one language.")

    def _get_text(self, name: str) -> Text:
        """Return a text of the event as it is."""
        if self.event is None:
            return Text()
        mode = {"instructions": Mode.IN_PERSON, "remote_instructions": Mode.REMOTE}.get(name)
        found = (one.instructions for one in self.event.capacities if one.mode is mode)
        text: Text = getattr(self.event, name) if mode is None else next(found)
        return text

    # Where and when

    def _read_place(self) -> None:
        choices, asked = self.choices, FORMS[self.kind]
        self.venue = self._try("venue", choices.venues.find) if asked.venue else None
        if asked.venue:
            self.fields["venue"] = self.venue.key if self.venue else None
        cities: list[Choice] = []
        if asked.cities:
            cities = self._try("cities", lambda typed: list(_find_all(typed, choices.cities))) or []
            self.fields["cities"] = tuple(one.key for one in cities)
        organizer = self._try("organizer", choices.organisations.find)
        self.fields["organizer"] = organizer.key if organizer else None
        whole = next((one for one in choices.wholes if one.key == self.form["parent"]), None)
        self.fields["parent"] = whole.key if whole else None
        if self.form["parent"] and whole is None:
            self.form.errors["parent"] = _("That event is no longer there. Choose another one, or “nothing else”.")
        typed = self._try("tz", lambda name: zone(name).key)
        of_place = self.venue or next(iter(cities), None)
        derived = of_place.tzid if of_place else whole.tzid if whole else self.house_tz
        self.tzid = typed or derived
        self.fields["tz"] = self.tzid if typed or not (of_place or whole) else None

    def read_time(self) -> None:
        """Read how much of the time is known, and the time, on the clock of ``tzid``."""
        if not FORMS[self.kind].known:
            return
        known = self.form["known"]
        times = dict.fromkeys(("dtstart", "dtend", "duration", "first_day", "last_day"))
        self.fields |= {**times, "hour_to_be_announced": known == HOUR_UNKNOWN}
        if known not in (HOUR, HOUR_UNKNOWN, DAYS):
            return
        self.first_day = self._try("day", self._parse_day)
        last = self._try("until", self._parse_day)
        if not self.form["day"].strip():
            self.form.errors["day"] = _("Enter the day, or choose that it will be announced.")
        if known == HOUR:
            self._read_hours(last)
        elif self.first_day:
            self.fields |= {"first_day": self.first_day, "last_day": last or self.first_day}

    def _parse_day(self, typed: str) -> date:
        return parse_day(typed, now=self.now, tzid=self.tzid)

    def _read_hours(self, last: date | None) -> None:
        starts = self._try("from", parse_hour)
        ends = self._try("to", lambda typed: _parse_end(typed, starts))
        for name, words in (
            ("from", N_("Enter when it begins.")),
            ("to", N_("Enter when it ends, or how long it lasts.")),
        ):
            if not self.form[name].strip():
                self.form.errors[name] = _(words)
        if self.first_day is None or starts is None or ends is None:
            return
        self.start = datetime.combine(self.first_day, starts)
        self.fields["dtstart"] = self.start
        if isinstance(ends, NominalDuration):
            self.fields["duration"] = ends
            return
        next_day = last is None and (ends == timedelta() or (starts >= LATE and ends < EARLY))
        day = self.first_day + timedelta(days=1) if next_day else last or self.first_day
        self.fields["dtend"] = datetime.combine(day, time()) + ends

    # The rest

    def _read_words(self) -> None:
        form = self.form
        self.fields |= {
            "status": self._word("status", Status, Status.CONFIRMED),
            "visibility": self._word("visibility", Visibility, Visibility.PUBLIC),
            "url": form["url"].strip() or None,
        }
        if self.event is not None and self.event.cancelled:
            self.fields["status"] = Status.CANCELLED  # the form does not reinstate
        position = self._try("position", int)
        if position is not None:
            self.fields["position"] = position

    def _word(self, name: str, words: type[T], otherwise: T) -> T:
        return next((word for word in words if word == self.form[name]), otherwise)  # type: ignore[attr-defined]

    def _read_opening_hours(self) -> None:
        hours = {name: self._try(f"hours_{day}", read_hours) for day, name in enumerate(WEEKDAYS)}
        self.fields["hours"] = {name: typed for name, typed in hours.items() if typed}
        rows = (self._read_closed(number) for number in range(MOST_CLOSED))
        self.fields["closed"] = tuple(row for row in rows if row)

    def _read_closed(self, number: int) -> dict[str, Any] | None:
        first = self._try(f"closed_{number}", self._parse_day)
        if first is None:
            return None
        last = self._try(f"closed_until_{number}", self._parse_day) or first
        if last < first:
            self.form.errors[f"closed_until_{number}"] = _("The last day is before the first day.")
            return None
        row: dict[str, Any] = {"first_day": first, "last_day": last}
        if hours := self._try(f"closed_hours_{number}", read_hours):
            row["hours"] = hours
        reason = self.form[f"closed_why_{number}"].strip()
        closures = self.event.closures if self.event else ()
        known = next((one.reason for one in closures if one.first_on == first), Text())
        kept = {tag: words for tag, words in known.items() if tag != g.language}
        said = {**kept, g.language: reason} if reason else kept
        return {**row, "reason": said}

    def _read_places(self) -> None:
        for name in ("capacity", "remote_capacity"):
            self.fields[name] = self._try(name, int)
        self.fields["kept_for_officials"] = self._try("kept", int) or 0
        self.fields["video_link"] = self.form["video_link"].strip() or None
        self.fields["video_public"] = bool(self.form["video_public"])

    def _read_registration(self) -> None:
        form = self.form
        companions = self._try("companions_most", int)
        self.fields |= {
            "registration": self._word("registration", Registration, Registration.DESK),
            "registration_opens": self.read_moment("opens", time()),
            "registration_closes": self.read_moment("closes"),
            "companions_most": 0 if companions is None else companions,
            "queue": self._word("queue", Queue, Queue.FIRST_FIT),
            **{name: bool(form[name]) for name in ("approval", "companions_named", "asks_access", "asks_dietary")},
        }

    def read_moment(self, name: str, otherwise: time = END_OF_DAY) -> datetime | None:
        """Return the wall time in a field; of a day alone it is at the hour that is given."""
        return self._try(name, lambda typed: self._parse_moment(typed, otherwise))

    def _parse_moment(self, typed: str, otherwise: time) -> datetime:
        """Return a wall time; of a day alone at an hour that is given, and of a length of time, so long before."""
        if before := _parse_length(typed):
            start = self.start or (datetime.combine(self.first_day, time()) if self.first_day else None)
            if start is None:
                raise Invalid(N_("The event has no day yet. Enter a day and a time."))
            return start - before.length
        try:
            return parse_when(typed, now=self.now, tzid=self.tzid)
        except SchedulerError as error:
            try:
                return datetime.combine(self._parse_day(typed), otherwise)
            except SchedulerError:
                raise error from None

    def _read_reminders(self) -> None:
        ticked = [name for name in self.form.typed if name.startswith(REMIND) and self.form[name]]
        rows: list[dict[str, Any]] = [dict(split_reminder(name)) for name in ticked]
        other = self._try("remind_other", parse_nominal)
        if other is not None:
            rows.append(
                {"before": other, "audience": self._word("remind_to", ReminderAudience, ReminderAudience.EVERYONE)}
            )
        self.fields["reminders"] = tuple(rows)

    def _read_guest_information(self) -> None:
        arrive = self._try("arrive", lambda typed: parse_nominal(typed if not typed.isdecimal() else f"{typed} min"))
        self.fields |= {
            "arrive_before": arrive.length if arrive else None,
            "reply_by": self._try("reply_by", self._parse_day),
            "telephone": self.form["telephone"].strip() or None,
        }

    def _read_leads(self) -> list[PlannedLead] | None:
        """Return those who lead it; None if they are too many for the form, which then has none of them."""
        if self.looks or len(self.choices.leads) > MOST_LEADS:
            return None
        found: dict[str, PlannedLead] = {}
        for number in range(MOST_LEADS):
            who = self._try(f"lead_{number}", self._find_person)
            if who is None:
                continue
            if who.key in found:
                self.form.errors[f"lead_{number}"] = _("This person stands here twice.")
            role = next((one for one in LEADING if one == self.form[f"lead_role_{number}"]), Role.PRESIDES)
            mode = Mode.REMOTE if self.form[f"lead_mode_{number}"] == Mode.REMOTE else Mode.IN_PERSON
            found.setdefault(who.key, PlannedLead(who.key, role, mode))
        return list(found.values())

    def _find_person(self, typed: str) -> Choice:
        known = next((one for one in self.choices.leads if one.label == typed), None)
        return known or self.choices.people.find(typed)

    def _read_key(self) -> str:
        key = self.form["key"].strip()
        if key and not KEY.fullmatch(key):
            self.form.errors["key"] = _("Enter a key of lower-case letters, digits and hyphens.")
        return key


def _find_all(typed: str, choices: ChoiceList) -> Iterator[Choice]:
    for name in filter(None, (part.strip() for part in typed.replace(";", ",").split(","))):
        yield choices.find(name)


def _parse_end(typed: str, starts: time | None) -> timedelta | NominalDuration:
    """Return the hour at which something ends, as time since midnight, or how long it lasts.

    2 часа is an hour only if it begins before two o'clock.
    """
    if (written := _LETTER_H.fullmatch(typed)) and starts is not None:
        return _parse_letter_h(typed, int(written[1]) * 60 + int(written[2] or 0), starts)
    length = _parse_length(typed)
    try:
        hour = parse_end_hour(typed)
    except SchedulerError:
        if length is None:
            raise
        return length
    return length if length is not None and starts is not None and hour <= _since_midnight(starts) else hour


def _since_midnight(hour: time) -> timedelta:
    return timedelta(hours=hour.hour, minutes=hour.minute, seconds=hour.second)


def _parse_letter_h(typed: str, minutes: int, starts: time) -> NominalDuration:
    """Return the length of 2h or 2h30. Raise Invalid for 18h after ten o'clock, which may be an hour as well."""
    try:
        hour = parse_hour(typed)
    except SchedulerError:
        hour = time()
    if hour > starts:
        raise Invalid(
            N_("That may be an hour or a length: write {hour} or {length}."),
            hour=f"{hour:%H:%M}",
            length=f"{minutes} min",
        )
    return parse_nominal(f"{minutes} min")


def _parse_length(typed: str) -> NominalDuration | None:
    """Return a length of time that has its unit; None for anything else: 16:00 is no length of time here."""
    try:
        return parse_nominal(typed) if any(map(str.isalpha, typed)) else None
    except SchedulerError:
        return None


def name_reminder(before: NominalDuration, at: time | None, audience: ReminderAudience) -> str:
    """Return the name of the tick for a reminder."""
    return f"{REMIND}{before}|{f'{at:%H:%M}' if at else ''}|{audience}"


def split_reminder(name: str) -> Iterator[tuple[str, str]]:
    """Yield the fields of the reminder that a tick is for, as a file writes them."""
    before, _mark, rest = name.removeprefix(REMIND).partition("|")
    at, _mark, audience = rest.partition("|")
    yield "before", before
    if at:
        yield "at", at
    yield "audience", audience


# The fields of the form by those of files, where they are not called the same.
_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "dtstart": "from",
        "dtend": "to",
        "duration": "to",
        "first_day": "day",
        "last_day": "until",
        "kept_for_officials": "kept",
        "registration_opens": "opens",
        "registration_closes": "closes",
        "arrive_before": "arrive",
        "hours": "hours_0",
        "closed": "closed_0",
        "reminders": "remind_other",
    }
)
# What files say of two fields, as the form says it.
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "dtend: {end} is not after dtstart {start}": N_("The end is before the beginning."),
        "duration: must be more than zero": N_("Enter how long it lasts, such as 90 min."),
        "last_day: {last} is before first_day {first}": N_("The last day is before the first day."),
        "registration_closes: is not after registration_opens": N_("Registration closes before it opens."),
        "kept_for_officials: give a capacity too; without one there is a place for everybody": N_(
            "Enter the number of places too; without it there is a place for everybody."
        ),
        "kept_for_officials: {kept} are more than the capacity of {capacity}": N_(
            "At most {capacity}, the places in person."
        ),
    }
)


def find_mistakes(form: Form, plan: EventPlan) -> None:
    """Write beside the fields what the rules of files refuse: first of each field, then of fields together."""
    fields = dict(plan.fields)
    for _pass in range(2):
        try:
            check(EventDraft, fields, language=g.language)
        except SchedulerError as error:
            place_errors(form, error)
            wrong = {str(one.facts.get("place", "")).partition(".")[0] for one in list_errors(error)}
            fields = {name: value for name, value in fields.items() if name not in wrong}


def place_errors(form: Form, error: SchedulerError) -> bool:
    """Write what the services refuse beside the fields of the form; return whether all of it has a field."""
    placed = True
    for problem in list_errors(error):
        path = str(problem.facts.get("place", "")) or problem.message.partition(":")[0]
        name, _dot, rest = path.partition(".")
        target = _FIELDS.get(name, name)
        if name in TEXTS:
            target = f"{name}_{rest if rest in LANGUAGES else g.language}"
        elif name not in EventDraft.model_fields:
            placed = False
            continue
        words = _WORDS.get(problem.message)
        said = _(words, **problem.facts) if words else sentence(_without_name(in_words(problem), name))
        form.errors.setdefault(target, said)
    return placed


def _without_name(words: str, name: str) -> str:
    return words.removeprefix(f"{name}:").strip()

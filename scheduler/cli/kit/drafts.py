"""Options made from the fields of a draft, so that a command takes what a file takes, checked by the same rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar, get_args

import click
from pydantic import TypeAdapter, ValidationError

from scheduler.base.errors import Conflict, Invalid
from scheduler.base.i18n import N_
from scheduler.base.text import Text
from scheduler.cli.kit.records import texts_by_language
from scheduler.services.common.drafts import Draft, check
from scheduler.services.common.values import Key

F = TypeVar("F", bound=Callable[..., Any])
D = TypeVar("D", bound=Draft)

HELP = {
    "name": N_("Name; several languages as kk=... ru=... (repeatable)."),
    "title": N_("Title; several languages as kk=... ru=... (repeatable)."),
    "description": N_("Description; several languages as kk=... ru=... (repeatable)."),
    "courtesy_title": N_("Courtesy title, like H.E. Mr (repeatable per language)."),
    "position": N_("Position (repeatable per language)."),
    "gender": N_("Gender, for the form of address; none if it is not known."),
    "office_class": N_("Code of the class of office; the list: scheduler person offices."),
    "office_state": N_("State of the office: the sending State, the receiving State or a third State."),
    "envelope_name": N_("Whole line on the envelope, in place of the form of address (repeatable per language)."),
    "own_salutation": N_("Whole salutation, in place of the form of address (repeatable per language)."),
    "own_closing": N_("Whole closing, in place of the form of address (repeatable per language)."),
    "address": N_("Address (repeatable per language)."),
    "country": N_("Country: two letters of ISO 3166-1."),
    "holidays": N_("State whose public holidays close the venue."),
    "hours": N_("Opening hours, like mon-fri=10:00-18:00 (repeatable)."),
    "closed": N_("Closed days, like 2027-02-04 or 2027-02-04..2027-02-06 (repeatable)."),
    "tz": N_("Time zone, like Asia/Bangkok."),
    "precedence": N_("Rank in the order of precedence, 1 first."),
    "kinds": N_("Only events of this kind (repeatable)."),
    "cities": N_("Key of a city (repeatable)."),
    "organizers": N_("Only events of this organizer (repeatable)."),
    "tours": N_("Only the parts of this tour (repeatable)."),
    "past_days": N_("Number of days for which past events stay in the calendar."),
    "parent": N_("Key of the event that this event is part of."),
    "capacity": N_("Number of places in person."),
    "remote_capacity": N_("Number of places by video."),
    "kept_for_officials": N_(
        "Number of places in person that are reserved for officials (all roles but participants and staff)."
    ),
    "video_public": N_("Show the video link to everybody."),
    "registration": N_("Way of registration: desk (by officers) or public (on the event's page)."),
    "queue": N_(
        "Rule of the waiting list when the first does not fit: strict (all wait) or first-fit (the next who fits)."
    ),
    "approval": N_("Let registrations on the page wait for an officer's approval."),
    "companions_named": N_("Ask for the names of companions on the page."),
    "companions_most": N_("Largest number of companions of a visitor, 0 to 50."),
    "asks_access": N_("Ask on the page what is needed for access."),
    "asks_dietary": N_("Ask on the page for dietary needs."),
    "instructions": N_("Instructions for guests in person; several languages as kk=... ru=... (repeatable)."),
    "remote_instructions": N_("Instructions for guests by video; several languages as kk=... ru=... (repeatable)."),
    "arrive_before": N_("Time before the start at which guests are asked to arrive, like 30 min."),
    "dress_code": N_("Dress code; several languages as kk=... ru=... (repeatable)."),
    "bring": N_("What guests are asked to bring; several languages as kk=... ru=... (repeatable)."),
    "EventDraft.telephone": N_("Telephone number for questions of guests (default: that of the organizer)."),
    "EventDraft.reason": N_("Reason for moving or cancelling it, for e-mails (repeatable per language)."),
    "PersonDraft.name": N_("Full name; several languages as kk=... ru=... (repeatable)."),
    "OrganisationDraft.name": N_(
        "Official name in e-mails, calendars and pages; several languages as kk=... ru=... (repeatable)."
    ),
    "OrganisationDraft.email": N_("E-mail address, which also receives the replies."),
    "signer": N_("Name of the person who signs e-mails (repeatable per language)."),
    "signer_position": N_("Position of the person who signs e-mails (repeatable per language)."),
    "visibility": N_("Visibility: public, private or confidential."),
    "EventDraft.position": N_("Position among the parts of its parent event, 1 first."),
    "kind": N_("Kind of event."),
    "venue": N_("Key of the venue."),
    "city": N_("Key of the city."),
    "organisation": N_("Key of the organisation."),
    "organizer": N_("Key of the organizing organisation."),
    "url": N_("Web page, https://..."),
    "video_link": N_("Address of the video conference, https://..."),
    "hour_to_be_announced": N_("Show the day only; the hour is announced later."),
    "email": N_("E-mail address."),
    "telephone": N_("Telephone number."),
    "language": N_("Language of e-mails."),
    "sending_state": N_("Sending State, two letters."),
    "receiving_state": N_("Receiving State, two letters."),
    "district": N_("Consular district (repeatable per language)."),
    "event": N_("Key of the event that opens the post."),
    "cell": N_("Minutes between possible starting times of appointments."),
    "horizon": N_("Longest time before an appointment at which it can be booked, like 60 days."),
    "notice": N_("Shortest time before an appointment at which it can be booked."),
    "hold": N_("Time for which an appointment is reserved until it is confirmed."),
    "offer": N_("Time for which an offered appointment is reserved."),
    "release_within": N_("Period within which a freed time can be booked again, at a random moment."),
    "release_near": N_("Limit below which a freed time can be booked again at once."),
    "reconfirm_from": N_("Time before an appointment at which people are asked whether they still come."),
    "reconfirm_until": N_("Time before an appointment until which they can answer that question."),
    "remind": N_("Time before an appointment at which a reminder is sent."),
    "no_shows": N_("Number of no-shows after which nothing can be booked online."),
    "no_shows_within": N_("Period in which no-shows count."),
    "no_shows_pause": N_("Time for which nothing can be booked online after these no-shows."),
    "largest_party": N_("Largest number of people in one appointment."),
    "deadline": N_("Deadline for booking, like 2027-03-04 18:00, in the local time of its city."),
    "keep": N_("Time after an appointment for which personal data is kept."),
    "staffed": N_("Allow bookings at this counter."),
    "minutes": N_("Minutes for each document or person."),
    "counted": N_("Unit for which the minutes are counted."),
    "checklist": N_("Documents to bring, one on each line (repeatable per language)."),
    "fee": N_("Fee, like 30.50."),
    "currency": N_("Currency of the fee, three letters."),
    "quota": N_("Largest number of documents or people a day."),
    "counters": N_("Offer the service only at this counter (repeatable)."),
    "walk_ins": N_("Serve people without an appointment, too."),
    "offered": N_("Allow bookings of this service."),
    "directions": N_("How to get there (repeatable per language)."),
    "VenueDraft.capacity": N_("How many people the venue holds."),
    "latitude": N_("Degrees north, with --longitude."),
    "longitude": N_("Degrees east, with --latitude."),
    "status": N_("Status: tentative, confirmed or cancelled."),
}


def draft_options(draft: type[Draft], *, leave_out: Iterable[str] = ()) -> Callable[[F], F]:
    """Return a decorator that adds an option for each field; a field of several values can be given several times."""

    def decorate(function: F) -> F:
        for name in reversed([field for field in draft.model_fields if field not in set(leave_out)]):
            function = _option(draft, name)(function)
        return function

    return decorate


def _option(draft: type[Draft], name: str) -> Callable[[F], F]:
    annotation = draft.model_fields[name].annotation
    kinds = set(_types(annotation))
    flag = "--" + name.replace("_", "-")
    text = HELP.get(f"{draft.__name__}.{name}") or HELP.get(name, "")
    if bool in kinds:
        return click.option(f"{flag}/--no-{name.replace('_', '-')}", name, default=None, help=text)
    choice = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, StrEnum)), None)
    value = click.Choice([str(member) for member in choice]) if choice else _number_type(kinds)
    several = Text in kinds or tuple in kinds
    return click.option(flag, name, type=value, multiple=several, help=text)


def _types(annotation: Any) -> Iterable[Any]:
    """List the types that an annotation is made of, at any depth."""
    yield getattr(annotation, "__origin__", annotation)
    for argument in get_args(annotation):
        if argument is not Ellipsis:
            yield from _types(argument)


def _number_type(kinds: set[Any]) -> click.ParamType[Any] | None:
    if int in kinds and tuple not in kinds:
        return click.INT
    return click.FLOAT if float in kinds else None


def draft_with_options(draft: type[D], before: Mapping[str, Any], given: Mapping[str, Any], *, language: str) -> D:
    """Return the draft of a row (``before``, in the form of a file) changed by options. Raise Invalid or Problems.

    A text given in one language leaves the other languages as they are.
    """
    values = option_values(draft, given, language=language)
    for name, value in values.items():
        if isinstance(value, dict) and isinstance(before.get(name), dict) and name != "hours":
            values[name] = {**before[name], **value}
    return check(draft, {**before, **values}, language=language)


def option_values(draft: type[Draft], given: Mapping[str, Any], *, language: str) -> dict[str, Any]:
    """Return the options that were given, in the form of a file: texts and hours as tables, days as days."""
    return {name: _value(draft, name, value, language) for name, value in given.items() if value not in (None, ())}


def _value(draft: type[Draft], name: str, value: Any, language: str) -> Any:
    if name == "hours":
        return dict(_split_hours(part) for part in value)
    if name == "closed":
        return [_closure(part) for part in value]
    if Text in set(_types(draft.model_fields[name].annotation)):
        return texts_by_language(value, language)
    return list(value) if isinstance(value, tuple) else value


def _split_hours(text: str) -> tuple[str, str]:
    days, mark, hours = text.partition("=")
    if not mark:
        raise Invalid("hours: {text}: write it like mon-fri=10:00-18:00", text=text)
    return days, hours


def _closure(part: str) -> dict[str, Any]:
    days, _, reason = part.partition("=")
    first, _, last = days.partition("..")
    closure: dict[str, Any] = {"first_day": _day(first), "last_day": _day(last or first)}
    return {**closure, "reason": reason} if reason else closure


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise Invalid("closed: {text} is not a day; write it like 2027-02-04", text=text) from error


def check_key(key: str) -> None:
    """Raise Invalid for what cannot be the key of a new row."""
    try:
        TypeAdapter(Key).validate_python(key)
    except ValidationError as error:
        problem = error.errors()[0]["ctx"]["error"]
        raise Invalid("key: {problem}", problem=problem) from error


def refuse_wrong_verb(noun: str, key: str, *, known: bool, adding: bool) -> None:
    """Raise Conflict for ``add`` of what is there already, and for ``change`` of what is not."""
    if known and adding:
        raise Conflict("{noun} {key} exists already; use: scheduler {noun} change", noun=noun, key=key)
    if not known and not adding:
        raise Conflict("there is no {noun} {key}; use: scheduler {noun} add", noun=noun, key=key)

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
    "gender": N_("Gender by which they are addressed; none where it is not known."),
    "office_class": N_("Class of the office, by its code: scheduler person offices lists them."),
    "office_state": N_(
        "The State whose office it is: the one that sends the post, the one that receives it, or a third."
    ),
    "envelope_name": N_("Whole line on the envelope, in place of the form of address (repeatable per language)."),
    "own_salutation": N_("Whole salutation, in place of the form of address (repeatable per language)."),
    "own_closing": N_("Whole closing, in place of the form of address (repeatable per language)."),
    "address": N_("Address (repeatable per language)."),
    "country": N_("Two letters, ISO 3166-1."),
    "holidays": N_("State whose public holidays close the venue."),
    "hours": N_("Opening hours, like mon-fri=10:00-18:00 (repeatable)."),
    "closed": N_("Closed days, like 2027-02-04 or 2027-02-04..2027-02-06 (repeatable)."),
    "tz": N_("Zone, like Asia/Bangkok."),
    "precedence": N_("Rank in the order of precedence, 1 first."),
    "kinds": N_("Only events of this kind (repeatable)."),
    "cities": N_("City by key (repeatable)."),
    "organizers": N_("Only events of this organizer (repeatable)."),
    "tours": N_("Only the parts of this tour (repeatable)."),
    "past_days": N_("For how many days past events stay."),
    "parent": N_("Key of the event that this is a part of."),
    "capacity": N_("Places in person."),
    "remote_capacity": N_("Places by video."),
    "kept_for_officials": N_(
        "So many of the places in person are for officials only (all but participants and staff)."
    ),
    "video_public": N_("Show the video link to everybody."),
    "registration": N_("Who registers people: desk, or public for a form on the event's page."),
    "queue": N_("Who is next when the first in the queue does not fit: strict (nobody) or first-fit."),
    "approval": N_("Whoever registers on the page waits for an officer's approval."),
    "companions_named": N_("The page asks for the names of companions."),
    "companions_most": N_("How many companions a visitor may bring, 0 to 50."),
    "asks_access": N_("The page asks what is needed for access."),
    "asks_dietary": N_("The page asks for dietary needs."),
    "instructions": N_("For who comes in person; several languages as kk=... ru=... (repeatable)."),
    "remote_instructions": N_("For who takes part by video; several languages as kk=... ru=... (repeatable)."),
    "arrive_before": N_("How long before the start guests are asked to arrive, like 30 min."),
    "dress_code": N_("Dress code; several languages as kk=... ru=... (repeatable)."),
    "bring": N_("What guests are asked to bring; several languages as kk=... ru=... (repeatable)."),
    "EventDraft.telephone": N_("Telephone number for questions of guests (default: that of the organizer)."),
    "EventDraft.reason": N_("Why it is moved or cancelled, as letters say (repeatable per language)."),
    "OrganisationDraft.name": N_(
        "Official name, as letters, calendars and pages show it; several languages as kk=... ru=... (repeatable)."
    ),
    "OrganisationDraft.email": N_("E-mail address; replies to letters go there."),
    "signer": N_("Name of the person who signs letters (repeatable per language)."),
    "signer_position": N_("Position of the person who signs letters (repeatable per language)."),
    "visibility": N_("public, private or confidential."),
    "EventDraft.position": N_("Place among the parts of its parent, 1 first."),
    "kind": N_("What it is."),
    "venue": N_("Key of the venue."),
    "city": N_("Key of the city."),
    "organisation": N_("Key of the organisation."),
    "organizer": N_("Key of the organisation that organizes it."),
    "url": N_("Web page, https://..."),
    "video_link": N_("Address of the video conference, https://..."),
    "hour_to_be_announced": N_("The day is known, the hour is not published."),
    "email": N_("E-mail address."),
    "telephone": N_("Telephone number."),
    "language": N_("Language of letters."),
    "sending_state": N_("State that sends the post, two letters."),
    "receiving_state": N_("State that receives it, two letters."),
    "district": N_("Consular district (repeatable per language)."),
    "event": N_("Key of the event that opens it."),
    "cell": N_("Minutes of the grid on which visits begin."),
    "horizon": N_("How long before, at most, visits are booked, like 60 days."),
    "notice": N_("How long before, at least, visits are booked."),
    "hold": N_("How long a time is kept for somebody who has to confirm."),
    "offer": N_("How long an offered time is kept."),
    "release_within": N_("A freed time comes back at a moment of chance within this."),
    "release_near": N_("A freed time nearer than this comes back at once."),
    "reconfirm_from": N_("How long before we ask whether they still come."),
    "reconfirm_until": N_("Until how long before they can answer that."),
    "remind": N_("How long before we remind of a visit."),
    "no_shows": N_("After so many no-shows nothing can be booked online."),
    "no_shows_within": N_("No-shows count for so long."),
    "no_shows_pause": N_("For so long nothing can be booked online then."),
    "largest_party": N_("At most so many people together."),
    "deadline": N_("Nothing is booked after this, like 2027-03-04 18:00, on the clock of its city."),
    "keep": N_("How long after a visit it is known whose it was."),
    "staffed": N_("Whether anything can be booked at it."),
    "minutes": N_("Minutes for each document or person."),
    "counted": N_("What the minutes are of."),
    "checklist": N_("Documents to bring, a line each (repeatable per language)."),
    "fee": N_("Fee, like 30.50."),
    "currency": N_("Currency of the fee, three letters."),
    "quota": N_("At most so many documents or people a day."),
    "counters": N_("Only at this counter (repeatable)."),
    "walk_ins": N_("Also without an appointment."),
    "offered": N_("Whether it can be booked."),
    "latitude": N_("Degrees north, with --longitude."),
    "longitude": N_("Degrees east, with --latitude."),
    "status": N_("tentative, confirmed or cancelled."),
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
        return dict(_pair(part, "mon-fri=10:00-18:00") for part in value)
    if name == "closed":
        return [_closure(part) for part in value]
    if Text in set(_types(draft.model_fields[name].annotation)):
        return texts_by_language(value, language)
    return list(value) if isinstance(value, tuple) else value


def _pair(part: str, example: str) -> tuple[str, str]:
    name, mark, value = part.partition("=")
    if not mark:
        raise Invalid("{part}: write it like {example}", part=part, example=example)
    return name, value


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
        raise Conflict("{noun} {key} is there already; use: scheduler {noun} change", noun=noun, key=key)
    if not known and not adding:
        raise Conflict("there is no {noun} {key}; use: scheduler {noun} add", noun=noun, key=key)

"""The forms of people, organisations, venues and cities: their fields from drafts, and drafts from what was typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import g

from scheduler.base.errors import SchedulerError
from scheduler.base.text import Text
from scheduler.model.places import City, Organisation, Person, Venue
from scheduler.services.common.drafts import Draft
from scheduler.services.common.plain_values import WEEKDAYS
from scheduler.services.directory.choices import ChoiceList
from scheduler.services.events.programme.place_drafts import PersonDraft, VenueDraft
from scheduler.services.events.programme.places import NOUNS
from scheduler.web.kit.forms import Form, in_words, merge_texts, type_texts
from scheduler.web.kit.language import _
from scheduler.web.kit.typed_times import read_hours
from scheduler.web.officers.kit.answers import FormRefused, check_draft, sentence

# By the name of the noun: the fields with a text in several languages, and those with one line.
TEXTS: Mapping[str, tuple[str, ...]] = {
    "person": ("name", "courtesy_title", "position", "envelope_name", "own_salutation", "own_closing"),
    "organisation": ("name", "signer", "signer_position", "address"),
    "venue": ("name", "address", "directions"),
    "city": ("name",),
}
LINES: Mapping[str, tuple[str, ...]] = {
    "person": ("email", "telephone", "language", "tz", "gender", "office_class", "office_state"),
    "organisation": ("country", "email", "telephone"),
    "venue": ("city", "holidays"),
    "city": ("country", "tz"),
}
_NUMBERS: Mapping[str, str] = {"person": "precedence", "venue": "capacity"}
_IN_CAPITALS = ("country", "holidays")
_DAYS = tuple(f"hours_{day}" for day in range(len(WEEKDAYS)))
Row = Person | Organisation | Venue | City


def list_fields(noun: str, draft: Draft | None, organisations: ChoiceList | None = None) -> dict[str, str]:
    """Return what a form begins with: the fields of a draft, or empty ones for something new.

    A person belongs to one of the ``organisations``.
    """
    texts = [type_texts(name, getattr(draft, name) if draft else Text()) for name in TEXTS[noun]]
    found = {field: words for text in texts for field, words in text.items()}
    found |= {name: str(getattr(draft, name) or "") if draft else "" for name in LINES[noun]}
    if noun in _NUMBERS:
        found[_NUMBERS[noun]] = str(getattr(draft, _NUMBERS[noun]) or "") if draft else ""
    if organisations is not None:
        found["organisation"] = organisations.label(draft.organisation) if isinstance(draft, PersonDraft) else ""
    if noun == "venue":
        found |= _list_venue_fields(draft)
    return found


def _list_venue_fields(draft: Draft | None) -> dict[str, str]:
    if not isinstance(draft, VenueDraft):
        return {"coordinates": "", **dict.fromkeys(_DAYS, "")}
    place = "" if draft.latitude is None else f"{draft.latitude}, {draft.longitude}"
    hours = {field: ", ".join(_format(*span) for day, span in draft.hours if field == _DAYS[day]) for field in _DAYS}
    return {"coordinates": place, **hours}


def _format(opens: Any, closes: Any) -> str:
    return f"{opens:%H:%M}-{closes:%H:%M}"


def read_draft(noun: str, before: Draft | None, form: Form, organisations: ChoiceList | None = None) -> Draft:
    """Return the draft as it was typed; what the form does not have stays as ``before`` has it.

    Raise FormRefused if something is wrong; the form shows what.
    """
    kind = NOUNS[noun].draft
    typed: dict[str, Any] = {
        name: merge_texts(getattr(before, name) if before else Text(), form, name) for name in TEXTS[noun]
    }
    for name in LINES[noun]:
        typed[name] = form[name].strip().upper() if name in _IN_CAPITALS else form[name].strip()
    if noun in _NUMBERS:
        typed[_NUMBERS[noun]] = _read_number(form, _NUMBERS[noun])
    if organisations is not None:
        typed["organisation"] = _read_organisation(form, organisations)
    if noun == "venue":
        typed |= _read_venue(form, before)
    fields = {name: f"{name}_{g.language}" for name in TEXTS[noun]}
    draft: Draft | None = check_draft(kind, typed, form, fields)
    if draft is None or form.errors:
        raise FormRefused
    return draft


def _read_number(form: Form, name: str) -> int | None:
    typed = form[name].strip()
    if typed and not (typed.isascii() and typed.isdecimal() and len(typed) < 8):
        form.errors[name] = _("Enter a whole number.")
        return None
    return int(typed) if typed else None


def _read_organisation(form: Form, organisations: ChoiceList) -> str | None:
    typed = form["organisation"].strip()
    try:
        return organisations.find(typed, whole=True).key if typed else None
    except SchedulerError as error:
        form.errors["organisation"] = sentence(in_words(error))
        return None


def _read_venue(form: Form, before: Draft | None) -> dict[str, Any]:
    """Return the fields that only venues have; its closed days have forms of their own."""
    read: dict[str, Any] = {"closed": before.closed if isinstance(before, VenueDraft) else ()}
    if form["coordinates"].strip():
        try:
            read["latitude"], read["longitude"] = map(float, form["coordinates"].replace(";", ",").split(","))
        except ValueError:
            form.errors["coordinates"] = _("Enter two numbers, as maps show them: 13.7563, 100.5018.")
    hours = {}
    for day, field in enumerate(_DAYS):
        if form[field].strip():
            try:
                hours[WEEKDAYS[day]] = read_hours(form[field].strip())
            except SchedulerError as error:
                form.errors[field] = sentence(in_words(error))
    if hours:
        read["hours"] = hours
    return read

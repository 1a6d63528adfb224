"""The forms of address of a guest: the preview on their page, and the form that puts it right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import g
from sqlalchemy.orm import Session

from scheduler.base.date_format import language_name
from scheduler.base.errors import NothingToChange
from scheduler.base.text import Text
from scheduler.model.attendance import Attendee
from scheduler.model.places import Gender, OfficeState, Person
from scheduler.services.address.forms import FormKind
from scheduler.services.address.library import forms_of
from scheduler.services.address.preview import PLACES, AddressPreview, preview
from scheduler.services.events.guests import corrections
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.services.events.programme.places import read_draft
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.officers.kit.answers import FormRefused, check_draft

# The lines of the form that there are once for each language.
LINES = ("courtesy_title", "position", "envelope_name", "own_salutation", "own_closing")
FIELDS = ("gender", "office_class", "office_state", *LINES)


def preview_address(session: Session, person: Person, *, now: datetime) -> dict[str, Any]:
    """Return the variables of the part of a guest's page that shows how they are addressed."""
    found: Sequence[AddressPreview] = preview(forms_of(session), person, on=now.date())
    names = {one.language: language_name(one.language, g.language) for one in found}
    return {"addressed": found, "address_places": PLACES, "address_languages": names}


def name_in_list(session: Session, *, now: datetime) -> Callable[[Person], str]:
    """Return the function that names a person in a list, in the short form of the page's language."""
    forms = forms_of(session)
    return lambda person: forms.address(person, FormKind.LIST, g.language, on=now.date())


def list_choices(session: Session) -> dict[str, Any]:
    """Return the variables of the form: offices by code, States and genders, and the languages of its lines."""
    forms = forms_of(session)
    offices = sorted((words.to(g.language), code) for code, words in forms.offices.items())
    return {
        "offices": [("", _("none of these")), *((code, words) for words, code in offices)],
        "office_states": {
            str(OfficeState.UNKNOWN): _("not known"),
            str(OfficeState.SENDING): _("the sending State"),
            str(OfficeState.RECEIVING): _("the receiving State"),
            str(OfficeState.THIRD): _("a third State"),
        },
        "genders": {
            str(Gender.NONE): _("not known, or none"),
            str(Gender.M): _("as a man"),
            str(Gender.F): _("as a woman"),
        },
        "address_languages": {tag: language_name(tag, g.language) for tag in forms.languages},
    }


def read_known(attendee: Attendee) -> Mapping[str, str]:
    """Return what the form begins with."""
    person = attendee.attending
    lines = {f"{name}_{tag}": text for name in LINES for tag, text in getattr(person, name).items()}
    chosen = {"gender": person.gender, "office_class": person.office_class or "", "office_state": person.office_state}
    return {**chosen, **lines}


def change_address(session: Session, attendee: Attendee, form: Form, now: datetime) -> None:
    """Put right how the person who attends is addressed. Raise FormRefused, NothingToChange."""
    person = attendee.attending
    typed = {name: form[name].strip() for name in ("gender", "office_class", "office_state")}
    lines = {name: _read_line(session, person, name, form) for name in LINES}
    fields = {name: f"{name}_{g.language}" for name in LINES}
    known = {name: value for name, value in read_draft(person).model_dump().items() if name not in FIELDS}
    draft: PersonDraft | None = check_draft(PersonDraft, {**known, **typed, **lines}, form, fields)
    if draft is not None and typed["office_class"] and typed["office_class"] not in forms_of(session).offices:
        form.errors["office_class"] = _("Choose an office.")
    if draft is None or form.errors:
        raise FormRefused
    if not corrections.correct(session, person, draft, now=now).fields:
        raise NothingToChange("nothing has changed: this is already recorded")


def _read_line(session: Session, person: Person, name: str, form: Form) -> dict[str, str]:
    """Return a text by language: as typed, and as it was in languages that the form does not show."""
    shown = forms_of(session).languages
    before: Text = getattr(person, name)
    kept = {tag: text for tag, text in before.items() if tag not in shown}
    typed = {tag: form[f"{name}_{tag}"].strip() for tag in shown}
    return kept | {tag: text for tag, text in typed.items() if text}

"""The people of a visit as typed on a page, checked like what officers type; complaints stand beside the fields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import g

from scheduler.base.errors import Invalid, SchedulerError, list_errors
from scheduler.services.common.drafts import check
from scheduler.services.consulate.posts.free_times import Party
from scheduler.services.consulate.visits import references
from scheduler.services.consulate.visits.visit_drafts import VisitDraft
from scheduler.web.kit.forms import Form, Mistyped, in_words, refuse_no_name
from scheduler.web.kit.language import _


def read_draft(form: Form, party: Party, *, secret: str) -> VisitDraft:
    """Return the draft of a visit from a form. Raise Mistyped after putting all complaints into the form."""
    numbers = range(1, party.people + 1)
    given: dict[str, Any] = {
        "people": [{"name": form[f"name-{n}"], "document": form[f"document-{n}"]} for n in numbers],
        "documents": party.documents,
        "layout": party.layout,
        "email": form["email"],
        "telephone": form["telephone"].strip() or None,
        "language": g.language,
        "tz": g.tzid,
    }
    draft = _check(given, form)
    for n in numbers:
        refuse_no_name(form, f"name-{n}")
    _check_documents(form, numbers, secret)
    if not form["consent"]:
        form.errors["consent"] = _("Tick the box if you agree; without your consent we cannot book for you.")
    if draft is None or form.errors:
        raise Mistyped
    return draft


def _check(given: dict[str, Any], form: Form) -> VisitDraft | None:
    try:
        return check(VisitDraft, given, language=g.language)
    except SchedulerError as error:
        for problem in list_errors(error):
            field = _field_name(str(problem.facts.get("place", "")))
            form.errors.setdefault(field, _complaint(field, form, problem))
        return None


def _field_name(place: str) -> str:
    """Return the field of a place in the draft: ``people.0.name`` is the field name-1."""
    parts = place.split(".")
    return f"{parts[2]}-{int(parts[1]) + 1}" if len(parts) == 3 and parts[1].isdecimal() else parts[0]


def _complaint(field: str, form: Form, problem: SchedulerError) -> str:
    kind = field.partition("-")[0]
    if kind == "email":
        return _("Enter an e-mail address, like name@example.org.")
    if kind == "telephone":
        return _("Enter a telephone number, like +66 2 234 6398, or leave it empty.")
    if kind == "name" and not form[field].strip():
        return _("Enter the name, as it is in the document.")
    if kind == "document" and not form[field].strip():
        return _("Enter the number of the document.")
    return in_words(problem)


def _check_documents(form: Form, numbers: Iterable[int], secret: str) -> None:
    fingerprints: set[str] = set()
    for n in numbers:
        field = f"document-{n}"
        try:
            found = references.fingerprint(form[field], secret=secret)
        except Invalid:
            form.errors.setdefault(field, _("Enter the number of the document as it is printed there."))
            continue
        if found in fingerprints:
            form.errors[field] = _("This number was already entered; enter the own number of each person.")
        fingerprints.add(found)

"""Tools that the pages of the desk share: act in an officer's name, show a refusal in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask import g
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from scheduler.app import App
from scheduler.base.errors import NotFound, SchedulerError, list_errors
from scheduler.base.i18n import load_catalogue
from scheduler.services.common.drafts import Draft, check
from scheduler.services.events.attendance.representation import DeputyListed, DeputyRegretted
from scheduler.services.events.programme.conflicts.contradictions import Contradiction
from scheduler.storage.refusals import Busy
from scheduler.web.kit.forms import Form, in_words
from scheduler.web.officers.kit.guard import officer


class FormRefused(Exception):
    """Something in the form is wrong; it says what, and nothing was changed."""


@contextmanager
def act_as_officer(app: App, form: Form) -> Iterator[Session]:
    """Open a transaction in the officer's name. The form shows what the services refuse.

    Raise FormRefused then; nothing is changed.
    """
    try:
        with app.db.write(officer().actor) as session:
            yield session
            if form.errors:
                raise FormRefused  # and so nothing is kept
    except NotFound:
        raise
    except SchedulerError as error:
        if is_away(error):
            raise
        # What contradicts may be overruled: the field for the reason appears with it.
        form.errors.setdefault("reason" if is_contradiction(error) else "", error_in_words(error))
        raise FormRefused from error


def is_away(error: SchedulerError) -> bool:
    """Return whether the database is away, rather than the officer mistaken."""
    cause = error.__cause__
    return isinstance(error, Busy) or (isinstance(cause, DBAPIError) and not isinstance(cause, IntegrityError))


def is_contradiction(error: SchedulerError) -> bool:
    """Return whether all that an error says may be overruled with a reason."""
    return all(isinstance(one, (Contradiction, DeputyListed, DeputyRegretted)) for one in list_errors(error))


def error_in_words(error: SchedulerError) -> str:
    """Return an error in the language of the page, as sentences."""
    return " ".join(
        sentence(one.text(load_catalogue(g.language).gettext, names_in=g.language)) for one in list_errors(error)
    )


def sentence(text: str) -> str:
    """Return a text with a capital at its beginning, unless that is a key or the name of a file, and one stop."""
    text = text.strip()
    begun = text if _NAME.match(text) else f"{text[:1].upper()}{text[1:]}"
    return begun if begun.endswith(("?", "!", "…")) else f"{begun.rstrip('.')}."


_NAME = re.compile(r"[a-z0-9]+([-._][a-z0-9]+)+\b")


def check_draft(kind: type[Draft], given: Mapping[str, Any], form: Form, fields: Mapping[str, str]) -> Any:
    """Check typed values by the rules of files and options; return None if the form shows what is wrong.

    ``fields`` are those of the form by those of the draft, where they are not called the same.
    """
    try:
        return check(kind, {name: value for name, value in given.items() if value}, language=g.language)
    except SchedulerError as error:
        for problem in list_errors(error):
            place = str(problem.facts.get("place", "")).partition(".")[0]
            form.errors.setdefault(fields.get(place, place), sentence(in_words(problem)))
        return None

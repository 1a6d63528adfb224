"""Forms: keep what was typed, show what is wrong beside the field, and accept only what our own pages sent.

Nobody is signed in on public pages, so there is no session that another site could abuse. What a form changes is
named by an unguessable address; the seal in it, and what the browser says of its origin, keep other sites out as
well.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Response, abort, g, make_response, request

from scheduler.base.errors import Invalid, SchedulerError
from scheduler.base.i18n import LANGUAGES, load_catalogue
from scheduler.base.text import Text, can_be_stored, check_line
from scheduler.services.common.drafts import MISSING
from scheduler.services.common.tokens import derive, is_same
from scheduler.web.kit.language import _

POSTS = "20 per minute; 200 per hour"  # from one address: an embassy behind one is not held up, a flood is
SEAL, TRAP = "seal", "fax"
OPEN_FOR = timedelta(days=1)  # a form that was opened longer ago is shown again, with what was typed
P = ParamSpec("P")
R = TypeVar("R")


class Mistyped(Invalid):
    """Something in the form is wrong; each field says what."""


@dataclass
class Form:
    """A form as it was typed, and its errors by field; those under "" belong to no field."""

    typed: Mapping[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def sent(cls) -> Form:
        """Return the form of the current request. Answer 400 to one with a text that no database takes."""
        if not all(map(can_be_stored, request.form.values())):
            abort(400)
        return cls({name: request.form.get(name, "") for name in request.form})

    def __getitem__(self, name: str) -> str:
        return self.typed.get(name, "")

    def one_of(self, name: str, known: Mapping[str, R], complaint: str) -> R | None:
        """Return the value of a choice; record the complaint and return None for an unknown one."""
        if self[name] not in known:
            self.errors[name] = complaint
            return None
        return known[self[name]]

    def number(self, name: str, most: int, complaint: str) -> int:
        """Return a whole number from 0 to ``most``, 0 for an empty field.

        Record the complaint and return 0 for any other.
        """
        typed = self[name].strip() or "0"
        if not (typed.isascii() and typed.isdecimal() and len(typed) < 4 and int(typed) <= most):
            self.errors[name] = complaint
            return 0
        return int(typed)

    def whole(self, name: str, most: int) -> int:
        """Return the whole number in a field, from 1 to ``most``, with a complaint if it is none; empty is 1."""
        complaint = _("Enter a whole number from 1 to {most}.", most=most)
        number = self.number(name, most, complaint) if self[name].strip() else 1
        if number == 0:
            self.errors[name] = complaint
        return number

    def check_seal(self, purpose: str, *, secret: str, now: datetime) -> str:
        """Return the nonce that identifies this form; record an error if its seal is not ours or too old."""
        nonce, _mark, rest = self[SEAL].partition(".")
        issued, _mark, _digest = rest.partition(".")
        ours = is_same(self[SEAL], _sealed(purpose, nonce, issued, secret=secret))
        if not ours or not _fresh(issued, now):
            self.errors[""] = _("This page was open for too long. Please check it and send it again.")
        return nonce

    @property
    def trapped(self) -> bool:
        """True if a field is filled in that no person sees."""
        return bool(self[TRAP])


# What is typed as a name is written to an address that may be somebody else's: it must carry no message.
LONGEST_NAME = 100
# Mail programs make a link of what looks like a host, too; initials ("И.И.Иванов", "J.R. Smith") do not.
NO_NAME = re.compile(r"[/@\\<>{}]|(?i:www\.)|[\w-]{2,}\.(?:[a-z]{2,}|[A-Z]{2,})\b|\d(?:[ -]?\d){5}")


def refuse_no_name(form: Form, name: str) -> None:
    """Record an error beside a field whose content is more than the name of a person."""
    if len(form[name]) > LONGEST_NAME or NO_NAME.search(form[name]):
        form.errors.setdefault(name, _("Enter only a name, of at most {most} characters.", most=LONGEST_NAME))


# A text in several languages is a field for each language of ours, such as ``name_th``.


def type_texts(name: str, text: Text) -> dict[str, str]:
    """Return the fields of a form for a text in several languages."""
    return {f"{name}_{language}": text.get(language, "") for language in LANGUAGES}


def read_texts(form: Form, name: str) -> dict[str, str]:
    """Return what was typed for a text, by language, without languages that were left empty."""
    typed = {language: form[f"{name}_{language}"].strip() for language in LANGUAGES}
    return {language: words for language, words in typed.items() if words}


def merge_texts(before: Text, form: Form, name: str) -> dict[str, str]:
    """Return a text as it was typed; what it says in a language that the form does not have stays."""
    others = {language: words for language, words in before.items() if language not in LANGUAGES}
    return {**others, **read_texts(form, name)}


def in_words(problem: SchedulerError) -> str:
    """Return what is wrong with a field, in the language of the page, without the field's name in files."""
    inner = problem.facts.get("problem", problem)
    if isinstance(inner, SchedulerError) and inner.message == MISSING:
        return _("Fill in this field.")
    return inner.text(load_catalogue(g.language).gettext) if isinstance(inner, SchedulerError) else str(inner)


def seal(purpose: str, *, secret: str, now: datetime) -> str:
    """Return a seal for a new form: a nonce and the time of issue, authenticated for one purpose."""
    return _sealed(purpose, secrets.token_hex(8), str(int(now.timestamp())), secret=secret)


def _sealed(purpose: str, nonce: str, issued: str, *, secret: str) -> str:
    return f"{nonce}.{issued}.{derive('form', purpose, nonce, issued, secret=secret)}"


def _fresh(issued: str, now: datetime) -> bool:
    return now - datetime.fromtimestamp(int(issued), UTC) < OPEN_FOR


def refuse_other_sites() -> None:
    """Answer 400 if the browser says that the form comes from another site; a page without referrer says "null"."""
    said = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin", "null")
    # An origin is a scheme and a host (RFC 6454 6.2): whatever else somebody writes there is not ours.
    if said not in (None, "same-origin", "none") or (origin != "null" and origin.partition("://")[2] != request.host):
        abort(400)


def unshared(view: Callable[P, str | Response]) -> Callable[P, Response]:
    """Mark a view as private to one reader: not cached (unless it says otherwise), no referrer, not indexed.

    Its pages are not compressed either (`safety._compress`): their length must not reveal a secret beside text that
    an attacker makes the reader type (BREACH).
    """

    @wraps(view)
    def answer(*args: P.args, **kwargs: P.kwargs) -> Response:
        if request.method == "POST":
            refuse_other_sites()
        response = make_response(view(*args, **kwargs))
        response.headers.setdefault("Cache-Control", "private, no-store")
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Robots-Tag"] = "noindex"
        return response

    return answer


def read_name(form: Form, field: str) -> str | None:
    """Return a name that was typed into a field, checked as those of guests are; errors stand beside the field."""
    if not form[field].strip():
        form.errors[field] = _("Enter a name.")
        return None
    refuse_no_name(form, field)
    try:
        typed = check_line(form[field], most=LONGEST_NAME)
    except SchedulerError as error:
        form.errors.setdefault(field, in_words(error))
        return None
    return None if form.errors else typed

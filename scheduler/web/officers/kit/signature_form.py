"""The form of a signature block: official name, signer and address in each language, telephone and e-mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from flask import g, render_template

from scheduler.base.errors import SchedulerError, list_errors
from scheduler.model.places import Organisation
from scheduler.model.posts import Post
from scheduler.services.common.drafts import Draft, check
from scheduler.web.kit.forms import Form, in_words, merge_texts, type_texts
from scheduler.web.officers.kit.answers import FormRefused, sentence

TEXTS = ("name", "signer", "signer_position", "address")
LINES = ("telephone", "email")
D = TypeVar("D", bound=Draft)


def begin(row: Organisation | Post) -> Form:
    """Return the form with the signature block as it is."""
    texts = [type_texts(name, getattr(row, name)) for name in TEXTS]
    lines = {name: getattr(row, name) or "" for name in LINES}
    return Form({field: words for text in texts for field, words in text.items()} | lines)


def render(row: Organisation | Post, form: Form | None, *, here: str, back: str) -> str:
    """Render the page with the form as it was typed, or with the signature block as it is; ``back`` leads away."""
    return render_template(
        "web/desk/sender.html", title=row.name.to(g.language), here=here, form=form or begin(row), back=back
    )


def read(row: Organisation | Post, before: D, form: Form) -> D:
    """Return the draft of a row with the signature block as it was typed.

    Raise FormRefused if something is wrong in it; the form shows what.
    """
    typed: Mapping[str, Any] = {
        **{name: merge_texts(getattr(row, name), form, name) for name in TEXTS},
        **{name: form[name].strip() or None for name in LINES},
    }
    try:
        return check(type(before), {**dict(before), **typed})
    except SchedulerError as error:
        for problem in list_errors(error):
            place = str(problem.facts.get("place", ""))
            field = place if place in LINES else f"{place}_en"
            form.errors.setdefault(field, sentence(in_words(problem)))
        raise FormRefused from error

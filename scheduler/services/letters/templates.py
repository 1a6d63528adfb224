"""Render the templates of letters, which lie in ``scheduler/templates/letters/``, a folder for each kind."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape

from scheduler.base.date_format import text_direction
from scheduler.base.i18n import load_catalogue
from scheduler.base.resources import TEMPLATES
from scheduler.model.letters import LetterKind


def render_letter(
    kind: LetterKind, words: Mapping[str, Any], language: str, *, layout: str = "letter", subject: str = ""
) -> tuple[str, str, str]:
    """Return the subject, the text and the HTML of a kind of letter, in a supported language.

    The folder of the kind has the subject and the words with which the letter begins and closes. The rest comes from
    the ``layout``, unless the kind has a ``letter.txt`` and a ``letter.html`` of its own.
    A ``subject`` of one line takes the place of that of the kind.
    """
    folder = _name_folder(kind)
    subject = subject or render_subject(kind, words, language)
    text = _template(language, f"{folder}/letter.txt", f"letters/{layout}.txt").render(words, folder=folder)
    html = _template(language, f"{folder}/letter.html", f"letters/{layout}.html")
    return subject, text, html.render(words, folder=folder, subject=subject)


def render_subject(kind: LetterKind, words: Mapping[str, Any], language: str) -> str:
    """Return the standard subject of a kind of letter, on one line."""
    return " ".join(_template(language, f"{_name_folder(kind)}/subject.txt").render(words).split())


def _name_folder(kind: LetterKind) -> str:
    return f"letters/{kind.replace(' ', '_')}"


@cache
def _template(language: str, *names: str) -> Template:
    """Return the first of these templates that exists."""
    return _environment(language).select_template(names)


@cache
def _environment(language: str) -> Environment:
    translations = load_catalogue(language)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        translations.gettext, translations.ngettext, newstyle=True, pgettext=translations.pgettext
    )
    environment.globals["direction"] = text_direction(language)
    return environment

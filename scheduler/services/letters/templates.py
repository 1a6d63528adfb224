"""Render the templates of letters, which lie in ``scheduler/templates/letters/``, a folder for each kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape

from scheduler.base.date_format import When, text_direction
from scheduler.base.i18n import load_catalogue
from scheduler.base.resources import TEMPLATES
from scheduler.formats.mail import PICTURE
from scheduler.model.letters import LetterKind
from scheduler.services.events.programme.rendering.guest_information import GuestInformation
from scheduler.services.letters.envelope import Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterWords:
    """The words that the layout of every letter knows, in one language; what a letter does not say is empty.

    A kind of letter that says more has a subclass with its words.
    """

    language: str
    title: str
    house: str
    signature: Signature
    salutation: str
    complimentary_close: str
    when: Sequence[When] = ()
    was_when: str = ""
    where: str = ""
    was_where: str = ""
    video: str = ""
    remote: bool = False
    companions: int = 0
    cancelled: bool = False
    standing: str = ""
    is_question: bool = False
    dated: bool = False
    tentative: bool = False
    takes_date_back: bool = False
    url: str = ""
    offered: bool = False
    invited: bool = False
    comes: bool = False
    instructions: str = ""
    pass_code: str = ""
    picture: str = PICTURE
    represented_by: str = ""
    represents: str = ""
    page: str = ""
    guest: GuestInformation = field(default_factory=GuestInformation)
    why: str = ""
    other_languages: str = ""
    until: Sequence[When] = ()
    card: Sequence[Any] = ()
    reference: str = ""

    def as_variables(self) -> dict[str, Any]:
        """Return the words by name, as templates take them."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def render_letter(
    kind: LetterKind, words: LetterWords, language: str, *, layout: str = "letter", subject: str = ""
) -> tuple[str, str, str]:
    """Return the subject, the text and the HTML of a kind of letter, in a supported language.

    The folder of the kind has the subject and the words with which the letter begins and closes. The rest comes from
    the ``layout``, unless the kind has a ``letter.txt`` and a ``letter.html`` of its own.
    A ``subject`` of one line takes the place of that of the kind.
    """
    folder, known = _name_folder(kind), words.as_variables()
    subject = subject or render_subject(kind, known, language)
    text = _template(language, f"{folder}/letter.txt", f"letters/{layout}.txt").render(known, folder=folder)
    html = _template(language, f"{folder}/letter.html", f"letters/{layout}.html")
    return subject, text, html.render(known, folder=folder, subject=subject)


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

"""The page of somebody who waits: made once in each language, and filled in for each reader.

Thousands ask for it again and again, so that filling it in has to cost next to nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape

from flask import Flask, g, render_template

from scheduler.base.i18n import LANGUAGES, N_, load_catalogue

# What stands in a page where each reader has something else; such characters are in no sentence.
_AHEAD, _WAIT, _SECONDS, _REST = "\ue000", "\ue001", "\ue002", "\ue003"
_TITLE = N_("Please wait for your turn")
_AHEAD_OF_YOU = N_("People ahead of you: {count}")
_ESTIMATE = N_("Estimated wait, in minutes: {minutes}")
_UNKNOWN = N_("How long it will take cannot be said yet.")


@dataclass(frozen=True, slots=True)
class LinePosition:
    """Position of somebody in line: how many are ahead, the estimated wait if it is known, when to ask again."""

    ahead: int
    minutes: int | None
    seconds: int

    def words(self, language: str) -> tuple[str, str]:
        """Return how many are ahead, and how long it will take, as sentences."""
        say = load_catalogue(language).gettext
        wait = say(_UNKNOWN) if self.minutes is None else say(_ESTIMATE).format(minutes=self.minutes)
        return say(_AHEAD_OF_YOU).format(count=self.ahead), wait

    def as_json(self, language: str) -> bytes:
        """Return it for the script of the page."""
        ahead, wait = self.words(language)
        return json.dumps({"turn": False, "ahead": ahead, "wait": wait, "seconds": self.seconds}).encode()


class WaitingPage:
    """The page, with gaps, in every language in which it was asked for."""

    def __init__(self, site: Flask) -> None:
        self._site = site
        self._made: dict[tuple[str, bool], str] = {}

    def fill_in(self, language: str, rest: str, position: LinePosition, *, unsent: bool) -> bytes:
        """Return the page; ``rest`` is its address after the language, ``unsent`` says that a form was not taken."""
        ahead, wait = position.words(language)
        page = self._made.get((language, unsent)) or self._make(language, unsent=unsent)
        for gap, words in ((_AHEAD, ahead), (_WAIT, wait), (_SECONDS, str(position.seconds)), (_REST, rest)):
            page = page.replace(gap, escape(words))
        return page.encode()

    def _make(self, language: str, *, unsent: bool) -> str:
        with self._site.test_request_context():
            g.language, g.tzid = language, None
            page = render_template(
                "web/waiting_room.html",
                title=load_catalogue(language).gettext(_TITLE),
                unsent=unsent,
                gaps={"ahead": _AHEAD, "wait": _WAIT, "seconds": _SECONDS},
                alternates={tag: f"/{tag}{_REST}" for tag in LANGUAGES},
            )
        self._made[language, unsent] = page
        return page

"""What the letters about visits say, in every language, whatever the facts."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import NamedTuple

import pytest

from scheduler.base.date_format import When
from scheduler.base.i18n import LANGUAGES
from scheduler.model.letters import LetterKind
from scheduler.services.letters.envelope import Signature
from scheduler.services.letters.templates import render_letter
from scheduler.services.letters.visit_letters import VisitWords

KINDS = [kind for kind in LetterKind if kind.startswith("visit ")]
every_letter = pytest.mark.parametrize(("kind", "language"), list(product(KINDS, LANGUAGES)))


class Rendered(NamedTuple):
    subject: str
    text: str
    html: str


WORDS = VisitWords(
    language="en",
    salutation="Dear Aliya,",
    complimentary_close="Yours sincerely,",
    title="Passport <1>, Consulate",
    when=[When("Tuesday", "Phuket, UTC+7"), When("Monday", "Almaty, UTC+5", own=True)],
    was_when="Sunday",
    where="1 Sample Road",
    companions=2,
    by_post=True,
    dated=True,
    page="https://post.example/x",
    to_confirm=True,
    house="Consulate",
    reference="K7MN-4XWD",
    held_until="16:15",
    paused="Friday",
    pass_code="K7MN-4XWD",
    picture="pass@letter",
    fee="$30",
    checklist=["Old passport", "Two photographs"],
    signature=Signature(name="Consulate", telephone="+66 76 000 000"),
)
BARE = {
    "when": [],
    "was_when": "",
    "where": "",
    "companions": 0,
    "page": "",
    "fee": "",
    "checklist": [],
    "held_until": "1",
    "paused": "",
    "pass_code": "",
}


def render(kind, language, **changes):
    return Rendered(
        *render_letter(kind, replace(WORDS, language=language, **changes), language, layout="visit_letter")
    )


@every_letter
def test_a_letter_has_no_holes_and_no_blanks_left_over(kind, language):
    for changes in ({}, BARE, {"cancelled": True, "page": ""}, {"newer_checklist": True, "to_confirm": False}):
        text = render(kind, language, **changes).text

        assert "None" not in text
        assert "\n\n\n" not in text
        assert [] == [line for line in text.splitlines() if line != line.strip()]


@every_letter
def test_text_and_html_tell_the_same_and_html_escapes(kind, language):
    _, text, html = render(kind, language)

    for said in ("K7MN-4XWD", "Two photographs", "https://post.example/x", "$30", "Sunday"):
        assert said in text
        assert said in html
    assert "Passport &lt;1&gt;" in html


@every_letter
def test_every_letter_has_a_subject_of_its_own(kind, language):
    mine = render(kind, language).subject

    assert "Passport <1>, Consulate" in mine
    assert mine not in {render(other, language).subject for other in KINDS if other is not kind}


def test_a_cancellation_speaks_of_the_appointment_and_of_what_its_calendar_file_does():
    letter = render(LetterKind.VISIT_CANCELLED, "en", cancelled=True, page="")

    assert letter.subject.startswith("Cancelled: Passport")
    for text in (letter.text, letter.html):
        assert "Cancelled: " in text
        assert "The attached file event.ics records this cancellation in your calendar." in text

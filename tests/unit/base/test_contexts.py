"""One English word means one thing in the catalogues, or has a context that tells its meanings apart."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po

from scheduler.base.errors import Conflict
from scheduler.base.i18n import LANGUAGES, NC_, load_catalogue
from scheduler.cli.kit import language as shell
from scheduler.model.visits import VisitStatus

ROOT = Path(__file__).parents[3]
SHARED = ROOT / "tests" / "approved" / "shared_words.txt"
# What has a number or a name filled in, and what is a sentence, does not mean two things.
SENTENCE = re.compile(r"[.?!:]$|[%{]")


def read_shared_words() -> set[str]:
    return {line for line in SHARED.read_text(encoding="utf-8").splitlines() if line and not line.startswith("# ")}


@pytest.fixture(scope="module")
def shown_twice(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The modules and templates that show the same words without a context."""
    pot = tmp_path_factory.mktemp("messages") / "messages.pot"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        CommandLineInterface().run(["pybabel", "-q", "extract", "--mapping=pyproject.toml", f"--output={pot}", "."])
    found = {}
    for message in read_po(io.BytesIO(pot.read_bytes())):
        files = sorted({file for file, _line in message.locations})
        if isinstance(message.id, str) and not message.context and len(files) > 1 and is_short(message.id):
            found[message.id] = files
    return found


def is_short(message: str) -> bool:
    return 0 < len(message.split()) <= 3 and not SENTENCE.search(message)


def test_a_word_that_two_modules_show_has_a_context_or_a_reason(shown_twice):
    allowed = read_shared_words()

    new = {word: files for word, files in shown_twice.items() if word not in allowed}

    assert {} == new, f"Give it a context by NC_() or pgettext(), or a reason in {SHARED.name} if it means one thing."
    assert set() == allowed - set(shown_twice), f"{SHARED.name} names words that only one module shows"


def test_the_same_english_word_is_said_differently_in_each_context():
    meanings = [(NC_("appointment", "cancelled"), "cancelled"), (NC_("consulate", "Where"), "Where")]

    for one, other in meanings:
        said = {language: load_catalogue(language).gettext(one) for language in LANGUAGES}
        elsewhere = {language: load_catalogue(language).gettext(other) for language in LANGUAGES}
        assert said["en"] == elsewhere["en"] == other
        assert [] == [language for language in ("kk", "ru") if said[language] == elsewhere[language]]


def test_a_language_that_has_no_translation_shows_the_english_without_its_context():
    unknown = NC_("somewhere", "No such word")

    assert {"No such word"} == {load_catalogue(language).gettext(unknown) for language in LANGUAGES}
    assert shell.translate_word("somewhere", "No such word") == "No such word"
    assert str(Conflict(unknown)) == "No such word"


def test_an_error_says_the_word_of_an_enumeration_in_its_context():
    error = Conflict("{reference} is not called: {status}", reference="AB", status=VisitStatus.CANCELLED)

    assert "AB is not called: cancelled" == str(error)
    assert error.text(load_catalogue("ru").gettext).endswith("запись отменена")

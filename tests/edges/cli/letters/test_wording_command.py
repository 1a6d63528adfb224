"""The words of cards from the shell: list, show, set, go back, and read them as a guest."""

from __future__ import annotations

import json

import pytest

from tests.support.builders import a_person, an_event, invite

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def opening(app):
    with app.db.write() as session:
        event = an_event(session, capacity=5)
        invite(session, event, a_person(session, "anna", name="Anna", email="anna@example.org"))
        invite(session, event, a_person(session, "erik", name="Erik", email=None))


def test_words_are_set_read_as_a_guest_printed_and_reset(scheduler, opening, tmp_path):
    (tmp_path / "card.txt").write_text("{occasion}\nfor {guest}\n")
    given = ("wording", "set", "opening", "invitation", "en", "--from", str(tmp_path / "card.txt"))
    assert "Nothing has been changed yet." in scheduler(*given, "--dry-run").output
    scheduler(*given, "--subject", "Come to {occasion}", "--yes")

    listed = json.loads(scheduler("wording", "list", "opening", "--json").output)
    assert [(one["card"], one["language"]) for one in listed if one["own"]] == [("invitation", "en")]
    read = scheduler("wording", "preview", "opening", "invitation", "anna").output
    assert "Subject: Come to Opening" in read
    assert "for Anna" in read
    assert "for Erik" in scheduler("wording", "preview", "opening", "invitation", "erik").output
    scheduler("wording", "preview", "opening", "invitation", "erik", "--pdf", str(tmp_path / "card.pdf"))
    assert (tmp_path / "card.pdf").read_bytes().startswith(b"%PDF")
    scheduler("wording", "reset", "opening", "invitation", "en", "--yes")
    assert "requests the {honour}" in scheduler("wording", "show", "opening", "invitation", "en").output


def test_bad_input_is_one_line_that_names_the_field_and_the_remedy(scheduler, opening):
    given = ("wording", "set", "opening", "invitation", "en", "--yes")

    assert "give --subject, --words or --from" in scheduler(*given, code=2).output
    said = scheduler(*given, "--words", "{gest}", code=2).output
    assert "invitation_words: {gest} is not a known placeholder; write one of: {host}" in said

"""Every kind of letter, in four languages and to people whom letters easily insult, reads as approved."""

from __future__ import annotations

import pytest

from scheduler.model.letters import LetterKind
from tests.support.approved import LANGUAGES, check_approved
from tests.support.every_letter import (
    EVENT_LETTERS,
    PEOPLE,
    VISIT_LETTERS,
    Letters,
    compose_event_letters,
    compose_visit_letters,
)

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])
ORDINARY = "no-gender"  # the letters to whom are approved as a whole


def test_every_kind_of_letter_reads_as_approved_to_everybody(app):
    """One letter of each kind is approved as a whole; of other recipients just what differs from it."""
    letters = {**compose_event_letters(app), **compose_visit_letters(app)}

    assert set(LetterKind) == {case.kind for case in (*EVENT_LETTERS.values(), *VISIT_LETTERS.values())}
    whole = {f"{tag}/{case}.txt": text for (case, who, tag), text in letters.items() if who == ORDINARY}
    check_approved(whole, "letters")
    check_approved({f"{tag}.txt": _list_differences(letters, tag) for tag in LANGUAGES}, "recipients")


def _list_differences(letters: Letters, tag: str) -> str:
    told = []
    for who in PEOPLE:
        if who != ORDINARY:
            told += [f"{who}\n", *_list_differing_lines(letters, who, tag), "\n"]
    return "".join(told[:-1])


def _list_differing_lines(letters: Letters, who: str, tag: str) -> list[str]:
    """Return what only this recipient reads; letters of which it is the same stand together, most of them last."""
    found: dict[str, list[str]] = {}
    for case in (*EVENT_LETTERS, *VISIT_LETTERS):
        usual, own = letters[case, ORDINARY, tag].splitlines(), letters[case, who, tag].splitlines()
        found.setdefault("".join(f"    {line}\n" for line in own if line not in usual), []).append(case)
    groups = sorted(found.items(), key=lambda group: len(group[1]))
    return [f"  {'all others' if group is groups[-1] else _join(group[1])}\n{group[0]}" for group in groups]


def _join(cases: list[str]) -> str:
    return "all about appointments" if cases == list(VISIT_LETTERS) else "; ".join(cases)

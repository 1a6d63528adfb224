"""What the doctor says does not contradict itself, in any language."""

from __future__ import annotations

import json

import pytest

from scheduler.base.i18n import LANGUAGES, load_catalogue

ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])


@ONE_ENGINE
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_in_order_asks_for_nothing_and_what_is_at_fault_says_how_to_mend_it(scheduler, monkeypatch, language):
    monkeypatch.setenv("SCHEDULER_LANGUAGE", language)

    found = json.loads(scheduler("doctor", "--json").output)["findings"]

    assert [] == [one for one in found if one["state"] == "ok" and one["remedy"]]
    assert [] == [one for one in found if one["state"] in ("warning", "failure") and not one["remedy"]]
    none = load_catalogue(language).gettext("no backup is known")
    assert [("backup", "note")] == [(one["what"], one["state"]) for one in found if one["found"] == none]


@ONE_ENGINE
def test_nothing_is_both_in_order_and_a_warning(scheduler, tmp_path, monkeypatch):
    """Before anything was made, the same is said of the secret and of the tables: with one state."""
    monkeypatch.setenv("SCHEDULER_DATA_DIR", str(tmp_path / "new"))
    monkeypatch.delenv("SCHEDULER_SECRET", raising=False)
    monkeypatch.delenv("SCHEDULER_DATABASE_URL", raising=False)

    found = json.loads(scheduler("doctor", "--json").output)["findings"]

    will_be_made = {one["what"]: one["state"] for one in found if one["found"] == "will be created at first use"}
    assert {"secret": "note", "database": "note"} == will_be_made

"""Approved texts: files below tests/approved, in whose diff a change of wording shows.

``APPROVED_UPDATE=1`` writes them anew instead (``make approve``); read the diff before you commit it.
"""

from __future__ import annotations

import os
from pathlib import Path

APPROVED = Path(__file__).parents[1] / "approved"
LANGUAGES = ("en", "kk", "ru", "th")


def check_approved(texts: dict[str, str], folder: str) -> None:
    """Compare texts by file name with all files of a folder below tests/approved."""
    files = {str(file.relative_to(APPROVED / folder)) for file in (APPROVED / folder).rglob("*.txt")}
    if os.environ.get("APPROVED_UPDATE"):
        for name in files - set(texts):
            (APPROVED / folder / name).unlink()
        for name, text in texts.items():
            file = APPROVED / folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return
    assert files == set(texts), "run: make approve"
    changed = {name for name, text in texts.items() if (APPROVED / folder / name).read_text(encoding="utf-8") != text}
    for name in sorted(changed)[:1]:
        assert (APPROVED / folder / name).read_text(encoding="utf-8") == texts[name], f"{name}; run: make approve"
    assert not changed

"""The README's commands are run, and what it shows is what they print.

After a deliberate change: README_UPDATE=1 .venv/bin/pytest tests/journeys/test_readme.py
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from scheduler.base.clock import ManualClock
from scheduler.cli.kit.desk import Desk
from scheduler.cli.kit.language import speak
from scheduler.cli.root import root

README = Path(__file__).parents[2] / "README.md"
CONSOLE = re.compile(r"^(?:<!-- (\d+) minutes later -->\n)?```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^```\w+ (\w+\.\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CHANGING = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"), "<a UUID>"),
    (re.compile(r"<[0-9a-f]{32}@"), "<...@"),
    (re.compile(r"\b[2-9A-Z]{4}-[2-9A-Z]{4}\b"), "F7NJ-DXCP"),  # of a visit
    (re.compile(r"/private/(\d+)-[a-z2-7]{26}\."), r"/private/\1-<...>."),
    (re.compile(r"/board/(\w+)/(\d+)-[a-z2-7]{26}"), r"/board/\1/\2-<...>"),
)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ManualClock]:
    """An empty directory on Monday 4 January 2027, 16:00 in Bangkok, with the settings of the README."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCHEDULER_DATA_DIR", "data")
    monkeypatch.setenv("LOGNAME", "officer")
    monkeypatch.setenv("SCHEDULER_TIMEZONE", "Asia/Bangkok")
    monkeypatch.setenv("SCHEDULER_HOUSE", "Embassy of Kazakhstan in Thailand")
    yield ManualClock(datetime(2027, 1, 4, 9, 0, tzinfo=UTC))
    speak("en")


def test_every_command_of_the_readme_prints_what_the_readme_shows(desk: ManualClock) -> None:
    text = README.read_text(encoding="utf-8")
    for name, content in FILE.findall(text):
        Path(name).write_text(content, encoding="utf-8")

    blocks = [(later, block) for later, block in CONSOLE.findall(text) if block.startswith("$ scheduler")]
    shown = [block for _, block in blocks]
    printed = [_run(block, desk, later=int(later or 0)) for later, block in blocks]

    if os.environ.get("README_UPDATE"):
        for old, new in zip(shown, printed, strict=True):
            text = text.replace(old, new)
        README.write_text(text, encoding="utf-8")
    assert shown
    assert printed == shown


def _run(block: str, clock: ManualClock, *, later: int) -> str:
    """The block with the output that its commands have now, so many minutes after the one before."""
    clock.advance(timedelta(minutes=later))
    return "".join(_answer(line[2:], clock) for line in block.splitlines() if line.startswith("$ "))


def _answer(command: str, clock: ManualClock) -> str:
    program, *args = shlex.split(command)
    assert program == "scheduler"
    result = CliRunner().invoke(root, args, obj=Desk(clock=clock), catch_exceptions=False)
    output = "\n".join(line.rstrip() for line in result.output.splitlines())
    for pattern, stable in CHANGING:
        output = pattern.sub(stable, output)
    return f"$ {command}\n{output}\n"

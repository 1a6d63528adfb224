"""The commands of the tours are run, and what the tours show is what they print.

The documents belong together: they are run in their order, in one directory. `make docs` writes the output anew.
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
from scheduler.cli.kit.context import CommandContext
from scheduler.cli.kit.language import speak
from scheduler.cli.root import root

DOCS = Path(__file__).parents[2] / "docs"
TOURS = (DOCS / "tour.md", DOCS / "tour-consulate.md", DOCS / "officers.md")
CONSOLE = re.compile(r"^(?:<!-- (\d+) minutes later -->\n)?```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^```\w+ (\w+\.\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SETTING = re.compile(r'^export (\w+)="?(.*?)"?$', re.MULTILINE)
CHANGING = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"), "<a UUID>"),
    (re.compile(r"<[0-9a-f]{32}@"), "<...@"),
    (re.compile(r"\b[2-9A-Z]{4}-[2-9A-Z]{4}\b"), "F7NJ-DXCP"),  # of a visit
    (re.compile(r"/private/(\d+)-[a-z2-7]{26}\."), r"/private/\1-<...>."),
    (re.compile(r"/board/(\w+)/(\d+)-[a-z2-7]{26}"), r"/board/\1/\2-<...>"),
    (re.compile(r"/set-up/(\d+)-[a-z2-7]{26}"), r"/set-up/\1-<...>"),
)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ManualClock]:
    """An empty directory on Monday 4 January 2027, 16:00 in Bangkok, with the settings that the tour begins with."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOGNAME", "officer")
    for name, value in SETTING.findall(TOURS[0].read_text(encoding="utf-8")):
        monkeypatch.setenv(name, value)
    yield ManualClock(datetime(2027, 1, 4, 9, 0, tzinfo=UTC))
    speak("en")


def test_every_command_of_the_tours_prints_what_the_tours_show(desk: ManualClock) -> None:
    texts = {tour: tour.read_text(encoding="utf-8") for tour in TOURS}

    printed = {tour: _run(text, desk) for tour, text in texts.items()}

    if os.environ.get("DOCS_UPDATE"):
        for tour, text in printed.items():
            tour.write_text(text, encoding="utf-8")
        texts = printed
    assert all("$ scheduler" in text for text in texts.values())
    assert printed == texts


def _run(text: str, clock: ManualClock) -> str:
    """Return a document with the output that its commands have now."""
    for name, content in FILE.findall(text):
        Path(name).write_text(content, encoding="utf-8")
    return CONSOLE.sub(lambda found: _block(found, clock), text)


def _block(found: re.Match[str], clock: ManualClock) -> str:
    """Run the commands of one block, so many minutes after the block before."""
    later, shown = found.groups()
    clock.advance(timedelta(minutes=int(later or 0)))
    printed = "".join(_answer(line[2:], clock) for line in shown.splitlines() if line.startswith("$ "))
    return found[0].replace(shown, printed)


def _answer(command: str, clock: ManualClock) -> str:
    program, *args = shlex.split(command)
    assert "scheduler" == program
    result = CliRunner().invoke(root, args, obj=CommandContext(clock=clock), catch_exceptions=False)
    output = "\n".join(line.rstrip() for line in result.output.splitlines())
    for pattern, stable in CHANGING:
        output = pattern.sub(stable, output)
    return f"$ {command}\n{output}\n"

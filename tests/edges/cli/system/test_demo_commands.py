"""The commands that the demo prints can be pasted as they stand, however it was started."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from scheduler.cli.system.demo.pasted_commands import format_command


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with the program in .venv, and another on PATH."""
    for name in (".venv/bin", "on path"):
        (tmp_path / name).mkdir(parents=True)
        program = tmp_path / name / "scheduler"
        program.write_text(f'#!/bin/sh\necho {name} "$@"\n')
        program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'on path'}:/usr/bin:/bin")
    for name in ("SCHEDULER_DATABASE_URL", "SCHEDULER_SECRET", "SCHEDULER_LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("started", "place", "said"),
    [
        (".venv/bin/scheduler", ".", ".venv/bin/scheduler"),
        ("{here}/.venv/bin/scheduler", ".", ".venv/bin/scheduler"),
        ("{here}/.venv/bin/scheduler", ".venv/bin", "./scheduler"),
        ("{here}/.venv/bin/scheduler", "on path", "{here}/.venv/bin/scheduler"),
        ("{here}/on path/scheduler", ".", "scheduler"),
        ("{here}/lib/scheduler/__main__.py", ".", f"{sys.executable} -m scheduler"),
        ("pytest", ".", "scheduler"),
    ],
)
def test_the_program_is_named_as_it_can_be_started_from_here(
    here: Path, monkeypatch: pytest.MonkeyPatch, started: str, place: str, said: str
) -> None:
    monkeypatch.chdir(here / place)
    monkeypatch.setattr(sys, "argv", [started.format(here=here), "demo"])

    command = format_command(here / "scheduler.toml", "serve")

    shown = "scheduler.toml" if place == "." else f"{here}/scheduler.toml"
    assert f"{said.format(here=here)} --config {shown} serve" == command


def test_a_directory_with_a_blank_in_its_name_is_quoted(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [".venv/bin/scheduler"])

    command = format_command(here / "my demo" / "it's.toml", "letter", "list")

    assert [".venv/bin/scheduler", "--config", "my demo/it's.toml", "letter", "list"] == shlex.split(command)
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)  # noqa: S602 - as it is pasted
    assert ".venv/bin --config my demo/it's.toml letter list\n" == done.stdout


def test_settings_of_the_environment_are_left_out_of_the_command_but_for_its_language(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [str(here / "on path" / "scheduler")])
    for name in ("SCHEDULER_DATABASE_URL", "SCHEDULER_SECRET", "SCHEDULER_LANGUAGE", "SCHEDULER_OF_ANOTHER_PROGRAM"):
        monkeypatch.setenv(name, "kk")
    monkeypatch.setenv("SCHEDULER_MAIL_URL", "")

    assert (
        "env -u SCHEDULER_DATABASE_URL -u SCHEDULER_SECRET scheduler --config scheduler.toml serve"
        == format_command(here / "scheduler.toml", "serve")
    )

"""Commands of the demo as a person sees them, and as they can be pasted where the demo was started."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from scheduler.base.config import KEYS, PREFIX

LANGUAGE = f"{PREFIX}LANGUAGE"  # the one setting of the environment that the demo heeds


def format_argument(arg: str) -> str:
    """Return an argument as it is typed here."""
    path = Path(arg)
    shown = str(_shorten(path)) if path.is_absolute() else arg
    return f'"{shown}"' if " " in shown else shown


def format_command(config: Path, *words: str) -> str:
    """Return a command with the settings of a file, as a shell in this directory takes it."""
    return shlex.join((*_drop_settings(), *_find_program(), "--config", str(_shorten(config)), *words))


def _shorten(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _drop_settings() -> Iterator[str]:
    """Yield what keeps the settings of the environment from a command: they would win over those of the file."""
    names = [f"{PREFIX}{key.upper()}" for key in KEYS]
    given = [name for name in names if os.environ.get(name) and name != LANGUAGE]
    if given:
        yield "env"
    for name in given:
        yield from ("-u", name)


def _find_program() -> tuple[str, ...]:
    """Return the words that start this program as it was started."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return _name_program(Path(sys.executable)), "-m", "scheduler"
    found = shutil.which("scheduler")
    if started.name != "scheduler" or (found and started.exists() and started.samefile(found)):
        return ("scheduler",)
    return (_name_program(started.absolute()),)


def _name_program(program: Path) -> str:
    """Return a path with a slash: without one a shell would look on PATH."""
    shown = str(_shorten(program))
    return shown if os.sep in shown else f"{os.curdir}{os.sep}{shown}"

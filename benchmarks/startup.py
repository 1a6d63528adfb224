"""`scheduler --help` and `scheduler event list` on a small database against bare `python -c "import click"`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import common
from benchmarks.apply import apply
from benchmarks.sample import programme
from scheduler import schema
from scheduler.storage.database import Database

COMMANDS = {
    "click": ("-c", "import click"),
    "scheduler --help": ("-m", "scheduler", "--help"),
    "scheduler event list": ("-m", "scheduler", "event", "list", "--all"),
    "python -c pass": ("-c", "pass"),
}


def main() -> None:
    given = common.arguments(__doc__, rounds=20)
    with TemporaryDirectory(prefix="benchmark-") as directory:
        _small(Path(directory) / "scheduler.db")
        environment = os.environ | {"SCHEDULER_DATA_DIR": directory}
        taken = common.best(
            given.rounds,
            **{name: lambda _, command=command: _run(command, environment) for name, command in COMMANDS.items()},
        )
    common.show(
        f"best of {given.rounds}, sqlite with 20 events",
        ("", "ms", "times click"),
        [(name, took * 1000, took / taken["click"]) for name, took in taken.items()],
    )


def _small(file: Path) -> None:
    db = Database(f"sqlite:///{file}")
    schema.upgrade(db)
    apply(db, programme(20))
    db.dispose()


def _run(command: tuple[str, ...], environment: dict[str, str]) -> None:
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL, env=environment)


if __name__ == "__main__":
    main()

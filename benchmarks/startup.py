"""The time of short commands, against bare imports of the libraries that they stand on.

By the CPU of the child, user and system: the help against `import click`; `list` and `show` of every noun, on a small
database, against `import sqlalchemy.orm, click`. All take turns, so that a busy machine slows all alike.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import common
from benchmarks.apply import apply
from benchmarks.sample import programme
from scheduler import schema
from scheduler.storage.database import Database

CLICK = "import click"
ORM = "import sqlalchemy.orm, click"
READ = (
    "event list --all",
    "event show event-0",
    "attendee list event-1",
    "attendee show event-1 ann",
    "reminder list",
    "reminder show event-1 1h",
    "message list",
    "message show 1",
    "letter list",
    "letter show 1",
    "feed list",
    "feed show ours",
    "feed show all",
    "feed link list",
    "feed link show 1",
    "venue list",
    "venue show hall-0",
    "city list",
    "city show bangkok",
    "organisation list",
    "organisation show embassy",
    "person list",
    "person show ann",
    "account list",
    "account show officer",
    "post list",
    "post show phuket",
    "visit list phuket",
)
Environment = Mapping[str, str]


def main() -> None:
    given = common.arguments(__doc__, rounds=20)
    with TemporaryDirectory(prefix="benchmark-") as directory:
        environment = {**os.environ, "SCHEDULER_DATA_DIR": directory}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # bytecode is compiled in the first round, and kept
        fill(Path(directory) / "scheduler.db", environment)
        visit = _read("visit list phuket", environment)[0]["reference"]
        commands = {f"scheduler {words}": _scheduler(*words.split()) for words in (*READ, f"visit show {visit}")}
        spent = _spend(
            given.rounds,
            {CLICK: ("-c", CLICK), "scheduler --help": _scheduler("--help"), ORM: ("-c", ORM), **commands},
            environment,
        )
    common.show(
        f"least of {given.rounds}, sqlite with 20 events",
        ("", "CPU ms", "times click", "times sqlalchemy.orm, click"),
        [(name, cpu * 1000, cpu / spent[CLICK], cpu / spent[ORM]) for name, cpu in spent.items()],
    )


def fill(file: Path, environment: Environment) -> None:
    """Make a small database with at least one row of every noun."""
    db = Database(f"sqlite:///{file}")
    schema.upgrade(db)
    apply(db, programme(20))
    db.dispose()
    for words in ROWS:
        _run(_scheduler(*words), environment)
    first = _read("visit free phuket passport", environment)[0]["start"].replace("T", " ")
    citizen = ("--person", "Ann=N1234567", "--email", "ann@example.org")
    _run(_scheduler("visit", "book", "phuket", "passport", first, *citizen), environment)


ROWS = (
    ("person", "add", "ann", "--name", "Ann", "--email", "ann@example.org"),
    ("attendee", "invite", "event-1", "ann"),
    ("message", "send", "event-1", "--to", "everyone", "--subject", "Hello", "--text", "-", "--yes"),
    ("feed", "add", "ours", "--name", "Ours", "--cities", "bangkok"),
    ("feed", "link", "add", "all", "--for", "driver"),
    ("account", "add", "officer", "--role", "administrator", "--invite"),
    (
        *("post", "add", "phuket", "--name", "Phuket", "--city", "phuket", "--hours", "daily=09:00-17:00"),
        *("--sending-state", "KZ", "--receiving-state", "TH"),
    ),
    ("post", "counter", "add", "phuket", "one", "--name", "One"),
    ("post", "service", "add", "phuket", "passport", "--name", "Passport", "--minutes", "15"),
)


def _scheduler(*words: str) -> Sequence[str]:
    return ("-m", "scheduler", *words)


def _read(words: str, environment: Environment) -> Any:
    return json.loads(_run(_scheduler(*words.split(), "--json"), environment))


def _spend(rounds: int, commands: Mapping[str, Sequence[str]], environment: Environment) -> dict[str, float]:
    """Return the least CPU seconds, user and system, that each command spent."""
    spent: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            before = _cpu_of_children()
            _run(command, environment)
            spent[name].append(_cpu_of_children() - before)
    return {name: min(cpu) for name, cpu in spent.items()}


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _run(command: Sequence[str], environment: Environment) -> bytes:
    done = subprocess.run(
        [sys.executable, *command], check=True, input=b"Hello", stdout=subprocess.PIPE, env=environment
    )
    return done.stdout


if __name__ == "__main__":
    main()

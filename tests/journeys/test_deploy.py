"""The units of systemd, the container file and the settings in docs/deploy are what they say."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from scheduler.base.config import load_settings
from scheduler.cli.root import root
from tests.support.machine import HANG, free_port, one_of, until

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy"
UNITS = {
    "scheduler-web@.service": "scheduler-web@8000.service",
    "scheduler-worker.service": "scheduler-worker.service",
    "scheduler-mail.service": "scheduler-mail.service",
}
# What every machine with systemd has, and the root of a test does not.
TARGETS = ("sysinit", "basic", "shutdown", "network-online", "multi-user")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root directory in which the units are installed as docs/operating.md has it."""
    made: Path = tmp_path_factory.mktemp("root")
    units, program = made / "etc/systemd/system", made / "opt/scheduler/current/bin"
    for place in (units, program, made / "bin"):
        place.mkdir(parents=True)
    for name in TARGETS:
        (units / f"{name}.target").write_text("[Unit]\nDescription=one of systemd's own\n")
    for name in UNITS:
        shutil.copy(DEPLOY / name, units)
    for command in (program / "scheduler", made / "bin/kill"):
        command.write_text("#!/bin/sh\n")
        command.chmod(0o755)
    return made


def analyze(*args: str) -> str:
    program = one_of("systemd", "/usr/bin/systemd-analyze", "/bin/systemd-analyze")
    done = subprocess.run([program, *args], capture_output=True, text=True)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stderr


@pytest.mark.parametrize("unit", UNITS.values())
def test_a_unit_has_no_mistakes_and_may_do_little(installed: Path, unit: str) -> None:
    assert "" == analyze("verify", "--man=no", f"--root={installed}", unit)
    analyze("security", "--offline=true", "--threshold=15", "--no-pager", f"--root={installed}", unit)


def settings_of(unit: str) -> dict[str, str]:
    lines = (DEPLOY / unit).read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_runs_a_command_that_there_is_as_an_ordinary_user(unit: str) -> None:
    found = settings_of(unit)
    program, *args = shlex.split(found["ExecStart"].replace("%i", "8000"))

    assert "/opt/scheduler/current/bin/scheduler" == program
    parse(args)
    assert ("scheduler", "yes", "strict", "") == (
        found["User"],
        found["NoNewPrivileges"],
        found["ProtectSystem"],
        found["CapabilityBoundingSet"],
    )
    assert f"SCHEDULER_DATA_DIR=%S/{found['StateDirectory']}" == found["Environment"]


def parse(args: list[str]) -> None:
    """Read a command line as the program does. Raise click.UsageError if it would not."""
    command = root.get_command(click.Context(root), args[0])
    assert command is not None
    command.make_context(args[0], args[1:], click.Context(root, obj=None), resilient_parsing=False)


def test_the_settings_of_the_example_are_settings(tmp_path: Path) -> None:
    lines = (DEPLOY / "scheduler.env").read_text(encoding="utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))

    read = load_settings({**given, "SCHEDULER_DATA_DIR": str(tmp_path)})

    assert set(given) == {source for source in read.sources.values() if source in given}
    assert "postgresql:///scheduler?host=/run/postgresql" == read.database_url


# The container


INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK"}
STARTS = {"ENTRYPOINT", "CMD"}
BASE = re.compile(r"docker\.io/library/python:3\.1\d-slim-\w+( AS build)?")


def instructions() -> list[tuple[str, str]]:
    """The instructions of the container file, with continued lines joined."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Containerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = [line for line in re.sub(r"\\\n\s*", "", text).splitlines() if line.strip()]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def test_the_image_runs_as_an_ordinary_user_and_holds_nothing_of_the_build() -> None:
    found = instructions()
    last = max(index for index, (word, _) in enumerate(found) if word == "FROM")
    final = found[last:]

    assert {word for word, _ in found} == INSTRUCTIONS | STARTS
    assert ["10001"] == [rest for word, rest in final if word == "USER"]
    assert not [rest for word, rest in final if word == "RUN" and "pip" in rest]
    assert ["--from=build /opt/scheduler /opt/scheduler"] == [rest for word, rest in final if word == "COPY"]
    assert all(BASE.fullmatch(rest) for word, rest in found if word == "FROM")


def test_what_the_build_installs_is_there() -> None:
    [install] = [rest for word, rest in instructions() if word == "RUN" and "pip install" in rest]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ignored = (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").split()

    assert (ROOT / "constraints.txt").is_file()
    assert "--constraint constraints.txt" in install
    assert set(re.findall(r"\.\[(\w+)\]", install)) <= set(project["optional-dependencies"])
    assert not {"scheduler", "calendars", "migrations", "hatch_build.py", "package.json", "package-lock.json"} & set(
        ignored
    )


def test_what_the_image_starts_answers_its_own_check(tmp_path: Path) -> None:
    """The commands of the image, in this environment and on loopback."""
    words = {word: rest for word, rest in instructions() if word in ("ENTRYPOINT", "CMD", "HEALTHCHECK")}
    port = str(free_port())
    [program], command = json.loads(words["ENTRYPOINT"]), json.loads(words["CMD"])
    check = json.loads(words["HEALTHCHECK"].partition(" CMD ")[2])
    command = [{"0.0.0.0": "127.0.0.1", "8000": port}.get(word, word) for word in command]  # noqa: S104
    check = [sys.executable, *(word.replace("8000", port) for word in check[1:])]
    environment = {**os.environ, "SCHEDULER_DATA_DIR": str(tmp_path)}

    with subprocess.Popen(
        [sys.executable, "-m", program, *command], env=environment, stdout=subprocess.DEVNULL
    ) as process:
        try:
            until(lambda: process.poll() is not None or subprocess.run(check, capture_output=True).returncode == 0)
            assert process.poll() is None
        finally:
            process.terminate()
        assert 0 == process.wait(HANG)

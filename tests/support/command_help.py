"""A program that prints as JSON what every command says of its use, by language and by what is typed.

It is given the languages, and the mistakes to type, as JSON. Each language has a process of its own, as it has where
people type: click keeps the help of its own options for the life of a process.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence

import click
from click.testing import CliRunner

from scheduler.cli.root import root


def main() -> None:
    languages, mistakes = json.loads(sys.argv[1])
    commands = list(list_commands(root, click.Context(root), ()))
    said = {language: run_apart(language, commands, mistakes) for language in languages}
    json.dump(said, sys.stdout)


def list_commands(command: click.Command, context: click.Context, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """List every command by the words that call it; this imports them all."""
    yield path
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from list_commands(child, click.Context(child, parent=context, info_name=name), (*path, name))


def run_apart(
    language: str, commands: Sequence[tuple[str, ...]], mistakes: Sequence[Sequence[str]]
) -> dict[str, str]:
    with tempfile.TemporaryFile("w+") as told:
        if child := os.fork():
            _pid, status = os.waitpid(child, 0)
            assert status == 0, language
            told.seek(0)
            return dict(json.load(told))
        json.dump(dict(say_all(language, commands, mistakes)), told)
        told.flush()
        os._exit(0)


def say_all(
    language: str, commands: Sequence[tuple[str, ...]], mistakes: Sequence[Sequence[str]]
) -> Iterator[tuple[str, str]]:
    for typed in (*((*path, "--help") for path in commands), *mistakes):
        result = CliRunner().invoke(root, list(typed), env={"SCHEDULER_LANGUAGE": language}, prog_name="scheduler")
        yield " ".join(typed), result.output


main()

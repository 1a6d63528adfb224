"""Groups of commands that import the module of a command when the command is used.

See https://click.palletsprojects.com/en/stable/complex/#lazily-loading-subcommands
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from scheduler.cli.kit.language import translate


class LazyGroup(click.Group):
    """A group that knows its commands by name, and where each is: ``module:attribute`` below `scheduler.cli`."""

    def __init__(self, name: str | None = None, *, modules: Mapping[str, str], **options: Any) -> None:
        super().__init__(name, **options)
        self.modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return a command in the desk's language; None if there is none of that name."""
        if cmd_name not in self.modules:
            return None
        module, attribute = self.modules[cmd_name].split(":")
        return translate(getattr(importlib.import_module(f"scheduler.cli.{module}"), attribute))

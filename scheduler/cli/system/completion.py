"""`scheduler completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from scheduler.base.i18n import N_


@click.command(help=N_('Print the set-up for shell completion; for bash: eval "$(scheduler completion bash)".'))
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - one of the three
    click.echo(found(ctx.find_root().command, {}, "scheduler", "_SCHEDULER_COMPLETE").source())

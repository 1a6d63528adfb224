"""Acts by which something ends: a command does them, shows what it did, rolls back and asks; then it does them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scheduler.base.i18n import N_
from scheduler.cli.kit.context import CommandContext, ask, without_asking
from scheduler.cli.kit.language import _

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Done = TypeVar("Done")
F = TypeVar("F", bound=Callable[..., Any])


def with_consent(function: F) -> F:
    """Add the options ``--dry-run`` and ``--yes`` to a command that calls `carry_out`."""
    looking = click.option("--dry-run", is_flag=True, help=N_("Show what would change and stop."))
    return looking(without_asking(function))


def print_lines(lines: Sequence[str]) -> None:
    """Print what an act did, a line for each thing."""
    for line in lines:
        click.echo(line)


def carry_out(
    context: CommandContext,
    act: Callable[[Session], Done],
    report: Callable[[Done], None],
    *,
    yes: bool,
    dry_run: bool,
    as_json: bool = False,
    needless: Callable[[Done], bool] = lambda _done: False,
) -> None:
    """Do an act and report it; without ``yes`` do it, report it, roll back and ask first.

    ``act`` returns values that outlive its session. Nobody is asked if ``needless`` is true of what it returned:
    nothing ends by it. Raise Conflict if nobody can be asked; nothing was changed then.
    """
    if not yes or dry_run:
        with context.write(keep=False) as session:
            would = act(session)
        if dry_run or not needless(would):
            if as_json and dry_run:
                report(would)
                return
            # A program that reads JSON gets that of what was done, and no other.
            with redirect_stdout(sys.stderr if as_json else sys.stdout):
                _show(would, report)
            if dry_run:
                return
            ask(_("Do you want to continue?"), yes=False)
    with context.write() as session:
        done = act(session)
    report(done)


def _show(would: Done, report: Callable[[Done], None]) -> None:
    click.echo(_("What would be done:"))
    report(would)
    click.echo(_("Nothing has been changed yet."))

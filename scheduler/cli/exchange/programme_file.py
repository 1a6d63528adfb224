"""`scheduler apply` and `scheduler export`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scheduler.base.errors import Conflict, Invalid
from scheduler.base.i18n import N_
from scheduler.cli.exchange.change_words import (
    change_in_words,
    change_record,
    describe_sides,
    explain_marks,
    sum_in_words,
)
from scheduler.cli.kit.answers import print_json
from scheduler.cli.kit.context import CommandContext, as_json, ask, pass_context, with_force, without_asking
from scheduler.cli.kit.language import _
from scheduler.cli.kit.output import refuse_existing, write_file
from scheduler.model.events import Event
from scheduler.services.common.changes import Change, ChangeKind
from scheduler.services.common.lookup import get
from scheduler.services.exchange import file_apply, file_reader
from scheduler.services.exchange import file_export as exporting
from scheduler.services.exchange.merging.memory import Undecided
from scheduler.services.exchange.merging.three_way import STATUS, Winner

if TYPE_CHECKING:
    from scheduler.services.exchange.file_reader import ProgrammeSource


@click.command(help=N_("Plan a whole programme from one file: all of it or nothing."))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help=N_("Show what would change and stop."))
@click.option(
    "--file-wins",
    is_flag=True,
    help=N_("Where the file and an officer have changed the same thing, take the file's version."),
)
@click.option(
    "--desk-wins",
    is_flag=True,
    help=N_("Where the file and an officer have changed the same thing, keep the officer's version."),
)
@without_asking
@with_force
@as_json
@pass_context
def apply(
    context: CommandContext,
    /,
    file: Path,
    dry_run: bool,
    file_wins: bool,
    desk_wins: bool,
    yes: bool,
    force: str | None,
    as_json: bool,
) -> None:
    if file_wins and desk_wins:
        raise Invalid("file-wins: give either --file-wins or --desk-wins, not both")
    winner = Winner.FILE if file_wins else Winner.DESK if desk_wins else None
    run = _Application(context, file_reader.read(file), force, winner)
    if dry_run:
        _report(run.show(), as_json=as_json, done=False)
        return
    # A program that reads JSON gets that of what was done, and no other.
    with redirect_stdout(sys.stderr if as_json else sys.stdout):
        would = None if yes else run.decide(keep=False)
        if would is not None:
            _ask_about(would)
        made = run.decide(keep=True, shown=would)
    _report(made, as_json=as_json, done=True)


@dataclass(slots=True)
class _Application:
    """A file that is being applied, and which side wins where the file and the desk have changed the same."""

    context: CommandContext
    programme: ProgrammeSource
    force: str | None
    winner: Winner | None
    winners: dict[tuple[str, str, str], Winner] = field(default_factory=dict)  # by noun, key and cell: what was asked

    def show(self) -> Sequence[Change]:
        """Return what would be changed, and what is undecided."""
        try:
            return self._apply(keep=False)
        except Undecided as error:
            return error.changes

    def decide(self, *, keep: bool, shown: Sequence[Change] | None = None) -> Sequence[Change]:
        """Apply the file, and ask which side wins until nothing is undecided.

        Raise Undecided if nobody can be asked.
        """
        while True:
            try:
                return self._apply(keep=keep, shown=shown)
            except Undecided as error:
                undecided = [change for change in error.changes if change.verb is ChangeKind.UNDECIDED]
                if not sys.stdin.isatty():
                    _print_changes(undecided)
                    raise
                self.winners |= _ask_who_wins(undecided)

    def _apply(self, *, keep: bool, shown: Sequence[Change] | None = None) -> list[Change]:
        """Apply the file, or roll back when the changes are only to be shown: the same code makes and shows them.

        Raises Conflict when it would now do other than was ``shown``: nothing is done that nobody was asked about.
        """
        with self.context.write(keep=keep) as session:
            changes = file_apply.apply_source(
                session,
                self.programme,
                now=self.context.now(),
                force=self.force,
                decide=lambda *cell: self.winner or self.winners.get(cell),
            )
            if shown is not None and changes != shown:
                raise Conflict("something else was changed meanwhile; nothing was done, run it again")
            return changes


def _ask_who_wins(undecided: Sequence[Change]) -> dict[tuple[str, str, str], Winner]:
    """Ask about each value that both have changed. Whether an event takes place is asked before all else of it."""
    return {
        (change.noun, change.key, cell): _ask_about_value(change, cell)
        for change in undecided
        for cell in ([STATUS] if STATUS in change.fields else change.fields)
    }


def _ask_about_value(change: Change, cell: str) -> Winner:
    click.echo(change_in_words(change), err=True)
    question = f"{_(change.noun)} {change.key}: {describe_sides(cell, change.fields[cell])}. " + _(
        "Which value do you want to keep?"
    )
    return Winner(click.prompt(question, type=click.Choice([str(winner) for winner in Winner]), err=True))


def _ask_about(changes: Sequence[Change]) -> None:
    """Show and ask about what is no longer as it was, and what is doubtful.

    What is only added takes nothing from anybody.
    """
    if any(change.is_change and (change.verb is not ChangeKind.ADDED or change.doubts) for change in changes):
        click.echo(_("What would be done:"))
        _print_changes(changes)
        click.echo(_("Nothing has been changed yet."))
        people = sum(change.told for change in changes)
        ask(_("People concerned: {people}. Do you want to continue?").format(people=people), yes=False)


def _report(changes: Sequence[Change], *, as_json: bool, done: bool) -> None:
    """Print a line for each change, and the sums."""
    if as_json:
        print_json([change_record(change) for change in changes if change.verb is not ChangeKind.UNCHANGED])
        return
    _print_changes(changes)
    click.echo(sum_in_words(changes, done=done))


def _print_changes(changes: Sequence[Change]) -> None:
    for change in changes:
        if change.verb is not ChangeKind.UNCHANGED:
            click.echo(change_in_words(change))
        for remark in (*change.notes, *change.doubts):
            click.echo(f"! {_(change.noun)} {change.key}: {_(remark)}")
    for sentence in explain_marks(changes):
        click.echo(sentence)


@click.command(help=N_("Write everything planned into one file; applying that file changes nothing."))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", default="programme", help=N_("Key of the programme in the file."))
@click.option("--event", "chosen", help=N_("Only this event, with its parts and the places that they name."))
@click.option("--guests/--no-guests", default=True, help=N_("With --event: with the people on its lists."))
@click.option("--overwrite", is_flag=True, help=N_("Replace an existing file."))
@pass_context
def export(
    context: CommandContext, /, file: Path, key: str, chosen: str | None, guests: bool, overwrite: bool
) -> None:
    import tomli_w

    refuse_existing(file, overwrite=overwrite)
    settings = context.settings
    said: dict[str, Any] = {"language": settings.language, "tz": settings.timezone}
    with context.read() as session:
        if chosen:
            event = get(session, Event, chosen)
            tables = exporting.export_event_tables(session, event, name=str(event.title), guests=guests, **said)
        else:
            tables = exporting.export_tables(session, key=key, name=str(settings.house), **said)
    write_file(file, tomli_w.dumps(tables, multiline_strings=True).encode(), overwrite=overwrite)
    click.echo(_("Written: {file}").format(file=file))

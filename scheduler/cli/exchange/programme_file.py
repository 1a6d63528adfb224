"""`scheduler apply` and `scheduler export`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scheduler.base.errors import Conflict, SchedulerError
from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import print_json
from scheduler.cli.kit.context import CommandContext, as_json, ask, pass_context, with_force, without_asking
from scheduler.cli.kit.language import _
from scheduler.cli.kit.output import refuse_existing, write_file
from scheduler.services.common.changes import Change, ChangeKind
from scheduler.services.exchange import file_apply, file_reader
from scheduler.services.exchange import file_export as exporting

if TYPE_CHECKING:
    from scheduler.services.exchange.file_reader import ProgrammeSource

MARKS = {ChangeKind.ADDED: "+", ChangeKind.CHANGED: "~", ChangeKind.CANCELLED: "x", ChangeKind.WITHDRAWN: "-"}


@click.command(help=N_("Plan a whole programme from one file: all of it or nothing."))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help=N_("Show what would change and stop."))
@without_asking
@with_force
@as_json
@pass_context
def apply(context: CommandContext, file: Path, dry_run: bool, yes: bool, force: str | None, as_json: bool) -> None:
    programme = file_reader.read(file)
    changes = _apply(context, programme, force, keep=yes and not dry_run)
    if not yes or dry_run:
        report(changes, as_json=as_json, done=False)
        if dry_run or not any(change.is_change for change in changes):
            return
        _ask_about(changes)
        _apply(context, programme, force, keep=True, shown=changes)
        click.echo(_("Done."))
        return
    report(changes, as_json=as_json, done=True)


def _apply(
    context: CommandContext,
    programme: ProgrammeSource,
    force: str | None,
    *,
    keep: bool,
    shown: Sequence[Change] | None = None,
) -> list[Change]:
    """Apply the file, or roll back when the changes are only to be shown: the same code makes and shows them.

    Raises Conflict when it would now do other than was ``shown``: nothing is done that nobody was asked about.
    """
    with context.write(keep=keep) as session:
        try:
            changes = file_apply.apply(
                session, programme.file, now=context.now(), force=force, doubtful=programme.doubtful
            )
        except SchedulerError as error:
            raise programme.told(error) from error
        if programme.mistakes:
            raise programme.told()
        if shown is not None and changes != shown:
            raise Conflict("something else was changed meanwhile; nothing was done, run it again")
        return changes


def _ask_about(changes: Sequence[Change]) -> None:
    """Ask about what is no longer as it was, and what is doubtful. What is only added takes nothing from anybody."""
    if any(change.is_change and (change.verb is not ChangeKind.ADDED or change.doubts) for change in changes):
        people = sum(change.told for change in changes)
        ask(_("People concerned: {people}. Go on?").format(people=people), yes=False)


def report(changes: Sequence[Change], *, as_json: bool, done: bool) -> None:
    """Print a line for each change, and the sums."""
    made = [change for change in changes if change.is_change]
    if as_json:
        print_json([change_record(change) for change in made])
        return
    for change in changes:
        if change.is_change:
            click.echo(change_in_words(change))
        for remark in (*change.notes, *change.doubts):
            click.echo(f"! {_(change.noun)} {change.key}: {_(remark)}")
    click.echo(sum_in_words(changes, done=done))


def change_in_words(change: Change) -> str:
    told = _(" (people concerned: {told})").format(told=change.told) if change.told else ""
    return f"{MARKS[change.verb]} {_(change.noun)} {change.key}{_fields(change)}{told}"


def _fields(change: Change) -> str:
    if change.verb is not ChangeKind.CHANGED or not change.fields:
        return ""
    shown = [f"{name} {_brief(old)} → {_brief(new)}" for name, (old, new) in change.fields.items()]
    return ": " + "; ".join(shown)


def _brief(value: Any) -> str:
    text = "-" if value in (None, (), "") else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def sum_in_words(changes: Sequence[Change], *, done: bool) -> str:
    counts = {verb: sum(change.verb is verb for change in changes) for verb in ChangeKind}
    parts = [f"{_(verb)}: {count}" for verb, count in counts.items() if count]
    head = _("Done") if done else _("Planned")
    return f"{head}. {', '.join(parts) or _('Nothing there.')}"


def change_record(change: Change) -> dict[str, Any]:
    fields = {name: [str(old), str(new)] for name, (old, new) in change.fields.items()}
    return {
        "noun": change.noun,
        "key": change.key,
        "verb": change.verb,
        "fields": fields,
        "told": change.told,
        "doubts": list(change.doubts),
    }


@click.command(help=N_("Write everything planned into one file; applying it changes nothing."))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", default="programme", help=N_("Key of the programme in the file."))
@click.option("--overwrite", is_flag=True, help=N_("Replace a file that is there."))
@pass_context
def export(context: CommandContext, file: Path, key: str, overwrite: bool) -> None:
    import tomli_w

    refuse_existing(file, overwrite=overwrite)
    settings = context.settings
    with context.read() as session:
        tables = exporting.export_tables(
            session, key=key, name=str(settings.house), language=settings.language, tz=settings.timezone
        )
    write_file(file, tomli_w.dumps(tables, multiline_strings=True).encode(), overwrite=overwrite)
    click.echo(_("Written: {file}").format(file=file))

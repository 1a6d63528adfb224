"""`scheduler db upgrade`, `downgrade` and `check`."""

from __future__ import annotations

import click

from scheduler import schema
from scheduler.base.errors import Conflict, Forbidden
from scheduler.base.i18n import N_
from scheduler.cli.kit.context import CommandContext, ask, pass_context, without_asking
from scheduler.cli.kit.language import _
from scheduler.cli.system import db_backup
from scheduler.own_files import BACKUPS


@click.group(help=N_("Upgrade, downgrade and check the tables; back up and restore."))
def db() -> None:
    pass


for _command in (db_backup.backup, db_backup.restore, db_backup.key):
    db.add_command(_command)


@db.command(help=N_("Upgrade the tables to the version of this program."))
@click.argument("revision", default="head")
@pass_context
def upgrade(context: CommandContext, revision: str) -> None:
    database = context.bare_database
    schema.make_directory(database)
    before = schema.read_state(database)
    if before.newer:
        schema.make_ready(database)
    schema.upgrade(database, revision)
    click.echo(
        _("Tables: {before} → {after}").format(before=before.current, after=schema.read_state(database).current)
    )


@db.command(help=N_("Take the tables back to an older version; a backup is made first."))
@click.argument("revision")
@click.option(
    "--no-backup", is_flag=True, help=N_("Make no backup; data that only the newer tables hold is then lost.")
)
@without_asking
@pass_context
def downgrade(context: CommandContext, revision: str, no_backup: bool, yes: bool) -> None:
    database = context.bare_database
    before = schema.read_state(database)
    ask(_("Data that only the newer tables hold will be lost. Do you want to continue?"), yes=yes)
    if not no_backup and before.current is not None:
        _back_up(context, f"{before.current}-to-{revision}")
    schema.downgrade(database, revision)
    click.echo(
        _("Tables: {before} → {after}").format(before=before.current, after=schema.read_state(database).current)
    )


def _back_up(context: CommandContext, name: str) -> None:
    """Make a backup in the data directory, as `db backup` does, and say where it is."""
    from scheduler.formats.private_files import make_private_directory

    directory = context.settings.data_dir / BACKUPS
    try:
        make_private_directory(directory)
    except OSError as error:
        raise Forbidden(
            "{directory}: cannot be created: {reason}", directory=directory, reason=error.strerror
        ) from error
    made = db_backup.make(context, directory / f"{context.now():%Y%m%dT%H%M%SZ}-{name}.backup", key_file=None)
    click.echo(_("Backup: {file}").format(file=made.file))


@db.command(help=N_("Compare the tables with what this program expects."))
@pass_context
def check(context: CommandContext) -> None:
    database = context.bare_database
    state = schema.read_state(database)
    if not state.up_to_date:
        facts = {"current": state.current, "head": state.head}
        raise Conflict("the tables are at {current}, this program expects {head}; run: scheduler db upgrade", **facts)
    differences = schema.find_differences(database)
    if differences:
        raise Conflict(
            "the tables differ from the models: {differences}; restore a backup, or report this",
            differences="; ".join(differences),
        )
    click.echo(_("The tables are in order: {revision}").format(revision=state.current))

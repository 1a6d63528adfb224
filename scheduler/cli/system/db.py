"""`scheduler db ...`."""

from __future__ import annotations

import click

from scheduler import schema
from scheduler.base.errors import Conflict
from scheduler.base.i18n import N_
from scheduler.cli.kit.context import CommandContext, ask, pass_context, without_asking
from scheduler.cli.kit.language import _


@click.group(help=N_("The tables: upgrade, downgrade, check."))
def db() -> None:
    pass


@db.command(help=N_("Bring the tables to this program's version."))
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


@db.command(help=N_("Take the tables back to an older version; what only the newer holds is lost."))
@click.argument("revision")
@without_asking
@pass_context
def downgrade(context: CommandContext, revision: str, yes: bool) -> None:
    database = context.bare_database
    before = schema.read_state(database)
    ask(_("What only the newer tables hold is lost for good. Go on?"), yes=yes)
    schema.downgrade(database, revision)
    click.echo(
        _("Tables: {before} → {after}").format(before=before.current, after=schema.read_state(database).current)
    )


@db.command(help=N_("Compare the tables with what this program expects."))
@pass_context
def check(context: CommandContext) -> None:
    database = context.bare_database
    state = schema.read_state(database)
    if not state.up_to_date:
        facts = {"current": state.current, "head": state.head}
        raise Conflict("the tables are at {current}, this program expects {head}", **facts)
    differences = schema.find_differences(database)
    if differences:
        raise Conflict("the tables differ from the models: {differences}", differences="; ".join(differences))
    click.echo(_("The tables are in order: {revision}").format(revision=state.current))

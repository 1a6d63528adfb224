"""`scheduler db backup`, `restore` and `key`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import print_json
from scheduler.cli.kit.context import CommandContext, as_json, officer, pass_context
from scheduler.cli.kit.language import _
from scheduler.cli.kit.records import format_instant

if TYPE_CHECKING:
    from scheduler.backup import Backup
    from scheduler.keys import Key

FILE = click.Path(path_type=Path)
with_key = click.option(
    "--key-file", type=FILE, help=N_("File with the age key (default: the settings backup_key, backup_key_file).")
)


@click.command(help=N_("Back up everything into one file while the program runs. It is encrypted if there is a key."))
@click.argument("file", type=FILE)
@with_key
@as_json
@pass_context
def backup(context: CommandContext, file: Path, key_file: Path | None, as_json: bool) -> None:
    made = make(context, file, key_file=key_file)
    if as_json:
        print_json(_record(made))
        return
    click.echo(
        _("Backup: {file} ({size} kB), {rows} rows in {tables} tables, read again and found complete.").format(
            file=made.file, size=-(-made.file.stat().st_size // 1000), rows=made.total, tables=len(made.rows)
        )
    )
    _say_what_is_not_in_it(context, made)


def make(context: CommandContext, file: Path, *, key_file: Path | None) -> Backup:
    """Make a backup in the officer's name. Raise what `scheduler.backup.make_backup` raises."""
    from scheduler.backup import make_backup
    from scheduler.keys import find_secret

    key, secret = _find_key(context, key_file), find_secret(context.settings)
    return make_backup(
        context.bare_database,
        file,
        key=key,
        secret=secret.value if secret else "",
        actor=officer(),
        now=context.now(),
    )


def _say_what_is_not_in_it(context: CommandContext, made: Backup) -> None:
    """Name what is kept elsewhere: the secret, unless the backup is encrypted, and letters that are files."""
    from scheduler.keys import find_secret
    from scheduler.own_files import count_letters

    secret = find_secret(context.settings)
    if secret and not made.header.secret:
        text = _(
            "The backup does not contain the secret, because it is not encrypted."
            " Keep a copy of the secret elsewhere: {source}"
        )
        click.echo(text.format(source=secret.source))
    for directory, count in count_letters(context.settings):
        text = _("The backup does not contain e-mails that are kept as files: {directory} ({count})")
        click.echo(text.format(directory=directory, count=count))


@click.command(
    help=N_("Restore a backup into an empty database. It may be of either engine, and of an older version.")
)
@click.argument("file", type=FILE)
@with_key
@click.option("--dry-run", is_flag=True, help=N_("Read the whole backup, show what it contains, and stop."))
@click.option("--yes", is_flag=True, expose_value=False, help=N_("Not needed: an empty database loses nothing."))
@as_json
@pass_context
def restore(context: CommandContext, file: Path, key_file: Path | None, dry_run: bool, as_json: bool) -> None:
    from scheduler import backup, schema

    key = _find_key(context, key_file)
    if not dry_run:
        schema.make_directory(context.bare_database)
        schema.refuse_filled(context.bare_database)
    found = backup.read_backup(file, key)
    if dry_run:
        backup.refuse_newer(found)
        _show(context, found, as_json=as_json)
        return
    settled = backup.restore_backup(context.bare_database, found, key=key, actor=officer(), now=context.now())
    secret = _settle_secret(context, found)
    if as_json:
        print_json({**_record(found), "held": settled.held, "secret": secret})
        return
    _show(context, found, as_json=False)
    click.echo(_("Restored: {rows} rows.").format(rows=found.total))
    click.echo(secret)
    _say_what_to_look_at(settled.held)


def _show(context: CommandContext, found: Backup, *, as_json: bool) -> None:
    if as_json:
        print_json(_record(found))
        return
    text = _("Made {when} by version {version} on {engine}, tables {revision}: {rows} rows, complete.")
    header = found.header
    click.echo(
        text.format(
            when=format_instant(header.made_at, context.settings.timezone),
            version=header.version,
            engine=header.engine,
            revision=header.revision,
            rows=found.total,
        )
    )


def _settle_secret(context: CommandContext, found: Backup) -> str:
    """Keep the secret of the backup where none is set, and say which secret is in force."""
    from scheduler import backup, keys

    here = keys.find_secret(context.settings)
    if here is None and found.header.secret:
        here = keys.keep_secret(context.settings, found.header.secret)
    if here is None:
        said = _(
            "The backup does not contain the secret: put the secret into this file"
            " first, otherwise links do not work: {file}"
        )
        return said.format(file=context.settings.data_dir / keys.SECRET)
    if found.header.secret_mark not in ("", backup.mark_secret(here.value)):
        said = _(
            "The secret here ({source}) is not that of the backup: replace it by that"
            " of the backup, otherwise links do not work."
        )
        return said.format(source=here.source)
    return _("The secret is that of the backup: {source}").format(source=here.source)


def _say_what_to_look_at(held: int) -> None:
    if held:
        text = _(
            "E-mails on hold, because they may have been sent after the backup:"
            " {count}. Check them, then release or settle them:"
        )
        click.echo(text.format(count=held))
        click.echo("  scheduler letter list --outcome held\n  scheduler letter release")
    click.echo(
        _(
            "What was done after the backup is lost, also revocations and erasures: check `account list` and"
            " `feed link list`, and erase again the data of people who asked for it."
        )
    )


@click.command(
    help=N_("Make an age key for backups. Its file holds the secret key, which is needed only to read backups.")
)
@click.argument("file", type=FILE)
@as_json
@pass_context
def key(_context: CommandContext, file: Path, as_json: bool) -> None:
    from scheduler.cli.kit.output import write_file
    from scheduler.formats import age

    secret, public = age.make_key()
    write_file(file, f"# public key: {public}\n{secret}\n".encode())
    if as_json:
        print_json({"file": str(file), "public": public})
        return
    click.echo(
        _("Written: {file}. Keep it away from the backups: a person who has both can read them.").format(file=file)
    )
    click.echo(_("For the machine that makes backups, this is enough:"))
    click.echo(f"  SCHEDULER_BACKUP_KEY={public}")


def _find_key(context: CommandContext, file: Path | None) -> Key | None:
    from scheduler import keys

    return keys.read_key(file, "--key-file") if file else keys.find_backup_key(context.settings)


def _record(found: Backup) -> dict[str, Any]:
    header = found.header
    return {
        "file": str(found.file),
        "size": found.file.stat().st_size,
        "made_at": header.made_at,
        "version": header.version,
        "engine": header.engine,
        "revision": header.revision,
        "encrypted": found.encrypted,
        "has_secret": bool(header.secret),
        "rows": found.rows,
    }

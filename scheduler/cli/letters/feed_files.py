"""`scheduler feed export`, `publish` and `refresh`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from scheduler.base.i18n import LANGUAGES, N_
from scheduler.cli.kit.answers import print_json
from scheduler.cli.kit.consent import print_lines
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _
from scheduler.cli.kit.output import refuse_existing, write_file
from scheduler.services.feeds import event_feeds, scopes
from scheduler.services.feeds.alarms import ALARMS, NONE


@click.command(
    help=N_(
        "Make all calendar entries again after an upgrade of the program; those that look the same stay as they are."
    )
)
@pass_context
def refresh(context: CommandContext) -> None:
    with context.write() as session:
        count = event_feeds.render_all_events(session, now=context.now())
    click.echo(_("Revised: {count}").format(count=count))


@click.command("export", help=N_("Write a feed as an .ics file."))
@click.argument("slug")
@click.option("-o", "--output", type=click.Path(path_type=Path), help=N_("The file; without it the feed is printed."))
@click.option("--language", "spoken", type=click.Choice(LANGUAGES), help=N_("Language of the entries."))
@click.option("--hours", is_flag=True, help=N_("Show exhibitions by their opening hours."))
@click.option("--alarms", type=click.Choice([one for one in ALARMS if one]), help=N_("Alarms before each event."))
@click.option("--overwrite", is_flag=True, help=N_("Replace an existing file."))
@pass_context
def export(
    context: CommandContext,
    slug: str,
    output: Path | None,
    spoken: str | None,
    hours: bool,
    alarms: str | None,
    overwrite: bool,
) -> None:
    if output is not None:
        refuse_existing(output, overwrite=overwrite)
    with context.read() as session:
        scope = scopes.get(session, slug)
        content = event_feeds.write(
            session,
            scope,
            language=spoken or context.settings.language,
            now=context.now(),
            by_hours=hours,
            alarms=alarms or NONE,
            house=context.settings.house,
        )
    if output is None:
        sys.stdout.buffer.write(content)
        return
    write_file(output, content, overwrite=overwrite, public=True)
    count = content.count(b"BEGIN:VEVENT")
    click.echo(_("Written: {file} (entries: {count})").format(file=output, count=count))


@click.command("publish", help=N_("Write every public feed with compressed copies, for a web server or a CDN."))
@click.option(
    "--to", "where", required=True, help=N_("A directory, or a URL of object storage like s3://bucket/dir.")
)
@click.option("--dry-run", is_flag=True, help=N_("Show what would change and stop."))
@click.option("--overwrite", is_flag=True, help=N_("Also replace files that this installation has not published."))
@click.option("--check", is_flag=True, help=N_("Look at every feed, not only at those that a change touches."))
@as_json
@pass_context
def publish_feeds(
    context: CommandContext, where: str, dry_run: bool, overwrite: bool, check: bool, as_json: bool
) -> None:
    from scheduler.worker.publish import publish
    from scheduler.worker.publish_targets import target_for

    with _progress() as advance:
        done = publish(context.app, target_for(where), advance, overwrite=overwrite, check=check, keep=not dry_run)
    if as_json:
        print_json(asdict(done))
        return
    if dry_run:
        print_lines([*(f"~ {name}" for name in done.written), *(f"- {name}" for name in done.removed)])
        click.echo(_("Nothing has been changed yet."))
        return
    sentence = _("Written: {written}, unchanged: {unchanged}, removed: {removed}.")
    click.echo(sentence.format(written=len(done.written), unchanged=done.unchanged, removed=len(done.removed)))


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal; the function that it gives takes how many are done, and of how many."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(_("Publishing"))
        yield lambda done, total: bar.update(task, completed=done, total=total)

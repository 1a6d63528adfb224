"""`scheduler feed ...`"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from scheduler.cli.desk import Columns, Desk, as_json, pass_desk, show, show_one
from scheduler.cli.files import write_file
from scheduler.cli.places import family
from scheduler.cli.words import _, language
from scheduler.i18n import LANGUAGES, N_
from scheduler.services import feeds
from scheduler.services.places import NOUNS

feed = family(NOUNS["feed"], {}, N_("Calendars that people subscribe to."))
BUILT_IN: Columns = {N_("Key"): "key", N_("Name"): "name", N_("Events"): "events", N_("Shows"): "shows"}


@feed.command("list", help=N_("Every feed: the built-in ones and those that were added."))
@as_json
@pass_desk
def list_feeds(desk: Desk, as_json: bool) -> None:
    with desk.read() as session:
        now = desk.now()
        records = [
            {
                "key": scope.key,
                "name": scope.name.to(language()),
                "events": feeds.count(session, scope, now=now),
                "shows": _shows(scope),
            }
            for scope in feeds.scopes(session)
        ]
    show(records, BUILT_IN, as_json=as_json)


@feed.command("show", help=N_("One feed."))
@click.argument("key")
@as_json
@pass_desk
def show_feed(desk: Desk, key: str, as_json: bool) -> None:
    with desk.read() as session:
        scope = feeds.scope(session, key)
        record = {**asdict(scope), "name": dict(scope.name), "events": feeds.count(session, scope, now=desk.now())}
    show_one(record, as_json=as_json)


def _shows(scope: feeds.Scope) -> str:
    limits: list[Any] = [*scope.kinds, *scope.cities, *scope.organizers, *scope.tours]
    return ", ".join(map(str, limits)) or _("everything public")


@feed.command(
    help=N_("Render every event anew, after an upgrade of the program; what looks the same stays as it is.")
)
@pass_desk
def refresh(desk: Desk) -> None:
    with desk.write() as session:
        count = feeds.refresh(session, now=desk.now())
    click.echo(_("Revised: {count}").format(count=count))


@feed.command("export", help=N_("Write a feed as an .ics file."))
@click.argument("slug")
@click.option("-o", "--output", type=click.Path(path_type=Path), help=N_("The file; without it the feed is printed."))
@click.option("--language", "spoken", type=click.Choice(LANGUAGES), help=N_("Language of the entries."))
@click.option("--hours", is_flag=True, help=N_("Show exhibitions by their opening hours."))
@pass_desk
def export(desk: Desk, slug: str, output: Path | None, spoken: str | None, hours: bool) -> None:
    with desk.read() as session:
        scope = feeds.scope(session, slug)
        content = feeds.write(
            session,
            scope,
            language=spoken or desk.settings.language,
            now=desk.now(),
            by_hours=hours,
            house=desk.settings.house,
        )
    if output is None:
        sys.stdout.buffer.write(content)
        return
    write_file(output, content)
    count = content.count(b"BEGIN:VEVENT")
    click.echo(_("Written: {file} ({count} entries)").format(file=output, count=count))

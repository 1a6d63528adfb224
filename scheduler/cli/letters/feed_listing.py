"""`scheduler feed list` and `show`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import Columns, show, show_one
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _, language
from scheduler.services.feeds import scopes, selection

COLUMNS: Columns = {N_("Key"): "key", N_("Name"): "name", N_("Events"): "events", N_("Shows"): "shows"}


@click.command("list", help=N_("List all feeds: the built-in ones and those that were added."))
@as_json
@pass_context
def list_feeds(context: CommandContext, as_json: bool) -> None:
    with context.read() as session:
        now = context.now()
        records = [
            {
                "key": scope.key,
                "name": scope.name.to(language()),
                "events": selection.count_events(session, scope, now=now),
                "shows": _limits_in_words(scope),
            }
            for scope in scopes.all_scopes(session)
        ]
    show(records, COLUMNS, as_json=as_json)


@click.command("show", help=N_("Show one feed."))
@click.argument("key")
@as_json
@pass_context
def show_feed(context: CommandContext, key: str, as_json: bool) -> None:
    with context.read() as session:
        scope = scopes.get(session, key)
        record = {
            **asdict(scope),
            "name": dict(scope.name),
            "events": selection.count_events(session, scope, now=context.now()),
        }
    show_one(record, as_json=as_json)


def _limits_in_words(scope: scopes.Scope) -> str:
    limits: list[Any] = [*scope.kinds, *scope.cities, *scope.organizers, *scope.tours]
    return ", ".join(map(str, limits)) or _("everything public")

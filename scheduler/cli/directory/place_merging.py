"""`scheduler organisation|venue|city merge` and `delete`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.i18n import N_
from scheduler.base.vocabulary import key_of_word
from scheduler.cli.directory.merge_words import list_fields, read_taken
from scheduler.cli.kit.consent import carry_out, print_lines, with_consent
from scheduler.cli.kit.context import CommandContext, pass_context
from scheduler.cli.kit.language import _
from scheduler.services.common.lookup import Lookup
from scheduler.services.directory import place_merging, uses
from scheduler.services.directory.place_merging import PlaceMerge
from scheduler.services.events.programme.places import NOUNS, Noun


def _merging(noun: Noun) -> click.Command:
    @click.command(
        "merge", help=N_("Merge two that are one: KEY is kept and gets everything of OTHER, whose key leads to KEY.")
    )
    @click.argument("key")
    @click.argument("other")
    @click.option("--take", multiple=True, metavar="FIELD", help=N_("Take this field from OTHER (repeatable)."))
    @with_consent
    @pass_context
    def command(
        context: CommandContext, key: str, other: str, take: tuple[str, ...], yes: bool, dry_run: bool
    ) -> None:
        names = [name.replace("-", "_") for name in take]
        fields = read_taken(names, list(noun.draft.model_fields), "--take")

        def act(session: Session) -> PlaceMerge:
            lookup = Lookup(session)
            kept, gone = (lookup.get(noun.kind, one) for one in (key, other))
            return place_merging.merge(session, kept, gone, fields=fields, now=context.now())

        carry_out(context, act, lambda done: print_lines(list(_describe(done))), yes=yes, dry_run=dry_run)

    return command


def _describe(done: PlaceMerge) -> Iterator[str]:
    yield _("Merged into {key}: {other}").format(key=done.key, other=done.handle)
    yield from list_fields(done.fields)
    for use, number in done.moved.items():
        yield f"  {_(key_of_word(use))}: {number}"
    for problem in done.contradictions:
        yield f"! {problem.text(_)}"


def _deleting(noun: Noun) -> click.Command:
    @click.command("delete", help=N_("Delete one to which nothing refers."))
    @click.argument("key")
    @with_consent
    @pass_context
    def command(context: CommandContext, key: str, yes: bool, dry_run: bool) -> None:
        def act(session: Session) -> str:
            row: Any = Lookup(session).get(noun.kind, key)
            found = str(row.key)
            uses.delete(session, row, now=context.now())
            return found

        def report(deleted: str) -> None:
            click.echo(_("Deleted: {noun} {key}").format(noun=_(noun.name), key=deleted))

        carry_out(context, act, report, yes=yes, dry_run=dry_run)

    return command


merge_city, merge_organisation, merge_venue = (_merging(NOUNS[noun]) for noun in ("city", "organisation", "venue"))
delete_city, delete_organisation, delete_venue = (
    _deleting(NOUNS[noun]) for noun in ("city", "organisation", "venue")
)

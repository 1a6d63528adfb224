"""`scheduler city|organisation|venue|person|feed add` and `change`: rows that are put as drafts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.i18n import N_
from scheduler.cli.kit.consent import carry_out, print_lines, with_consent
from scheduler.cli.kit.context import CommandContext, pass_context
from scheduler.cli.kit.drafts import check_key, draft_options, draft_with_options, refuse_wrong_verb
from scheduler.cli.kit.language import _
from scheduler.cli.kit.understood import list_doubts
from scheduler.services.common.changes import Change, ChangeKind
from scheduler.services.common.lookup import Lookup
from scheduler.services.common.plain_tables import write_table as plain
from scheduler.services.events.programme.place_drafts import VenueDraft
from scheduler.services.events.programme.places import NOUNS, Noun, put, read_draft


def _adding(noun: str) -> click.Command:
    return click.command("add", help=N_("Add one."))(_putting(NOUNS[noun], adding=True))


def _changing(noun: str) -> click.Command:
    return click.command("change", help=N_("Change the given fields and leave the rest as it is."))(
        _putting(NOUNS[noun], adding=False)
    )


def _putting(noun: Noun, *, adding: bool) -> Callable[..., Any]:
    @click.argument("key")
    @draft_options(noun.draft)
    @pass_context
    def command(
        context: CommandContext, /, key: str, *, yes: bool = True, dry_run: bool = False, **given: Any
    ) -> None:
        language = context.settings.language

        def act(session: Session) -> Change:
            lookup = Lookup(session)
            row = lookup.find(noun.kind, key)
            refuse_wrong_verb(noun.name, key, known=row is not None, adding=adding)
            before = {} if row is None else plain(read_draft(row))
            draft = draft_with_options(noun.draft, before, given, language=language)
            check_key(key)
            return put(session, noun, key, draft, now=context.now(), language=language, lookup=lookup)

        carry_out(context, act, _report, yes=yes, dry_run=dry_run, needless=lambda done: not done.doubts)

    # Only closures of a venue have times that may have passed.
    return with_consent(command) if noun.draft is VenueDraft else command


def _report(change: Change) -> None:
    click.echo(_CHANGES[change.verb]().format(noun=_(change.noun), key=change.key))
    print_lines(list(list_doubts(change.doubts)))


_CHANGES: dict[ChangeKind, Callable[[], str]] = {
    ChangeKind.ADDED: lambda: _("Added: {noun} {key}"),
    ChangeKind.CHANGED: lambda: _("Changed: {noun} {key}"),
    ChangeKind.UNCHANGED: lambda: _("Nothing to change: {noun} {key}"),
}

add_city, add_organisation, add_venue, add_person, add_feed = map(_adding, NOUNS)
change_city, change_organisation, change_venue, change_feed = map(
    _changing, ("city", "organisation", "venue", "feed")
)

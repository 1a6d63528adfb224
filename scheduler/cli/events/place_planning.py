"""`scheduler city|organisation|venue|person|feed add` and `change`, by drafts; `city travel`, between two of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.date_format import format_lead
from scheduler.base.durations import parse_duration
from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import show
from scheduler.cli.kit.consent import carry_out, print_lines, with_consent
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.drafts import check_key, draft_options, draft_with_options, refuse_wrong_verb
from scheduler.cli.kit.language import _
from scheduler.cli.kit.language import language as spoken
from scheduler.cli.kit.records import naming
from scheduler.cli.kit.understood import list_doubts
from scheduler.model.places import City
from scheduler.services.common.changes import Change, ChangeKind
from scheduler.services.common.lookup import Lookup
from scheduler.services.common.plain_tables import write_table as plain
from scheduler.services.events.programme.place_drafts import VenueDraft
from scheduler.services.events.programme.places import (
    MINUTE,
    NOUNS,
    Noun,
    list_travel,
    put,
    read_draft,
    state_travel,
)


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


@click.command(
    help=N_(
        "State how long the journey between two cities takes, like 4 hours, in either direction; without cities, list"
        " what is stated. Whoever is in two cities with less time between is a contradiction of the plan."
    )
)
@click.argument("city", required=False)
@click.argument("to", required=False)
@click.argument("time", required=False)
@click.option("--forget", is_flag=True, help=N_("State no time any more."))
@as_json
@pass_context
def travel(
    context: CommandContext, /, city: str | None, to: str | None, time: str | None, *, forget: bool, as_json: bool
) -> None:
    if city is None:
        _list_all(context, as_json=as_json)
        return
    if to is None or (time is None) is not forget:
        raise Invalid("time: give two cities and a time, or two cities and --forget")
    with naming("time"):
        takes = parse_duration(time) if time else None
    with context.write() as session:
        lookup = Lookup(session)
        one, other = lookup.get(City, city), lookup.get(City, to)
        state_travel(session, one, other, takes, now=context.now())
    words = _("no longer stated") if takes is None else format_lead(takes, spoken())
    click.echo(_("Time of the journey, {city} – {goal}: {time}").format(city=city, goal=to, time=words))


def _list_all(context: CommandContext, *, as_json: bool) -> None:
    with context.read() as session:
        records = [
            {"city": row.from_city.key, "to": row.to_city.key, "minutes": row.takes // MINUTE, "takes": row.takes}
            for row in list_travel(session)
        ]
    lines = [{**record, "takes": format_lead(record["takes"], spoken())} for record in records]
    plain = [{name: value for name, value in record.items() if name != "takes"} for record in records]
    columns = {N_("City"): "city", N_("To"): "to", N_("Time"): "takes"}
    show(plain if as_json else lines, columns, as_json=as_json)

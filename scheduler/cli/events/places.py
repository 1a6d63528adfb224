"""`scheduler venue|city|organisation|person add|change|list|show`: one family, by the table of nouns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from scheduler.base.errors import Conflict
from scheduler.base.i18n import N_
from scheduler.cli.events.person_erasure import erase, retention
from scheduler.cli.kit.context import Columns, CommandContext, as_json, pass_context, show, show_one
from scheduler.cli.kit.language import _
from scheduler.cli.kit.options import options_of, values
from scheduler.services.common.changes import ChangeKind
from scheduler.services.common.drafts import Draft, check
from scheduler.services.common.lookup import Lookup
from scheduler.services.common.plain_tables import table as plain
from scheduler.services.events.programme.places import NOUNS, Noun, draft_of, everything, put


def family(noun: Noun, columns: Columns, help_text: str) -> click.Group:
    """add, change, list and show for a noun whose rows are put as drafts."""

    @click.group(noun.name, help=help_text)
    def group() -> None:
        pass

    group.command("add", help=N_("Add one."))(_putting(noun, adding=True))
    group.command("change", help=N_("Change what is given and leave the rest."))(_putting(noun, adding=False))
    group.command("list", help=N_("List all."))(_listing(noun, columns))
    group.command("show", help=N_("Show one."))(_showing(noun))
    return group


def _putting(noun: Noun, *, adding: bool) -> Callable[..., Any]:
    @click.argument("key")
    @options_of(noun.draft)
    @pass_context
    def command(context: CommandContext, /, key: str, **given: Any) -> None:
        language = context.settings.language
        said = values(noun.draft, given, language=language)
        with context.write() as session:
            lookup = Lookup(session)
            row = lookup.find(noun.kind, key)
            _refuse_wrong_verb(noun, key, row is not None, adding)
            base = {} if row is None else plain(draft_of(row))
            draft = check(noun.draft, {**base, **_merged(base, said)}, language=language)
            check_key(key)
            done = put(session, noun, key, draft, now=context.now(), language=language, lookup=lookup)
        click.echo(_SAID[done.verb]().format(noun=_(noun.name), key=key))

    return command


_SAID: dict[ChangeKind, Callable[[], str]] = {
    ChangeKind.ADDED: lambda: _("Added: {noun} {key}"),
    ChangeKind.CHANGED: lambda: _("Changed: {noun} {key}"),
    ChangeKind.UNCHANGED: lambda: _("Nothing to change: {noun} {key}"),
}


def _refuse_wrong_verb(noun: Noun, key: str, known: bool, adding: bool) -> None:
    if known and adding:
        raise Conflict("{noun} {key} is there already; use: scheduler {noun} change", noun=noun.name, key=key)
    if not known and not adding:
        raise Conflict("there is no {noun} {key}; use: scheduler {noun} add", noun=noun.name, key=key)


def _merged(base: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """A text given in one language leaves the other languages as they are."""
    merged = dict(said)
    for name, value in said.items():
        if isinstance(value, dict) and isinstance(base.get(name), dict) and name != "hours":
            merged[name] = {**base[name], **value}
    return merged


def check_key(key: str) -> None:
    from pydantic import TypeAdapter, ValidationError

    from scheduler.base.errors import Invalid
    from scheduler.services.common.values import Key

    try:
        TypeAdapter(Key).validate_python(key)
    except ValidationError as error:
        problem = error.errors()[0]["ctx"]["error"]
        raise Invalid("key: {problem}", problem=problem) from error


def _listing(noun: Noun, columns: Columns) -> Callable[..., Any]:
    @as_json
    @pass_context
    def command(context: CommandContext, as_json: bool) -> None:
        with context.read() as session:
            records = [record_of(row.key, draft_of(row)) for row in everything(session, noun)]
        show(records, columns, as_json=as_json)

    return command


def _showing(noun: Noun) -> Callable[..., Any]:
    @click.argument("key")
    @as_json
    @pass_context
    def command(context: CommandContext, key: str, as_json: bool) -> None:
        with context.read() as session:
            row = Lookup(session).get(noun.kind, key)
            show_one(record_of(key, draft_of(row)), as_json=as_json)

    return command


def record_of(key: str, draft: Draft) -> dict[str, Any]:
    return {"key": key, **plain(draft)}


def said(name: str) -> Callable[[Mapping[str, Any]], str]:
    """A column that holds a text in several languages, in the desk's."""

    def cell(record: Mapping[str, Any]) -> str:
        from scheduler.base.text import Text
        from scheduler.cli.kit.language import language

        return Text(record.get(name) or {}).to(language())

    return cell


def field(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda record: record.get(name)


_NAMED: dict[str, Callable[[Any], Any] | str] = {N_("Key"): "key", N_("Name"): said("name")}

city = family(
    NOUNS["city"],
    {**_NAMED, N_("Country"): field("country"), N_("Zone"): field("tz")},
    N_("Cities."),
)
organisation = family(
    NOUNS["organisation"],
    {**_NAMED, N_("Country"): field("country"), N_("E-mail"): field("email")},
    N_("Organisations."),
)
venue = family(
    NOUNS["venue"],
    {**_NAMED, N_("City"): field("city"), N_("Address"): said("address"), N_("Hours"): field("hours")},
    N_("Venues."),
)
person = family(
    NOUNS["person"],
    {
        **_NAMED,
        N_("Position"): said("position"),
        N_("E-mail"): field("email"),
        N_("Language"): field("language"),
        N_("Zone"): field("tz"),
        N_("Precedence"): field("precedence"),
    },
    N_("People of the programme."),
)
person.add_command(erase)
person.add_command(retention)

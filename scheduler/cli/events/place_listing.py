"""`scheduler city|organisation|venue|person list` and `show`."""

from __future__ import annotations

from typing import Any

import click

from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import Columns, show, show_one
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.records import field, localized
from scheduler.services.common.drafts import Draft
from scheduler.services.common.lookup import Lookup
from scheduler.services.common.plain_tables import write_table as plain
from scheduler.services.events.programme.places import NOUNS, list_rows, read_draft


def _listing(noun: str, columns: Columns) -> click.Command:
    @click.command("list", help=N_("List all."))
    @as_json
    @pass_context
    def command(context: CommandContext, as_json: bool) -> None:
        with context.read() as session:
            records = [_record(row.key, read_draft(row)) for row in list_rows(session, NOUNS[noun])]
        show(records, {N_("Key"): "key", N_("Name"): localized("name"), **columns}, as_json=as_json)

    return command


def _showing(noun: str) -> click.Command:
    @click.command("show", help=N_("Show one."))
    @click.argument("key")
    @as_json
    @pass_context
    def command(context: CommandContext, key: str, as_json: bool) -> None:
        with context.read() as session:
            row = Lookup(session).get(NOUNS[noun].kind, key)
            show_one(_record(key, read_draft(row)), as_json=as_json)

    return command


def _record(key: str, draft: Draft) -> dict[str, Any]:
    return {"key": key, **plain(draft)}


list_cities = _listing("city", {N_("Country"): field("country"), N_("Zone"): field("tz")})
list_organisations = _listing("organisation", {N_("Country"): field("country"), N_("E-mail"): field("email")})
list_venues = _listing(
    "venue", {N_("City"): field("city"), N_("Address"): localized("address"), N_("Hours"): field("hours")}
)
list_people = _listing(
    "person",
    {
        N_("Position"): localized("position"),
        N_("E-mail"): field("email"),
        N_("Language"): field("language"),
        N_("Zone"): field("tz"),
        N_("Precedence"): field("precedence"),
    },
)

show_city, show_organisation, show_venue, show_person = map(_showing, ("city", "organisation", "venue", "person"))

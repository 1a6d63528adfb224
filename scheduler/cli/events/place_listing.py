"""`scheduler city|organisation|venue|person list` and `show`."""

from __future__ import annotations

from typing import Any

import click

from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import Columns, show, show_one
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.records import field, localized
from scheduler.model.places import City, Organisation, Person, Venue
from scheduler.services.common.lookup import Lookup
from scheduler.services.common.lookup import get_person as person_of
from scheduler.services.common.plain_values import drop_defaults, write_fields
from scheduler.services.events.programme.place_reading import Place, list_rows, read_fields


def _listing(kind: type[Any], columns: Columns) -> click.Command:
    @click.command("list", help=N_("List all."))
    @as_json
    @pass_context
    def command(context: CommandContext, as_json: bool) -> None:
        with context.read() as session:
            records = [place_record(row) for row in list_rows(session, kind)]
        show(records, {N_("Key"): "key", N_("Name"): localized("name"), **columns}, as_json=as_json)

    return command


def _showing(kind: type[Any]) -> click.Command:
    @click.command("show", help=N_("Show one."))
    @click.argument("key")
    @as_json
    @pass_context
    def command(context: CommandContext, key: str, as_json: bool) -> None:
        with context.read() as session:
            show_one(place_record(Lookup(session).get(kind, key)), as_json=as_json)

    return command


def place_record(row: Place) -> dict[str, Any]:
    return {"key": row.key, **write_fields(drop_defaults(read_fields(row)))}


list_cities = _listing(City, {N_("Country"): field("country"), N_("Zone"): field("tz")})
list_organisations = _listing(Organisation, {N_("Country"): field("country"), N_("E-mail"): field("email")})
list_venues = _listing(
    Venue, {N_("City"): field("city"), N_("Address"): localized("address"), N_("Hours"): field("hours")}
)
list_people = _listing(
    Person,
    {
        N_("Position"): localized("position"),
        N_("E-mail"): field("email"),
        N_("Language"): field("language"),
        N_("Zone"): field("tz"),
        N_("Precedence"): field("precedence"),
    },
)

show_city, show_organisation, show_venue = map(_showing, (City, Organisation, Venue))


@click.command("show", help=N_("Show one: by key, #number or e-mail address."))
@click.argument("person")
@as_json
@pass_context
def show_person(context: CommandContext, person: str, as_json: bool) -> None:
    with context.read() as session:
        found = person_of(session, person)
        asked = {"name_asked_for": found.name_asked} if found.name_asked else {}
        show_one({"person": found.key or f"#{found.id}", **place_record(found), **asked}, as_json=as_json)

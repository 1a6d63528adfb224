"""`scheduler post list`, `show`, `service list` and `counter list`."""

from __future__ import annotations

import click

from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import Columns, show, show_one
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.records import field, localized
from scheduler.services.consulate.posts import posts


@click.command("list", help=N_("List all."))
@as_json
@pass_context
def list_posts(context: CommandContext, as_json: bool) -> None:
    with context.read() as session:
        records = [{"key": row.key, **posts.write_table(row)} for row in posts.list_posts(session)]
    show(records, POSTS, as_json=as_json)


POSTS: Columns = {
    N_("Key"): "key",
    N_("Name"): localized("name"),
    N_("City"): "city",
    N_("Services"): lambda record: ", ".join(record.get("service", {})),
    N_("Counters"): lambda record: ", ".join(record.get("counter", {})),
}


@click.command("show", help=N_("Show one."))
@click.argument("key")
@as_json
@pass_context
def show_post(context: CommandContext, key: str, as_json: bool) -> None:
    with context.read() as session:
        show_one({"key": key, **posts.write_table(posts.get(session, key))}, as_json=as_json)


def _parts_listing(noun: str, columns: Columns) -> click.Command:
    @click.command("list", help=N_("List all."))
    @click.argument("post_key", metavar="POST")
    @as_json
    @pass_context
    def command(context: CommandContext, post_key: str, as_json: bool) -> None:
        with context.read() as session:
            parts = posts.write_table(posts.get(session, post_key)).get(noun, {})
            records = [{"key": key, **part} for key, part in parts.items()]
        show(records, columns, as_json=as_json)

    return command


list_counters = _parts_listing(
    "counter", {N_("Key"): "key", N_("Name"): localized("name"), N_("Hours"): field("hours")}
)
list_services = _parts_listing(
    "service",
    {
        N_("Key"): "key",
        N_("Name"): localized("name"),
        N_("Minutes"): field("minutes"),
        N_("Fee"): lambda record: " ".join(filter(None, (record.get("fee"), record.get("currency")))),
        N_("Per day"): field("quota"),
    },
)

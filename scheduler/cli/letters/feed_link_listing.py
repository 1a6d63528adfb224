"""`scheduler feed link list` and `show`."""

from __future__ import annotations

from typing import Any

import click

from scheduler.base.i18n import LANGUAGES, N_
from scheduler.cli.kit.answers import Columns, show, show_one
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _
from scheduler.cli.kit.records import NUMBER, format_instant
from scheduler.model.feeds import FeedLink
from scheduler.services.feeds import links as feed_links
from scheduler.services.feeds.addresses import Address

in_language = click.option("--language", "spoken", type=click.Choice(LANGUAGES), help=N_("Language of the entries."))


@click.command("list", help=N_("List the holders of addresses, and when each address was last used."))
@as_json
@pass_context
def list_links(context: CommandContext, as_json: bool) -> None:
    with context.read() as session:
        records = [_record(context, link) for link in feed_links.list_links(session)]
    show(records, COLUMNS, as_json=as_json)


COLUMNS: Columns = {
    N_("Link"): "number",
    N_("For"): "holder",
    N_("Feed"): "feed",
    N_("Sees"): "sees",
    N_("Last used"): lambda record: record["last_used"] or "-",
    N_("State"): lambda record: _("revoked") if record["revoked"] else _("in force"),
}


@click.command("show", help=N_("Show one link with its address."))
@click.argument("number", type=NUMBER)
@in_language
@as_json
@pass_context
def show_link(context: CommandContext, number: int, spoken: str | None, as_json: bool) -> None:
    with context.read() as session:
        record = link_record(context, feed_links.get(session, number), spoken)
    show_one(record, as_json=as_json)


def link_record(context: CommandContext, link: FeedLink, spoken: str | None) -> dict[str, Any]:
    """Return the fields of a link with its address; a revoked link has no address."""
    token = feed_links.token(link, secret=context.app.secret)
    path = Address(token, spoken or context.settings.language, private=True)
    address = None if link.revoked_at else f"{context.settings.base_url}{path}"
    return {**_record(context, link), "address": address}


def _record(context: CommandContext, link: FeedLink) -> dict[str, Any]:
    tzid = context.settings.timezone
    return {
        "number": link.id,
        "holder": link.holder,
        "feed": link.feed,
        "sees": link.sees.value,
        "person": link.person and str(link.person.name),
        "post": link.post and link.post.key,
        "account": link.account and link.account.name,
        "names": link.names if link.post else None,
        "created": format_instant(link.created_at, tzid),
        "last_used": format_instant(link.last_used_at, tzid) or None,
        "revoked": format_instant(link.revoked_at, tzid) or None,
    }

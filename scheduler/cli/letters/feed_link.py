"""`scheduler feed link ...`"""

from __future__ import annotations

from typing import Any

import click

from scheduler.base.errors import Invalid
from scheduler.base.i18n import LANGUAGES, N_
from scheduler.base.text import line
from scheduler.cli.kit.context import Columns, CommandContext, as_json, at, pass_context, show, show_one
from scheduler.cli.kit.language import _
from scheduler.model import FeedLink, Sees
from scheduler.model.feeds import EVERYTHING
from scheduler.services.accounts import accounts
from scheduler.services.common import lookup
from scheduler.services.consulate.posts import posts
from scheduler.services.feeds import links as feed_links
from scheduler.services.feeds import scopes
from scheduler.services.feeds.addresses import Address


@click.group("link", help=N_("Secret addresses of feeds: each for one holder, each revoked alone."))
def link() -> None:
    pass


LINKS: Columns = {
    N_("Link"): "number",
    N_("For"): "holder",
    N_("Feed"): "feed",
    N_("Sees"): "sees",
    N_("Last used"): lambda record: record["last_used"] or "-",
    N_("State"): lambda record: _("revoked") if record["revoked"] else _("in force"),
}
NUMBER = click.IntRange(1, 2**63 - 1)  # as far as databases count
SEES = [Sees.PUBLIC.value, Sees.PRIVATE.value]


@link.command("add", help=N_("Make an address for one holder: of a feed, or of one person's own agenda."))
@click.argument("slug", default=EVERYTHING)
@click.option("--for", "holder", required=True, help=N_("Who will hold it, like: driver of the Ambassador."))
@click.option("--sees", type=click.Choice(SEES), help=N_("Public events only, or private ones too."))
@click.option("--person", help=N_("Key of the person whose own agenda it shows: what they are invited to."))
@click.option("--post", help=N_("Key of a post whose visits to come it shows, to the account named by --account."))
@click.option("--account", help=N_("The officer who will hold it; it ends when they see that post no more."))
@click.option("--names", is_flag=True, help=N_("With who comes, for an officer who may see that."))
@click.option("--language", "spoken", type=click.Choice(LANGUAGES), help=N_("Language of the entries."))
@as_json
@pass_context
def add_link(
    context: CommandContext,
    slug: str,
    holder: str,
    sees: str | None,
    person: str | None,
    post: str | None,
    account: str | None,
    names: bool,
    spoken: str | None,
    as_json: bool,
) -> None:
    if (post is None) != (account is None) or (names and post is None):
        raise Invalid("--post and --account go together; --names only beside them")
    if post and (person or sees):
        raise Invalid("--post: leave out --person and --sees beside it")
    if person and sees:
        raise Invalid("--sees: an agenda shows what its person is invited to; leave it out beside --person")
    try:
        holder = line(holder, most=200)
    except Invalid as error:
        raise Invalid("{place}: {problem}", place="--for", problem=error) from error
    with context.write() as session:
        if post and account:
            given = feed_links.add_visits(
                session,
                post=posts.get(session, post),
                account=accounts.get(session, account),
                holder=holder,
                names=names,
                now=context.now(),
            )
            show_one(_with_address(context, given, spoken), as_json=as_json)
            return
        scope = scopes.get(session, slug)
        whose = lookup.person(session, person) if person else None
        shown = Sees.OWN if whose else Sees(sees or Sees.PRIVATE)
        made = feed_links.add(session, feed=scope.key, holder=holder, sees=shown, person=whose, now=context.now())
        record = _with_address(context, made, spoken)
    show_one(record, as_json=as_json)


@link.command("list", help=N_("Who holds an address, and when it was last used."))
@as_json
@pass_context
def list_links(context: CommandContext, as_json: bool) -> None:
    with context.read() as session:
        records = [_of_link(context, link) for link in feed_links.all_links(session)]
    show(records, LINKS, as_json=as_json)


@link.command("show", help=N_("One link, with its address."))
@click.argument("number", type=NUMBER)
@click.option("--language", "spoken", type=click.Choice(LANGUAGES), help=N_("Language of the entries."))
@as_json
@pass_context
def show_link(context: CommandContext, number: int, spoken: str | None, as_json: bool) -> None:
    with context.read() as session:
        record = _with_address(context, feed_links.get(session, number), spoken)
    show_one(record, as_json=as_json)


@link.command("revoke", help=N_("Take an address back: from now on it leads nowhere."))
@click.argument("number", type=NUMBER)
@pass_context
def revoke_link(context: CommandContext, number: int) -> None:
    with context.write() as session:
        feed_links.revoke(session, feed_links.get_for_update(session, number), now=context.now())
    click.echo(_("Revoked: {number}").format(number=number))


@link.command("renew", help=N_("Give the holder another address; the one before leads nowhere."))
@click.argument("number", type=NUMBER)
@click.option("--language", "spoken", type=click.Choice(LANGUAGES), help=N_("Language of the entries."))
@as_json
@pass_context
def renew_link(context: CommandContext, number: int, spoken: str | None, as_json: bool) -> None:
    with context.write() as session:
        found = feed_links.get_for_update(session, number)
        feed_links.renew(session, found, now=context.now())
        record = _with_address(context, found, spoken)
    show_one(record, as_json=as_json)


def _of_link(context: CommandContext, link: FeedLink) -> dict[str, Any]:
    tz = context.settings.timezone
    return {
        "number": link.id,
        "holder": link.holder,
        "feed": link.feed,
        "sees": link.sees.value,
        "person": link.person and str(link.person.name),
        "post": link.post and link.post.key,
        "account": link.account and link.account.name,
        "names": link.names if link.post else None,
        "created": at(link.created_at, tz),
        "last_used": at(link.last_used_at, tz) or None,
        "revoked": at(link.revoked_at, tz) or None,
    }


def _with_address(context: CommandContext, link: FeedLink, spoken: str | None) -> dict[str, Any]:
    """A revoked link has none."""
    token = feed_links.token(link, secret=context.app.secret)
    address = Address(token, spoken or context.settings.language, private=True)
    whole = None if link.revoked_at else f"{context.settings.base_url}{address}"
    return {**_of_link(context, link), "address": whole}

"""`scheduler feed link add`, `revoke` and `renew`."""

from __future__ import annotations

from functools import partial
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.base.text import check_line
from scheduler.cli.kit.answers import show_one
from scheduler.cli.kit.consent import carry_out, print_lines, with_consent
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _
from scheduler.cli.kit.records import NUMBER, read_text
from scheduler.cli.letters.feed_link_listing import in_language, link_record
from scheduler.model.feeds import EVERYTHING, FeedLink, Sees
from scheduler.services.accounts import accounts
from scheduler.services.common import lookup
from scheduler.services.consulate.posts import posts
from scheduler.services.feeds import links as feed_links
from scheduler.services.feeds import scopes

SEES = [Sees.PUBLIC.value, Sees.PRIVATE.value]
MAX_HOLDER_LENGTH = 200  # characters


@click.command("add", help=N_("Make an address for one holder: of a feed, or of one person's own agenda."))
@click.argument("slug", default=EVERYTHING)
@click.option("--for", "holder", required=True, help=N_("Holder of the address, like: driver of the Ambassador."))
@click.option("--sees", type=click.Choice(SEES), help=N_("Only public events, or also private ones."))
@click.option(
    "--person", help=N_("Key of the person whose agenda it shows: the events to which the person is invited.")
)
@click.option(
    "--post", help=N_("Key of the post whose coming appointments it shows to the account given by --account.")
)
@click.option(
    "--account", help=N_("Officer who will hold it; it stops working when the officer may no longer see that post.")
)
@click.option(
    "--names", is_flag=True, help=N_("Show also the names of the people who come, to an officer who may see them.")
)
@in_language
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
    _refuse_contradictions(sees, person, post, account, names=names)
    holder = read_text(holder, "--for", check_line, most=MAX_HOLDER_LENGTH)
    with context.write() as session:
        if post and account:
            added = feed_links.add_visits(
                session,
                post=posts.get(session, post),
                account=accounts.get(session, account),
                holder=holder,
                names=names,
                now=context.now(),
            )
        else:
            added = _add_events(context, session, slug, holder, sees, person)
        record = link_record(context, added, spoken)
    show_one(record, as_json=as_json)


def _refuse_contradictions(
    sees: str | None, person: str | None, post: str | None, account: str | None, *, names: bool
) -> None:
    """Raise Invalid for options that do not go together."""
    if (post is None) != (account is None) or (names and post is None):
        raise Invalid("--post and --account: give both together; --names is only for use with them")
    if post and (person or sees):
        raise Invalid("--post: leave out --person and --sees")
    if person and sees:
        raise Invalid(
            "--sees: leave it out with --person, whose agenda shows the events to which the person is invited"
        )


def _add_events(
    context: CommandContext, session: Session, slug: str, holder: str, sees: str | None, person: str | None
) -> FeedLink:
    """Add a link to a feed of events, or to the agenda of one person."""
    scope = scopes.get(session, slug)
    whose = lookup.get_person(session, person) if person else None
    shown = Sees.OWN if whose else Sees(sees or Sees.PRIVATE)
    return feed_links.add(session, feed=scope.key, holder=holder, sees=shown, person=whose, now=context.now())


@click.command("revoke", help=N_("Revoke an address: it stops working at once."))
@click.argument("number", type=NUMBER)
@with_consent
@pass_context
def revoke_link(context: CommandContext, number: int, yes: bool, dry_run: bool) -> None:
    def act(session: Session) -> list[str]:
        found = feed_links.get_for_update(session, number)
        feed_links.revoke(session, found, now=context.now())
        return [_("Revoked: {number}").format(number=f"{number} · {found.holder}")]

    carry_out(context, act, print_lines, yes=yes, dry_run=dry_run)


@click.command("renew", help=N_("Give the holder a new address; the present one stops working."))
@click.argument("number", type=NUMBER)
@in_language
@with_consent
@as_json
@pass_context
def renew_link(
    context: CommandContext, number: int, spoken: str | None, yes: bool, dry_run: bool, as_json: bool
) -> None:
    def act(session: Session) -> dict[str, Any]:
        found = feed_links.get_for_update(session, number)
        feed_links.renew(session, found, now=context.now())
        return link_record(context, found, spoken)

    report = partial(show_one, as_json=as_json)
    carry_out(context, act, report, yes=yes, dry_run=dry_run, as_json=as_json)

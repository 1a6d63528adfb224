"""`scheduler account add`, `role`, `posts`, `password`, `disable`, `enable` and `sessions`."""

from __future__ import annotations

import sys
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.errors import Invalid
from scheduler.base.i18n import LANGUAGES, N_
from scheduler.cli.kit.answers import show_one
from scheduler.cli.kit.consent import carry_out, print_lines, with_consent
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _
from scheduler.cli.kit.records import format_instant
from scheduler.cli.system.account_listing import account_record, posts_in_words
from scheduler.model.accounts import Account, AccountRole
from scheduler.services.accounts import accounts, assigned_posts
from scheduler.services.accounts.account_drafts import AccountDraft
from scheduler.services.accounts.accounts import INVITATION_LIFETIME
from scheduler.services.common.drafts import check
from scheduler.services.consulate.posts import posts

ROLES = [role.value for role in AccountRole]
with_role = click.option("--role", type=click.Choice(ROLES), required=True, help=N_("Role of the account."))
from_stdin = click.option("--password-stdin", is_flag=True, help=N_("Read the password from standard input."))
with_link = click.option(
    "--invite",
    is_flag=True,
    help=N_("Print a link instead, which works one time and with which the owner chooses the password."),
)


of_posts = click.option(
    "--post",
    "keys",
    multiple=True,
    help=N_("Post whose appointments the account sees (repeatable); an administrator sees all."),
)


@click.command(help=N_("Add an account; its password is asked for and not shown."))
@click.argument("name")
@click.option("--called", help=N_("Full name, as others see it (default: the sign-in name)."))
@with_role
@of_posts
@click.option(
    "--language", "spoken", type=click.Choice(LANGUAGES), help=N_("Language of the pages that the account sees.")
)
@from_stdin
@with_link
@as_json
@pass_context
def add(
    context: CommandContext,
    name: str,
    called: str | None,
    role: str,
    keys: tuple[str, ...],
    spoken: str | None,
    password_stdin: bool,
    invite: bool,
    as_json: bool,
) -> None:
    given = {"name": name, "called": called or name, "role": role, "language": spoken or context.settings.language}
    draft = check(AccountDraft, given)
    with context.read() as session:
        accounts.refuse_taken(session, draft.name)  # before a password is asked for in vain
    hashed = _read_password(draft.name, draft.called, stdin=password_stdin, invite=invite)
    with context.write() as session:
        added = accounts.add(session, draft, now=context.now())
        if keys:
            _assign_posts(context, session, added, keys)
        link = _set_password_or_invite(context, session, added, hashed)
        record = {**account_record(context, added), **link}
    show_one(record, as_json=as_json)


@click.command(help=N_("Give an account another role, which applies from the next page on."))
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@with_consent
@pass_context
def role(context: CommandContext, name: str, role: str, yes: bool, dry_run: bool) -> None:
    def act(session: Session) -> list[str]:
        found = accounts.get_for_update(session, name)
        revoked = accounts.give_role(session, found, AccountRole(role), now=context.now())
        return [_("New role of {name}: {role}").format(name=found.name, role=_(role)), *_tell_revoked(revoked)]

    carry_out(context, act, print_lines, yes=yes, dry_run=dry_run)


def _tell_revoked(links: int) -> list[str]:
    return [_("Calendar addresses that no longer work: {count}").format(count=links)] if links else []


@click.command("posts", help=N_("Show or set the posts whose appointments an account sees."))
@click.argument("name")
@of_posts
@click.option("--none", is_flag=True, help=N_("Take all posts away from the account."))
@with_consent
@as_json
@pass_context
def posts_of(
    context: CommandContext,
    name: str,
    keys: tuple[str, ...],
    none: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    if keys and none:
        raise Invalid("--none: cannot be used with --post; leave one of them out")
    if not keys and not none:
        with context.read() as session:
            show_one(_posts_record(accounts.get(session, name)), as_json=as_json)
        return

    def act(session: Session) -> tuple[bool, dict[str, Any]]:
        found = accounts.get_for_update(session, name)
        before = set(found.posts)
        revoked = _assign_posts(context, session, found, keys)
        lost = bool(before - set(found.posts))
        return lost, {**_posts_record(found), **({"revoked_calendars": revoked} if revoked else {})}

    carry_out(
        context,
        act,
        lambda done: show_one(done[1], as_json=as_json),
        yes=yes,
        dry_run=dry_run,
        as_json=as_json,
        needless=lambda done: not done[0],
    )


def _posts_record(found: Account) -> dict[str, Any]:
    return {"name": found.name, "posts": posts_in_words(found)}


def _assign_posts(context: CommandContext, session: Session, found: Account, keys: tuple[str, ...]) -> int:
    rows = [posts.get(session, key) for key in dict.fromkeys(keys)]
    return assigned_posts.assign(session, found, rows, now=context.now())


@click.command(help=N_("Set a new password; all sessions of the account end."))
@click.argument("name")
@from_stdin
@with_link
@as_json
@pass_context
def password(context: CommandContext, name: str, password_stdin: bool, invite: bool, as_json: bool) -> None:
    with context.read() as session:
        found = accounts.get(session, name)
    hashed = _read_password(found.name, found.called, stdin=password_stdin, invite=invite)
    with context.write() as session:
        link = _set_password_or_invite(context, session, accounts.get_for_update(session, name), hashed)
    if as_json or link:
        show_one({"name": found.name, **link}, as_json=as_json)
    else:
        click.echo(_("The password is changed, and every session has ended: {name}").format(name=found.name))


@click.command(help=N_("Disable an account. Nobody can sign in with it, and its sessions end at once."))
@click.argument("name")
@with_consent
@pass_context
def disable(context: CommandContext, name: str, yes: bool, dry_run: bool) -> None:
    def act(session: Session) -> list[str]:
        found = accounts.get_for_update(session, name)
        revoked = accounts.disable(session, found, now=context.now())
        return [_("Disabled: {name}").format(name=found.name), *_tell_revoked(revoked)]

    carry_out(context, act, print_lines, yes=yes, dry_run=dry_run)


@click.command(help=N_("Enable an account again, with the password it had."))
@click.argument("name")
@pass_context
def enable(context: CommandContext, name: str) -> None:
    with context.write() as session:
        found = accounts.get_for_update(session, name)
        accounts.enable(session, found, now=context.now())
    click.echo(_("Enabled: {name}").format(name=found.name))


@click.command(help=N_("End all sessions of an account: it is signed out on every device."))
@click.argument("name")
@with_consent
@pass_context
def sessions(context: CommandContext, name: str, yes: bool, dry_run: bool) -> None:
    def act(session: Session) -> list[str]:
        found = accounts.get_for_update(session, name)
        accounts.end_sessions(session, found, now=context.now())
        return [_("Signed out everywhere: {name}").format(name=found.name)]

    carry_out(context, act, print_lines, yes=yes, dry_run=dry_run)


def _read_password(name: str, called: str, *, stdin: bool, invite: bool) -> str | None:
    """Read a password, check it and return its hash; None with ``invite``: they choose it themselves.

    Raise Invalid for both ways at once, if nobody can be asked, and for a password that is too weak.
    """
    if stdin and invite:
        raise Invalid(
            "--password-stdin: cannot be used with --invite, with which the owner"
            " chooses the password; leave one of them out"
        )
    if invite:
        return None
    if stdin:
        typed = sys.stdin.read().rstrip("\r\n")
    elif not sys.stdin.isatty():
        raise Invalid("password: there is no terminal to ask for it; give --password-stdin or --invite")
    else:
        typed = click.prompt(_("Password"), hide_input=True, confirmation_prompt=_("The same password again"))
    return accounts.hash_new_password(typed, name, called)


def _set_password_or_invite(
    context: CommandContext, session: Session, found: Account, hashed: str | None
) -> dict[str, Any]:
    """Set the password; without one return the link at which they choose it, and until when it can be used."""
    now = context.now()
    if hashed is not None:
        accounts.set_password(session, found, hashed, now=now)
        return {}
    token = accounts.invite(session, found, secret=context.app.secret, now=now)
    address = f"{context.settings.base_url}/{found.language}/desk/set-up/{token}"
    return {"link": address, "until": format_instant(now + INVITATION_LIFETIME, context.settings.timezone)}

"""`scheduler account ...`"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from scheduler.base.errors import Invalid
from scheduler.base.i18n import LANGUAGES, N_
from scheduler.cli.kit.context import Columns, CommandContext, as_json, at, pass_context, show, show_one
from scheduler.cli.kit.language import _
from scheduler.model import Account, AccountRole
from scheduler.services.accounts import accounts, assigned_posts
from scheduler.services.accounts.accounts import INVITED, AccountDraft
from scheduler.services.common.drafts import check
from scheduler.services.consulate.posts import posts

ROLES = [role.value for role in AccountRole]
with_role = click.option("--role", type=click.Choice(ROLES), required=True, help=N_("What they are here."))
from_stdin = click.option("--password-stdin", is_flag=True, help=N_("Read the password from standard input."))
with_link = click.option(
    "--invite", is_flag=True, help=N_("Print a link instead, good once, at which they choose it themselves.")
)


of_posts = click.option(
    "--post", "keys", multiple=True, help=N_("A post whose visits they see (repeatable); an administrator sees all.")
)


@click.group(help=N_("Accounts of those who sign in: officers, the door."))
def account() -> None:
    pass


@account.command(help=N_("Make an account; asks for its password, which is not shown."))
@click.argument("name")
@click.option("--called", help=N_("Full name, as others see it (default: the name)."))
@with_role
@of_posts
@click.option("--language", "spoken", type=click.Choice(LANGUAGES), help=N_("Language of their pages."))
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
    kept = _asked(draft.name, draft.called, stdin=password_stdin, invite=invite)
    with context.write() as session:
        made = accounts.add(session, draft, now=context.now())
        if keys:
            assigned_posts.give(
                session, made, [posts.get(session, key) for key in dict.fromkeys(keys)], now=context.now()
            )
        link = _with_password(context, session, made, kept)
        record = {**_record(context, made), **link}
    show_one(record, as_json=as_json)


@account.command("list", help=N_("Who has an account, and when they were last here."))
@as_json
@pass_context
def list_accounts(context: CommandContext, as_json: bool) -> None:
    with context.read() as session:
        records = [_record(context, one) for one in accounts.everybody(session)]
    show(records, COLUMNS, as_json=as_json, nothing=_("No accounts; make one: scheduler account add."))


COLUMNS: Columns = {
    N_("Name"): "name",
    N_("Called"): "called",
    N_("Role"): lambda record: _(record["role"]),
    N_("Language"): "language",
    N_("Last signed in"): lambda record: record["last_signed_in"] or "-",
    N_("State"): lambda record: _say(record["state"]),
}


def _say(word: str) -> str:
    return _(word)


@account.command("show", help=N_("One account."))
@click.argument("name")
@as_json
@pass_context
def show_account(context: CommandContext, name: str, as_json: bool) -> None:
    with context.read() as session:
        record = _record(context, accounts.get(session, name))
    show_one(record, as_json=as_json)


@account.command(help=N_("Give it another role, from their next page on."))
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@pass_context
def role(context: CommandContext, name: str, role: str) -> None:
    with context.write() as session:
        found = accounts.get_for_update(session, name)
        accounts.give_role(session, found, AccountRole(role), now=context.now())
    click.echo(_("{name} is now: {role}").format(name=found.name, role=_(role)))


@account.command(
    "posts", help=N_("The posts whose visits an account sees; with --post or --none, these from now on.")
)
@click.argument("name")
@of_posts
@click.option("--none", is_flag=True, help=N_("None any more."))
@as_json
@pass_context
def posts_of(context: CommandContext, name: str, keys: tuple[str, ...], none: bool, as_json: bool) -> None:
    if keys and none:
        raise Invalid("--none: leave it out beside --post")
    with context.write() as session:
        found = accounts.get_for_update(session, name)
        if keys or none:
            assigned_posts.give(
                session, found, [posts.get(session, key) for key in dict.fromkeys(keys)], now=context.now()
            )
        seen = _posts(found)
    show_one({"name": found.name, "posts": seen}, as_json=as_json)


def _posts(row: Account) -> list[str] | str:
    return _("all") if row.role is AccountRole.ADMINISTRATOR else [post.key for post in row.posts]


@account.command(help=N_("Set another password; every session ends."))
@click.argument("name")
@from_stdin
@with_link
@as_json
@pass_context
def password(context: CommandContext, name: str, password_stdin: bool, invite: bool, as_json: bool) -> None:
    with context.read() as session:
        found = accounts.get(session, name)
    kept = _asked(found.name, found.called, stdin=password_stdin, invite=invite)
    with context.write() as session:
        held = accounts.get_for_update(session, name)
        said = _with_password(context, session, held, kept)
    if as_json or said:
        show_one({"name": found.name, **said}, as_json=as_json)
    else:
        click.echo(_("The password of {name} is changed; every session has ended.").format(name=found.name))


@account.command(help=N_("Let nobody sign in with it any more; whoever is signed in is signed out at once."))
@click.argument("name")
@pass_context
def disable(context: CommandContext, name: str) -> None:
    _change(context, name, accounts.disable, N_("Disabled: {name}"))


@account.command(help=N_("Let them sign in again, with the password they had."))
@click.argument("name")
@pass_context
def enable(context: CommandContext, name: str) -> None:
    _change(context, name, accounts.enable, N_("Enabled: {name}"))


@account.command(help=N_("End all sessions of an account: it is signed out on every device."))
@click.argument("name")
@pass_context
def sessions(context: CommandContext, name: str) -> None:
    _change(context, name, accounts.end_sessions, N_("Signed out everywhere: {name}"))


def _change(context: CommandContext, name: str, act: Callable[..., None], said: str) -> None:
    with context.write() as session:
        found = accounts.get_for_update(session, name)
        act(session, found, now=context.now())
    click.echo(_(said).format(name=found.name))


def _asked(name: str, called: str, *, stdin: bool, invite: bool) -> str | None:
    """What to keep of the password that was typed; None where they choose it themselves."""
    if stdin and invite:
        raise Invalid("--password-stdin: leave it out beside --invite, which lets them choose it themselves")
    if invite:
        return None
    if stdin:
        typed = sys.stdin.read().rstrip("\r\n")
    elif not sys.stdin.isatty():
        raise Invalid("password: nobody can be asked for it here; say --password-stdin or --invite")
    else:
        typed = click.prompt(_("Password"), hide_input=True, confirmation_prompt=_("The same password again"))
    return accounts.check(typed, name, called)


def _with_password(context: CommandContext, session: Any, found: Account, kept: str | None) -> dict[str, Any]:
    """The link and how long it holds, where they choose it themselves."""
    now = context.now()
    if kept is not None:
        accounts.set_password(session, found, kept, now=now)
        return {}
    token = accounts.invite(session, found, secret=context.app.secret, now=now)
    address = f"{context.settings.base_url}/{found.language}/desk/set-up/{token}"
    return {"link": address, "until": at(now + INVITED, context.settings.timezone)}


def _record(context: CommandContext, row: Account) -> dict[str, Any]:
    tz = context.settings.timezone
    return {
        "name": row.name,
        "called": row.called,
        "role": row.role.value,
        "posts": _posts(row),
        "language": row.language,
        "state": accounts.state(row),
        "created": at(row.created_at, tz),
        "last_signed_in": at(row.last_signed_in_at, tz) or None,
    }

"""`scheduler account list` and `show`."""

from __future__ import annotations

from typing import Any

import click

from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import Columns, show, show_one
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _
from scheduler.cli.kit.records import format_instant
from scheduler.model.accounts import Account, AccountRole
from scheduler.services.accounts import accounts


@click.command("list", help=N_("List the accounts, and when each was last used."))
@as_json
@pass_context
def list_accounts(context: CommandContext, as_json: bool) -> None:
    with context.read() as session:
        records = [account_record(context, row) for row in accounts.list_accounts(session)]
    show(records, COLUMNS, as_json=as_json, nothing=_("There are no accounts; add one: scheduler account add."))


COLUMNS: Columns = {
    N_("Sign-in name"): "name",
    N_("Full name"): "called",
    N_("Role"): lambda record: _(record["role"]),
    N_("Language"): "language",
    N_("Last signed in"): lambda record: record["last_signed_in"] or "-",
    N_("State"): lambda record: _state_in_words(record),
}


def _state_in_words(record: dict[str, Any]) -> str:
    state = record["state"]
    return _(state)


@click.command("show", help=N_("Show one account."))
@click.argument("name")
@as_json
@pass_context
def show_account(context: CommandContext, name: str, as_json: bool) -> None:
    with context.read() as session:
        record = account_record(context, accounts.get(session, name))
    show_one(record, as_json=as_json)


def account_record(context: CommandContext, row: Account) -> dict[str, Any]:
    tzid = context.settings.timezone
    return {
        "name": row.name,
        "called": row.called,
        "role": row.role.value,
        "posts": posts_in_words(row),
        "language": row.language,
        "state": accounts.describe_state(row),
        "created": format_instant(row.created_at, tzid),
        "last_signed_in": format_instant(row.last_signed_in_at, tzid) or None,
    }


def posts_in_words(row: Account) -> list[str] | str:
    """Return the keys of the posts whose visits an account sees; of an administrator, the word for all."""
    return _("all") if row.role is AccountRole.ADMINISTRATOR else [post.key for post in row.posts]

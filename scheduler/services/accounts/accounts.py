"""Accounts of officers: add, change and disable them, set passwords, sign in, and end sessions.

A wrong name and a wrong password get the same answer after the same time, so that nobody can find out which names
exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Forbidden, NotFound
from scheduler.base.i18n import N_
from scheduler.base.text import fold_text
from scheduler.model.accounts import SIGN_IN_NAME, Account, AccountRole, Act, may
from scheduler.model.posts import Post
from scheduler.services.accounts import passwords
from scheduler.services.common import tokens
from scheduler.services.common.audit import note
from scheduler.services.feeds import links as feed_links

if TYPE_CHECKING:  # the library of drafts takes longer than a list of accounts
    from scheduler.services.accounts.account_drafts import AccountDraft

MAX_IDLE = timedelta(hours=12)  # a session that was not used for so long is over: a working day
LONGEST_SESSION = timedelta(days=7)  # even in constant use: a device asks for the password once a week
INVITATION_LIFETIME = timedelta(days=7)  # for how long a link to choose a password can be used


class Refused(Forbidden):
    """This name and this password do not belong together."""


# Keeping accounts


def add(session: Session, draft: AccountDraft, *, now: datetime) -> Account:
    """Add an account, which has no password yet. Raise Conflict if the name is taken."""
    account = Account(**draft.model_dump(), epoch=0, created_at=now)
    session.add(account)
    session.flush()
    note(session, "add", "account", account.id, now=now, role=draft.role)
    return account


def refuse_taken(session: Session, name: str) -> None:
    """Raise Conflict if an account has this name, as `add` would."""
    if find(session, name):
        raise Conflict("an account with this name already exists")


def list_accounts(session: Session) -> Sequence[Account]:
    """Return all accounts by name, the disabled ones too."""
    return session.scalars(sa.select(Account).order_by(Account.name)).all()


def get(session: Session, name: str) -> Account:
    """Return the account with this name. Raise NotFound."""
    return _require(find(session, name), name)


def get_for_update(session: Session, name: str) -> Account:
    """Return the account with this name, locked until the transaction ends. Raise NotFound."""
    query = sa.select(Account).where(Account.name == fold_text(name)).with_for_update()
    return _require(session.scalar(query.execution_options(populate_existing=True)), name)


def find(session: Session, name: str) -> Account | None:
    """Return the account with this name, if there is one."""
    typed = fold_text(name)
    return session.scalar(sa.select(Account).where(Account.name == typed)) if SIGN_IN_NAME.fullmatch(typed) else None


def _require(found: Account | None, name: str) -> Account:
    if found is None:
        raise NotFound("there is no account {name}; see: scheduler account list", name=name)
    return found


def describe_state(account: Account) -> str:
    """Return the state of an account in one word or a few, untranslated, for a list."""
    if account.disabled_at:
        return N_("disabled")
    return N_("in force") if account.password_hash else N_("no password yet")


def give_role(session: Session, account: Account, role: AccountRole, *, now: datetime) -> int:
    """Give an account another role, from its next page on; revoke feed links that the new role may not have.

    Return how many were revoked. Raise Conflict if the role stays the same, or if no administrator would be left.
    """
    if account.role is role:
        raise Conflict("{name} is {role} already; nothing was changed", name=account.name, role=role)
    _refuse_last_administrator(session, account)
    account.role = role
    note(session, "change", "account", account.id, now=now, role=role)
    return feed_links.revoke_forbidden(session, account, now=now)


def disable(session: Session, account: Account, *, now: datetime) -> int:
    """Disable an account, which signs it out everywhere at once and revokes its feed links; return how many.

    Raise Conflict if it is disabled already, or if no administrator would be left.
    """
    if account.disabled_at:
        raise Conflict("{name} is disabled already; nothing was changed", name=account.name)
    _refuse_last_administrator(session, account)
    account.disabled_at, account.epoch = now, account.epoch + 1
    note(session, "disable", "account", account.id, now=now)
    return feed_links.revoke_forbidden(session, account, now=now)


def enable(session: Session, account: Account, *, now: datetime) -> None:
    """Enable a disabled account again, with the password that it had. Raise Conflict if it is not disabled."""
    if account.disabled_at is None:
        raise Conflict("{name} is not disabled; nothing was changed", name=account.name)
    account.disabled_at = None
    note(session, "enable", "account", account.id, now=now)


def _refuse_last_administrator(session: Session, account: Account) -> None:
    """Raise Conflict if this account is the only administrator in force."""
    if account.role is not AccountRole.ADMINISTRATOR or account.disabled_at:
        return
    # All of them are locked: of two who step down at the same moment the second is refused.
    rows = sa.select(Account).where(Account.role == AccountRole.ADMINISTRATOR).order_by(Account.id).with_for_update()
    left = session.scalars(rows.execution_options(populate_existing=True)).all()
    if not any(one.id != account.id and one.disabled_at is None for one in left):
        raise Conflict("{name} is the only administrator; make another one first", name=account.name)


def set_language(session: Session, account: Account, language: str, *, now: datetime) -> None:
    """Set the language of the pages that this account sees."""
    if account.language != language:
        account.language = language
        note(session, "change", "account", account.id, now=now, language=language)


def end_sessions(session: Session, account: Account, *, now: datetime) -> None:
    """Sign out every device of this account, and revoke its link to choose a password."""
    account.epoch += 1
    note(session, "sign out everywhere", "account", account.id, now=now)


# Passwords


def hash_new_password(password: str, name: str, called: str) -> str:
    """Return the hash of a new password, to be stored by `set_password`. Raise Invalid if it is weak.

    ``name`` and ``called`` are those of the account: a password must not contain them. Slow on purpose: call it
    outside of any transaction.
    """
    passwords.refuse_weak(password, name.partition("@")[0], called)
    return passwords.hash_password(password)


def set_password(session: Session, account: Account, hashed: str, *, now: datetime) -> None:
    """Store a hash from `check` as the password; end every session and revoke the link to choose a password."""
    account.password_hash, account.invited_at, account.epoch = hashed, None, account.epoch + 1
    note(session, "set password", "account", account.id, now=now)


def invite(session: Session, account: Account, *, secret: str, now: datetime) -> str:
    """Return the token of a new link to choose a password, which can be used once; revoke the one before."""
    account.invited_at, account.epoch = now, account.epoch + 1
    note(session, "invite", "account", account.id, now=now)
    return _make_set_up_token(account, secret)


def get_invited(session: Session, token: str, *, secret: str, now: datetime, change: bool = False) -> Account:
    """Return the account whose link to choose a password has this token; ``change`` locks it.

    Raise NotFound alike whether the link never existed, was used or is too old.
    """
    number = tokens.read_row_id(token)
    found = session.get(Account, number, with_for_update=change or None) if number else None
    usable = (
        found is not None
        and found.disabled_at is None
        and found.invited_at
        and now < found.invited_at + INVITATION_LIFETIME
    )
    if found is None or not usable or not tokens.is_same(token, _make_set_up_token(found, secret)):
        raise NotFound("this link leads nowhere")
    return found


def _make_set_up_token(account: Account, secret: str) -> str:
    return _make_token("account-set-up", account, secret)


# Signing in


@dataclass(frozen=True, slots=True)
class Officer:
    """An officer who is signed in: what is known of the account outside of a transaction."""

    id: int
    name: str
    called: str
    role: AccountRole
    language: str
    token: str
    posts: frozenset[int] = frozenset()  # ids of the posts assigned to them; an administrator needs none

    @property
    def actor(self) -> str:
        """Return their name in the audit, such as "aida@web"; commands from a shell are "aida@desk"."""
        return f"{self.name}@web"

    def may(self, act: Act) -> bool:
        """Return whether their role and posts allow this act."""
        return may(self.role, act, at_a_post=bool(self.posts))

    def at(self, post: Post) -> bool:
        """Return whether they may see the visits of this post; what they may do there is for `may`."""
        return self.role is AccountRole.ADMINISTRATOR or post.id in self.posts


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """The password hash of an account, to be compared after the transaction that read it has ended."""

    account_id: int | None
    hashed: str | None


def read_password(session: Session, name: str) -> StoredPassword:
    """Return what a password is compared with; for a name that cannot sign in, what no password matches."""
    found = find(session, name)
    return (
        StoredPassword(found.id, found.password_hash)
        if found and not found.disabled_at
        else StoredPassword(None, None)
    )


def verify_password(claim: StoredPassword, password: str) -> str | None:
    """Return the hash to store if the password is right, else None; it is a new hash if parameters have changed.

    Slow on purpose: call it outside of any transaction.
    """
    if not passwords.is_match(password, claim.hashed) or claim.hashed is None:
        return None
    return passwords.hash_password(password) if passwords.is_outdated(claim.hashed) else claim.hashed


def sign_in(session: Session, claim: StoredPassword, hashed: str, *, secret: str, now: datetime) -> Officer:
    """Sign in with the hash from `verify_password`, and store it. Raise Refused if the account has changed."""
    account = session.get(Account, claim.account_id, with_for_update=True) if claim.account_id else None
    if account is None or account.disabled_at or account.password_hash != claim.hashed:
        raise Refused
    account.password_hash, account.last_signed_in_at = hashed, now
    note(session, "sign in", "account", account.id, now=now)
    return make_officer(account, secret=secret)


def make_officer(account: Account, *, secret: str) -> Officer:
    """Return the officer that an account signs in as."""
    token = _make_token("account-session", account, secret)
    given = frozenset(post.id for post in account.posts)
    return Officer(account.id, account.name, account.called, account.role, account.language, token, given)


def find_officer(session: Session, token: str, *, secret: str) -> Officer | None:
    """Return the officer whose session has this token; None if it was ended or the account is disabled."""
    number = tokens.read_row_id(token)
    found = session.get(Account, number) if number else None
    if found is None or found.disabled_at or not tokens.is_same(token, _make_token("account-session", found, secret)):
        return None
    return make_officer(found, secret=secret)


def is_session_current(*, since: datetime, seen: datetime, now: datetime) -> bool:
    """Return whether a session that began at ``since`` and was last used at ``seen`` has not run out."""
    return seen <= now + timedelta(minutes=5) and now - seen < MAX_IDLE and now - since < LONGEST_SESSION


def _make_token(purpose: str, account: Account, secret: str) -> str:
    at = account.created_at.astimezone(UTC).isoformat(timespec="microseconds")
    return tokens.make_token(account.id, purpose, at, account.epoch, secret=secret)

"""Accounts: made, changed, disabled; who signs in with which password, and for how long that holds.

Whoever asks is told the same, and as slowly, whether there is no such name or the password is another one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import sqlalchemy as sa
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Forbidden, Invalid, NotFound, SchedulerError
from scheduler.base.i18n import N_
from scheduler.base.text import folded, line
from scheduler.model import Account, AccountRole, Act, Post
from scheduler.model.accounts import may
from scheduler.services.accounts import passwords
from scheduler.services.common import tokens
from scheduler.services.common.audit import note
from scheduler.services.common.drafts import Draft
from scheduler.services.common.values import Language
from scheduler.services.feeds import links as feed_links

IDLE = timedelta(hours=12)  # a session that nobody used for so long is over: a working day
LONGEST_SESSION = timedelta(days=7)  # and however much it is used, a device asks for the password once a week
INVITED = timedelta(days=7)  # for how long a link to choose a password holds
_NAME = re.compile(r"[a-z0-9]+([._+-][a-z0-9]+)*(@[a-z0-9-]+(\.[a-z0-9-]+)+)?")


class Refused(Forbidden):
    """This name and this password do not belong together."""


def _login(value: Any) -> str:
    """Of the name that somebody signs in with."""
    name = folded(value) if isinstance(value, str) else ""
    if not _NAME.fullmatch(name) or not 2 <= len(name) <= 100:
        shown = str(value)[:60]
        raise PydanticCustomError("refused", "{error}", {"error": Invalid(_NO_NAME, value=shown)})
    return name


_NO_NAME = N_("{value} is not a name to sign in with; write an e-mail address, or letters a-z, digits and . - _")


def _called(value: Any) -> str:
    try:
        return line(str(value), most=200)
    except SchedulerError as error:
        raise PydanticCustomError("refused", "{error}", {"error": error}) from error


class AccountDraft(Draft):
    name: Annotated[str, BeforeValidator(_login)]
    called: Annotated[str, BeforeValidator(_called)]
    role: AccountRole
    language: Language


# Keeping accounts


def add(session: Session, draft: AccountDraft, *, now: datetime) -> Account:
    """Without a password yet. Raises Conflict for a name that is taken."""
    account = Account(**draft.model_dump(), epoch=0, created_at=now)
    session.add(account)
    session.flush()
    note(session, "add", "account", account.id, now=now, role=draft.role)
    return account


def refuse_taken(session: Session, name: str) -> None:
    """Raises Conflict, as `add` would."""
    if find(session, name):
        raise Conflict("an account with this name already exists")


def everybody(session: Session) -> Sequence[Account]:
    return session.scalars(sa.select(Account).order_by(Account.name)).all()


def get(session: Session, name: str) -> Account:
    """Raises NotFound."""
    return _known(find(session, name), name)


def get_for_update(session: Session, name: str) -> Account:
    """The same, held until the transaction ends."""
    query = sa.select(Account).where(Account.name == folded(name)).with_for_update()
    return _known(session.scalar(query.execution_options(populate_existing=True)), name)


def find(session: Session, name: str) -> Account | None:
    typed = folded(name)
    return session.scalar(sa.select(Account).where(Account.name == typed)) if _NAME.fullmatch(typed) else None


def _known(found: Account | None, name: str) -> Account:
    if found is None:
        raise NotFound("there is no account {name}; see: scheduler account list", name=name)
    return found


def state(account: Account) -> str:
    """In one word or two, for a list."""
    if account.disabled_at:
        return N_("disabled")
    return N_("in force") if account.password_hash else N_("no password yet")


def give_role(session: Session, account: Account, role: AccountRole, *, now: datetime) -> None:
    """Holds from the next page on. Raises Conflict where nothing changes, or nobody would be left to administer."""
    if account.role is role:
        raise Conflict("{name} is {role} already; nothing was changed", name=account.name, role=role)
    _refuse_last(session, account)
    account.role = role
    note(session, "change", "account", account.id, now=now, role=role)
    feed_links.take_back(session, account, now=now)


def disable(session: Session, account: Account, *, now: datetime) -> None:
    """Signed out at once, everywhere. Raises Conflict as `give_role` does."""
    if account.disabled_at:
        raise Conflict("{name} is disabled already; nothing was changed", name=account.name)
    _refuse_last(session, account)
    account.disabled_at, account.epoch = now, account.epoch + 1
    note(session, "disable", "account", account.id, now=now)
    feed_links.take_back(session, account, now=now)


def enable(session: Session, account: Account, *, now: datetime) -> None:
    """With the password they had. Raises Conflict for one that is not disabled."""
    if account.disabled_at is None:
        raise Conflict("{name} is not disabled; nothing was changed", name=account.name)
    account.disabled_at = None
    note(session, "enable", "account", account.id, now=now)


def _refuse_last(session: Session, account: Account) -> None:
    """Once there is an administrator there always is one."""
    if account.role is not AccountRole.ADMINISTRATOR or account.disabled_at:
        return
    # All of them are held: of two who step down at the same moment the second finds nobody left.
    rows = sa.select(Account).where(Account.role == AccountRole.ADMINISTRATOR).order_by(Account.id).with_for_update()
    left = session.scalars(rows.execution_options(populate_existing=True)).all()
    if not any(one.id != account.id and one.disabled_at is None for one in left):
        raise Conflict("{name} is the only administrator; make another one first", name=account.name)


def speak(session: Session, account: Account, language: str, *, now: datetime) -> None:
    if account.language != language:
        account.language = language
        note(session, "change", "account", account.id, now=now, language=language)


def end_sessions(session: Session, account: Account, *, now: datetime) -> None:
    """Whoever is signed in with this account is signed out, and its link to choose a password is spent."""
    account.epoch += 1
    note(session, "sign out everywhere", "account", account.id, now=now)


# Passwords


def check(password: str, name: str, called: str) -> str:
    """What to keep of a password. Slow: outside of any transaction. Raises Invalid for a weak one."""
    passwords.refuse_weak(password, name.partition("@")[0], called)
    return passwords.hashed(password)


def set_password(session: Session, account: Account, kept: str, *, now: datetime) -> None:
    """``kept`` is what `check` made of it. Ends every session, and spends the link."""
    account.password_hash, account.invited_at, account.epoch = kept, None, account.epoch + 1
    note(session, "set password", "account", account.id, now=now)


def invite(session: Session, account: Account, *, secret: str, now: datetime) -> str:
    """The token of a link to choose a password, good once; one that was made before is spent."""
    account.invited_at, account.epoch = now, account.epoch + 1
    note(session, "invite", "account", account.id, now=now)
    return _set_up_token(account, secret)


def invited(session: Session, token: str, *, secret: str, now: datetime, change: bool = False) -> Account:
    """Whose link this is. Raises NotFound alike for one that was never there, was used or has lapsed."""
    number = tokens.number(token)
    found = session.get(Account, number, with_for_update=change or None) if number else None
    usable = found is not None and found.disabled_at is None and found.invited_at and now < found.invited_at + INVITED
    if found is None or not usable or not tokens.same(token, _set_up_token(found, secret)):
        raise NotFound("this link leads nowhere")
    return found


def _set_up_token(account: Account, secret: str) -> str:
    return _token("account-set-up", account, secret)


# Signing in


@dataclass(frozen=True, slots=True)
class Officer:
    """Who is signed in: what is known of an account outside of a transaction."""

    id: int
    name: str
    called: str
    role: AccountRole
    language: str
    token: str
    posts: frozenset[int] = frozenset()  # by number; an administrator needs none

    @property
    def actor(self) -> str:
        """As the audit names them; whoever types at a shell is there with @desk."""
        return f"{self.name}@web"

    def may(self, act: Act) -> bool:
        return may(self.role, act, at_a_post=bool(self.posts))

    def at(self, post: Post) -> bool:
        """Whether the visits of this post are theirs to see; what they may do there `may` says."""
        return self.role is AccountRole.ADMINISTRATOR or post.id in self.posts


@dataclass(frozen=True, slots=True)
class Claim:
    """What is to be compared with a password, once the transaction that read it is over."""

    account_id: int | None
    kept: str | None


def claim(session: Session, name: str) -> Claim:
    """Of an account that is not there, is disabled or has no password yet: one that no password fits."""
    found = find(session, name)
    return Claim(found.id, found.password_hash) if found and not found.disabled_at else Claim(None, None)


def proves(claim: Claim, password: str) -> str | None:
    """What to keep of a password that fits, made anew where parameters have changed; None for a wrong one.

    Slow, on purpose: outside of any transaction.
    """
    if not passwords.fits(password, claim.kept) or claim.kept is None:
        return None
    return passwords.hashed(password) if passwords.is_outdated(claim.kept) else claim.kept


def sign_in(session: Session, claim: Claim, kept: str, *, secret: str, now: datetime) -> Officer:
    """``kept`` is what `proves` said. Raises Refused where the account was changed meanwhile."""
    account = session.get(Account, claim.account_id, with_for_update=True) if claim.account_id else None
    if account is None or account.disabled_at or account.password_hash != claim.kept:
        raise Refused
    account.password_hash, account.last_signed_in_at = kept, now
    note(session, "sign in", "account", account.id, now=now)
    return officer(account, secret=secret)


def officer(account: Account, *, secret: str) -> Officer:
    token = _token("account-session", account, secret)
    given = frozenset(post.id for post in account.posts)
    return Officer(account.id, account.name, account.called, account.role, account.language, token, given)


def signed_in(session: Session, token: str, *, secret: str) -> Officer | None:
    """Whose session this is; None once it was ended."""
    number = tokens.number(token)
    found = session.get(Account, number) if number else None
    if found is None or found.disabled_at or not tokens.same(token, _token("account-session", found, secret)):
        return None
    return officer(found, secret=secret)


def still_holds(*, since: datetime, seen: datetime, now: datetime) -> bool:
    """Whether a session that began then, and was last used then, is not over by itself."""
    return seen <= now + timedelta(minutes=5) and now - seen < IDLE and now - since < LONGEST_SESSION


def _token(purpose: str, account: Account, secret: str) -> str:
    at = account.created_at.astimezone(UTC).isoformat(timespec="microseconds")
    return tokens.of(account.id, purpose, at, account.epoch, secret=secret)

"""Accounts of the staff: officers at their desks, and people at the door."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import Enum, StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from scheduler.base.i18n import N_
from scheduler.model.events import Visibility
from scheduler.model.posts import Post
from scheduler.storage.refusals import register_refusal
from scheduler.storage.types import Base, Id, Instant, choice

# What an officer signs in with, folded: an address, or letters, digits and marks between them.
SIGN_IN_NAME = re.compile(r"[a-z0-9]+([._+-][a-z0-9]+)*(@[a-z0-9-]+(\.[a-z0-9-]+)+)?")


class AccountRole(StrEnum):
    """The role of an account; `MAY` lists the acts that each role permits."""

    ADMINISTRATOR = "administrator"
    OFFICER = "programme officer"
    CONSULAR = "consular officer"
    FRONT_DESK = "front desk"
    DOOR = "door"
    VIEWER = "viewer"


class Act(Enum):
    """An act that a page needs permission for; the value says it in words."""

    SEE_EVENTS = "see the events, and how many people come"
    SEE_GUESTS = "see the names, titles and standings on a guest list"
    SEE_CONFIDENTIAL = "know of confidential events"
    SEE_ADDRESSES = "see e-mail addresses and telephone numbers of guests"
    CHECK_IN = "let people in at the door"
    KEEP_LIST = "register guests, record their answers, withdraw them"
    TAKE_LIST = "take a whole guest list away as a file, badges and place cards"
    PLAN_EVENTS = "move, copy and delete events, and take their last change back"
    SEE_LETTERS = "see which letter went to whom"
    SEE_DIRECTORY = "see the people, organisations, venues and cities, and what somebody was invited to"
    KEEP_PEOPLE = "add, change, merge and erase people"
    KEEP_PLACES = "add, change, merge and delete organisations, venues and cities"
    SEE_ACCOUNTS = "see the other accounts, and when each last signed in"
    # The acts below hold only at the posts assigned to the account, see `Account.posts`.
    SEE_VISITS = "see the visits of a day at a post: name, time and service"
    KEEP_QUEUE = "check visitors in, take walk-ins, call visitors to a counter"
    SEE_APPLICANTS = "see everything about a visit on any day: addresses, telephone numbers, history"
    KEEP_VISITS = "book visits for others, move and cancel them"
    KEEP_POSTS = "close and open days of a post"


_VIEWER = {Act.SEE_EVENTS, Act.SEE_GUESTS}
_DOOR = {*_VIEWER, Act.CHECK_IN}
_OFFICER = {
    *_DOOR,
    Act.SEE_CONFIDENTIAL,
    Act.SEE_ADDRESSES,
    Act.KEEP_LIST,
    Act.TAKE_LIST,
    Act.PLAN_EVENTS,
    Act.SEE_LETTERS,
    Act.SEE_DIRECTORY,
    Act.KEEP_PEOPLE,
    Act.KEEP_PLACES,
}
_FRONT_DESK = {Act.SEE_EVENTS, Act.SEE_VISITS, Act.KEEP_QUEUE}
_CONSULAR = {*_FRONT_DESK, Act.SEE_APPLICANTS, Act.KEEP_VISITS, Act.KEEP_POSTS}
MAY: Mapping[AccountRole, frozenset[Act]] = {
    AccountRole.VIEWER: frozenset(_VIEWER),
    AccountRole.DOOR: frozenset(_DOOR),
    AccountRole.OFFICER: frozenset(_OFFICER),
    AccountRole.FRONT_DESK: frozenset(_FRONT_DESK),
    AccountRole.CONSULAR: frozenset(_CONSULAR),
    AccountRole.ADMINISTRATOR: frozenset({*_OFFICER, *_CONSULAR, Act.SEE_ACCOUNTS}),
}
# The act that an account must be permitted to know that an event of this visibility exists.
TO_KNOW_OF: Mapping[Visibility, Act] = {
    Visibility.PUBLIC: Act.SEE_EVENTS,
    Visibility.PRIVATE: Act.SEE_EVENTS,
    Visibility.CONFIDENTIAL: Act.SEE_CONFIDENTIAL,
}
# The acts that a role permits in addition once a post is assigned to the account.
WITH_A_POST: Mapping[AccountRole, frozenset[Act]] = {AccountRole.OFFICER: frozenset(_CONSULAR)}

account_post = sa.Table(
    "account_post",
    Base.metadata,
    sa.Column("account_id", sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("post_id", sa.ForeignKey("post.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Account(Base):
    """An account: never deleted, only disabled, because the audit names it.

    ``password_hash`` is NULL until the link to choose a password has been used; ``invited_at`` is when that link was
    made. Raising ``epoch`` ends every session of the account and makes the link invalid.
    """

    __tablename__ = "account"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(sa.String(100), unique=True)
    called: Mapped[str] = mapped_column(sa.String(200))
    role: Mapped[AccountRole] = mapped_column(choice(AccountRole))
    language: Mapped[str] = mapped_column(sa.String(35))
    password_hash: Mapped[str | None] = mapped_column(sa.String(200))
    epoch: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(Instant)
    invited_at: Mapped[datetime | None] = mapped_column(Instant)
    last_signed_in_at: Mapped[datetime | None] = mapped_column(Instant)
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)
    # The posts whose visits they see. An administrator sees those of all posts, anybody else only of these.
    posts: Mapped[list[Post]] = relationship(secondary=account_post, order_by="Post.key")

    __table_args__ = (sa.CheckConstraint("epoch >= 0", name="epoch"),)

    def may(self, act: Act) -> bool:
        """Return whether this account is enabled and its role permits the act."""
        return self.disabled_at is None and may(self.role, act, at_a_post=bool(self.posts))

    def at(self, post: Post) -> bool:
        """Return whether this account works at the post; `may` decides which acts it may do there."""
        return self.role is AccountRole.ADMINISTRATOR or post in self.posts


def may(role: AccountRole, act: Act, *, at_a_post: bool) -> bool:
    """Return whether a role permits an act; ``at_a_post``: a post is assigned to the account."""
    return act in MAY[role] or (at_a_post and act in WITH_A_POST.get(role, ()))


register_refusal("uq_account_name", N_("an account with this name already exists"))

"""Accounts of those who work here: officers at their desk, and people at the door."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum, StrEnum, auto

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from scheduler.base.i18n import N_
from scheduler.model.posts import Post
from scheduler.storage.refusals import refuses
from scheduler.storage.types import Base, Id, Instant, choice


class AccountRole(StrEnum):
    """What somebody is here; `MAY` says what they may do."""

    ADMINISTRATOR = "administrator"
    OFFICER = "programme officer"
    CONSULAR = "consular officer"
    FRONT_DESK = "front desk"
    DOOR = "door"
    VIEWER = "viewer"


class Act(Enum):
    """What a page asks leave for."""

    SEE_EVENTS = auto()  # what is on, and how many come
    SEE_GUESTS = auto()  # who is on a list: name, title, standing
    SEE_CONFIDENTIAL = auto()  # events that are confidential
    SEE_ADDRESSES = auto()  # their e-mail addresses and telephones
    CHECK_IN = auto()  # let people in, at the door
    KEEP_LIST = auto()  # register, record answers, withdraw
    TAKE_LIST = auto()  # take the whole list away as a file
    SEE_LETTERS = auto()  # what was written to whom
    SEE_ACCOUNTS = auto()  # who else has an account, and when they were last here
    # At the posts that are theirs, see `Account.posts`.
    SEE_VISITS = auto()  # the day of a post: who comes when, by name, for what
    KEEP_QUEUE = auto()  # check in, take walk-ins, call to a counter
    SEE_APPLICANTS = auto()  # all of a visit, any day: address, telephone, history
    KEEP_VISITS = auto()  # book for others, move, cancel
    KEEP_POSTS = auto()  # close and open days, give out the board's address


_VIEWER = {Act.SEE_EVENTS, Act.SEE_GUESTS}
_DOOR = {*_VIEWER, Act.CHECK_IN}
_OFFICER = {*_DOOR, Act.SEE_CONFIDENTIAL, Act.SEE_ADDRESSES, Act.KEEP_LIST, Act.TAKE_LIST, Act.SEE_LETTERS}
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
# What somebody may besides once a post is given to them.
WITH_A_POST: Mapping[AccountRole, frozenset[Act]] = {AccountRole.OFFICER: frozenset(_CONSULAR)}

account_post = sa.Table(
    "account_post",
    Base.metadata,
    sa.Column("account_id", sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("post_id", sa.ForeignKey("post.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Account(Base):
    """Never deleted, only disabled: the audit names it.

    ``password_hash`` NULL is an account whose link to choose a password has not been used yet; ``invited_at`` is when
    that link was made. Raising ``epoch`` ends every session and spends the link.
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
    # Whose visits they see; an administrator sees all, whoever else has none sees none.
    posts: Mapped[list[Post]] = relationship(secondary=account_post, order_by="Post.key")

    __table_args__ = (sa.CheckConstraint("epoch >= 0", name="epoch"),)

    def may(self, act: Act) -> bool:
        return self.disabled_at is None and may(self.role, act, at_a_post=bool(self.posts))

    def at(self, post: Post) -> bool:
        """Whether the visits of this post are theirs to see; what they may do there `may` says."""
        return self.role is AccountRole.ADMINISTRATOR or post in self.posts


def may(role: AccountRole, act: Act, *, at_a_post: bool) -> bool:
    return act in MAY[role] or (at_a_post and act in WITH_A_POST.get(role, ()))


refuses("uq_account_name", N_("an account with this name already exists"))

"""The board of a post's hall: what everybody in the room may read, and the address at which it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import NotFound
from scheduler.base.text import Text
from scheduler.model import Post, VisitStatus
from scheduler.services.common import tokens
from scheduler.services.common.audit import note
from scheduler.services.consulate.front_desk.today import here, ordered
from scheduler.services.consulate.posts import posts

NEXT = 6  # tickets that the board shows beside those that are called


@dataclass(frozen=True, slots=True)
class Called:
    """A ticket on the board. ``recalls`` rises when it is called once more."""

    ticket: str
    counter: str
    counter_name: Text
    since: datetime
    recalls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """What everybody in the room may read: tickets and counters, never names."""

    post: str
    post_name: Text
    tz: str
    at: datetime
    called: Sequence[Called]  # the latest first
    next: Sequence[str]
    waiting: int


def board(session: Session, post: Post, *, now: datetime) -> Board:
    rows = here(session, post, now)
    called = [
        Called(row.ticket, row.counter.key, row.counter.name, row.called_at, row.recalls)
        for row in rows
        if row.status is VisitStatus.CALLED and row.ticket and row.counter and row.called_at
    ]
    queue = [row.ticket for row in ordered(rows, now) if row.ticket]
    return Board(
        post=post.key,
        post_name=post.name,
        tz=post.tzid,
        at=now,
        called=sorted(called, key=lambda one: (one.since, one.ticket), reverse=True),
        next=queue[:NEXT],
        waiting=len(queue),
    )


def make_board_token(post: Post, *, secret: str) -> str:
    """For the address of the board; it opens nothing else."""
    return tokens.make_token(post.id, "board", post.key, post.board_epoch, secret=secret)


def board_post(session: Session, key: str, token: str, *, secret: str) -> Post:
    """The post of a board's address. Raises NotFound alike for one that was never there, or is another one now."""
    found = session.scalar(sa.select(Post).where(Post.key == key))
    if found is None or not tokens.is_same(token, make_board_token(found, secret=secret)):
        raise NotFound("this link leads nowhere")
    return found


def revoke_board(session: Session, post: Post, *, now: datetime) -> None:
    """Another address; the one before leads nowhere."""
    posts.hold(session, post)
    post.board_epoch += 1
    session.flush()
    note(session, "revoke board", "post", post.key, now=now)

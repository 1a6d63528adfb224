"""The board in the hall of a post: what everybody in the room may read, and the address of its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import NotFound
from scheduler.base.text import Text
from scheduler.model.posts import Post
from scheduler.model.visits import VisitStatus
from scheduler.services.common import tokens
from scheduler.services.common.audit import note
from scheduler.services.consulate.front_desk.today import list_present, sort_by_turn
from scheduler.services.consulate.posts import posts

MAX_NEXT_TICKETS = 6  # shown beside those that are called


@dataclass(frozen=True, slots=True)
class CalledTicket:
    """A ticket that is called. ``recalls`` rises when it is called once more."""

    ticket: str
    counter: str
    counter_name: Text
    since: datetime
    recalls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The board of the waiting room: tickets and counters, never names.

    ``called`` begins with the latest call; ``next`` are the first tickets of the queue, ``waiting`` is its length.
    """

    post: str
    post_name: Text
    tz: str
    at: datetime
    called: Sequence[CalledTicket]  # the latest first
    next: Sequence[str]
    waiting: int


def read_board(session: Session, post: Post, *, now: datetime) -> Board:
    rows = list_present(session, post, now)
    called = [
        CalledTicket(row.ticket, row.counter.key, row.counter.name, row.called_at, row.recalls)
        for row in rows
        if row.status is VisitStatus.CALLED and row.ticket and row.counter and row.called_at
    ]
    queue = [row.ticket for row in sort_by_turn(rows, now) if row.ticket]
    return Board(
        post=post.key,
        post_name=post.name,
        tz=post.tzid,
        at=now,
        called=sorted(called, key=lambda one: (one.since, one.ticket), reverse=True),
        next=queue[:MAX_NEXT_TICKETS],
        waiting=len(queue),
    )


def make_board_token(post: Post, *, secret: str) -> str:
    """Return the token in the address of the board; it opens nothing else."""
    return tokens.make_token(post.id, "board", post.key, post.board_epoch, secret=secret)


def find_post_of_board(session: Session, key: str, token: str, *, secret: str) -> Post:
    """Return the post of a board's address. Raise one NotFound for an unknown and for a revoked address."""
    found = session.scalar(sa.select(Post).where(Post.key == key))
    if found is None or not tokens.is_same(token, make_board_token(found, secret=secret)):
        raise NotFound("this link leads nowhere")
    return found


def revoke_board(session: Session, post: Post, *, now: datetime) -> None:
    """Give the board another address; the former one is no longer valid."""
    posts.lock_post(session, post)
    post.board_epoch += 1
    session.flush()
    note(session, "revoke board", "post", post.key, now=now)

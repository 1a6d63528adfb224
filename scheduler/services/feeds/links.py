"""Private links: secret addresses of feeds, each for one holder, each revoked alone.

Their tokens are derived (`scheduler.services.common.tokens`), so that nobody can make one from the database alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Forbidden, NotFound
from scheduler.model.accounts import Account, Act
from scheduler.model.feeds import FeedLink, Sees
from scheduler.model.places import Person
from scheduler.model.posts import Post
from scheduler.services.common import tokens
from scheduler.services.common.audit import note

VISITS = "visits of a post"  # in place of a feed's key, which it cannot be
USE_RECORDED_EVERY = timedelta(minutes=1)  # more frequent uses of a link are not recorded


def add(
    session: Session, *, feed: str, holder: str, sees: Sees, person: Person | None = None, now: datetime
) -> FeedLink:
    """Add a link to a feed; ``holder`` names its reader in the officer's words ("driver of the Ambassador")."""
    link = FeedLink(feed=feed, holder=holder, sees=sees, person=person, epoch=_first_epoch(now), created_at=now)
    session.add(link)
    session.flush()
    note(session, "add", "link", link.id, now=now, feed=feed, sees=sees)
    return link


def add_visits(
    session: Session, *, post: Post, account: Account, holder: str, names: bool, now: datetime
) -> FeedLink:
    """Add a link to the coming visits of a post for an officer, with or without the names of applicants.

    Raise Forbidden if the officer may not see the visits of this post, or not the names.
    """
    if not (account.may(Act.SEE_VISITS) and account.at(post)):
        raise Forbidden(
            "{name} does not have the right to see the appointments of {post}", name=account.name, post=post.key
        )
    if names and not account.may(Act.SEE_APPLICANTS):
        raise Forbidden("{name} does not have the right to see the names; leave out the names", name=account.name)
    link = FeedLink(
        feed=VISITS,
        holder=holder,
        sees=Sees.VISITS,
        post=post,
        account=account,
        names=names,
        epoch=_first_epoch(now),
        created_at=now,
    )
    session.add(link)
    session.flush()
    note(session, "add", "link", link.id, now=now, post=post.key, account=account.id, names=names)
    return link


_START = datetime(2026, 1, 1, tzinfo=UTC)


def _first_epoch(now: datetime) -> int:
    """Return the seconds since 2026: the number of a link can have been another's, which a lost database had added.

    The address of a link is derived from its number and epoch. With the same epoch the holder of that link could read
    what this one shows.
    """
    return int((now - _START).total_seconds())


def find_for_officer(session: Session, *, post: Post, account: int) -> FeedLink | None:
    """Return the newest valid link of an officer to the visits of a post, without names; ``account`` is an id."""
    query = sa.select(FeedLink).where(FeedLink.account_id == account, FeedLink.post_id == post.id)
    query = query.where(FeedLink.revoked_at.is_(None), FeedLink.names.is_(False))
    return session.scalar(query.order_by(FeedLink.id.desc()).limit(1))


def shows_visits(link: FeedLink) -> bool:
    """Return whether the officer of a link to visits may still see what it shows: visits, and perhaps names."""
    if link.post is None or link.account is None or not link.account.at(link.post):
        return False
    acts = (Act.SEE_VISITS, Act.SEE_APPLICANTS) if link.names else (Act.SEE_VISITS,)
    return all(map(link.account.may, acts))


def revoke_forbidden(session: Session, account: Account, *, now: datetime) -> int:
    """Revoke the links to visits that an account may no longer see; return how many.

    They stay revoked: an officer who is assigned the post again needs a new link.
    """
    valid = sa.select(FeedLink).where(FeedLink.account_id == account.id, FeedLink.revoked_at.is_(None))
    lost = [link for link in session.scalars(valid.order_by(FeedLink.id)) if not shows_visits(link)]
    for link in lost:
        revoke(session, link, now=now)
    return len(lost)


def list_links(session: Session) -> Sequence[FeedLink]:
    return session.scalars(sa.select(FeedLink).order_by(FeedLink.id)).all()


def get(session: Session, number: int) -> FeedLink:
    """Return the link with this number. Raise NotFound if there is none."""
    return _require(session.get(FeedLink, number), number)


def get_for_update(session: Session, number: int) -> FeedLink:
    """Return the link with its row locked until the transaction ends. Raise NotFound if there is none."""
    return _require(session.get(FeedLink, number, with_for_update=True), number)


def _require(found: FeedLink | None, number: int) -> FeedLink:
    if found is None:
        raise NotFound("there is no link {number}; see: scheduler feed link list", number=number)
    return found


def revoke(session: Session, link: FeedLink, *, now: datetime) -> None:
    """End a link: its address leads nowhere from the next request on. Raise Conflict if it is revoked already."""
    _refuse_revoked(link)
    link.revoked_at = now
    note(session, "revoke", "link", link.id, now=now)


def renew(session: Session, link: FeedLink, *, now: datetime) -> None:
    """Give the holder another address; the one before leads nowhere. Raise Conflict if the link is revoked."""
    _refuse_revoked(link)
    link.epoch += 1
    note(session, "renew", "link", link.id, now=now)


def _refuse_revoked(link: FeedLink) -> None:
    if link.revoked_at is not None:
        raise Conflict("link {number} is revoked; add another one", number=link.id)


def token(link: FeedLink, *, secret: str) -> str:
    return tokens.make_token(link.id, "feed-link", link.epoch, secret=secret)


def find(session: Session, presented: str, *, secret: str) -> FeedLink | None:
    """Return the link of a token, or None if it is unknown, forged, revoked, or its officer lost the rights to it."""
    number = tokens.read_row_id(presented)
    link = session.get(FeedLink, number) if number else None
    if link is None or not tokens.is_same(presented, token(link, secret=secret)) or link.revoked_at is not None:
        return None
    return link if link.sees is not Sees.VISITS or shows_visits(link) else None


def record_use(number: int, *, now: datetime) -> sa.Update:
    """Return the statement that records the use of a link, unless one was recorded within the last minute."""
    outdated = sa.or_(FeedLink.last_used_at.is_(None), FeedLink.last_used_at < now - USE_RECORDED_EVERY)
    return sa.update(FeedLink).where(FeedLink.id == number, outdated).values(last_used_at=now)

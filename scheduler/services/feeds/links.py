"""Secret addresses of feeds: each for one holder, each revoked alone.

The token is derived (`scheduler.services.common.tokens`), so that nobody who reads the database can make one up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Forbidden, NotFound
from scheduler.model import Account, Act, FeedLink, Person, Post, Sees
from scheduler.services.common import tokens
from scheduler.services.common.audit import note

VISITS = "visits of a post"  # in place of a feed's key, which it cannot be
USED = timedelta(minutes=1)  # how exactly the last use is known


def add(
    session: Session, *, feed: str, holder: str, sees: Sees, person: Person | None = None, now: datetime
) -> FeedLink:
    """A link of its own for ``holder``, in the officer's words ("driver of the Ambassador")."""
    link = FeedLink(feed=feed, holder=holder, sees=sees, person=person, epoch=0, created_at=now)
    session.add(link)
    session.flush()
    note(session, "add", "link", link.id, now=now, feed=feed, sees=sees)
    return link


def add_visits(
    session: Session, *, post: Post, account: Account, holder: str, names: bool, now: datetime
) -> FeedLink:
    """A link to the visits to come of a post, for an officer who sees them; with names for who may see applicants.

    Raises Forbidden.
    """
    if not (account.may(Act.SEE_VISITS) and account.at(post)):
        raise Forbidden("{name} does not see the visits of {post}", name=account.name, post=post.key)
    if names and not account.may(Act.SEE_APPLICANTS):
        raise Forbidden("{name} may not see who comes; leave out the names", name=account.name)
    link = FeedLink(
        feed=VISITS, holder=holder, sees=Sees.VISITS, post=post, account=account, names=names, epoch=0, created_at=now
    )
    session.add(link)
    session.flush()
    note(session, "add", "link", link.id, now=now, post=post.key, account=account.id, names=names)
    return link


def of_officer(session: Session, *, post: Post, account: int) -> FeedLink | None:
    """The newest link of an officer to the visits of a post, without names, that is in force."""
    query = sa.select(FeedLink).where(FeedLink.account_id == account, FeedLink.post_id == post.id)
    query = query.where(FeedLink.revoked_at.is_(None), FeedLink.names.is_(False))
    return session.scalar(query.order_by(FeedLink.id.desc()).limit(1))


def shows_visits(link: FeedLink) -> bool:
    """Whether its officer still sees the visits of its post, and, where it has them, who comes."""
    if link.post is None or link.account is None or not link.account.at(link.post):
        return False
    acts = (Act.SEE_VISITS, Act.SEE_APPLICANTS) if link.names else (Act.SEE_VISITS,)
    return all(map(link.account.may, acts))


def take_back(session: Session, account: Account, *, now: datetime) -> int:
    """Revoke what an account may no longer see; returns how many. For good: a post given back needs a new link."""
    mine = sa.select(FeedLink).where(FeedLink.account_id == account.id, FeedLink.revoked_at.is_(None))
    lost = [link for link in session.scalars(mine.order_by(FeedLink.id)) if not shows_visits(link)]
    for link in lost:
        revoke(session, link, now=now)
    return len(lost)


def all_links(session: Session) -> Sequence[FeedLink]:
    return session.scalars(sa.select(FeedLink).order_by(FeedLink.id)).all()


def get(session: Session, number: int) -> FeedLink:
    """Raises NotFound."""
    return _known(session.get(FeedLink, number), number)


def get_for_update(session: Session, number: int) -> FeedLink:
    """The same, held until the transaction ends."""
    return _known(session.get(FeedLink, number, with_for_update=True), number)


def _known(found: FeedLink | None, number: int) -> FeedLink:
    if found is None:
        raise NotFound("there is no link {number}; see: scheduler feed link list", number=number)
    return found


def revoke(session: Session, link: FeedLink, *, now: datetime) -> None:
    """From the next request on the address leads nowhere. Raises Conflict for one that is revoked."""
    _refuse_revoked(link)
    link.revoked_at = now
    note(session, "revoke", "link", link.id, now=now)


def renew(session: Session, link: FeedLink, *, now: datetime) -> None:
    """Another address for the same holder; the one before leads nowhere. Raises Conflict for a revoked link."""
    _refuse_revoked(link)
    link.epoch += 1
    note(session, "renew", "link", link.id, now=now)


def _refuse_revoked(link: FeedLink) -> None:
    if link.revoked_at is not None:
        raise Conflict("link {number} is revoked; add another one", number=link.id)


def token(link: FeedLink, *, secret: str) -> str:
    return tokens.of(link.id, "feed-link", link.epoch, secret=secret)


def find(session: Session, given: str, *, secret: str) -> FeedLink | None:
    """The link of a token; None for one that is unknown, forged or revoked, without a difference."""
    number = tokens.number(given)
    link = session.get(FeedLink, number) if number else None
    if link is None or not tokens.same(given, token(link, secret=secret)) or link.revoked_at is not None:
        return None
    return link if link.sees is not Sees.VISITS or shows_visits(link) else None


def used(number: int, *, now: datetime) -> sa.Update:
    """The statement that writes down a use, unless one was written down within the minute."""
    long_ago = sa.or_(FeedLink.last_used_at.is_(None), FeedLink.last_used_at < now - USED)
    return sa.update(FeedLink).where(FeedLink.id == number, long_ago).values(last_used_at=now)

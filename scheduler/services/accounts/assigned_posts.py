"""Posts assigned to accounts: their visits are what an officer sees, unless they are an administrator."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict
from scheduler.model.accounts import Account
from scheduler.model.posts import Post
from scheduler.services.common.audit import note
from scheduler.services.feeds import links as feed_links


def assign(session: Session, account: Account, wanted: Iterable[Post], *, now: datetime) -> int:
    """Assign these posts to an account and take all others away, from its next page on.

    Revoke feed links that it may no longer have; return how many. Raise Conflict if nothing changes.
    """
    chosen = sorted(wanted, key=lambda post: post.key)
    if [post.key for post in account.posts] == [post.key for post in chosen]:
        raise Conflict("{name} sees these posts already; nothing was changed", name=account.name)
    account.posts = chosen
    session.flush()
    note(session, "posts", "account", account.id, now=now, posts=[post.key for post in chosen])
    return feed_links.revoke_forbidden(session, account, now=now)

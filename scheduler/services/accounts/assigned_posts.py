"""The posts whose visits an officer sees: an administrator all of them, others those that were assigned to them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, NotFound
from scheduler.model.accounts import Account, Act
from scheduler.model.posts import Post
from scheduler.model.visits import Appointment
from scheduler.services.accounts.accounts import Officer
from scheduler.services.common.audit import note
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.visits import references
from scheduler.services.feeds import links as feed_links


def list_assigned_posts(session: Session, officer: Officer) -> list[Post]:
    """Return the posts of an officer by key; none if they may not see visits."""
    if not officer.may(Act.SEE_VISITS):
        return []
    return [post for post in posts.list_posts(session) if officer.at(post)]


def get(session: Session, officer: Officer, key: str) -> Post:
    """Return a post of an officer. Raise NotFound alike whether it is not theirs or does not exist."""
    found = next((post for post in list_assigned_posts(session, officer) if post.key == key), None)
    if found is None:
        raise NotFound("there is no post {key}", key=key)
    return found


def get_visit(session: Session, officer: Officer, reference: str) -> Appointment:
    """Return a visit to a post of an officer. Raise NotFound, or Invalid if that is not a reference."""
    found = references.get(session, reference)
    if not officer.may(Act.SEE_VISITS) or not officer.at(found.service.post):
        raise NotFound("there is no visit {reference}", reference=found.reference)
    return found


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

"""The posts whose visits somebody sees: an administrator all, whoever else those that were given to them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, NotFound
from scheduler.model import Account, Act, Appointment, Post
from scheduler.services.accounts.accounts import Officer
from scheduler.services.common.audit import note
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.visits import booking
from scheduler.services.feeds import links as feed_links


def assigned_posts(session: Session, officer: Officer) -> list[Post]:
    """In the order of their keys; none for who may see no visits."""
    if not officer.may(Act.SEE_VISITS):
        return []
    return [post for post in posts.everything(session) if officer.at(post)]


def get(session: Session, officer: Officer, key: str) -> Post:
    """Raises NotFound alike for a post that is another's and for one that there is not."""
    found = next((post for post in assigned_posts(session, officer) if post.key == key), None)
    if found is None:
        raise NotFound("there is no post {key}", key=key)
    return found


def visit(session: Session, officer: Officer, reference: str) -> Appointment:
    """A visit to a post of theirs. Raises NotFound, Invalid for what is no reference."""
    found = booking.get(session, reference)
    if not officer.may(Act.SEE_VISITS) or not officer.at(found.service.post):
        raise NotFound("there is no visit {reference}", reference=found.reference)
    return found


def give(session: Session, account: Account, wanted: Iterable[Post], *, now: datetime) -> None:
    """These posts and no others, from their next page on. Raises Conflict where nothing changes."""
    asked = sorted(wanted, key=lambda post: post.key)
    if [post.key for post in account.posts] == [post.key for post in asked]:
        raise Conflict("{name} sees these posts already; nothing was changed", name=account.name)
    account.posts = asked
    session.flush()
    note(session, "posts", "account", account.id, now=now, posts=[post.key for post in asked])
    feed_links.take_back(session, account, now=now)

"""The posts and visits that the present officer may see; any other is not found."""

from __future__ import annotations

from flask import g, url_for
from sqlalchemy.orm import Session

from scheduler.model.posts import Post
from scheduler.model.visits import Appointment
from scheduler.services.accounts import assigned_posts
from scheduler.web.kit.language import with_query
from scheduler.web.officers.kit.guard import DESK, officer

POSTS = f"{DESK}/posts"
POST = f"{POSTS}/<key>"


def list_own_posts(session: Session) -> list[Post]:
    return assigned_posts.list_assigned_posts(session, officer())


def get_own_post(session: Session, key: str) -> Post:
    """Return the post with this key. Raise NotFound if there is none that the officer may see."""
    return assigned_posts.get(session, officer(), key)


def get_own_visit(session: Session, reference: str) -> Appointment:
    """Return the visit with this reference.

    Raise NotFound if there is none that the officer may see, and Invalid if it cannot be a reference.
    """
    return assigned_posts.get_visit(session, officer(), reference)


def today_address(key: str, **query: str) -> str:
    """Return the address of the front desk of a post."""
    return with_query(url_for("front.today", language=g.language, key=key), query.items())

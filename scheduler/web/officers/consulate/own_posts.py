"""The posts and visits of who asks: of any other not even that it is there."""

from __future__ import annotations

from sqlalchemy.orm import Session

from scheduler.model import Appointment, Post
from scheduler.services.accounts import assigned_posts
from scheduler.web.officers.kit.guard import DESK, officer

POSTS = f"{DESK}/posts"
POST = f"{POSTS}/<key>"


def own(session: Session) -> list[Post]:
    return assigned_posts.list_assigned_posts(session, officer())


def post_of(session: Session, key: str) -> Post:
    """Raises NotFound."""
    return assigned_posts.get(session, officer(), key)


def visit_of(session: Session, reference: str) -> Appointment:
    """Raises NotFound, and Invalid for what is no reference."""
    return assigned_posts.get_visit(session, officer(), reference)

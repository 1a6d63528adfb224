"""Whose posts and visits these are: staff see their own alone, and of any other not even that it is there."""

from __future__ import annotations

from sqlalchemy.orm import Session

from scheduler.errors import NotFound
from scheduler.model import Appointment, Post
from scheduler.services import posts, visits
from scheduler.web.officers.guard import DESK, officer
from scheduler.web.pages import is_key

POSTS = f"{DESK}/posts"
POST = f"{POSTS}/<key>"


def own(session: Session) -> list[Post]:
    return [post for post in posts.everything(session) if officer().sees(post)]


def post_of(session: Session, key: str) -> Post:
    """Raises NotFound."""
    found = posts.get(session, key) if is_key(key) else None
    if found is None or not officer().sees(found):
        raise NotFound("there is no post {key}", key=key)
    return found


def visit_of(session: Session, reference: str) -> Appointment:
    """Raises NotFound, and Invalid for what is no reference."""
    found = visits.get(session, reference)
    if not officer().sees(found.service.post):
        raise NotFound("there is no visit {reference}", reference=found.reference)
    return found

"""Addresses of the pages of posts at the desk."""

from __future__ import annotations

from flask import g, url_for

from scheduler.web.kit.language import with_query
from scheduler.web.officers.kit.guard import DESK

POSTS = f"{DESK}/posts"
POST = f"{POSTS}/<key>"


def today_address(key: str, **query: str) -> str:
    """Return the address of the front desk of a post."""
    return with_query(url_for("front.today", language=g.language, key=key), query.items())

"""Posts with their counters, services and special days: found by key, locked, and read field by field."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, load_only, selectinload

from scheduler.base.errors import NotFound
from scheduler.base.text import Text
from scheduler.model.events import Event
from scheduler.model.posts import Counted, Counter, Post, PostHours, Service, SpecialDays
from scheduler.services.common.lookup import make_not_found
from scheduler.services.common.plain_values import Fields, Interval, drop_defaults, write_fields

WITH_POST = (
    selectinload(Post.city),
    selectinload(Post.event),
    selectinload(Post.hours),
    selectinload(Post.special_days).selectinload(SpecialDays.counter),
    selectinload(Post.counters).selectinload(Counter.hours),
    selectinload(Post.services).selectinload(Service.counters),
    selectinload(Post.services).selectinload(Service.checklists),
)
# What a post is called, whose it is, and which plan of opening it has.
_NAME = (
    load_only(
        *(Post.id, Post.key, Post.name, Post.version, Post.cell, Post.city_id, Post.event_id),
        *(Post.sending_state, Post.receiving_state),
    ),
    joinedload(Post.city),
    joinedload(Post.event).load_only(Event.id, Event.key, Event.visibility),
)
# What a post, its special days, its counters and its services are unless their drafts say otherwise.
POST_DEFAULTS: Fields = MappingProxyType(
    {
        "cell": 15,
        "horizon": timedelta(days=60),
        "notice": timedelta(days=1),
        "hold": timedelta(minutes=15),
        "offer": timedelta(days=1),
        "release_within": timedelta(hours=4),
        "release_near": timedelta(days=2),
        "remind": timedelta(days=1),
        "no_shows_within": timedelta(days=90),
        "no_shows_pause": timedelta(days=30),
        "largest_party": 6,
        "keep": timedelta(days=180),
    }
)
SPECIAL_DEFAULTS: Fields = MappingProxyType({"open": False})
COUNTER_DEFAULTS: Fields = MappingProxyType({"staffed": True})
SERVICE_DEFAULTS: Fields = MappingProxyType({"counted": Counted.DOCUMENTS, "walk_ins": False, "offered": True})


def get(session: Session, key: str) -> Post:
    """Return the post with this key. Raise NotFound if there is none."""
    found = session.scalar(sa.select(Post).where(Post.key == key).options(*WITH_POST))
    if found is None:
        raise make_not_found(session, Post, key)
    return found


def list_posts(session: Session) -> list[Post]:
    """Return all posts, in the order of their keys."""
    return list(session.scalars(sa.select(Post).options(*WITH_POST).order_by(Post.key)))


def list_names(session: Session) -> list[Post]:
    """Return all posts by key, with what they are called only; the rest is read when it is asked for."""
    return list(session.scalars(sa.select(Post).options(*_NAME).order_by(Post.key)))


def get_service(post: Post, key: str) -> Service:
    """Return the service of a post with this key. Raise NotFound, naming the services it has, if there is none."""
    found = next((service for service in post.services if service.key == key), None)
    if found is None:
        known = ", ".join(service.key for service in post.services)
        raise NotFound("{post} has no service {key}; there are: {known}", post=post.key, key=key, known=known)
    return found


def get_counter(post: Post, key: str) -> Counter:
    """Return the counter of a post with this key. Raise NotFound, naming the counters it has, if there is none."""
    found = next((counter for counter in post.counters if counter.key == key), None)
    if found is None:
        known = ", ".join(counter.key for counter in post.counters)
        raise NotFound("{post} has no counter {key}; there are: {known}", post=post.key, key=key, known=known)
    return found


def lock_post(session: Session, post: Post) -> None:
    """Lock the row of a post until the transaction ends, before reading anything that decides what can be promised.

    If its plan has changed since it was read, the plan is read again.
    """
    query = sa.select(Post.version).where(Post.id == post.id).with_for_update(key_share=True)
    if session.scalar(query) != post.version:
        for row in (*post.hours, *post.special_days, *post.counters, *post.services, post):
            session.expire(row)


def lock_posts(session: Session, numbers: sa.Select[int], *, waits: bool = True) -> set[int]:
    """Lock the posts whose ids a query finds, in the order of their ids; return which are locked.

    Unless ``waits``, those that somebody else holds are left out.
    """
    query = sa.select(Post.id).where(Post.id.in_(numbers)).order_by(Post.id)
    return set(session.scalars(query.with_for_update(key_share=True, skip_locked=not waits)))


# What a service does not say, its post says


def get_horizon(service: Service) -> timedelta:
    return service.horizon if service.horizon is not None else service.post.horizon


def get_notice(service: Service) -> timedelta:
    return service.notice if service.notice is not None else service.post.notice


# What a programme file says of a post


def write_table(post: Post) -> dict[str, Any]:
    """Return the table of a post with those of its counters and services, without what has its default."""
    fields = read_post(post)
    counters, services = fields.pop("counter"), fields.pop("service")
    fields["special"] = tuple(drop_defaults(one, SPECIAL_DEFAULTS) for one in fields["special"])
    written = write_fields(drop_defaults(fields, POST_DEFAULTS))
    for noun, parts, defaults in (("counter", counters, COUNTER_DEFAULTS), ("service", services, SERVICE_DEFAULTS)):
        if parts:
            written[noun] = {key: write_fields(drop_defaults(one, defaults)) for key, one in parts.items()}
    return written


def read_post(post: Post) -> dict[str, Any]:
    """Return the fields of a post, in the order of a programme file."""
    return {
        "name": post.name,
        "city": post.city.key,
        "sending_state": post.sending_state,
        "receiving_state": post.receiving_state,
        "address": post.address,
        "district": post.district,
        "event": post.event.key if post.event else None,
        "email": post.email,
        "telephone": post.telephone,
        "signer": post.signer,
        "signer_position": post.signer_position,
        "hours": read_weekly_hours(post.hours),
        "special": _read_special_days(post.special_days),
        **{name: getattr(post, name) for name in _TERMS},
        "counter": {counter.key: _read_counter(counter) for counter in post.counters},
        "service": {service.key: read_service(service) for service in post.services},
    }


# Columns of a post that a programme file has by the same name: its terms of booking.
_TERMS = (
    *("cell", "horizon", "notice", "hold", "offer", "release_within", "release_near", "reconfirm_from"),
    *("reconfirm_until", "remind", "no_shows", "no_shows_within", "no_shows_pause", "largest_party", "deadline"),
    "keep",
)


def _read_special_days(rows: Iterable[SpecialDays]) -> tuple[dict[str, Any], ...]:
    special = [
        {
            "first_day": row.first_on,
            "last_day": row.last_on,
            "open": row.open,
            "hours": (row.opens, row.closes) if row.opens is not None and row.closes is not None else None,
            "reason": row.reason,
            "counter": row.counter.key if row.counter else None,
        }
        for row in rows
    ]
    return tuple(
        sorted(special, key=lambda one: (one["first_day"], one["counter"] or "", one["open"], str(one["hours"])))
    )


def _read_counter(row: Counter) -> dict[str, Any]:
    return {"name": row.name, "hours": read_weekly_hours(row.hours), "staffed": row.staffed}


def read_service(row: Service) -> dict[str, Any]:
    """Return the fields of a service, in the order of a programme file."""
    return {
        "name": row.name,
        "minutes": row.minutes,
        "counted": row.counted,
        "checklist": row.checklist.documents if row.checklist else Text(),
        "fee": row.fee,
        "currency": row.currency,
        "quota": row.quota,
        "horizon": row.horizon,
        "notice": row.notice,
        "counters": tuple(counter.key for counter in row.counters),
        "walk_ins": row.walk_ins,
        "offered": row.offered,
    }


def read_weekly_hours(hours: Iterable[PostHours]) -> tuple[tuple[int, Interval], ...]:
    """Return weekly hours: (weekday, hours), in order."""
    return tuple(sorted((row.weekday, (row.opens, row.closes)) for row in hours))

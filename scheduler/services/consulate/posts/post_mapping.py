"""Posts written from drafts and read back as drafts, with their counters, services and special days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.base.errors import Conflict
from scheduler.base.i18n import N_
from scheduler.base.text import Text
from scheduler.model.events import Event
from scheduler.model.places import City
from scheduler.model.posts import Checklist, Counter, Post, PostHours, Service, SpecialDays
from scheduler.model.visits import SlotClaim
from scheduler.services.common.audit import note
from scheduler.services.common.changes import Change, ChangeKind, change
from scheduler.services.common.day_drafts import find_passed_days
from scheduler.services.common.lookup import Lookup
from scheduler.services.common.plain_values import Interval
from scheduler.services.consulate.posts.post_drafts import CounterDraft, PostDraft, ServiceDraft, SpecialDraft
from scheduler.services.consulate.posts.posts import (
    WITH_POST,
    get_counter,
    lock_post,
    read_post,
    read_weekly_hours,
)

# Columns that are written from a draft as they are.
_POST_FIELDS = (
    *("name", "address", "district", "sending_state", "receiving_state", "email", "telephone", "signer"),
    *("signer_position", "cell", "horizon"),
    *("notice", "hold", "offer", "release_within", "release_near", "reconfirm_from", "reconfirm_until", "remind"),
    *("no_shows", "no_shows_within", "no_shows_pause", "largest_party", "keep", "deadline"),
)
_SERVICE_FIELDS = (
    *("name", "minutes", "counted", "fee", "currency", "quota", "horizon", "notice", "walk_ins", "offered"),
)


# Rows from drafts


def put(session: Session, key: str, draft: PostDraft, *, now: datetime, lookup: Lookup) -> list[Change]:
    """Write a post with its counters and services as the draft says; return what was changed.

    Counters and services that the draft does not name are left alone. Raise NotFound for an unknown key, and Conflict
    for another length of cells where visits are booked.
    """
    post = session.scalar(sa.select(Post).where(Post.key == key).options(*WITH_POST))
    before = None
    if post is None:
        post = Post(key=key, version=0)
    else:
        lock_post(session, post)
        before = make_draft(post)
    draft = normalize(draft)
    changes = [change("post", key, before and without_parts(before), without_parts(draft))]
    if changes[0].is_change:
        _write(session, post, draft, lookup, now)
    changes += _put_counters(session, post, draft, before)
    changes += _put_services(session, post, draft, before, now)
    if before is None or before.special != draft.special:
        _write_special(session, post, draft.special)
    if changes[0].is_change:
        changes[0] = replace(changes[0], doubts=tuple(_find_passed_times(post, draft, before, now)))
    real_changes = [one for one in changes if one.is_change]
    post.version = (post.version or 0) + bool(real_changes)
    session.flush()
    for one in real_changes:
        action = "add" if one.verb is ChangeKind.ADDED else "change"
        note(session, action, one.noun, one.key, now=now, fields=sorted(one.fields))
    return changes


def _find_passed_times(post: Post, draft: PostDraft, before: PostDraft | None, now: datetime) -> Iterator[str]:
    """Yield a sentence for each kind of time that a draft states anew though it has passed."""
    if draft.deadline != (before.deadline if before else None) and post.is_over_for_booking(now):
        yield N_("The time at which booking closes has passed.")
    yield from find_passed_days(before.special if before else (), draft.special, today=wall(now, post.tzid).date())


def change_post(session: Session, post: Post, draft: PostDraft, *, now: datetime) -> list[Change]:
    """Make a post that is there be as the draft says; see `put`."""
    return put(session, post.key, draft, now=now, lookup=Lookup(session))


def lock_and_read(session: Session, key: str) -> PostDraft | None:
    """Lock the post with this key, if there is one, and return the draft that would make it."""
    post = session.scalar(sa.select(Post).where(Post.key == key).options(*WITH_POST))
    if post is None:
        return None
    lock_post(session, post)
    return make_draft(post)


def normalize(draft: PostDraft) -> PostDraft:
    """Return a draft with its lists in order, as they are read back."""
    services = {
        key: service.model_copy(update={"counters": tuple(sorted(set(service.counters)))})
        for key, service in draft.service.items()
    }
    return draft.model_copy(update={"service": services, "special": _sort_special(draft.special)})


def without_parts(draft: PostDraft) -> PostDraft:
    """Return the draft of the post alone, without counters and services.

    The special days stay: they name counters, so they are written after the counters.
    """
    return draft.model_copy(update={"counter": {}, "service": {}})


def _sort_special(special: Iterable[SpecialDraft]) -> tuple[SpecialDraft, ...]:
    return tuple(sorted(special, key=lambda one: (one.first_day, one.counter or "", one.open, str(one.hours))))


def _write(session: Session, post: Post, draft: PostDraft, lookup: Lookup, now: datetime) -> None:
    if post.id is not None and post.cell != draft.cell:
        _refuse_other_cell(session, post, now)
    for name in _POST_FIELDS:
        setattr(post, name, getattr(draft, name))
    post.city = lookup.get(City, draft.city)
    post.event = lookup.get(Event, draft.event) if draft.event else None
    session.add(post)
    _write_hours(session, post, draft.hours)
    session.flush()


def _refuse_other_cell(session: Session, post: Post, now: datetime) -> None:
    """Raise Conflict if cells are claimed: claims count in cells, so another length would move them."""
    today = wall(now, post.tzid).date()
    mine = (
        sa.select(SlotClaim.day).join(Counter, Counter.id == SlotClaim.counter_id).where(Counter.post_id == post.id)
    )
    if session.scalar(mine.where(SlotClaim.day >= today).limit(1)):
        raise Conflict(
            "cell: appointments are booked at {post}; change it when there are no future appointments", post=post.key
        )


def _write_hours(session: Session, row: Post | Counter, weekly: Iterable[tuple[int, Interval]]) -> None:
    """Replace the weekly hours of a post or counter.

    The old rows are deleted first, because a new row may have the same weekday and opening time.
    """
    if read_weekly_hours(row.hours) == weekly:
        return
    if row.hours:
        row.hours.clear()
        session.flush()
    row.hours.extend(PostHours(weekday=day, opens=opens, closes=closes) for day, (opens, closes) in weekly)


def _put_counters(session: Session, post: Post, draft: PostDraft, before: PostDraft | None) -> Iterator[Change]:
    known = {counter.key: counter for counter in post.counters}
    for key, wanted in draft.counter.items():
        done = change("counter", f"{post.key}/{key}", before.counter.get(key) if before else None, wanted)
        yield done
        if done.is_change:
            row = known.get(key) or Counter(post=post, key=key)
            row.name, row.staffed = wanted.name, wanted.staffed
            session.add(row)
            _write_hours(session, row, wanted.hours)
    session.flush()


def _put_services(
    session: Session, post: Post, draft: PostDraft, before: PostDraft | None, now: datetime
) -> Iterator[Change]:
    known = {service.key: service for service in post.services}
    for key, wanted in draft.service.items():
        done = change("service", f"{post.key}/{key}", before.service.get(key) if before else None, wanted)
        yield done
        if done.is_change:
            _write_service(session, known.get(key) or Service(post=post, key=key), wanted, now)
    session.flush()


def _write_service(session: Session, row: Service, draft: ServiceDraft, now: datetime) -> None:
    for name in _SERVICE_FIELDS:
        setattr(row, name, getattr(draft, name))
    row.counters = [get_counter(row.post, key) for key in draft.counters]
    current = row.checklist
    if draft.checklist != (current.documents if current else Text()):
        version = current.version + 1 if current else 1
        row.checklists.append(Checklist(version=version, documents=draft.checklist, since=now))
    session.add(row)


def _write_special(session: Session, post: Post, special: Iterable[SpecialDraft]) -> None:
    session.flush()
    post.special_days = [make_special_days(post, draft) for draft in special]


def make_special_days(post: Post, draft: SpecialDraft) -> SpecialDays:
    """Return the row of a draft, not yet added to the post. Raise NotFound if the post has no such counter."""
    return SpecialDays(
        counter=get_counter(post, draft.counter) if draft.counter else None,
        open=draft.open,
        first_on=draft.first_day,
        last_on=draft.last_day,
        opens=draft.hours[0] if draft.hours else None,
        closes=draft.hours[1] if draft.hours else None,
        reason=draft.reason,
    )


# Drafts from rows


def make_draft(post: Post) -> PostDraft:
    """Return the draft that would make this post."""
    fields = read_post(post)
    return PostDraft.model_construct(
        **{
            **fields,
            "special": tuple(SpecialDraft.model_construct(**one) for one in fields["special"]),
            "counter": {key: CounterDraft.model_construct(**one) for key, one in fields["counter"].items()},
            "service": {key: ServiceDraft.model_construct(**one) for key, one in fields["service"].items()},
        }
    )

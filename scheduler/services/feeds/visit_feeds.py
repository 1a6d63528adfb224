"""The coming visits of a post as a calendar for its officers, with names only if the link shows them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from calendars.feed import write_feed
from calendars.vevent import VEvent, render
from scheduler.base.clock import wall
from scheduler.base.i18n import N_, load_catalogue
from scheduler.model.feeds import FeedLink
from scheduler.model.posts import Post, Service
from scheduler.model.visits import Appointment, VisitStatus
from scheduler.services.consulate.posts.free_times import midnight
from scheduler.services.consulate.visits.references import WITH_VISIT
from scheduler.services.consulate.visits.wording import fill_vevent
from scheduler.services.feeds.calendar_heads import make_visits_head

# A cancelled visit stays, as cancelled, until its day has passed, so that nobody prepares for it.
_SHOWN = (VisitStatus.CONFIRMED, VisitStatus.CHECKED_IN, VisitStatus.CALLED, VisitStatus.CANCELLED)


def write(session: Session, link: FeedLink, *, language: str, now: datetime) -> bytes:
    """Write the visits of a link's post from today on, by the clock of the post, as a calendar.

    Its bytes depend only on what is stored, the language and the day.
    """
    post = link.post
    assert post is not None  # noqa: S101 - or it would not be a link to visits
    parts = [render(_vevent(row, language, names=link.names)) for row in _coming(session, post, now)]
    return write_feed(parts, make_visits_head(post, language=language))


def _coming(session: Session, post: Post, now: datetime) -> Iterator[Appointment]:
    today = midnight(wall(now, post.tzid).date())
    query = (
        sa.select(Appointment)
        .join(Service, Service.id == Appointment.service_id)
        .where(Service.post_id == post.id, Appointment.dtstart >= today)
        .where(Appointment.status.in_(_SHOWN), Appointment.walk_in.is_(False))
        .options(*WITH_VISIT)
        .order_by(Appointment.starts_at, Appointment.uid)
    )
    return iter(session.scalars(query))


def _vevent(visit: Appointment, language: str, *, names: bool) -> VEvent:
    """Return a visit as an entry for officers; its UID differs from the one in the applicant's own calendar."""
    gettext = load_catalogue(language).gettext
    service = visit.service.name.to(language)
    lines = [
        f"{gettext(N_('Reference'))}: {visit.reference}",
        f"{gettext(N_('Service'))}: {service}",
        f"{gettext(N_('People'))}: {visit.people}",
        f"{gettext(N_('Documents'))}: {visit.documents}",
    ]
    if names:
        lines += ["", *(applicant.name for applicant in visit.applicants)]
    return fill_vevent(
        visit,
        language,
        uid=f"desk-{visit.uid}",
        title=" · ".join([service, visit.reference, *_many(visit)]),
        lines=lines,
        cancelled=visit.status is VisitStatus.CANCELLED,
    )


def _many(visit: Appointment) -> list[str]:
    return [f"×{visit.people}"] if visit.people > 1 else []

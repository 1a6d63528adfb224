"""A visit in words: title, place, fee, checklist, and its VEVENT (RFC 5545 3.6.1)."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from babel.numbers import format_currency

from calendars.feed import write_feed
from calendars.vevent import Texts, VEvent, render
from scheduler.base.clock import format_offset, wall
from scheduler.base.date_format import When, format_span, zone_city
from scheduler.base.i18n import catalogue
from scheduler.model import Appointment, VisitStatus


def title(visit: Appointment, language: str) -> str:
    return f"{visit.service.name.to(language)}, {visit.service.post.name.to(language)}"


def where(visit: Appointment, language: str) -> str:
    """The place on one line."""
    post = visit.service.post
    parts = [post.name.to(language), post.address.to(language)]
    city = post.city.name.to(language)
    return ", ".join([*filter(None, parts), *([] if city in "".join(parts) else [city])])


def when(visit: Appointment, language: str, tzid: str | None) -> list[When]:
    """The post's time first; the reader's beside it where their clock shows another."""
    if visit.dtstart is None or visit.dtend is None or visit.starts_at is None or visit.ends_at is None:
        return []
    post = visit.service.post
    zone = f"{post.city.name.to(language)}, {format_offset(visit.starts_at, post.tzid)}"
    own = When(format_span(visit.dtstart, visit.dtend, language), zone)
    if tzid is None or wall(visit.starts_at, tzid) == visit.dtstart:
        return [own]
    theirs = format_span(wall(visit.starts_at, tzid), wall(visit.ends_at, tzid), language)
    return [own, When(theirs, f"{zone_city(tzid, language)}, {format_offset(visit.starts_at, tzid)}", own=True)]


def fee(visit: Appointment, language: str) -> str:
    service = visit.service
    if service.fee is None or service.currency is None:
        return ""
    return str(format_currency(service.fee, service.currency, locale=language))


def checklist(visit: Appointment, language: str) -> list[str]:
    """The documents to bring as they are asked for today, an item each."""
    current = visit.service.checklist
    return [line.strip() for line in current.documents.to(language).splitlines() if line.strip()] if current else []


def _is_newer(visit: Appointment) -> bool:
    current = visit.service.checklist
    return current is not None and current.version != visit.checklist_version


def file(visit: Appointment, language: str) -> bytes:
    """The visit as a calendar of one event (RFC 5545); empty without a time."""
    if visit.starts_at is None:
        return b""
    return write_feed([render(vevent(visit, language))], name=title(visit, language), refresh=timedelta(hours=6))


def vevent(visit: Appointment, language: str) -> VEvent:
    """UID and SEQUENCE are stored: a moved visit moves in every calendar, a cancelled one is struck out."""
    assert visit.starts_at is not None and visit.ends_at is not None  # noqa: S101, PT018 - it has a time
    gettext = catalogue(language).gettext
    cancelled = visit.status in (VisitStatus.CANCELLED, VisitStatus.LAPSED)
    status: Literal["CONFIRMED", "CANCELLED"] = "CANCELLED" if cancelled else "CONFIRMED"
    lines = [f"{gettext('Reference')}: {visit.reference}"]
    if items := checklist(visit, language):
        lines += ["", gettext("Please bring:"), *(f"– {item}" for item in items)]
    name = title(visit, language)
    return VEvent(
        uid=visit.uid,
        dtstamp=visit.revised_at,
        created=visit.created_at,
        sequence=visit.sequence,
        dtstart=visit.starts_at,
        dtend=visit.ends_at,
        status=status,
        texts=Texts(
            summary=f"{gettext('Cancelled')}: {name}" if cancelled else name,
            description="\n".join(lines),
            location=where(visit, language),
        ),
    )

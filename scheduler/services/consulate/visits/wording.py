"""The words of a visit for letters and calendars: title, place, time, fee, checklist, VEVENT (RFC 5545 3.6.1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from babel import Locale
from babel.numbers import format_currency

from calendars.feed import CalendarHead, write_feed
from calendars.vevent import Texts, VEvent, render
from scheduler.base.clock import format_offset, wall
from scheduler.base.date_format import When, format_span, zone_city
from scheduler.base.i18n import NC_, load_catalogue
from scheduler.model.visits import Appointment, VisitStatus

_SIGN, _CODE, _SPACE = "\N{CURRENCY SIGN}", "\N{CURRENCY SIGN}" * 2, "\N{NO-BREAK SPACE}"


def format_title(visit: Appointment, language: str) -> str:
    return f"{visit.service.name.to(language)}, {visit.service.post.name.to(language)}"


def format_place(visit: Appointment, language: str) -> str:
    """Return the place of a visit on one line."""
    post = visit.service.post
    parts = [post.name.to(language), post.address.to(language)]
    city = post.city.name.to(language)
    return ", ".join([*filter(None, parts), *([] if city in "".join(parts) else [city])])


def format_time(visit: Appointment, language: str, tzid: str | None) -> list[When]:
    """Return the time at the post, then the time in the zone ``tzid`` if the clocks differ."""
    if visit.dtstart is None or visit.dtend is None or visit.starts_at is None or visit.ends_at is None:
        return []
    post = visit.service.post
    zone = f"{post.city.name.to(language)}, {format_offset(visit.starts_at, post.tzid)}"
    own = When(format_span(visit.dtstart, visit.dtend, language), zone)
    if tzid is None or wall(visit.starts_at, tzid) == visit.dtstart:
        return [own]
    theirs = format_span(wall(visit.starts_at, tzid), wall(visit.ends_at, tzid), language)
    return [own, When(theirs, f"{zone_city(tzid, language)}, {format_offset(visit.starts_at, tzid)}", own=True)]


def format_fee(visit: Appointment, language: str) -> str:
    """Return the fee with its currency, or an empty string if there is none."""
    service = visit.service
    if service.fee is None or service.currency is None:
        return ""
    return format_money(service.fee, service.currency, language)


def format_money(amount: str | Decimal, currency: str, language: str) -> str:
    """Return "USD 60.00" or "60,00 USD": a code, because "$" does not tell whose dollars they are."""
    locale = Locale.parse(language, sep="-")
    positive = locale.currency_formats["standard"].pattern.split(";")[0]
    number = positive.replace(_SIGN, "").strip()
    pattern = f"{_CODE}{_SPACE}{number}" if positive.startswith(_SIGN) else f"{number}{_SPACE}{_CODE}"
    return str(format_currency(Decimal(amount), currency, format=pattern, locale=locale))


def list_documents(visit: Appointment, language: str) -> list[str]:
    """Return the documents to bring as they are asked for today, one item each."""
    current = visit.service.checklist
    return [line.strip() for line in current.documents.to(language).splitlines() if line.strip()] if current else []


def has_newer_checklist(visit: Appointment) -> bool:
    """Return whether the checklist has changed since the visit was booked."""
    current = visit.service.checklist
    return current is not None and current.version != visit.checklist_version


def make_calendar(visit: Appointment, language: str) -> bytes:
    """Return the visit as a calendar of one event (RFC 5545); empty if it has no time."""
    if visit.starts_at is None:
        return b""
    head = CalendarHead(name=format_title(visit, language), refresh=timedelta(hours=6))
    return write_feed([render(make_vevent(visit, language))], head)


def make_vevent(visit: Appointment, language: str) -> VEvent:
    """Return the calendar entry of a visit.

    UID and SEQUENCE are stored, so a moved visit moves in every calendar, and a cancelled one is struck out.
    """
    gettext = load_catalogue(language).gettext
    lines = [f"{gettext('Reference')}: {visit.reference}"]
    if items := list_documents(visit, language):
        lines += ["", gettext("Please bring:"), *(f"– {item}" for item in items)]
    cancelled = visit.status in (VisitStatus.CANCELLED, VisitStatus.LAPSED)
    return fill_vevent(
        visit, language, uid=visit.uid, title=format_title(visit, language), lines=lines, cancelled=cancelled
    )


def fill_vevent(
    visit: Appointment, language: str, *, uid: str, title: str, lines: Sequence[str], cancelled: bool
) -> VEvent:
    """Return the entry of a visit with this title and description; a cancelled one says so in its title."""
    assert visit.starts_at is not None and visit.ends_at is not None  # noqa: S101, PT018 - it has a time
    gettext = load_catalogue(language).gettext
    status: Literal["CONFIRMED", "CANCELLED"] = "CANCELLED" if cancelled else "CONFIRMED"
    return VEvent(
        uid=uid,
        dtstamp=visit.revised_at,
        created=visit.created_at,
        sequence=visit.sequence,
        dtstart=visit.starts_at,
        dtend=visit.ends_at,
        status=status,
        texts=Texts(
            summary=f"{gettext(NC_('appointment', 'Cancelled'))}: {title}" if cancelled else title,
            description="\n".join(lines),
            location=format_place(visit, language),
        ),
    )

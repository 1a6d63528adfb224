"""Letters about visits, composed from today's facts in the layout of all letters, with a calendar file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from scheduler.base.clock import instant, wall
from scheduler.base.date_format import format_day, format_offset, format_span
from scheduler.base.i18n import N_, supported
from scheduler.formats.mail import PICTURE, Parts
from scheduler.model import Applicant, Appointment, Letter, LetterKind, Side, VisitStatus
from scheduler.model.visits import ACTIVE
from scheduler.services.consulate.visits import notices
from scheduler.services.consulate.visits.links import VisitPurpose, address
from scheduler.services.consulate.visits.wording import _is_newer, checklist, fee, file, title, when, where
from scheduler.services.events.attendance import passes
from scheduler.services.letters.envelope import (
    OutgoingMessage,
    Recipient,
    SenderIdentity,
    Skip,
    put_in_envelope,
    render_letter,
    reply_to,
)
from scheduler.services.outbox.enqueue import NO_ADDRESS, TOO_LATE

Item = OutgoingMessage | Skip
# With the visit for the reader's calendar: what stands, and what has ended.
_WITH_CALENDAR = (
    LetterKind.VISIT_BOOKED,
    LetterKind.VISIT_MOVED,
    LetterKind.VISIT_REMINDER,
    LetterKind.VISIT_CANCELLED,
)
_TO_CONFIRM = (
    LetterKind.VISIT_CONFIRM,
    LetterKind.VISIT_OFFERED,
    LetterKind.VISIT_CLOSURE,
    LetterKind.VISIT_RECONFIRM,
)


def _compose(letter: Letter, house: SenderIdentity, now: datetime) -> Item:
    visit = letter.appointment
    assert visit is not None  # noqa: S101 - selected by it
    reason = _no_longer_fits(letter, visit, now)
    if reason:
        return Skip(letter.id, reason)
    contact = visit.applicants[0]
    assert contact.email is not None  # noqa: S101 - or it would have been skipped
    language = supported(contact.language)
    words = _words(letter, visit, contact, language, house)
    subject, text, html = render_letter(letter.kind, words, language, layout="visit_letter")
    parts = Parts(
        text=text,
        html=html,
        calendar=file(visit, language) if letter.kind in _WITH_CALENDAR and visit.starts_at else b"",
        picture=passes.png(visit.reference) if words["pass_code"] else b"",
    )
    reader, answers = Recipient(contact.email, contact.name, language), reply_to(visit.service.post.email)
    return put_in_envelope(letter, reader, subject=subject, parts=parts, reply_to=answers, house=house, now=now)


# What no longer fits


def _no_longer_fits(letter: Letter, visit: Appointment, now: datetime) -> str:
    """The reason not to send, in the words of the ledger; "" if the letter stands."""
    if visit.contact is None:
        return N_("the applicant's data were erased")
    if not visit.contact.email:
        return NO_ADDRESS
    if letter.expires_at is not None and now >= letter.expires_at:
        return TOO_LATE
    if visit.has_expired(now) or visit.status not in _FITS[letter.kind]:
        return N_("the visit stands otherwise now")
    # Not by its hour: moved away and back, it has two letters of which the first is about nothing any more.
    if letter.kind is not LetterKind.VISIT_CANCELLED and not notices.describes_current_state(letter, visit):
        return N_("the visit was moved")
    if letter.kind is LetterKind.VISIT_RECONFIRM and visit.reconfirmed_at is not None:
        return N_("has said already that they come")
    return ""


_STANDS = (VisitStatus.CONFIRMED, VisitStatus.CHECKED_IN, VisitStatus.CALLED)
_FITS: Mapping[LetterKind, Sequence[VisitStatus]] = {
    LetterKind.VISIT_CONFIRM: (VisitStatus.HELD,),
    LetterKind.VISIT_BOOKED: _STANDS,
    LetterKind.VISIT_MOVED: _STANDS,
    LetterKind.VISIT_CANCELLED: (VisitStatus.CANCELLED, VisitStatus.LAPSED),
    LetterKind.VISIT_REMINDER: _STANDS,
    LetterKind.VISIT_WAITING: (VisitStatus.WAITING,),
    LetterKind.VISIT_OFFERED: (VisitStatus.OFFERED,),
    LetterKind.VISIT_RECONFIRM: (VisitStatus.CONFIRMED,),
    LetterKind.VISIT_CLOSURE: (VisitStatus.OFFERED,),
    LetterKind.VISIT_STANDING: (*ACTIVE, VisitStatus.NO_SHOW),
}


# Words


def _words(
    letter: Letter, visit: Appointment, contact: Applicant, language: str, house: SenderIdentity
) -> dict[str, Any]:
    post, cancelled = visit.service.post, visit.status in (VisitStatus.CANCELLED, VisitStatus.LAPSED)
    purpose = VisitPurpose.CONFIRM if letter.kind in _TO_CONFIRM else VisitPurpose.OWN
    # A link to confirm is what the letter is for; any other leads to pages only where somebody has said there are.
    linked = house.pages or purpose is VisitPurpose.CONFIRM
    page = address(visit, purpose, secret=house.secret, base=house.base_url, language=language) if linked else ""
    return {
        "language": language,
        "name": contact.name,
        "title": title(visit, language),
        "when": when(visit, language, contact.tzid),
        "was_when": _was(letter.facts.get("was"), visit, language),
        "where": where(visit, language),
        "was_where": "",
        "video": "",
        "remote": False,
        "companions": visit.people - 1,
        "cancelled": cancelled,
        "by_post": visit.ended_by is Side.POST,
        "standing": "",
        "dated": letter.kind in _WITH_CALENDAR,
        "tentative": False,
        "url": "",
        "offered": False,
        "instructions": "",
        # What the front desk scans says no more than the reference, which stands in the letter anyhow.
        "pass_code": visit.reference if letter.kind in _WITH_CALENDAR and not cancelled else "",
        "picture": PICTURE,
        "page": "" if cancelled else page,
        "to_confirm": purpose is VisitPurpose.CONFIRM,
        "house": post.name.to(language),
        "reference": visit.reference,
        "until": [],  # of a place at an event
        "held_until": _moment(visit.expires_at or letter.expires_at, visit, language),
        "fee": fee(visit, language),
        "checklist": [] if cancelled else checklist(visit, language),
        "newer_checklist": _is_newer(visit),
        "paused": _day(letter.facts.get("paused"), language),
    }


def _was(start: str | None, visit: Appointment, language: str) -> str:
    if start is None or visit.dtstart is None or visit.dtend is None:
        return ""
    was, post = datetime.fromisoformat(start), visit.service.post
    span = format_span(was, was + (visit.dtend - visit.dtstart), language)
    return f"{span} ({post.city.name.to(language)}, {format_offset(instant(was, post.tzid, gap='shift'), post.tzid)})"


def _day(day: str | None, language: str) -> str:
    return format_day(date.fromisoformat(day), language) if day else ""


def _moment(at: datetime | None, visit: Appointment, language: str) -> str:
    if at is None:
        return ""
    post = visit.service.post
    here = wall(at, post.tzid).replace(second=0, microsecond=0)
    zone = f"{post.city.name.to(language)}, {format_offset(at, post.tzid)}"
    return f"{format_span(here, here, language)} ({zone})"


# The calendar file

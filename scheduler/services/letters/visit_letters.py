"""Compose letters about visits from the facts of today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from scheduler.base.clock import format_offset, instant, wall
from scheduler.base.date_format import format_day, format_span
from scheduler.base.i18n import N_, supported_language
from scheduler.base.text import Text
from scheduler.formats.mail import Parts
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.visits import ACTIVE, Applicant, Appointment, Side, VisitStatus
from scheduler.services.address.addressing import AddressForms, NamedOnly
from scheduler.services.address.forms import FormKind
from scheduler.services.consulate.visits import notices
from scheduler.services.consulate.visits.links import VisitPurpose, make_address
from scheduler.services.consulate.visits.wording import (
    format_fee,
    format_place,
    format_time,
    format_title,
    has_newer_checklist,
    list_documents,
    make_calendar,
)
from scheduler.services.events.attendance import passes
from scheduler.services.letters.envelope import (
    CompositionResult,
    Recipient,
    SenderIdentity,
    Skip,
    make_signature,
    put_in_envelope,
)
from scheduler.services.letters.templates import LetterWords, render_letter
from scheduler.services.outbox.enqueue import NO_ADDRESS, TOO_LATE

# These letters bring the visit as a calendar file; the file of a cancelled visit says so.
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


def compose_visit_letter(
    letter: Letter, house: SenderIdentity, forms: AddressForms, now: datetime, *, only_useful: bool = True
) -> CompositionResult:
    """Compose a letter about a visit, or give the reason why it is not to be sent.

    Without ``only_useful`` every letter to an applicant with an address is composed.
    """
    visit = letter.appointment
    assert visit is not None  # noqa: S101 - selected by it
    reason = _reason_to_skip(letter, visit, now)
    contact = visit.contact
    if contact is None or contact.email is None or (reason and only_useful):
        return Skip(letter.id, reason)
    language = supported_language(contact.language)
    words = _write_words(letter, visit, contact, language, house, _address(contact, language, forms, now))
    subject, text, html = render_letter(letter.kind, words, language, layout="visit_letter")
    parts = Parts(
        text=text,
        html=html,
        calendar=make_calendar(visit, language) if letter.kind in _WITH_CALENDAR and visit.starts_at else b"",
        picture=passes.render_png(visit.reference) if words.pass_code else b"",
    )
    recipient, signature = Recipient(contact.email, contact.name, language), words.signature
    return put_in_envelope(letter, recipient, subject=subject, parts=parts, signature=signature, house=house, now=now)


def _reason_to_skip(letter: Letter, visit: Appointment, now: datetime) -> str:
    """Return the reason not to send a letter, in the words of the ledger, or "" if it is still of use."""
    if visit.contact is None:
        return N_("the applicant's data were erased")
    if not visit.contact.email:
        return NO_ADDRESS
    if letter.expires_at is not None and now >= letter.expires_at:
        return TOO_LATE
    if visit.has_expired(now) or visit.status not in _STATUS_FOR[letter.kind]:
        return N_("the status of the appointment has changed")
    # Its hour alone does not tell: a visit that was moved away and back has two letters, and only the second holds.
    if letter.kind is not LetterKind.VISIT_CANCELLED and not notices.describes_current_state(letter, visit):
        return N_("the appointment was moved")
    if letter.kind is LetterKind.VISIT_RECONFIRM and visit.reconfirmed_at is not None:
        return N_("has already confirmed that they will come")
    return ""


_STANDS = (VisitStatus.CONFIRMED, VisitStatus.CHECKED_IN, VisitStatus.CALLED)
# What the status of the visit must be for a letter of each kind to be sent.
_STATUS_FOR: Mapping[LetterKind, Sequence[VisitStatus]] = {
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


def _address(contact: Applicant, language: str, forms: AddressForms, now: datetime) -> dict[str, str]:
    """Return the words by which a letter addresses an applicant, of whom only the name is known."""
    who, on = NamedOnly(Text({language: contact.name})), now.date()
    return {
        "salutation": forms.address(who, FormKind.SALUTATION, language, on=on),
        "complimentary_close": forms.address(who, FormKind.CLOSING, language, on=on),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitWords(LetterWords):
    """The words of letters about visits."""

    by_post: bool = False
    to_confirm: bool = False
    held_until: str = ""
    fee: str = ""
    checklist: Sequence[str] = ()
    newer_checklist: bool = False
    paused: str = ""


def _write_words(
    letter: Letter,
    visit: Appointment,
    contact: Applicant,
    language: str,
    house: SenderIdentity,
    address: Mapping[str, str],
) -> VisitWords:
    """Return the words of a letter about a visit; ``address`` has those by which the applicant is addressed."""
    post, cancelled = visit.service.post, visit.status in (VisitStatus.CANCELLED, VisitStatus.LAPSED)
    purpose = VisitPurpose.CONFIRM if letter.kind in _TO_CONFIRM else VisitPurpose.OWN
    # A letter to confirm needs its link; others have one only if the settings say where the pages are.
    linked = house.pages or purpose is VisitPurpose.CONFIRM
    page = make_address(visit, purpose, secret=house.secret, base=house.base_url, language=language) if linked else ""
    return VisitWords(
        salutation=address["salutation"],
        complimentary_close=address["complimentary_close"],
        language=language,
        title=format_title(visit, language),
        when=format_time(visit, language, contact.tzid),
        was_when=_previous_time(letter.facts.get("was"), visit, language),
        where=format_place(visit, language),
        companions=visit.people - 1,
        cancelled=cancelled,
        by_post=visit.ended_by is Side.POST,
        dated=letter.kind in _WITH_CALENDAR,
        # The code that the front desk scans contains only the reference, which is in the letter as text, too.
        pass_code=visit.reference if letter.kind in _WITH_CALENDAR and not cancelled else "",
        page="" if cancelled else page,
        to_confirm=purpose is VisitPurpose.CONFIRM,
        house=post.name.to(language),
        signature=make_signature(post, language, house),
        reference=visit.reference,
        held_until=_format_moment(visit.expires_at or letter.expires_at, visit, language),
        fee=format_fee(visit, language),
        checklist=[] if cancelled else list_documents(visit, language),
        newer_checklist=has_newer_checklist(visit),
        paused=_format_day(letter.facts.get("paused"), language),
    )


def _previous_time(start: str | None, visit: Appointment, language: str) -> str:
    """Return the time that a visit was moved from, on the clock of its post; ``start`` is a wall time (ISO 8601)."""
    if start is None or visit.dtstart is None or visit.dtend is None:
        return ""
    was, post = datetime.fromisoformat(start), visit.service.post
    span = format_span(was, was + (visit.dtend - visit.dtstart), language)
    return f"{span} ({post.city.name.to(language)}, {format_offset(instant(was, post.tzid, gap='shift'), post.tzid)})"


def _format_day(day: str | None, language: str) -> str:
    return format_day(date.fromisoformat(day), language) if day else ""


def _format_moment(at: datetime | None, visit: Appointment, language: str) -> str:
    if at is None:
        return ""
    post = visit.service.post
    here = wall(at, post.tzid).replace(second=0, microsecond=0)
    zone = f"{post.city.name.to(language)}, {format_offset(at, post.tzid)}"
    return f"{format_span(here, here, language)} ({zone})"

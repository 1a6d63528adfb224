"""The outline of a letter about an event: what letters of a batch have in common (event, language, zone, party).

It is rendered once, with marks where the name, the page and the pass of each recipient are filled in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.base.date_format import When, format_day, language_name
from scheduler.base.i18n import supported_language
from scheduler.base.text import Text, fill_placeholders
from scheduler.formats.mail import Parts
from scheduler.model.attendance import Role, Standing
from scheduler.model.events import Event, Mode, Status
from scheduler.model.feeds import Audience
from scheduler.model.letters import NEWS, LetterKind, Message
from scheduler.services.events.attendance.representation import DeputyNews
from scheduler.services.events.programme.agenda import AnnouncedPerson, list_announced
from scheduler.services.events.programme.event_times import (
    capture_facts,
    format_instant,
    format_old_time,
    format_time,
    has_gained_hour,
    has_lost_hour,
)
from scheduler.services.events.programme.rendering.event_texts import format_location
from scheduler.services.events.programme.rendering.guest_information import (
    GuestInformation,
    make_guest_information,
)
from scheduler.services.feeds.event_feeds import read_rendering, render_withdrawn_date, write_file
from scheduler.services.letters.envelope import SenderIdentity, Signature, make_signature
from scheduler.services.letters.inviting.cards import ON_CARDS, is_honoured, write_card, write_own_subject
from scheduler.services.letters.inviting.questions import CalendarQuestion, is_asked, make_question
from scheduler.services.letters.letter_rows import ASKED, PARTING, LetterRow, is_shown_link, may_join
from scheduler.services.letters.templates import LetterWords, render_letter

# Marks in the private use area of Unicode: no text contains them and escaping does not change them.
NAME, PAGE, PASS = "\ue000name\ue001", "\ue000page\ue001", "\ue000pass\ue001"
SALUTATION, CLOSING = "\ue000salutation\ue001", "\ue000closing\ue001"
# These letters bring no calendar file: there is nothing in them to enter in a calendar.
_WITHOUT_DATE = (*ASKED, *PARTING, LetterKind.REQUESTED, LetterKind.MESSAGE)


@dataclass(frozen=True, slots=True)
class Outline:
    """A letter rendered for all recipients of a kind, with marks for what is their own."""

    language: str
    subject: str
    parts: Parts
    signature: Signature
    shows_pass: bool = False
    question: CalendarQuestion | None = None  # in place of a calendar that is the same for all


def outline_key(row: LetterRow) -> tuple[Any, ...]:
    """Return the key of a letter's outline: letters with the same key share an outline."""
    return (
        row.kind,
        row.event_id,
        supported_language(row.language),
        row.tzid,
        row.mode,
        row.companions,
        row.standing,
        str(row.facts),
        row.represented_by and str(row.represented_by),
        row.represents and str(row.represents),
        row.of_message_id and (row.of_message_id, row.language),
        is_asked(row),
        row.kind in ON_CARDS and is_honoured(row),
    )


def render_outline(
    session: Session,
    event: Event,
    row: LetterRow,
    house: SenderIdentity,
    message: Message | None,
    *,
    presiding: Sequence[AnnouncedPerson],
    now: datetime,
) -> Outline:
    """Render the outline of a letter; ``message`` is what an officer wrote, if the letter carries that."""
    language = supported_language(row.language)
    audience = Audience.REMOTE if may_join(row) else Audience.PUBLIC
    today = wall(now, event.tzid).date()
    words = write_words(event, row, language, house, presiding=presiding, today=today)
    if message is not None:
        words = with_message(words, message, row.language)
    elif row.kind is LetterKind.MESSAGE:
        raise ValueError(f"e-mail {row.id} is to carry a message, and none is named")
    subject, text, html = render_letter(
        row.kind, words, language, subject=_write_own_subject(event, row, words.signature, language)
    )
    rendered, asked = _render_event(session, event, row, language, audience), is_asked(row)
    return Outline(
        language=language,
        subject=subject,
        parts=Parts(text=text, html=html, calendar=b"" if asked else write_file(event, rendered, language=language)),
        signature=_with_reply_address(words.signature, message),
        shows_pass=bool(words.pass_code),
        question=make_question(event, row, rendered, is_off=_is_off(event, row)) if asked else None,
    )


def list_presiding(session: Session, event: Event) -> Sequence[AnnouncedPerson]:
    """Return those who preside at an event, as letters about it announce them."""
    return [one for one in list_announced(session, event) if one.role is Role.PRESIDES]


def _write_own_subject(event: Event, row: LetterRow, signature: Signature, language: str) -> str:
    """Return the subject that the event has of its own for a letter with a card, or ""."""
    return write_own_subject(event, signature, language, ON_CARDS[row.kind]) if row.kind in ON_CARDS else ""


def _with_reply_address(signature: Signature, message: Message | None) -> Signature:
    """Return the signature with the address that the officer has stated for replies to this message, if any."""
    return replace(signature, email=message.reply_to) if message and message.reply_to else signature


def _render_event(session: Session, event: Event, row: LetterRow, language: str, audience: Audience) -> bytes:
    """Return the event as the calendar of a letter shows it, or b"" if the letter has none.

    With the news that an event is cancelled or no longer has a date, the calendar takes the date that the reader
    knows out.
    """
    if row.kind in _WITHOUT_DATE and not (row.kind is LetterKind.REMOVED and is_asked(row)):
        return b""
    was = row.facts.get("was") or {}
    if _takes_date_back(event, row) or (event.cancelled and format_old_time(was, event, language)):
        return render_withdrawn_date(event, was, language=language)
    if _knows_no_date(event, was):
        return b""
    return read_rendering(session, event, language=language, audience=audience)


def _is_off(event: Event, row: LetterRow) -> bool:
    return event.cancelled or _takes_date_back(event, row)


def _takes_date_back(event: Event, row: LetterRow) -> bool:
    return row.kind in NEWS and not event.dated and bool((row.facts.get("was") or {}).get("dtstart"))


def _knows_no_date(event: Event, was: Mapping[str, Any]) -> bool:
    """Return whether the reader hears that an event is cancelled whose date they were never told."""
    return event.cancelled and bool(was) and not was.get("dtstart")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventWords(LetterWords):
    """The words of letters about events; the last four are those of a message that an officer wrote."""

    new_time: str = ""
    new_place: str = ""
    new_status: str = ""
    new_video: str = ""
    waitlisted: bool = False
    requested: bool = False
    renewed: bool = False
    deputy: str = ""
    place_kept: bool = False
    reason: str = ""
    written_subject: str = ""
    paragraphs: Sequence[Sequence[str]] = ()
    written_in: str = ""
    other_language: str = ""


def write_words(
    event: Event,
    row: LetterRow,
    language: str,
    house: SenderIdentity,
    *,
    presiding: Sequence[AnnouncedPerson] = (),
    today: date | None = None,
) -> EventWords:
    """Return the words of a letter about an event; ``today`` is by the clock of the event."""
    was = row.facts.get("was") or {}
    signature = make_signature(event.organizer, language, house)
    guest = make_guest_information(event, language, row.tzid, announced=presiding, today=today)
    if asked := _reply_by(row, language):
        guest = replace(guest, reply_by=asked)
    return EventWords(
        language=language,
        salutation=SALUTATION,
        complimentary_close=CLOSING,
        title=event.title.to(language),
        when=[]
        if _knows_no_date(event, was)
        else format_time(event, language, row.tzid, start=row.facts.get("start")),
        was_when=format_old_time(was, event, language),
        where=format_location(event, language),
        was_where=_was_where(was, event, language),
        new_time=_new_time(was, event, language),
        new_place=_new_place(was, event),
        new_status=_new_status(was, event),
        video=(event.video_link or "") if is_shown_link(row, event) else "",
        new_video=_new_video(was, event) if is_shown_link(row, event) else "",
        remote=row.mode is Mode.REMOTE,
        companions=row.companions or 0,
        invited=row.standing is Standing.INVITED and row.kind is not LetterKind.SAVE_THE_DATE,
        waitlisted=row.standing is Standing.WAITLISTED,
        cancelled=event.cancelled,
        standing=str(row.standing),
        offered=row.standing is Standing.OFFERED,
        requested=row.standing is Standing.REQUESTED,
        renewed=bool(row.facts.get("renewed")),
        deputy=row.facts.get("deputy", ""),
        place_kept=bool(row.facts.get("kept")),
        represented_by=row.represented_by.to(language) if row.represented_by else "",
        represents=row.represents.to(language) if row.represents else "",
        until=_until(row, event, language),
        reason=Text(row.facts.get("reason") or {}).to(language),
        instructions=_instructions(row, event).to(language),
        guest=GuestInformation() if row.kind in _WITHOUT_GUEST_INFORMATION or event.cancelled else guest,
        comes=_is_expected_in_hall(row),
        why=event.reason.to(language) if row.kind in _WITH_REASON else "",
        other_languages=name_other_languages(_list_shown_texts(event, row), language),
        is_question=is_asked(row),
        dated=event.dated and row.kind not in _WITHOUT_DATE and not _knows_no_date(event, was),
        tentative=event.dated and event.status is Status.TENTATIVE,
        takes_date_back=_takes_date_back(event, row),
        url=event.url or "",
        page=PAGE if _has_page(row, house) else "",
        pass_code=PASS if _has_pass(row, event) else "",
        house=signature.name,
        card=write_card(event, row, signature, language, kind=ON_CARDS[row.kind], name=NAME)
        if row.kind in ON_CARDS
        else (),
        signature=signature,
    )


# They are not told what only guests need: they have no place, or it is not known yet whose address it is.
_WITHOUT_GUEST_INFORMATION = (*PARTING, LetterKind.CONFIRM)
_COMING = (Standing.CONFIRMED, Standing.INVITED, Standing.OFFERED)


def _is_expected_in_hall(row: LetterRow) -> bool:
    """Return whether the recipient comes to the place of the event unless they say otherwise."""
    return row.mode is Mode.IN_PERSON and row.standing in _COMING and row.represented_by is None


_WITH_REASON = (LetterKind.MOVED, LetterKind.CANCELLED)


def _list_shown_texts(event: Event, row: LetterRow) -> list[Text]:
    """Return the texts of the plan that a letter shows, without the names of places and people."""
    texts = [event.title, _instructions(row, event)]
    if _is_expected_in_hall(row) and not event.cancelled:
        texts += [event.dress_code, event.bring]
    return [*texts, event.reason] if row.kind in _WITH_REASON else texts


def name_other_languages(texts: Iterable[Text], language: str) -> str:
    """Return the names of the languages other than ``language`` in which its readers get these texts, or ""."""
    tags = dict.fromkeys(text.language_for(language) for text in texts if text)
    others = (tag for tag in tags if tag.split("-")[0] != language)
    return ", ".join(language_name(tag, language) for tag in others)


def with_message(words: EventWords, message: Message, wanted: str) -> EventWords:
    """Return the words of a letter with what an officer wrote, in the language nearest to the one ``wanted``.

    If that is not the language of the letter, the letter names it.
    """
    language, title = words.language, words.title
    tag = message.body.language_for(wanted)
    paragraphs = re.split(r"\n\s*\n", fill_placeholders(message.body.to(wanted), {"name": NAME, "event": title}))
    other = supported_language(tag) != language or tag.split("-")[0] != supported_language(tag)
    return replace(
        words,
        written_subject=fill_placeholders(message.subject.to(wanted), {"event": title}),
        paragraphs=[paragraph.strip().split("\n") for paragraph in paragraphs],
        written_in=tag,
        other_language=language_name(tag, language) if other else "",
    )


def _new_time(was: Mapping[str, Any], event: Event, language: str) -> str:
    """Return "made", "changed", "taken" or "hour taken" for what became of the time since the last letter, or ""."""
    if not was or not (was.get("dtstart") or event.dated):
        return ""
    if not was.get("dtstart") or has_gained_hour(was, event):
        return "made"
    if not event.dated:
        return "taken"
    if has_lost_hour(was, event):
        return "hour taken"
    return "changed" if format_old_time(was, event, language) else ""


def _new_place(was: Mapping[str, Any], event: Event) -> str:
    """Return "made", "changed" or "taken" for what became of the venue since the last letter, or ""."""
    return _name_change(was.get("venue"), capture_facts(event)["venue"]) if was else ""


def _new_status(was: Mapping[str, Any], event: Event) -> str:
    """Return "confirmed" or "provisional" for what became of a date that was known before, or ""."""
    before, after = was.get("provisional"), capture_facts(event).get("provisional")
    if before is None or after is None or before == after or not (was.get("dtstart") and event.dated):
        return ""
    return "provisional" if after else "confirmed"


def _new_video(was: Mapping[str, Any], event: Event) -> str:
    """Return "made", "changed" or "taken" for what became of the video link since the last letter, or ""."""
    return _name_change(was.get("video_link"), event.video_link) if was else ""


def _name_change(before: Any, after: Any) -> str:
    """Return "made", "changed" or "taken" for what is filled now, filled otherwise, or empty; "" if it is equal."""
    if before == after or not (before or after):
        return ""
    return "taken" if not after else "changed" if before else "made"


# Their readers are no longer on the list, or are asked nothing yet.
_WITHOUT_PAGE = (LetterKind.REFUSED, LetterKind.REMOVED, LetterKind.SAVE_THE_DATE)


def _has_page(row: LetterRow, house: SenderIdentity) -> bool:
    """Return whether the letter links to a page.

    Letters that must be answered on a page link to it even if the settings do not say where the pages are.
    """
    if row.kind in _WITHOUT_PAGE or row.represented_by is not None:
        return False
    if row.facts.get("deputy") == DeputyNews.RELEASED:
        return False
    return bool(row.attendee_id) and (house.pages or row.kind in (*ASKED, LetterKind.OFFERED))


def _until(row: LetterRow, event: Event, language: str) -> list[When]:
    """Return until when an offer holds, on the clock of the event and on that of the recipient."""
    if row.kind is not LetterKind.OFFERED:
        return []
    return format_instant(datetime.fromisoformat(row.facts["until"]), event, language, row.tzid)


def _reply_by(row: LetterRow, language: str) -> str:
    """Return the day by which a guest who has not answered is asked to, or ""."""
    day = row.facts.get("reply_by")
    return format_day(date.fromisoformat(day), language) if day else ""


def _instructions(row: LetterRow, event: Event) -> Text:
    """Return the instructions for people with a place who take part in the way of the recipient, or none."""
    if row.standing is not Standing.CONFIRMED or row.mode is None or row.kind not in _INSTRUCTING:
        return Text()
    return next((one.instructions for one in event.capacities if one.mode is row.mode), Text())


_INSTRUCTING = (LetterKind.CONFIRMED, LetterKind.PLACE_FREED, LetterKind.REMINDER)


def _has_pass(row: LetterRow, event: Event) -> bool:
    """Return whether the letter carries a pass: one with a calendar file, to a person with a place in the hall."""
    comes = row.represented_by is None and row.attendee_id is not None
    in_hall = row.mode is Mode.IN_PERSON and row.standing is Standing.CONFIRMED and comes
    return in_hall and event.dated and not event.cancelled and row.kind not in _WITHOUT_DATE


def _was_where(was: Mapping[str, Any], event: Event, language: str) -> str:
    """Return the name of the previous venue, or "" if the event is still there, or had none."""
    venue = was.get("venue") or {}
    return "" if venue == capture_facts(event)["venue"] else Text(venue).to(language)

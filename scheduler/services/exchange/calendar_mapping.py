"""What a foreign event says (RFC 5545), in the words of our own drafts. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any

from calendars.foreign import ForeignEvent, Notes, ZoneSource
from calendars.lines import clean_text, join_lines
from scheduler.base.clock import instant, wall, zone
from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_, catalogue
from scheduler.base.text import Text, folded
from scheduler.model import Kind, Status, Visibility
from scheduler.services.common.drafts import check
from scheduler.services.events.programme.event_drafts import EventDraft

TITLE, PROSE = 300, 20_000  # as long as a draft has them
MARKS, PILED = 30, 2_000  # on one letter; of a text in which more of them would cost time
AN_HOUR = timedelta(hours=1)
_OVERRIDES = re.compile("[\u202d\u202e]")  # make a reader see another text than the one that is there
_TAGS = re.compile(r"<(?:/?(?:a|b|br|div|font|h\d|html|i|li|ol|p|span|strong|table|u|ul)\b[^<>]*|!--)", re.IGNORECASE)
_BLOCKS = frozenset(("br", "div", "h1", "h2", "h3", "h4", "li", "p", "table", "tr", "ul", "ol"))
_UNSEEN = frozenset(("head", "script", "style", "title"))


@dataclass(frozen=True, slots=True)
class CalendarDefaults:
    """What the desk says of a calendar that it imports; ``tz`` is for times in UTC, or in no zone."""

    source: str
    language: str
    tz: str
    kind: Kind | None = None
    venue: str | None = None
    city: str | None = None
    organizer: str | None = None
    private: bool = False
    venues: Mapping[str, str] = field(default_factory=dict)  # folded name to key


@dataclass(frozen=True, slots=True)
class MappedEvent:
    """A foreign event, with what it comes to here: ``draft`` for a new event, ``said`` to compare it by."""

    foreign: ForeignEvent
    draft: EventDraft
    said: Mapping[str, str]  # a digest of each field as it was read

    @property
    def name(self) -> tuple[str, str]:
        """UID and RECURRENCE-ID, the identity of an event within its source (RFC 5545 3.8.4.4)."""
        return fitting(self.foreign.uid), recurrence_id(self.foreign)

    @property
    def digest(self) -> str:
        return digest(sorted(self.said.items()))

    @property
    def looks(self) -> tuple[str, str]:
        """What it is and when: Outlook gives some events a new UID each time it is asked."""
        return self.said["title"], self.said["when"]


def map_event(foreign: ForeignEvent, terms: CalendarDefaults, notes: Notes) -> MappedEvent | None:
    """Nothing, and a note, for what cannot be an event here."""
    try:
        return MappedEvent(foreign, _draft(foreign, terms, notes), _said(foreign, terms))
    except Invalid as error:
        problem = error.text(catalogue(terms.language).gettext)
        notes.add_refused(foreign.line, foreign.uid, N_("The event cannot be planned: {problem}"), problem=problem)
        return None


def _draft(foreign: ForeignEvent, terms: CalendarDefaults, notes: Notes) -> EventDraft:
    venue = terms.venue or _venue(foreign, terms)
    plan = {
        "kind": terms.kind or Kind.MEETING,
        "title": Text({terms.language: _title(foreign, terms, notes)}),
        "description": _description(foreign, terms, notes),
        "status": Status(foreign.status.lower()),
        "visibility": _visibility(foreign, terms),
        "url": _web(foreign, foreign.url, notes),
        "video_link": _web(foreign, foreign.conference, notes),
        "venue": venue,
        "cities": (terms.city,) if terms.city and not venue else (),
        "organizer": terms.organizer,
        **when(foreign, terms.tz, notes),
    }
    return check(EventDraft, plan, language=terms.language)


# When


def when(foreign: ForeignEvent, tz: str, notes: Notes) -> dict[str, Any]:
    """Wall times in a zone that people live by; what is in UTC, or in a zone of no place, keeps its instant."""
    start, end = foreign.dtstart, foreign.dtend
    if not (isinstance(start, datetime) and isinstance(end, datetime)):
        return {"first_day": start, "last_day": end - timedelta(days=1), "tz": tz}
    tzid = foreign.tzid
    if not _is_place(tzid):
        start, end, tzid = (*(wall(_instant(at, tzid), tz) for at in (start, end)), tz)
    start = _existing(foreign, start, tzid, notes)
    if end <= start:
        notes.add_mended(foreign.line, foreign.uid, N_("No end is told; an hour was taken."))
        end = start + AN_HOUR
    return {"dtstart": start, "dtend": _existing(foreign, end, tzid, notes), "tz": tzid}


def _is_place(tzid: str) -> bool:
    try:
        return zone(tzid).key != "UTC"
    except Invalid:
        return False


def _instant(at: datetime, tzid: str) -> datetime:
    from zoneinfo import ZoneInfo

    return at.replace(tzinfo=ZoneInfo(tzid)).astimezone(UTC)


def _existing(foreign: ForeignEvent, at: datetime, tzid: str, notes: Notes) -> datetime:
    """An hour that the clocks skip is read with the offset before them (RFC 5545 3.3.5)."""
    shown = wall(instant(at, tzid, gap="shift"), tzid)
    if shown != at:
        message = N_("There is no {wall} in {tzid}; {next} was taken.")
        said = {"wall": f"{at:%Y-%m-%d %H:%M}", "tzid": tzid, "next": f"{shown:%H:%M}"}
        notes.add_mended(foreign.line, foreign.uid, message, **said)
    return shown


# What and where


def _title(foreign: ForeignEvent, terms: CalendarDefaults, notes: Notes) -> str:
    title = unicodedata.normalize("NFC", _harmless(join_lines(foreign.summary))).strip()
    if not title:
        notes.add_mended(foreign.line, foreign.uid, N_("The event has no title."))
        return catalogue(terms.language).gettext(N_("Untitled"))
    return _short(foreign, title, TITLE, notes)


def _description(foreign: ForeignEvent, terms: CalendarDefaults, notes: Notes) -> Text:
    """The text; at its head the place, unless that is a venue of ours. None is made of what others write."""
    text = _harmless(clean_text(foreign.description))
    if _TAGS.search(text):
        text = plain(text)
    place = _harmless(foreign.location)
    if place and not _venue(foreign, terms):
        text = catalogue(terms.language).gettext(N_("Place: {place}")).format(place=place) + f"\n\n{text}"
    text = unicodedata.normalize("NFC", text).strip()
    return Text({terms.language: _short(foreign, text, PROSE, notes)} if text else {})


def _harmless(text: str) -> str:
    """Without overrides, and with no more marks on a letter than any script has (UAX #15, stream-safe text): to put
    them in order takes the square of their number."""
    text = _OVERRIDES.sub("", text)
    return text if text.isascii() or len(text) < PILED else "".join(_unpiled(text))


def _unpiled(text: str) -> Iterator[str]:
    marks = 0
    for letter in text:
        marks = marks + 1 if unicodedata.combining(letter) else 0
        if marks <= MARKS:
            yield letter


def _short(foreign: ForeignEvent, text: str, most: int, notes: Notes) -> str:
    if len(text) <= most:
        return text
    message = N_("A text of {length} characters was cut to {most}.")
    notes.add_mended(foreign.line, foreign.uid, message, length=len(text), most=most)
    return text[: most - 1].rstrip() + "…"


def _venue(foreign: ForeignEvent, terms: CalendarDefaults) -> str | None:
    """The venue that LOCATION names, alone or before its address."""
    place = folded(_harmless(foreign.location))
    return terms.venues.get(place) or terms.venues.get(place.partition(",")[0].strip())


def _visibility(foreign: ForeignEvent, terms: CalendarDefaults) -> Visibility:
    told = Visibility(foreign.classification.lower())
    return Visibility.PRIVATE if terms.private and told is Visibility.PUBLIC else told


def _web(foreign: ForeignEvent, address: str, notes: Notes) -> str | None:
    if not address:
        return None
    if re.fullmatch(r"https?://[^\s\"<>\\]{3,1990}", address, re.IGNORECASE) and address.isprintable():
        return re.sub("^https?", lambda found: found[0].lower(), address, flags=re.IGNORECASE)
    message = N_("This is no web address, and was left out: {address}")
    notes.add_ignored(foreign.line, foreign.uid, message, address=address)
    return None


_TAG = re.compile(r"(/?)([a-z][a-z0-9]*)\b[^>]*>|[!?][^>]*>", re.IGNORECASE)  # what may follow a "<"
_NUMBER = re.compile(r"&#x?[0-9a-f]{9,};?", re.IGNORECASE)  # of no character


class _Plain:
    """The text between tags, piece by piece. Not by html.parser, which takes the square of the time, and more, for
    tags that never end: what others write must not keep an import busy for hours."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.unseen = ""  # the element or comment in which nothing is shown

    def take(self, piece: str) -> None:
        """What stands between one "<" and the next."""
        if self.unseen == "!--" or (not self.unseen and piece.startswith("!--")):
            _, end, text = piece.partition("-->")
            self.unseen = "" if end else "!--"
            self.data(text)
            return
        tag = _TAG.match(piece)
        if tag is None:
            self.data(f"<{piece}")
            return
        self._tag(closes=bool(tag[1]), name=(tag[2] or "").lower())
        self.data(piece[tag.end() :])

    def _tag(self, *, closes: bool, name: str) -> None:
        if self.unseen:
            self.unseen = "" if closes and name == self.unseen else self.unseen
        elif not closes and name in _UNSEEN:
            self.unseen = name
        elif name in (("p", "div") if closes else _BLOCKS):
            self.parts.append("\n")

    def data(self, text: str) -> None:
        if not self.unseen:
            self.parts.append(unescape(_NUMBER.sub("\ufffd", text)))


def plain(html: str) -> str:
    """The text of an HTML description, as Google and Outlook write them: nobody here shows another's mark-up."""
    first, *pieces = html.split("<")
    reader = _Plain()
    reader.data(first)
    for piece in pieces:
        reader.take(piece)
    text = clean_text("".join(reader.parts)).replace("\xa0", " ")
    return re.sub(r"\n\s*\n\s*", "\n\n", re.sub(r"[ ]+", " ", text))


# Identity


def _said(foreign: ForeignEvent, terms: CalendarDefaults) -> dict[str, str]:
    """A digest of each field as it was read: whatever we make of it, it tells what has changed there."""
    floating = foreign.zone_source in (ZoneSource.FLOATING, ZoneSource.GUESSED)
    values = {
        "title": foreign.summary,
        "description": (foreign.description, foreign.location),
        "when": (foreign.dtstart, foreign.dtend, "" if floating else foreign.tzid),
        "status": foreign.status,
        "visibility": foreign.classification,
        "url": foreign.url,
        "video_link": foreign.conference,
        "venue": foreign.location,
        **_chosen(terms),
    }
    return {name: digest(value) for name, value in values.items()}


def _chosen(terms: CalendarDefaults) -> dict[str, object]:
    """What the desk asked for; what it did not ask for this time stays as it was."""
    options = {
        "kind": terms.kind,
        "place": terms.venue,
        "cities": terms.city,
        "organizer": terms.organizer,
        "private": terms.private,
    }
    return {name: value for name, value in options.items() if value}


def digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def fitting(uid: str) -> str:
    """A UID as it is kept; others' may be 500 characters long."""
    return uid if len(uid) <= 202 else f"{hashlib.sha256(uid.encode()).hexdigest()}@long"


def recurrence_id(foreign: ForeignEvent) -> str:
    at: date | None = foreign.recurrence_id
    if at is None:
        return ""
    return f"{at:%Y%m%dT%H%M%S}" if isinstance(at, datetime) else f"{at:%Y%m%d}"

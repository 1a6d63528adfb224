"""Map a foreign event (RFC 5545) to a draft of ours. Pure: nothing is read from or written to the database."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from calendars.foreign import ForeignEvent, Notes, ZoneSource
from calendars.lines import clean_text, join_lines
from scheduler.base.clock import instant, wall, zone
from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_, load_catalogue
from scheduler.base.text import Text, fold_text
from scheduler.model.events import Kind, Status, Visibility
from scheduler.services.common.drafts import check
from scheduler.services.events.programme.event_drafts import EventDraft
from scheduler.services.exchange.html_text import is_html, strip_html

MAX_TITLE_LENGTH, MAX_PROSE_LENGTH = 300, 20_000  # characters, as in drafts
MAX_MARKS = 30  # combining marks on one letter (UAX #15, stream-safe text format)
SAFE_LENGTH = 2_000  # characters of a text that is normalised fast whatever its marks
DEFAULT_LENGTH = timedelta(hours=1)  # of an event without an end
_OVERRIDES = re.compile("[\u202d\u202e]")  # show a text in another order than it is stored in


@dataclass(frozen=True, slots=True)
class CalendarDefaults:
    """The officer's settings for an imported calendar; ``tz`` is for times in UTC and for floating times."""

    source: str
    language: str
    tz: str
    kind: Kind | None = None
    venue: str | None = None
    city: str | None = None
    organizer: str | None = None
    visibility: Visibility | None = None  # of what the source does not hide; private unless it is given
    venues: Mapping[str, str] = field(default_factory=dict)  # folded name to key


@dataclass(frozen=True, slots=True)
class MappedEvent:
    """A foreign event with the draft of it here, and digests that tell whether it has changed."""

    foreign: ForeignEvent
    draft: EventDraft
    digests: Mapping[str, str]  # of each field as it was read, by name

    @property
    def name(self) -> tuple[str, str]:
        """Return UID and RECURRENCE-ID, which identify an event within its source (RFC 5545 3.8.4.4)."""
        return shorten_uid(self.foreign.uid), _format_recurrence_id(self.foreign)

    @property
    def told(self) -> Mapping[str, str]:
        """Return the digests of those fields that the source tells: a cancellation tells nothing of the others."""
        return {"status": self.digests["status"]} if self.foreign.cancellation else self.digests

    @property
    def digest(self) -> str:
        """Return the digest of all fields together."""
        return compute_digest(sorted(self.digests.items()))

    @property
    def looks(self) -> tuple[str, str]:
        """Return digests of title and time, which find an event whose UID Outlook changes with each download."""
        return self.digests["title"], self.digests["when"]


def map_event(foreign: ForeignEvent, terms: CalendarDefaults, notes: Notes) -> MappedEvent | None:
    """Return the foreign event with a draft of it; None, and a note, if it cannot be planned here."""
    if foreign.cancellation:
        notes = Notes()  # what is mended in what is not taken over is not told
    try:
        return MappedEvent(foreign, _make_draft(foreign, terms, notes), _digest_fields(foreign, terms))
    except Invalid as error:
        problem = error.text(load_catalogue(terms.language).gettext)
        notes.add_refused(foreign.line, foreign.uid, N_("The event cannot be planned: {problem}"), problem=problem)
        return None


def _make_draft(foreign: ForeignEvent, terms: CalendarDefaults, notes: Notes) -> EventDraft:
    venue = terms.venue or _find_venue(foreign, terms)
    plan = {
        "kind": terms.kind or Kind.MEETING,
        "title": Text({terms.language: _map_title(foreign, terms, notes)}),
        "description": _map_description(foreign, terms, notes),
        "status": Status(foreign.status.lower()),
        "visibility": _map_visibility(foreign, terms),
        "url": _map_address(foreign, foreign.url, notes),
        "video_link": _map_address(foreign, foreign.conference, notes),
        "venue": venue,
        "cities": (terms.city,) if terms.city and not venue else (),
        "organizer": terms.organizer,
        **map_times(foreign, terms.tz, notes),
    }
    return check(EventDraft, plan, language=terms.language)


# Time


def map_times(foreign: ForeignEvent, tz: str, notes: Notes) -> dict[str, Any]:
    """Return start, end and zone for a draft: wall times stay if their zone is that of a place.

    Times in UTC, or in a zone of no place, become wall times in ``tz`` at the same instant. A time in the second of
    two equal hours stays in UTC, because a wall time means the first.
    """
    start, end = foreign.dtstart, foreign.dtend
    if not (isinstance(start, datetime) and isinstance(end, datetime)):
        return {"first_day": start, "last_day": end - timedelta(days=1), "tz": tz}
    tzid = foreign.tzid
    instants = [_to_utc(at, tzid) for at in (start, end)]
    if not _is_place(tzid):
        start, end, tzid = (*(wall(at, tz) for at in instants), tz)
    if [instant(at, tzid, gap="shift") for at in (start, end)] != instants:
        message = N_("On that day an hour occurs twice in {tzid}; the event is stored in UTC.")
        notes.add_mended(foreign.line, foreign.uid, message, tzid=tzid)
        start, end, tzid = (*(at.replace(tzinfo=None) for at in instants), "UTC")
    start = _shift_out_of_gap(foreign, start, tzid, notes)
    if end <= start:
        notes.add_mended(foreign.line, foreign.uid, N_("No end is given; one hour was assumed."))
        end = start + DEFAULT_LENGTH
    return {"dtstart": start, "dtend": _shift_out_of_gap(foreign, end, tzid, notes), "tz": tzid}


def _is_place(tzid: str) -> bool:
    try:
        return zone(tzid).key != "UTC"
    except Invalid:
        return False


def _to_utc(at: datetime, tzid: str) -> datetime:
    from zoneinfo import ZoneInfo

    return at.replace(tzinfo=ZoneInfo(tzid)).astimezone(UTC)


def _shift_out_of_gap(foreign: ForeignEvent, at: datetime, tzid: str, notes: Notes) -> datetime:
    """Return a wall time; one that clocks skip is read with the offset before the gap, and noted (RFC 5545 3.3.5)."""
    shown = wall(instant(at, tzid, gap="shift"), tzid)
    if shown != at:
        message = N_("There is no {wall} in {tzid}; {next} was used.")
        facts = {"wall": f"{at:%Y-%m-%d %H:%M}", "tzid": tzid, "next": f"{shown:%H:%M}"}
        notes.add_mended(foreign.line, foreign.uid, message, **facts)
    return shown


# Texts and place


def _map_title(foreign: ForeignEvent, terms: CalendarDefaults, notes: Notes) -> str:
    title = unicodedata.normalize("NFC", _make_safe(join_lines(foreign.summary))).strip()
    if not title:
        notes.add_mended(foreign.line, foreign.uid, N_("The event has no title."))
        return load_catalogue(terms.language).gettext(N_("Untitled"))
    return _truncate(foreign, title, MAX_TITLE_LENGTH, notes)


def _map_description(foreign: ForeignEvent, terms: CalendarDefaults, notes: Notes) -> Text:
    """Return the description, which begins with the place unless that is a venue of ours: none is made from it."""
    text = _make_safe(clean_text(foreign.description))
    if is_html(text):
        text = strip_html(text)
    place = _make_safe(foreign.location)
    if place and not _find_venue(foreign, terms):
        text = load_catalogue(terms.language).gettext(N_("Venue: {place}")).format(place=place) + f"\n\n{text}"
    text = unicodedata.normalize("NFC", text).strip()
    return Text({terms.language: _truncate(foreign, text, MAX_PROSE_LENGTH, notes)} if text else {})


def _make_safe(text: str) -> str:
    """Remove directional overrides, and marks on a letter beyond MAX_MARKS: normalising them takes quadratic time."""
    text = _OVERRIDES.sub("", text)
    return text if text.isascii() or len(text) < SAFE_LENGTH else "".join(_limit_marks(text))


def _limit_marks(text: str) -> Iterator[str]:
    marks = 0
    for letter in text:
        marks = marks + 1 if unicodedata.combining(letter) else 0
        if marks <= MAX_MARKS:
            yield letter


def _truncate(foreign: ForeignEvent, text: str, most: int, notes: Notes) -> str:
    if len(text) <= most:
        return text
    message = N_("A text of {length} characters was cut to {most}.")
    notes.add_mended(foreign.line, foreign.uid, message, length=len(text), most=most)
    return text[: most - 1].rstrip() + "…"


def _find_venue(foreign: ForeignEvent, terms: CalendarDefaults) -> str | None:
    """Return the key of the venue that LOCATION names, alone or before an address."""
    place = fold_text(_make_safe(foreign.location))
    return terms.venues.get(place) or terms.venues.get(place.partition(",")[0].strip())


def _map_visibility(foreign: ForeignEvent, terms: CalendarDefaults) -> Visibility:
    return hide_more(Visibility(foreign.classification.lower()), terms.visibility or Visibility.PRIVATE)


def hide_more(one: Visibility, other: Visibility) -> Visibility:
    """Return that of two visibilities which fewer people may see."""
    return max(one, other, key=list(Visibility).index)


def _map_address(foreign: ForeignEvent, address: str, notes: Notes) -> str | None:
    if not address:
        return None
    if re.fullmatch(r"https?://[^\s\"<>\\]{3,1990}", address, re.IGNORECASE) and address.isprintable():
        return re.sub("^https?", lambda found: found[0].lower(), address, flags=re.IGNORECASE)
    message = N_("This is not a web address and was left out: {address}")
    notes.add_ignored(foreign.line, foreign.uid, message, address=address)
    return None


# Identity


def _digest_fields(foreign: ForeignEvent, terms: CalendarDefaults) -> dict[str, str]:
    """Return a digest of each field as it was read: it changes only if the source does, however we map the field."""
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
        **_list_given_options(terms),
    }
    return {name: compute_digest(value) for name, value in values.items()}


def _list_given_options(terms: CalendarDefaults) -> dict[str, object]:
    """Return the options that are given; what is not given this time stays as the last import left it."""
    options = {
        "kind": terms.kind,
        "place": terms.venue,
        "cities": terms.city,
        "organizer": terms.organizer,
        "shown": terms.visibility,
    }
    return {name: value for name, value in options.items() if value}


def compute_digest(value: object) -> str:
    """Return 128 bits of SHA-256 over the repr of a value, in hexadecimal."""
    return hashlib.sha256(repr(value).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def shorten_uid(uid: str) -> str:
    """Return a UID as it is stored: one that is too long for the column is replaced by a digest."""
    return uid if len(uid) <= 202 else f"{hashlib.sha256(uid.encode()).hexdigest()}@long"


def _format_recurrence_id(foreign: ForeignEvent) -> str:
    at: date | None = foreign.recurrence_id
    if at is None:
        return ""
    return format_start(at)


def format_start(at: date) -> str:
    """Return the start of an occurrence as it is stored; "/2" marks the second of two equal hours (PEP 495)."""
    if not isinstance(at, datetime):
        return f"{at:%Y%m%d}"
    return f"{at:%Y%m%dT%H%M%S}" + ("/2" if at.fold else "")


def parse_start(text: str) -> date:
    """Return the start of an occurrence from the form of `format_start`."""
    text, _, fold = text.partition("/")
    at = datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
    return at.replace(fold=1) if isinstance(at, datetime) and fold else at

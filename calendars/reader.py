"""The calendars of others (RFC 5545), read into values: mended where that is safe, and every mend told.

Pure, and nothing is fetched that a file names. The lines are read here rather than by icalendar, which keeps
home-made time zones of one file for the next, reads a DATE with TZID as a midnight, and takes ten times as long.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from io import BytesIO
from itertools import groupby
from math import isfinite
from operator import attrgetter
from typing import Literal, NamedTuple

from calendars.lines import clean_text, one_line
from calendars.vevent import Status, Transp, When
from calendars.zones import Definition, How, UnknownZone, Zones, instant, moved

What = Literal["mended", "refused", "ignored"]
Class = Literal["PUBLIC", "PRIVATE", "CONFIDENTIAL"]


class ReadError(ValueError):
    """The bytes are no calendar, or more of one than we take; nothing was read.

    `message` is an English sentence with named places, filled from `facts`.
    """

    def __init__(self, message: str, **facts: str | int) -> None:
        self.message, self.facts = message, facts
        super().__init__(message.format(**facts))


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read of a calendar; whoever has asked for a large one raises them."""

    octets: int = 5_000_000
    components: int = 20_000
    depth: int = 5
    line: int = 1_000_000  # octets of one line, unfolded


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was mended, refused or left out.

    `message` is an English sentence with named places, filled from `facts`; it is the key of its translation.
    """

    line: int | None
    uid: str
    what: What
    message: str
    facts: Mapping[str, str | int] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message.format(**self.facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """A VEVENT of another program (RFC 5545 section 3.6.1).

    All its times are on one clock: naive wall times in `tzid`, a zone of the tz database or "UTC"; or dates,
    with `tzid` empty and `dtend` the day after the last. `dtend` equals `dtstart` where no end is told.
    `written` is the TZID in the file, `how` the step that resolved it. `rrule` is checked, its UNTIL in UTC for
    times and a date for dates. `recurrence_id` is on the clock of the series, as are the keys of `overrides`.
    """

    line: int
    uid: str
    dtstart: When
    dtend: When
    tzid: str
    how: How
    written: str
    sequence: int = 0
    dtstamp: datetime | None = None
    last_modified: datetime | None = None
    summary: str = ""
    description: str = ""
    location: str = ""
    url: str = ""
    geo: tuple[float, float] | None = None
    status: Status = "CONFIRMED"
    transp: Transp = "OPAQUE"
    categories: tuple[str, ...] = ()
    classification: Class = "PUBLIC"
    organizer: str = ""  # the name only: never an address
    conference: str = ""
    rrule: str = ""
    rdates: tuple[When, ...] = ()
    exdates: tuple[When, ...] = ()
    recurrence_id: When | None = None
    overrides: tuple["Foreign", ...] = ()

    @property
    def all_day(self) -> bool:
        return not isinstance(self.dtstart, datetime)

    @property
    def recurring(self) -> bool:
        return bool(self.rrule or self.rdates)


@dataclass(frozen=True, slots=True)
class Calendar:
    """What a VCALENDAR says of itself; `tzid` is the zone it calls its own, as written."""

    name: str
    tzid: str
    method: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file holds; `unsure` are the TZIDs to ask a person about."""

    events: tuple[Foreign, ...]
    notes: tuple[Note, ...]
    calendars: tuple[Calendar, ...]
    unsure: tuple[str, ...] = ()


def read(
    data: bytes,
    *,
    charset: str | None = None,
    default_tzid: str = "",
    within: tuple[date, date] | None = None,
    zones: Mapping[str, str] | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Reading:
    """The events of a foreign calendar file.

    `charset` is what HTTP or MIME said of it. `default_tzid` is the zone for times that have none; `zones` what
    a person has answered for a TZID. `within` leaves out what cannot fall between the two days, both included.
    Raises ReadError where nothing can be read; a broken event only loses itself.
    """
    notes = _Notes()
    octets = _checked(data, limits)
    encoding = _encoding(octets, charset, notes)
    calendars = list(_calendars(_components(octets, encoding, limits, notes)))
    drafts, unsure = _drafts(calendars, default_tzid, zones or {}, notes)
    events = _within(_grouped(drafts, notes), within, notes)
    about = tuple(Calendar(_name(calendar), _home(calendar), _method(calendar)) for calendar in calendars)
    return Reading(tuple(events), notes.in_order(), about, unsure)


class _Notes:
    """The notes so far; the verbs name what was done, and the sentence stands with them for translators."""

    def __init__(self) -> None:
        self._notes: list[Note] = []

    def mended(self, line: int | None, uid: str, message: str, **facts: str | int) -> None:
        self._add(line, uid, "mended", message, facts)

    def refused(self, line: int | None, uid: str, message: str, **facts: str | int) -> None:
        self._add(line, uid, "refused", message, facts)

    def ignored(self, line: int | None, uid: str, message: str, **facts: str | int) -> None:
        self._add(line, uid, "ignored", message, facts)

    def _add(self, line: int | None, uid: str, what: What, message: str, facts: Mapping[str, str | int]) -> None:
        short = {name: _short(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
        self._notes.append(Note(line, uid, what, message, short))

    def in_order(self) -> tuple[Note, ...]:
        return tuple(sorted(self._notes, key=lambda note: note.line or 0))


def _short(fact: str) -> str:
    text = one_line(fact[:200])
    return text if len(text) <= 80 else text[:79] + "…"


# --- bytes -----------------------------------------------------------------------------------------------

_BOMS = ((b"\xef\xbb\xbf", ""), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_FOLD = re.compile(rb"(?:\r*\n)+[ \t]")
_CYRILLIC = re.compile(rb"[\xa8\xb8\xc0-\xff]{3}")  # in windows-1251; three such letters are rare in Latin scripts


class _Encoding(NamedTuple):
    name: str
    errors: str = "strict"


def _checked(data: bytes, limits: Limits) -> bytes:
    """The bytes without a mark of their order, in UTF-8 if they were in UTF-16."""
    if len(data) > limits.octets:
        raise ReadError("The calendar has {octets} octets; at most {limit} are read.", octets=len(data), limit=limits.octets)
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            data = data[len(mark) :].decode(encoding, "replace").encode() if encoding else data[len(mark) :]
            break
    if b"BEGIN:VCALENDAR" not in data[:100].upper() and not re.search(rb"(?im)^\s*BEGIN\s*:\s*VCALENDAR", data):
        raise ReadError("This is no calendar: it has no BEGIN:VCALENDAR.")
    return data if b"\n" in data else data.replace(b"\r", b"\n")


def _encoding(data: bytes, charset: str | None, notes: _Notes) -> _Encoding:
    """UTF-8 as RFC 5545 section 3.1.4 has it, else what came with the file, else a guess from its letters.

    Lines are folded between octets, so only whole lines can be told.
    """
    if _decodes(data, "utf-8") or _decodes(unfolded := _FOLD.sub(b"", data), "utf-8"):
        return _Encoding("utf-8")
    if charset and _ascii_like(charset) and _decodes(unfolded, charset):
        return _Encoding(charset)
    if spoilt := _spoilt(data):
        notes.mended(spoilt, "", "Some letters are not in UTF-8 and are shown as \N{REPLACEMENT CHARACTER}.")
        return _Encoding("utf-8", "replace")
    guess = "windows-1251" if _CYRILLIC.search(unfolded) and _decodes(unfolded, "windows-1251") else "latin-1"
    notes.mended(None, "", "The letters are not in UTF-8; they were read as {charset}.", charset=guess)
    return _Encoding(guess)


def _decodes(data: bytes, charset: str) -> bool:
    try:
        data.decode(charset)
    except (UnicodeError, LookupError):
        return False
    return True


def _ascii_like(charset: str) -> bool:
    """Whether lines can be told apart before decoding; and no codec that is none, such as zip."""
    try:
        return b"BEGIN:VCALENDAR\r\n".decode(charset) == "BEGIN:VCALENDAR\r\n"
    except (UnicodeError, LookupError, ValueError):
        return False


def _spoilt(data: bytes) -> int:
    """The first line that is not in UTF-8, if most that are not ASCII are: only a few letters were cut."""
    lines = [(number, line) for number, line in _unfolded(data) if not line.isascii()]
    broken = [number for number, line in lines if not _decodes(line, "utf-8")]
    return broken[0] if broken and len(broken) * 2 < len(lines) else 0


def _unfolded(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The content lines (RFC 5545 section 3.1) with their numbers; empty lines within a fold are passed over."""
    number, pieces = 0, [b""]
    for physical, octets in enumerate(BytesIO(data), 1):
        line = octets.rstrip(b"\r\n")
        if not line:
            continue
        if line[0] in b" \t":
            pieces.append(line[1:])
            continue
        yield number, pieces[0] if len(pieces) == 1 else b"".join(pieces)
        number, pieces = physical, [line]
    yield number, b"".join(pieces)


# --- components ------------------------------------------------------------------------------------------

Line = tuple[int, str, str]  # its number, its name with the parameters, its value

_ALL = frozenset(("TZID", "X-LIC-LOCATION", "DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "RRULE", "RDATE"))
_WANTED = {
    "VCALENDAR": frozenset(("METHOD", "NAME", "X-WR-CALNAME", "X-WR-TIMEZONE")),
    "VEVENT": frozenset(
        ("UID", "RECURRENCE-ID", "SEQUENCE", "DTSTAMP", "LAST-MODIFIED", "DTSTART", "DTEND", "DURATION", "SUMMARY")
        + ("DESCRIPTION", "LOCATION", "URL", "GEO", "STATUS", "TRANSP", "CATEGORIES", "CLASS", "ORGANIZER")
        + ("RRULE", "RDATE", "EXDATE", "EXRULE", "CONFERENCE", "X-GOOGLE-CONFERENCE")
        + ("X-MICROSOFT-SKYPETEAMSMEETINGURL", "X-MICROSOFT-CDO-ALLDAYEVENT", "ATTENDEE")
    ),
    "VTIMEZONE": _ALL,
    "STANDARD": _ALL,
    "DAYLIGHT": _ALL,
}
_SIDE_BY_SIDE = frozenset(("VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE"))  # none stands in another
_COUNTED = frozenset(("ATTENDEE",))


@dataclass(slots=True)
class _Component:
    """A component (RFC 5545 section 3.6), with those of its properties that are read."""

    kind: str
    line: int
    lines: dict[str, list[Line]] = field(default_factory=dict)
    parts: list["_Component"] = field(default_factory=list)
    odd: list[int] = field(default_factory=list)  # the lines that are no properties
    whole: bool = False

    def first(self, name: str) -> Line | None:
        lines = self.lines.get(name)
        return lines[0] if lines else None

    def value(self, name: str) -> str:
        lines = self.lines.get(name)
        return lines[0][2] if lines else ""

    def text(self, name: str) -> str:
        """The value of a TEXT property, without its escapes (RFC 5545 section 3.3.11)."""
        lines = self.lines.get(name)
        return _text(_value(lines[0])) if lines else ""


def _components(data: bytes, encoding: _Encoding, limits: Limits, notes: _Notes) -> _Component:
    """All components as a tree. What lacks its END ends with what holds it, or where its like begins."""
    root = top = _Component("", 0)
    stack = [root]
    wanted: frozenset[str] = frozenset()
    count = 0
    for number, octets in _unfolded(data):
        if len(octets) > limits.line:
            raise ReadError("Line {line} is longer than {limit} octets.", line=number, limit=limits.line)
        head, colon, value = octets.decode(*encoding).partition(":")
        name = (head if ";" not in head else head[: head.index(";")]).upper()
        if name in wanted and colon:
            _keep(top, name, (number, head, value))
        elif name == "BEGIN" or name == "END":
            count += name == "BEGIN"
            _check_counts(count, len(stack), limits)
            top = _turn(stack, name, value.strip().upper(), number)
            wanted = _WANTED.get(top.kind, frozenset())
        elif not colon and wanted and head.strip():
            top.odd.append(number) if not top.odd else None
    return root

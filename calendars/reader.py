"""The calendars of others (RFC 5545), read into values: mended where that is safe, and every mend told.

Pure, and nothing is fetched that a file names. The lines are read here rather than by icalendar, which keeps
home-made time zones of one file for the next, reads a DATE with TZID as a midnight, and takes ten times as long.
"""

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from io import BytesIO
from itertools import islice
from math import inf
from operator import attrgetter
from typing import Literal, NamedTuple

from calendars.lines import clean_text, one_line
from calendars.vevent import Status, Transp, When
from calendars.zones import Definition, How, Placed, UnknownZone, Zones, iana_name, instant, moved

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
    limits: Limits = Limits(),
) -> Reading:
    """The events of a foreign calendar file.

    `charset` is what HTTP or MIME said of it. `default_tzid` is the zone for times that have none; `zones` what
    a person has answered for a TZID. `within` leaves out what cannot fall between the two days, both included.
    Raises ReadError where nothing can be read; a broken event only loses itself.
    """
    notes = _Notes()
    octets = _checked(data, limits)
    file = _File(octets, _encoding(octets, charset, notes), limits)
    calendars = [_Calendar(file, found) for found in _Outline(limits, notes).read(octets)]
    if not calendars:
        raise ReadError("This is no calendar: it has no BEGIN:VCALENDAR.")
    known = Zones(default=_known_zone(default_tzid), answers=_known_zones(zones or {}))
    drafts = _drafts(file, calendars, known, notes)
    events = _within(_grouped(drafts, notes), within, notes)
    about = tuple(calendar.about for calendar in calendars)
    return Reading(tuple(events), notes.in_order(), about, tuple(sorted(known.unsure)))


def _known_zones(answers: Mapping[str, str]) -> dict[str, str]:
    return {written: _known_zone(tzid) for written, tzid in answers.items()}


def _known_zone(tzid: str) -> str:
    name = iana_name(tzid)
    if tzid and not name:
        raise ReadError("{tzid} is no zone of the tz database.", tzid=tzid)
    return name


class _Notes:
    """The notes so far; the verbs name what was done, and the sentence stands with them for translators."""

    def __init__(self) -> None:
        self._notes: list[Note] = []

    def mended(self, line: int | None, uid: str, message: str, /, **facts: str | int) -> None:
        self._add(line, uid, "mended", message, facts)

    def refused(self, line: int | None, uid: str, message: str, /, **facts: str | int) -> None:
        self._add(line, uid, "refused", message, facts)

    def ignored(self, line: int | None, uid: str, message: str, /, **facts: str | int) -> None:
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
        raise ReadError(
            "The calendar has {octets} octets; at most {limit} are read.", octets=len(data), limit=limits.octets
        )
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            data = data[len(mark) :].decode(encoding, "replace").encode() if encoding else data[len(mark) :]
            break
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
    lines = list(islice(((number, line) for number, line in _unfolded(data) if not line.isascii()), 10_000))
    broken = [number for number, line in lines if not _decodes(line, "utf-8")]
    return broken[0] if broken and len(broken) * 2 < len(lines) else 0


def _unfolded(data: bytes, first: int = 1) -> Iterator[tuple[int, bytes]]:
    """The content lines (RFC 5545 section 3.1) with their numbers; empty lines within a fold are passed over."""
    number, pieces = first, list[bytes]()
    for physical, octets in enumerate(BytesIO(data), first):
        line = octets.rstrip(b"\r\n")
        if not line:
            continue
        if line[0] in b" \t":
            pieces.append(line[1:])
            continue
        if pieces:
            yield number, pieces[0] if len(pieces) == 1 else b"".join(pieces)
        number, pieces = physical, [line]
    if pieces:
        yield number, b"".join(pieces)


# --- components ------------------------------------------------------------------------------------------

Line = tuple[int, str, str]  # its number, its name with the parameters, its value

_CLOCK = frozenset(("TZID", "X-LIC-LOCATION", "DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "RRULE", "RDATE"))
_WANTED = {
    "VCALENDAR": frozenset(("METHOD", "NAME", "X-WR-CALNAME", "X-WR-TIMEZONE")),
    "VEVENT": frozenset(
        (
            *("UID", "RECURRENCE-ID", "SEQUENCE", "DTSTAMP", "LAST-MODIFIED"),
            *("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE", "X-MICROSOFT-CDO-ALLDAYEVENT"),
            *("SUMMARY", "DESCRIPTION", "LOCATION", "GEO", "URL", "STATUS", "TRANSP", "CLASS", "CATEGORIES"),
            *("CONFERENCE", "X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL", "ORGANIZER", "ATTENDEE"),
        )
    ),
    "VTIMEZONE": _CLOCK,
    "STANDARD": _CLOCK,
    "DAYLIGHT": _CLOCK,
}
_NOTHING: frozenset[str] = frozenset()
_SIDE_BY_SIDE = frozenset(("VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE"))  # none stands in another


_BOUND = re.compile(
    rb"^(BEGIN|END)[ \t]*(?:\r?\n[ \t])?:(?:\r?\n[ \t])?[ \t]*([A-Z0-9-]{1,64})[ \t\r]*$",
    re.IGNORECASE | re.MULTILINE,
)


class _Extent(NamedTuple):
    """Where a component stands in the file (RFC 5545 section 3.6), from its BEGIN on."""

    kind: str
    line: int
    start: int
    end: int
    whole: bool  # whether the file does not break off within it


@dataclass(slots=True)
class _Found:
    """A VCALENDAR and the components in it."""

    extent: _Extent
    parts: list[_Extent] = field(default_factory=list)

    @property
    def head(self) -> _Extent:
        """Where its own properties stand: before all components."""
        return self.extent._replace(end=self.parts[0].start) if self.parts else self.extent


@dataclass(slots=True)
class _Component:
    """A component, with those of its properties that are read."""

    kind: str
    line: int
    lines: dict[str, list[Line]] = field(default_factory=dict)
    parts: list["_Component"] = field(default_factory=list)
    whole: bool = True
    odd: int = 0  # the first line that is no property

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


class _Outline:
    """Where the components of a file stand, found before any of their lines is read.

    What lacks its END ends with what holds it, or where its like begins.
    """

    def __init__(self, limits: Limits, notes: _Notes) -> None:
        self._calendars: list[_Found] = []
        self._limits = limits
        self._notes = notes
        self._open: list[_Extent] = []  # each in the one before
        self._count = 0

    def read(self, data: bytes) -> list[_Found]:
        line, seen = 1, 0
        for bound in _BOUND.finditer(data):
            line += data.count(b"\n", seen, bound.start())
            seen = bound.start()
            kind = bound[2].decode().upper()
            if bound[1].upper() == b"BEGIN":
                self._begin(_Extent(kind, line, seen, len(data), whole=False))
            else:
                self._end(kind, bound.end())
        self._close(0, len(data), whole=False)
        return self._calendars

    def _begin(self, extent: _Extent) -> None:
        if extent.kind == "VCALENDAR":
            self._close(0, extent.start)
            self._calendars.append(_Found(extent))
        elif extent.kind in _SIDE_BY_SIDE:
            self._close(self._depth(_SIDE_BY_SIDE), extent.start)
        self._open.append(extent)
        self._count += 1
        if self._count > self._limits.components:
            raise ReadError("The calendar has more than {limit} components.", limit=self._limits.components)
        if len(self._open) > self._limits.depth:
            raise ReadError("Components stand in one another more than {limit} deep.", limit=self._limits.depth)

    def _end(self, kind: str, end: int) -> None:
        depth = self._depth((kind,))
        if depth < len(self._open):
            self._close(depth + 1, end)
            self._pop(end, whole=True)

    def _depth(self, kinds: Container[str]) -> int:
        """How deep the innermost open component of such a kind stands, or a new one would."""
        depths = [depth for depth, extent in enumerate(self._open) if extent.kind in kinds]
        return depths[-1] if depths else len(self._open)

    def _close(self, depth: int, end: int, *, whole: bool = True) -> None:
        """End what is open from that depth on, without an END of its own; not `whole` where the file ends."""
        while len(self._open) > depth:
            extent = self._open[-1]
            if extent.kind == "VEVENT" and whole:
                message = "The event has no END:VEVENT; it ends where the next component begins."
                self._notes.mended(extent.line, "", message)
            self._pop(end, whole=whole)

    def _pop(self, end: int, *, whole: bool) -> None:
        extent = self._open.pop()._replace(end=end, whole=whole)
        if extent.kind == "VCALENDAR" and not self._open:
            self._calendars[-1].extent = extent
        elif len(self._open) == 1 and self._open[0].kind == "VCALENDAR":
            self._calendars[-1].parts.append(extent)


class _File(NamedTuple):
    """The bytes of a file, to be read component by component."""

    data: bytes
    encoding: _Encoding
    limits: Limits

    def component(self, extent: _Extent) -> _Component:
        root = top = _Component(extent.kind, extent.line, whole=extent.whole)
        stack, wanted = [root], _WANTED.get(root.kind, _NOTHING)
        (encoding, errors), longest = self.encoding, self.limits.line
        for number, octets in _unfolded(self.data[extent.start : extent.end], extent.line):
            if len(octets) > longest:
                raise ReadError("Line {line} is longer than {limit} octets.", line=number, limit=longest)
            head, colon, value = octets.decode(encoding, errors).partition(":")
            name = (head if ";" not in head else head[: head.index(";")]).upper()
            if colon and name in wanted:
                top.lines.setdefault(name, []).append((number, head, value))
            elif name in ("BEGIN", "END"):
                top = _turn(stack, name, _Component(value.strip().upper(), number))
                wanted = _WANTED.get(top.kind, _NOTHING)
            elif not colon and wanted and not top.odd:
                top.odd = number
        return root


def _turn(stack: list[_Component], name: str, component: _Component) -> _Component:
    """Go into the component that begins, or out of the one that ends; what is on top then."""
    if name == "END":
        if len(stack) > 1 and stack[-1].kind == component.kind:
            stack.pop()
    elif component.line > stack[0].line:
        stack[-1].parts.append(component)
        stack.append(component)
    return stack[-1]


# --- calendars -------------------------------------------------------------------------------------------


class _Calendar:
    """A VCALENDAR, its properties and zones read, its events not yet."""

    def __init__(self, file: _File, found: _Found) -> None:
        self.head = file.component(found.head)
        self.parts = found.parts
        zones = [file.component(part) for part in found.parts if part.kind == "VTIMEZONE"]
        self.definitions = {zone.text("TZID"): _definition(zone) for zone in reversed(zones) if zone.parts}

    @property
    def about(self) -> Calendar:
        name = self.head.text("NAME") or self.head.text("X-WR-CALNAME")  # RFC 7986 section 5.1, and before it
        return Calendar(one_line(name), self._home, one_line(self.head.value("METHOD")).upper())

    @property
    def _home(self) -> str:
        """The zone that the calendar calls its own, or else the only one it defines."""
        if named := self.head.text("X-WR-TIMEZONE").strip():
            return named
        defined = self.definitions.keys() - {"UTC"}
        return defined.pop() if len(defined) == 1 else ""


def _definition(zone: _Component) -> Definition:
    observances = [
        {
            name: ",".join(line[2] for line in (lines if name == "RDATE" else lines[:1]))
            for name, lines in part.lines.items()
        }
        for part in zone.parts
        if part.kind in ("STANDARD", "DAYLIGHT")
    ]
    return Definition(observances, zone.text("X-LIC-LOCATION"))


def _drafts(file: _File, calendars: Sequence[_Calendar], known: Zones, notes: _Notes) -> list["_Draft"]:
    """The events of all calendars, in their order; each calendar has its own zones."""
    drafts: list[_Draft] = []
    left_out: Counter[str] = Counter()
    for calendar in calendars:
        _tell_of_calendar(calendar, notes)
        zones = known.of_calendar(calendar.definitions, calendar.about.tzid)
        events = _Events(zones, notes, left_out, cancelled=calendar.about.method == "CANCEL")
        parts = (file.component(part) for part in calendar.parts if part.kind == "VEVENT")
        drafts += filter(None, map(events.draft, parts))
        left_out.update(part.kind for part in calendar.parts if part.kind not in ("VEVENT", "VTIMEZONE"))
    _tell_of_left_out(left_out, notes)
    return drafts


def _tell_of_calendar(calendar: _Calendar, notes: _Notes) -> None:
    method = calendar.about.method
    if method not in ("", "PUBLISH"):
        message = "METHOD:{method} makes this a message of a scheduling program; its events are read all the same."
        notes.ignored(calendar.head.lines["METHOD"][0][0], "", message, method=method)
    if calendar.head.odd:
        notes.ignored(calendar.head.odd, "", _NO_PROPERTY)


def _tell_of_left_out(kinds: Counter[str], notes: _Notes) -> None:
    """Whom others invite and when they are reminded is not ours to repeat."""
    alarms, attendees = kinds.pop("VALARM", 0), kinds.pop("ATTENDEE", 0)
    if alarms or attendees:
        message = "Alarms ({alarms}) and attendees ({attendees}) are not taken over."
        notes.ignored(None, "", message, alarms=alarms, attendees=attendees)
    for kind, count in sorted(kinds.items()):
        notes.ignored(None, "", "Only events are read; {kind}: {count}.", kind=kind, count=count)


# --- events ----------------------------------------------------------------------------------------------


class _Refused(ValueError):
    """Why an event is refused: an English sentence with named places, and what fills them."""

    def __init__(self, line: int, message: str, /, **facts: str | int) -> None:
        self.line, self.message, self.facts = line, message, facts
        super().__init__(message)


class _Draft(NamedTuple):
    """An event before it finds its series; `recurrence` is its RECURRENCE-ID as written."""

    event: Foreign
    recurrence: "_Written | None"
    zones: Zones


class _Written(NamedTuple):
    """A date or naive time with its TZID; "UTC" for Z, None for floating time."""

    value: When
    tzid: str | None
    plain: bool = True  # whether it is written as RFC 5545 wants it


class _Span(NamedTuple):
    start: When
    end: When
    tzid: str
    how: How
    written: str


class _Events:
    """The events of one calendar."""

    def __init__(self, zones: Zones, notes: _Notes, left_out: Counter[str], *, cancelled: bool) -> None:
        self._zones = zones
        self._notes = notes
        self._left_out = left_out
        self._cancelled = cancelled
        self._told: set[tuple[str | None, str, How]] = set()

    def draft(self, part: _Component) -> _Draft | None:
        """The event, or nothing and a note; whatever is wrong with it, the others are read."""
        uid = self._uid(part)
        self._left_out["ATTENDEE"] += len(part.lines.get("ATTENDEE", ()))
        self._left_out.update(inner.kind for inner in part.parts if inner.kind == "VALARM")
        if part.odd:
            self._notes.ignored(part.odd, uid, _NO_PROPERTY)
        try:
            return self._draft(part, uid)
        except _Refused as error:
            self._notes.refused(error.line, uid, error.message, **error.facts)
        except (ValueError, OverflowError):
            self._notes.refused(part.line, uid, "The event cannot be read.")
        return None

    def _uid(self, part: _Component) -> str:
        """The UID, or one made from the content, so that the next import finds the event again."""
        if uid := one_line(part.text("UID")):
            return uid
        lines = [(name, line[1:]) for name, lines in part.lines.items() if name not in _REVISION for line in lines]
        made = sha256(repr(sorted(lines)).encode()).hexdigest()[:32]
        self._notes.mended(part.line, made, "The event has no UID; one was made from its content.")
        return made

    def _draft(self, part: _Component, uid: str) -> _Draft:
        if not part.whole:
            raise _Refused(part.line, "The file ends within this event.")
        span = self._span(part, uid)
        if span.end.year == date.max.year:
            raise _Refused(part.line, "The event ends in {year}.", year=span.end.year)
        recurrence = self._optional(part, "RECURRENCE-ID", uid)
        summary, status = self._summary(part, uid)
        event = Foreign(
            line=part.line,
            uid=uid,
            dtstart=span.start,
            dtend=span.end,
            tzid=span.tzid,
            how=span.how,
            written=span.written,
            sequence=_sequence(part.value("SEQUENCE")),
            dtstamp=_utc(part.first("DTSTAMP")),
            last_modified=_utc(part.first("LAST-MODIFIED")),
            summary=summary,
            description=part.text("DESCRIPTION").strip(),
            location=one_line(part.text("LOCATION"), glue=", "),
            url=self._url(part, uid),
            geo=self._geo(part, uid),
            status=status,
            transp="TRANSPARENT" if part.value("TRANSP").strip().upper() == "TRANSPARENT" else "OPAQUE",
            categories=tuple(_categories(part.lines.get("CATEGORIES", ()))),
            classification=_classification(part.value("CLASS").strip().upper()),
            organizer=_common_name(part.first("ORGANIZER")),
            conference=_conference(part),
            rrule=self._rrule(part, span, uid),
            rdates=self._dates(part, "RDATE", span, uid),
            exdates=self._dates(part, "EXDATE", span, uid),
        )
        return _Draft(event, recurrence, self._zones)

    # when

    def _span(self, part: _Component, uid: str) -> _Span:
        line = part.first("DTSTART")
        if line is None:
            raise _Refused(part.line, "The event has no DTSTART.")
        start, end = self._time(line, uid), self._optional(part, "DTEND", uid)
        if start is None:
            raise _Refused(line[0], "DTSTART is no time: {value}.", value=line[2])
        if _outlook_day(part, start, end):
            start, end = _Written(_day(start.value), None), end and _Written(_day(end.value), None)
        if not isinstance(start.value, datetime):
            return _Span(start.value, self._last_day(part, start.value, end, uid), "", How.DATE, "")
        return self._hours(part, start.value, start.tzid, end, uid)

    def _hours(self, part: _Component, wall: datetime, tzid: str | None, end: _Written | None, uid: str) -> _Span:
        number = part.lines["DTSTART"][0][0]
        try:
            placed = self._zones.place(tzid, wall, _last_year(part, wall))
        except UnknownZone as error:
            raise _unknown_zone(number, tzid) from error
        self._tell_of_zone(number, uid, tzid, wall, placed)
        span = _Span(placed.wall, placed.wall, placed.tzid, placed.how, tzid or "")
        return span._replace(end=self._end(part, span, end, uid))

    def _end(self, part: _Component, span: _Span, end: _Written | None, uid: str) -> datetime:
        """DTEND on the clock of DTSTART, else by DURATION; without either the event ends as it begins."""
        start = _datetime(span.start)
        if end is None:
            return self._after(part, start, span.tzid, uid)
        number = part.lines["DTEND"][0][0]
        wall = self._on_clock(number, end, span, uid)
        if wall < start and instant(wall, span.tzid) < instant(start, span.tzid):
            self._notes.mended(number, uid, "DTEND lies before DTSTART and was left out.")
            return start
        return wall

    def _on_clock(self, line: int, written: _Written, span: _Span, uid: str) -> datetime:
        """The end on the clock of the beginning: a flight may land in another zone."""
        value = written.value
        if not isinstance(value, datetime):
            return datetime.combine(value, time())
        if _same_clock(written, span):
            return value
        try:
            placed = self._zones.place(written.tzid, value)
        except UnknownZone:
            self._notes.mended(line, uid, "The zone of DTEND is not known; that of DTSTART was taken.")
            return value
        if placed.tzid not in (span.tzid, "UTC"):
            message = "DTEND is in {tzid}; it was put on the clock of DTSTART, {start}."
            self._notes.mended(line, uid, message, tzid=placed.tzid, start=span.tzid)
        return moved(placed.wall, placed.tzid, span.tzid)

    def _after(self, part: _Component, start: datetime, tzid: str, uid: str) -> datetime:
        """DURATION (RFC 5545 section 3.3.6): days are of the calendar, hours of the clock in UTC."""
        days, rest = self._duration(part, uid)
        wall = start + days
        return moved(moved(wall, tzid, "UTC") + rest, "UTC", tzid) if rest else wall

    def _last_day(self, part: _Component, start: date, end: _Written | None, uid: str) -> date:
        """The day after the last; DTEND of a whole day is exclusive (RFC 5545 section 3.6.1)."""
        if end is None:
            days, rest = self._duration(part, uid)
            return start + max(days + timedelta(days=bool(rest)), timedelta(days=1))
        last = _day(end.value)
        if isinstance(end.value, datetime) and end.value.time() > time():
            last += timedelta(days=1)
        if last > start:
            return last
        message = "DTEND is not after DTSTART; the event lasts one day."
        self._notes.mended(part.lines["DTEND"][0][0], uid, message)
        return start + timedelta(days=1)

    def _duration(self, part: _Component, uid: str) -> tuple[timedelta, timedelta]:
        line = part.first("DURATION")
        found = _DURATION.fullmatch(line[2].strip().upper()) if line else None
        if line and (not found or found[0].endswith(("P", "T")) or found[1] == "-"):
            self._notes.mended(line[0], uid, "DURATION cannot be read and was left out: {value}.", value=line[2])
        elif found:
            weeks, days, hours, minutes, seconds = (int(number or 0) for number in found.groups()[1:])
            return timedelta(weeks=weeks, days=days), timedelta(hours=hours, minutes=minutes, seconds=seconds)
        return timedelta(0), timedelta(0)

    def _optional(self, part: _Component, name: str, uid: str) -> _Written | None:
        line = part.first(name)
        if line is None:
            return None
        written = self._time(line, uid)
        if written is None:
            self._notes.ignored(line[0], uid, "{name} is no time: {value}.", name=name, value=line[2])
        return written

    def _time(self, line: Line, uid: str) -> _Written | None:
        number, head, value = _unquoted(line)
        written = _time(value.strip(' "'), head)
        if written and not written.plain:
            self._notes.mended(number, uid, "{value} is not written as a time should be.", value=value)
        return written

    def _tell_of_zone(self, line: int, uid: str, tzid: str | None, wall: datetime, placed: Placed) -> None:
        """Once for each zone: thousands of events may share it, and each says itself how it was resolved."""
        key = (tzid, placed.tzid, placed.how)
        if placed.how in (How.IANA, How.UTC) or key in self._told:
            return
        self._told.add(key)
        doubtful = tzid in self._zones.unsure
        message = _ZONE_DOUBTFUL if doubtful else _ZONE_UTC if placed.wall != wall else _ZONES.get(placed.how, _ZONE)
        self._notes.mended(line, uid, message, written=tzid or "", tzid=placed.tzid)

    # series

    def _rrule(self, part: _Component, span: _Span, uid: str) -> str:
        """RRULE (RFC 5545 section 3.3.10), checked; its UNTIL of the kind that DTSTART asks for."""
        line = part.first("RRULE")
        if line is None:
            return ""
        if "EXRULE" in part.lines or len(part.lines["RRULE"]) > 1:
            self._notes.ignored(line[0], uid, "Only one RRULE is read, and no EXRULE.")
        try:
            rule = _rule_parts(line[2])
            if rule.get("UNTIL", "").startswith("9999"):
                del rule["UNTIL"]  # how some say that it never ends
            if until := rule.get("UNTIL"):
                rule["UNTIL"] = self._until(line[0], until, span, uid)
        except (ValueError, OverflowError):
            message = "The rule cannot be read; only the first day was taken: {rule}."
            self._notes.mended(line[0], uid, message, rule=line[2])
            return ""
        return ";".join(f"{name}={value}" for name, value in rule.items())

    def _until(self, number: int, until: str, span: _Span, uid: str) -> str:
        written = _time(until, "")
        if written is None:
            raise ValueError("no time")
        last = self._last_start(written, span)
        if last < (moved(_datetime(span.start), span.tzid, "UTC") if isinstance(last, datetime) else span.start):
            raise ValueError("ends before it begins")
        text = last.isoformat().replace("-", "").replace(":", "") + ("Z" if isinstance(last, datetime) else "")
        if text != until:
            message = "UNTIL={until} is not of the kind that DTSTART asks for; it was read as {read}."
            self._notes.mended(number, uid, message, until=until, read=text)
        return text

    def _last_start(self, until: _Written, span: _Span) -> When:
        if not isinstance(span.start, datetime):
            return _occurrence(until, span, self._zones)
        if not isinstance(until.value, datetime):
            return moved(datetime.combine(until.value, time(23, 59, 59)), span.tzid, "UTC")
        return until.value if until.tzid == "UTC" else moved(until.value, span.tzid, "UTC")

    def _dates(self, part: _Component, name: str, span: _Span, uid: str) -> tuple[When, ...]:
        """EXDATE or RDATE on the clock of DTSTART; of a period its beginning."""
        dates: list[When] = []
        for line in part.lines.get(name, ()):
            number, head, value = _unquoted(line)
            times = [_time(piece.partition("/")[0].strip(' "'), head) for piece in value.split(",")]
            if None in times:
                self._notes.ignored(number, uid, "{name} names something that is no time.", name=name)
            dates += [_occurrence(written, span, self._zones) for written in times if written]
        return tuple(dates)

    # what, where, who

    def _summary(self, part: _Component, uid: str) -> tuple[str, Status]:
        """SUMMARY and STATUS; in published calendars Outlook tells a cancellation only by a prefix."""
        summary = one_line(part.text("SUMMARY"))
        status = _status(part.value("STATUS").strip().upper())
        if prefix := _CANCELLED.match(summary):
            line = part.lines["SUMMARY"][0][0]
            self._notes.mended(line, uid, "“{prefix}” was read as STATUS:CANCELLED.", prefix=prefix[0].strip())
            return summary[prefix.end() :], "CANCELLED"
        return summary, "CANCELLED" if self._cancelled else status

    def _url(self, part: _Component, uid: str) -> str:
        """URL, if it leads to the web: what else it may start is nobody's business here."""
        line = part.first("URL")
        url = "".join(clean_text(_value(line)).split()) if line else ""
        if line and url and not url.lower().startswith(("http://", "https://")):
            self._notes.ignored(line[0], uid, "URL does not lead to the web: {url}.", url=url)
            return ""
        return url

    def _geo(self, part: _Component, uid: str) -> tuple[float, float] | None:
        """GEO (RFC 5545 section 3.8.1.6); SOGo escapes its semicolon, others write a comma."""
        line = part.first("GEO")
        if line is None:
            return None
        try:
            latitude, longitude = map(float, line[2].replace("\\", "").replace(",", ";").split(";"))
        except ValueError:
            latitude = longitude = inf
        if abs(latitude) <= 90 and abs(longitude) <= 180:
            return latitude, longitude
        self._notes.ignored(line[0], uid, "GEO is no place on Earth: {value}.", value=line[2])
        return None


_REVISION = frozenset(("DTSTAMP", "LAST-MODIFIED", "SEQUENCE"))
_CANCELLED = re.compile(r"(?:cancell?ed|отменено|abgesagt|annulé)\s?:\s*", re.IGNORECASE)
_WEB = ("X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL")

_NO_PROPERTY = "This line is no property."
_ZONE = "The zone “{written}” is read as {tzid}."
_ZONE_DOUBTFUL = "Nobody can be sure what the zone “{written}” means; {tzid} was taken."
_ZONE_UTC = "No known zone keeps the clock of “{written}”; its times were turned into UTC."
_ZONES = {
    How.VTIMEZONE: "The zone “{written}” is read as {tzid}, which keeps the clock of its definition.",
    How.OFFSET: "“{written}” only says how far from UTC; it is read as {tzid}.",
    How.CALENDAR: "The zone “{written}” is not known; {tzid}, that of the calendar, was taken.",
    How.FLOATING: "Times without a zone are read in {tzid}.",
}


def _unknown_zone(line: int, tzid: str | None) -> _Refused:
    if tzid is None:
        return _Refused(line, "The time has no zone, and no zone was given for such times.")
    return _Refused(line, "The zone “{tzid}” is not known, nor any that keeps its clock.", tzid=tzid)


def _sequence(value: str) -> int:
    value = value.strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0


def _utc(line: Line | None) -> datetime | None:
    """An instant that only orders revisions: what is not in UTC, as it ought to be, is taken as if."""
    written = _time(line[2].strip(), "") if line else None
    if written is None or not isinstance(written.value, datetime):
        return None
    return written.value.replace(tzinfo=UTC)


def _status(value: str) -> Status:
    if value == "CANCELLED" or value == "CANCELED":
        return "CANCELLED"
    return "TENTATIVE" if value == "TENTATIVE" else "CONFIRMED"


def _classification(value: str) -> Class:
    """CLASS (RFC 5545 section 3.8.1.3): what we do not know is private."""
    if value in ("", "PUBLIC"):
        return "PUBLIC"
    return "CONFIDENTIAL" if value == "CONFIDENTIAL" else "PRIVATE"


def _categories(lines: Iterable[Line]) -> dict[str, None]:
    """Each once, in their order; a comma within one is escaped."""
    values = (piece for line in lines for piece in _ITEM.findall(_value(line)))
    return dict.fromkeys(text for value in values if (text := one_line(_text(value))))


def _common_name(line: Line | None) -> str:
    """The name of who organises it; many programs put the address in its place, which is not for us."""
    if line is None:
        return ""
    name = _parameters(_head(line)).get("CN", "").replace("^n", " ").replace("^'", '"').replace("^^", "^")
    return "" if "@" in name else one_line(name)


def _conference(part: _Component) -> str:
    """CONFERENCE (RFC 7986 section 5.11), one with a picture first, or what Google and Microsoft write."""
    lines = part.lines.get("CONFERENCE", ())
    ranked = sorted(lines, key=lambda line: "VIDEO" not in line[1].upper())
    found = [_value(line) for line in ranked] or [part.value(name) for name in _WEB]
    uris = ["".join(clean_text(uri).split()) for uri in found]
    return next((uri for uri in uris if _CALL.match(uri)), "")


def _outlook_day(part: _Component, start: "_Written", end: "_Written | None") -> bool:
    """Whether midnights stand for whole days, as Outlook says in a property of its own."""
    if part.value("X-MICROSOFT-CDO-ALLDAYEVENT").strip().upper() != "TRUE":
        return False
    return all(
        isinstance(written.value, datetime) and written.value.time() == time() and written.tzid != "UTC"
        for written in (start, end)
        if written
    )


def _last_year(part: _Component, start: datetime) -> int | None:
    """The year in which a series ends; some way off if it does not say."""
    if "RRULE" not in part.lines and "RDATE" not in part.lines:
        return None
    until = _UNTIL.search(part.value("RRULE"))
    return int(until[1]) if until else start.year + 10


def _occurrence(written: _Written, span: _Span | Foreign, zones: Zones) -> When:
    """Which occurrence of a series is meant, on the clock of its DTSTART.

    Exchange names those of an all-day series by a midnight in its zone: only the local date counts.
    """
    value, start = written.value, span.start if isinstance(span, _Span) else span.dtstart
    if not isinstance(start, datetime):
        return zones.local_date(value) if isinstance(value, datetime) and written.tzid == "UTC" else _day(value)
    if not isinstance(value, datetime):
        return datetime.combine(value, start.time())
    if _same_clock(written, span):
        return value
    try:
        placed = zones.place(written.tzid, value)
    except UnknownZone:
        return value
    return moved(placed.wall, placed.tzid, span.tzid)


def _same_clock(written: _Written, span: _Span | Foreign) -> bool:
    """Whether a time is on the clock of DTSTART as it stands; what was turned into UTC is not."""
    return written.tzid is None or (written.tzid == span.written and span.tzid != "UTC")


def _day(value: When) -> date:
    return value.date() if isinstance(value, datetime) else value


def _datetime(value: When) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, time())


# --- values ----------------------------------------------------------------------------------------------

_MOMENT = re.compile(r"(\d{8})(?:(T\d{6})Z?|Z?)", re.ASCII)
_DURATION = re.compile(
    r"([+-])?P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?", re.ASCII
)
_PARAMETER = re.compile(r';([\w-]+)=("[^"]*"|[^;]*)', re.ASCII)
_HEAD = re.compile(r'(?:[^":]++|"[^"]*+")*+:')
_ESCAPE = re.compile(r"\\([nN\\;,])")
_ITEM = re.compile(r"(?:[^\\,]++|\\.?)++", re.DOTALL)
_UNTIL = re.compile(r"UNTIL=(\d{4})", re.IGNORECASE | re.ASCII)
_CALL = re.compile(r"(?:https?|tel|sip|sips|xmpp):", re.IGNORECASE)


def _text(value: str) -> str:
    return clean_text(_ESCAPE.sub(_unescaped, value) if "\\" in value else value)


def _unescaped(escape: re.Match[str]) -> str:
    return "\n" if escape[1] in "nN" else escape[1]


def _value(line: Line) -> str:
    """The value; a colon within a quoted parameter does not begin it."""
    head, value = line[1], line[2]
    if '"' not in head:
        return value
    whole = f"{head}:{value}"
    return whole[len(_head(line)) + 1 :]


def _head(line: Line) -> str:
    whole = f"{line[1]}:{line[2]}"
    found = _HEAD.match(whole)
    return found[0][:-1] if found else line[1]


def _parameters(head: str) -> dict[str, str]:
    return {name.upper(): value.strip('"') for name, value in _PARAMETER.findall(head)} if ";" in head else {}


def _time(value: str, head: str) -> _Written | None:
    """A DATE or DATE-TIME (RFC 5545 sections 3.3.4, 3.3.5), or one that ISO 8601 allows; or nothing.

    The first and the last year that Python knows are nothing: in another zone their times may be out of reach.
    """
    try:
        written = _plain_time(value, _parameters(head))
    except (ValueError, OverflowError):
        return None
    return written if date.min.year < written.value.year < date.max.year else None


def _plain_time(value: str, parameters: Mapping[str, str]) -> _Written:
    found = _MOMENT.fullmatch(value)
    if not found:
        return _odd_time(value, parameters.get("TZID"))
    if not found[2] or parameters.get("VALUE", "").upper() == "DATE":
        return _Written(date.fromisoformat(found[1]), None)
    tzid = "UTC" if value.endswith("Z") else parameters.get("TZID")
    return _Written(datetime.fromisoformat(found[1] + _no_leap_second(found[2])), tzid)


def _unquoted(line: Line) -> Line:
    """The line of a time whose TZID has a colon, as Outlook's (UTC+01:00), and perhaps no quotes around it."""
    number, head, value = line
    if ":" not in value:
        return line
    name, _, times = f"{head}:{value}".rpartition(":")
    return (number, name, times) if _MOMENT.fullmatch(times.partition(",")[0].strip(' "')) else line


def _no_leap_second(clock: str) -> str:
    return clock[:5] + "59" if clock.endswith("60") else clock


def _odd_time(value: str, tzid: str | None) -> _Written:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        return _Written(moment, tzid, plain=False)
    return _Written(moment.astimezone(UTC).replace(tzinfo=None), "UTC", plain=False)


_FREQUENCIES = ("SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_BYDAY = re.compile(r"[+-]?\d{0,2}(?:MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,9}", re.ASCII)
_RANGES = {  # RFC 5545 section 3.3.10
    "INTERVAL": (1, 999_999_999),
    "COUNT": (1, 999_999_999),
    "BYSECOND": (0, 60),
    "BYMINUTE": (0, 59),
    "BYHOUR": (0, 23),
    "BYMONTHDAY": (-31, 31),
    "BYYEARDAY": (-366, 366),
    "BYWEEKNO": (-53, 53),
    "BYMONTH": (1, 12),
    "BYSETPOS": (-366, 366),
}


def _rule_parts(text: str) -> dict[str, str]:
    """The parts of a rule. Raises ValueError for what RFC 5545 does not know."""
    pairs = [part.partition("=") for part in text.upper().replace(" ", "").strip(";").split(";") if part]
    rule = {name: value for name, _, value in pairs if not name.startswith("X-")}
    if rule.get("FREQ") not in _FREQUENCIES or not all(_fits(*part) for part in rule.items()):
        raise ValueError("no rule")
    return rule


def _fits(name: str, value: str) -> bool:
    if name in ("FREQ", "UNTIL"):
        return True
    if name in ("BYDAY", "WKST"):
        return all(map(_BYDAY.fullmatch, value.split(",")))
    if name not in _RANGES:
        return False
    lowest, highest = _RANGES[name]
    return all(_NUMBER.fullmatch(one) and lowest <= int(one) <= highest for one in value.split(","))


# --- series ----------------------------------------------------------------------------------------------


def _grouped(drafts: Iterable[_Draft], notes: _Notes) -> Iterator[Foreign]:
    """Each series with the occurrences that differ from it, whatever their order in the file."""
    by_uid: dict[str, list[_Draft]] = {}
    for draft in drafts:
        by_uid.setdefault(draft.event.uid, []).append(draft)
    for same in by_uid.values():
        if len(same) == 1 and same[0].recurrence is None:
            yield same[0].event
        else:
            yield from _series(same, notes)


def _series(same: Sequence[_Draft], notes: _Notes) -> Iterator[Foreign]:
    """The series of one UID; without it, each occurrence stands for itself (Google's birthdays)."""
    series = _latest([draft.event for draft in same if draft.recurrence is None], notes)
    like = series if series and series.recurring else None
    occurrences: dict[When, list[Foreign]] = {}
    for draft in same:
        if draft.recurrence:
            start = _occurrence(draft.recurrence, like or draft.event, draft.zones)
            occurrences.setdefault(start, []).append(replace(draft.event, recurrence_id=start))
    overrides = [latest for events in occurrences.values() if (latest := _latest(events, notes))]
    if like:
        by_start = sorted(overrides, key=attrgetter("recurrence_id"))
        yield replace(like, overrides=tuple(by_start))
        return
    if series:
        yield series
    yield from overrides


def _latest(events: Sequence[Foreign], notes: _Notes) -> Foreign | None:
    """Of revisions of one event the one with the highest SEQUENCE, then the latest LAST-MODIFIED."""
    if not events:
        return None
    latest = max(events, key=_revision)
    for event in events:
        if event is not latest:
            message = "The event stands in the file again, in line {line}, in a later revision."
            notes.ignored(event.line, event.uid, message, line=latest.line)
    return latest


def _revision(event: Foreign) -> tuple[int, datetime, datetime, int]:
    never = datetime.min.replace(tzinfo=UTC)
    return event.sequence, event.last_modified or never, event.dtstamp or never, event.line


def _within(events: Iterable[Foreign], days: tuple[date, date] | None, notes: _Notes) -> list[Foreign]:
    every = list(events)
    if days is None:
        return every
    kept = [event for event in every if _may_fall(event, *days)]
    if len(kept) < len(every):
        message = "Events that cannot fall between {first} and {last} are left out: {count}."
        first, last = (day.isoformat() for day in days)
        notes.ignored(None, "", message, first=first, last=last, count=len(every) - len(kept))
    return kept


def _may_fall(event: Foreign, first: date, last: date) -> bool:
    """Whether the event, or some occurrence of the series, may touch those days; a series is not expanded."""
    if any(_may_fall(override, first, last) for override in event.overrides):
        return True
    starts = _day(event.dtstart)
    ends = _day(event.dtend) - timedelta(days=event.all_day)
    if not event.recurring:
        return starts <= last and ends >= first
    return min(starts, *map(_day, event.rdates), starts) <= last and _last_end(event, ends) >= first


def _last_end(event: Foreign, ends: date) -> date:
    """The latest day that the series may reach."""
    until = _UNTIL_DAY.search(event.rrule)
    if event.rrule and not until:
        return date.max
    last = date.fromisoformat(until[1]) + timedelta(days=1) if until else ends
    length = ends - _day(event.dtstart)
    return max([ends, last, *map(_day, event.rdates)], default=ends) + length


_UNTIL_DAY = re.compile(r"UNTIL=(\d{8})", re.ASCII)

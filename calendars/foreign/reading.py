"""The reading of a file, from its octets to its events."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from calendars.foreign.events.event import ForeignEvent
from calendars.foreign.recurrence.series import UngroupedEvent, group_series
from calendars.foreign.recurrence.window import drop_texts_outside, keep_within
from calendars.foreign.report.errors import ReadError
from calendars.foreign.report.notes import N_, Note, Notes
from calendars.foreign.syntax.components import NOT_A_PROPERTY, TOO_LONG, ComponentReader
from calendars.foreign.syntax.encoding import convert_from, detect_encoding, prepare_octets
from calendars.foreign.syntax.limits import Limits
from calendars.foreign.syntax.outline import OutlineReader
from calendars.foreign.vcalendar import CalendarProperties, VCalendar
from calendars.foreign.vevents import EventReader
from calendars.foreign.zones.tz_database import find_iana_name
from calendars.foreign.zones.tzid_resolution import TzidResolver


@dataclass(frozen=True, slots=True)
class Reading:
    """The content of a file; `uncertain_tzids` are the TZIDs that a person should be asked about.

    `outside` is the number of events and series that were left out because they are outside the days asked for.
    """

    events: tuple[ForeignEvent, ...]
    notes: tuple[Note, ...]
    calendars: tuple[CalendarProperties, ...]
    uncertain_tzids: tuple[str, ...] = ()
    outside: int = 0


_ANSWERS = frozenset(("REPLY", "REFRESH", "COUNTER", "DECLINECOUNTER"))  # RFC 5546 section 1.4: of one guest
_USUAL_LIMITS = Limits()


def read_calendar(
    data: bytes,
    *,
    charset: str | None = None,
    chosen_charset: str | None = None,
    default_tzid: str = "",
    floating_tzid: str = "",
    within: tuple[date, date] | None = None,
    zones: Mapping[str, str] | None = None,
    limits: Limits = _USUAL_LIMITS,
) -> Reading:
    """Read a calendar file of another program.

    `charset` is the encoding that HTTP or MIME gave for the file, `chosen_charset` the one that a person has chosen,
    which goes before all others. `default_tzid` is the zone of times without one, unless the calendar names its own;
    `floating_tzid` is their zone whatever the calendar names. `zones` maps TZIDs to the zones that a person has
    chosen for them. `within` leaves out events that cannot fall between its two days, both included; their texts are
    not kept while the rest is read. A faulty event is refused alone, with a note. Raise ReadError if nothing can be
    read.
    """
    notes = Notes()
    octets = prepare_octets(convert_from(chosen_charset, data) if chosen_charset else data, limits)
    reader = ComponentReader(octets, detect_encoding(octets, charset, notes), limits)
    calendars = [VCalendar(reader, outline) for outline in OutlineReader(limits, notes).read(octets)]
    if not calendars:
        raise ReadError("This is not a calendar: it has no BEGIN:VCALENDAR.")
    resolver = TzidResolver(
        default=_check_zone(default_tzid),
        floating=_check_zone(floating_tzid),
        answers=_check_answers(zones or {}),
    )
    ungrouped = _read_events(reader, calendars, resolver, notes, within)
    grouped = list(group_series(ungrouped, notes))
    events = keep_within(grouped, within)
    properties = tuple(calendar.properties for calendar in calendars)
    return Reading(
        tuple(events),
        notes.list_by_line(),
        properties,
        tuple(sorted(resolver.uncertain_tzids)),
        outside=len(grouped) - len(events),
    )


def _check_answers(answers: Mapping[str, str]) -> dict[str, str]:
    return {written: _check_zone(tzid) for written, tzid in answers.items()}


def _check_zone(tzid: str) -> str:
    """Return the zone in the spelling of the tz database, or "" for "". Raise ReadError if there is no such zone."""
    name = find_iana_name(tzid)
    if tzid and not name:
        raise ReadError("{tzid} is not a zone of the tz database.", tzid=tzid)
    return name


def _read_events(
    reader: ComponentReader,
    calendars: Sequence[VCalendar],
    resolver: TzidResolver,
    notes: Notes,
    within: tuple[date, date] | None,
) -> list[UngroupedEvent]:
    """Read the events of all calendars in order; each calendar has its own zones."""
    ungrouped: list[UngroupedEvent] = []
    left_out: Counter[str] = Counter()
    for calendar in calendars:
        _note_method_and_faults(calendar, reader.limits, notes)
        zones = resolver.make_for_calendar(calendar.zones, calendar.properties.tzid)
        cancelled = calendar.properties.method == "CANCEL"
        event_reader = EventReader(zones, notes, left_out, reader.limits, cancelled=cancelled)
        if calendar.properties.method not in _ANSWERS:
            parts = (reader.read(part) for part in calendar.parts if part.kind == "VEVENT")
            read = filter(None, map(event_reader.read, parts))
            ungrouped += (one._replace(event=drop_texts_outside(one.event, within)) for one in read)
        left_out.update(part.kind for part in calendar.parts if part.kind not in ("VEVENT", "VTIMEZONE"))
    _note_left_out(left_out, notes)
    return ungrouped


def _note_method_and_faults(calendar: VCalendar, limits: Limits, notes: Notes) -> None:
    method = calendar.properties.method
    if method in _ANSWERS:
        message = N_(
            "METHOD:{method} makes this an answer to an invitation; its events are proposals and are not read."
        )
        notes.add_refused(calendar.head.lines["METHOD"][0][0], "", message, method=method)
    elif method not in ("", "PUBLISH"):
        message = N_(
            "METHOD:{method} makes this a message of a scheduling program; its events are read all the same."
        )
        notes.add_ignored(calendar.head.lines["METHOD"][0][0], "", message, method=method)
    if calendar.head.bad_line:
        notes.add_ignored(calendar.head.bad_line, "", NOT_A_PROPERTY)
    for number, name in calendar.head.long_lines:
        notes.add_ignored(number, "", TOO_LONG, name=name, limit=limits.max_line_octets)


def _note_left_out(kinds: Counter[str], notes: Notes) -> None:
    """Note how many components were left out: other people's invitations and alarms are not ours to repeat."""
    alarms, attendees = kinds.pop("VALARM", 0), kinds.pop("ATTENDEE", 0)
    if alarms or attendees:
        message = N_("Alarms ({alarms}) and attendees ({attendees}) are not imported.")
        notes.add_ignored(None, "", message, alarms=alarms, attendees=attendees)
    for kind, count in sorted(kinds.items()):
        notes.add_ignored(None, "", "Only events are read; {kind}: {count}.", kind=kind, count=count)

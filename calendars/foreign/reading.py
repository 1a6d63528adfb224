"""A file, read from its bytes to its events."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from calendars.foreign.events.event import ForeignEvent
from calendars.foreign.recurrence.series import UngroupedEvent, grouped
from calendars.foreign.recurrence.window import falling_within
from calendars.foreign.report.errors import ReadError
from calendars.foreign.report.notes import N_, Note, Notes
from calendars.foreign.syntax.components import NO_PROPERTY, ComponentReader
from calendars.foreign.syntax.encoding import checked, encoding_of
from calendars.foreign.syntax.limits import Limits
from calendars.foreign.syntax.outline import OutlineReader
from calendars.foreign.vcalendar import CalendarProperties, VCalendar
from calendars.foreign.vevents import EventReader
from calendars.foreign.zones.tz_database import iana_name
from calendars.foreign.zones.tzid_resolution import TzidResolver


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file holds; `unsure` are the TZIDs to ask a person about."""

    events: tuple[ForeignEvent, ...]
    notes: tuple[Note, ...]
    calendars: tuple[CalendarProperties, ...]
    uncertain_tzids: tuple[str, ...] = ()


_USUAL = Limits()


def read_calendar(
    data: bytes,
    *,
    charset: str | None = None,
    default_tzid: str = "",
    within: tuple[date, date] | None = None,
    zones: Mapping[str, str] | None = None,
    limits: Limits = _USUAL,
) -> Reading:
    """The events of a foreign calendar file.

    `charset` is what HTTP or MIME said of it. `default_tzid` is the zone for times that have none; `zones` what
    a person has answered for a TZID. `within` leaves out what cannot fall between the two days, both included.
    Raises ReadError where nothing can be read; a broken event only loses itself.
    """
    notes = Notes()
    octets = checked(data, limits)
    file = ComponentReader(octets, encoding_of(octets, charset, notes), limits)
    calendars = [VCalendar(file, found) for found in OutlineReader(limits, notes).read(octets)]
    if not calendars:
        raise ReadError("This is no calendar: it has no BEGIN:VCALENDAR.")
    known = TzidResolver(default=_known_zone(default_tzid), answers=_known_zones(zones or {}))
    drafts = _drafts(file, calendars, known, notes)
    events = falling_within(grouped(drafts, notes), within, notes)
    about = tuple(calendar.about for calendar in calendars)
    return Reading(tuple(events), notes.list_by_line(), about, tuple(sorted(known.uncertain_tzids)))


def _known_zones(answers: Mapping[str, str]) -> dict[str, str]:
    return {written: _known_zone(tzid) for written, tzid in answers.items()}


def _known_zone(tzid: str) -> str:
    name = iana_name(tzid)
    if tzid and not name:
        raise ReadError("{tzid} is no zone of the tz database.", tzid=tzid)
    return name


def _drafts(
    file: ComponentReader, calendars: Sequence[VCalendar], known: TzidResolver, notes: Notes
) -> list[UngroupedEvent]:
    """The events of all calendars, in their order; each calendar has its own zones."""
    drafts: list[UngroupedEvent] = []
    left_out: Counter[str] = Counter()
    for calendar in calendars:
        _tell_of_calendar(calendar, notes)
        zones = known.of_calendar(calendar.definitions, calendar.about.tzid)
        events = EventReader(zones, notes, left_out, cancelled=calendar.about.method == "CANCEL")
        parts = (file.component(part) for part in calendar.parts if part.kind == "VEVENT")
        drafts += filter(None, map(events.draft, parts))
        left_out.update(part.kind for part in calendar.parts if part.kind not in ("VEVENT", "VTIMEZONE"))
    _tell_of_left_out(left_out, notes)
    return drafts


def _tell_of_calendar(calendar: VCalendar, notes: Notes) -> None:
    method = calendar.about.method
    if method not in ("", "PUBLISH"):
        message = N_(
            "METHOD:{method} makes this a message of a scheduling program; its events are read all the same."
        )
        notes.add_ignored(calendar.head.lines["METHOD"][0][0], "", message, method=method)
    if calendar.head.odd:
        notes.add_ignored(calendar.head.odd, "", NO_PROPERTY)


def _tell_of_left_out(kinds: Counter[str], notes: Notes) -> None:
    """Whom others invite and when they are reminded is not ours to repeat."""
    alarms, attendees = kinds.pop("VALARM", 0), kinds.pop("ATTENDEE", 0)
    if alarms or attendees:
        message = N_("Alarms ({alarms}) and attendees ({attendees}) are not taken over.")
        notes.add_ignored(None, "", message, alarms=alarms, attendees=attendees)
    for kind, count in sorted(kinds.items()):
        notes.add_ignored(None, "", "Only events are read; {kind}: {count}.", kind=kind, count=count)

"""Importing a foreign calendar of 10,000 events, and again unchanged, against bare `icalendar` parsing it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from icalendar import Calendar

from benchmarks import common
from calendars.foreign import Limits, Notes, expand_series, read_calendar
from scheduler.services.exchange.calendar_import import ImportOptions, ImportReport, import_events
from scheduler.services.exchange.calendar_mapping import CalendarDefaults
from scheduler.storage.database import Database

LABELS = {
    "icalendar": "icalendar, parsing alone",
    "reading": "our reader, parsing alone",
    "imported": "scheduler event import",
    "again": "again, unchanged",
    "changed": "again, each title changed",
}
DAYS = (date(2027, 1, 1), date(2028, 1, 2))
LIMITS = Limits(max_octets=50_000_000, max_components=200_000)


def main() -> None:
    given = common.arguments(__doc__, rounds=2)
    size = int(10_000 * given.scale)
    data = calendar(size)
    for engine in given.engines:
        with common.databases(engine) as fresh:
            _measure(engine, fresh, data, size, given.rounds)


def calendar(size: int, words: str = "Talks on trade") -> bytes:
    """Write a calendar as Outlook does: a zone of its own, an alarm and an attendee with each event."""
    events = "".join(_event(number, words) for number in range(size))
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Benchmark//EN\r\n{ZONE}{events}END:VCALENDAR\r\n".encode()


def _event(number: int, words: str) -> str:
    start = datetime(2027, 1, 4) + timedelta(minutes=30 * number % 500_000)  # noqa: DTZ001 - a wall time
    end = start + timedelta(minutes=90)
    return EVENT.format(number=number, words=words, start=f"{start:%Y%m%dT%H%M%S}", end=f"{end:%Y%m%dT%H%M%S}")


ZONE = """BEGIN:VTIMEZONE
TZID:Customized Time Zone
BEGIN:STANDARD
DTSTART:16010101T000000
TZOFFSETFROM:+0500
TZOFFSETTO:+0500
END:STANDARD
END:VTIMEZONE
""".replace("\n", "\r\n")
EVENT = """BEGIN:VEVENT
UID:{number:032x}@ministry.example
SEQUENCE:2
DTSTAMP:20261201T090000Z
LAST-MODIFIED:20261201T090000Z
DTSTART;TZID=Customized Time Zone:{start}
DTEND;TZID=Customized Time Zone:{end}
SUMMARY:{words} {number}
LOCATION:Ministry\\, room {number}
DESCRIPTION:Agenda:\\n1. Opening\\n2. Trade\\, transport and transit\\n3. Any other business of the two
  delegations
CLASS:PUBLIC
STATUS:CONFIRMED
ATTENDEE;CN=A guest;ROLE=REQ-PARTICIPANT:mailto:guest@example.org
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT15M
DESCRIPTION:Reminder
END:VALARM
END:VEVENT
""".replace("\n", "\r\n")


def _measure(engine: str, fresh: common.Fresh, data: bytes, size: int, rounds: int) -> None:
    changed = calendar(size, "Talks on transit").replace(b"SEQUENCE:2", b"SEQUENCE:3")
    bases = [fresh() for _ in range(rounds)]
    run(fresh(), data)  # not timed: it warms up
    taken = common.best(
        rounds,
        icalendar=lambda _: Calendar.from_ical(data),
        reading=lambda _: _read(data),
        imported=lambda number: run(bases[number], data),
        again=lambda number: run(bases[number], data),
        changed=lambda number: run(bases[number], changed),
    )
    _, peak = common.in_child(_once, common.url_of(fresh()), data)
    _, parsed = common.in_child(_parse, data)
    common.show(
        f"{engine}: {size:,} events, {len(data) / 1e6:.1f} MB; peak memory {peak:.0f} MB"
        f" (icalendar's parsing alone {parsed:.0f} MB)",
        ("", "seconds", "events/s", "µs an event", "times icalendar"),
        [
            (LABELS[name], took, size / took, took / size * 1e6, took / taken["icalendar"])
            for name, took in taken.items()
        ],
    )


def run(db: Database, data: bytes) -> ImportReport:
    reading, notes = _read(data), Notes()
    events = expand_series(reading.events, DAYS, notes)
    wanted = ImportOptions(CalendarDefaults("Ministry", "en", "Asia/Almaty"), DAYS)
    with db.write() as session:
        return import_events(session, events, wanted, notes=reading.notes, now=common.NOW)


def _read(data: bytes) -> Any:
    return read_calendar(data, default_tzid="Asia/Almaty", limits=LIMITS)


def _once(url: str, data: bytes) -> int:
    return len(run(Database(url), data).changes)


def _parse(data: bytes) -> int:
    return len(Calendar.from_ical(data).subcomponents)


if __name__ == "__main__":
    main()

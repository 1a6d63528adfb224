"""Rendering 10,000 VEVENTs with icalendar against a feed of 10,000 events from its stored renderings.

The floor is joining 10,000 byte strings that one plain query reads from a table of nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import icalendar
import sqlalchemy as sa

from benchmarks import common
from benchmarks.apply import apply
from benchmarks.sample import programme
from scheduler.base.text import Text
from scheduler.model.events import Event
from scheduler.services.events.programme import event_reading
from scheduler.services.events.programme.rendering.event_texts import format_location
from scheduler.services.feeds import event_feeds, scopes
from scheduler.storage.database import Database

LABELS = {
    "rendered": "icalendar: Event, add, to_ical",
    "fed": "feeds.write, from stored renderings",
    "floor": "one query and b''.join",
}


def main() -> None:
    given = common.arguments(__doc__, rounds=5)
    size = int(10_000 * given.scale)
    rows = None
    for engine in given.engines:
        with common.databases(engine) as fresh:
            db = fresh()
            if rows is None:
                apply(db, programme(size))
                rows = common.rows_of(db)
            else:
                common.insert(db, rows)  # planning takes longer than all that is measured here
            _measure(engine, db, size, given.rounds)


def _measure(engine: str, db: Database, size: int, rounds: int) -> None:
    bodies(db)
    common.analyze(db)
    with db.read() as session:
        events = event_reading.list_events(session)
    assert write_feed(db).count(b"BEGIN:VEVENT\r\n") == floor(db).count(b"BEGIN:VEVENT\r\n") == size
    taken = common.best(
        rounds,
        rendered=lambda _: render(events),
        fed=lambda _: write_feed(db),
        floor=lambda _: floor(db),
    )
    common.show(
        f"{engine}: a feed of {size:,} events, {len(write_feed(db)) / 1e6:.1f} MB",
        ("", "ms", "events/s", "times faster", "times the floor"),
        [
            (LABELS[name], took * 1000, size / took, taken["rendered"] / took, took / taken["floor"])
            for name, took in taken.items()
        ],
    )


def write_feed(db: Database) -> bytes:
    with db.read() as session:
        return event_feeds.write(
            session, scopes.get(session, "all"), language="en", now=common.NOW, house=Text({"en": "Embassy"})
        )


def bodies(db: Database) -> None:
    english = "language = 'en' AND view = 'event' AND audience = 'public'"
    with common.transaction(db) as connection:
        connection.exec_driver_sql(f"CREATE TABLE floor AS SELECT body FROM rendering WHERE {english}")


def floor(db: Database) -> bytes:
    with db.engine.connect() as connection:
        return b"".join(connection.execute(sa.text("SELECT body FROM floor")).scalars())


def render(events: Sequence[Event]) -> Any:
    calendar = icalendar.Calendar()
    calendar.add("VERSION", "2.0")
    calendar.add("PRODID", "-//benchmark//EN")
    for event in events:
        calendar.add_component(_component(event))
    return calendar.to_ical()


def _component(event: Event) -> icalendar.Event:
    component = icalendar.Event()
    component.add("UID", event.uid)
    component.add("SEQUENCE", event.sequence)
    component.add("DTSTAMP", event.revised_at)
    component.add("LAST-MODIFIED", event.revised_at)
    component.add("CREATED", event.created_at)
    component.add("DTSTART", event.first_on if event.whole_days else event.starts_at)
    component.add("DTEND", event.dtend.date() if event.whole_days and event.dtend else event.ends_at)
    component.add("STATUS", event.status.upper())
    component.add("TRANSP", "OPAQUE")
    component.add("URL", event.url)
    component.add("SUMMARY", event.title.to("en"))
    component.add("DESCRIPTION", event.description.to("en"))
    component.add("LOCATION", format_location(event, "en"))
    component.add("CATEGORIES", [str(event.kind)])
    return component


if __name__ == "__main__":
    main()

"""Importing a guest list of 50,000 rows as .csv and as .xlsx, and importing it again, with the peak of memory.

Names in Latin, Cyrillic and Thai letters; one in ten accepts, one in five has no e-mail address. Each import is what
`scheduler attendee import --yes` does after its options, in a process of its own; ``grown`` is by how much the peak
of it rose from before the file was read. Below it the same rows (person, attendee, audit) by bare Core.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import sqlalchemy as sa

from benchmarks import common
from benchmarks.apply import apply
from benchmarks.register import attendee_row
from benchmarks.sample import CEREMONY, with_ceremony
from scheduler.base.text import Text
from scheduler.formats import sheets
from scheduler.model.attendance import Attendee
from scheduler.model.audit import Audit
from scheduler.model.events import Event
from scheduler.model.places import Person
from scheduler.services.common.lookup import get
from scheduler.services.events.guest_lists import columns, importing
from scheduler.services.events.guest_lists import rows as guest_rows
from scheduler.storage.database import Database

HEADINGS = ("ID", "Name", "Position", "Organisation", "E-mail", "Telephone", "Language", "Companions", "RSVP", "Car")
SYLLABLES = {
    "en": [
        "an",
        "ber",
        "cor",
        "dal",
        "el",
        "fin",
        "gar",
        "hol",
        "in",
        "jor",
        "kel",
        "lor",
        "mar",
        "nor",
        "ol",
        "per",
        "quin",
        "ros",
        "sal",
        "tor",
    ],
    "ru": [
        "ан",
        "бер",
        "вор",
        "гал",
        "дар",
        "ел",
        "жан",
        "зор",
        "ин",
        "кал",
        "лор",
        "мар",
        "нор",
        "ол",
        "пер",
        "рос",
        "сал",
        "тор",
        "ур",
        "фин",
    ],
    "th": [
        "กา",
        "ขอ",
        "คำ",
        "งาม",
        "จัน",
        "ชัย",
        "ดี",
        "ตา",
        "ทอง",
        "นา",
        "บุญ",
        "ปัญ",
        "พร",
        "มา",
        "ยา",
        "รัต",
        "ลา",
        "วรา",
        "สม",
        "หงส์",
    ],
}


def main() -> None:
    given = common.arguments(__doc__, rounds=1)
    size = int(50_000 * given.scale)
    with tempfile.TemporaryDirectory() as directory:
        files = [Path(directory) / f"guests{suffix}" for suffix in (".csv", ".xlsx")]
        for file in files:
            rows = [HEADINGS, *guests(size)]
            file.write_bytes(sheets.write_table(rows, delimiter="" if file.suffix == ".xlsx" else ";", name="Guests"))
        for engine in given.engines:
            with common.databases(engine) as fresh:
                _measure(engine, fresh, files, size)


def _measure(engine: str, fresh: common.Fresh, files: list[Path], size: int) -> None:
    shown: list[tuple[object, ...]] = []
    for file in files:
        db = fresh()
        apply(db, with_ceremony())
        for label in ("new", "again, unchanged"):
            (took, told), grown = common.in_child(_import, common.url_of(db), file)
            assert told == {"added" if label == "new" else "unchanged": size}, told
            shown.append((f"{file.suffix}, {label}", took, size / took, grown))
    least = fresh()
    apply(least, with_ceremony())
    took = common.seconds(lambda: _core(least, size))
    shown.append(("the same rows by SQLAlchemy Core, from memory", took, size / took, None))
    common.show(f"{engine}: a guest list of {size:,} rows", ("", "s", "rows/s", "MB grown"), shown)


def _import(url: str, file: Path) -> tuple[float, dict[str, int]]:
    db, started = Database(url), perf_counter()
    counts = import_list(db, file)
    took = perf_counter() - started
    db.dispose()
    return took, counts


def import_list(db: Database, file: Path) -> dict[str, int]:
    """Import a guest list for the ceremony; return the number of rows by verdict."""
    sheet = sheets.read_table(file)
    with db.read() as session:
        found, rows = columns.find_columns(session, file, sheet, columns.ColumnChoices({}))
    terms = guest_rows.RowDefaults(found.source, "en")
    entries = list(guest_rows.parse_rows(found, rows, terms))
    with db.write("desk") as session:
        event = get(session, Event, CEREMONY)
        told = importing.import_rows(session, event, entries, terms, now=common.NOW)
        columns.remember(session, event, found, now=common.NOW)
    return dict(Counter(str(one.verdict) for one in told))


def guests(size: int) -> Iterator[tuple[str, ...]]:
    for number in range(size):
        language = ("en", "ru", "th")[number % 3]
        yield (
            f"K-{number}",
            _name(number, SYLLABLES[language]),
            "Director",
            f"Ministry {number % 400}",
            "" if number % 5 == 0 else f"guest{number}@example.org",
            f"+7 701 {number // 10_000:03} {number % 10_000:04}",
            language,
            str(number % 3),
            "yes" if number % 10 == 0 else "",
            f"A {number}",
        )


def _name(number: int, syllables: list[str]) -> str:
    """Return a name unlike every other: its number in digits that are syllables."""
    digits = []
    for _ in range(4):
        number, digit = divmod(number, len(syllables))
        digits.append(syllables[digit])
    return f"{(digits[0] + digits[1]).capitalize()} {(digits[2] + digits[3] + digits[0]).capitalize()}"


def _core(db: Database, size: int) -> None:
    with common.transaction(db) as connection:
        for part in common.chunks(guests(size), 500):
            people = [
                {"name": Text({row[6]: row[1]}), "courtesy_title": Text(), "position": Text({"en": row[2]})}
                | {"email": row[4] or None, "telephone": row[5], "language": row[6]}
                for row in part
            ]
            insert = sa.insert(Person).returning(Person.id, sort_by_parameter_order=True)
            known = list(connection.scalars(insert, people))
            connection.execute(sa.insert(Attendee), [attendee_row(person) for person in known])
            audit = {"at": common.NOW, "actor": "desk", "action": "invite", "noun": "attendee", "details": {}}
            connection.execute(sa.insert(Audit), [{**audit, "row": str(person)} for person in known])


if __name__ == "__main__":
    main()

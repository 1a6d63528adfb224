"""Applying a programme of 10,000 events, and again unchanged, against the same rows by bare SQLAlchemy Core."""

from __future__ import annotations

from benchmarks import common
from benchmarks.sample import programme
from scheduler.services.common.changes import Change
from scheduler.services.exchange import file_apply
from scheduler.services.exchange.programme_file import ProgrammeFile
from scheduler.storage.database import Database

LABELS = {
    "applied": "scheduler apply",
    "again": "again, unchanged",
    "core": "the same rows by SQLAlchemy Core",
}


def main() -> None:
    given = common.arguments(__doc__, rounds=2)
    file = programme(int(10_000 * given.scale))
    for engine in given.engines:
        with common.databases(engine) as fresh:
            _measure(engine, fresh, file, given.rounds)


def _measure(engine: str, fresh: common.Fresh, file: ProgrammeFile, rounds: int) -> None:
    first = fresh()
    apply(first, file)  # not timed: it warms up, and what it stored is what Core has to insert
    rows = common.rows_of(first)
    planned, empty = [[fresh() for _ in range(rounds)] for _ in range(2)]
    taken = common.best(
        rounds,
        applied=lambda number: apply(planned[number], file),
        again=lambda number: apply(planned[number], file),
        core=lambda number: common.insert(empty[number], rows),
    )
    size = len(file.event)
    common.show(
        f"{engine}: a programme of {size:,} events, {sum(map(len, rows.values())):,} rows",
        ("", "seconds", "events/s", "times Core"),
        [(LABELS[name], took, size / took, took / taken["core"]) for name, took in taken.items()],
    )


def apply(db: Database, file: ProgrammeFile) -> list[Change]:
    with db.write() as session:
        return file_apply.apply(session, file, now=common.NOW)


if __name__ == "__main__":
    main()

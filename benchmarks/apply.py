"""Applying a programme of 10,000 events, and again unchanged, against the same rows by bare SQLAlchemy Core."""

from __future__ import annotations

from benchmarks import common
from benchmarks.sample import programme
from scheduler.db import Database
from scheduler.services import files
from scheduler.services.drafts import ProgrammeFile


def main() -> None:
    given = common.arguments(__doc__, rounds=2)
    size = int(10_000 * given.scale)
    file = programme(size)
    for engine in given.engines:
        with common.databases(engine) as fresh:
            _apply(fresh(), programme(50))  # catalogues read, statements compiled
            taken, rows = _rounds(fresh, file, given.rounds)
        floor = taken["core"]
        common.show(
            f"{engine}: a programme of {size:,} events, {rows:,} rows",
            ("", "seconds", "events/s", "times Core"),
            [
                (what, taken[name], size / taken[name], taken[name] / floor)
                for name, what in (
                    ("apply", "scheduler apply"),
                    ("again", "again, unchanged"),
                    ("core", "the same rows, SQLAlchemy Core"),
                )
            ],
        )


def _rounds(fresh: common.Fresh, file: ProgrammeFile, rounds: int) -> tuple[dict[str, float], int]:
    planned = [fresh() for _ in range(rounds)]
    empty = [fresh() for _ in range(rounds)]
    stored: list[common.Rows] = []

    def core(number: int) -> None:
        common.insert(empty[number], stored[0])

    def again(number: int) -> None:
        assert not any(change.is_change for change in _apply(planned[number], file))

    for number in range(rounds):  # not timed twice: what Core has to insert is read back from the first
        _prepare(planned[number], file, stored, number)
    taken = common.best(rounds, again=again, core=core)
    return {"apply": min(_prepare.seconds), **taken}, sum(map(len, stored[0].values()))


def _prepare(db: Database, file: ProgrammeFile, stored: list[common.Rows], number: int) -> None: ...


def _apply(db: Database, file: ProgrammeFile) -> list[files.Change]:
    with db.write() as session:
        return files.apply(session, file, now=common.NOW)


if __name__ == "__main__":
    main()

"""Publishing 1,000 officers' feeds in four languages and all forms: anew, unchanged, and after one event changed.

Each run is a process of its own, as from cron. The floor is writing the same octets into as many files, one after the
other, ready-made: no query, no compression, nothing replaced.
"""

from __future__ import annotations

from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks import common
from benchmarks.apply import apply
from benchmarks.sample import programme
from benchmarks.serving import add_officers_feeds, change
from scheduler.app import App
from scheduler.base import config
from scheduler.base.clock import ManualClock
from scheduler.storage.database import Database
from scheduler.worker.publish import publish
from scheduler.worker.publish_ownership import PACKERS
from scheduler.worker.publish_targets import Directory

EVENTS = 1_000
Row = tuple[float, int, float, str]


def main() -> None:
    given = common.arguments(__doc__, rounds=1)
    for engine in given.engines:
        with common.databases(engine) as fresh:
            db = fresh()
            apply(db, programme(EVENTS))
            add_officers_feeds(db, int(1_000 * given.scale))
            common.analyze(db)
            for _ in range(given.rounds):
                _measure(engine, db)


def _measure(engine: str, db: Database) -> None:
    with TemporaryDirectory(prefix="benchmark-") as name:
        root, url = Path(name, "public"), common.url_of(db)
        rows = [("first run", *_run(url, root)), ("again, unchanged", *_run(url, root))]
        change(db, 1)
        rows += [("after one event changed", *_run(url, root)), ("floor: the same files, ready-made", *_floor(root))]
        files = [file.stat().st_size for file in root.rglob("*") if file.is_file()]
    common.show(
        f"{engine}: {len(files):,} files, {sum(files) / 1e6:,.0f} MB, of {EVENTS:,} events",
        ("", "seconds", "files written", "files/s", "peak grows by MB"),
        rows,
    )


def _run(url: str, root: Path) -> Row:
    (seconds, written), grown = common.in_child(publish_in_child, url, root)
    return seconds, written, written / seconds, f"{grown:.0f}"


def publish_in_child(url: str, root: Path) -> tuple[float, int]:
    with TemporaryDirectory(prefix="benchmark-") as directory:
        app = App.open(config.load_settings(_environment(url, directory)), ManualClock(common.NOW))
        start = perf_counter()
        done = publish(app, Directory(root))
        took = perf_counter() - start
        app.close()
    assert not done.removed
    return took, len(done.written) * len(PACKERS) + bool(done.written)  # the manifest


def _environment(url: str, directory: str) -> dict[str, str]:
    return {
        "SCHEDULER_DATA_DIR": directory,
        "SCHEDULER_DATABASE_URL": url,
        "SCHEDULER_SECRET": "0" * 64,
        "SCHEDULER_HOUSE": "Embassy of Kazakhstan",
    }


def _floor(root: Path) -> Row:
    """Write the same files by the cheapest means; reading what is written is not counted."""
    beside, seconds = root.with_name("floor"), 0.0
    files = [file for file in root.rglob("*") if file.is_file()]
    (beside / "feeds").mkdir(parents=True)
    for file in files:
        content, target = file.read_bytes(), beside / file.relative_to(root)
        start = perf_counter()
        target.write_bytes(content)
        seconds += perf_counter() - start
    rmtree(beside)
    return seconds, len(files), len(files) / seconds, ""


if __name__ == "__main__":
    main()

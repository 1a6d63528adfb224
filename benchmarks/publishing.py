"""Publishing 1,000 officers' feeds in four languages and all forms: anew, unchanged, and after changes.

One change is of an event that a twelfth of the feeds shows, the other the new name of one feed.

Each run is a process of its own, as from cron. The floor is writing the same octets into as many files, one after the
other, ready-made: no query, no compression, nothing replaced.
"""

from __future__ import annotations

from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import sqlalchemy as sa

from benchmarks import common
from benchmarks.apply import apply
from benchmarks.sample import programme
from benchmarks.serving import add_officers_feeds, change
from scheduler.app import App
from scheduler.base import config
from scheduler.base.clock import ManualClock
from scheduler.base.text import Text
from scheduler.model.feeds import Feed
from scheduler.storage.database import Database
from scheduler.worker.publish import publish
from scheduler.worker.publish_ownership import PACKERS
from scheduler.worker.publish_targets import Directory

EVENTS = 1_000
Row = tuple[float, float, int, float, str]


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
        rows.append(("after one event changed", *_run(url, root)))
        _rename_feed(db)
        rows.append(("after one feed got another name", *_run(url, root)))
        rows.append(("floor: the same files, ready-made", *_floor(root)))
        files = [file.stat().st_size for file in root.rglob("*") if file.is_file()]
    common.show(
        f"{engine}: {len(files):,} files, {sum(files) / 1e6:,.0f} MB, of {EVENTS:,} events",
        ("", "seconds", "CPU seconds", "files written", "files/s", "peak grows by MB"),
        rows,
    )


def _run(url: str, root: Path) -> Row:
    (seconds, cpu, written), grown = common.in_child(publish_in_child, url, root)
    return seconds, cpu, written, written / seconds, f"{grown:.0f}"


def _rename_feed(db: Database) -> None:
    with db.write() as session:
        session.scalars(sa.select(Feed).where(Feed.key == "officer-0")).one().name = Text({"en": "Renamed"})


def publish_in_child(url: str, root: Path) -> tuple[float, float, int]:
    with TemporaryDirectory(prefix="benchmark-") as directory:
        app = App.open(config.load_settings(_environment(url, directory)), ManualClock(common.NOW))
        start, cpu = perf_counter(), process_time()
        done = publish(app, Directory(root))
        took, cpu = perf_counter() - start, process_time() - cpu
        app.close()
    assert not done.removed
    return took, cpu, len(done.written) * len(PACKERS) + bool(done.written)  # the manifest


def _environment(url: str, directory: str) -> dict[str, str]:
    return {
        "SCHEDULER_DATA_DIR": directory,
        "SCHEDULER_DATABASE_URL": url,
        "SCHEDULER_SECRET": "0" * 64,
        "SCHEDULER_HOUSE": "Embassy of Kazakhstan",
    }


def _floor(root: Path) -> Row:
    """Write the same files by the cheapest means; reading what is written is not counted."""
    beside, seconds, cpu = root.with_name("floor"), 0.0, 0.0
    files = [file for file in root.rglob("*") if file.is_file()]
    (beside / "feeds").mkdir(parents=True)
    for file in files:
        content, target = file.read_bytes(), beside / file.relative_to(root)
        start, used = perf_counter(), process_time()
        target.write_bytes(content)
        seconds, cpu = seconds + perf_counter() - start, cpu + process_time() - used
    rmtree(beside)
    return seconds, cpu, len(files), len(files) / seconds, ""


if __name__ == "__main__":
    main()

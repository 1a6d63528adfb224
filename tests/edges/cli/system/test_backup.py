"""Backups: made while everything runs, whole, and restored into either engine."""

from __future__ import annotations

import io
import json
import re
import shutil
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from scheduler import schema
from scheduler.app import App
from scheduler.base.clock import ManualClock
from scheduler.base.config import load_settings
from scheduler.formats.archive import ArchiveWriter, read_members
from scheduler.model.audit import Audit, Version
from scheduler.model.events import Event
from scheduler.model.feeds import Rendering
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.places import Person
from scheduler.services.letters import ledger
from scheduler.storage.database import Database
from scheduler.worker.delivery import deliver
from tests.conftest import ENGINES
from tests.support.backups import read_rows
from tests.support.builders import DAY, NOW, a_feed, a_person, a_venue, an_event, register
from tests.support.consulate import Consulate, a_post
from tests.support.full_disk import room_for
from tests.support.instance import Pool, Scheduler, connect, engine_for

pytestmark = pytest.mark.both_engines

Target = Callable[..., str]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "of-today.backup"


@pytest.fixture
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """Points the settings at an empty database of an engine and returns its address; without tables, at no file."""
    urls: list[str] = []

    def choose(engine: str, *, tables: bool = True) -> str:
        file = tmp_path / "another" / f"{len(urls)}.db"
        url = f"sqlite:///{file}"
        if engine == "sqlite" and tables:
            file.parent.mkdir(exist_ok=True)
            shutil.copy(request.getfixturevalue("sqlite_template"), file)
        elif engine == "postgresql":
            pool: Pool = request.getfixturevalue("postgresql_pool")
            lent = pool.lend()
            url = lent.render_as_string(hide_password=False)
            request.addfinalizer(lambda: pool.take_back(lent))
        urls.append(url)
        monkeypatch.setenv("SCHEDULER_DATABASE_URL", url)
        return url

    yield choose
    for url in urls:
        engine_for(url).dispose()


@pytest.fixture
def filled(app: App) -> App:
    """Something in most tables."""
    with app.db.write() as session:
        event = an_event(session, "opening", venue=a_venue(session).key, capacity=2)
        register(session, event, a_person(session, "anna", name="Anna O'Neill\\N"), companions=1)
        register(session, event, a_person(session, email="bo@example.org"))
        an_event(session, "tomorrow", dtstart=(NOW + DAY).replace(tzinfo=None))
        a_feed(session, "own", name="Own")
        a_post(session)
    Consulate(app.db).book("Aliya")
    return app


def found(scheduler: Scheduler, what: str) -> dict[str, str]:
    """What the doctor finds."""
    findings = json.loads(scheduler("doctor", "--json").output)["findings"]
    return next(one for one in findings if one["what"] == what)


def rewritten(file: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    """Change one member of a backup, and leave all others as they were."""
    made = io.BytesIO()
    with tarfile.open(file) as old, tarfile.open(fileobj=made, mode="w:gz") as new:
        for member in old:
            reader = old.extractfile(member)
            content = reader.read() if reader else b""
            content = change(content) if re.fullmatch(name, member.name) else content
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    file.write_bytes(made.getvalue())


def forged(file: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    """Change one member of a backup as somebody does who also writes the digest anew."""
    made = io.BytesIO()
    archive = ArchiveWriter(made)
    with file.open("rb") as source:
        for member, content in read_members(source):
            archive.add(member, change(content) if re.fullmatch(name, member) else content)
    archive.close()
    file.write_bytes(made.getvalue())


@pytest.mark.parametrize("into", ENGINES)
def test_what_is_restored_is_what_was_backed_up_in_either_engine(
    filled: App, scheduler: Scheduler, file: Path, target: Target, into: str
) -> None:
    before = read_rows(filled.db)

    told = scheduler("db", "backup", str(file)).output
    restored = connect(target(into))
    scheduler("db", "restore", str(file))

    assert "read again and found complete" in told
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert before == read_rows(restored)
    assert sum(map(bool, before.values())) > 12
    assert [] == schema.find_differences(restored)
    scheduler("db", "check")
    scheduler("attendee", "list", "opening")
    scheduler("person", "add", "carol", "--name", "Carol")  # the numbers of rows go on


def test_a_backup_is_of_one_moment_while_others_write(
    filled: App, scheduler: Scheduler, file: Path, target: Target
) -> None:
    """What was committed before it began is in it, and of what is committed meanwhile all or nothing."""
    ended, count = threading.Event(), 0

    def add() -> None:
        nonlocal count
        with filled.db.write() as session:
            register(session, an_event(session, f"event-{count}"), a_person(session, f"person-{count}"))
        count += 1

    def add_more() -> None:
        while not ended.is_set():
            add()

    for _ in range(10):
        add()
    writer = threading.Thread(target=add_more)
    writer.start()
    scheduler("db", "backup", str(file))
    ended.set()
    writer.join()
    restored = connect(target("sqlite"))
    scheduler("db", "restore", str(file))

    with restored.read() as session:
        events = set(session.scalars(sa.select(Event.key).where(Event.key.like("event-%"))))
        people = set(session.scalars(sa.select(Person.key).where(Person.key.like("person-%"))))
        letters = session.scalar(
            sa.select(sa.func.count()).select_from(Letter).join(Event).where(Event.key.in_(events))
        )
    assert {f"event-{one}" for one in range(10)} <= events
    assert {key.replace("event", "person") for key in events} == people
    assert len(events) == letters


# What is refused


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_file_is_never_replaced(filled: App, scheduler: Scheduler, file: Path) -> None:
    file.write_bytes(b"the backup of yesterday")

    told = scheduler("db", "backup", str(file), code=1).output

    assert f"Error: {file}: exists already; a backup never replaces a file, give another name\n" == told
    assert b"the backup of yesterday" == file.read_bytes()
    assert [] == list(file.parent.glob(".*"))


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_where_the_disk_is_full_nothing_is_left(filled: App, scheduler: Scheduler, file: Path) -> None:
    with room_for(500):
        told = scheduler("db", "backup", str(file), code=1).output

    assert f"Error: {file}: cannot be written: File too large\n" == told
    assert [] == [path for path in file.parent.iterdir() if "backup" in path.name]


def test_a_database_that_is_not_empty_is_refused_in_one_line_and_left_as_it_is(
    filled: App, scheduler: Scheduler, file: Path
) -> None:
    scheduler("db", "backup", str(file))
    before = read_rows(filled.db)

    told = scheduler("db", "restore", str(file), code=1).output

    assert re.fullmatch(
        r"Error: the database \S+ is not empty \(\w+: \d+\); move it away, or set database_url to another one\n", told
    )
    assert before == read_rows(filled.db)


CHANGES: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "a row is missing": ("tables/person/.*", lambda old: old.partition(b"\n")[2], "it was changed"),
    "a letter is another": ("tables/person/.*", lambda old: old.replace(b"Anna", b"Inna"), "it was changed"),
    "the head": ("backup.json", lambda old: old.replace(b'"sqlite"', b'"oracle"'), "it was changed"),
    "the manifest": ("manifest.json", lambda _: b"", "it ends too early"),
    "no head": ("backup.json", lambda _: b"[]", ""),
    "no json": ("backup.json", lambda _: b"{", ""),
    "less than a head": ("backup.json", lambda _: b"{}", ""),
}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_backup_that_was_changed_is_refused_and_nothing_is_restored(
    filled: App, scheduler: Scheduler, file: Path, target: Target
) -> None:
    scheduler("db", "backup", str(file))
    whole, url = file.read_bytes(), target("sqlite")

    for name, (member, change, reason) in CHANGES.items():
        file.write_bytes(whole)
        rewritten(file, member, change)
        told = scheduler("db", "restore", str(file), code=1).output
        assert re.fullmatch(
            rf"Error: {file}: the backup is damaged: {reason}.*; nothing was changed, use another backup\n", told
        ), name
    assert {"alembic_version", "version"} >= {name for name, rows in _rows_of(url).items() if rows}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("member", "change"),
    [
        ("backup.json", lambda _: b"[" * 50_000),
        ("backup.json", lambda old: re.sub(rb'"made_at": "[^"]*"', b'"made_at": "9999-99-99"', old)),
        ("tables/version/.*", lambda _: b""),
        ("tables/version/.*", lambda old: re.sub(rb"\t[^\t]*\n", b"\tyesterday\n", old)),
    ],
    ids=["nested", "a date", "no version", "an instant"],
)
def test_a_backup_that_somebody_forged_is_refused_and_nothing_is_restored(
    filled: App, scheduler: Scheduler, file: Path, target: Target, member: str, change: Callable[[bytes], bytes]
) -> None:
    scheduler("db", "backup", str(file))
    forged(file, member, change)
    url = target("sqlite")

    told = scheduler("db", "restore", str(file), code=1).output

    end = "its contents cannot be read; nothing was changed, use another backup"
    assert f"Error: {file}: the backup is damaged: {end}\n" == told
    assert {"alembic_version", "version"} >= {name for name, rows in _rows_of(url).items() if rows}


def _rows_of(url: str) -> dict[str, int]:
    with connect(url).read() as session:
        tables = sa.inspect(session.connection()).get_table_names()
        return {name: session.scalar(sa.text(f"SELECT count(*) FROM {name}")) or 0 for name in tables}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_name_that_no_file_can_have_is_told_in_a_line(filled: App, scheduler: Scheduler, tmp_path: Path) -> None:
    told = scheduler("db", "backup", str(tmp_path / ("x" * 300)), code=1).output

    assert "cannot be written: File name too long" in told
    assert 1 == told.count("\n")


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_backup_that_was_cut_short_is_refused(
    filled: App, scheduler: Scheduler, file: Path, target: Target
) -> None:
    scheduler("db", "backup", str(file))
    whole = file.read_bytes()
    target("sqlite")

    for part in (0.01, 0.5, 0.9, 0.999):
        file.write_bytes(whole[: int(part * len(whole))])
        told = scheduler("db", "restore", str(file), code=1).output
        assert re.fullmatch(
            rf"Error: {file}: the backup is damaged: .*; nothing was changed, use another backup\n", told
        ), part


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_rows_that_the_tables_refuse_leave_an_empty_database(
    filled: App, scheduler: Scheduler, file: Path, target: Target
) -> None:
    scheduler("db", "backup", str(file))
    forged(file, "tables/event/.*", lambda old: old.replace(b"ceremony", b"funeral"))

    for engine in ENGINES:
        url = target(engine)
        told = scheduler("db", "restore", str(file), code=1).output
        assert told.startswith("Error: the database refuses a row of the table event: ")
        assert {"alembic_version", "version"} >= {name for name, rows in _rows_of(url).items() if rows}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no such file"),
        (b"", "is not a backup made by `scheduler db backup`; name such a file"),
        (b"SQLite format 3\0", "is not a backup made by `scheduler db backup`; name such a file"),
    ],
)
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_what_is_no_backup_is_refused(
    scheduler: Scheduler, file: Path, target: Target, content: bytes | None, reason: str
) -> None:
    if content is not None:
        file.write_bytes(content)
    target("sqlite")

    assert (
        f"Error: {file}: {reason}\n" == scheduler("db", "restore", str(file), code=1 if content is None else 2).output
    )


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_database_without_tables_is_not_backed_up(scheduler: Scheduler, file: Path, target: Target) -> None:
    target("sqlite", tables=False)
    (file.parent / "another").mkdir()

    told = scheduler("db", "backup", str(file), code=1).output

    assert "has no tables, so there is nothing to back up" in told
    assert not file.exists()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_damaged_database_is_told_and_not_backed_up(filled: App, scheduler: Scheduler, file: Path) -> None:
    loose = Database(str(filled.db.url), foreign_keys=False)
    with loose.write() as session:
        session.execute(sa.delete(Person))
    loose.dispose()

    told = scheduler("db", "backup", str(file), code=1).output

    assert "is damaged: attendee: row 1 → person; " in told
    assert not file.exists()


# Versions


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("old", "new", "named"), [('"format": 1', '"format": 2', "2"), ("HEAD", '"9999"', "9999")])
def test_a_backup_of_a_newer_version_is_refused(
    filled: App, scheduler: Scheduler, file: Path, target: Target, old: str, new: str, named: str
) -> None:
    scheduler("db", "backup", str(file))
    head = f'"{schema.read_state(filled.db).head}"'
    forged(file, "backup.json", lambda text: text.replace(old.replace("HEAD", head).encode(), new.encode()))
    target("sqlite")

    for option in ((), ("--dry-run",)):
        told = scheduler("db", "restore", str(file), *option, code=1).output
        expected = f"the backup was made by a newer version of this program ({named}); upgrade the program"
        assert f"Error: {expected}\n" == told


@pytest.mark.parametrize("into", ENGINES)
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_backup_of_an_older_version_is_restored_and_upgraded(
    scheduler: Scheduler, file: Path, tmp_path: Path, target: Target, into: str
) -> None:
    old = target("sqlite", tables=False)
    older = connect(old)
    schema.make_directory(older)
    schema.upgrade(older, "0011")
    with older.write() as session:
        session.execute(
            sa.text("INSERT INTO city (id, key, name, country, tzid) VALUES (7, 'aqtau', '{}', 'KZ', 'Asia/Aqtau')")
        )
    scheduler("db", "backup", str(file))
    upgraded = connect(target(into, tables=False))

    scheduler("db", "restore", str(file))

    state = schema.read_state(upgraded)
    assert state.up_to_date
    assert [] == schema.find_differences(upgraded)
    assert "aqtau" in scheduler("city", "list").output


def test_a_database_without_any_table_is_filled_too(
    filled: App, scheduler: Scheduler, file: Path, postgresql: sa.URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler("db", "backup", str(file))
    admin = sa.create_engine(postgresql, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE of_nothing")
    url = postgresql.set(database="of_nothing").render_as_string(hide_password=False)
    monkeypatch.setenv("SCHEDULER_DATABASE_URL", url)

    try:
        scheduler("db", "restore", str(file))
        assert read_rows(filled.db) == read_rows(connect(url))
    finally:
        engine_for(url).dispose()
        with admin.connect() as connection:
            connection.exec_driver_sql("DROP DATABASE of_nothing WITH (FORCE)")


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_dry_run_reads_all_of_it_and_changes_nothing(
    filled: App, scheduler: Scheduler, file: Path, target: Target
) -> None:
    scheduler("db", "backup", str(file))
    target("sqlite", tables=False)

    told = json.loads(scheduler("db", "restore", str(file), "--dry-run", "--json").output)

    assert filled.db.engine.dialect.name == told["engine"]
    assert (2, False, False) == (told["rows"]["event"], told["encrypted"], told["has_secret"])
    assert not (file.parent / "another").exists()


# Downgrades


def test_a_downgrade_makes_a_backup_first_and_says_where(
    filled: App, scheduler: Scheduler, file: Path, tmp_path: Path, target: Target
) -> None:
    before, head = read_rows(filled.db), schema.read_state(filled.db).head

    told = scheduler("db", "downgrade", "0011", "--yes").output

    made = re.search(r"Backup: (.*)\n", told)
    assert made
    assert tmp_path / "data" / "backups" / f"20270104T090000Z-{head}-to-0011.backup" == Path(made[1])
    assert f"Tables: {head} → 0011" in told
    restored = connect(target("sqlite"))
    scheduler("db", "restore", made[1])
    assert before == read_rows(restored)
    with connect(str(filled.settings.database_url)).engine.begin():
        schema.upgrade(filled.db)


def test_a_downgrade_without_a_backup_is_to_be_asked_for(filled: App, scheduler: Scheduler, tmp_path: Path) -> None:
    scheduler("db", "downgrade", "0011", "--yes", "--no-backup")

    assert not (tmp_path / "data" / "backups").exists()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_where_no_backup_can_be_made_nothing_is_downgraded(filled: App, scheduler: Scheduler, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "backups").write_text("a file")

    scheduler("db", "downgrade", "0011", "--yes", code=1)

    assert schema.read_state(filled.db).up_to_date


# After a restoration


def test_letters_that_may_have_left_are_held_until_somebody_releases_them(
    filled: App, scheduler: Scheduler, file: Path, target: Target, clock: ManualClock, environment: dict[str, str]
) -> None:
    with filled.db.write() as session:
        planned = {"reminders": [{"before": timedelta(hours=2)}]}
        event = an_event(session, "soon", dtstart=(NOW + timedelta(hours=20)).replace(tzinfo=None), **planned)
        register(session, event, a_person(session, email="carol@example.org"))
    scheduler("db", "backup", str(file))
    clock.set(NOW + timedelta(hours=11, minutes=30))  # the reminder left half an hour ago
    environment["SCHEDULER_DATABASE_URL"] = target("sqlite")

    told = scheduler("db", "restore", str(file)).output
    app = App.open(load_settings(environment), clock, connect)
    nobody = deliver(app)
    with app.db.write() as session:
        register(session, an_event(session, "later"), a_person(session, email="dana@example.org"), now=clock.now())
    new = deliver(app)

    assert "E-mails on hold, because they may have been sent after the backup: 6." in told
    assert (0, 1) == (nobody.sent, new.sent)
    assert 6 == len(json.loads(scheduler("letter", "list", "--outcome", "held", "--json").output))
    state = found(scheduler, "e-mails on hold")
    assert ("warning", "scheduler letter release") == (state["state"], state["remedy"])
    assert "Released: 6, closed: 0." in scheduler("letter", "release", "--yes").output
    assert 5 == deliver(app).sent  # the visit is confirmed by now
    scheduler("letter", "release", "--yes", code=1)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_letters_that_have_left_before_the_loss_are_settled(
    filled: App, scheduler: Scheduler, file: Path, target: Target, clock: ManualClock, environment: dict[str, str]
) -> None:
    with filled.db.write() as session:
        session.execute(sa.update(Letter).where(Letter.id == 1).values(due_at=NOW - timedelta(minutes=1)))
    scheduler("db", "backup", str(file))
    environment["SCHEDULER_DATABASE_URL"] = target("sqlite")
    scheduler("db", "restore", str(file))

    told = scheduler("letter", "release", "--since", "2027-01-04 16:00", "--yes").output

    assert "Released: 3, closed: 1." in told
    app = App.open(load_settings(environment), clock, connect)
    assert 2 == deliver(app).sent
    with app.db.read() as session:
        assert ledger.LEFT_BEFORE == session.scalar(sa.select(Letter.reason).where(Letter.id == 1))


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_without_a_yes_no_letter_is_released(filled: App, scheduler: Scheduler, file: Path, target: Target) -> None:
    scheduler("db", "backup", str(file))
    target("sqlite")
    scheduler("db", "restore", str(file))

    told = scheduler("letter", "release", code=1).output

    assert "There is no terminal to ask on; give --yes" in told
    assert 4 == len(json.loads(scheduler("letter", "list", "--outcome", "held", "--json").output))


def test_calendars_take_the_next_change_after_a_restoration(
    filled: App, scheduler: Scheduler, file: Path, target: Target, clock: ManualClock
) -> None:
    """Subscribers have seen later revisions than the backup knows; with a lower SEQUENCE they would keep those."""
    scheduler("db", "backup", str(file))
    for hour in (12, 13, 14):
        scheduler("event", "move", "opening", f"2027-02-02 {hour}:00", "--yes")
    with filled.db.read() as session:
        seen = session.scalar(sa.select(Event.sequence).where(Event.key == "opening"))
        version = session.scalar(sa.select(Version.number))
    clock.advance(timedelta(hours=1))
    restored = connect(target("sqlite"))
    scheduler("db", "restore", str(file))

    with restored.read() as session:
        event = session.scalars(sa.select(Event).where(Event.key == "opening")).one()
        shown = session.scalars(sa.select(Rendering.body).where(Rendering.event_id == event.id)).first()
        later = session.scalar(sa.select(Version.number))
    assert event.sequence > (seen or 0)
    assert clock.now() == event.revised_at
    assert f"SEQUENCE:{event.sequence}".encode() in (shown or b"")
    assert (later or 0) > (version or 0)


def test_a_visit_goes_on_with_later_numbers_of_its_letters(
    app: App, scheduler: Scheduler, file: Path, target: Target
) -> None:
    """A letter about a move must not have the Message-ID of one that was sent before the loss."""
    with app.db.write() as session:
        a_post(session)
    consulate = Consulate(app.db)
    reference = consulate.book("Aliya")
    scheduler("db", "backup", str(file))
    first, later = consulate.free()[:2]
    consulate.move(reference, first)
    restored = connect(target("sqlite"))
    scheduler("db", "restore", str(file))
    Consulate(restored).move(reference, later)

    def keys(db: Database) -> set[str]:
        with db.read() as session:
            return set(session.scalars(sa.select(Letter.key).where(Letter.kind == LetterKind.VISIT_MOVED)))

    assert keys(app.db)
    assert keys(restored)
    assert not keys(app.db) & keys(restored)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_private_link_that_the_loss_took_away_does_not_open_the_next_one(
    filled: App, scheduler: Scheduler, file: Path, target: Target, clock: ManualClock
) -> None:
    """The next link gets the same number."""
    scheduler("db", "backup", str(file))
    lost = scheduler("feed", "link", "add", "all", "--for", "driver").output
    target("sqlite")
    scheduler("db", "restore", str(file))
    clock.advance(timedelta(minutes=5))

    given = scheduler("feed", "link", "add", "all", "--for", "Minister").output

    addresses = [re.findall(r"/private/(\d+)-(\w+)", said)[0] for said in (lost, given)]
    assert addresses[0][0] == addresses[1][0]
    assert addresses[0][1] != addresses[1][1]


def test_backup_and_restoration_stand_in_the_audit(
    filled: App, scheduler: Scheduler, file: Path, target: Target
) -> None:
    scheduler("db", "backup", str(file))
    restored = connect(target("sqlite"))
    scheduler("db", "restore", str(file))

    query = sa.select(Audit.noun, Audit.details).where(Audit.action.in_(("backup", "restore")))
    with filled.db.read() as session:
        assert [("data", {"file": str(file), "encrypted": False})] == [tuple(row) for row in session.execute(query)]
    with restored.read() as session:
        assert [("data", {"made_at": NOW.isoformat(), "held": 4})] == [tuple(row) for row in session.execute(query)]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_the_doctor_tells_when_the_last_backup_was_made(app: App, scheduler: Scheduler, file: Path) -> None:
    before = found(scheduler, "backup")
    scheduler("db", "backup", str(file))
    after = found(scheduler, "backup")

    assert ("note", "scheduler db backup FILE") == (before["state"], before["remedy"])
    assert ("ok", f"2027-01-04 09:00 UTC, {file}") == (after["state"], after["found"])

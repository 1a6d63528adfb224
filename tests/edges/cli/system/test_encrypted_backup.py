"""Encrypted backups, the keys for them, and what becomes of the secret."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest

from scheduler.app import App
from tests.support.backups import read_rows
from tests.support.builders import a_person, an_event, register
from tests.support.full_disk import room_for
from tests.support.instance import Scheduler, connect, engine_for

SECRET = "0" * 64  # as the settings of tests have it


@pytest.fixture(params=["sqlite"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for backups; the database has something that is not to be read."""
    with app.db.write() as session:
        register(session, an_event(session), a_person(session, name="Zhanna", email="zhanna@example.org"))
    return tmp_path


@pytest.fixture
def public(place: Path, scheduler: Scheduler) -> str:
    """The public part of a key whose secret part is in the file "key"."""
    told = json.loads(scheduler("db", "key", str(place / "key"), "--json").output)
    assert told["public"].startswith("age1")
    return str(told["public"])


@pytest.fixture
def elsewhere(place: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Gives the program the settings of another machine."""

    def move() -> None:
        for name, value in (
            ("DATABASE_URL", f"sqlite:///{place / 'there' / 'scheduler.db'}"),
            ("DATA_DIR", str(place / "there")),
            ("SECRET", ""),
        ):
            monkeypatch.setenv(f"SCHEDULER_{name}", value)

    return move


def test_a_key_is_for_its_owner_alone_and_never_replaced(place: Path, scheduler: Scheduler, public: str) -> None:
    key = (place / "key").read_text()

    scheduler("db", "key", str(place / "key"), code=1)

    assert 0o600 == stat.S_IMODE((place / "key").stat().st_mode)
    assert key == (place / "key").read_text()
    assert public in key
    assert "AGE-SECRET-KEY-1" in key


def test_the_machine_that_makes_backups_cannot_read_them(
    app: App, place: Path, scheduler: Scheduler, public: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEDULER_BACKUP_KEY", public)
    file = place / "b"

    scheduler("db", "backup", str(file))

    assert b"zhanna" not in file.read_bytes()
    assert "this key can only write backups" in scheduler("db", "restore", str(file), "--dry-run", code=2).output
    told = scheduler("db", "restore", str(file), "--dry-run", "--json", "--key-file", str(place / "key")).output
    assert (True, True) == (json.loads(told)["encrypted"], json.loads(told)["has_secret"])


def test_any_age_program_opens_a_backup(place: Path, scheduler: Scheduler, public: str) -> None:
    scheduler("db", "backup", str(place / "b"), "--key-file", str(place / "key"))
    secret = (place / "key").read_text().splitlines()[-1]

    plain = pyrage.decrypt((place / "b").read_bytes(), [pyrage.x25519.Identity.from_str(secret)])

    assert plain.startswith(b"\x1f\x8b")


def test_an_encrypted_backup_brings_the_secret_to_a_new_machine(
    app: App,
    place: Path,
    scheduler: Scheduler,
    public: str,
    elsewhere: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SCHEDULER_BACKUP_KEY_FILE", str(place / "key"))
    told = scheduler("db", "backup", str(place / "b")).output
    elsewhere()

    said = scheduler("db", "restore", str(place / "b")).output

    kept = place / "there" / "secret"
    assert "does not contain the secret" not in told
    assert SECRET == kept.read_text()
    assert 0o600 == stat.S_IMODE(kept.stat().st_mode)
    assert f"The secret is that of the backup: {kept}" in said
    restored = connect(f"sqlite:///{place / 'there' / 'scheduler.db'}")
    assert read_rows(app.db) == read_rows(restored)
    engine_for(f"sqlite:///{place / 'there' / 'scheduler.db'}").dispose()


def test_a_backup_that_is_not_encrypted_has_no_secret_and_says_so_twice(
    place: Path, scheduler: Scheduler, elsewhere: Callable[[], None]
) -> None:
    told = scheduler("db", "backup", str(place / "b")).output
    elsewhere()

    said = scheduler("db", "restore", str(place / "b")).output

    assert "Keep a copy of the secret elsewhere: SCHEDULER_SECRET" in told
    assert f"put the secret into this file first, otherwise links do not work: {place / 'there' / 'secret'}" in said
    assert not (place / "there" / "secret").exists()


def test_another_secret_than_that_of_the_backup_is_told(
    place: Path, scheduler: Scheduler, elsewhere: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler("db", "backup", str(place / "b"))
    elsewhere()
    monkeypatch.setenv("SCHEDULER_SECRET", "1" * 64)

    said = scheduler("db", "restore", str(place / "b")).output

    assert "The secret here (SCHEDULER_SECRET) is not that of the backup" in said


def test_an_encrypted_backup_that_does_not_open_is_refused_in_one_line(
    place: Path, scheduler: Scheduler, public: str, elsewhere: Callable[[], None]
) -> None:
    file, key, another = place / "b", place / "key", place / "another"
    scheduler("db", "backup", str(file), "--key-file", str(key))
    scheduler("db", "key", str(another))
    whole = file.read_bytes()
    cut, changed = whole[:-20], whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:]
    elsewhere()

    for content, opened_with in ((cut, key), (changed, key), (whole, another)):
        file.write_bytes(content)
        told = scheduler("db", "restore", str(file), "--key-file", str(opened_with), code=1).output
        assert told.startswith(f"Error: {file}: cannot be read with this key, or is damaged: ")
        assert 1 == told.count("\n")
    told = scheduler("db", "restore", str(file), code=2).output
    assert f"Error: {file}: is encrypted; give its key: --key-file, or SCHEDULER_BACKUP_KEY_FILE\n" == told


def test_what_is_no_key_is_refused_and_no_file_is_left(
    place: Path, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("correct horse battery staple", "age1qqqqqqqqqqqqqqqq", "AGE-SECRET-KEY-1X", "# a comment only"):
        monkeypatch.setenv("SCHEDULER_BACKUP_KEY", key)
        told = scheduler("db", "backup", str(place / "b"), code=2).output
        assert "Error: backup_key: is not an age key; make one with: scheduler db key FILE\n" == told
    assert [] == [path for path in place.iterdir() if path.name.startswith((".b", "b"))]


def test_where_the_disk_is_full_that_is_told_also_of_an_encrypted_backup(
    place: Path, scheduler: Scheduler, public: str
) -> None:
    with room_for(300):
        told = scheduler("db", "backup", str(place / "b"), "--key-file", str(place / "key"), code=1).output

    assert f"Error: {place / 'b'}: cannot be written: File too large\n" == told
    assert [] == [path for path in place.iterdir() if path.name.startswith((".b", "b"))]


def test_the_doctor_and_the_audit_tell_no_key(
    place: Path, scheduler: Scheduler, public: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = (place / "key").read_text().splitlines()[-1]
    monkeypatch.setenv("SCHEDULER_BACKUP_KEY", secret)

    assert secret not in scheduler("doctor").output

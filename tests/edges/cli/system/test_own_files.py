"""What is private is for the owner of the program alone: whatever the umask, and also what was left open before."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler.app import App
from scheduler.base.config import load_settings
from scheduler.worker.publish_targets import Directory
from tests.support.builders import NOW
from tests.support.instance import Scheduler

LETTER = "000001-confirmed-en.eml"


@pytest.fixture(params=["sqlite"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """One that takes nothing away."""
    before = os.umask(0o000)
    yield
    os.umask(before)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "srv" / "data"


@pytest.fixture
def environment(data: Path) -> dict[str, str]:
    return {"SCHEDULER_DATA_DIR": str(data)}


def modes(place: Path) -> dict[str, int]:
    return {str(path.relative_to(place)): stat.S_IMODE(path.stat().st_mode) for path in place.rglob("*")}


def left_open(data: Path) -> None:
    """As an earlier version left them."""
    (data / "letters").mkdir(parents=True)
    for path in (data.parent, data, data / "letters"):
        path.chmod(0o755)
    for name in ("secret", f"letters/{LETTER}"):
        (data / name).write_text("0" * 64)
        (data / name).chmod(0o644)


def finding(scheduler: Scheduler, what: str) -> dict[str, str]:
    found = json.loads(scheduler("doctor", "--json").stdout)["findings"]
    return next(one for one in found if one["what"] == what)


def test_database_and_secret_are_made_for_their_owner_alone(
    environment: dict[str, str], data: Path, scheduler: Scheduler
) -> None:
    scheduler("city", "list")
    app = App.open(load_settings(environment))
    with app.db.write() as session:
        assert session.connection() is not None
        assert app.secret
        during = modes(data.parent)
    app.close()

    assert {0o700} == {
        mode for name, mode in during.items() if (data.parent / name).is_dir() and name != "data/letters"
    }
    assert {"data/scheduler.db", "data/scheduler.db-wal", "data/scheduler.db-shm", "data/secret"} <= set(during)
    assert {0o600} == {mode for name, mode in during.items() if name.startswith(("data/scheduler", "data/secret"))}


def test_what_was_left_open_is_told_by_the_doctor_and_closed_by_the_next_command(
    data: Path, scheduler: Scheduler
) -> None:
    left_open(data)

    before = finding(scheduler, "files")
    scheduler("city", "list")
    after = finding(scheduler, "files")

    assert "warning" == before["state"]
    assert before["remedy"].startswith(f"chmod go= {data}")
    assert "ok" == after["state"]
    assert {0o700} == {mode for name, mode in modes(data.parent).items() if (data.parent / name).is_dir()}
    assert {0o600} == {mode for name, mode in modes(data).items() if (data / name).is_file()}


@pytest.mark.parametrize("shared", ["sticky", "another's directory", "home", "link"])
def test_a_directory_that_is_not_ours_keeps_its_rights_and_only_our_files_in_it_are_closed(
    data: Path, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, shared: str
) -> None:
    left_open(data)
    match shared:
        case "sticky":
            data.chmod(0o1777)
        case "another's directory":
            (data / "public").mkdir()
        case "home":
            monkeypatch.setenv("HOME", str(data))
        case "link":
            monkeypatch.setenv("HOME", str(data / "letters"))
    before = stat.S_IMODE(data.stat().st_mode)

    scheduler("city", "list")

    assert before == stat.S_IMODE(data.stat().st_mode)
    assert {0o600} == {mode for name, mode in modes(data).items() if name in ("secret", "scheduler.db")}


def test_the_place_of_one_file_keeps_its_rights(
    tmp_path: Path, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("databases", "mail"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o755)
    for name in (LETTER, "of-others.txt", "film.mkv.part"):
        (tmp_path / "mail" / name).write_text("Dear Anna")
        (tmp_path / "mail" / name).chmod(0o644)
    monkeypatch.setenv("SCHEDULER_DATABASE_URL", f"sqlite:///{tmp_path / 'databases' / 'one.db'}")
    monkeypatch.setenv("SCHEDULER_MAIL_URL", f"file:{tmp_path / 'mail'}")

    scheduler("city", "list")

    found = modes(tmp_path)
    assert (0o755, 0o755) == (found["databases"], found["mail"])
    assert (0o644, 0o644) == (found["mail/of-others.txt"], found["mail/film.mkv.part"])
    assert (0o600, 0o600) == (found["databases/one.db"], found[f"mail/{LETTER}"])


def test_a_place_for_letters_that_is_shared_keeps_its_rights_though_it_is_empty(
    tmp_path: Path, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o1777)
    monkeypatch.setenv("SCHEDULER_MAIL_URL", f"file:{tmp_path / 'tmp'}")

    scheduler("city", "list")

    assert 0o1777 == stat.S_IMODE((tmp_path / "tmp").stat().st_mode)


def test_a_database_that_a_uri_names_is_for_its_owner_alone(
    tmp_path: Path, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "in memory.db"
    monkeypatch.setenv("SCHEDULER_DATABASE_URL", f"sqlite:///file:{file}?uri=true")

    scheduler("city", "list")

    assert 0o600 == stat.S_IMODE(file.stat().st_mode)


def test_what_is_published_can_be_read_by_a_web_server_whatever_the_umask(tmp_path: Path) -> None:
    os.umask(0o077)

    directory = Directory(tmp_path / "srv" / "www")
    with directory.hold("feeds"):
        directory.put("feeds/all.en.ics", b"BEGIN:VCALENDAR", NOW)

    found = modes(tmp_path)
    assert {0o755} == {found[name] for name in ("srv", "srv/www", "srv/www/feeds")}
    assert 0o644 == found["srv/www/feeds/all.en.ics"]


def test_a_settings_file_with_the_secret_that_everybody_can_read_is_told(
    tmp_path: Path, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "settings"
    config.write_text(f'secret = "{"0" * 64}"\n')
    monkeypatch.setenv("SCHEDULER_CONFIG", str(config))

    for mode, told in ((0o644, ("warning", f"chmod go= {config}")), (0o640, ("ok", ""))):
        config.chmod(mode)
        files = finding(scheduler, "files")
        assert told == (files["state"], files["remedy"])

"""`scheduler demo --dir D` removes what it wrote itself, and leaves everything else byte for byte as it is."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path

import pytest
from click.testing import CliRunner

from scheduler.base.errors import Conflict, Forbidden
from scheduler.cli.root import root
from scheduler.cli.system.demo.demo_directory import MARKER, DemoDirectory, claim
from tests.support.full_disk import room_for

THESIS = b"years of work\n"
LETTER = "letters/000001-reminder-en.eml"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "demo"


@pytest.fixture
def played(directory: Path) -> Path:
    """A directory as a demo leaves it."""
    with claim(directory) as place:
        play(place)
    return directory


def play(place: DemoDirectory) -> None:
    for _step in steps(place):
        pass


def steps(place: DemoDirectory) -> Iterator[None]:
    """Write what a demo writes, of each kind one."""
    place.write("scheduler.toml", b'house = "Embassy"\n')
    yield
    place.write("programme.toml", b"[programme]\n")
    yield
    place.expect("calendars/all.en.ics")
    yield
    for name in ("secret", "calendars/all.en.ics", LETTER):
        file = place.path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"of the demo\n")
        yield
    with closing(sqlite3.connect(place.path / "scheduler.db")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE event (key)")


def refused(directory: Path, *, below: Path | None = None) -> str:
    """What the demo says in one line, having left everything below the directory's parent as it was."""
    below = below or directory.parent
    before = everything(below)
    result = CliRunner().invoke(root, ["demo", "--dir", str(directory)], catch_exceptions=False)
    assert 1 == result.exit_code, result.output
    assert 1 == len(result.output.splitlines()), result.output
    assert before == everything(below)
    return result.output


def everything(place: Path) -> dict[str, object]:
    """Every name below, with the bytes of a file or the target of a link."""
    return dict(_contents(place))


def _contents(place: Path) -> Iterator[tuple[str, object]]:
    for entry in sorted(os.scandir(place), key=lambda one: one.name):
        if entry.is_symlink():
            yield entry.path, Path(entry.path).readlink()
        elif entry.is_dir():
            yield entry.path, None
            yield from _contents(Path(entry.path))
        elif not entry.name.endswith(("-wal", "-shm", "-line")):  # made, removed or changed by whoever looks in
            yield entry.path, (Path(entry.path).read_bytes(), entry.inode())


def names(directory: Path) -> set[str]:
    return {str(file.relative_to(directory)) for file in directory.rglob("*")}


# Whose a directory is


def test_a_settings_file_of_somebody_else_makes_no_directory_the_demos(directory: Path) -> None:
    directory.mkdir()
    (directory / "scheduler.toml").write_text('house = "Embassy"\n')
    (directory / "thesis.txt").write_bytes(THESIS)
    (directory / "letters").mkdir()
    (directory / LETTER).write_bytes(THESIS)

    assert f"{directory}: is not empty, and was not made by the demo; choose another with --dir" in refused(directory)


def test_a_marker_that_is_a_link_makes_no_directory_the_demos(played: Path) -> None:
    (played / MARKER).rename(played.parent / "marker")
    (played / MARKER).symlink_to(played.parent / "marker")

    assert f"{played / MARKER}: cannot be written" in refused(played)


def test_a_file_is_no_directory_and_stays(directory: Path) -> None:
    directory.write_bytes(THESIS)

    assert f"{directory}: is not a directory; choose another with --dir" in refused(directory)


def test_a_link_that_leads_nowhere_is_no_directory(directory: Path) -> None:
    directory.symlink_to(directory.parent / "nowhere")

    assert "is not a directory" in refused(directory)


def test_below_a_file_no_directory_can_be_made(directory: Path) -> None:
    directory.write_bytes(THESIS)

    assert "cannot be created: Not a directory" in refused(directory / "demo", below=directory.parent)


def test_a_directory_is_made_with_those_above_it(directory: Path) -> None:
    with claim(directory / "of" / "mine"):
        pass

    assert {"of", "of/mine", f"of/mine/{MARKER}"} == names(directory)


def test_a_link_to_an_empty_directory_is_followed_since_somebody_named_it(directory: Path) -> None:
    (directory.parent / "disk").mkdir()
    directory.symlink_to(directory.parent / "disk")

    with claim(directory) as place:
        play(place)

    assert directory.is_symlink()
    assert "scheduler.toml" in names(directory.parent / "disk")


def test_a_link_to_a_directory_of_somebody_else_is_refused(directory: Path) -> None:
    (directory.parent / "disk").mkdir()
    (directory.parent / "disk" / "scheduler.toml").write_bytes(THESIS)
    directory.symlink_to(directory.parent / "disk")

    assert "not made by the demo" in refused(directory)


# What is removed


def test_what_a_demo_wrote_is_gone_when_the_next_begins(played: Path) -> None:
    with claim(played) as place:
        assert {MARKER} == names(played)
        assert "programme.toml" not in (played / MARKER).read_text()

    assert [] == place.left


@pytest.mark.parametrize("wrote", range(8))
def test_a_demo_that_was_interrupted_is_tidied_by_the_next(directory: Path, wrote: int) -> None:
    with suppress(KeyboardInterrupt), claim(directory) as place:
        list(islice(steps(place), wrote))
        raise KeyboardInterrupt

    with claim(directory) as place:
        assert {MARKER} == names(directory)
        assert [] == place.left


def test_what_a_person_has_put_there_stays_and_is_named(played: Path) -> None:
    (played / "notes").mkdir()
    (played / "calendars" / "deep").mkdir()
    own = ("notes/thesis.txt", "programme.toml.orig", "calendars/mine.en.ics", "calendars/deep/all.en.ics")
    letters = ("letters/mine.eml", "letters/000001-reminder-en.eml.txt", "letters/1-reminder-en.eml")
    for name in (*own, *letters):
        (played / name).write_bytes(THESIS)
    (played / "letters" / "link").symlink_to(played.parent)

    with claim(played) as place:
        left = {name for name in names(played) if (played / name).is_file()}

    assert {*own, *letters, MARKER} == left
    assert {THESIS} == {(played / name).read_bytes() for name in (*own, *letters)}
    assert (played / "letters" / "link").is_symlink()
    assert {"notes", "programme.toml.orig", "calendars/deep", "calendars/mine.en.ics", *letters, "letters/link"} == {
        *place.left
    }


def test_a_calendar_of_somebodys_own_with_the_name_of_ours_is_not_written_over(directory: Path) -> None:
    (directory / "calendars").mkdir(parents=True)
    (directory / MARKER).touch()
    own = directory / "calendars" / "all.en.ics"
    own.write_bytes(THESIS)

    with (
        claim(directory) as place,
        pytest.raises(Conflict, match=r"all\.en\.ics: has been changed since the demo wrote it"),
    ):
        place.expect("calendars/all.en.ics")

    assert THESIS == own.read_bytes()


@pytest.mark.parametrize("name", ["scheduler.toml", "programme.toml", "scheduler.db", "secret"])
def test_a_file_of_a_name_of_ours_that_the_demo_did_not_list_stays(directory: Path, name: str) -> None:
    directory.mkdir()
    (directory / MARKER).touch()
    (directory / name).write_bytes(THESIS)

    assert f"{directory / name}: has been changed since the demo wrote it; move it away" in refused(directory)


@pytest.mark.parametrize("name", ["scheduler.toml", "programme.toml"])
def test_what_a_person_has_changed_is_not_thrown_away(played: Path, name: str) -> None:
    (played / name).write_bytes(THESIS)

    assert f"{played / name}: has been changed since the demo wrote it; move it away" in refused(played)


def test_a_database_of_another_program_stays(played: Path) -> None:
    (played / "scheduler.db").write_bytes(THESIS)

    assert f"{played / 'scheduler.db'}: has been changed since the demo wrote it" in refused(played)


@pytest.mark.parametrize(
    "name", ["scheduler.toml", "programme.toml", "scheduler.db", "secret", "calendars/all.en.ics", LETTER]
)
@pytest.mark.parametrize("inside", [True, False], ids=["same", "other"])
def test_a_file_of_ours_that_became_a_link_is_neither_followed_nor_removed(
    played: Path, name: str, inside: bool
) -> None:
    """Even where it leads to what the demo wrote, moved to another disk."""
    away = played.parent / "away"
    (played / name).rename(away)
    if not inside:
        away.write_bytes(THESIS)
    (played / name).symlink_to(away)

    assert f"{played / name}: has been changed since the demo wrote it" in refused(played)


@pytest.mark.parametrize("folder", ["letters", "calendars"])
def test_a_folder_of_ours_that_became_a_link_is_not_followed(played: Path, folder: str) -> None:
    away = played.parent / "away"
    (played / folder).rename(away)
    (played / folder).symlink_to(away)

    assert f"{played / folder}: has been changed since the demo wrote it" in refused(played)


@pytest.mark.parametrize("folder", ["letters", "calendars"])
def test_a_file_in_the_place_of_a_folder_stays(directory: Path, folder: str) -> None:
    directory.mkdir()
    (directory / MARKER).touch()
    (directory / folder).write_bytes(THESIS)

    assert f"{directory / folder}: has been changed since the demo wrote it" in refused(directory)


def test_a_folder_in_the_place_of_a_file_stays(directory: Path) -> None:
    (directory / "scheduler.toml").mkdir(parents=True)
    (directory / "scheduler.toml" / "thesis.txt").write_bytes(THESIS)
    (directory / MARKER).write_text("any scheduler.toml\n")

    assert f"{directory / 'scheduler.toml'}: has been changed since the demo wrote it" in refused(directory)


@pytest.mark.parametrize("name", ["../thesis.txt", "thesis.txt", "calendars/../thesis.txt", "/etc/hostname", ""])
def test_a_marker_of_somebody_else_has_nothing_removed_but_what_a_demo_writes(directory: Path, name: str) -> None:
    directory.mkdir()
    (directory / "thesis.txt").write_bytes(THESIS)
    (directory.parent / "thesis.txt").write_bytes(THESIS)
    (directory / MARKER).write_bytes(f"any {name}\n\xff\n".encode("latin-1"))

    with claim(directory):
        pass

    assert THESIS == (directory / "thesis.txt").read_bytes() == (directory.parent / "thesis.txt").read_bytes()


# Who else is at it


def test_while_a_server_or_a_worker_has_the_database_open_nothing_is_removed(played: Path) -> None:
    with closing(sqlite3.connect(played / "scheduler.db")) as connection:
        connection.execute("SELECT * FROM event").fetchall()

        assert f"{played / 'scheduler.db'}: is in use; stop the demo's server or worker" in refused(played)

    with claim(played):
        assert {MARKER} == names(played)


def test_of_two_demos_at_once_the_second_is_refused(directory: Path) -> None:
    with claim(directory) as place:
        play(place)

        assert f"{directory}: a demo is being played here; wait until it ends" in refused(directory)

    with claim(directory):
        assert {MARKER} == names(directory)


# Where it cannot write


def test_a_place_that_cannot_be_written_is_told_in_a_line() -> None:
    """Where not even root may write."""
    result = CliRunner().invoke(root, ["demo", "--dir", "/proc/demo"], catch_exceptions=False)

    assert (1, "Error: /proc/demo: cannot be created: No such file or directory\n") == (
        result.exit_code,
        result.output,
    )


def test_a_full_disk_is_told_and_what_was_written_is_tidied_by_the_next(directory: Path) -> None:
    with claim(directory) as place:
        place.write("scheduler.toml", THESIS)
        with room_for(1000), pytest.raises(Forbidden, match=r"programme\.toml: cannot be written: File too large"):
            place.write("programme.toml", b"#" * 2000)

    with claim(directory):
        assert {MARKER} == names(directory)

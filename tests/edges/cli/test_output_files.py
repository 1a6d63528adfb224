"""Every command that writes a file: whole or not at all, and over another file only when it is told to."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from scheduler.app import App
from scheduler.base.errors import Conflict, Forbidden
from scheduler.cli.kit.output import write_file
from scheduler.cli.root import root
from scheduler.formats.atomic_write import replace_file
from tests.support.builders import a_person, a_venue, an_event, invite, register
from tests.support.consulate import a_post
from tests.support.full_disk import room_for
from tests.support.instance import Scheduler

OTHERS = b"years of work\n"
# By command and parameter, what is typed before the name of the file.
WRITERS: dict[str, tuple[str, ...]] = {
    "export file": ("export",),
    "attendee badges file": ("attendee", "badges", "opening"),
    "attendee place-cards file": ("attendee", "place-cards", "opening"),
    "attendee invitations file": ("attendee", "invitations", "opening", "--everybody", "--pdf"),
    "wording preview file": ("wording", "preview", "opening", "invitation", "anna", "--pdf"),
    "attendee export file": ("attendee", "export", "opening"),
    "attendee import rejected": ("attendee", "import", "opening", "GUESTS", "--yes", "--rejected"),
    "feed export output": ("feed", "export", "all", "--output"),
    "visit day file": ("visit", "day", "phuket", "--day", "2027-01-12", "--print"),
}
# Files to be read, a directory that has a rule of its own, and backups and keys, which replace nothing at all.
NOT_WRITTEN = {
    "db backup file",
    "db backup key_file",
    "db key file",
    "db restore file",
    "db restore key_file",
    "apply file",
    "attendee import file",
    "attendee export like",
    "demo directory",
    "mail listen file",
    "scheduler config",
}


@pytest.fixture(params=["sqlite"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def write(app: App, scheduler: Scheduler, tmp_path: Path) -> Callable[..., str]:
    """Runs a command that writes this file; returns what it says."""
    with app.db.write() as session:
        event = an_event(session, "opening", venue=a_venue(session).key)
        register(session, event, a_person(session, "anna", name="Anna"))
        invite(session, event, a_person(session, "bella", name="Bella"))
        a_post(session)
    guests = tmp_path / "guests.csv"
    guests.write_text("Name,E-mail\nBolat,bolat at example\n")

    def run(command: str, file: Path, *args: str, code: int = 0) -> str:
        words = [str(guests) if word == "GUESTS" else word for word in WRITERS[command]]
        return scheduler(*words, str(file), *args, code=code).output

    return run


def commands(group: click.Group = root, *names: str) -> Iterator[tuple[str, click.Command]]:
    yield " ".join(names) or "scheduler", group
    for name in group.list_commands(click.Context(group)):
        found = group.get_command(click.Context(group), name)
        if isinstance(found, click.Group):
            yield from commands(found, *names, name)
        elif found is not None:
            yield " ".join((*names, name)), found


def test_each_command_that_takes_a_path_is_known_here_to_write_it_or_not() -> None:
    params = [(name, one) for name, command in commands() for one in command.params]
    paths = {f"{name} {one.name}" for name, one in params if isinstance(one.type, click.Path)}

    assert {*WRITERS, *NOT_WRITTEN} == paths
    assert {writer.rpartition(" ")[0] for writer in WRITERS} | {"feed publish"} == {
        name for name, one in params if one.name == "overwrite"
    }


@pytest.mark.parametrize("command", WRITERS)
def test_a_file_that_is_there_is_replaced_only_when_that_is_said(
    write: Callable[..., str], tmp_path: Path, command: str
) -> None:
    file = tmp_path / "there.csv"
    file.write_bytes(OTHERS)

    said = write(command, file, code=1)

    assert f"Error: {file}: exists already; give --overwrite to replace it\n" == said
    assert OTHERS == file.read_bytes()
    write(command, file, "--overwrite")
    assert OTHERS != file.read_bytes()


@pytest.mark.parametrize("command", WRITERS)
@pytest.mark.parametrize(
    "make", [lambda file: file.symlink_to(file.parent / "thesis"), os.mkfifo], ids=["link", "pipe"]
)
def test_what_is_no_file_is_never_replaced(
    write: Callable[..., str], tmp_path: Path, command: str, make: Callable[[Path], None]
) -> None:
    """Run by root, `-o /dev/null` would take the device away from the whole machine."""
    thesis, file = tmp_path / "thesis", tmp_path / "there.csv"
    thesis.write_bytes(OTHERS)
    make(file)
    before = file.lstat()

    for args in ((), ("--overwrite",)):
        said = write(command, file, *args, code=1)
        assert f"Error: {file}: is a link, a directory or a device; name a file\n" == said

    assert (before.st_ino, before.st_mode) == (file.lstat().st_ino, file.lstat().st_mode)
    assert OTHERS == thesis.read_bytes()


def test_a_link_that_leads_nowhere_is_no_free_name(write: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "there.csv"
    file.symlink_to(tmp_path / "nowhere")

    write("export file", file, code=1)

    assert file.is_symlink()
    assert not (tmp_path / "nowhere").exists()


def test_a_directory_is_named_as_what_it_is(write: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()

    assert "is a link, a directory or a device; name a file" in write("export file", tmp_path / "there", code=1)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("no/where.csv", "No such file or directory"),
        ("guests.csv/below.csv", "Not a directory"),
        ("n" * 300, "File name too long"),
    ],
)
def test_a_place_where_nothing_can_be_written_is_told_in_a_line(
    write: Callable[..., str], tmp_path: Path, place: str, reason: str
) -> None:
    file = tmp_path / place

    assert f"Error: {file}: cannot be written: {reason}\n" == write("export file", file, code=1)


def test_rows_that_come_back_do_not_replace_the_list_they_came_in(write: Callable[..., str], tmp_path: Path) -> None:
    guests = tmp_path / "guests.csv"
    before = guests.read_bytes()

    assert "give --overwrite" in write("attendee import rejected", guests, code=1)

    assert before == guests.read_bytes()


def test_a_name_of_the_greatest_length_can_be_written(write: Callable[..., str], tmp_path: Path) -> None:
    write("export file", tmp_path / ("n" * 255))

    assert (tmp_path / ("n" * 255)).read_bytes()


# Writing


def test_a_file_that_came_while_a_command_worked_is_not_replaced_either(tmp_path: Path) -> None:
    file = tmp_path / "guests.csv"
    file.write_bytes(OTHERS)

    with pytest.raises(Conflict, match="give --overwrite"):
        write_file(file, b"new")

    assert OTHERS == file.read_bytes()


@pytest.mark.parametrize(("before", "after"), [(0o600, 0o600), (0o640, 0o640), (0o644, 0o640), (0o400, 0o600)])
def test_a_file_keeps_its_rights_when_it_is_replaced_but_those_of_every_user(
    tmp_path: Path, before: int, after: int
) -> None:
    file = tmp_path / "guests.csv"
    file.write_bytes(OTHERS)
    file.chmod(before)

    replace_file(file, b"new")

    assert (b"new", after) == (file.read_bytes(), stat.S_IMODE(file.stat().st_mode))


@pytest.mark.parametrize("command", WRITERS)
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_file_that_names_people_is_for_its_owner_alone_and_a_calendar_for_everybody(
    write: Callable[..., str], tmp_path: Path, command: str, umask: int
) -> None:
    before = os.umask(umask)
    try:
        write(command, tmp_path / "new.csv")
    finally:
        os.umask(before)

    mode = stat.S_IMODE((tmp_path / "new.csv").stat().st_mode)
    assert (0o644 if command.startswith("feed ") else 0o600) == mode


def test_where_the_disk_is_full_the_file_before_is_whole_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "programme.toml"
    file.write_bytes(OTHERS)

    with room_for(16), pytest.raises(Forbidden, match=r"programme\.toml: cannot be written: File too large"):
        write_file(file, b"longer than there is room for", overwrite=True)

    assert [file] == list(tmp_path.iterdir())
    assert OTHERS == file.read_bytes()

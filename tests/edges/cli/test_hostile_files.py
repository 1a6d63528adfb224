"""Whatever stands in a file, the command that reads it answers with its exit code and lines for people.

Play it longer with `pytest --hypothesis-profile long tests/edges/cli/test_hostile_files.py`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduler import sample
from scheduler.app import App
from scheduler.cli.kit.context import CommandContext
from scheduler.cli.kit.language import speak
from scheduler.cli.root import root
from scheduler.formats import sheets
from tests.support.builders import NOW, an_event, register
from tests.support.hostile import spoilt
from tests.support.instance import connect

pytestmark = pytest.mark.both_engines

RFC = Path(__file__).parents[2] / "rfc"
CALENDARS = [(RFC / f"{name}.ics").read_bytes() for name in ("foreign-assorted", "foreign-zones", "ceremony")]
SETTINGS = """language = "kk"
house = {en = "A", kk = "B"}
retention_days = "30"
trusted_proxies = "1"
base_url = "https://x.example"
mail_url = "smtp://x:25"
timezone = "Asia/Almaty"
"""
ROWS = [
    ["Full name", "E-mail", "Organisation", "Language", "Companions", "Telephone", "Role", "Standing"],
    ["Aigerim Sadykova", "aigerim@example.org", "Embassy", "kk", "2", "+7 701 123 4567", "speaker", "confirmed"],
    ["Ольга Петрова", "olga@example.org", "", "ru", "", "", "", ""],
]
PROGRAMME = "\n\n".join(sample.programme(NOW.date()).split("\n\n")[:14])


class Shell:
    """Runs commands on files, in a directory of its own."""

    def __init__(self, app: App, directory: Path) -> None:
        self.app, self.directory = app, directory
        self.environ = {
            "SCHEDULER_DATABASE_URL": app.settings.database_url,
            "SCHEDULER_DATA_DIR": str(app.settings.data_dir),
        }
        with app.db.write() as session:
            register(session, an_event(session))

    def read(self, content: bytes, name: str, *args: str) -> Result:
        """Run a command that reads a file with this content, which is the argument FILE."""
        file = self.directory / name
        file.write_bytes(content)
        context = CommandContext(clock=self.app.clock, connect=connect, environ=self.environ)
        if args[0] == "settings":
            context = CommandContext(file, self.app.clock, environ={"SCHEDULER_DATA_DIR": str(self.directory)})
            args = ("city", "list")
        return CliRunner().invoke(root, [str(file) if word == "FILE" else word for word in args], obj=context)


@pytest.fixture(scope="module")
def shell(shared_app: App, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    yield Shell(shared_app, tmp_path_factory.mktemp("files"))
    speak("en")


def expect_lines(result: Result) -> None:
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (0, 1, 2)
    assert "Traceback" not in result.output


@st.composite
def spoilt_spreadsheets(draw: st.DrawFn) -> bytes:
    """A spreadsheet one part of which was spoilt, left out or emptied."""
    good = zipfile.ZipFile(io.BytesIO(sheets.write_table(ROWS, name="x")))
    victim = draw(st.sampled_from(good.namelist()))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in good.namelist():
            content = good.read(name)
            if name == victim:
                other = st.sampled_from((b"", b"<a>" * 20_000, b"\0" * 1_000_000))
                content = draw(spoilt(content) | other)
            archive.writestr(name, content)
    return made.getvalue()


READERS = {
    "programme.toml": (("apply", "FILE", "--dry-run"), spoilt(PROGRAMME.encode())),
    "settings.toml": (("settings",), spoilt(SETTINGS.encode())),
    "guests.csv": (
        ("attendee", "import", "opening", "FILE", "--dry-run"),
        spoilt("\n".join(map(",".join, ROWS)).encode()),
    ),
    "guests.xlsx": (("attendee", "import", "opening", "FILE", "--dry-run"), spoilt_spreadsheets()),
    "broken.xlsx": (
        ("attendee", "import", "opening", "FILE", "--dry-run"),
        spoilt(sheets.write_table(ROWS, name="x")),
    ),
    "calendar.ics": (
        ("event", "import", "FILE", "--dry-run", "--from", "2000-01-01", "--until", "2010-12-31"),
        st.sampled_from(CALENDARS).flatmap(spoilt),
    ),
    "letter.txt": (
        ("message", "send", "opening", "--to", "everyone", "--subject", "x", "--text", "FILE", "--dry-run"),
        spoilt(b"Dear {name},\n\n{{ x }} {% if %} https://x.example\n"),
    ),
}


@settings(
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_no_file_makes_a_command_fail(shell: Shell, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(READERS)))
    args, contents = READERS[name]

    expect_lines(shell.read(data.draw(contents), name, *args))


@pytest.mark.parametrize("name", [name for name in READERS if not name.startswith(("settings", "broken"))])
@pytest.mark.parametrize("shared_app", ["sqlite"], indirect=True)
def test_a_file_that_is_not_spoilt_is_read(shell: Shell, name: str) -> None:
    good = {
        "programme.toml": PROGRAMME.encode(),
        "guests.csv": "\n".join(map(",".join, ROWS)).encode(),
        "guests.xlsx": sheets.write_table(ROWS, name="x"),
        "calendar.ics": CALENDARS[0],
        "letter.txt": b"Dear {name}",
    }

    result = shell.read(good[name], name, *READERS[name][0])

    assert 0 == result.exit_code, result.output

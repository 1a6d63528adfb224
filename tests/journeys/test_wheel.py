"""What is installed from the wheel works where there is no checkout, and a build needs no step by hand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import urllib3

import hatch_build
from tests.support.machine import HANG, free_port, until

ROOT = Path(__file__).parents[2]
NO_REGISTRY = {"npm_config_registry": "http://127.0.0.1:9/", "npm_config_fetch_retries": "0"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the checkout."""
    place = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", place, ROOT)
    return next(place.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The interpreter of an environment that has the wheel, and that nobody may write to."""
    environment = tmp_path_factory.mktemp("installed") / "empty"
    _run(sys.executable, "-m", "venv", "--without-pip", environment)
    site = next((environment / "lib").glob("python3*/site-packages"))
    _unpack(wheel, site)
    _run(environment / "bin" / "python", "-m", "compileall", "-q", site)  # as pip does
    _borrow_dependencies(site)
    _set_writable(site, False)
    yield environment / "bin" / "python"
    _set_writable(site, True)


def test_the_wheel_installed_into_an_empty_environment_plays_the_demo(python: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").symlink_to(python.parents[1])
    python = tmp_path / "empty" / "bin" / "python"

    output = _run_as_user(python, "-m", "scheduler", "demo", "--dir", tmp_path / "demo", cwd=tmp_path)

    lines = output.partition("\nTry next:\n")[2].splitlines()
    assert "    empty/bin/python -m scheduler --config demo/scheduler.toml letter list --limit 20" == lines[-1]
    assert "reminder" in _run_as_user("sh", "-c", lines[-1], cwd=tmp_path)
    assert 50 < len(list((tmp_path / "demo" / "letters").glob("*.eml")))
    assert 56 == len(list((tmp_path / "demo" / "calendars").glob("*.ics")))
    check = (python, "-m", "scheduler", "--config", tmp_path / "demo" / "scheduler.toml", "db", "check")
    assert _run_as_user(*check).startswith("The tables are in order")


def test_the_wheel_serves_prints_and_sends_letters_for_a_user_who_may_write_only_to_their_data(
    python: Path, tmp_path: Path
) -> None:
    settings = {"SCHEDULER_DATA_DIR": str(tmp_path / "data"), "SCHEDULER_MAIL_URL": f"file:{tmp_path / 'letters'}"}

    def scheduler(*words: object) -> str:
        return _run_as_user(python, "-m", "scheduler", *words, cwd=tmp_path, **settings)

    with pytest.raises(AssertionError, match="Permission denied"):
        _run_as_user(
            "touch", python.parents[1] / "lib" / python.resolve().name / "site-packages" / "scheduler" / "new"
        )
    assert scheduler("db", "upgrade").startswith("Tables: ")
    scheduler("event", "add", "gala", "--kind", "ceremony", "--title", "Gala", "--tz", "Asia/Bangkok", *AT)
    scheduler("attendee", "register", "gala", "--name", "Әлия", "--email", "aliya@example.org", "--language", "kk")
    scheduler("worker", "--once")
    scheduler("attendee", "badges", "gala", tmp_path / "badges.pdf")
    with _serving(python, tmp_path, settings) as get:
        page, feed = get("/kk/"), get("/feeds/all.th.ics")
        [style] = re.findall(r'href="(/static/[^"]+/look\.css)"', page.decode())
        [font, *_] = re.findall(rb"url\((fonts/[^)]+\.woff2)\)", get(style))

        assert b"Gala" in page
        assert "Бағдарлама".encode() in page
        assert b"SUMMARY:Gala" in feed
        assert get(f"{style.rpartition('/')[0]}/{font.decode()}").startswith(b"wOF2")
    [letter] = (tmp_path / "letters").glob("*-kk.eml")
    assert b"Content-Type: text/html" in letter.read_bytes()
    assert b"NotoSans" in (tmp_path / "badges.pdf").read_bytes()


AT = ("--start", "2 Feb 2099 10:00", "--duration", "2h")


def test_the_wheel_of_an_sdist_is_that_of_the_checkout_and_needs_no_registry(wheel: Path, tmp_path: Path) -> None:
    _run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", tmp_path, ROOT)
    shutil.unpack_archive(next(tmp_path.glob("*.tar.gz")), tmp_path, filter="data")
    unpacked = next(path for path in tmp_path.iterdir() if path.is_dir())

    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, unpacked, **NO_REGISTRY)

    inside = _list_files(next(tmp_path.glob("*.whl")))
    assert _list_files(wheel) == inside
    bundled = ROOT / hatch_build.BUNDLED
    expected = {str(file.relative_to(ROOT)) for file in bundled.rglob("*") if file.is_file()}
    assert expected == {name for name in inside if name.startswith(hatch_build.BUNDLED)}
    assert {f"{hatch_build.BUNDLED}/{file.target}" for file in hatch_build.BUNDLE} < inside.keys()
    assert {f"scheduler/migrations/versions/{file.name}" for file in MIGRATIONS.glob("*.py")} < inside.keys()


MIGRATIONS = ROOT / "migrations" / "versions"


def test_a_registry_that_cannot_be_reached_is_said_in_one_line(tmp_path: Path) -> None:
    for name in ("hatch_build.py", "package.json", "package-lock.json", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "scheduler").mkdir()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "--hooks-only"]

    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, **NO_REGISTRY, "npm_config_cache": str(tmp_path / "cache")},
        check=False,
    )

    assert 1 == done.returncode
    [line] = (done.stdout + done.stderr).splitlines()
    assert line.startswith("The npm registry cannot be reached (ECONNREFUSED)")
    assert not (tmp_path / hatch_build.BUNDLED).exists()


def _list_files(wheel: Path) -> dict[str, int]:
    """Return the files of a wheel with their checksums, without the list of them."""
    with zipfile.ZipFile(wheel) as archive:
        return {one.filename: one.CRC for one in archive.infolist() if not one.filename.endswith("/RECORD")}


@contextmanager
def _serving(python: Path, place: Path, settings: dict[str, str]) -> Iterator[Callable[[str], bytes]]:
    """Yield a function that gets a page of `scheduler serve`."""
    port = free_port()
    command = [*AS_USER, str(python), "-m", "scheduler", "serve", "--port", str(port)]
    environment = {**_environment(), **settings}
    with (place / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=place, env=environment, stdout=log, stderr=log)

    def get(path: str) -> bytes:
        answer = urllib3.request("GET", f"http://127.0.0.1:{port}{path}", retries=False, timeout=HANG)
        assert 200 == answer.status, (path, answer.status)
        return answer.data

    def is_up() -> bool:
        assert process.poll() is None, (place / "serve.log").read_text()
        with suppress(urllib3.exceptions.HTTPError):
            return bool(get("/healthz"))
        return False

    try:
        until(is_up)
        yield get
    finally:
        process.terminate()
        process.wait(HANG)


def _set_writable(directory: Path, writable: bool) -> None:
    for path in (directory, *directory.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o200 if writable else path.stat().st_mode & ~0o222)


def _unpack(wheel: Path, site: Path) -> None:
    """What pip does with a wheel of pure Python; pip itself may be absent and the network is."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)


def _borrow_dependencies(site: Path) -> None:
    """The dependencies of this environment, but not the checkout: its editable install is a .pth, and is not read."""
    import sqlalchemy

    ours = Path(sqlalchemy.__file__).parents[1]
    for entry in ours.iterdir():
        if not entry.name.endswith(".pth") and not entry.name.startswith(
            ("consular_scheduler", "scheduler", "calendars")
        ):
            (site / entry.name).symlink_to(entry)


# Root may write everywhere, unless it gives that right up; its files stay its own.
AS_USER = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()


def _run_as_user(*command: object, cwd: Path | None = None, **variables: str) -> str:
    """Run a command that may do what the rights of files allow, and no more."""
    return _run(*AS_USER, *command, cwd=cwd, **variables)


def _run(*command: object, cwd: Path | None = None, **variables: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**_environment(), **variables},
        check=False,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("SCHEDULER_", "PYTHONPATH"))}

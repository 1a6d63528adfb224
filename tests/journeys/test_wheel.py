"""What is installed from the wheel works where there is no checkout, and a build needs no step by hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import hatch_build

ROOT = Path(__file__).parents[2]
NO_REGISTRY = {"npm_config_registry": "http://127.0.0.1:9/", "npm_config_fetch_retries": "0"}


def test_the_wheel_installed_into_an_empty_environment_plays_the_demo(tmp_path: Path) -> None:
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path / "dist", ROOT)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    environment = tmp_path / "empty"
    _run(sys.executable, "-m", "venv", "--without-pip", environment)
    site = next((environment / "lib").glob("python3*/site-packages"))
    _unpack(wheel, site)
    _borrow_dependencies(site)

    output = _run(environment / "bin" / "python", "-m", "scheduler", "demo", "--dir", tmp_path / "demo", cwd=tmp_path)

    lines = output.partition("\nTry next:\n")[2].splitlines()
    assert "    empty/bin/python -m scheduler --config demo/scheduler.toml letter list --limit 20" == lines[-1]
    assert "reminder" in _run("sh", "-c", lines[-1], cwd=tmp_path)
    assert 50 < len(list((tmp_path / "demo" / "letters").glob("*.eml")))
    assert 56 == len(list((tmp_path / "demo" / "calendars").glob("*.ics")))
    assert _run(
        environment / "bin" / "python",
        "-m",
        "scheduler",
        "--config",
        tmp_path / "demo" / "scheduler.toml",
        "db",
        "check",
    ).startswith("The tables are in order")


def test_an_sdist_brings_what_others_wrote_and_its_wheel_has_all_of_it_without_the_registry(tmp_path: Path) -> None:
    _run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", tmp_path, ROOT)
    shutil.unpack_archive(next(tmp_path.glob("*.tar.gz")), tmp_path, filter="data")
    unpacked = next(path for path in tmp_path.iterdir() if path.is_dir())

    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, unpacked, **NO_REGISTRY)

    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        inside = {name for name in wheel.namelist() if name.startswith(hatch_build.BUNDLED)}
    bundled = ROOT / hatch_build.BUNDLED
    assert inside == {str(file.relative_to(ROOT)) for file in bundled.rglob("*") if file.is_file()}
    assert {f"{hatch_build.BUNDLED}/{file.target}" for file in hatch_build.BUNDLE} < inside


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


def _run(*command: object, cwd: Path | None = None, **variables: str) -> str:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SCHEDULER_", "PYTHONPATH"))}
    environment = {**kept, **variables}
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, cwd=cwd, env=environment, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout

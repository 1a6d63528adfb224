"""What is installed from the wheel works where there is no checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


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


def _unpack(wheel: Path, site: Path) -> None:
    """What pip does with a wheel of pure Python; pip itself may be absent and the network is."""
    import zipfile

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


def _run(*command: object, cwd: Path | None = None) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SCHEDULER_", "PYTHONPATH"))}
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, cwd=cwd, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

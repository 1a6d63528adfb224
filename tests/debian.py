"""What `make test` installs with apt where it may: its absence is a failure there; elsewhere tests are skipped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def one_of(package: str, *paths: str) -> str:
    """The first path that exists, for tests that cannot run without."""
    found = next((path for path in paths if Path(path).exists()), None)
    if found:
        return found
    if os.geteuid() == 0:
        pytest.fail(f"{package} is missing; make test installs it", pytrace=False)
    pytest.skip(f"needs the Debian package {package}")

"""What `make test` installs with apt where it may. Its absence is a failure: what is skipped is not proven."""

from __future__ import annotations

from pathlib import Path

import pytest


def one_of(package: str, *paths: str) -> str:
    """The first path that exists, for tests that cannot run without."""
    found = next((path for path in paths if Path(path).exists()), None)
    if found:
        return found
    pytest.fail(f"{package} is missing: apt-get install --no-install-recommends {package}", pytrace=False)

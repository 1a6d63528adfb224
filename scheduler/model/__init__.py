"""Mapped classes, and the rules about one aggregate. No queries over several, no clock, no commit.

Import a class from its module: mapping all tables costs a short command half of its time. Arrows point down: a module
imports every class that its own classes refer to. `import_all` is for code that needs every table.
"""

from __future__ import annotations

import importlib

MODULES = (
    "accounts",
    "arrivals",
    "attendance",
    "audit",
    "events",
    "feeds",
    "imports",
    "letters",
    "operations",
    "places",
    "posts",
    "visits",
)


def import_all() -> None:
    """Import every module, so that ``Base.metadata`` knows every table."""
    for module in MODULES:
        importlib.import_module(f"{__name__}.{module}")

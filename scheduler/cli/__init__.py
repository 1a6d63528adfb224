"""The command `scheduler NOUN VERB`. This module is the way in only: a noun is imported when it is used."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the installed command, and exit with its code."""
    from scheduler.cli.root import root

    sys.exit(root.main(prog_name="scheduler", standalone_mode=True))
